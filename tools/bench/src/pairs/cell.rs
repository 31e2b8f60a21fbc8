//! One HIS at one POS: their files, their processes, the line between them, and the people at both ends.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::members::{CLASSES, Member};
use super::relay::Relay;
use crate::durable::Told;
use crate::durable::http::Http;
use crate::durable::load::{asks_for, code, wait_until_ready};
use crate::durable::programs::{Binaries, Program, say};
use crate::durable::site::{Site, device, window};

/// How long anything may take.
const WITHIN: Duration = Duration::from_secs(90);
/// Lines.
const LAST_WORDS: usize = 6;
const AMOUNT: &str = "+12.34";
/// The member that is no client.
pub(super) const REFERENCE: &str = "reference";

/// Where the clients and what was built of them are.
pub(super) struct Folders<'a> {
    pub(super) clients: &'a Path,
    pub(super) built: &'a Path,
}

/// Everything of a pair.
pub(super) struct Cell {
    pub(super) members: [&'static Member; 2],
    pub(super) relay: Relay,
    cashier: Cashier,
    bills: u64,
    /// When the line was cut.
    cut_at: Option<Instant>,
    // They die before their files.
    _programs: Vec<Program>,
    _root: TempDir,
}

/// Who makes orders.
enum Cashier {
    /// At the reference server, over HTTP.
    Server(Http),
    /// At a client's window, which reads bills and tells ends.
    Window(ChildStdin, Receiver<(Instant, String)>),
}

impl Cell {
    /// Makes a site of its own and starts its programs; `codes` payers can come.
    pub(super) fn start(
        members: [&'static Member; 2],
        binaries: &Binaries,
        folders: &Folders<'_>,
        root: TempDir,
        codes: u64,
    ) -> Told<Self> {
        let site = Site::new(binaries.clone(), root.path(), root.path(), 1);
        site.provision()?;
        copy_files(root.path()).map_err(|error| format!("the files of the ends: {error}"))?;
        let bank = site.bank(0).display().to_string();
        let mut platform = Program::start("the platform", &binaries.platform, &["serve", "--dir", &bank])?;
        let url = platform.wait_for("url")?;
        let port = free_port()?;
        let [his, pos] = members;
        let words = Words { root: root.path(), binaries, folders, url: &url };

        let mut terminal = words.start(pos, pos.pos.serve, pos.pos.lines[0], port, &payers(pos, codes))?;
        let (lines, stdin) = terminal.talk()?;
        patient(lines, stdin)?;

        let relay = Relay::start(port)?;
        let (server, cashier) = if his.name == REFERENCE {
            let line = format!("dial:127.0.0.1:{}", relay.port);
            site.his(&["devices", "bind", &device(0), "--terminal", &window(0), "--line", &line])?;
            let server = site.start_his()?;
            let (address, token) = (site.his_file("address")?, site.his_file("token")?);
            (server, Cashier::Server(Http::connect(address.trim(), token.trim())?))
        } else {
            let mut client = words.start(his, his.his.collect, his.his.lines[0], relay.port, &[])?;
            let (lines, stdin) = client.talk()?;
            (client, Cashier::Window(stdin, heard(lines)))
        };
        let programs = vec![server, terminal, platform];
        let mut cell =
            Self { members, relay, cashier, bills: 0, cut_at: None, _programs: programs, _root: root };
        cell.warm()?;
        Ok(cell)
    }

    /// `HIS at POS`, for messages.
    pub(super) fn name(&self) -> String {
        format!("{} HIS at {} POS", self.members[0].name, self.members[1].name)
    }

    /// What a window said last, for messages.
    pub(super) fn last_words(&self) -> String {
        match &self.cashier {
            Cashier::Server(_) => String::new(),
            Cashier::Window(_, lines) => {
                let lines: Vec<String> = lines.try_iter().map(|(_, line)| line).collect();
                lines[lines.len().saturating_sub(LAST_WORDS)..].join("; ")
            }
        }
    }

    /// The first session and the first order.
    fn warm(&mut self) -> Told<()> {
        if let Cashier::Server(http) = &mut self.cashier {
            self.relay.let_pass(WITHIN);
            wait_until_ready(http, 1)?;
            self.begin()?;
        } else {
            // A window opens its line with its first bill.
            self.begin()?;
            self.relay.let_pass(WITHIN);
        }
        self.end().map(drop)
    }

    /// Pulls the cable, and has a window open it again: it drives its line only while an order is on its way.
    pub(super) fn cut(&mut self) -> Told<()> {
        let is_window = matches!(self.cashier, Cashier::Window(..));
        if is_window && self.cut_at.is_some() {
            self.end()?;
        }
        self.relay.cut();
        self.cut_at = Some(Instant::now());
        if is_window { self.begin() } else { Ok(()) }
    }

    /// Waits until the line has been away for so long; pulls it if it never was.
    pub(super) fn stay_away(&mut self, away: Duration) -> Told<()> {
        if self.cut_at.is_none() {
            self.cut()?;
        }
        let gone = self.cut_at.map_or(Duration::ZERO, |at| at.elapsed());
        thread::sleep(away.saturating_sub(gone));
        Ok(())
    }

    /// A cashier begins to collect the next bill.
    pub(super) fn begin(&mut self) -> Told<()> {
        self.bills += 1;
        let bill = format!("bill-{}", self.bills);
        match &mut self.cashier {
            Cashier::Server(http) => {
                let wanted = json!({"bill": bill, "amount": AMOUNT, "window": window(0)});
                http.ask("PUT", &format!("/collections/c-{}", self.bills), &wanted.to_string()).map(drop)
            }
            Cashier::Window(stdin, _) => {
                say(stdin, &bill).map_err(|error| format!("the window is gone: {error}"))
            }
        }
    }

    /// Waits until the bill's end is told, which has to be `paid`.
    pub(super) fn end(&mut self) -> Told<Instant> {
        match &mut self.cashier {
            Cashier::Server(http) => {
                // No change is newer than this: it is answered at the end.
                let end = format!("/collections/c-{}?seen={}&wait=60", self.bills, u64::MAX);
                loop {
                    let view = http.ask("GET", &end, "")?;
                    if view["state"] == "ended" && view["end"] == "paid" {
                        return Ok(Instant::now());
                    }
                    if view["state"] == "ended" {
                        return Err(format!("not paid: {view}"));
                    }
                }
            }
            Cashier::Window(_, lines) => loop {
                let (at, line) = lines.recv_timeout(WITHIN).map_err(|_| "the window tells no end")?;
                match told(&line) {
                    Some("Paid.") => return Ok(at),
                    Some(_) => return Err(format!("not paid: {line}")),
                    None => {}
                }
            },
        }
    }
}

/// How a window says that an order ended: its number, and what the cashier reads.
fn told(line: &str) -> Option<&str> {
    let (order, text) = line.split_once(": ")?;
    let is_number = order.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (is_number && (14..=24).contains(&order.len())).then_some(text)
}

/// What the clients' example programs are started with.
struct Words<'a> {
    root: &'a Path,
    binaries: &'a Binaries,
    folders: &'a Folders<'a>,
    url: &'a str,
}

impl Words<'_> {
    /// Starts a member's program in its folder.
    fn start(&self, member: &Member, words: &str, line: &str, port: u16, more: &[String]) -> Told<Program> {
        let is_his = words == member.his.collect;
        let home = match (member.name == REFERENCE, is_his) {
            (true, _) => "pos-0",
            (_, true) => "own-his",
            (_, false) => "own-pos",
        };
        let text = |path: PathBuf| path.display().to_string();
        let values = [
            ("{pos}", text(self.binaries.pos.clone())),
            ("{build}", text(self.folders.built.join(member.name))),
            ("{home}", text(self.root.join(home))),
            ("{credentials}", text(self.root.join("bank-0/credentials.json"))),
            ("{url}", self.url.to_owned()),
            ("{bill}", "-".to_owned()),
            ("{amount}", AMOUNT.to_owned()),
            ("{classes}", CLASSES.to_owned()),
            ("{at}", format!("127.0.0.1:{port}")),
            ("{port}", port.to_string()),
        ];
        let known =
            |word: &str| values.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value));
        let all: Vec<String> =
            words.replace("{line}", line).split(' ').map(known).chain(more.iter().cloned()).collect();
        let (program, rest) = all.split_first().ok_or("no program")?;
        let folder = if member.name == REFERENCE {
            self.root.to_owned()
        } else {
            self.folders.clients.join(member.name)
        };
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let end = if is_his { "HIS" } else { "POS" };
        Program::start_in(&folder, &format!("the {} {end}", member.name), Path::new(program), &rest)
    }
}

/// The codes that a client's terminal shows itself, one for each order; the reference's patient reads its display.
fn payers(member: &Member, codes: u64) -> Vec<String> {
    let mut all = (1..=codes).map(|serial| code(0, serial));
    match member.name {
        REFERENCE => Vec::new(),
        "go" => vec!["-codes".to_owned(), all.collect::<Vec<_>>().join(",")],
        "python" => std::iter::once("--codes".to_owned()).chain(all.by_ref()).collect(),
        _ => all.collect(),
    }
}

/// Waits until both merchants are verified, and then shows a code whenever the reference asks for one.
fn patient(lines: BufReader<ChildStdout>, mut stdin: ChildStdin) -> Told<()> {
    let (ready, is_ready) = channel();
    // Ends when the terminal does.
    thread::spawn(move || {
        let (mut unheard, mut last, mut serial) = (vec!["wechat", "alipay"], String::new(), 0);
        for line in lines.lines().map_while(Result::ok) {
            if !unheard.is_empty() {
                let line = line.to_lowercase();
                unheard.retain(|channel| !line.contains(channel));
                if unheard.is_empty() {
                    let _ = ready.send(());
                }
            }
            let Some(order) = asks_for(&line).filter(|order| *order != last) else { continue };
            last = order;
            serial += 1;
            if say(&mut stdin, &code(0, serial)).is_err() {
                return;
            }
        }
    });
    is_ready.recv_timeout(WITHIN).map_err(|_| "the POS verifies no merchants".to_owned())
}

/// What a program says, with the times.
fn heard(lines: BufReader<ChildStdout>) -> Receiver<(Instant, String)> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            if sender.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The signed files and keys as the clients' example programs want them.
fn copy_files(root: &Path) -> std::io::Result<()> {
    let (his, pos) = (root.join("own-his"), root.join("own-pos"));
    std::fs::create_dir(&his)?;
    std::fs::create_dir(&pos)?;
    let copy = |from: &str, to: PathBuf| std::fs::copy(root.join(from), to).map(drop);
    copy("link.hispos", his.join("agreement.hispos"))?;
    copy("link.hispos", pos.join("agreement.hispos"))?;
    copy("devices.hispos", his.join("devices.hispos"))?;
    copy("terminals.hispos", pos.join("terminals.hispos"))?;
    copy(&format!("his/terminals/{}.key", window(0)), his.join("terminal.key"))?;
    copy("pos-0/device.key", pos.join("device.key"))?;
    // A secret of nobody's: the site is simulated and gone afterwards.
    std::fs::write(his.join("site.secret"), [7; 32])?;
    std::fs::write(his.join("terminal.id"), window(0))?;
    std::fs::write(his.join("device.id"), device(0))?;
    std::fs::write(pos.join("device.id"), device(0))
}

fn free_port() -> Told<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{payers, told};
    use crate::pairs::members::MEMBERS;

    #[test]
    fn an_end_is_told_from_what_a_window_says_on_its_way() {
        assert_eq!(told("BPM808ZYXE68GYZM4M9T: Paid."), Some("Paid."));
        assert_eq!(told("BPM808ZYXE68GYZM4M9T: unknown. Do not take"), Some("unknown. Do not take"));
        for line in ["Accepted 0123456789ABCDEF +12.34", "accepted: 0123456789ABCDEF, +12.34", "B-1: Paid."] {
            assert_eq!(told(line), None, "{line}");
        }
    }

    #[test]
    fn every_payer_has_a_code_of_its_own_in_the_words_of_each_terminal() {
        for member in &MEMBERS {
            let words = payers(member, 3).join(",");
            let codes = ["13000000000000010 0", "28000000000000020 0", "13000000000000030 0"];
            let wanted = if member.name == "reference" { 0 } else { 3 };
            let found = codes.iter().filter(|code| words.contains(&code.replace(' ', ""))).count();
            assert_eq!(found, wanted, "{words}");
        }
    }
}
