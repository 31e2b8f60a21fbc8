//! A HIS of one link, for the other end of the line.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use hispos::amount::Amount;
use hispos::crypto::Secret;
use hispos::ids::{DeviceId, TerminalId};
use hispos::link::his::{HisOrderEvent, NewCollect, OrderView};
use hispos::link::pos::Stage;
use hispos::link::{HisConfig, HisEvent, HisLink, Input, Output};
use hispos_common::book::{Book, CommitError, SqliteBook};
use hispos_common::entropy::OsEntropy;
use hispos_common::line::{Line, LineConfig, LineEvent};
use hispos_pos::driver::now;
use tempfile::TempDir;

use crate::world::{World, agreement, terminal_seed};

const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Desk {
    link: HisLink,
    ledger: SqliteBook,
    line: Line,
    happened: Receiver<LineEvent>,
    stream: u64,
    events: VecDeque<HisEvent>,
    _home: TempDir,
}

impl Desk {
    pub(crate) fn open(world: &World, config: &LineConfig) -> Self {
        let home = tempfile::tempdir().unwrap();
        let ledger = SqliteBook::create(&home.path().join("ledger.db"), &mut OsEntropy, None).unwrap();
        let link = HisLink::new(
            HisConfig {
                terminal_id: TerminalId::try_from("HIS-1").unwrap(),
                terminal_seed: terminal_seed(),
                site_secret: Secret::new([7; 32]),
                device_id: DeviceId::try_from("POS-1").unwrap(),
                agreements: vec![agreement(1, true)],
                devices: world.devices(),
            },
            Box::new(OsEntropy),
            now(),
        )
        .unwrap();
        let (sender, happened) = channel();
        let line = Line::start(config, move |event| sender.send(event).is_ok()).unwrap();
        Self { link, ledger, line, happened, stream: 0, events: VecDeque::new(), _home: home }
    }

    /// Pulls the cable out and plugs it in again.
    pub(crate) fn plug_again(&mut self, config: &LineConfig) {
        let (sender, happened) = channel();
        // The old one goes first: a serial port is opened once.
        self.line = Line::start(&LineConfig::Dial("127.0.0.1:1".into()), |_| true).unwrap();
        self.link.handle_input(Input::Closed, now());
        self.line = Line::start(config, move |event| sender.send(event).is_ok()).unwrap();
        self.happened = happened;
    }

    pub(crate) fn collect(&mut self, bill: &str, fen: i64) {
        let new = NewCollect {
            ticket: 1,
            bill: bill.into(),
            amount: Amount::from_fen(fen).unwrap(),
            business_day: 20_261_124,
        };
        self.link.collect(new, now()).unwrap();
    }

    /// Runs until an event is what is waited for.
    pub(crate) fn wait<T>(&mut self, what: &str, mut is: impl FnMut(&HisEvent) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            while let Some(event) = self.events.pop_front() {
                if let Some(found) = is(&event) {
                    return found;
                }
            }
            self.turn();
        }
        panic!("{what} did not come");
    }

    pub(crate) fn ready(&mut self) {
        self.wait("ready", |event| matches!(event, HisEvent::Ready).then_some(()));
    }

    /// Runs until the terminal shows that it waits for a payment code.
    pub(crate) fn waits_for_code(&mut self) {
        self.wait("progress", |event| match event {
            HisEvent::Progress(progress) if progress.stage == Stage::WaitCode => Some(()),
            _ => None,
        });
    }

    pub(crate) fn ended(&mut self) -> OrderView {
        self.wait("an end", |event| match event {
            HisEvent::Order(HisOrderEvent::Ended(view)) => Some(view.clone()),
            _ => None,
        })
    }

    fn turn(&mut self) {
        loop {
            match self.link.poll_output() {
                Output::Persist(id, batch) => {
                    let answer = self.ledger.commit(vec![batch], now().unix).pop().unwrap();
                    let input = match answer {
                        Ok(anchor) => Input::Persisted(id, anchor),
                        Err(CommitError::Stale) => Input::Stale(id),
                        Err(error) => panic!("{error}"),
                    };
                    self.link.handle_input(input, now());
                }
                Output::Load(id, query) => {
                    let found = self.ledger.find(&query).unwrap();
                    self.link.handle_input(Input::Loaded(id, found), now());
                }
                Output::Transmit(bytes) => self.line.write(self.stream, bytes),
                Output::Event(event) => self.events.push_back(event),
                Output::Ask(_) => panic!("a HIS asks no platform"),
                Output::Timeout(_) => break,
            }
        }
        match self.happened.recv_timeout(Duration::from_millis(50)) {
            Ok(LineEvent::Opened { stream }) => {
                self.stream = stream;
                self.link.handle_input(Input::Opened, now());
            }
            Ok(LineEvent::Bytes { bytes, .. }) => self.link.handle_input(Input::Bytes(&bytes), now()),
            Ok(LineEvent::Closed { .. }) => self.link.handle_input(Input::Closed, now()),
            Ok(LineEvent::Failed { .. }) => {}
            Err(RecvTimeoutError::Timeout) => self.link.handle_input(Input::Tick, now()),
            Err(RecvTimeoutError::Disconnected) => panic!("the line is gone"),
        }
    }
}
