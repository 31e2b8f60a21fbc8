//! The site: one server, many windows with a terminal each, one platform; all made by the programs' own commands.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};

use super::Told;
use super::programs::{Binaries, Program, run};

const SITE: &str = "hospital-1";
const WECHAT: &str = "1900000001";
const ALIPAY: (&str, &str) = ("2021000000000001", "2088000000000001");
/// Terminals that are made at one time.
const AT_ONCE: usize = 4;
/// Terminals of one platform process: it has few places for connections, and what is measured is not the platform.
const LINKS_PER_PLATFORM: usize = 16;

/// Where everything of one run is, and with which programs it is made.
pub(crate) struct Site {
    pub(crate) binaries: Binaries,
    root: PathBuf,
    banks: PathBuf,
    links: usize,
}

/// Everything that runs.
pub(crate) struct Running {
    pub(crate) his: Program,
    pub(crate) terminals: Vec<Program>,
    pub(crate) platforms: Vec<Program>,
}

impl Site {
    /// `banks` is where the platforms' directories are made.
    pub(crate) fn new(binaries: Binaries, root: &Path, banks: &Path, links: usize) -> Self {
        Self { binaries, root: root.to_owned(), banks: banks.to_owned(), links }
    }

    fn text(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.root.join("his").join("ledger.db")
    }

    /// A terminal's journal.
    pub(crate) fn journal(&self, number: usize) -> PathBuf {
        self.root.join(format!("pos-{number}")).join("journal.db")
    }

    pub(crate) fn bank(&self, number: usize) -> PathBuf {
        self.banks.join(format!("bank-{number}"))
    }

    /// The platforms' books.
    pub(crate) fn bank_books(&self) -> Vec<PathBuf> {
        (0..self.links.div_ceil(LINKS_PER_PLATFORM))
            .map(|number| self.bank(number).join("platform.sqlite"))
            .collect()
    }

    /// A file of the server's home.
    pub(crate) fn his_file(&self, name: &str) -> Told<String> {
        let path = self.root.join("his").join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(crate) fn his(&self, arguments: &[&str]) -> Told<Value> {
        let home = self.text("his");
        run(&self.binaries.his, &[&["--home", &home, "--json"], arguments].concat())
    }

    fn pos(&self, number: usize, arguments: &[&str]) -> Told<Value> {
        let home = self.text(&format!("pos-{number}"));
        run(&self.binaries.pos, &[&["--home", &home, "--json"], arguments].concat())
    }

    /// Makes keys, agreement, manifests, and imports them at both ends.
    pub(crate) fn provision(&self) -> Told<()> {
        let (hospital, company, link) =
            (self.text("hospital"), self.text("company"), self.text("link.hispos"));
        let organisation = |directory: &str, name: &str| -> Told<(String, String)> {
            let made = self.his(&["org", "init", directory, "--name", name])?["organisation"].take();
            let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
            Ok((text("public_key"), text("fingerprint")))
        };
        let (his_key, his_print) = organisation(&hospital, "Hospital")?;
        let (pos_key, pos_print) = organisation(&company, "Company")?;
        let terms = self.text("agreement.json");
        std::fs::write(&terms, terms_text(&his_key, &pos_key)).map_err(|error| error.to_string())?;
        self.his(&["agreement", "new", "--from", &terms, "--out", &link])?;
        self.his(&["org", "sign", &link, "--org", &hospital])?;
        self.his(&["org", "sign", &link, "--org", &company])?;
        let import = [
            "agreement",
            "import",
            &link,
            "--his-organisation",
            &his_print,
            "--pos-organisation",
            &pos_print,
        ];
        self.his(&import)?;
        self.each(|number| {
            let request = self.text(&format!("device-{number}.json"));
            self.pos(
                number,
                &["device", "init", "--id", &device(number), "--serial-no", &format!("SN-{number:06}")],
            )?;
            self.pos(number, &["device", "request", "--out", &request])?;
            self.pos(number, &import)?;
            let request = self.text(&format!("window-{number}.json"));
            self.his(&["terminal", "init", &window(number)])?;
            let name = format!("Window {number}");
            self.his(&["terminal", "request", &window(number), "--window-name", &name, "--out", &request])
                .map(drop)
        })?;
        let devices = self.manifest("devices", "device", &company)?;
        self.his(&["devices", "import", &devices])?;
        let terminals = self.manifest("terminals", "window", &hospital)?;
        self.each(|number| self.pos(number, &["terminals", "import", &terminals]).map(drop))?;
        let (wechat, alipay) = (format!("wechat:{WECHAT}"), format!("alipay:{}:{}", ALIPAY.0, ALIPAY.1));
        for number in 0..self.bank_books().len() {
            let bank = self.bank(number).display().to_string();
            run(
                &self.binaries.platform,
                &["init", "--dir", &bank, "--merchant", &wechat, "--merchant", &alipay],
            )?;
        }
        Ok(())
    }

    /// A signed manifest of everything that was requested.
    fn manifest(&self, kind: &str, request: &str, organisation: &str) -> Told<String> {
        let out = self.text(&format!("{kind}.hispos"));
        let requests: Vec<String> =
            (0..self.links).map(|number| self.text(&format!("{request}-{number}.json"))).collect();
        let mut arguments = vec!["manifest", kind, "--site", SITE, "--out", &out];
        for request in &requests {
            arguments.extend(["--add", request.as_str()]);
        }
        self.his(&arguments)?;
        self.his(&["org", "sign", &out, "--org", organisation])?;
        Ok(out)
    }

    /// Does something for each link, some at a time.
    fn each(&self, act: impl Fn(usize) -> Told<()> + Sync) -> Told<()> {
        let (next, failed) = (Mutex::new(0..self.links), Mutex::new(None));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let Some(number) = next.lock().ok().and_then(|mut next| next.next()) else { return };
                        if let (Err(why), Ok(mut failed)) = (act(number), failed.lock()) {
                            *failed = Some(why);
                            return;
                        }
                    }
                });
            }
        });
        failed.into_inner().ok().flatten().map_or(Ok(()), Err)
    }

    /// Starts the platforms, every terminal, and the server that calls them.
    pub(crate) fn start(&self) -> Told<Running> {
        let (mut platforms, mut urls) = (Vec::new(), Vec::new());
        for number in 0..self.bank_books().len() {
            let bank = self.bank(number).display().to_string();
            let mut platform =
                Program::start("a platform", &self.binaries.platform, &["serve", "--dir", &bank])?;
            urls.push((
                self.bank(number).join("credentials.json").display().to_string(),
                platform.wait_for("url")?,
            ));
            platforms.push(platform);
        }
        let mut terminals = Vec::new();
        for number in 0..self.links {
            let home = self.text(&format!("pos-{number}"));
            let (credentials, url) = &urls[number / LINKS_PER_PLATFORM];
            let serve = ["--home", &home, "--json", "serve", "--listen", "127.0.0.1:0", "--scanner", "stdin"];
            let asked = ["--credentials", credentials, "--platform", url];
            terminals.push(Program::start(
                &device(number),
                &self.binaries.pos,
                &[&serve[..], &asked[..]].concat(),
            )?);
        }
        for (number, pos) in terminals.iter_mut().enumerate() {
            let line = format!("dial:{}", pos.wait_for("line")?);
            self.his(&["devices", "bind", &device(number), "--terminal", &window(number), "--line", &line])?;
        }
        Ok(Running { his: self.start_his()?, terminals, platforms })
    }

    /// Starts the server.
    pub(crate) fn start_his(&self) -> Told<Program> {
        let home = self.text("his");
        let serve = ["--home", &home, "--json", "serve", "--listen", "127.0.0.1:0"];
        let mut his = Program::start("the server", &self.binaries.his, &serve)?;
        his.wait_for("address")?;
        Ok(his)
    }
}

/// A terminal's device.
pub(crate) fn device(number: usize) -> String {
    format!("POS-{number:04}")
}

/// The window that it stands at.
pub(crate) fn window(number: usize) -> String {
    format!("HIS-W{number:03}")
}

/// The agreement of a simulated site.
fn terms_text(his_key: &str, pos_key: &str) -> String {
    let terms = json!({
        "agreement_no": 1, "site_id": SITE, "site_code": "SIM1", "simulated": true,
        "his_organisation_key": his_key, "pos_organisation_key": pos_key,
        "amounts": {"collect_max_fen": 5_000_000, "refund_max_fen": 1_000_000, "refund_day_max_fen": 5_000_000},
        "timers": {
            "start": 60_000, "act": 60_000, "drift": 2_000, "connect": 1_000, "http": 4_000,
            "poll_wechat": 10_000, "poll_alipay": 10_000, "reverse_min": 1_000, "fence": 12_000, "quiet": 16_000,
            "expiry": 12_000, "query": 1_000, "absence_gap": 1_000,
        },
        "wechat": {"id": WECHAT}, "alipay": {"id": ALIPAY.0, "sub_id": ALIPAY.1},
    });
    format!("{terms:#}\n")
}
