//! Both links over books in memory, on a line and a platform that do what a story says, on virtual time.

mod outside;
mod people;

use hispos::book::{Batch, Query, Table};
use hispos::frame::{Decoder, FrameType, Side as Receiver};
use hispos::ids::OrderNo;
use hispos::ledger;
use hispos::link::{HisLink, Input, Output, PosLink};
use hispos::message::manifest::{Device, Manifest};
use hispos::platform::{Ask, Proof, Verdict};
use hispos::time::{Clock, Instant, UnixSeconds};

use crate::book::Book;
use crate::configs;
use crate::draws::{Drawn, Known, known};
use crate::hex::hex;
use crate::site::{SITE, Site, UNIX};
use crate::story::{self, Happening, In, Out, What};

use self::outside::{Connections, Unanswered};

/// From a write to its arrival.
const LINE: u64 = 10;
const DAY_SECONDS: u64 = 86_400;
/// The instant at which every story begins.
pub(crate) const BEGIN: u64 = 1_000_000;

/// An end of the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    His,
    Pos,
}

impl End {
    pub(crate) fn peer(self) -> Self {
        if self == Self::His { Self::Pos } else { Self::His }
    }
}

/// What the platform answers to a question: a proof and its own code; `None`: the connection fails.
pub(crate) type Platform = Box<dyn FnMut(&Ask) -> Option<(Proof, &'static str)>>;

/// Whether bytes that an end writes arrive.
pub(crate) type Line = Box<dyn FnMut(End, &[u8]) -> bool>;

enum Coming {
    Bytes(End, Vec<u8>),
    Verdict(Box<Verdict>),
}

/// Both ends.
pub(crate) struct Pair {
    site: Site,
    pub(crate) now: u64,
    his: Option<HisLink>,
    pos: Option<PosLink>,
    pub(crate) ledger: Book,
    pub(crate) journal: Book,
    /// The rows with which the ledger began, unless it was the site's alone with a search time that is over.
    pub(crate) first_rows: Option<Vec<story::Row>>,
    coming: Vec<(u64, Coming)>,
    wakes: [Option<u64>; 2],
    /// What happened at each end, HIS first.
    pub(crate) log: [Vec<Happening>; 2],
    /// The draws of each start of a program, HIS first.
    pub(crate) draws: [Vec<Drawn>; 2],
    platform: Platform,
    line: Line,
    connections: Connections,
    journal_fails: bool,
    boots: Option<[u8; 16]>,
    held: Option<End>,
    holds_loads: bool,
    unanswered: Option<Unanswered>,
}

impl Pair {
    /// Programs that have not started, and books that have just begun.
    pub(crate) fn new(
        platform: impl FnMut(&Ask) -> Option<(Proof, &'static str)> + 'static,
        line: Line,
    ) -> Result<Self, String> {
        // The ledger is old enough not to search for forgotten orders.
        let born = Clock { now: Instant(BEGIN), unix: Some(UnixSeconds(UNIX - 10 * DAY_SECONDS)) };
        let pair = Self::of_ledger(&ledger::born(SITE, born), platform, line)?;
        Ok(Self { first_rows: None, ..pair })
    }

    /// The same, with a ledger that is this many days old.
    pub(crate) fn aged(
        days: u64,
        platform: impl FnMut(&Ask) -> Option<(Proof, &'static str)> + 'static,
        line: Line,
    ) -> Result<Self, String> {
        let born = Clock { now: Instant(BEGIN), unix: Some(UnixSeconds(UNIX - days * DAY_SECONDS)) };
        Self::of_ledger(&ledger::born(SITE, born), platform, line)
    }

    /// The same, with a ledger that begins with these rows.
    pub(crate) fn of_ledger(
        rows: &Batch,
        platform: impl FnMut(&Ask) -> Option<(Proof, &'static str)> + 'static,
        line: Line,
    ) -> Result<Self, String> {
        let at = Some(UnixSeconds(UNIX));
        let mut ledger = Book::new(known("ledger book"), at);
        ledger.commit(rows, at).ok_or("a new ledger")?;
        Ok(Self {
            site: Site::new()?,
            first_rows: Some(story::written(rows)),
            now: BEGIN,
            his: None,
            pos: None,
            ledger,
            journal: Book::new(known("journal book"), at),
            coming: Vec::new(),
            wakes: [None, None],
            log: [Vec::new(), Vec::new()],
            draws: [Vec::new(), Vec::new()],
            platform: Box::new(platform),
            line,
            connections: Connections::default(),
            journal_fails: false,
            boots: None,
            held: None,
            holds_loads: false,
            unanswered: None,
        })
    }

    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// The machine of the POS boots.
    pub(crate) fn boots(&mut self) {
        self.boots = Some(known("second boot"));
    }

    /// From its next start HIS holds these devices.
    pub(crate) fn hold_devices(&mut self, devices: Manifest<Device>) {
        self.site.devices = devices;
    }

    fn clock(&self) -> Clock {
        let unix = UNIX + (self.now - BEGIN) / 1000;
        Clock { now: Instant(self.now), unix: Some(UnixSeconds(unix)) }
    }

    /// A program starts, and its end of the line opens.
    pub(crate) fn start(&mut self, end: End) -> Result<(), String> {
        let starts = self.draws_of(end).len();
        let (entropy, drawn) =
            Known::new(&format!("{} run {starts}", if end == End::His { "his" } else { "pos" }));
        let clock = self.clock();
        let boot = self.boots.filter(|_| end == End::Pos);
        self.note(end, What::In(In::Start { boot: boot.map(|boot| hex(&boot)) }));
        match end {
            End::His => {
                let open = Query::Open { device: String::new(), after: 0, limit: usize::MAX };
                let rows = self.ledger.memory.find(&open).rows;
                let batch = ledger::start(&rows, std::slice::from_ref(&self.site.agreement), clock);
                self.ledger.commit(&batch, clock.unix).ok_or("the ledger's start")?;
                self.his =
                    Some(HisLink::new(configs::his(&self.site)?, Box::new(entropy), clock).ok_or("no HIS")?);
            }
            End::Pos => {
                self.pos = Some(
                    PosLink::new(configs::pos(&self.site, boot)?, Box::new(entropy), clock)
                        .ok_or("no POS")?,
                );
            }
        }
        let [his, pos] = &mut self.draws;
        if end == End::His { his } else { pos }.push(drawn);
        self.drain(end);
        self.give(end, In::Opened {}, Input::Opened);
        Ok(())
    }

    /// A program is killed. What it had sent still arrives.
    pub(crate) fn kill(&mut self, end: End) {
        match end {
            End::His => self.his = None,
            End::Pos => {
                self.pos = None;
                self.coming.retain(|(_, coming)| matches!(coming, Coming::Bytes(..)));
            }
        }
        *self.wake_of(end) = None;
    }

    /// The terminal's journal has room for new orders, or not.
    pub(crate) fn storage(&mut self, enough: bool) {
        if let Some(link) = self.pos.as_mut() {
            link.set_storage(enough);
        }
    }

    /// An end opens its line again.
    pub(crate) fn reopen(&mut self, end: End) {
        self.give(end, In::Opened {}, Input::Opened);
    }

    /// From now on the journal cannot be written.
    pub(crate) fn fail_journal(&mut self) {
        self.journal_fails = true;
    }

    /// Whether an end has a session.
    pub(crate) fn is_up(&self, end: End) -> bool {
        match end {
            End::His => self.his.as_ref().is_some_and(|link| link.view().session.is_some()),
            End::Pos => self.pos.as_ref().is_some_and(|link| link.view().session.is_some()),
        }
    }

    /// Of what either end writes nothing but the key exchange arrives.
    pub(crate) fn cut_records(&mut self) {
        self.line = Box::new(|end, wire| {
            !matches!(kind_of(end, wire), Some(FrameType::HisRecord | FrameType::PosRecord))
        });
    }

    /// All that either end writes arrives again.
    pub(crate) fn mend(&mut self) {
        self.line = Box::new(|_, _| true);
    }

    /// Nothing that either end writes arrives any more.
    pub(crate) fn cut(&mut self) {
        self.line = Box::new(|_, _| false);
        self.coming.retain(|(_, coming)| !matches!(coming, Coming::Bytes(..)));
    }

    /// Bytes of no end arrive at one: from a buffer, or from an attacker.
    pub(crate) fn inject(&mut self, end: End, bytes: &[u8]) {
        self.give(end, In::Bytes(hex(bytes)), Input::Bytes(bytes));
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        while let Some((at, next)) = self.next().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            match next {
                Next::Coming(place) => match self.coming.remove(place).1 {
                    Coming::Bytes(end, bytes) => self.inject(end, &bytes),
                    Coming::Verdict(verdict) => {
                        self.give(End::Pos, story::verdict(&verdict), Input::Verdict(*verdict));
                    }
                },
                Next::Wake(end) => {
                    *self.wake_of(end) = None;
                    self.give(end, In::Tick {}, Input::Tick);
                }
            }
        }
        self.now = end;
    }

    fn next(&self) -> Option<(u64, Next)> {
        let coming = self.coming.iter().enumerate().min_by_key(|(place, (at, _))| (*at, *place));
        let coming = coming.map(|(place, (at, _))| (*at, Next::Coming(place)));
        let [his, pos] = self.wakes;
        let wakes = [his.map(|at| (at, Next::Wake(End::His))), pos.map(|at| (at, Next::Wake(End::Pos)))];
        // What arrives comes before what wakes.
        [coming].into_iter().chain(wakes).flatten().min_by_key(|(at, _)| *at)
    }

    fn give(&mut self, end: End, shown: In, input: Input<'_>) {
        if (end == End::His && self.his.is_none()) || (end == End::Pos && self.pos.is_none()) {
            return;
        }
        self.note(end, What::In(shown));
        self.feed(end, input);
    }

    fn feed(&mut self, end: End, input: Input<'_>) {
        let clock = self.clock();
        match end {
            End::His => self.his.as_mut().map(|link| link.handle_input(input, clock)),
            End::Pos => self.pos.as_mut().map(|link| link.handle_input(input, clock)),
        };
        self.drain(end);
    }

    fn drain(&mut self, end: End) {
        loop {
            let done = match end {
                End::His => match self.his.as_mut().map(HisLink::poll_output) {
                    Some(Output::Event(_)) => false,
                    Some(other) => self.carry_out(end, other),
                    None => true,
                },
                End::Pos => match self.pos.as_mut().map(PosLink::poll_output) {
                    Some(Output::Event(_)) => false,
                    Some(other) => self.carry_out(end, other),
                    None => true,
                },
            };
            if done {
                return;
            }
        }
    }

    /// Carries out what a link wants; `true` if it wants nothing more now.
    fn carry_out<E>(&mut self, end: End, output: Output<E>) -> bool {
        match output {
            Output::Persist(id, batch) => {
                self.note(end, What::Out(story::persist(&batch)));
                self.persist(end, id, batch);
            }
            Output::Load(id, query) => {
                self.note(end, What::Out(story::load(&query)));
                self.load(end, id, query);
            }
            Output::Transmit(bytes) => {
                self.note(end, What::Out(Out::Transmit(hex(&bytes))));
                if (self.line)(end, &bytes) {
                    self.coming.push((self.now + LINE, Coming::Bytes(end.peer(), bytes)));
                }
            }
            Output::Ask(ask) => self.ask(&ask),
            Output::Event(_) => {}
            Output::Timeout(at) => {
                *self.wake_of(end) = at.map(|at| at.0.max(self.now + 1));
                return true;
            }
        }
        false
    }

    /// What happened at an end.
    pub(crate) fn log_of(&self, end: End) -> &[Happening] {
        let [his, pos] = &self.log;
        if end == End::His { his } else { pos }
    }

    fn note(&mut self, end: End, what: What) {
        let [his, pos] = &mut self.log;
        if end == End::His { his } else { pos }.push(Happening { at: self.now, what });
    }

    fn book_of(&mut self, end: End) -> &mut Book {
        if end == End::His { &mut self.ledger } else { &mut self.journal }
    }

    fn wake_of(&mut self, end: End) -> &mut Option<u64> {
        let [his, pos] = &mut self.wakes;
        if end == End::His { his } else { pos }
    }

    fn draws_of(&self, end: End) -> &[Drawn] {
        let [his, pos] = &self.draws;
        if end == End::His { his } else { pos }
    }

    /// The order that HIS made last.
    pub(crate) fn made(&self) -> Option<OrderNo> {
        let order =
            |row: hispos::book::Row| hispos::ledger::OrderView::read(&row).map(|order| order.order_no);
        self.ledger.memory.table(Table::Order).into_iter().rev().find_map(order)
    }
}

enum Next {
    Coming(usize),
    Wake(End),
}

/// The type of a frame that an end wrote.
pub(crate) fn kind_of(sender: End, mut wire: &[u8]) -> Option<FrameType> {
    let receiver = if sender == End::His { Receiver::Pos } else { Receiver::His };
    let mut decoder = Decoder::new(receiver);
    decoder.next_frame(&mut wire)?.ok().map(|frame| frame.kind)
}
