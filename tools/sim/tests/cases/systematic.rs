//! A whole collect and its whole refund, once for each moment at which something can break.
//!
//! Every run takes the same way up to its moment: the n-th batch, write or request from the collect on. Then its one
//! fault strikes, and whatever follows has to end with three books that agree.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

use hispos::book::Table;
use hispos::ids::OrderNo;
use hispos::ledger::OrderView;
use hispos::platform::Channel;
use hispos_sim::history::Moving;
use hispos_sim::nodes::{Machine, Node};
use hispos_sim::plan::Fault;
use hispos_sim::script::{Fate, Moment};
use hispos_sim::story::Story;

use super::scene::{FEN, Scene, s};

/// HIS asks for a new session when it has heard nothing for 60 s; until then everything is lost.
const SILENCE: u64 = s(65);

/// At which moments something breaks.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Batches of a machine.
    Record(Machine),
    /// Writes of a link.
    Message(Node),
    /// Requests of a terminal to platforms.
    Request,
}

/// What breaks there.
#[derive(Clone, Debug)]
enum Breaks {
    /// A batch or a write meets this.
    Once(Fate),
    /// From this write on everything that its end writes is lost, until there has to be a new session.
    Silence,
    /// The terminal is killed behind its request.
    Killed,
}

/// The one fault of a run.
struct Strike {
    at: At,
    breaks: Breaks,
    nth: usize,
    requests: usize,
    struck: Rc<Cell<bool>>,
    silent: Rc<Cell<bool>>,
    silent_from: Option<u64>,
}

impl Strike {
    /// It waits for its moment.
    fn arm(scene: &mut Scene, at: At, breaks: Breaks, nth: usize) -> Self {
        let (struck, silent) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(false)));
        let (hit, silence) = (struck.clone(), silent.clone());
        let fate = if let Breaks::Once(fate) = &breaks { fate.clone() } else { Fate::Goes };
        let silences = matches!(breaks, Breaks::Silence);
        let mut count = 0;
        scene.world.script.fates = Some(Box::new(move |moment| {
            let counts = match (moment, at) {
                (Moment::Persist(machine, _), At::Record(wanted)) => machine == wanted,
                (Moment::Transmit(node, _), At::Message(wanted)) => node == wanted,
                _ => false,
            };
            if !counts {
                return Fate::Goes;
            }
            count += 1;
            if count == nth + 1 {
                hit.set(true);
                silence.set(silences);
            }
            match (count == nth + 1, silence.get()) {
                (_, true) => Fate::Lost,
                (true, false) => fate.clone(),
                _ => Fate::Goes,
            }
        }));
        let requests = scene.asked.borrow().len();
        Self { at, breaks, nth, requests, struck, silent, silent_from: None }
    }

    /// What is due besides the fates of single moments.
    fn watch(&mut self, scene: &mut Scene) {
        let asked = scene.asked.borrow().len() - self.requests;
        if matches!((self.at, &self.breaks), (At::Request, Breaks::Killed))
            && asked > self.nth
            && !self.struck.get()
        {
            self.struck.set(true);
            scene.strike(Fault::Killed(Machine::Pos(0)));
        }
        if self.silent.get() {
            let from = *self.silent_from.get_or_insert(scene.world.now);
            self.silent.set(scene.world.now < from + SILENCE);
        }
    }

    /// Lives until this is so.
    fn until(&mut self, scene: &mut Scene, what: &str, so: impl Fn(&Scene) -> bool) {
        let end = scene.world.now + s(7_200);
        while !so(scene) {
            assert!(scene.world.now < end, "{what}: {:?} {:?} {}", self.at, self.breaks, self.nth);
            scene.pass(20);
            self.watch(scene);
        }
    }

    /// So many milliseconds pass.
    fn pass(&mut self, scene: &mut Scene, milliseconds: u64) {
        let end = scene.world.now + milliseconds;
        self.until(scene, "time", |scene| scene.world.now >= end);
    }

    /// An order is made, again if HIS lost it; one that was there before is none.
    fn made(&mut self, scene: &mut Scene, make: impl Fn(&mut Scene)) -> OrderNo {
        let before = orders(scene);
        for _ in 0..60 {
            self.until(scene, "a session", |scene| scene.ready(0));
            make(scene);
            if let Some(order_no) = orders(scene).difference(&before).next() {
                return order_no.clone();
            }
        }
        panic!("no order is made: {:?} {:?} {}", self.at, self.breaks, self.nth)
    }
}

fn orders(scene: &Scene) -> BTreeSet<OrderNo> {
    let rows = scene.world.his.book.table(Table::Order);
    rows.iter().filter_map(OrderView::read).map(|order| order.order_no).collect()
}

/// One life with its fault; `false`: there was no such moment.
fn lives(at: At, breaks: &Breaks, nth: usize) -> bool {
    let mut scene = Scene::open();
    scene.pass(s(2));
    let mut strike = Strike::arm(&mut scene, at, breaks.clone(), nth);
    let ended = |order_no: &OrderNo| {
        let order_no = order_no.clone();
        move |scene: &Scene| scene.ledger(&order_no).is_some_and(|order| order.ended)
    };
    let mut paid = None;
    // What broke may have ended the first order of the bill.
    while paid.is_none() {
        let order_no = strike.made(&mut scene, |scene| {
            scene.try_collect_through_power_loss(0, "bill");
        });
        let open = ended(&order_no);
        strike.until(&mut scene, "a terminal that waits, or the end", |scene| {
            open(scene) || scene.journal(0, &order_no).is_some_and(|order| order.state == "wait_code")
        });
        scene.scan_if_it_waits(0, Channel::Wechat, Story::Paid);
        strike.until(&mut scene, "the end of the collect", ended(&order_no));
        strike.pass(&mut scene, s(2));
        paid = (scene.ledger(&order_no).unwrap().state == "paid").then_some(order_no);
        assert!(paid.is_some() || strike.struck.get());
    }
    let paid = paid.unwrap();
    assert_eq!(scene.written(Moving::Pay).len(), 1);
    let refund = strike.made(&mut scene, |scene| {
        scene.try_refund_through_power_loss(0, &paid, FEN);
    });
    strike.until(&mut scene, "the end of the refund", ended(&refund));
    strike.pass(&mut scene, s(2));
    let given_back = scene.ledger(&refund).unwrap().state == "refunded";
    assert!(given_back || strike.struck.get());
    assert_eq!(scene.held(&paid), if given_back { 0 } else { FEN.unsigned_abs() });
    let struck = strike.struck.get();
    strike.silent.set(false);
    scene.world.script.fates = None;
    scene.agree();
    struck
}

/// One life for each moment. How many there were.
fn strike_each(at: At, breaks: &Breaks, least: usize) -> usize {
    let moments = (0..).take_while(|nth| lives(at, breaks, *nth)).count();
    println!("{at:?} {breaks:?}: {moments} lives");
    assert!(moments >= least, "{at:?} has {moments} moments");
    moments
}

const NODES: [Node; 2] = [Node::His(0), Node::Pos(0)];

//= spec-crate/spec/conformance.md#testing-with-a-driver
//= type=test
//# An implementation of level HIS or POS MUST be tested with a kill after each durable record and after each
//# message and request of a whole collect and a whole refund.
//= spec-crate/spec/conformance.md#what-a-test-checks
//= type=test
//# An implementation of level HIS or POS MUST be judged by these nine checks after each test of CON-18 and
//# CON-19 and after each story of [losses.md](losses.md).
#[test]
fn a_kill_at_each_record_each_message_and_each_request_of_a_collect_and_its_refund_leaves_equal_books() {
    let mut cases = 0;
    for machine in [Machine::His, Machine::Pos(0)] {
        for durable in [false, true] {
            cases += strike_each(At::Record(machine), &Breaks::Once(Fate::Killed(durable)), 4);
        }
    }
    for node in NODES {
        for written in [false, true] {
            cases += strike_each(At::Message(node), &Breaks::Once(Fate::Killed(written)), 4);
        }
    }
    cases += strike_each(At::Request, &Breaks::Killed, 6);
    println!("{cases} kills, each with equal books");
}

//= spec-crate/spec/conformance.md#testing-with-a-driver
//= type=test
//# An implementation of level HIS or POS MUST be tested with each message of a whole collect and refund lost
//# once, lost always until a new session, delayed by 10 seconds, and repeated.
//= spec-crate/spec/conformance.md#what-a-test-checks
//= type=test
//# An implementation of level HIS or POS MUST be judged by these nine checks after each test of CON-18 and
//# CON-19 and after each story of [losses.md](losses.md).
#[test]
fn each_message_of_a_collect_and_its_refund_lost_late_and_twice_leaves_equal_books() {
    let mut cases = 0;
    for node in NODES {
        for breaks in [
            Breaks::Once(Fate::Lost),
            Breaks::Silence,
            Breaks::Once(Fate::Delayed(s(10))),
            Breaks::Once(Fate::Twice),
        ] {
            cases += strike_each(At::Message(node), &breaks, 4);
        }
    }
    println!("{cases} messages struck, each with equal books");
}
