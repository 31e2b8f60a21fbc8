//! What a life is like, and what breaks in it: drawn from its seed.

use hispos::message::agreement::Timers;

use crate::line::Noise;
use crate::nodes::Machine;
use crate::rng::Rng;
use crate::site::DESKS;
use crate::story::Story;

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
    /// A person declares the restore of a journal that its program keeps itself.
    NoticeJournal(usize),
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

impl Fault {
    /// Its name in summaries.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Dies(Machine::His, _) => "HIS dies at an output",
            Fault::Dies(..) => "POS dies at an output",
            Fault::Killed(_) => "killed behind a request",
            Fault::Reboots(_) => "POS reboots",
            Fault::JournalBack(_, _, true) => "journal back, with a reboot",
            Fault::JournalBack(..) => "journal back",
            Fault::JournalLost(_) => "journal lost",
            Fault::LedgerBack(_, true) => "ledger back, declared",
            Fault::LedgerBack(..) => "ledger back, to be noticed",
            Fault::NoticeLedger | Fault::NoticeJournal(_) | Fault::Peace => "",
            Fault::StorageFails(_) => "store fails",
            Fault::ClockJumps(..) => "calendar jumps",
            Fault::Freezes(..) => "POS freezes",
            Fault::Cut(_, _, true) => "line cut, bytes kept",
            Fault::Cut(..) => "line cut",
        }
    }
}
