//! The POS end of a link.
//!
//! Requests of HIS, verdicts of the platform, scanned codes and time become work, done one piece after the other: rows
//! are loaded, the order flow decides, its batch is made durable, and only then is anything told or sent.

mod durable;
mod interface;
mod reports;
mod requests;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use prost::Message as _;

use self::interface::{peering, terminal_keys};
use self::reports::Reports;
use super::outbox::Outbox;
use super::{Input, LoadId, Output, PersistId};
use crate::book::{Anchor, Index, Query, RowKey, Table, Write};
use crate::catalogue::AlertCode;
use crate::crypto::{self, Entropy};
use crate::error::Refusal;
use crate::handshake::{HeldAgreement, Peering};
use crate::ids::SiteId;
use crate::message::agreement::Agreement;
use crate::message::manifest::{Manifest, Terminal};
use crate::order_flow::pos::{Context, Effect, Effects, PosFlow};
use crate::order_flow::{Body, notice};
use crate::platform::{Channel, Merchant, PaymentCode, Verdict};
use crate::session::{DropCounts, Established, PosSession, SessionOutput};
use crate::time::{Clock, Instant};
use crate::wire;

pub use self::interface::{PosConfig, PosEvent, PosView};
pub use crate::order_flow::pos::{OrderEvent, PosAlarm, Progress, Stage};

/// How many order rows are loaded at once when the program starts.
const START_PAGE: usize = 256;

/// The POS end of a link. See [`crate::link`] for the loop.
pub struct PosLink {
    flow: PosFlow,
    terminals: Manifest<Terminal>,
    peering: Peering,
    /// What every session is told of this program.
    ready: wire::SessionReady,
    session: Option<PosSession>,
    up: Option<Up>,
    entropy: Box<dyn Entropy + Send>,
    outbox: Outbox<PosEvent>,
    work: VecDeque<Work>,
    waiting: Option<Waiting>,
    reports: Reports,
    site_id: SiteId,
    /// Latest durable record of the journal, and what was last seen of the site's ledger.
    anchor: Option<Anchor>,
    ledger_seen: Vec<u8>,
    next_generation: u64,
    storage: bool,
    halted: bool,
    /// The clock of the latest input.
    now: Instant,
}

/// The session that is up.
struct Up {
    established: Established,
    /// Tells replies of an earlier session from those of this one.
    generation: u64,
    synced: bool,
}

/// One piece of work.
#[derive(Clone)]
enum Work {
    Start,
    Page(u64),
    Request { generation: u64, message: wire::Message },
    Verdict(Verdict),
    Scan(Channel, PaymentCode),
    Tick,
}

/// What the store is asked, and what goes on afterwards.
enum Waiting {
    Load(LoadId, Query, Work),
    Persist(PersistId, Vec<Effect>, Option<Reply>),
}

/// An answer for one session.
struct Reply {
    generation: u64,
    message: wire::Message,
}

impl PosLink {
    /// Makes a link; its first outputs load the journal.
    #[must_use]
    pub fn new(config: PosConfig, mut entropy: Box<dyn Entropy + Send>, clock: Clock) -> Option<Self> {
        let site_id = config.agreements.first()?.terms().site_id.clone();
        //= spec-crate/spec/orders.md#runs-boots-and-intact-journals
        //# A POS program MUST draw a new run of 4 random bytes at each start and tell it in SessionReady.
        let run: [u8; 4] = crypto::draw(&mut *entropy);
        let ready = wire::SessionReady {
            //= spec-crate/spec/messages.md#sessionready
            //# A POS MUST send in SessionReady the 4 random bytes of its program run, the same ones in every
            //# session of that run.
            run: run.to_vec(),
            //= spec-crate/spec/messages.md#deviceevent
            //# A POS MUST NOT send a `software` of more than 64 characters in SessionReady or a `text` of
            //# more than 128 characters in DeviceEvent.
            software: config.software.chars().take(64).collect(),
            ..wire::SessionReady::default()
        };
        let peering = peering(&config)?;
        let context = Context {
            device_id: config.device_id,
            seed: config.device_seed,
            agreements: config.agreements,
            merchants: config.merchants,
            verified: alloc::collections::BTreeSet::new(),
            boot: config.boot.to_vec(),
            run: run.to_vec(),
            started: clock.now,
            synced: false,
            anchored: true,
            dates: alloc::collections::BTreeMap::new(),
            next_ask: 0,
        };
        let mut link = Self {
            flow: PosFlow::new(context, clock.now),
            terminals: config.terminals,
            peering,
            ready,
            session: None,
            up: None,
            entropy,
            outbox: Outbox::new(),
            work: VecDeque::from([Work::Start]),
            waiting: None,
            reports: Reports::new(clock.now),
            site_id,
            anchor: None,
            ledger_seen: Vec::new(),
            next_generation: 1,
            storage: true,
            halted: false,
            now: clock.now,
        };
        link.run(clock);
        Some(link)
    }

    /// Takes in what the world tells.
    pub fn handle_input(&mut self, input: Input<'_>, clock: Clock) {
        match input {
            Input::Opened => {
                self.session_ended("line");
                //= spec-crate/spec/framing.md#end-of-a-stream
                //# An end MUST discard the attempt, the candidate and the session of a stream, with their
                //# secrets, when the stream is closed or opened again.
                let mut session = PosSession::open(self.ready.clone());
                //= spec-crate/spec/orders.md#act-only-on-what-is-stored
                //# A POS that has stopped because of its book MUST answer an M1 with plain alert `busy` (91).
                session.set_busy(self.halted);
                self.session = Some(session);
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
                    session.handle_bytes(bytes, clock, &self.peering, &mut *self.entropy);
                }
            }
            Input::Tick => {
                if let Some(session) = self.session.as_mut() {
                    session.handle_tick(clock.now);
                }
                self.queue_tick();
            }
            Input::Persisted(id, anchor) => self.persisted(id, anchor, clock),
            Input::Loaded(id, found) => self.loaded(id, found, clock),
            //= spec-crate/spec/orders.md#act-only-on-what-is-stored
            //# A HIS or a POS that cannot make a step durable MUST stop telling and sending anything about
            //# orders, and go on only from its book as a program that has just started.
            Input::Stale(_) | Input::PersistFailed(_) => {
                self.halted = true;
                //= spec-crate/spec/orders.md#act-only-on-what-is-stored
                //# A POS that has stopped because of its book MUST answer an M1 with plain alert `busy` (91).
                self.session.iter_mut().for_each(|session| session.set_busy(true));
            }
            Input::Verdict(verdict) => self.work.push_back(Work::Verdict(verdict)),
        }
        self.drain_session(clock);
        self.run(clock);
    }

    /// The next thing to be done. See [`crate::link`].
    pub fn poll_output(&mut self) -> Output<PosEvent> {
        let timeout = self.timeout(self.now);
        self.outbox.poll(timeout)
    }

    /// Takes a scanned payment code, whose channel the program has recognised.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoOrderWaits`] if no order waits for a code of that channel. The code is then forgotten.
    pub fn scan(&mut self, channel: Channel, code: PaymentCode, clock: Clock) -> Result<(), Refusal> {
        //= spec-crate/spec/orders.md#waitcode
        //# A POS MUST take a scanned code only while an order in WaitCode of the present run waits and only
        //# for a channel that has a merchant in the order's agreement, show a clear text for every other
        //# code, and keep none of those.
        if !self.flow.waits() {
            return Err(Refusal::NoOrderWaits);
        }
        self.work.push_back(Work::Scan(channel, code));
        self.run(clock);
        Ok(())
    }

    /// Takes over what was imported: agreements (newest first), terminals, and merchants with credentials. The session
    /// of a terminal whose key is now known to be in other hands is ended.
    pub fn provision(
        &mut self,
        agreements: Vec<Agreement>,
        terminals: Manifest<Terminal>,
        merchants: Vec<Merchant>,
        clock: Clock,
    ) {
        let keys = terminal_keys(&terminals);
        //= spec-crate/spec/provisioning.md#taking-a-manifest-over
        //# A program MUST use a manifest that it has taken over for all new sessions and new orders
        //# from then on, and a POS also to end, with sealed alert 0 (close), the live session of a
        //# terminal that the manifest revokes as compromised.
        if self.up.as_ref().is_some_and(|up| !keys.contains_key(&up.established.peer_id)) {
            //= spec-crate/spec/provisioning.md#taking-a-manifest-over
            //# A program MUST use a manifest that it has taken over for all new sessions and new orders from
            //# then on, and a POS also to end, with sealed alert 0 (close), the live session of a terminal
            //# that the manifest revokes as compromised.
            self.close(clock);
        }
        //= spec-crate/spec/provisioning.md#taking-an-agreement-over
        //# A program MUST use the two newest agreements that it holds, or the one, for new sessions and new
        //# orders, and the older ones for the orders that name them only.
        //= spec-crate/spec/provisioning.md#taking-a-manifest-over
        //# A program MUST use a manifest that it has taken over for all new sessions and new orders from then
        //# on, and a POS also to end, with sealed alert 0 (close), the live session of a terminal that the
        //# manifest revokes as compromised.
        self.peering.provision(HeldAgreement::serving(&agreements), keys);
        self.flow.context.agreements = agreements;
        self.flow.context.merchants = merchants;
        self.terminals = terminals;
        self.flow.provisioned(clock.now);
        self.queue_tick();
        self.run(clock);
    }

    /// Says whether the journal has room for new orders above its reserve.
    pub fn set_storage(&mut self, enough: bool) {
        self.storage = enough;
    }

    /// Tells the cashier something about the device.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`] without a session.
    pub fn notice(&mut self, code: u32, text: &str, clock: Clock) -> Result<(), Refusal> {
        //= spec-crate/spec/messages.md#deviceevent
        //# A POS MUST NOT send a `software` of more than 64 characters in SessionReady or a `text` of more
        //# than 128 characters in DeviceEvent.
        let event = wire::DeviceEvent { code, text: text.chars().take(128).collect() };
        let sent = self.send(&notice(Body::DeviceEvent(event)), clock.now);
        self.drain_session(clock);
        if sent { Ok(()) } else { Err(Refusal::NoSession) }
    }

    /// Ends the session in order, for a program that stops.
    pub fn close(&mut self, clock: Clock) {
        if let Some(session) = self.session.as_mut() {
            //= spec-crate/spec/records.md#sealed-alerts
            //# An end that ends a session in order MUST send sealed alert 0 (close).
            session.close(AlertCode::Close, clock.now);
        }
        self.drain_session(clock);
    }

    /// What the link is doing.
    #[must_use]
    pub fn view(&self) -> PosView {
        PosView {
            session: self.up.as_ref().map(|up| up.established.peer_id.clone()),
            active: self.flow.active_progress(self.now),
            open: self.flow.open(),
            unanswered: self.flow.unanswered().len(),
            verified: self.flow.context.verified.iter().cloned().collect(),
        }
    }

    /// A batch could not be stored: nothing more is told, and the program has to start again from its journal.
    #[must_use]
    pub fn halted(&self) -> bool {
        self.halted
    }

    /// What was dropped in the present stream, by reason.
    #[must_use]
    pub fn drops(&self) -> Option<DropCounts> {
        self.session.as_ref().map(PosSession::drops)
    }

    fn timeout(&self, now: Instant) -> Option<Instant> {
        let session = self.session.as_ref().and_then(|session| session.timeout());
        let reports = self.may_report().then(|| self.reports.deadline(self.flow.unanswered(), now)).flatten();
        [session, self.flow.deadline(now), reports].into_iter().flatten().min()
    }

    fn queue_tick(&mut self) {
        if !self.work.iter().any(|work| matches!(work, Work::Tick)) {
            self.work.push_back(Work::Tick);
        }
    }

    fn session_ended(&mut self, reason: &str) {
        if self.up.take().is_some() {
            self.outbox.push(Output::Event(PosEvent::SessionDown { reason: reason.into() }));
        }
    }

    /// Carries out what the session wants, and takes over what it received.
    fn drain_session(&mut self, clock: Clock) {
        while let Some(output) = self.session.as_mut().and_then(PosSession::poll) {
            match output {
                SessionOutput::Transmit(bytes) => self.outbox.push(Output::Transmit(bytes)),
                SessionOutput::Up(established) => {
                    let generation = self.next_generation;
                    self.next_generation = generation.saturating_add(1);
                    let terminal_id = established.peer_id.clone();
                    self.up = Some(Up { established, generation, synced: false });
                    self.reports.begin_session(clock.now);
                    self.outbox.push(Output::Event(PosEvent::SessionUp { terminal_id }));
                }
                //= spec-crate/spec/security.md#on-the-cable
                //# A HIS and a POS MUST NOT offer any way to exchange orders or results outside of sealed
                //# records, not even for tests in a production profile.
                SessionOutput::Message(plaintext) => self.received(&plaintext, clock),
                SessionOutput::Down(reason) => self.session_ended(&alloc::format!("{reason:?}")),
                SessionOutput::Notice(event) => self.outbox.push(Output::Event(PosEvent::Line(event))),
            }
        }
    }

    /// Does work until something is awaited from the store.
    fn run(&mut self, clock: Clock) {
        // What fell due since the latest input is not passed over, whatever came in now.
        if self.flow.deadline(self.now).is_some_and(|due| due <= clock.now) {
            self.queue_tick();
        }
        self.now = clock.now;
        while self.waiting.is_none() && !self.halted {
            //= spec-crate/spec/messages.md#call-numbers
            //# A receiver MUST handle the requests of a session one after the other, in the order in which
            //# their records opened.
            let Some(work) = self.work.pop_front() else { break };
            match work {
                Work::Start => {
                    let peer = RowKey::new(Table::Peer, self.site_id.as_str());
                    self.load(Query::Rows(alloc::vec![peer]), Work::Start);
                }
                Work::Page(after) => {
                    //= spec-crate/spec/books.md#rows-of-the-journal
                    //# A POS MUST load at its start every order that has not ended or whose latest result is
                    //# not answered.
                    let query = Query::Open { device: String::new(), after, limit: START_PAGE };
                    self.load(query, Work::Page(after));
                }
                Work::Request { generation, message } => self.prepare(generation, message, clock),
                Work::Verdict(verdict) => {
                    self.flows(clock, |flow, effects| flow.verdict(&verdict, clock, effects));
                }
                Work::Scan(channel, code) => self.flows(clock, |flow, effects| {
                    let _ = flow.scan(channel, code, clock, effects);
                }),
                Work::Tick => self.flows(clock, |flow, effects| flow.tick(clock, effects)),
            }
        }
        self.report(clock);
    }

    fn flows(&mut self, clock: Clock, step: impl FnOnce(&mut PosFlow, &mut Effects)) {
        let mut effects = Effects::default();
        step(&mut self.flow, &mut effects);
        self.carry_out(effects, None, clock);
    }

    fn generation(&self) -> Option<u64> {
        self.up.as_ref().map(|up| up.generation)
    }

    fn send(&mut self, message: &wire::Message, now: Instant) -> bool {
        let Some(session) = self.session.as_mut().filter(|_| self.up.is_some()) else { return false };
        //= spec-crate/spec/encoding.md#ordinary-messages
        //# A sender of an ordinary message MUST encode it with fields in ascending order of their numbers,
        //# minimal varints, packed repeated numbers, and each scalar field and each `oneof` at most once.
        //= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
        //# A HIS and a POS MUST NOT send a site id, device id, terminal id, organisation or order number
        //# outside of sealed bytes.
        session.send(&message.encode_to_vec(), now).is_ok()
    }

    /// The row that remembers the ledger's anchor, if it goes forward.
    fn see_ledger(&mut self, anchor: &[u8]) -> Option<Write> {
        let new = Anchor::decode(anchor)?;
        let back =
            Anchor::decode(&self.ledger_seen).is_some_and(|old| old.book == new.book && new.seq <= old.seq);
        //= spec-crate/spec/orders.md#sync
        //# A HIS and a POS MUST store the anchor of the other side's book that comes with a Sync, SyncReply,
        //# Ping, Pong, ReportResult or ConfirmResult, unless it is absent or is of the same book as the
        //# stored one and not above its sequence number.
        if back {
            return None;
        }
        self.ledger_seen = anchor.to_vec();
        //= spec-crate/spec/books.md#anchors
        //# A HIS MUST keep the latest anchor of a journal for each device, and a POS that of a ledger for
        //# each site, so that anchors of two sites are never compared.
        //= spec-crate/spec/books.md#rows-of-the-journal
        //# A POS MUST keep the latest ledger anchor in the peer row of the site.
        let row = wire::PeerRow { anchor: anchor.to_vec(), ..wire::PeerRow::default() };
        let key = RowKey::new(Table::Peer, self.site_id.as_str());
        Some(Write { key, bytes: row.encode_to_vec(), index: Index::default() })
    }
}
