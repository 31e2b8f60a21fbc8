//! One HIS at one POS: their files, their processes, the cable between them, and what is played.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::ends::{Ends, Wire};
use crate::line::{Cable, Capture};
use crate::members::{CLASSES, Cancel, Member};
use crate::programs::{Binaries, COMMAND_WITHIN, Program, run};
use crate::provision::{self, Commands, Places, SITE_CODE, WINDOW};
use crate::station::Station;
use crate::tell::Told;
use crate::world::start_platform;

/// How long anything may take.
const WITHIN: Duration = Duration::from_secs(120);
/// How often a HIS that runs is asked whether it has ended.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the books may take to agree once HIS has said its last word.
const SETTLE_WITHIN: Duration = Duration::from_secs(30);
/// What the patient pays.
const AMOUNT: &str = "+12.34";
/// How a HIS's command ends when a signed result says that nothing was paid.
const NOT_PAID: i32 = 3;
/// What payers show, one for each order: the last two digits choose the story, 01 is one that asks for a password.
const CODES: [&str; 8] = [
    "134567890100000100",
    "134567890100000201",
    "134567890100000301",
    "134567890100000401",
    "134567890100000500",
    "134567890100000600",
    "134567890100000700",
    "134567890100000800",
];

/// Everything of a cell.
pub(crate) struct Pair<'a> {
    members: [&'static Member; 2],
    binaries: &'a Binaries,
    folders: (&'a Path, &'a Path),
    places: Places,
    ends: Ends,
    cable: Cable,
    url: String,
    server: Option<Station>,
    pos: Option<Station>,
    shown: usize,
    /// Whether somebody shows a code to an order that waits for one.
    has_payer: bool,
    seen: BTreeSet<String>,
    platform: Program,
}

impl<'a> Pair<'a> {
    /// Provisions both ends with real signatures, plugs the cable in and starts the programs.
    pub(crate) fn start(
        his: &'static Member,
        pos: &'static Member,
        wire: Wire,
        (binaries, clients, built): (&'a Binaries, &'a Path, &'a Path),
        root: &Path,
        capture: &Path,
    ) -> Told<Self> {
        let places = Places::in_directory(root);
        std::fs::create_dir(places.path("log")).map_err(|error| format!("log: {error}"))?;
        let commands = Commands { binaries, places: &places };
        let ends = Ends::new(&places, wire)?;
        commands.make_platform()?;
        commands.agree()?;
        let [name, _] = his.his.lines;
        let line = match wire {
            // Only the reference HIS reads its line from there.
            Wire::Tcp if his.name == "reference" => {
                name.replace("{at}", &format!("127.0.0.1:{}", ends.his.0))
            }
            _ => format!("serial:{}@{}", ends.his.1, crate::line::BAUD),
        };
        commands.register_at(&line)?;
        provision::copy_files(&places).map_err(|error| format!("the files of the ends: {error}"))?;
        let (platform, url) = start_platform(&commands, 1)?;
        let about = |error: std::io::Error| format!("the cable: {error}");
        let mut cable = Cable::to(ends.far(), Some(Capture::new(capture).map_err(about)?));
        cable.join(&ends.near).map_err(about)?;
        let mut pair = Self {
            members: [his, pos],
            binaries,
            folders: (clients, built),
            places: places.clone(),
            ends,
            cable,
            url,
            server: None,
            pos: None,
            shown: 0,
            has_payer: true,
            seen: BTreeSet::new(),
            platform,
        };
        pair.start_pos()?;
        pair.start_server()?;
        Ok(pair)
    }

    /// The scenes, and then the comparison of the three books.
    pub(crate) fn play(mut self) -> Told<()> {
        let mut collect = self.collect("B-1")?;
        let paid = self.accept()?;
        self.end(&mut collect, &[0], "the collect")?;

        let mut refund = self.refund(&paid)?;
        self.end(&mut refund, &[0], "the refund")?;

        let mut collect = self.collect("B-2")?;
        let order = self.accept()?;
        self.known(&order)?;
        self.cable.pull();
        self.ended(&order)?;
        self.cable.join(&self.ends.near).map_err(|error| format!("the cable: {error}"))?;
        self.end(&mut collect, &[0], "the collect over a pulled cable")?;

        let mut collect = self.collect("B-3")?;
        let order = self.accept()?;
        self.known(&order)?;
        self.pos = None;
        self.start_pos()?;
        // Paid, or not paid by a signed result: the comparison of the books tells whether it is true.
        self.end(&mut collect, &[0, NOT_PAID], "the collect at a killed POS")?;

        let mut collect = self.collect("B-4")?;
        let order = self.accept()?;
        self.known(&order)?;
        self.server = None;
        collect.kill()?;
        self.ended(&order)?;
        self.start_server()?;

        let mut collect = self.collect("B-5")?;
        self.accept()?;
        self.end(&mut collect, &[0], "the collect behind a killed HIS")?;

        self.without_a_code()?;

        let mut collect = self.collect("B-9")?;
        self.accept()?;
        self.end(&mut collect, &[0], "the last collect")?;
        self.agree()
    }

    /// A cancel, and a kill of either side before a code is shown: none of these orders can be paid any more.
    fn without_a_code(&mut self) -> Told<()> {
        self.has_payer = false;
        let his = &self.members[0].his;
        let mut cancelled = match his.cancel {
            Cancel::Itself(words) => self.pay("B-6", words)?,
            Cancel::Beside(_) => self.collect("B-6")?,
        };
        let order = self.accept()?;
        if let Cancel::Beside(words) = his.cancel {
            let mut cancel = self.run(0, "cancel", &self.member_words(0, words, &[("{order}", &order)]))?;
            self.end(&mut cancel, &[0], "the command that cancels")?;
        }
        self.end(&mut cancelled, &[NOT_PAID], "the cancel")?;

        let once = format!("{} {}", his.collect, his.once);
        let mut collect = self.pay("B-7", once.trim_end())?;
        self.accept()?;
        self.pos = None;
        self.start_pos()?;
        self.end(&mut collect, &[NOT_PAID], "the collect at a POS that is killed before the code")?;

        let mut collect = self.pay("B-8", once.trim_end())?;
        let order = self.accept()?;
        self.server = None;
        collect.kill()?;
        self.start_server()?;
        let more = [("{order}", order.as_str()), ("{bill}", "B-8"), ("{amount}", AMOUNT)];
        let mut look = self.run(0, "look", &self.member_words(0, his.look, &more))?;
        self.end(&mut look, &[NOT_PAID], "the look-up of an order whose HIS was killed")?;
        self.has_payer = true;
        Ok(())
    }

    fn member_words(&self, role: usize, words: &str, more: &[(&str, &str)]) -> Vec<String> {
        let [his, pos] = self.members;
        let (member, (port, tty), own) = if role == 0 {
            (his, &self.ends.his, if his.name == "reference" { "his" } else { "own-his" })
        } else {
            (pos, &self.ends.pos, if pos.name == "reference" { "pos" } else { "own-pos" })
        };
        let line = match (role, self.ends.wire) {
            (0, Wire::Tcp) => his.his.lines[0],
            (0, Wire::Serial) => his.his.lines[1],
            (_, Wire::Tcp) => pos.pos.lines[0],
            (_, Wire::Serial) => pos.pos.lines[1],
        };
        let (port, at) = (port.to_string(), format!("127.0.0.1:{port}"));
        let values = [
            ("{his}", self.binaries.his.display().to_string()),
            ("{pos}", self.binaries.pos.display().to_string()),
            ("{build}", self.folders.1.join(member.name).display().to_string()),
            ("{classes}", CLASSES.to_owned()),
            ("{home}", self.places.text(own)),
            ("{credentials}", self.places.text("bank/credentials.json")),
            ("{url}", self.url.clone()),
            ("{window}", WINDOW.to_owned()),
            ("{at}", at),
            ("{port}", port),
            ("{tty}", tty.clone()),
        ];
        let known =
            |word: &str| values.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value));
        words
            .replace("{line}", line)
            .split(' ')
            .map(|word| more.iter().fold(known(word), |word, (name, value)| word.replace(name, value)))
            .collect()
    }

    fn run(&self, role: usize, name: &str, words: &[String]) -> Told<Station> {
        let [his, pos] = self.members;
        let member = if role == 0 { his } else { pos };
        let folder = if member.name == "reference" {
            self.folders.0.to_owned()
        } else {
            self.folders.0.join(member.name)
        };
        Station::start(name, words, &folder, &self.places.path("log"))
    }

    fn start_server(&mut self) -> Told<()> {
        let serve = self.members[0].his.serve;
        if !serve.is_empty() {
            let server = self.run(0, "his", &self.member_words(0, serve, &[]))?;
            server.wait("address", WITHIN, |line| line.contains("address").then_some(()))?;
            self.server = Some(server);
        }
        Ok(())
    }

    /// Starts the POS, and waits until both channels can be paid by.
    fn start_pos(&mut self) -> Told<()> {
        let of = &self.members[1].pos;
        let pos = self.run(1, "pos", &self.member_words(1, of.serve, &[]))?;
        let mut unheard = vec!["wechat", "alipay"];
        while !unheard.is_empty() {
            let named = pos.wait("merchant", WITHIN, |line| {
                let line = line.to_lowercase();
                unheard.iter().position(|channel| line.contains(channel))
            })?;
            unheard.swap_remove(named);
        }
        self.pos = Some(pos);
        Ok(())
    }

    fn collect(&self, bill: &str) -> Told<Station> {
        self.pay(bill, self.members[0].his.collect)
    }

    fn pay(&self, bill: &str, words: &str) -> Told<Station> {
        let more = [("{bill}", bill), ("{amount}", AMOUNT)];
        self.run(0, bill, &self.member_words(0, words, &more))
    }

    fn refund(&self, order: &str) -> Told<Station> {
        let more = [("{order}", order), ("{amount}", "-5.00")];
        self.run(0, "refund", &self.member_words(0, self.members[0].his.refund, &more))
    }

    /// The order that now waits for a code, which is shown.
    fn accept(&mut self) -> Told<String> {
        let until = Instant::now() + WITHIN;
        while Instant::now() < until {
            if let Some(order) = self.hear()? {
                return Ok(order);
            }
        }
        Err("no order is accepted".into())
    }

    /// Hears the POS for a moment; if an order waits that has not waited before, a code is shown.
    fn hear(&mut self) -> Told<Option<String>> {
        let of = &self.members[1].pos;
        let pos = self.pos.as_mut().ok_or("no POS")?;
        let Some(line) = pos.next(LOOK_EVERY)?.filter(|line| line.contains(of.waits)) else {
            return Ok(None);
        };
        let Some(order) = order_of(&line).filter(|order| self.seen.insert(order.clone())) else {
            return Ok(None);
        };
        if !is_collect(&line) {
            return Ok(None);
        }
        if self.has_payer {
            pos.tell(CODES.get(self.shown).ok_or("no code is left")?)?;
            self.shown += 1;
        }
        Ok(Some(order))
    }

    /// Waits until the POS says that an order has ended.
    fn ended(&self, order: &str) -> Told<()> {
        let pos = self.pos.as_ref().ok_or("no POS")?;
        pos.wait("end", WITHIN, |line| (line.contains("nded") && line.contains(order)).then_some(()))
    }

    /// Waits for the end of a HIS's command.
    fn end(&mut self, his: &mut Station, wanted: &[i32], what: &str) -> Told<()> {
        let until = Instant::now() + WITHIN;
        while Instant::now() < until {
            match his.code()? {
                Some(code) if wanted.contains(&code) => return Ok(()),
                Some(code) => return Err(format!("{what} ended with {code}")),
                None => drop(self.hear()?),
            }
        }
        Err(format!("{what} did not end within {} s", WITHIN.as_secs()))
    }

    /// Waits until the platform has an order: from then on the patient types a password.
    fn known(&self, order: &str) -> Told<()> {
        let number = format!("{SITE_CODE}{order}W");
        let bank = self.places.text("bank");
        let words = ["wait", "--dir", &bank, "--number", &number, "--state", "known", "--timeout", "60"];
        run(&self.binaries.platform, &words, "", WITHIN)?.expect(0, "provider-sim wait").map(drop)
    }

    /// Compares the books until they agree: the last words of HIS may still be on their way to the POS.
    fn agree(mut self) -> Told<()> {
        let until = Instant::now() + SETTLE_WITHIN;
        loop {
            let [ledger, journal, platform] = self.books()?;
            let files = ["--ledger", ledger.as_str(), "--journal", &journal, "--platform", &platform];
            let compared = run(&self.binaries.compare, &files, "", COMMAND_WITHIN)?;
            if compared.code == 0 {
                return self.platform.stop();
            }
            if Instant::now() > until {
                return compared.expect(0, "the books").map(drop);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Exports the books.
    fn books(&self) -> Told<[String; 3]> {
        let commands = Commands { binaries: self.binaries, places: &self.places };
        let [his, pos] = self.members;
        let mut files = [self.places.text("own-his/ledger.jsonl"), self.places.text("own-pos/journal.jsonl")];
        let [ledger, journal] = &mut files;
        for name in ["ledger.jsonl", "journal.jsonl"] {
            // A program exports into no file that is there.
            drop(std::fs::remove_file(self.places.path(name)));
        }
        if his.name == "reference" {
            *ledger = self.places.text("ledger.jsonl");
            commands.his(&["ledger", "export", "--out", ledger])?.expect(0, "the ledger's export")?;
        }
        if pos.name == "reference" {
            *journal = self.places.text("journal.jsonl");
            commands.pos(&["journal", "export", "--out", journal], "")?.expect(0, "the journal's export")?;
        }
        let (bank, platform) = (self.places.text("bank"), self.places.text("platform.json"));
        let book = run(&self.binaries.platform, &["export", "--dir", &bank, "--json"], "", COMMAND_WITHIN)?;
        let text = book.expect(0, "the platform's export")?.text;
        std::fs::write(&platform, text).map_err(|error| format!("{platform}: {error}"))?;
        let [ledger, journal] = files;
        Ok([ledger, journal, platform])
    }
}

/// The first word of a line that can be an order number.
fn order_of(line: &str) -> Option<String> {
    let words = line.split(|letter: char| !letter.is_ascii_uppercase() && !letter.is_ascii_digit());
    words.filter(|word| (14..=24).contains(&word.len())).map(str::to_owned).next()
}

/// Whether the amount of a line is not one of a refund.
fn is_collect(line: &str) -> bool {
    !line.contains("-500") && !line.contains("-5.00")
}

#[cfg(test)]
mod tests {
    use super::{is_collect, order_of};

    #[test]
    fn an_order_is_found_in_what_each_member_says() {
        let lines = [
            r#"{"event":"accepted","order_no":"0123456789ABCDEF","at_ms":1764074400000}"#,
            "Accepted(order_no='0123456789ABCDEF', fen=1234)",
            "Accepted 0123456789ABCDEF +12.34",
            "accepted: 0123456789ABCDEF, +12.34",
        ];
        for line in lines {
            assert_eq!(order_of(line).as_deref(), Some("0123456789ABCDEF"), "{line}");
            assert!(is_collect(line));
        }
        assert!(!is_collect("Accepted(order_no='0123456789ABCDEF', fen=-500)"));
        assert_eq!(order_of("ready at 1764074400000"), None);
    }
}
