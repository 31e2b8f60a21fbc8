//! The loop around the link: one thread owns it, everything else sends it what happened.
//!
//! Nothing behind a `Persist` is carried out before the journal has it on disk; if the journal cannot be written, the
//! program stops and recovers from it at the next start.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use hispos::book::Query;
use hispos::link::{Input, Output, PosLink};
use hispos::platform::Verdict;
use hispos::time::{Clock, Instant};
use hispos_common::book::{Book, CommitError, SqliteBook};
use hispos_common::clock;
use hispos_common::exit::Exit;
use hispos_common::line::{Line, LineEvent};
use hispos_common::log::Log;
use hispos_common::output::Failure;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::asker::Asker;
use crate::control;
use crate::home::Home;
use crate::payment::{credentials, recognise};
use crate::provisioning::Held;
use crate::terminal::{Terminal, logged};

/// The link's clock runs during sleep and the channel's does not, so it is looked at again this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often the disk is asked for its free space.
const SPACE_EVERY: u64 = 10_000;
/// How long a sealed close may take to leave.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// What happened.
pub enum Happened {
    /// On the line.
    Line(LineEvent),
    /// A platform was asked.
    Verdict(Verdict),
    /// A code was scanned.
    Scanned(Zeroizing<String>),
    /// A command asks.
    Control(control::Ask, Sender<Value>),
    /// The program is told to stop.
    Stop,
}

/// What a driver works with.
pub struct Driver {
    /// Where agreements and terminals are read again.
    pub home: Home,
    /// The link.
    pub link: PosLink,
    /// The journal.
    pub journal: SqliteBook,
    /// The line.
    pub line: Line,
    /// The platforms.
    pub asker: Asker,
    /// The patient's display.
    pub terminal: Terminal,
    /// The log.
    pub log: Log,
    /// Bytes that the disk has to keep free before new orders are taken.
    pub reserve: u64,
    /// To this loop.
    pub sender: Sender<Happened>,
    /// From everything else.
    pub happened: Receiver<Happened>,
    /// The stream that is open; 0 if none is.
    pub stream: u64,
}

/// Both clocks, as the link wants them.
#[must_use]
pub fn now() -> Clock {
    Clock { now: clock::instant(), unix: clock::unix() }
}

impl Driver {
    /// Runs until it is told to stop.
    ///
    /// # Errors
    ///
    /// [`Exit::Alarm`] if the journal cannot be written or read.
    pub fn run(mut self) -> Result<(), Failure> {
        let mut look_at_disk = clock::instant();
        loop {
            if clock::instant() >= look_at_disk {
                look_at_disk = clock::instant().after(SPACE_EVERY);
                self.look_at_disk();
            }
            let until = self.carry_out()?;
            match self.happened.recv_timeout(wait(until)) {
                Ok(Happened::Stop) | Err(RecvTimeoutError::Disconnected) => return self.stop(),
                Ok(happened) => self.take(happened),
                Err(RecvTimeoutError::Timeout) => self.link.handle_input(Input::Tick, now()),
            }
        }
    }

    /// Carries out what the link wants; returns when it wants to be called again.
    fn carry_out(&mut self) -> Result<Option<Instant>, Failure> {
        loop {
            match self.link.poll_output() {
                Output::Persist(id, batch) => match self.journal.commit(vec![batch], clock::unix()).pop() {
                    Some(Ok(anchor)) => self.link.handle_input(Input::Persisted(id, anchor), now()),
                    Some(Err(CommitError::Stale)) => self.link.handle_input(Input::Stale(id), now()),
                    failed => {
                        self.link.handle_input(Input::PersistFailed(id), now());
                        let why =
                            failed.and_then(Result::err).map_or_else(String::new, |error| error.to_string());
                        return Err(self.alarm(why));
                    }
                },
                Output::Load(id, query) => {
                    let found = self.find(&query)?;
                    self.link.handle_input(Input::Loaded(id, found), now());
                }
                Output::Transmit(bytes) => self.line.write(self.stream, bytes),
                Output::Ask(ask) => {
                    let sender = self.sender.clone();
                    self.asker.ask(ask, &self.log, move |verdict| {
                        drop(sender.send(Happened::Verdict(verdict)));
                    });
                }
                Output::Event(event) => {
                    self.log.info(logged(&event));
                    self.terminal.show(&event);
                }
                Output::Timeout(until) => return Ok(until),
            }
        }
    }

    fn take(&mut self, happened: Happened) {
        match happened {
            Happened::Line(event) => self.line_event(event),
            Happened::Verdict(verdict) => self.link.handle_input(Input::Verdict(verdict), now()),
            Happened::Scanned(code) => drop(self.scan(&code)),
            Happened::Control(ask, answer) => {
                let told = match ask {
                    control::Ask::Status => self.status(),
                    control::Ask::Scan { code } => self.scan(code.as_str()),
                    control::Ask::Reload => self.reload(),
                };
                drop(answer.send(told));
            }
            Happened::Stop => {}
        }
    }

    fn line_event(&mut self, event: LineEvent) {
        match event {
            LineEvent::Opened { stream } => {
                self.stream = stream;
                self.log.info(format!("line opened, stream {stream}"));
                self.link.handle_input(Input::Opened, now());
            }
            LineEvent::Bytes { stream, bytes } if stream == self.stream => {
                self.link.handle_input(Input::Bytes(&bytes), now());
            }
            LineEvent::Closed { stream, why } if stream == self.stream => {
                self.stream = 0;
                self.log.warn(format!("line closed: {why}"));
                self.link.handle_input(Input::Closed, now());
            }
            LineEvent::Failed { why } => self.log.warn(format!("line cannot be opened: {why}")),
            LineEvent::Bytes { .. } | LineEvent::Closed { .. } => {}
        }
    }

    fn scan(&mut self, scanned: &str) -> Value {
        let (channel, code) = match recognise(scanned) {
            Ok(recognised) => recognised,
            //= spec-crate/spec/privacy.md#payment-codes
            //# A POS MUST NOT keep any part of a scanned text that was not taken as a payment code, such as
            //# an insurance code.
            Err(refusal) => {
                self.log.info(format!("code refused: {}", refusal.name()));
                self.terminal.refused(refusal);
                return json!({"ok": false, "why": refusal.name()});
            }
        };
        match self.link.scan(channel, code, now()) {
            Ok(()) => json!({"ok": true, "channel": channel.name()}),
            Err(refusal) => {
                self.log.info(format!("code not used: {refusal}"));
                self.terminal.not_waiting();
                json!({"ok": false, "why": "no_order_waits"})
            }
        }
    }

    fn status(&self) -> Value {
        let view = self.link.view();
        let active = view.active.map(|(progress, amount)| {
            json!({
                "order_no": progress.order_no.as_str(), "stage": progress.stage.name(),
                "channel": progress.channel.map(|channel| channel.name()),
                "money_unknown": progress.money_unknown, "seconds_left": progress.seconds_left,
                "amount_fen": amount.fen(),
            })
        });
        let merchant = |merchant: &hispos::platform::Merchant| json!({"channel": merchant.channel.name(), "account": merchant.account});
        json!({
            "ok": true, "line": self.line.path(), "line_open": self.stream != 0, "session": view.session,
            "active": active, "open": view.open, "unanswered": view.unanswered,
            "verified": view.verified.iter().map(merchant).collect::<Vec<_>>(),
            "journal_seq": self.journal.anchor().seq,
        })
    }

    fn reload(&mut self) -> Value {
        let held = match Held::load(&self.home) {
            Ok(held) => held,
            Err(failure) => return json!({"ok": false, "why": failure.text}),
        };
        let (Some(newest), Some(terminals)) = (held.agreements.first(), held.terminals) else {
            return json!({"ok": false, "why": "nothing to serve with"});
        };
        if let Err(error) = credentials::admit(true, newest.terms().simulated) {
            return json!({"ok": false, "why": error.to_string()});
        }
        self.link.provision(held.agreements, terminals, self.asker.merchants(), now());
        json!({"ok": true})
    }

    fn find(&self, query: &Query) -> Result<hispos::book::Found, Failure> {
        self.journal.find(query).map_err(|error| self.alarm(error.to_string()))
    }

    fn look_at_disk(&mut self) {
        let enough = self.journal.free_space().is_ok_and(|free| free >= self.reserve);
        if !enough {
            self.log.error("the disk is nearly full: no new orders are taken");
        }
        self.link.set_storage(enough);
    }

    fn alarm(&self, why: String) -> Failure {
        self.log.error(&why);
        Failure::new(Exit::Alarm, format!("the journal failed, nothing more is told: {why}"))
    }

    /// Ends the session in order.
    fn stop(mut self) -> Result<(), Failure> {
        self.link.close(now());
        self.carry_out()?;
        self.line.flush(CLOSE_WITHIN);
        self.log.info("stopped");
        Ok(())
    }
}

fn wait(until: Option<Instant>) -> Duration {
    let left = until.map_or(u64::MAX, |until| until.since(clock::instant()));
    LOOK_EVERY.min(Duration::from_millis(left))
}
