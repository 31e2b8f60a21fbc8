//! A site that is set up by commands alone, and its server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use hispos_common::entropy::OsEntropy;
use hispos_common::keys;
use hispos_common::request::{KeyKind, KeyRequest};
use serde_json::{Value, json};

/// A site with one window `W1` and one device `D1`.
pub(crate) struct Site {
    pub(crate) directory: tempfile::TempDir,
}

/// How a command ended, and its last line.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) last: Value,
    pub(crate) lines: Vec<Value>,
}

impl Site {
    /// Nothing is set up yet.
    pub(crate) fn empty() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// Agreement, manifests and the binding to a line are there.
    pub(crate) fn set_up(line: &str) -> Self {
        let site = Self::empty();
        for organisation in ["hospital", "pos"] {
            site.done(&["org", "init", &site.path(organisation), "--name", organisation]);
        }
        site.agree(1);
        site.import_first_agreement();
        site.done(&["terminal", "init", "W1"]);
        site.done(&[
            "terminal",
            "request",
            "W1",
            "--window-name",
            "Window 1",
            "--out",
            &site.path("w1.json"),
        ]);
        let terminals = site.path("terminals.hispos");
        site.done(&[
            "manifest",
            "terminals",
            "--site",
            "SITE",
            "--add",
            &site.path("w1.json"),
            "--out",
            &terminals,
        ]);
        site.done(&["org", "sign", &terminals, "--org", &site.path("hospital")]);
        let seed = keys::create(&site.file("device.key"), &mut OsEntropy).unwrap();
        let key = hispos::crypto::ed25519_public(&seed);
        KeyRequest::new(KeyKind::Device, "D1", "SN-1", &key).write(&site.file("d1.json")).unwrap();
        let devices = site.path("devices.hispos");
        site.done(&[
            "manifest",
            "devices",
            "--site",
            "SITE",
            "--add",
            &site.path("d1.json"),
            "--out",
            &devices,
        ]);
        site.done(&["org", "sign", &devices, "--org", &site.path("pos")]);
        site.done(&["devices", "import", &devices]);
        site.done(&["devices", "bind", "D1", "--terminal", "W1", "--line", line]);
        site
    }

    /// Makes an agreement of this number and has both organisations sign it.
    pub(crate) fn agree(&self, number: u32) -> String {
        self.agree_with(number, "pos")
    }

    /// Makes an agreement with this organisation of the POS company.
    pub(crate) fn agree_with(&self, number: u32, pos: &str) -> String {
        let key = |organisation: &str| {
            let text = std::fs::read(self.file(organisation).join("organisation.json")).unwrap();
            serde_json::from_slice::<Value>(&text).unwrap()["public_key"].clone()
        };
        let described = json!({
            "agreement_no": number, "site_id": "SITE", "site_code": "SIM1", "simulated": true,
            "his_organisation_key": key("hospital"), "pos_organisation_key": key(pos),
            "amounts": {"collect_max_fen": 1_000_000, "refund_max_fen": 1_000_000, "refund_day_max_fen": 5_000_000},
            "wechat": {"id": "1900000001"}, "alipay": {"id": "2021000001"},
        });
        std::fs::write(self.file("agreement.json"), described.to_string()).unwrap();
        let file = self.path(&format!("agreement-{number}.hispos"));
        self.done(&["agreement", "new", "--from", &self.path("agreement.json"), "--out", &file]);
        self.done(&["org", "sign", &file, "--org", &self.path("hospital")]);
        self.done(&["org", "sign", &file, "--org", &self.path(pos)]);
        file
    }

    pub(crate) fn import_first_agreement(&self) {
        let (hospital, pos) = (self.fingerprint("hospital"), self.fingerprint("pos"));
        let file = self.path("agreement-1.hispos");
        self.done(&[
            "agreement",
            "import",
            &file,
            "--his-organisation",
            &hospital,
            "--pos-organisation",
            &pos,
        ]);
    }

    pub(crate) fn fingerprint(&self, organisation: &str) -> String {
        let text = std::fs::read(self.file(organisation).join("organisation.json")).unwrap();
        serde_json::from_slice::<Value>(&text).unwrap()["fingerprint"].as_str().unwrap().to_owned()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.file(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.file("home")
    }

    /// Runs a command that has to be done.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {ended:?}");
        ended
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = command(&self.home()).args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?} is not JSON: {arguments:?}"))
            })
            .collect();
        Ended { code: output.status.code().unwrap(), last: lines.last().cloned().unwrap_or_default(), lines }
    }

    /// Runs a command whose answer is for people, for its exit code.
    pub(crate) fn run_plain(&self, arguments: &[&str]) -> i32 {
        command(&self.home()).args(arguments).stdin(Stdio::null()).output().unwrap().status.code().unwrap()
    }

    /// Starts a command that goes on.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        let mut command = command(&self.home());
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Starts the server on a free port, and waits until it serves.
    pub(crate) fn serve(&self) -> Server {
        let mut child = command(&self.home())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let told: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("the server did not start: {line:?}"));
        let token = std::fs::read_to_string(self.home().join("token")).unwrap();
        Server { child, stdout, address: told["address"].as_str().unwrap().to_owned(), token }
    }
}

fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hispos-his"));
    command.arg("--json").arg("--home").arg(home).env_remove("HISPOS_HIS_HOME");
    command
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: String,
    pub(crate) token: String,
}

impl Server {
    /// One request as bytes, for what a client would never send.
    pub(crate) fn raw(&self, head: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("{head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    /// Listens to events, behind one that was seen.
    pub(crate) fn listen(&self, seen: Option<&str>) -> Listener {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let place = seen.map(|seen| format!("Last-Event-ID: {seen}\r\n")).unwrap_or_default();
        let request = format!(
            "GET /events HTTP/1.0\r\nHost: {}\r\nAuthorization: Bearer {}\r\n{place}\r\n",
            self.address, self.token
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream);
        // The answer's head has come when the server listens for us.
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap() > 2 {
            line.clear();
        }
        Listener { lines }
    }

    /// A request as it should be.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json",
            self.address, self.token
        );
        self.raw(&head, &body.to_string())
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it stops by itself: its exit code, and the last that it said.
    pub(crate) fn ended(mut self) -> (i32, Value) {
        let mut text = String::new();
        self.stdout.read_to_string(&mut text).unwrap();
        let last = text.lines().last().map(|line| serde_json::from_str(line).unwrap());
        (self.child.wait().unwrap().code().unwrap(), last.unwrap_or_default())
    }

    /// Tells it to stop, and waits for its exit code.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) -> i32 {
        let kill = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a listener is told.
pub(crate) struct Listener {
    lines: BufReader<TcpStream>,
}

impl Listener {
    /// The next event: its place and what it says.
    pub(crate) fn next(&mut self) -> (String, Value) {
        let (mut place, mut said) = (String::new(), Value::Null);
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the server ended the stream");
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => place = id.to_owned(),
                Some(("data", data)) => said = serde_json::from_str(data).unwrap(),
                _ if line.trim_end().is_empty() && !said.is_null() => return (place, said),
                _ => {}
            }
        }
    }

    /// The next event about a collection or refund.
    pub(crate) fn next_task(&mut self) -> (String, Value) {
        loop {
            let (place, said) = self.next();
            if said["event"] == "task" {
                return (place, said);
            }
        }
    }
}
