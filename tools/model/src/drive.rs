//! The people of a life, who do what a scope says: one bill is collected, another one's refund goes beside it, and
//! whoever has to look after what stays open does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use hispos::amount::Amount;
use hispos::book::Table;
use hispos::ids::{OperatorId, OrderNo};
use hispos::ledger::OrderView;
use hispos::link::his::{HisOrderEvent, NewCollect, NewRefund};
use hispos::link::pos::OrderEvent;
use hispos::link::{HisEvent, PosEvent};
use hispos::platform::{Ask, Channel, PaymentCode, Request};
use hispos_sim::acts::{Act, DAY};
use hispos_sim::decided::{Decided, Oracle, WAY};
use hispos_sim::nodes::Machine;
use hispos_sim::plan::{Fault, Plan};
use hispos_sim::rng::Rng;
use hispos_sim::script::{Fate, Moment, Passage, Script, Told};
use hispos_sim::site::SiteError;
use hispos_sim::story::Story;
use hispos_sim::world::{Event, World};

use crate::chooser::Chooser;
use crate::scope::{Kind, Scope};

/// What a person does.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Deed {
    Collect(usize, usize),
    Refund(usize, i64, &'static str),
    Scan(usize),
    MayCancel,
    MayCut,
    MayWindow,
    MayStrike,
    LookAfter,
}

/// A world with its people.
pub(crate) struct Drive {
    pub(crate) world: World,
    pub(crate) chooser: Rc<RefCell<Chooser>>,
    pub(crate) todo: BTreeMap<(u64, u32), Deed>,
    scope: Scope,
    began: u64,
    next: u32,
    ticket: u64,
    codes: u64,
    first: Option<OrderNo>,
    paid: Option<OrderNo>,
    over: bool,
}

/// Fen of the bill that is refunded.
const FEN: i64 = 1_234;

/// A life that has not come to rest by then never does, in milliseconds.
const PATIENCE: u64 = 5_400_000;

impl Drive {
    /// Both sessions are up, and another bill was paid and posted.
    pub(crate) fn prepared(scope: &Scope, given: &[u8], traced: bool) -> Result<Self, SiteError> {
        let plan = Plan { peace_at: 1 << 50, ..Plan::calm() };
        let mut world = World::new(7, plan, scope.mutant, traced)?;
        world.keep_digests();
        world.chance = Rng::steady(7, "chance");
        world.people.rng = Rng::steady(7, "people");
        world.people.closing = true;
        for host in world.pos.iter_mut().chain([&mut world.his]) {
            host.drift = 0;
            host.skew = 0;
        }
        let chooser = Rc::new(RefCell::new(Chooser::new(scope, given)));
        world.script = script(&chooser);
        world.platform.decided = Some(Decided { oracle: Some(oracle(&chooser)), ..Decided::default() });
        let mut drive = Self {
            world,
            chooser,
            todo: BTreeMap::new(),
            scope: scope.clone(),
            began: 0,
            next: 0,
            ticket: 1_000,
            codes: 0,
            first: None,
            paid: None,
            over: false,
        };
        drive.world.begin();
        drive.pass(8_000);
        drive.collect(1, 1);
        drive.pass(2_000);
        drive.scan(1, Channel::Wechat, Story::Paid);
        drive.pass(70_000);
        drive.paid =
            drive.orders().into_iter().find(|order| order.state == "paid").map(|order| order.order_no);
        drive.listen();
        drive.todo.clear();
        drive.begin();
        Ok(drive)
    }

    fn begin(&mut self) {
        self.began = self.world.now;
        self.chooser.borrow_mut().armed = true;
        self.first = None;
        self.later(0, Deed::Collect(0, 0));
        self.later(0, Deed::MayWindow);
        self.later(300, Deed::Refund(1, FEN / 2, "x-ray"));
        for at in [900, 4_000, 20_000, 58_000] {
            self.later(at, Deed::MayCancel);
        }
        self.later(1_800, Deed::MayCut);
        for at in [700, 1_150, 1_900, 52_300] {
            self.later(at, Deed::MayStrike);
        }
        self.later(63_000, Deed::Refund(1, FEN, ""));
        self.later(5_000, Deed::LookAfter);
    }

    fn later(&mut self, wait: u64, deed: Deed) {
        self.next = self.next.saturating_add(1);
        self.todo.insert((self.world.now.saturating_add(wait), self.next), deed);
    }

    fn pass(&mut self, milliseconds: u64) {
        self.world.live_until(self.world.now.saturating_add(milliseconds));
    }

    /// The next thing happens. `false` once everything has come to rest, or never will.
    pub(crate) fn step(&mut self) -> bool {
        let deed = self.todo.first_key_value().map(|((at, _), _)| *at);
        match (deed, self.world.next_at()) {
            (Some(at), next) if next.is_none_or(|next| at <= next) => {
                if let Some((_, deed)) = self.todo.pop_first() {
                    self.world.now = self.world.now.max(at);
                    self.world.deed(&deed);
                    self.act(deed);
                }
            }
            (_, Some(_)) => self.world.step(),
            (_, None) => return false,
        }
        let age = self.world.now.saturating_sub(self.began);
        if age > self.scope.window {
            self.chooser.borrow_mut().armed = false;
        }
        self.listen();
        !self.over && age < PATIENCE
    }

    fn act(&mut self, deed: Deed) {
        match deed {
            Deed::Collect(desk, bill) => self.collect(desk, bill),
            Deed::Refund(desk, fen, item) => self.refund(desk, fen, item),
            Deed::Scan(desk) => self.show_code(desk),
            Deed::MayCancel => {
                let open = self.first.clone().filter(|no| self.is_open(no));
                if let Some(order_no) = open
                    && self.chooser.borrow_mut().deviates(Kind::Cancel, 2) == 1
                {
                    self.world.at_window(0, |link, clock| link.cancel(&order_no, clock).is_ok());
                }
            }
            Deed::MayCut => {
                let taken = self.chooser.borrow_mut().deviates(Kind::Cut, 3);
                if let Some(desk) = taken.checked_sub(1) {
                    self.world.strike(Fault::Cut(desk, 700_000, false));
                }
            }
            Deed::MayWindow => {
                let taken = self.chooser.borrow_mut().deviates(Kind::Window, 3);
                match taken {
                    0 => {}
                    1 => self.collect(1, 0),
                    _ => self.later(12_000, Deed::Collect(1, 0)),
                }
            }
            Deed::MayStrike => {
                let taken = self.chooser.borrow_mut().deviates(Kind::Strike, 4);
                let machines = [Machine::Pos(0), Machine::Pos(1), Machine::His];
                if let Some(machine) = taken.checked_sub(1).and_then(|taken| machines.into_iter().nth(taken))
                {
                    self.world.strike(Fault::Killed(machine));
                }
            }
            Deed::LookAfter => self.look_after(),
        }
    }

    fn orders(&self) -> Vec<OrderView> {
        self.world.his.book.table(Table::Order).iter().filter_map(OrderView::read).collect()
    }

    fn is_open(&self, order_no: &OrderNo) -> bool {
        self.orders().iter().any(|order| order.order_no == *order_no && !order.ended)
    }

    fn collect(&mut self, desk: usize, bill: usize) {
        self.ticket = self.ticket.saturating_add(1);
        let Ok(amount) = Amount::from_fen(FEN) else { return };
        let bill = hispos_sim::acts::bill_key(bill);
        let new = NewCollect { ticket: self.ticket, bill, amount, business_day: DAY };
        self.world.at_window(desk, |link, clock| link.collect(new, clock).is_ok());
    }

    fn refund(&mut self, desk: usize, fen: i64, item: &str) {
        self.ticket = self.ticket.saturating_add(1);
        let (Some(order_no), Ok(amount), Ok(operator), Ok(approver)) = (
            self.paid.clone(),
            Amount::from_fen(fen.saturating_neg()),
            OperatorId::try_from("op-1"),
            OperatorId::try_from("op-2"),
        ) else {
            return;
        };
        let new = NewRefund {
            ticket: self.ticket,
            order_no,
            item: item.into(),
            amount,
            operator,
            approver,
            reason: "not dispensed".into(),
            business_day: DAY,
        };
        self.world.at_window(desk, |link, clock| link.refund(new, clock).is_ok());
    }

    /// The first code of a life has a story of the scope; every later one is paid at once, with the other channel.
    fn show_code(&mut self, desk: usize) {
        let first = self.codes == 1;
        let (channel, story) = if first {
            let many = self.scope.stories.len().saturating_add(usize::from(self.scope.no_code));
            let taken = self.chooser.borrow_mut().free(Kind::Payer, many);
            match self.scope.stories.get(taken) {
                Some(story) => *story,
                None => {
                    self.codes = 2;
                    return;
                }
            }
        } else {
            (Channel::Alipay, Story::Paid)
        };
        self.scan(desk, channel, story);
    }

    fn scan(&mut self, desk: usize, channel: Channel, story: Story) {
        self.codes = self.codes.saturating_add(1);
        let digits = format!("1300000000{:08}", self.codes);
        self.world.platform.code(&digits, story);
        self.world.deed(&(channel, story));
        let code = PaymentCode::new(digits);
        self.world.at_terminal(desk, |link, clock| link.scan(channel, code, clock).is_ok());
    }

    /// What windows and terminals told.
    fn listen(&mut self) {
        let told = self.world.script.told.as_mut().map(std::mem::take).unwrap_or_default();
        for (_, told) in told {
            match told {
                Told::His(_, HisEvent::Order(HisOrderEvent::Made { order, .. }))
                    if self.first.is_none() && order.refund_of.is_none() =>
                {
                    self.first = Some(order.order_no);
                }
                Told::Pos(desk, PosEvent::Order(OrderEvent::Accepted { amount, .. })) if amount.fen() > 0 => {
                    let first = self.codes == 1 && desk == 0;
                    let wait = if first { self.scope.shown_after } else { 1_000 };
                    self.later(wait, Deed::Scan(desk));
                }
                _ => {}
            }
        }
    }

    /// What stays open is looked after every 20 s, until nothing is open.
    fn look_after(&mut self) {
        if self.todo.is_empty() && self.world.unrest().is_empty() {
            self.over = true;
            return;
        }
        for order in self.orders().into_iter().filter(|order| order.state == "asking" && !order.orphan) {
            self.world.after(0, Event::Act(Act::LookElsewhere(order.order_no)));
        }
        self.world.after(0, Event::Act(Act::LookAfter));
        self.later(20_000, Deed::LookAfter);
    }

    /// Everything that decides what may happen from here on.
    pub(crate) fn digest(&self) -> impl std::hash::Hash + use<> {
        let todo: Vec<_> = self.todo.iter().map(|((at, _), deed)| (*at, deed.clone())).collect();
        let told = (self.codes, self.first.clone(), self.over);
        (self.world.digest(), todo, told, self.chooser.borrow().budgets())
    }
}

fn oracle(chooser: &Rc<RefCell<Chooser>>) -> Oracle {
    let chooser = chooser.clone();
    Oracle(Box::new(move |what, of| chooser.borrow_mut().deviates(kind(what), of)))
}

fn kind(what: &str) -> Kind {
    if what == "reverse" { Kind::Reversal } else { Kind::Refunding }
}

fn script(chooser: &Rc<RefCell<Chooser>>) -> Script {
    let [for_network, for_connects, for_fates] = [chooser, chooser, chooser].map(Rc::clone);
    Script {
        network: Some(Box::new(move |ask, _| network(&mut for_network.borrow_mut(), ask))),
        connects: Some(Box::new(move |ask| slow(&mut for_connects.borrow_mut(), ask))),
        fates: Some(Box::new(move |moment| fate(&mut for_fates.borrow_mut(), moment))),
        restart_after: Some(2_000),
        told: Some(Vec::new()),
        ..Script::default()
    }
}

fn moves(ask: &Ask) -> bool {
    matches!(ask.request, Request::Pay { .. } | Request::Reverse | Request::Refund { .. })
}

/// A late request is there before a pay's expiry, and what it brings about happens before its fence.
fn network(chooser: &mut Chooser, ask: &Ask) -> Passage {
    let usual = Passage::GOOD;
    let lost = Passage { there: None, ..usual.clone() };
    let silent = Passage { back: None, ..usual.clone() };
    let late = Passage { there: Some(WAY), back: None, instead: None };
    let all = if moves(ask) { vec![usual.clone(), lost, silent, late] } else { vec![usual.clone(), lost] };
    let kind = match ask.request {
        Request::Pay { .. } | Request::Reverse => Kind::Network,
        Request::Refund { .. } => Kind::RefundNetwork,
        _ => Kind::Question,
    };
    let taken = chooser.deviates(kind, all.len());
    all.into_iter().nth(taken).unwrap_or(usual)
}

/// Past start_by, or past the lease.
fn slow(chooser: &mut Chooser, ask: &Ask) -> u64 {
    let kind = match ask.request {
        Request::Pay { .. } => Kind::Slow,
        Request::Reverse => Kind::SlowReverse,
        Request::Refund { .. } => Kind::SlowRefund,
        _ => return 20,
    };
    match chooser.deviates(kind, 3) {
        0 => 20,
        1 => 170_000,
        _ => 420_000,
    }
}

fn fate(chooser: &mut Chooser, moment: Moment<'_>) -> Fate {
    let (machine, batch) = match moment {
        Moment::Persist(machine, batch) => (machine, batch),
        Moment::Transmit(..) => {
            let all = [Fate::Goes, Fate::Lost, Fate::Twice, Fate::Late];
            let taken = chooser.deviates(Kind::Line, all.len());
            return all.into_iter().nth(taken).unwrap_or(Fate::Goes);
        }
    };
    if !batch.write.iter().any(|write| write.key.table == Table::Order) {
        return Fate::Goes;
    }
    let [lost, durable] = [false, true];
    for (kind, fates) in [
        (Kind::Kill, vec![Fate::Killed(lost), Fate::Killed(durable)]),
        (Kind::Power, vec![Fate::PowerCut(lost), Fate::PowerCut(durable)]),
        books(machine),
    ] {
        let taken = chooser.deviates(kind, fates.len().saturating_add(1));
        if let Some(fate) = taken.checked_sub(1).and_then(|taken| fates.into_iter().nth(taken)) {
            return fate;
        }
    }
    Fate::Goes
}

/// What may become of the book of a machine just behind a commit.
fn books(machine: Machine) -> (Kind, Vec<Fate>) {
    match machine {
        Machine::His => {
            let back = |records| Fate::Then(400, Fault::LedgerBack(records, true));
            (Kind::Ledger, vec![back(2), back(40)])
        }
        Machine::Pos(desk) => {
            // Behind the first byte of a pay, and before its answer.
            let then = |fault| Fate::Then(90, fault);
            let lost = then(Fault::JournalLost(desk));
            let [back, replaced] = [true, false].map(|reboots| then(Fault::JournalBack(desk, 1, reboots)));
            (Kind::Journal, vec![lost, back, replaced])
        }
    }
}
