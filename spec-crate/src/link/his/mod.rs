//! The HIS end of a link: one device, over a ledger that many links share.
//!
//! What arrives, what is commanded and what falls due becomes work, done one piece after the other. A piece of work is
//! a function of rows: those that it lacks are loaded, its batch is made durable under the versions that it read, and
//! it is run again if another link was faster. Only then is anything told or sent.

mod calls;
mod commands;
mod elsewhere;
mod interface;
mod received;
mod steps;
mod tracking;
mod work;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use prost::Message as _;

use self::calls::Calls;
use self::interface::device_keys;
use self::work::{Waiting, Work};
use super::outbox::Outbox;
use super::{Input, LoadId, Output, PersistId};
use crate::book::{Anchor, Found, Row, RowKey, Table};
use crate::catalogue::AlertCode;
use crate::crypto::Entropy;
use crate::handshake::{HeldAgreement, Peering};
use crate::ids::OrderNo;
use crate::order_flow::his::{Changes, Held, HisContext, Rows};
use crate::session::{Established, HisSession, SessionOutput};
use crate::time::{Clock, Instant};
use crate::{timers, wire};

pub use self::interface::{HisConfig, HisEvent, HisView};
pub use crate::order_flow::his::{HisAlarm, HisOrderEvent, NewCollect, NewRefund, OrderRefusal, OrderView};
pub use crate::order_flow::totals::{Totals, TotalsRow};

/// How many order rows are loaded at once when the link starts.
const START_PAGE: usize = 256;

/// The HIS end of a link. See [`crate::link`] for the loop.
pub struct HisLink {
    context: HisContext,
    peering: Peering,
    session: Option<HisSession>,
    up: Option<Up>,
    entropy: Box<dyn Entropy + Send>,
    outbox: Outbox<HisEvent>,
    work: VecDeque<Work>,
    waiting: Option<Waiting>,
    calls: Calls,
    /// Latest anchor of the device's journal that the ledger holds.
    journal_seen: Vec<u8>,
    tracked: BTreeMap<OrderNo, Tracked>,
    anchor: Option<Anchor>,
    next_generation: u64,
    heard: Instant,
    silent: bool,
    sent: Instant,
    pinged_anchor: Option<Instant>,
    waited: bool,
    /// A POS has seen records of this ledger that it does not hold: no orders until the program has dealt with it.
    ledger_went_back: bool,
    /// When orders of revoked devices are looked for next; `None` if there are no such devices.
    look_for_revoked: Option<Instant>,
    /// How far the device's list was pulled: book and sequence number.
    pulled: (Vec<u8>, u64),
    /// The present pull began after the wait.
    pull_counts: bool,
    now: Clock,
    halted: bool,
}

/// The session that is up.
struct Up {
    established: Established,
    generation: u64,
    /// The program run of the POS, once SessionReady told it.
    run: Vec<u8>,
    /// Sync was sent. Its answer decides once whether orders may be made in this session.
    sync_sent: bool,
    synced: bool,
}

/// An order that this link has to do something about.
struct Tracked {
    held: Held,
    /// Made in this session: it may be submitted without a question.
    fresh: bool,
    /// The request that its state names was answered in this session.
    answered: bool,
    /// Not before this instant.
    retry_at: Instant,
}

impl HisLink {
    /// Makes a link; its first outputs load the site's open orders, of which it follows those that its device is asked
    /// about. `None` if no agreement is held.
    #[must_use]
    pub fn new(config: HisConfig, entropy: Box<dyn Entropy + Send>, clock: Clock) -> Option<Self> {
        let site_id = config.agreements.first()?.terms().site_id.clone();
        let peering = Peering::new(
            config.terminal_id.as_str().into(),
            config.terminal_seed,
            HeldAgreement::serving(&config.agreements),
            device_keys(&config.devices),
            Some(config.device_id.as_str().into()),
        )
        .ok()?;
        let context = HisContext {
            terminal_id: config.terminal_id,
            site_id,
            site_secret: config.site_secret,
            device_id: config.device_id,
            agreements: config.agreements,
            devices: config.devices,
            started: clock.now,
        };
        let mut link = Self {
            context,
            peering,
            session: None,
            up: None,
            entropy,
            outbox: Outbox::new(),
            work: VecDeque::from([Work::Begin, Work::Start(0)]),
            waiting: None,
            calls: Calls::new(),
            journal_seen: Vec::new(),
            tracked: BTreeMap::new(),
            anchor: None,
            next_generation: 1,
            heard: clock.now,
            silent: false,
            sent: clock.now,
            pinged_anchor: None,
            waited: false,
            ledger_went_back: false,
            look_for_revoked: Some(clock.now),
            pulled: (Vec::new(), 0),
            pull_counts: false,
            now: clock,
            halted: false,
        };
        link.run(clock);
        Some(link)
    }

    /// Takes in what the world tells.
    pub fn handle_input(&mut self, input: Input<'_>, clock: Clock) {
        //= spec-crate/spec/orders.md#act-only-on-what-is-stored
        //# A HIS or a POS that cannot make a step durable MUST stop telling and sending anything about
        //# orders, and go on only from its book as a program that has just started.
        if self.halted {
            return;
        }
        match input {
            Input::Opened => {
                self.session_ended("line");
                //= spec-crate/spec/framing.md#end-of-a-stream
                //# An end MUST discard the attempt, the candidate and the session of a stream, with their
                //# secrets, when the stream is closed or opened again.
                self.session = Some(HisSession::open(clock.now));
            }
            Input::Closed => {
                //= spec-crate/spec/framing.md#end-of-a-stream
                //# An end MUST discard the attempt, the candidate and the session of a stream, with their
                //# secrets, when the stream is closed or opened again.
                self.session = None;
                self.session_ended("line");
            }
            Input::Bytes(bytes) => {
                if let Some(session) = self.session.as_mut() {
                    session.handle_bytes(bytes, clock.now, &self.peering, &mut *self.entropy);
                }
            }
            Input::Tick => {
                if let Some(session) = self.session.as_mut() {
                    session.handle_tick(clock.now, &self.peering, &mut *self.entropy);
                }
            }
            Input::Persisted(id, anchor) => self.persisted(id, anchor, clock),
            Input::Stale(id) => self.stale(id),
            Input::Loaded(id, found) => self.loaded(id, found, clock),
            Input::PersistFailed(_) => self.halted = true,
            Input::Verdict(_) => {}
        }
        self.drain_session(clock);
        self.run(clock);
    }

    /// The next thing to be done. See [`crate::link`].
    pub fn poll_output(&mut self) -> Output<HisEvent> {
        let timeout = self.timeout();
        self.outbox.poll(timeout)
    }

    /// A batch could not be stored: nothing more is told, and the program has to start again from its ledger.
    #[must_use]
    pub fn halted(&self) -> bool {
        self.halted
    }

    fn timeout(&self) -> Option<Instant> {
        let now = self.now.now;
        let session = self.session.as_ref().and_then(HisSession::timeout);
        let ping = self
            .up
            .as_ref()
            .map(|_| self.sent.after(timers::PING_AFTER).min(self.heard.after(timers::SILENT)));
        let due = |tracked: &Tracked| tracked.due(self.may_look(&tracked.held), self.now);
        let leases = self.tracked.values().filter_map(due);
        let wait = (!self.waited).then(|| self.wait_over());
        let revoked = self.up.as_ref().filter(|up| up.synced).and(self.look_for_revoked);
        let marks = [ping, self.calls.deadline(), wait, revoked].into_iter().flatten().chain(leases);
        marks.filter(|at| *at > now).chain(session).min()
    }

    /// When the wait after a step back of the ledger would be over, counted from this program's start.
    fn wait_over(&self) -> Instant {
        //= spec-crate/spec/books.md#a-ledger-that-went-back
        //# A HIS MUST begin the wait anew at each start of its program until it has run out once.
        self.context.started.after(self.context.full_lease()).after(self.context.quiet())
    }

    fn forget_answers(&mut self) {
        self.calls.clear();
        self.tracked.values_mut().for_each(|tracked| (tracked.fresh, tracked.answered) = (false, false));
    }

    fn session_ended(&mut self, reason: &str) {
        self.forget_answers();
        if self.up.take().is_some() {
            self.event(HisEvent::SessionDown { reason: reason.into() });
        }
    }

    fn event(&mut self, event: HisEvent) {
        self.outbox.push(Output::Event(event));
    }

    /// Carries out what the session wants, and takes over what it received.
    fn drain_session(&mut self, clock: Clock) {
        while let Some(output) = self.session.as_mut().and_then(HisSession::poll) {
            match output {
                SessionOutput::Transmit(bytes) => self.outbox.push(Output::Transmit(bytes)),
                SessionOutput::Up(established) => self.session_began(established, clock),
                SessionOutput::Message(plaintext) => {
                    self.heard = clock.now;
                    self.silent = false;
                    self.received(&plaintext, clock);
                }
                SessionOutput::Down(reason) => self.session_ended(&alloc::format!("{reason:?}")),
                SessionOutput::Notice(event) => self.event(HisEvent::Line(event)),
            }
        }
    }

    /// A new session: its own calls, Sync first, and every open order is asked about again.
    fn session_began(&mut self, established: Established, clock: Clock) {
        self.forget_answers();
        self.tracked.values_mut().for_each(|tracked| tracked.retry_at = clock.now);
        let generation = self.next_generation;
        self.next_generation = generation.saturating_add(1);
        self.up = Some(Up { established, generation, run: Vec::new(), sync_sent: false, synced: false });
        self.heard = clock.now;
    }

    /// Does work until something is awaited from the store, then asks and repeats what is due.
    fn run(&mut self, clock: Clock) {
        self.now = clock;
        self.queue_due(clock);
        self.queue_revoked(clock);
        self.work_off(clock);
        self.ask(clock);
        // What was too late to be asked is cancelled now, and not at the next input.
        self.work_off(clock);
    }

    fn work_off(&mut self, clock: Clock) {
        while self.waiting.is_none() && !self.halted {
            let Some(work) = self.work.pop_front() else { break };
            self.run_step(work, Rows::default(), clock);
        }
    }

    /// Runs one piece of work over the rows at hand.
    fn run_step(&mut self, work: Work, rows: Rows, clock: Clock) {
        match self.step(&work, &rows, clock) {
            Err(query) => {
                let id = self.outbox.load(query.clone());
                self.waiting = Some(Waiting::Load { id, query, work, rows });
            }
            Ok(changes) => {
                for row in rows.orders() {
                    self.track(row, false, clock);
                }
                if let Some(row) = rows.get(&RowKey::new(Table::Peer, self.context.device_id.as_str())) {
                    self.note_peer(row);
                }
                if matches!(work, Work::Begin) {
                    // A wait that has run out once does not begin anew.
                    let site = RowKey::new(Table::Site, self.context.site_id.as_str());
                    self.waited = !rows.read::<wire::SiteRow>(&site).0.waiting;
                }
                if changes.batch.write.is_empty() {
                    return self.finish(work, changes, clock);
                }
                //= spec-crate/spec/orders.md#act-only-on-what-is-stored
                //# A HIS and a POS MUST make all rows that one step changes durable in one transaction.
                let id = self.outbox.persist(changes.batch.clone());
                self.waiting = Some(Waiting::Persist { id, work, changes });
            }
        }
    }

    fn loaded(&mut self, awaited: LoadId, found: Found, clock: Clock) {
        if !matches!(&self.waiting, Some(Waiting::Load { id, .. }) if *id == awaited) {
            return;
        }
        let Some(Waiting::Load { query, work, mut rows, .. }) = self.waiting.take() else { return };
        self.anchor = Some(found.anchor);
        if let Work::Start(_) = work {
            return self.started(&found, clock);
        }
        if let Work::OfRevoked { device, .. } = &work {
            return self.of_revoked(device, &found, clock);
        }
        rows.take(&query, found);
        self.run_step(work, rows, clock);
    }

    fn started(&mut self, found: &Found, clock: Clock) {
        for row in &found.rows {
            self.track(row, false, clock);
        }
        if let Some(last) = found.rows.last().filter(|_| found.more) {
            self.work.push_front(Work::Start(last.version));
        }
    }

    fn persisted(&mut self, awaited: PersistId, anchor: Anchor, clock: Clock) {
        if !matches!(&self.waiting, Some(Waiting::Persist { id, .. }) if *id == awaited) {
            return;
        }
        //= spec-crate/spec/books.md#anchors
        //# A HIS and a POS MUST send as anchor of a book that of its latest durable record when it sends the
        //# message, and in SyncReply and Pong when it took the request up.
        self.anchor = Some(anchor);
        //= spec-crate/spec/orders.md#act-only-on-what-is-stored
        //# A HIS MUST make the rows that a step changes durable before it sends a message or tells a person
        //# or a program because of that step.
        if let Some(Waiting::Persist { work, changes, .. }) = self.waiting.take() {
            self.finish(work, changes, clock);
        }
    }

    /// Another link was faster: the same work is run again over the rows as they are now.
    fn stale(&mut self, awaited: PersistId) {
        if !matches!(&self.waiting, Some(Waiting::Persist { id, .. }) if *id == awaited) {
            return;
        }
        if let Some(Waiting::Persist { work, .. }) = self.waiting.take() {
            //= spec-crate/spec/orders.md#act-only-on-what-is-stored
            //# A HIS whose transaction is refused because another link changed a row that the step had read
            //# MUST run the step again over the rows as they are then.
            self.work.push_front(work);
        }
    }

    /// What follows once a piece of work is durable.
    fn finish(&mut self, work: Work, changes: Changes, clock: Clock) {
        let made = changes.events.iter().any(|event| matches!(event, HisOrderEvent::Made { .. }));
        for write in &changes.batch.write {
            let row = Row { key: write.key.clone(), version: u64::MAX, bytes: write.bytes.clone() };
            match row.key.table {
                Table::Order => self.track(&row, made, clock),
                Table::Peer if row.key.key == self.context.device_id.as_str() => self.note_peer(&row),
                _ => {}
            }
        }
        let disposition = changes.disposition;
        let back = |event: &HisOrderEvent| matches!(event, HisOrderEvent::Alarm(HisAlarm::LedgerWentBack));
        self.ledger_went_back |= changes.events.iter().any(back);
        for event in changes.events {
            self.event(HisEvent::Order(event));
        }
        self.after(work, disposition, clock);
    }

    fn note_peer(&mut self, row: &Row) {
        if let Ok(peer) = wire::PeerRow::decode(row.bytes.as_slice()) {
            self.journal_seen = peer.anchor;
            self.pulled = (peer.pulled_book, peer.pulled_seq);
        }
    }

    fn send(&mut self, message: &wire::Message, now: Instant) {
        let Some(session) = self.session.as_mut().filter(|_| self.up.is_some()) else { return };
        //= spec-crate/spec/encoding.md#ordinary-messages
        //# A sender of an ordinary message MUST encode it with fields in ascending order of their numbers,
        //# minimal varints, packed repeated numbers, and each scalar field and each `oneof` at most once.
        //= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
        //# A HIS and a POS MUST NOT send a site id, device id, terminal id, organisation or order number
        //# outside of sealed bytes.
        if session.send(&message.encode_to_vec(), now).is_ok() {
            self.sent = now;
        }
    }

    fn close_session(&mut self, code: AlertCode, clock: Clock) {
        if let Some(session) = self.session.as_mut() {
            session.close(code, clock.now);
        }
        self.drain_session(clock);
    }
}
