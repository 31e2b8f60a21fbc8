//! A site on virtual time whose people, networks, platforms and faults do what a test says, and nothing by chance.
//!
//! Both links, both books and the platform are the real ones. When a test fails, its trace is printed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use hispos::amount::Amount;
use hispos::book::{RowKey, Table};
use hispos::catalogue::Status;
use hispos::ids::{OperatorId, OrderNo};
use hispos::journal::PosOrderView;
use hispos::ledger::{CaptureView, OrderView};
use hispos::link::his::{HisAlarm, HisOrderEvent, NewCollect, NewRefund, OrderRefusal};
use hispos::link::{HisEvent, PosEvent};
use hispos::message::result::Outcome;
use hispos::platform::{Ask, Channel, PaymentCode, Request};
use hispos_sim::acts::{Act, DAY};
use hispos_sim::decided::Decided;
use hispos_sim::history::{Fact, Moving};
use hispos_sim::life::REST_WITHIN;
use hispos_sim::line::Way;
use hispos_sim::plan::{Fault, Plan};
use hispos_sim::platform::Money;
use hispos_sim::script::{Passage, PowerCut, Script, Told};
use hispos_sim::story::Story;
use hispos_sim::summary::{Made, Summary};
use hispos_sim::world::{Event, World};

/// Fen of every collect that does not say otherwise.
pub(crate) const FEN: i64 = 1_234;

/// Every request that left a terminal, with the milliseconds of the life.
pub(crate) type Asked = Rc<RefCell<Vec<(u64, Ask)>>>;

/// Losses on a line: whether they go on, and how many writes were lost.
#[derive(Clone, Default)]
pub(crate) struct Lost {
    pub(crate) on: Rc<Cell<bool>>,
    pub(crate) count: Rc<Cell<usize>>,
}

/// Milliseconds of so many seconds.
pub(crate) const fn s(seconds: u64) -> u64 {
    seconds * 1_000
}

/// A site, and what was asked of platforms.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) asked: Asked,
    /// A journal has forgotten orders that had ended.
    pub(crate) forgetful: bool,
    codes: u64,
    tickets: u64,
}

thread_local! {
    static MADE: RefCell<Made> = RefCell::default();
}

/// Transitions of the declared tables that the scenes of this thread made.
pub(crate) fn made() -> Made {
    MADE.with_borrow(Made::clone)
}

fn keep_made(summary: &Summary) {
    MADE.with_borrow_mut(|made| made.extend(summary.transitions.clone()));
}

impl Drop for Scene {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.world.trace.take().unwrap_or_default().join("\n"));
        } else {
            keep_made(&self.world.summary);
            assert_eq!(self.world.strays(), Vec::<String>::new());
        }
    }
}

impl Scene {
    /// Both windows have a session with their terminals.
    pub(crate) fn open() -> Self {
        let mut scene = Self::closed();
        scene.world.begin();
        scene.until(30_000, "both sessions", |scene| (0..2).all(|desk| scene.ready(desk)));
        scene
    }

    /// Nothing has started yet.
    pub(crate) fn closed() -> Self {
        let plan = Plan { peace_at: 1 << 50, ..Plan::calm() };
        let mut world = World::new(7, plan, None, true).unwrap();
        // People do nothing by themselves.
        world.people.closing = true;
        world.platform.decided = Some(Decided::default());
        let asked = Asked::default();
        let log = asked.clone();
        world.script = Script {
            network: Some(Box::new(move |ask, age| {
                log.borrow_mut().push((age, ask.clone()));
                Passage::GOOD
            })),
            connects: Some(Box::new(|_| 20)),
            restart_after: Some(2_000),
            told: Some(Vec::new()),
            ..Script::default()
        };
        Self { world, asked, forgetful: false, codes: 0, tickets: 0 }
    }

    /// Networks do this from now on.
    pub(crate) fn network(&mut self, mut passes: impl FnMut(&Ask, u64) -> Passage + 'static) {
        let log = self.asked.clone();
        self.world.script.network = Some(Box::new(move |ask, age| {
            log.borrow_mut().push((age, ask.clone()));
            passes(ask, age)
        }));
    }

    pub(crate) fn decide(&mut self, decide: impl FnOnce(&mut Decided)) {
        decide(self.world.platform.decided.as_mut().unwrap());
    }

    pub(crate) fn ready(&self, desk: usize) -> bool {
        self.world.his_links[desk].as_ref().is_some_and(|link| link.view().ready)
    }

    /// So many milliseconds pass.
    pub(crate) fn pass(&mut self, milliseconds: u64) {
        self.world.live_until(self.world.now + milliseconds);
    }

    /// Lives until this is so, at most so many milliseconds.
    pub(crate) fn until(&mut self, most: u64, what: &str, so: impl Fn(&Self) -> bool) {
        let end = self.world.now + most;
        while !so(self) {
            assert!(self.world.now < end, "not within {most} ms: {what}");
            self.pass(20);
        }
    }

    /// A cashier collects a bill. What came of it is told.
    pub(crate) fn try_collect(&mut self, desk: usize, bill: &str) -> Result<OrderNo, OrderRefusal> {
        self.tickets += 1;
        let ticket = self.tickets;
        let amount = Amount::from_fen(FEN).unwrap();
        let new = NewCollect { ticket, bill: bill.into(), amount, business_day: DAY };
        self.world.at_window(desk, |link, clock| link.collect(new, clock)).unwrap().unwrap();
        self.answered(ticket)
    }

    /// A cashier collects a bill although the power may go; `None` if no order was made durable.
    pub(crate) fn try_collect_through_power_loss(&mut self, desk: usize, bill: &str) -> Option<OrderNo> {
        self.tickets += 1;
        let amount = Amount::from_fen(FEN).unwrap();
        let new = NewCollect { ticket: self.tickets, bill: bill.into(), amount, business_day: DAY };
        self.world.at_window(desk, |link, clock| link.collect(new, clock)).unwrap().unwrap();
        self.pass(1_000);
        let rows = self.world.his.book.table(Table::Order);
        rows.iter().filter_map(OrderView::read).find(|order| order.bill == bill).map(|order| order.order_no)
    }

    /// The same with a refund.
    pub(crate) fn try_refund_through_power_loss(
        &mut self,
        desk: usize,
        order_no: &OrderNo,
        fen: i64,
    ) -> Option<OrderNo> {
        self.ask_refund(desk, order_no, "", fen);
        self.pass(1_000);
        let rows = self.world.his.book.table(Table::Order);
        rows.iter().filter_map(OrderView::read).find(|o| o.refund_of.is_some()).map(|order| order.order_no)
    }

    /// A patient shows a code if the terminal still waits for one.
    pub(crate) fn scan_if_it_waits(&mut self, desk: usize, channel: Channel, story: Story) {
        self.try_scan(desk, channel, story);
    }

    /// Nobody waits for a code any more.
    pub(crate) fn at_terminal_refuses_a_code(&mut self, desk: usize) -> bool {
        !self.try_scan(desk, Channel::Wechat, Story::Paid)
    }

    fn answered(&mut self, ticket: u64) -> Result<OrderNo, OrderRefusal> {
        let answer = |scene: &Self| {
            scene.his_told().into_iter().find_map(|(_, event)| match event {
                HisEvent::Order(HisOrderEvent::Made { ticket: of, order }) if of == ticket => {
                    Some(Ok(order.order_no))
                }
                HisEvent::Order(HisOrderEvent::Refused { ticket: of, why }) if of == ticket => Some(Err(why)),
                _ => None,
            })
        };
        self.until(20_000, "an order or a refusal", |scene| answer(scene).is_some());
        answer(self).unwrap()
    }

    /// A cashier collects a bill, and the terminal waits for a code.
    pub(crate) fn collect(&mut self, desk: usize, bill: &str) -> OrderNo {
        let order_no = self.try_collect(desk, bill).unwrap();
        self.until(5_000, "a terminal that waits", |scene| {
            scene.journal(desk, &order_no).is_some_and(|order| order.state == "wait_code")
        });
        // Its numbers have been asked about.
        self.pass(400);
        order_no
    }

    /// A cashier gives an item of an order back.
    pub(crate) fn try_refund(
        &mut self,
        desk: usize,
        order_no: &OrderNo,
        item: &str,
        fen: i64,
    ) -> Result<OrderNo, OrderRefusal> {
        let ticket = self.ask_refund(desk, order_no, item, fen);
        self.answered(ticket)
    }

    fn ask_refund(&mut self, desk: usize, order_no: &OrderNo, item: &str, fen: i64) -> u64 {
        let new = self.new_refund(order_no, item, fen);
        self.world.at_window(desk, |link, clock| link.refund(new, clock)).unwrap().unwrap();
        self.tickets
    }

    /// Two people give a payment back before it is posted.
    pub(crate) fn refund_not_to_post(&mut self, order_no: &OrderNo) -> OrderNo {
        let new = self.new_refund(order_no, "", FEN);
        self.world.at_window(0, |link, clock| link.refund_not_to_post(new, clock)).unwrap().unwrap();
        self.answered(self.tickets).unwrap()
    }

    fn new_refund(&mut self, order_no: &OrderNo, item: &str, fen: i64) -> NewRefund {
        self.tickets += 1;
        NewRefund {
            ticket: self.tickets,
            order_no: order_no.clone(),
            item: item.into(),
            amount: Amount::from_fen(-fen).unwrap(),
            operator: OperatorId::try_from("op-1").unwrap(),
            approver: OperatorId::try_from("op-2").unwrap(),
            reason: "not dispensed".into(),
            business_day: DAY,
        }
    }

    /// Two cashiers give the same item back at the same moment.
    pub(crate) fn refund_at_both_windows(
        &mut self,
        order_no: &OrderNo,
        fen: i64,
    ) -> [Result<OrderNo, OrderRefusal>; 2] {
        let tickets = [0, 1].map(|desk| self.ask_refund(desk, order_no, "", fen));
        tickets.map(|ticket| self.answered(ticket))
    }

    pub(crate) fn cancel(&mut self, desk: usize, order_no: &OrderNo) {
        self.world.at_window(desk, |link, clock| link.cancel(order_no, clock)).unwrap().unwrap();
    }

    /// A patient holds a code with a story under the scanner.
    pub(crate) fn scan(&mut self, desk: usize, channel: Channel, story: Story) {
        assert!(self.try_scan(desk, channel, story), "no order waits for a code");
    }

    fn try_scan(&mut self, desk: usize, channel: Channel, story: Story) -> bool {
        self.codes += 1;
        let digits = format!("1300000000{:08}", self.codes);
        self.world.platform.code(&digits, story);
        let code = PaymentCode::new(digits);
        let taken = self.world.at_terminal(desk, |link, clock| link.scan(channel, code, clock).is_ok());
        taken == Some(true)
    }

    /// A collect that is paid at once, posted, and answered.
    pub(crate) fn paid(&mut self, desk: usize, bill: &str, channel: Channel) -> OrderNo {
        let order_no = self.collect(desk, bill);
        self.scan(desk, channel, Story::Paid);
        self.ends(10_000, &order_no, "paid", Status::Paid);
        self.pass(500);
        order_no
    }

    pub(crate) fn strike(&mut self, fault: Fault) {
        self.world.strike(fault);
    }

    /// The cable of a desk is pulled until it is plugged in again.
    pub(crate) fn pull(&mut self, desk: usize) {
        self.strike(Fault::Cut(desk, 1 << 40, false));
    }

    /// What is written to a line is lost while this is true.
    pub(crate) fn lose(&mut self, wanted: impl Fn(usize, Way) -> bool + 'static) -> Lost {
        let lost = Lost::default();
        let counter = lost.clone();
        lost.on.set(true);
        self.world.script.tap = Some(Box::new(move |desk, way, _| {
            let loses = counter.on.get() && wanted(desk, way);
            counter.count.set(counter.count.get() + usize::from(loses));
            !loses
        }));
        lost
    }

    pub(crate) fn plug(&mut self, desk: usize) {
        self.world.at(self.world.now, Event::Reconnect(desk));
    }

    pub(crate) fn power_cut(&mut self, cut: PowerCut) {
        self.world.script.power_cut = Some(cut);
    }

    /// An order as the ledger has it.
    pub(crate) fn ledger(&self, order_no: &OrderNo) -> Option<OrderView> {
        OrderView::read(&self.world.his.book.row(&RowKey::new(Table::Order, order_no.as_str())))
    }

    /// An order as a journal has it.
    pub(crate) fn journal(&self, desk: usize, order_no: &OrderNo) -> Option<PosOrderView> {
        PosOrderView::read(&self.world.pos[desk].book.row(&RowKey::new(Table::Order, order_no.as_str())))
    }

    /// The capture rows of the ledger for an order.
    pub(crate) fn captures(&self, order_no: &OrderNo) -> Vec<CaptureView> {
        let rows = self.world.his.book.table(Table::Capture);
        rows.iter().filter_map(CaptureView::read).filter(|c| c.order_no == order_no.as_str()).collect()
    }

    /// The number of an order at a platform.
    pub(crate) fn number(order_no: &OrderNo, channel: Channel) -> String {
        let letter = if channel == Channel::Wechat { "W" } else { "A" };
        format!("SIM1{order_no}{letter}")
    }

    /// Fen that the platform holds for an order, on both channels.
    pub(crate) fn held(&self, order_no: &OrderNo) -> u64 {
        Channel::ALL
            .into_iter()
            .map(|channel| self.world.platform.held(&Self::number(order_no, channel)))
            .sum()
    }

    /// Lives until HIS has the order in this state with this status.
    pub(crate) fn ends(&mut self, most: u64, order_no: &OrderNo, state: &str, status: Status) {
        self.until(most, &format!("the end of {order_no}"), |scene| {
            scene.ledger(order_no).is_some_and(|order| order.ended)
        });
        let order = self.ledger(order_no).unwrap();
        assert_eq!((order.state, order.status), (state, status.code()), "{order_no}");
    }

    pub(crate) fn his_told(&self) -> Vec<(u64, HisEvent)> {
        let told = self.world.script.told.iter().flatten();
        told.filter_map(|(at, told)| match told {
            Told::His(_, event) => Some((*at, event.clone())),
            Told::Pos(..) => None,
        })
        .collect()
    }

    pub(crate) fn pos_told(&self) -> Vec<(u64, PosEvent)> {
        let told = self.world.script.told.iter().flatten();
        told.filter_map(|(at, told)| match told {
            Told::Pos(_, event) => Some((*at, event.clone())),
            Told::His(..) => None,
        })
        .collect()
    }

    pub(crate) fn his_alarms(&self) -> Vec<HisAlarm> {
        let alarm = |(_, event)| match event {
            HisEvent::Order(HisOrderEvent::Alarm(alarm)) => Some(alarm),
            _ => None,
        };
        self.his_told().into_iter().filter_map(alarm).collect()
    }

    /// When requests of a kind were written: milliseconds of the life.
    pub(crate) fn written(&self, wanted: Moving) -> Vec<u64> {
        let facts = self.world.history.facts.iter();
        facts
            .filter(|(_, fact)| matches!(fact, Fact::Written { moving, .. } if *moving == wanted))
            .map(|(at, _)| *at)
            .collect()
    }

    /// What happened to money at the platforms, in order.
    pub(crate) fn money(&self) -> Vec<Money> {
        let facts = self.world.history.facts.iter();
        facts
            .filter_map(|(_, fact)| if let Fact::Money(money) = fact { Some(money.clone()) } else { None })
            .collect()
    }

    /// Everything comes to rest; then no property may be violated, and the three books agree.
    pub(crate) fn agree(mut self) {
        let end = self.world.now + REST_WITHIN;
        while !self.world.unrest().is_empty() && self.world.now < end {
            self.pass(20_000);
        }
        self.books_agree();
        let trace = self.world.trace.clone();
        let plan = Plan::calm();
        let empty = World::new(7, plan, None, false).unwrap();
        let life = std::mem::replace(&mut self.world, empty).over(7);
        self.world.trace = trace;
        keep_made(&life.summary);
        assert_eq!(life.history.rest.unrest, Vec::<String>::new());
        assert_eq!(life.violations, []);
    }

    /// Every order has the same end and the same money in the ledger, in its journal, and at the platform.
    fn books_agree(&self) {
        let orders = self.world.his.book.table(Table::Order);
        let mut expected = std::collections::BTreeMap::<OrderNo, i64>::new();
        for order in orders.iter().filter_map(OrderView::read) {
            let desk = usize::from(order.device_id.as_ref().is_some_and(|device| device.as_str() == "POS-1"));
            let journal = self.journal(desk, &order.order_no);
            let same = match order.state {
                "paid" => Some(Outcome::Paid),
                "not_paid" => Some(Outcome::NotPaid),
                "refunded" => Some(Outcome::Refunded),
                "not_refunded" => Some(Outcome::NotRefunded),
                _ => Some(Outcome::Attention),
            };
            if let Some(journal) = journal {
                assert_eq!((journal.outcome, journal.status), (same, order.status), "{}", order.order_no);
            } else {
                assert!(self.forgetful, "{} is in no journal", order.order_no);
            }
            let fen = order.amount.map_or(0, |amount| amount.fen());
            match (order.state, &order.refund_of) {
                ("paid", _) => *expected.entry(order.order_no.clone()).or_default() += fen,
                ("refunded", Some(of)) => *expected.entry(of.order_no.clone()).or_default() += fen,
                _ => {
                    expected.entry(order.order_no.clone()).or_default();
                }
            }
        }
        for (order_no, fen) in &expected {
            assert_eq!(
                i64::try_from(self.held(order_no)).unwrap(),
                *fen,
                "the platform holds for {order_no}"
            );
        }
        let known = |number: &String| expected.keys().any(|order_no| number.contains(order_no.as_str()));
        assert!(self.world.platform.held_all().iter().all(|(number, ..)| known(number)));
    }

    /// People look after what only they can end.
    pub(crate) fn look_after(&mut self) {
        self.world.after(0, Event::Act(Act::LookAfter));
        self.pass(1_000);
    }
}

/// Whether a request is a question about a collect's number.
pub(crate) fn is_query(ask: &Ask) -> bool {
    matches!(ask.request, Request::Query)
}

/// Whether a request is the pay.
pub(crate) fn is_pay(ask: &Ask) -> bool {
    matches!(ask.request, Request::Pay { .. })
}
