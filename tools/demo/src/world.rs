//! Three running programs and the cable between two of them, and what the scenes do with them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::line::{BAUD, Cable};
use crate::programs::{Answer, Binaries, Program, run};
use crate::provision::{Commands, Places, SITE_CODE, WINDOW};
use crate::seed::{Chance, Channel};
use crate::tell::{Tell, Told};

/// How long anything on the way may take: the longest is an order that was cut off in the middle.
pub(crate) const WITHIN: Duration = Duration::from_secs(90);
/// How often a state is asked for that no event tells.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// The stories of the platform run at this pace, so that a password takes 2 to 4 s.
const SCALE: &str = "0.5";

/// Everything that runs.
pub(crate) struct World<'a> {
    pub(crate) commands: Commands<'a>,
    pub(crate) cable: Cable,
    pub(crate) pos: Program,
    his: Program,
    platform: Program,
    url: String,
    pub(crate) chance: Chance,
    pub(crate) tell: Tell,
}

/// What the cashier waits for.
pub(crate) enum Step {
    /// This order waits for a code.
    WaitCode(String),
    /// The collection has ended.
    Ended(Value),
}

/// A running `hispos-his collect`.
pub(crate) struct Collection {
    program: Program,
    pub(crate) id: String,
    passed: BTreeSet<String>,
}

impl<'a> World<'a> {
    /// Starts the three programs and plugs the cable in.
    pub(crate) fn start(binaries: &'a Binaries, places: &'a Places, seed: u64, tell: Tell) -> Told<Self> {
        let commands = Commands { binaries, places };
        let (platform, url) = start_platform(&commands, seed)?;
        let pos = start_pos(&commands, &url)?;
        let his = ["--home", &places.text("his"), "--json", "serve", "--listen", "127.0.0.1:0"];
        let his = Program::start("his", &binaries.his, &his, &places.path("log"))?;
        let address =
            his.wait_for("address", WITHIN, |line| Some(line.get("address")?.as_str()?.to_owned()))?;
        let mut cable = Cable::new(&places.path("pos.pty"));
        cable.plug(&places.path("his.line")).map_err(|error| format!("the cable: {error}"))?;
        tell.note(&format!("pid {:<7} provider-sim  the payment platforms, {url}", platform.pid()));
        tell.note(&format!("pid {:<7} hispos-pos    the payment terminal, a pseudo-terminal", pos.pid()));
        tell.note(&format!("pid {:<7} hispos-his    the cashier windows' server, {address}", his.pid()));
        tell.note(&format!(
            "the cable between HIS and POS: {BAUD} baud, {} bytes a second each way",
            BAUD / 10
        ));
        Ok(Self { commands, cable, pos, his, platform, url, chance: Chance::new(seed), tell })
    }

    /// Starts the POS again, after it was killed.
    pub(crate) fn restart_pos(&mut self) -> Told<()> {
        self.pos = start_pos(&self.commands, &self.url)?;
        Ok(())
    }

    /// Ends all three, as their operators would.
    pub(crate) fn stop(mut self) -> Told<()> {
        self.his.stop()?;
        self.pos.stop()?;
        self.platform.stop()
    }

    /// The cashier collects: `amount` with its sign.
    pub(crate) fn collect(&self, bill: &str, amount: &str) -> Told<Collection> {
        let places = self.commands.places;
        let id = format!("collect-{bill}");
        let home = places.text("his");
        let arguments = [
            "--home",
            &home,
            "--json",
            "--lang",
            "en",
            "collect",
            "--bill",
            bill,
            amount,
            "--window",
            WINDOW,
            "--id",
            &id,
            "--patience",
            "120",
        ];
        let program = Program::start(&id, &self.commands.binaries.his, &arguments, &places.path("log"))?;
        Ok(Collection { program, id, passed: BTreeSet::new() })
    }

    /// The patient shows a code; refused if no order takes it.
    pub(crate) fn scan(&self, code: &str) -> Told<Answer> {
        self.commands.pos(&["scan", "-"], code)
    }

    /// The patient shows a code that is taken.
    pub(crate) fn pay_with(&mut self, channel: Channel, story: u64) -> Told<()> {
        let code = self.chance.code(channel, story);
        self.scan(&code)?.expect(0, "hispos-pos scan").map(drop)
    }

    /// Pays an order that waits, and sees the collection to its end.
    pub(crate) fn pay_to_the_end(&mut self, mut collection: Collection, channel: Channel) -> Told<Value> {
        loop {
            match collection.step()? {
                Step::WaitCode(_) => self.pay_with(channel, 0)?,
                Step::Ended(end) => return Ok(end),
            }
        }
    }

    /// Begins to wait until the platform's own book has an order's number in a state.
    pub(crate) fn watch_platform(&self, order: &str, channel: Channel, state: &str) -> Told<Program> {
        let bank = self.commands.places.text("bank");
        let number = format!("{SITE_CODE}{order}{}", channel.letter());
        let arguments = ["wait", "--dir", &bank, "--number", &number, "--state", state, "--timeout", "60"];
        let logs = self.commands.places.path("log");
        Program::start("platform-wait", &self.commands.binaries.platform, &arguments, &logs)
    }

    /// What HIS has of an order that has not ended; `None` if it is not among them.
    pub(crate) fn open_at_his(&self, order: &str) -> Told<Option<Value>> {
        let open = self.commands.his(&["open"])?.expect(0, "hispos-his open")?;
        let is_it = |line: &Value| line.get("order_no").and_then(Value::as_str) == Some(order);
        Ok(open.lines.into_iter().find(is_it))
    }

    /// Waits until nothing is open at either end.
    pub(crate) fn settle(&self) -> Told<()> {
        let until = Instant::now() + WITHIN;
        loop {
            let status = self.commands.pos(&["status"], "")?.expect(0, "hispos-pos status")?;
            let count = |name: &str| status.lines.last().and_then(|line| line.get(name)?.as_u64());
            let open = self.commands.his(&["open"])?.expect(0, "hispos-his open")?;
            let quiet = count("open") == Some(0) && count("unanswered") == Some(0);
            if quiet && open.lines.is_empty() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(format!("something stays open: {} {}", status.text.trim(), open.text.trim()));
            }
            std::thread::sleep(ASK_EVERY);
        }
    }

    /// Reads the platform's book.
    pub(crate) fn platform_export(&self) -> Told<String> {
        let bank = self.commands.places.text("bank");
        let answer =
            run(&self.commands.binaries.platform, &["export", "--dir", &bank, "--json"], "", WITHIN)?;
        Ok(answer.expect(0, "provider-sim export")?.text)
    }

    /// Waits for an event of the POS about an order.
    pub(crate) fn pos_event(&self, event: &str, order: &str) -> Told<Value> {
        self.pos.wait_for(event, WITHIN, |line| {
            let text = |name: &str| line.get(name).and_then(Value::as_str);
            (text("event") == Some(event) && text("order_no") == Some(order)).then(|| line.clone())
        })
    }
}

impl Collection {
    /// The next thing that the cashier's command tells: an order waits for its code, or the end.
    pub(crate) fn step(&mut self) -> Told<Step> {
        let passed = &self.passed;
        let step = self.program.wait_for("order that waits, nor end", WITHIN, |line| {
            if line.get("exit").is_some() {
                return Some(Step::Ended(line.clone()));
            }
            let progress = line.get("progress")?;
            let order = progress.get("order_no")?.as_str()?;
            let waits = progress.get("stage")?.as_str()? == "wait_code" && !passed.contains(order);
            waits.then(|| Step::WaitCode(order.to_owned()))
        })?;
        if let Step::WaitCode(order) = &step {
            self.passed.insert(order.clone());
        }
        Ok(step)
    }

    /// The order that waits for a code now.
    pub(crate) fn order(&mut self) -> Told<String> {
        match self.step()? {
            Step::WaitCode(order) => Ok(order),
            Step::Ended(end) => Err(format!("the collection ended early: {end}")),
        }
    }

    /// The end, without another order.
    pub(crate) fn end(mut self) -> Told<Value> {
        match self.step()? {
            Step::Ended(end) => Ok(end),
            Step::WaitCode(order) => Err(format!("another order was made: {order}")),
        }
    }
}

pub(crate) fn start_platform(commands: &Commands<'_>, seed: u64) -> Told<(Program, String)> {
    let Commands { binaries, places } = commands;
    let (bank, seed) = (places.text("bank"), seed.to_string());
    let arguments = ["serve", "--dir", &bank, "--seed", &seed, "--scale", SCALE];
    let platform = Program::start("platform", &binaries.platform, &arguments, &places.path("log"))?;
    let url = platform.wait_for("address", WITHIN, |line| Some(line.get("url")?.as_str()?.to_owned()))?;
    Ok((platform, url))
}

fn start_pos(commands: &Commands<'_>, url: &str) -> Told<Program> {
    let Commands { binaries, places } = commands;
    let (home, line) = (places.text("pos"), places.text("pos.pty"));
    let credentials = places.path("bank").join("credentials.json").display().to_string();
    let arguments = [
        "--home",
        &home,
        "--json",
        "--lang",
        "en",
        "serve",
        "--pty",
        "--pty-link",
        &line,
        "--credentials",
        &credentials,
        "--platform",
        url,
    ];
    let pos = Program::start("pos", &binaries.pos, &arguments, &places.path("log"))?;
    let is_ready = |line: &Value| line.get("event").and_then(Value::as_str) == Some("ready");
    pos.wait_for("readiness", WITHIN, |line| is_ready(line).then_some(()))?;
    Ok(pos)
}
