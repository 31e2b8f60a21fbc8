//! One real end of a link over a book in memory, and a peer with keys that says whatever a test wants.

use std::collections::{BTreeMap, VecDeque};
use std::vec;
use std::vec::Vec;

use prost::Message as _;

use crate::book::{Anchor, Batch, Containment, Found, Query, Row, RowKey, Table, Write};
use crate::crypto::hash::sha256;
use crate::crypto::{Entropy, Secret, ed25519_public};
use crate::handshake::{HeldAgreement, Peering};
use crate::ids::{BookId, DeviceId, SiteCode, SiteId, TerminalId};
use crate::link::{
    HisConfig, HisEvent, HisLink, Input, LoadId, Output, PersistId, PosConfig, PosEvent, PosLink,
};
use crate::message::agreement::{Account, Agreement, AmountLimits, BusinessDay, Terms, Timers};
use crate::message::manifest::{Device, Entry, EntryId, Manifest, Revocation, Terminal};
use crate::message::signed_file::OrganisationKey;
use crate::order_flow::Body;
use crate::platform::Ask;
use crate::session::{HisSession, PosSession, SessionEnd, SessionOutput};
use crate::time::{Clock, Instant, UnixSeconds};
use crate::wire;

const DEVICE: &str = "POS-1";
const TERMINAL: &str = "WIN-1";
/// One character of the POS program's name, which has more of them than can be told.
pub(super) const SOFTWARE: &str = "终";
pub(super) const START: Clock = Clock { now: Instant(1_000_000), unix: Some(UnixSeconds(1_800_000_000)) };

/// Not random, and never the same twice.
struct Counted(u64);

impl Entropy for Counted {
    fn fill(&mut self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&sha256(&[&self.0.to_be_bytes()])[..chunk.len()]);
        }
    }
}

pub(super) fn seed(kind: u8) -> Secret<32> {
    Secret::new([kind; 32])
}

pub(super) fn entry<I: EntryId>(id: I, kind: u8, revocation: Option<Revocation>) -> Entry<I> {
    Entry {
        name: "one".into(),
        id,
        public_key: ed25519_public(&seed(kind)),
        valid_from: UnixSeconds(1_700_000_000),
        valid_until: UnixSeconds(1_900_000_000),
        revocation,
    }
}

pub(super) fn site() -> SiteId {
    SiteId::try_from("site-1").unwrap()
}

/// A simulated agreement, or one of a production site.
pub(super) fn agreement(agreement_no: u32, simulated: bool) -> Agreement {
    Agreement::encode(&Terms {
        agreement_no,
        site_id: site(),
        site_code: SiteCode::try_from(if simulated { "SIM1" } else { "H001" }).unwrap(),
        versions: vec![1],
        suites: vec![1],
        his_organisation: OrganisationKey::of(&seed(21)),
        pos_organisation: OrganisationKey::of(&seed(22)),
        amounts: AmountLimits { collect_max: 5_000, refund_max: 5_000, refund_day_max: 5_000 },
        timers: Timers::USUAL,
        business_day: BusinessDay::default(),
        wechat: Some(Account { id: "1900000109".into(), sub_id: None }),
        alipay: None,
        simulated,
    })
    .unwrap()
}

/// The one window, in use or withdrawn.
pub(super) fn terminals(serial: u32, revocation: Option<Revocation>) -> Manifest<Terminal> {
    let terminal = entry(TerminalId::try_from(TERMINAL).unwrap(), 12, revocation);
    Manifest::encode(serial, &site(), vec![terminal]).unwrap()
}

/// The one device, in use or withdrawn.
pub(super) fn devices(serial: u32, revocation: Option<Revocation>) -> Manifest<Device> {
    let device = entry(DeviceId::try_from(DEVICE).unwrap(), 11, revocation);
    Manifest::encode(serial, &site(), vec![device]).unwrap()
}

/// Keys of the peer that a test plays.
fn peering(own: (&str, u8), link: (&str, u8), agreements: &[Agreement]) -> Peering {
    let peers = BTreeMap::from([(link.0.into(), ed25519_public(&seed(link.1)))]);
    let agreements = HeldAgreement::serving(agreements);
    Peering::new(own.0.into(), seed(own.1), agreements, peers, Some(link.0.into())).unwrap()
}

/// A book that answers at once, or only when it is told to.
pub(super) struct Store {
    rows: BTreeMap<RowKey, (u64, Write)>,
    seq: u64,
    asked: VecDeque<Asked>,
    pub(super) slow: bool,
    /// Batches wait, and questions are answered.
    pub(super) unwritten: bool,
    pub(super) containment: Containment,
    /// What it was asked for and has answered.
    pub(super) answered: Vec<Query>,
}

enum Asked {
    Load(LoadId, Query),
    Persist(PersistId, Batch),
}

impl Store {
    fn new() -> Self {
        let (rows, asked) = (BTreeMap::new(), VecDeque::new());
        let (containment, answered) = (Containment::Contained, Vec::new());
        Self { rows, seq: 0, asked, slow: false, unwritten: false, containment, answered }
    }

    pub(super) fn anchor(&self) -> Anchor {
        Anchor { book: BookId::from_bytes([7; 8]), seq: self.seq, head: [0; 8] }
    }

    /// A row that was written before the test.
    pub(super) fn put(&mut self, write: Write) {
        self.seq += 1;
        self.rows.insert(write.key.clone(), (self.seq, write));
    }

    /// A row as it is.
    pub(super) fn row(&self, key: &RowKey) -> Option<Vec<u8>> {
        self.rows.get(key).map(|(_, write)| write.bytes.clone())
    }

    fn answer(&mut self) -> Option<Input<'static>> {
        let batch = matches!(self.asked.front(), Some(Asked::Persist(..)));
        if self.slow || self.unwritten && batch {
            return None;
        }
        Some(match self.asked.pop_front()? {
            Asked::Load(id, query) => {
                let found = self.find(&query);
                self.answered.push(query);
                Input::Loaded(id, found)
            }
            Asked::Persist(id, batch) => {
                batch.write.into_iter().for_each(|write| self.put(write));
                Input::Persisted(id, self.anchor())
            }
        })
    }

    fn find(&self, query: &Query) -> Found {
        let all = self.rows.values().map(|(version, write)| {
            (Row { key: write.key.clone(), version: *version, bytes: write.bytes.clone() }, &write.index)
        });
        let mut more = false;
        let rows = match query {
            Query::Rows(keys) => keys
                .iter()
                .map(|key| match self.rows.get(key) {
                    Some((version, write)) => {
                        Row { key: key.clone(), version: *version, bytes: write.bytes.clone() }
                    }
                    None => Row { key: key.clone(), version: 0, bytes: Vec::new() },
                })
                .collect(),
            Query::Bill(bill) => all.filter(|(_, index)| index.bill == *bill).map(|(row, _)| row).collect(),
            Query::After { seq, limit } => {
                let mut later: Vec<Row> = all.map(|(row, _)| row).filter(|row| row.version > *seq).collect();
                later.retain(|row| row.key.table == Table::Order);
                later.sort_by_key(|row| row.version);
                more = later.len() > *limit;
                later.truncate(*limit);
                later
            }
            Query::Open { device, .. } => all
                .filter(|(row, index)| row.key.table == Table::Order && index.open)
                .filter(|(_, index)| device.is_empty() || index.device == *device)
                .map(|(row, _)| row)
                .collect(),
            Query::Day(_) => all.map(|(row, _)| row).filter(|row| row.key.table == Table::Order).collect(),
            Query::Anchor(_) => Vec::new(),
        };
        Found { rows, more, containment: self.containment, anchor: self.anchor() }
    }
}

/// The end under test, and what it told.
pub(super) struct Bench<L, P, E> {
    pub(super) link: L,
    pub(super) peer: P,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) events: Vec<E>,
    /// What the peer was sent in its sessions.
    pub(super) heard: Vec<wire::Message>,
    /// How the peer's sessions ended.
    pub(super) ends: Vec<SessionEnd>,
    peering: Peering,
    entropy: Counted,
}

impl<L, P, E> Bench<L, P, E> {
    fn around(link: L, peer: P, peering: Peering) -> Self {
        Self {
            link,
            peer,
            store: Store::new(),
            clock: START,
            events: Vec::new(),
            heard: Vec::new(),
            ends: Vec::new(),
            peering,
            entropy: Counted(1 << 32),
        }
    }

    /// Everything that the peer heard and the test has not looked at.
    pub(super) fn hear(&mut self) -> Vec<wire::Message> {
        core::mem::take(&mut self.heard)
    }
}

macro_rules! bench {
    ($link:ident, $event:ident, $peer:ident) => {
        impl Bench<$link, $peer, $event> {
            /// Carries everything over a perfect line until all are quiet.
            pub(super) fn run(&mut self) {
                loop {
                    let mut quiet = true;
                    loop {
                        match self.link.poll_output() {
                            Output::Timeout(_) => break,
                            Output::Transmit(bytes) => self.give_peer(&bytes),
                            Output::Persist(id, batch) => {
                                self.store.asked.push_back(Asked::Persist(id, batch))
                            }
                            Output::Load(id, query) => self.store.asked.push_back(Asked::Load(id, query)),
                            Output::Event(event) => self.events.push(event),
                            Output::Ask(_) => {}
                        }
                        quiet = false;
                    }
                    if let Some(input) = self.store.answer() {
                        self.link.handle_input(input, self.clock);
                        quiet = false;
                    }
                    while let Some(output) = self.peer.poll() {
                        match output {
                            SessionOutput::Transmit(bytes) => {
                                self.link.handle_input(Input::Bytes(&bytes), self.clock)
                            }
                            SessionOutput::Message(plaintext) => {
                                self.heard.push(wire::Message::decode(plaintext.as_slice()).unwrap())
                            }
                            SessionOutput::Down(end) => self.ends.push(end),
                            SessionOutput::Up(_) | SessionOutput::Notice(_) => {}
                        }
                        quiet = false;
                    }
                    if quiet {
                        return;
                    }
                }
            }

            /// Time passes at both ends.
            pub(super) fn pass(&mut self, milliseconds: u64) {
                self.clock.now = self.clock.now.after(milliseconds);
                self.clock.unix = self.clock.unix.map(|unix| UnixSeconds(unix.0 + milliseconds / 1_000));
                self.link.handle_input(Input::Tick, self.clock);
                self.tick_peer();
                self.run();
            }

            /// The peer says something.
            pub(super) fn say(&mut self, call: u32, reply_to: u32, body: Option<Body>) {
                let message = wire::Message { call, reply_to, body };
                self.peer.send(&message.encode_to_vec(), self.clock.now).unwrap();
                self.run();
            }

            /// The book fails under the batch that waits.
            pub(super) fn fail(&mut self) {
                let Some(Asked::Persist(id, _)) = self.store.asked.pop_front() else {
                    panic!("no batch waits")
                };
                self.link.handle_input(Input::PersistFailed(id), self.clock);
                self.run();
            }

            /// The line is opened anew at both ends, and a session is made if the keys let it.
            pub(super) fn reopen(&mut self) {
                self.peer = self.open_peer();
                self.link.handle_input(Input::Opened, self.clock);
                self.pass(0);
            }
        }
    };
}

bench!(HisLink, HisEvent, PosSession);
bench!(PosLink, PosEvent, HisSession);

/// A HIS, and a POS that is played.
pub(super) type HisBench = Bench<HisLink, PosSession, HisEvent>;

impl HisBench {
    /// In a session before Sync is answered.
    pub(super) fn new() -> Self {
        Self::over(None)
    }

    /// The same over a ledger with this row.
    fn over(row: Option<Write>) -> Self {
        let agreements = vec![agreement(1, true)];
        let peering = peering((DEVICE, 11), (TERMINAL, 12), &agreements);
        let config = HisConfig {
            terminal_id: TerminalId::try_from(TERMINAL).unwrap(),
            terminal_seed: seed(12),
            site_secret: seed(13),
            device_id: DeviceId::try_from(DEVICE).unwrap(),
            agreements,
            devices: devices(1, None),
        };
        let link = HisLink::new(config, std::boxed::Box::new(Counted(0)), START).unwrap();
        let mut bench = Self::around(link, PosSession::open(wire::SessionReady::default()), peering);
        row.into_iter().for_each(|row| bench.store.put(row));
        bench.run();
        bench.reopen();
        bench
    }

    /// In a session past Sync, with an empty list pulled.
    pub(super) fn ready() -> Self {
        Self::ready_over(None)
    }

    /// The same over a ledger with this row.
    pub(super) fn ready_over(row: Option<Write>) -> Self {
        let mut bench = Self::over(row);
        let sync = bench.hear().pop().unwrap();
        assert!(matches!(sync.body, Some(Body::Sync(_))));
        bench.say(0, sync.call, Some(Body::SyncReply(wire::SyncReply::default())));
        let list = bench.hear().pop().unwrap();
        assert!(matches!(list.body, Some(Body::ListOrders(_))));
        bench.say(0, list.call, Some(Body::OrderList(wire::OrderList::default())));
        bench
    }

    fn give_peer(&mut self, bytes: &[u8]) {
        self.peer.handle_bytes(bytes, self.clock, &self.peering, &mut self.entropy);
    }

    fn tick_peer(&mut self) {
        self.peer.handle_tick(self.clock.now);
    }

    fn open_peer(&self) -> PosSession {
        PosSession::open(wire::SessionReady { run: vec![1, 2, 3, 4], ..wire::SessionReady::default() })
    }
}

/// A POS, and a HIS that is played.
pub(super) type PosBench = Bench<PosLink, HisSession, PosEvent>;

impl PosBench {
    /// The POS holds these agreements, newest first, and HIS the last of them; a session is up if keys let it.
    pub(super) fn new(agreements: Vec<Agreement>, terminals: Manifest<Terminal>) -> Self {
        let oldest = agreements.last().cloned().unwrap();
        let config = PosConfig {
            device_id: DeviceId::try_from(DEVICE).unwrap(),
            device_seed: seed(11),
            boot: [9; 16],
            software: SOFTWARE.repeat(70),
            agreements,
            terminals,
            merchants: Vec::new(),
        };
        let link = PosLink::new(config, std::boxed::Box::new(Counted(0)), START).unwrap();
        let mut bench = Self::around(link, HisSession::open(START.now), his(&[oldest]));
        bench.run();
        bench.reopen();
        bench
    }

    /// A key exchange begins on the present stream; what the POS writes.
    pub(super) fn m1(&mut self) -> Vec<u8> {
        self.peer = self.open_peer();
        self.tick_peer();
        let m1 = self.said();
        self.link.handle_input(Input::Bytes(&m1), self.clock);
        self.written()
    }

    /// With one simulated agreement and a window in use, past Sync.
    pub(super) fn synced() -> Self {
        let mut bench = Self::new(vec![agreement(1, true)], terminals(1, None));
        bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
        bench.hear();
        bench
    }

    /// A key exchange on a new stream up to its M3, which the POS is not given.
    pub(super) fn up_to_m3(&mut self) -> Vec<u8> {
        self.peer = self.open_peer();
        self.link.handle_input(Input::Opened, self.clock);
        self.tick_peer();
        let m1 = self.said();
        self.link.handle_input(Input::Bytes(&m1), self.clock);
        let m2 = self.written();
        self.give_peer(&m2);
        self.said()
    }

    /// What the POS writes, without answers of its store.
    pub(super) fn written(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            match self.link.poll_output() {
                Output::Transmit(more) => bytes.extend(more),
                Output::Timeout(_) => return bytes,
                _ => {}
            }
        }
    }

    /// What the POS asks a platform next.
    pub(super) fn asked(&mut self) -> Option<Ask> {
        loop {
            match self.link.poll_output() {
                Output::Ask(ask) => return Some(ask),
                Output::Timeout(_) => return None,
                _ => {}
            }
        }
    }

    /// What HIS writes.
    pub(super) fn said(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while let Some(output) = self.peer.poll() {
            if let SessionOutput::Transmit(more) = output {
                bytes.extend(more);
            }
        }
        bytes
    }

    /// From now on HIS offers these agreements.
    pub(super) fn his_holds(&mut self, agreements: &[Agreement]) {
        self.peering = his(agreements);
    }

    fn give_peer(&mut self, bytes: &[u8]) {
        self.peer.handle_bytes(bytes, self.clock.now, &self.peering, &mut self.entropy);
    }

    fn tick_peer(&mut self) {
        self.peer.handle_tick(self.clock.now, &self.peering, &mut self.entropy);
    }

    fn open_peer(&self) -> HisSession {
        HisSession::open(self.clock.now)
    }
}

fn his(agreements: &[Agreement]) -> Peering {
    peering((TERMINAL, 12), (DEVICE, 11), agreements)
}
