//! Two organisations, a site and a terminal's home, made with the program's own commands.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hispos::crypto::Secret;
use hispos::ids::{DeviceId, SiteCode, SiteId, TerminalId};
use hispos::message::agreement::{Account, Agreement, AmountLimits, BusinessDay, Terms, Timers};
use hispos::message::manifest::{Device, Entry, Manifest, Terminal};
use hispos::message::signed_file::{FileKind, OrganisationKey, SignedFile};
use hispos::time::UnixSeconds;
use hispos_common::request::KeyRequest;
use serde_json::Value;
use tempfile::TempDir;

use crate::bank::Bank;

const PATIENCE: Duration = Duration::from_secs(60);
const FROM: UnixSeconds = UnixSeconds(1_750_000_000);
const UNTIL: UnixSeconds = UnixSeconds(2_000_000_000);

pub(crate) fn his_seed() -> Secret<32> {
    Secret::new([1; 32])
}

pub(crate) fn pos_seed() -> Secret<32> {
    Secret::new([2; 32])
}

pub(crate) fn terminal_seed() -> Secret<32> {
    Secret::new([3; 32])
}

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) bank: Bank,
}

/// Durations of a simulated site: seconds where production has minutes.
fn timers() -> Timers {
    Timers {
        start: 20_000,
        act: 20_000,
        drift: 1000,
        poll_wechat: 6000,
        poll_alipay: 6000,
        reverse_min: 1000,
        fence: 1500,
        quiet: 13_500,
        query: 500,
        absence_gap: 500,
        ..Timers::USUAL
    }
}

pub(crate) fn agreement(number: u32, simulated: bool) -> Agreement {
    let account = |id: &str| Some(Account { id: id.into(), sub_id: None });
    Agreement::encode(&Terms {
        agreement_no: number,
        site_id: SiteId::try_from("hospital-1").unwrap(),
        site_code: SiteCode::try_from(if simulated { "SIM1" } else { "HOS1" }).unwrap(),
        versions: vec![1],
        suites: vec![1],
        his_organisation: OrganisationKey::of(&his_seed()),
        pos_organisation: OrganisationKey::of(&pos_seed()),
        amounts: AmountLimits { collect_max: 1_000_000, refund_max: 1_000_000, refund_day_max: 1_000_000 },
        timers: if simulated { timers() } else { Timers::USUAL },
        business_day: BusinessDay { utc_offset_minutes: 480, cut_minutes: 0 },
        wechat: account("1900000001"),
        alipay: account("2021000001"),
        simulated,
    })
    .unwrap()
}

pub(crate) fn signed(kind: FileKind, payload: &[u8], seeds: &[Secret<32>]) -> Vec<u8> {
    let mut file = SignedFile::create(kind, payload.to_vec()).unwrap();
    seeds.iter().for_each(|seed| file.sign(seed).unwrap());
    file.encode()
}

pub(crate) fn terminals(serial: u32) -> Manifest<Terminal> {
    let entry = Entry {
        id: TerminalId::try_from("HIS-1").unwrap(),
        name: "收费1号窗".into(),
        public_key: hispos::crypto::ed25519_public(&terminal_seed()),
        valid_from: FROM,
        valid_until: UNTIL,
        revocation: None,
    };
    Manifest::encode(serial, &SiteId::try_from("hospital-1").unwrap(), vec![entry]).unwrap()
}

impl World {
    /// A terminal that has done nothing yet.
    pub(crate) fn new() -> Self {
        let world = Self { dir: tempfile::tempdir().unwrap(), bank: Bank::open() };
        world.bank.write_credentials(&world.path("merchants.json"));
        world
    }

    /// A terminal that is ready to serve.
    pub(crate) fn provisioned() -> Self {
        let world = Self::new();
        world.ok(&["device", "init", "--id", "POS-1", "--serial-no", "SN1"]);
        world.import_agreement(1, true);
        world.write(
            "windows.hispos",
            &signed(FileKind::TerminalManifest, terminals(1).payload(), &[his_seed()]),
        );
        world.ok(&["terminals", "import", &world.text("windows.hispos")]);
        world
    }

    pub(crate) fn import_agreement(&self, number: u32, simulated: bool) {
        let file =
            signed(FileKind::Agreement, agreement(number, simulated).payload(), &[his_seed(), pos_seed()]);
        self.write("link.hispos", &file);
        let [his, pos] = [his_seed(), pos_seed()].map(|seed| OrganisationKey::of(&seed).fingerprint());
        let arguments = ["agreement", "import", &self.text("link.hispos"), "--his-organisation", &his];
        self.ok(&[&arguments[..], &["--pos-organisation", &pos]].concat());
    }

    /// The manifest that the terminal company makes of the terminal's own request.
    pub(crate) fn devices(&self) -> Manifest<Device> {
        self.ok(&["device", "request", "--out", &self.text("request.json")]);
        let request = KeyRequest::read(&self.path("request.json")).unwrap();
        let entry = Entry {
            id: DeviceId::try_from(request.id.as_str()).unwrap(),
            name: request.name.clone(),
            public_key: request.key().unwrap(),
            valid_from: FROM,
            valid_until: UNTIL,
            revocation: None,
        };
        Manifest::encode(1, &SiteId::try_from("hospital-1").unwrap(), vec![entry]).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hispos-pos"));
        command.args(["--json", "--lang", "en", "--home"]).arg(self.home()).args(arguments);
        command
    }

    /// Runs a command; its exit code and the last object that it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, Value) {
        let Output { status, stdout, stderr } = self.program(arguments).output().unwrap();
        let printed = String::from_utf8(stdout).unwrap();
        let last = printed.lines().last().map(|line| serde_json::from_str(line).unwrap());
        let stderr = String::from_utf8_lossy(&stderr);
        assert!(!stderr.contains("panicked"), "{stderr}");
        (status.code().unwrap(), last.unwrap_or_else(|| Value::String(stderr.into_owned())))
    }

    pub(crate) fn ok(&self, arguments: &[&str]) -> Value {
        let (code, object) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {object}");
        object
    }

    /// Starts `serve` and waits until it is ready.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Serving {
        let credentials = self.text("merchants.json");
        let all = [&["serve", "--credentials", &credentials], arguments].concat();
        let mut child = self.program(&all).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in lines {
                let Ok(line) = line else { return };
                drop(sender.send(serde_json::from_str(&line).unwrap()));
            }
        });
        let stdin = child.stdin.take();
        let serving = Serving { child, stdin, events };
        assert_eq!(serving.wait("ready")["simulated"], true);
        serving
    }
}

/// A running terminal. Killed when dropped.
pub(crate) struct Serving {
    child: Child,
    pub(crate) stdin: Option<ChildStdin>,
    events: Receiver<Value>,
}

impl Serving {
    /// The next event of this name; others are passed over.
    pub(crate) fn wait(&self, name: &str) -> Value {
        loop {
            let event = self.events.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no event {name}"));
            if event["event"] == name {
                return event;
            }
        }
    }

    /// As by `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the terminal to end by itself.
    pub(crate) fn exit_code(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }

    /// As by `kill`; the exit code.
    #[cfg(unix)]
    pub(crate) fn stop(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(&pid).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every byte that the terminal left in its home, but its own key.
pub(crate) fn everything_written(home: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything_written(&path));
        } else if path.extension().is_none_or(|extension| extension != "key") {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}
