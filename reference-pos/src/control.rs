//! How commands reach the running program: one JSON line each way on a loopback connection.
//!
//! `control.json` in the home directory, readable by its owner only, holds the address and a token that is drawn at
//! every start; without it nobody on the machine can scan a code or read the status.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hispos::crypto::Entropy;
use hispos::crypto::hash::equal;
use hispos_common::entropy::OsEntropy;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

/// The longest line.
const LINE_BYTES_MAX: u64 = 4096;
/// How long each end waits for the other.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a command asks the running program for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Ask {
    /// What it is doing.
    Status,
    /// Take a code as scanned.
    Scan {
        /// The code.
        code: Code,
    },
    /// Read agreements and terminals again.
    Reload,
}

/// A code on its way: erased when dropped, never printed.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Code(String);

impl Code {
    /// Takes a code over.
    #[must_use]
    pub fn new(code: String) -> Self {
        Self(code)
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        //= spec-crate/spec/privacy.md#payment-codes
        //# A POS MUST NOT write a payment code to a disk, a log, a core dump, an error text, a display or the
        //# link.
        f.write_str("Code(..)")
    }
}

#[derive(Deserialize, Serialize)]
struct Door {
    address: SocketAddr,
    token: String,
}

#[derive(Deserialize, Serialize)]
struct Request {
    token: String,
    #[serde(flatten)]
    ask: Ask,
}

/// The door of a running program. Dropping it removes the file.
#[derive(Debug)]
pub struct Control {
    file: PathBuf,
}

impl Control {
    /// Opens the door. `answer` is called for one request after the other, on a thread of its own.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open(file: &Path, answer: impl Fn(Ask) -> Value + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let mut token = [0; 32];
        OsEntropy.fill(&mut token);
        let hex = token.iter().map(|byte| format!("{byte:02x}")).collect();
        let door = Door { address: listener.local_addr()?, token: hex };
        write_owner_only(file, serde_json::to_string(&door)?.as_bytes())?;
        std::thread::Builder::new().name("control".into()).spawn(move || {
            for stream in listener.incoming().flatten() {
                // One at a time, each with a bound on its time: a command that hangs stops no other for long.
                drop(serve(&stream, &door.token, &answer));
            }
        })?;
        Ok(Self { file: file.to_owned() })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.file));
    }
}

fn serve(stream: &TcpStream, token: &str, answer: &impl Fn(Ask) -> Value) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let line = read_line(stream)?;
    let request: Request = serde_json::from_str(&line)?;
    if same(&request.token, token) {
        write_line(stream, &answer(request.ask).to_string())?;
    }
    Ok(())
}

/// Why the running program gave no answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ControlError {
    /// It is not running, or not from this home: nothing was asked.
    NotRunning,
    /// It was asked, and the answer did not come: what was asked may have been done.
    NoAnswer,
}

/// Asks the running program.
///
/// # Errors
///
/// [`ControlError`].
pub fn ask(file: &Path, ask: Ask) -> Result<Value, ControlError> {
    let not_running = |_| ControlError::NotRunning;
    let text = std::fs::read_to_string(file).map_err(not_running)?;
    let door: Door = serde_json::from_str(&text).map_err(|_| ControlError::NotRunning)?;
    let stream = TcpStream::connect_timeout(&door.address, PATIENCE).map_err(not_running)?;
    let timeouts = stream.set_read_timeout(Some(PATIENCE)).and(stream.set_write_timeout(Some(PATIENCE)));
    timeouts.map_err(not_running)?;
    let request = Request { token: door.token, ask };
    let line = serde_json::to_string(&request).map(Zeroizing::new).map_err(|_| ControlError::NotRunning)?;
    write_line(&stream, &line).map_err(|_| ControlError::NoAnswer)?;
    let answer = read_line(&stream).map_err(|_| ControlError::NoAnswer)?;
    serde_json::from_str(&answer).map_err(|_| ControlError::NoAnswer)
}

fn read_line(stream: &TcpStream) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    BufReader::new(stream).take(LINE_BYTES_MAX).read_line(&mut line)?;
    if line.ends_with('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn write_line(mut stream: &TcpStream, line: &str) -> io::Result<()> {
    stream.write_all(line.as_bytes())?;
    stream.write_all(b"\n")
}

/// Compares in constant time.
fn same(told: &str, token: &str) -> bool {
    let key = [0; 32];
    let digest = |text: &str| hispos::crypto::hash::hmac_sha256(&key, &[text.as_bytes()]);
    equal(&digest(told), &digest(token))
}

fn write_owner_only(file: &Path, bytes: &[u8]) -> io::Result<()> {
    // A file left by a program that was killed.
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Ask, Code, Control, ControlError, ask};
    use serde_json::json;

    #[test]
    fn a_command_is_answered_by_the_program_whose_token_it_has() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("control.json");
        assert_eq!(ask(&file, Ask::Status), Err(ControlError::NotRunning));
        let control = Control::open(&file, |ask| json!({ "asked": format!("{ask:?}") })).unwrap();
        assert_eq!(ask(&file, Ask::Status), Ok(json!({ "asked": "Status" })));
        let code = Code::new("134567890123456789".into());
        assert_eq!(ask(&file, Ask::Scan { code }), Ok(json!({ "asked": "Scan { code: Code(..) }" })));

        let door = std::fs::read_to_string(&file).unwrap();
        let (head, token) = door.split_once("\"token\":\"").unwrap();
        let other = if token.starts_with('0') { "1" } else { "0" };
        std::fs::write(&file, format!("{head}\"token\":\"{other}{}", &token[1..])).unwrap();
        assert_eq!(ask(&file, Ask::Status), Err(ControlError::NoAnswer));
        drop(control);
        assert_eq!(ask(&file, Ask::Status), Err(ControlError::NotRunning));
    }

    #[test]
    #[cfg(unix)]
    fn the_token_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("control.json");
        std::fs::write(&file, "old").unwrap();
        let _control = Control::open(&file, |_| json!(null)).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
