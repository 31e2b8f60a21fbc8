//! Where scanned codes come from: standard input, a file or FIFO that gives lines, or a serial scanner.
//!
//! A scan ends with CR or LF. What is scanned is erased as soon as its channel is recognised or refused.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use hispos_common::line::{Line, LineConfig, LineEvent};
use zeroize::Zeroizing;

/// A longer run without a line end is no scan.
const SCAN_BYTES_MAX: usize = 512;
/// A device that is not there is looked for this often.
const REOPEN_EVERY: Duration = Duration::from_millis(500);

/// Which scanner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ScannerConfig {
    /// Standard input.
    Stdin,
    /// A device, file or FIFO that gives lines.
    File(PathBuf),
    /// A serial scanner, which may be pulled and plugged.
    Serial {
        /// Its stable name.
        path: String,
        /// Bits per second.
        baud: u32,
    },
}

impl std::str::FromStr for ScannerConfig {
    type Err = String;

    /// Reads `stdin`, `serial:PORT[@BAUD]`, or a path.
    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "stdin" | "-") {
            return Ok(Self::Stdin);
        }
        let Some(port) = text.strip_prefix("serial:") else {
            return Ok(Self::File(PathBuf::from(text)));
        };
        let (path, baud) = port.rsplit_once('@').unwrap_or((port, "9600"));
        let baud = baud.parse().map_err(|_| format!("{baud} is no number of bits per second"))?;
        Ok(Self::Serial { path: path.to_owned(), baud })
    }
}

/// A scanner that is being read. Dropping it closes a serial one; the others end with the program.
#[derive(Debug)]
pub struct Scanner {
    _line: Option<Line>,
}

impl Scanner {
    /// Reads a scanner; `tell` gets each scan, and returns `false` to end.
    ///
    /// # Errors
    ///
    /// What the system says at once; a scanner that is not there is no error: it may come.
    pub fn start(
        config: &ScannerConfig,
        mut tell: impl FnMut(Zeroizing<String>) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let mut scans = Scans::default();
        match config.clone() {
            ScannerConfig::Serial { path, baud } => {
                let line = Line::start(&LineConfig::Serial { path, baud }, move |event| match event {
                    LineEvent::Bytes { bytes, .. } => {
                        scans.take(&Zeroizing::new(bytes)).into_iter().all(&mut tell)
                    }
                    _ => {
                        scans.forget();
                        true
                    }
                })?;
                return Ok(Self { _line: Some(line) });
            }
            ScannerConfig::Stdin => spawn(move || {
                read_all(&mut io::stdin().lock(), &mut scans, &mut tell);
            })?,
            ScannerConfig::File(path) => spawn(move || {
                loop {
                    if let Ok(mut file) = File::open(&path)
                        && !read_all(&mut file, &mut scans, &mut tell)
                    {
                        return;
                    }
                    scans.forget();
                    std::thread::sleep(REOPEN_EVERY);
                }
            })?,
        }
        Ok(Self { _line: None })
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("scanner".into()).spawn(run).map(drop)
}

/// Reads until the end; `false` if nobody listens any more.
fn read_all(
    source: &mut dyn Read,
    scans: &mut Scans,
    tell: &mut dyn FnMut(Zeroizing<String>) -> bool,
) -> bool {
    let mut buffer = Zeroizing::new([0; 256]);
    loop {
        match source.read(&mut *buffer) {
            Ok(0) => return true,
            Ok(count) => {
                if !scans.take(buffer.get(..count).unwrap_or_default()).into_iter().all(&mut *tell) {
                    return false;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return true,
        }
    }
}

/// Cuts bytes into scans.
#[derive(Default)]
struct Scans {
    bytes: Zeroizing<Vec<u8>>,
    too_long: bool,
}

impl Scans {
    fn take(&mut self, bytes: &[u8]) -> Vec<Zeroizing<String>> {
        let mut scans = Vec::new();
        for byte in bytes {
            match byte {
                //= spec-crate/spec/payment.md#payment-codes
                //# A POS MUST take a scan as ended by CR or LF, and drop a run of more than 512 bytes without
                //# one.
                b'\r' | b'\n' => {
                    let scan = Zeroizing::new(String::from_utf8_lossy(&self.bytes).into_owned());
                    if !scan.trim().is_empty() && !self.too_long {
                        scans.push(scan);
                    }
                    self.forget();
                }
                _ if self.bytes.len() < SCAN_BYTES_MAX => self.bytes.push(*byte),
                _ => self.too_long = true,
            }
        }
        scans
    }

    //= spec-crate/spec/privacy.md#payment-codes
    //# A POS MUST NOT keep any part of a scanned text that was not taken as a payment code, such as an
    //# insurance code.
    /// What began before the scanner went away is no scan.
    fn forget(&mut self) {
        self.bytes = Zeroizing::new(Vec::with_capacity(SCAN_BYTES_MAX));
        self.too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{Scanner, ScannerConfig, Scans};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST take a scan as ended by CR or LF, and drop a run of more than 512 bytes without one.
    #[test]
    fn a_scan_ends_with_any_line_end_and_may_come_in_pieces() {
        let mut scans = Scans::default();
        let mut got = Vec::new();
        for piece in [&b"13"[..], b"45\r\n28", b"\n\r\n\n", b"99"] {
            got.extend(scans.take(piece).into_iter().map(|scan| scan.to_string()));
        }
        assert_eq!(got, ["1345", "28"]);
    }

    //= spec-crate/spec/payment.md#payment-codes
    //= type=test
    //# A POS MUST take a scan as ended by CR or LF, and drop a run of more than 512 bytes without one.
    #[test]
    fn a_run_without_end_takes_no_more_memory_than_a_scan_and_is_none() {
        let mut scans = Scans::default();
        assert!(scans.take(&[b'1'; 100_000]).is_empty());
        assert_eq!(scans.bytes.len(), 512);
        assert!(scans.take(b"\n").is_empty());
        // Not even if it begins like a code.
        let padded = [b"134567890123456789".as_slice(), &[b' '; 500], b"\n"].concat();
        assert!(scans.take(&padded).is_empty());
        assert_eq!(scans.take(&padded[..512]).len() + scans.take(b"\n").len(), 1, "512 bytes are a scan");
    }

    #[test]
    fn a_scanner_is_named_by_a_word_or_a_path() {
        let read = |text: &str| text.parse::<ScannerConfig>();
        assert_eq!(read("stdin"), Ok(ScannerConfig::Stdin));
        assert_eq!(read("/dev/scanner"), Ok(ScannerConfig::File("/dev/scanner".into())));
        assert_eq!(read("serial:COM4"), Ok(ScannerConfig::Serial { path: "COM4".into(), baud: 9600 }));
        assert!(read("serial:COM4@fast").is_err());
    }

    #[test]
    fn a_file_is_read_again_when_it_has_come() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("scans");
        let (sender, scans) = channel();
        let config = ScannerConfig::File(path.clone());
        let _scanner = Scanner::start(&config, move |scan| sender.send(scan).is_ok()).unwrap();
        std::fs::write(home.path().join("new"), "134567890123456789\r\n").unwrap();
        std::fs::rename(home.path().join("new"), path).unwrap();
        let scan = scans.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!(scan.as_str(), "134567890123456789");
    }
}
