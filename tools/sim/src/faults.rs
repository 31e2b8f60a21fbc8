//! What breaks in a life: programs, machines, cables, stores, clocks, networks, and books that are restored.

use hispos::book::{RowKey, Table};
use hispos::ids::BookId;
use hispos::ledger::{CaptureView, OrderView};
use hispos::link::Input;
use hispos::message::agreement::Timers;

use crate::fields::Fields;
use crate::history::Fact;
use crate::line::Noise;
use crate::people::{BILLS, bill_key};
use crate::platform::Story;
use crate::rng::Rng;
use crate::site::{self, DESKS};
use crate::world::{Event, Machine, Node, World};

/// One fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// A program dies at the so-manieth Persist or Transmit from now.
    Dies(Machine, u64),
    /// A program is killed now.
    Killed(Machine),
    /// A machine loses power: the program dies and the clock begins again.
    Reboots(usize),
    /// A terminal's journal is replaced by an older copy: so many records back; with a reboot or not.
    JournalBack(usize, u64, bool),
    /// A terminal's journal is lost altogether.
    JournalLost(usize),
    /// The ledger is restored from a backup, so many records back; declared, or noticed by anchors.
    LedgerBack(u64, bool),
    /// The program learns that its ledger went back.
    NoticeLedger,
    /// A store refuses a commit.
    StorageFails(Machine),
    /// The calendar of a machine jumps, by seconds.
    ClockJumps(Machine, i64),
    /// A terminal does nothing for so long.
    Freezes(usize, u64),
    /// A cable is pulled for so long; what was on its way is kept in a buffer or not.
    Cut(usize, u64, bool),
    /// All faults end.
    Peace,
}

/// What breaks just behind the first byte of a request that moves money.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Strike {
    /// The program is killed.
    Kills,
    /// The same, behind refunds only.
    KillsRefund,
    /// The same, behind reverses only.
    KillsReverse,
    /// HIS is killed and the terminal's line cut; then another terminal is asked to look.
    KillsHis,
    /// It is killed, and its journal replaced by an older copy; with a reboot or not.
    JournalBack(bool),
    /// It is killed, and its journal is lost.
    JournalLost,
}

/// What a life is like.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Durations of the agreement.
    pub timers: Timers,
    /// How many collects, and within which time they begin.
    pub collects: u64,
    /// See `collects`.
    pub business_ms: u64,
    /// In thousandths: orders that are cancelled, paid orders that are refunded.
    pub cancels: u64,
    /// See `cancels`.
    pub refunds: u64,
    /// In thousandths: orders about which another terminal is asked.
    pub looks: u64,
    /// In thousandths: what networks to the platform do.
    pub slow_connects: u64,
    /// See `slow_connects`.
    pub dead_connects: u64,
    /// See `slow_connects`.
    pub lost_requests: u64,
    /// See `slow_connects`.
    pub late_requests: u64,
    /// See `slow_connects`.
    pub lost_answers: u64,
    /// See `slow_connects`.
    pub platform_errors: u64,
    /// The ledger is older than the days for which a new one searches.
    pub old_site: bool,
    /// What breaks behind requests that move money.
    pub at_write: Option<Strike>,
    /// Terminals freeze between their last look at the clock and the first byte.
    pub at_connect: bool,
    /// The ledger is restored just behind the making of an order.
    pub at_made: bool,
    /// Every payer types a password, between so many milliseconds.
    pub slow_payers: Option<(u64, u64)>,
    /// Every payment code is good.
    pub plain_codes: bool,
    /// How bad lines are.
    pub noise: Noise,
    /// Ends of a line notice each other.
    pub notices: bool,
    /// What breaks, and when.
    pub faults: Vec<(u64, Fault)>,
    /// When all faults end.
    pub peace_at: u64,
}

impl Plan {
    /// A life without any fault.
    #[must_use]
    pub fn calm() -> Self {
        Self {
            timers: Timers::USUAL,
            collects: 0,
            business_ms: 100_000,
            cancels: 0,
            refunds: 0,
            looks: 0,
            slow_connects: 0,
            dead_connects: 0,
            lost_requests: 0,
            late_requests: 0,
            lost_answers: 0,
            platform_errors: 0,
            old_site: true,
            at_write: None,
            at_connect: false,
            at_made: false,
            slow_payers: None,
            plain_codes: true,
            noise: Noise::default(),
            notices: true,
            faults: Vec::new(),
            peace_at: 400_000,
        }
    }

    /// The life of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "plan");
        let bad_network = rng.in_thousand(500);
        let bad_line = rng.in_thousand(400);
        let some = |rng: &mut Rng, most: u64| if bad_network { rng.between(0, most) } else { 0 };
        let mut plan = Self {
            collects: rng.between(1, 5),
            business_ms: rng.between(60_000, 400_000),
            cancels: rng.between(0, 500),
            refunds: rng.between(200, 1_000),
            looks: 150,
            slow_connects: some(&mut rng, 300),
            dead_connects: some(&mut rng, 150),
            lost_requests: some(&mut rng, 150),
            late_requests: some(&mut rng, 400),
            lost_answers: some(&mut rng, 300),
            platform_errors: some(&mut rng, 300),
            old_site: rng.in_thousand(750),
            plain_codes: rng.in_thousand(200),
            notices: rng.in_thousand(500),
            peace_at: rng.between(400_000, 900_000),
            ..Self::calm()
        };
        if bad_line {
            plan.noise = Noise {
                lost: rng.between(0, 100),
                damaged: rng.between(0, 60),
                doubled: rng.between(0, 60),
                late: rng.between(0, 60),
            };
        }
        if rng.in_thousand(150) {
            let strikes =
                [Strike::Kills, Strike::JournalBack(true), Strike::JournalBack(false), Strike::JournalLost];
            plan.at_write = Some(rng.pick(&strikes, Strike::Kills));
        }
        plan.at_connect = rng.in_thousand(50);
        plan.at_made = rng.in_thousand(50);
        for _ in 0..rng.between(0, 5) {
            let at = rng.between(3_000, plan.peace_at.saturating_sub(1_000));
            let fault = any_fault(&mut rng);
            plan.faults.push((at, fault));
        }
        plan
    }

    /// What a payment code will do.
    pub fn story(&self, rng: &mut Rng) -> Story {
        if self.plain_codes {
            return Story::Paid;
        }
        if let Some((from, to)) = self.slow_payers {
            return Story::Password(rng.between(from, to));
        }
        match rng.between(0, 19) {
            0..=5 => Story::Paid,
            6 | 7 => Story::PaidSilently,
            8..=10 => Story::Password(rng.between(2_000, 100_000)),
            11 => Story::NeverTyped,
            12 => Story::NeverClosed,
            13 => Story::RefusedAbsent,
            14 => Story::RefusedClosed,
            15 => Story::RefusedAlive(rng.between(2_000, 60_000)),
            16 => Story::BadCode,
            17 => Story::Error,
            18 if rng.in_thousand(200) => Story::WrongTotal,
            _ => Story::Password(rng.between(500, 40_000)),
        }
    }
}

fn any_fault(rng: &mut Rng) -> Fault {
    let desk = usize::try_from(rng.between(0, (DESKS - 1) as u64)).unwrap_or(0);
    let machine = if rng.in_thousand(400) { Machine::His } else { Machine::Pos(desk) };
    match rng.between(0, 15) {
        0..=4 => Fault::Dies(machine, rng.between(0, 40)),
        5 => Fault::Reboots(desk),
        6 => Fault::JournalBack(desk, rng.between(1, 25), rng.in_thousand(500)),
        7 => Fault::JournalLost(desk),
        8 => Fault::LedgerBack(rng.between(1, 60), rng.in_thousand(600)),
        9 => Fault::StorageFails(machine),
        10 => {
            let seconds = rng.between(1, 7_200);
            let far = if rng.in_thousand(100) { 200_000 } else { 0 };
            let jump = i64::try_from(seconds + far).unwrap_or(0);
            Fault::ClockJumps(machine, if rng.in_thousand(500) { jump } else { -jump })
        }
        11 | 12 => Fault::Freezes(desk, rng.between(1_000, 400_000)),
        _ => Fault::Cut(desk, rng.between(500, 200_000), rng.in_thousand(300)),
    }
}

impl World {
    /// Something breaks.
    pub(crate) fn fault(&mut self, fault: Fault) {
        if fault != Fault::NoticeLedger && fault != Fault::Peace {
            self.summary.fault(name(&fault));
        }
        self.note(|| format!("!!  {fault:?}"));
        match fault {
            Fault::Dies(machine, at) => self.host_mut(machine).dies_in = Some(at),
            Fault::Killed(machine) => self.kill(machine),
            Fault::Reboots(desk) => self.reboot(desk),
            Fault::JournalBack(desk, records, reboots) => {
                self.kill(Machine::Pos(desk));
                let seen = self.journal_seen(desk);
                let host = self.host_mut(Machine::Pos(desk));
                let mut seq = host.book.records().saturating_sub(records).max(1);
                if !reboots {
                    // Within one boot a copy that is newer than what HIS has seen cannot be noticed: a residual.
                    seq = seq.min(seen.saturating_sub(1));
                }
                if seq == 0 {
                    return;
                }
                host.book = host.book.back_to(seq);
                if let Some(replaced) = self.replaced.get_mut(desk).filter(|_| !reboots) {
                    *replaced = true;
                }
                if reboots {
                    self.reboot(desk);
                }
            }
            Fault::JournalLost(desk) => {
                self.kill(Machine::Pos(desk));
                let id = BookId::from_bytes(self.chance.bytes());
                self.host_mut(Machine::Pos(desk)).book = crate::book::MemoryBook::create(id);
            }
            Fault::LedgerBack(records, declared) => self.ledger_back(records, declared),
            Fault::NoticeLedger => self.notice_ledger(),
            Fault::StorageFails(machine) => self.host_mut(machine).storage_fails = true,
            Fault::ClockJumps(machine, seconds) => {
                let host = self.host_mut(machine);
                host.skew = host.skew.saturating_add(seconds);
            }
            Fault::Freezes(desk, length) => {
                let until = self.now.saturating_add(length);
                self.host_mut(Machine::Pos(desk)).frozen_until = until;
            }
            Fault::Cut(desk, length, keeps) => {
                if let Some(line) = self.lines.get_mut(desk).filter(|line| line.up) {
                    line.cut(keeps);
                    self.feed(Node::His(desk), Input::Closed);
                    self.feed(Node::Pos(desk), Input::Closed);
                    self.after(length, Event::Reconnect(desk));
                }
            }
            Fault::Peace => self.peace(),
        }
    }

    /// A program dies. Its unacknowledged batches are durable or lost, in order.
    pub(crate) fn kill(&mut self, machine: Machine) {
        if !self.host(machine).up {
            return;
        }
        self.note(|| format!("{machine:?}  dies"));
        let pending = std::mem::take(&mut self.host_mut(machine).pending);
        let keeps = self.chance.between(0, pending.len() as u64);
        if !self.host(machine).storage_fails {
            for (_, batch) in pending.iter().take(usize::try_from(keeps).unwrap_or(0)) {
                self.make_durable(machine, batch);
            }
        }
        let host = self.host_mut(machine);
        host.up = false;
        host.dies_in = None;
        let desks = match machine {
            Machine::His => {
                self.his_links.iter_mut().for_each(|link| *link = None);
                0..DESKS
            }
            Machine::Pos(desk) => {
                if let Some(slot) = self.pos_links.get_mut(desk) {
                    *slot = None;
                }
                desk..desk.saturating_add(1)
            }
        };
        for desk in desks {
            if self.lines.get(desk).is_some_and(|line| line.notices) {
                let peer = if machine == Machine::His { Node::Pos(desk) } else { Node::His(desk) };
                self.feed(peer, Input::Closed);
            }
        }
        let wait = if self.chance.in_thousand(200) {
            self.chance.between(30_000, 400_000)
        } else {
            self.chance.between(500, 8_000)
        };
        self.after(wait, Event::Start(machine));
    }

    fn reboot(&mut self, desk: usize) {
        self.kill(Machine::Pos(desk));
        let (now, boot) = (self.now, self.chance.bytes());
        let host = self.host_mut(Machine::Pos(desk));
        host.booted = now;
        host.boot = boot;
        host.frozen_until = 0;
    }

    /// The latest record of a journal that HIS durably knows.
    fn journal_seen(&self, desk: usize) -> u64 {
        let key = site::device_id(desk).map(|id| RowKey::new(Table::Peer, id.as_str()));
        let row = key.map(|key| self.his.book.row(&key));
        let bytes = row.map(|row| Fields::read(&row.bytes).bytes(1).unwrap_or_default()).unwrap_or_default();
        let own = self.host(Machine::Pos(desk)).book.anchor().book;
        hispos::book::Anchor::decode(&bytes)
            .filter(|anchor| anchor.book == own)
            .map_or(0, |anchor| anchor.seq)
    }

    fn ledger_back(&mut self, records: u64, declared: bool) {
        if self.replaced.contains(&true) {
            // Both books at once, before either is noticed: a residual.
            return;
        }
        self.kill(Machine::His);
        let seq = self.his.book.records().saturating_sub(records).max(1);
        self.his.book = self.his.book.back_to(seq);
        // What the restored ledger may have forgotten, the hospital collects again.
        self.people.again = (0..BILLS).map(bill_key).collect();
        let orders = self.his.book.table(Table::Order);
        let captures = self.his.book.table(Table::Capture);
        self.see(Fact::LedgerBack(
            orders.iter().filter_map(OrderView::read).collect(),
            captures.iter().filter_map(CaptureView::read).collect(),
        ));
        if declared {
            self.declare_ledger_restored();
        }
    }

    /// A link said that its ledger went back: declared in the book, and every link is made again.
    fn notice_ledger(&mut self) {
        if !self.his.up {
            return;
        }
        self.declare_ledger_restored();
        self.his.pending.clear();
        self.his.epoch = self.his.epoch.saturating_add(1);
        let clock = self.clock(Machine::His);
        for desk in 0..DESKS {
            if let Some(Some(link)) = self.his_links.get_mut(desk) {
                link.close(clock);
            }
            self.make_his_link(desk);
        }
    }

    pub(crate) fn reconnect(&mut self, desk: usize) {
        let Some(line) = self.lines.get_mut(desk).filter(|line| !line.up) else { return };
        line.up = true;
        let stale = [crate::line::Way::Down, crate::line::Way::Up].map(|way| (way, line.waiting(way)));
        for (way, at) in stale {
            if let Some(at) = at {
                self.at(at, Event::Arrive(desk, way));
            }
        }
        self.feed(Node::His(desk), Input::Opened);
        self.feed(Node::Pos(desk), Input::Opened);
    }

    /// From now on nothing breaks any more.
    fn peace(&mut self) {
        self.people.closing = true;
        self.plan.slow_connects = 0;
        self.plan.dead_connects = 0;
        self.plan.lost_requests = 0;
        self.plan.late_requests = 0;
        self.plan.lost_answers = 0;
        self.plan.platform_errors = 0;
        for machine in [Machine::His, Machine::Pos(0), Machine::Pos(1)] {
            let now = self.now;
            let host = self.host_mut(machine);
            host.dies_in = None;
            host.storage_fails = false;
            host.frozen_until = host.frozen_until.min(now);
            self.after(1, Event::Start(machine));
        }
        for desk in 0..DESKS {
            if let Some(line) = self.lines.get_mut(desk) {
                line.noise = Noise::default();
            }
            self.after(1, Event::Reconnect(desk));
        }
    }
}

fn name(fault: &Fault) -> &'static str {
    match fault {
        Fault::Dies(Machine::His, _) => "HIS dies at an output",
        Fault::Dies(..) => "POS dies at an output",
        Fault::Killed(_) => "killed behind a request",
        Fault::Reboots(_) => "POS reboots",
        Fault::JournalBack(_, _, true) => "journal back, with a reboot",
        Fault::JournalBack(..) => "journal back",
        Fault::JournalLost(_) => "journal lost",
        Fault::LedgerBack(_, true) => "ledger back, declared",
        Fault::LedgerBack(..) => "ledger back, to be noticed",
        Fault::NoticeLedger | Fault::Peace => "",
        Fault::StorageFails(_) => "store fails",
        Fault::ClockJumps(..) => "calendar jumps",
        Fault::Freezes(..) => "POS freezes",
        Fault::Cut(_, _, true) => "line cut, bytes kept",
        Fault::Cut(..) => "line cut",
    }
}
