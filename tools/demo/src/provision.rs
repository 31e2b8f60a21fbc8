//! Steps 1 and 2: the agreement, the device set and the terminal identifiers, by the programs' own commands.

use std::path::{Path, PathBuf};

use hispos_common::entropy::OsEntropy;
use hispos_common::keys;
use serde_json::json;

use crate::programs::{Answer, Binaries, COMMAND_WITHIN, run};
use crate::tell::Told;

/// The site, and what it is called in platform numbers.
pub(crate) const SITE: &str = "hospital-1";
pub(crate) const SITE_CODE: &str = "SIM1";
/// The payment terminal.
pub(crate) const DEVICE: &str = "POS-0001";
/// The software terminal of the cashier's window, and one of another window.
pub(crate) const WINDOW: &str = "HIS-W01";
pub(crate) const OTHER_WINDOW: &str = "HIS-W02";
const WECHAT: &str = "1900000001";
const ALIPAY: (&str, &str) = ("2021000000000001", "2088000000000001");

/// Where everything of one run is.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    root: PathBuf,
}

impl Places {
    pub(crate) fn in_directory(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// Asks the programs.
pub(crate) struct Commands<'a> {
    pub(crate) binaries: &'a Binaries,
    pub(crate) places: &'a Places,
}

impl Commands<'_> {
    /// `hispos-his`, with whatever it ends with.
    pub(crate) fn his(&self, arguments: &[&str]) -> Told<Answer> {
        let home = self.places.text("his");
        let all = [&["--home", &home, "--json", "--lang", "en"], arguments].concat();
        run(&self.binaries.his, &all, "", COMMAND_WITHIN)
    }

    /// `hispos-pos`, with what it reads from standard input.
    pub(crate) fn pos(&self, arguments: &[&str], input: &str) -> Told<Answer> {
        let home = self.places.text("pos");
        let all = [&["--home", &home, "--json", "--lang", "en"], arguments].concat();
        run(&self.binaries.pos, &all, input, COMMAND_WITHIN)
    }

    fn his_done(&self, arguments: &[&str]) -> Told<Answer> {
        self.his(arguments)?.expect(0, &format!("hispos-his {}", arguments.join(" ")))
    }

    fn pos_done(&self, arguments: &[&str]) -> Told<Answer> {
        self.pos(arguments, "")?.expect(0, &format!("hispos-pos {}", arguments.join(" ")))
    }

    /// The platform with both merchants.
    pub(crate) fn make_platform(&self) -> Told<()> {
        let bank = self.places.text("bank");
        let wechat = format!("wechat:{WECHAT}");
        let alipay = format!("alipay:{}:{}", ALIPAY.0, ALIPAY.1);
        let arguments = ["init", "--dir", &bank, "--merchant", &wechat, "--merchant", &alipay];
        run(&self.binaries.platform, &arguments, "", COMMAND_WITHIN)?.expect(0, "provider-sim init").map(drop)
    }

    /// Step 1: both organisations make keys, agree, sign, and both machines import. Gives both fingerprints.
    pub(crate) fn agree(&self) -> Told<(String, String)> {
        let (hospital, company) = (self.places.text("org-hospital"), self.places.text("org-pos"));
        let organisation = |directory: &str, name: &str| -> Told<(String, String)> {
            let made = self.his_done(&["org", "init", directory, "--name", name])?;
            let made =
                made.lines.last().and_then(|line| line.get("organisation")).cloned().unwrap_or_default();
            let text =
                |member: &str| made.get(member).and_then(|text| text.as_str()).unwrap_or_default().to_owned();
            Ok((text("public_key"), text("fingerprint")))
        };
        let (his_key, his_print) = organisation(&hospital, "First People's Hospital 第一人民医院")?;
        let (pos_key, pos_print) = organisation(&company, "POS Company 支付终端公司")?;
        let terms = self.places.path("agreement.json");
        std::fs::write(&terms, terms_text(&his_key, &pos_key))
            .map_err(|error| format!("agreement: {error}"))?;
        let (terms, link) = (terms.display().to_string(), self.places.text("link.hispos"));
        self.his_done(&["agreement", "new", "--from", &terms, "--out", &link])?;
        self.sign(&link, &hospital)?;
        self.sign(&link, &company)?;
        self.pos_done(&["device", "init", "--id", DEVICE, "--serial-no", "SN-2026-000117"])?;
        let compared = ["--his-organisation", his_print.as_str(), "--pos-organisation", &pos_print];
        let import = [&["agreement", "import", &link], compared.as_slice()].concat();
        self.his_done(&import)?;
        self.pos_done(&import)?;
        Ok((his_print, pos_print))
    }

    fn sign(&self, file: &str, organisation: &str) -> Told<()> {
        self.his_done(&["org", "sign", file, "--org", organisation]).map(drop)
    }

    /// Step 2: HIS imports the device set, the POS the terminal identifiers; HIS binds the device to a window.
    pub(crate) fn register(&self, line: &Path) -> Told<()> {
        self.register_at(&format!("serial:{}@{}", line.display(), crate::line::BAUD))
    }

    /// Step 2, with any line.
    pub(crate) fn register_at(&self, line: &str) -> Told<()> {
        let (hospital, company) = (self.places.text("org-hospital"), self.places.text("org-pos"));
        let (request, devices) =
            (self.places.text("device-request.json"), self.places.text("devices.hispos"));
        self.pos_done(&["device", "request", "--out", &request])?;
        self.his_done(&["manifest", "devices", "--site", SITE, "--add", &request, "--out", &devices])?;
        self.sign(&devices, &company)?;
        self.his_done(&["devices", "import", &devices])?;

        let mut requests = Vec::new();
        for (window, name) in [(WINDOW, "Cashier 1 收费窗口1"), (OTHER_WINDOW, "Cashier 2 收费窗口2")]
        {
            let request = self.places.text(&format!("{window}-request.json"));
            self.his_done(&["terminal", "init", window])?;
            self.his_done(&["terminal", "request", window, "--window-name", name, "--out", &request])?;
            requests.push(request);
        }
        let terminals = self.places.text("terminals.hispos");
        let mut arguments = vec!["manifest", "terminals", "--site", SITE, "--out", &terminals];
        for request in &requests {
            arguments.extend(["--add", request.as_str()]);
        }
        self.his_done(&arguments)?;
        self.sign(&terminals, &hospital)?;
        self.pos_done(&["terminals", "import", &terminals])?;
        self.his_done(&["devices", "bind", DEVICE, "--terminal", WINDOW, "--line", line]).map(drop)
    }
}

/// The signed files and keys as the clients' example programs want them.
pub(crate) fn copy_files(places: &Places) -> std::io::Result<()> {
    let (his, pos) = (places.path("own-his"), places.path("own-pos"));
    std::fs::create_dir(&his)?;
    std::fs::create_dir(&pos)?;
    let (link, key) = (places.path("link.hispos"), format!("his/terminals/{WINDOW}.key"));
    std::fs::copy(&link, his.join("agreement.hispos"))?;
    std::fs::copy(&link, pos.join("agreement.hispos"))?;
    std::fs::copy(places.path("devices.hispos"), his.join("devices.hispos"))?;
    std::fs::copy(places.path("terminals.hispos"), pos.join("terminals.hispos"))?;
    std::fs::copy(places.path(&key), his.join("terminal.key"))?;
    std::fs::copy(places.path("pos/device.key"), pos.join("device.key"))?;
    keys::create(&his.join("site.secret"), &mut OsEntropy)?;
    std::fs::write(his.join("terminal.id"), WINDOW)?;
    std::fs::write(his.join("device.id"), DEVICE)?;
    std::fs::write(pos.join("device.id"), DEVICE)
}

/// The agreement of a simulated site: its timers are short, which a production agreement's may not be.
fn terms_text(his_key: &str, pos_key: &str) -> String {
    let terms = json!({
        "agreement_no": 1, "site_id": SITE, "site_code": SITE_CODE, "simulated": true,
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
