//! The loop of one window: a link, its line, the ledger, and the desk around it.

use std::collections::HashMap;
use std::time::Duration;

use hispos::book::Query;
use hispos::error::Refusal;
use hispos::ledger::Totals;
use hispos::link::{HisLink, Input, Output};
use hispos::time::{Clock, Instant};
use hispos_common::line::{Line, LineEvent};
use hispos_common::log::Log;
use tokio::sync::{mpsc, oneshot};

use crate::desk::{ClockSource, Desk};
use crate::home::Home;
use crate::ledger::{Ledger, LedgerError, Unwritten};
use crate::link::{Command, NotMade, WindowEnd};
use crate::provisioning::{self, Provisioned, block};

mod tell;

/// The link's clock runs during sleep and the runtime's does not, so it is looked at again this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a sealed close may take to leave.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// One window's driver.
pub(crate) struct Driver {
    /// The software terminal, and the device bound to it.
    pub(crate) name: String,
    pub(crate) device: String,
    pub(crate) home: Home,
    pub(crate) provisioned: Provisioned,
    /// The site has blocked the device.
    pub(crate) blocked: bool,
    /// A terminal has seen records of this ledger that it does not hold.
    pub(crate) went_back: bool,
    pub(crate) link: HisLink,
    pub(crate) line: Line,
    pub(crate) heard: mpsc::Receiver<LineEvent>,
    /// The stream that is open; 0 if none is.
    pub(crate) stream: u64,
    pub(crate) window: WindowEnd,
    pub(crate) ledger: Ledger,
    pub(crate) desk: Desk,
    pub(crate) clock: ClockSource,
    pub(crate) log: Log,
    /// Orders asked of the link whose answer has not come.
    pub(crate) tickets: HashMap<u64, oneshot::Sender<Result<String, NotMade>>>,
    pub(crate) last_ticket: u64,
    /// Days whose totals were asked of the device, and who asked.
    pub(crate) totals: Vec<(u32, oneshot::Sender<Result<Totals, Refusal>>)>,
}

impl Driver {
    /// Runs until the desk is closed or the ledger fails.
    pub(crate) async fn run(mut self) -> Result<(), LedgerError> {
        self.blocked = is_blocked(&self.ledger, &self.device).await?;
        loop {
            let deadline = self.drain().await?;
            //= spec-crate/spec/books.md#a-ledger-that-went-back
            //# A HIS whose ledger does not contain the anchor of a SyncReply MUST raise an alarm, stop making
            //# and asking orders on all links, and go on only after a person has declared the restore.
            if self.went_back {
                return Err(LedgerError::WentBack);
            }
            let wait = sleep_until(deadline, self.now().now);
            tokio::select! {
                event = self.heard.recv() => match event {
                    Some(event) => self.take(event),
                    None => return Ok(()),
                },
                command = self.window.commands.recv() => match command {
                    Some(Command::Close) | None => return self.close().await,
                    Some(command) => self.command(command).await?,
                },
                () = wait => self.link.handle_input(Input::Tick, self.now()),
            }
        }
    }

    /// Ends the session in order, and gives the line a moment to say so.
    async fn close(&mut self) -> Result<(), LedgerError> {
        self.link.close(self.now());
        self.drain().await?;
        self.line.flush(CLOSE_WITHIN);
        Ok(())
    }

    /// Carries out what the link wants, in its order; returns when it wants to be called again.
    async fn drain(&mut self) -> Result<Option<Instant>, LedgerError> {
        loop {
            match self.link.poll_output() {
                Output::Persist(id, batch) => match self.ledger.commit(batch).await {
                    Ok(anchor) => self.link.handle_input(Input::Persisted(id, anchor), self.now()),
                    Err(Unwritten::Stale) => self.link.handle_input(Input::Stale(id), self.now()),
                    Err(Unwritten::Failed(error)) => {
                        self.link.handle_input(Input::PersistFailed(id), self.now());
                        return Err(error);
                    }
                },
                Output::Load(id, query) => {
                    let found = self.ledger.find(query).await?;
                    self.link.handle_input(Input::Loaded(id, found), self.now());
                }
                Output::Transmit(bytes) => self.line.write(self.stream, bytes),
                Output::Event(event) => self.tell(event),
                // Only a POS asks a platform.
                Output::Ask(_) => {}
                Output::Timeout(deadline) => return Ok(deadline),
            }
        }
    }

    fn take(&mut self, event: LineEvent) {
        let now = self.now();
        match event {
            LineEvent::Opened { stream } => {
                self.stream = stream;
                self.link.handle_input(Input::Opened, now);
            }
            LineEvent::Bytes { stream, bytes } if stream == self.stream => {
                self.link.handle_input(Input::Bytes(&bytes), now);
            }
            LineEvent::Closed { stream, why } if stream == self.stream => {
                self.log.info(format_args!("{}: the line is gone: {why}", self.name));
                self.stream = 0;
                self.link.handle_input(Input::Closed, now);
            }
            LineEvent::Failed { why } => {
                self.log.warn(format_args!("{}: the line cannot be opened: {why}", self.name));
                self.window
                    .state
                    .send_modify(|state| state.text = format!("the line cannot be opened: {why}"));
            }
            // Of a stream that is gone.
            LineEvent::Bytes { .. } | LineEvent::Closed { .. } => {}
        }
    }

    /// Reads again what was imported. What cannot be read leaves everything as it was.
    async fn provision(&mut self) -> Result<(), LedgerError> {
        self.blocked = is_blocked(&self.ledger, &self.device).await?;
        let ready = self.link.view().ready && !self.blocked;
        self.window.state.send_modify(|state| {
            state.blocked = self.blocked;
            state.ready = ready;
        });
        match provisioning::load(&self.home) {
            Ok(provisioned) => {
                let (agreements, devices) = (provisioned.agreements.clone(), provisioned.devices.clone());
                self.link.provision(agreements, devices, self.now());
                self.provisioned = provisioned;
                self.log.info(format_args!("{}: agreements and manifests were read again", self.name));
            }
            Err(failure) => self.log.error(format_args!("{}: not read again: {failure}", self.name)),
        }
        Ok(())
    }

    fn now(&self) -> Clock {
        (self.clock)()
    }
}

/// Waits for an instant of the link's clock, which runs while the machine sleeps: looks at it every second.
async fn sleep_until(deadline: Option<Instant>, now: Instant) {
    let wait = deadline.map_or(LOOK_EVERY, |deadline| Duration::from_millis(deadline.since(now)));
    tokio::time::sleep(wait.min(LOOK_EVERY)).await;
}

/// Whether the site itself has blocked a device.
async fn is_blocked(ledger: &Ledger, device: &str) -> Result<bool, LedgerError> {
    let found = ledger.find(Query::Rows(vec![block::key(device)])).await?;
    Ok(found.rows.first().is_some_and(block::blocks))
}
