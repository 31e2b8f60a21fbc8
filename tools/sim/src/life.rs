//! One life from its seed: business under faults, then peace, until everything has come to rest.

use hispos::book::{Query, Table};
use hispos::journal::PosOrderView;
use hispos::ledger::{CaptureView, OrderView};

use crate::acts::Act;
use crate::checkers;
use crate::driver::Peers;
use crate::history::{History, Rest, Violation};
use crate::host::BIRTH;
use crate::mutants::Mutant;
use crate::nodes::Machine;
use crate::plan::{Fault, Plan};
use crate::site::SiteError;
use crate::summary::Summary;
use crate::world::{Event, World};

/// How long after the last fault everything has to be at rest, in milliseconds.
pub const REST_WITHIN: u64 = 10_800_000;

/// How a life went.
#[derive(Clone, Debug)]
pub struct Life {
    /// Its seed.
    pub seed: u64,
    /// What the checkers found.
    pub violations: Vec<Violation>,
    /// Its numbers.
    pub summary: Summary,
    /// Its trace, if it was wanted.
    pub trace: Vec<String>,
    /// All that was to be seen.
    pub history: History,
    /// All that was to be seen and counted, and every book, as one number.
    pub digest: u64,
}

/// Lives the life of a seed.
///
/// # Errors
///
/// [`SiteError`]: never, unless the simulator is wrong.
pub fn live(seed: u64, mutant: Option<Mutant>, traced: bool) -> Result<Life, SiteError> {
    live_by(seed, Plan::of(seed), mutant, traced)
}

/// Lives a life of a plan.
///
/// # Errors
///
/// [`SiteError`]: never, unless the simulator is wrong.
pub fn live_by(seed: u64, plan: Plan, mutant: Option<Mutant>, traced: bool) -> Result<Life, SiteError> {
    let mut world = World::new(seed, plan, mutant, traced)?;
    world.live();
    Ok(world.over(seed))
}

/// Lives the life of a seed with programs of somebody else.
///
/// # Errors
///
/// What a program did against the interface: its seed, step and line. The programs are of no use any more then.
pub fn live_with(seed: u64, peers: &mut Peers, traced: bool) -> Result<Life, String> {
    live_planned(seed, Plan::of(seed), peers, traced)
}

/// Lives a life of a plan with programs of somebody else.
///
/// # Errors
///
/// As [`live_with`].
pub fn live_planned(seed: u64, plan: Plan, peers: &mut Peers, traced: bool) -> Result<Life, String> {
    let mut world = World::new(seed, plan, None, traced).map_err(|error| error.to_string())?;
    peers.begin(seed);
    std::mem::swap(&mut world.peers, peers);
    world.live();
    std::mem::swap(&mut world.peers, peers);
    match peers.fault.take() {
        Some(fault) => Err(fault),
        None => Ok(world.over(seed)),
    }
}

/// Lives with a rule missing until a checker finds it: seed, lives tried, what it found. The same life with the rule
/// has to be clean: otherwise it is not the missing rule that was found.
#[must_use]
pub fn caught(mutant: Mutant, most: u64) -> Option<(u64, u64, Violation)> {
    (0..most).find_map(|seed| {
        let life = live_by(seed, mutant.plan(seed), Some(mutant), false).ok()?;
        let first = life.violations.into_iter().next()?;
        let with_rule = live_by(seed, mutant.plan(seed), None, false).ok()?;
        with_rule.violations.is_empty().then_some(())?;
        Some((seed, seed.saturating_add(1), first))
    })
}

impl World {
    /// Lives from the beginning until everything has come to rest, or should have.
    fn live(&mut self) {
        self.begin();
        let peace = BIRTH.saturating_add(self.plan.peace_at);
        self.live_until(peace);
        let end = peace.saturating_add(REST_WITHIN);
        while self.now < end && !self.spins() && self.peers.fault.is_none() {
            self.live_until(self.now.saturating_add(20_000));
            self.after(0, Event::Act(Act::LookAfter));
            self.live_until(self.now.saturating_add(20_000));
            if self.unrest().is_empty() {
                break;
            }
        }
    }

    /// Plans the faults and starts every program.
    pub fn begin(&mut self) {
        let (noise, notices) = (self.plan.noise, self.plan.notices);
        for line in &mut self.lines {
            line.noise = noise;
            line.notices = notices;
        }
        let faults = self.plan.faults.clone();
        let peace = self.plan.peace_at;
        for (at, fault) in faults.into_iter().chain([(peace, Fault::Peace)]) {
            self.after(at, Event::Fault(fault));
        }
        for machine in [Machine::His, Machine::Pos(0), Machine::Pos(1)] {
            self.start(machine);
        }
        self.open_windows();
    }

    fn spins(&self) -> bool {
        self.history.facts.iter().any(|(_, fact)| matches!(fact, crate::history::Fact::Spins(_)))
    }

    /// What has not come to rest.
    #[must_use]
    pub fn unrest(&self) -> Vec<String> {
        let mut unrest = Vec::new();
        if !self.platform.at_rest() {
            unrest.push("a platform has something to do".into());
        }
        if self.is_under_way() {
            unrest.push("a request that can move money is under way".into());
        }
        unrest.extend(self.people.again.iter().map(|bill| format!("{bill} is to be collected again")));
        let orders = self.his.book.table(Table::Order);
        let orders: Vec<OrderView> = orders.iter().filter_map(OrderView::read).collect();
        for order in orders.iter().filter(|order| !order.ended || order.orphan) {
            let orphan = if order.orphan { ", an orphan" } else { "" };
            unrest.push(format!("HIS has {} as {}{orphan}", order.order_no, order.state));
        }
        for (desk, pos) in self.pos.iter().enumerate() {
            let open = Query::Open { device: String::new(), after: 0, limit: usize::MAX };
            for order in pos.book.find(&open).rows.iter().filter_map(PosOrderView::read) {
                unrest.push(format!("POS {desk} has {} as {}, unanswered", order.order_no, order.state));
            }
            for order in pos.book.table(Table::Order).iter().filter_map(PosOrderView::read) {
                if !orders.iter().any(|known| known.order_no == order.order_no) {
                    unrest.push(format!("POS {desk} has {}, unknown to HIS", order.order_no));
                }
            }
        }
        unrest
    }

    /// The life is over: what is left of it, judged.
    #[must_use]
    pub fn over(mut self, seed: u64) -> Life {
        let captures = self.his.book.table(Table::Capture);
        let orders = self.his.book.table(Table::Order);
        self.history.rest = Rest {
            orders: orders.iter().filter_map(OrderView::read).collect(),
            captures: captures.iter().filter_map(CaptureView::read).collect(),
            held: self.platform.held_all(),
            unrest: self.unrest(),
        };
        self.summary.lives = 1;
        self.summary.virtual_ms = self.age();
        let digest = self.life_digest();
        let mut violations = checkers::check(&self.history);
        violations.append(&mut self.observed.strays);
        Life {
            seed,
            violations,
            summary: self.summary,
            trace: self.trace.unwrap_or_default(),
            history: self.history,
            digest,
        }
    }
}
