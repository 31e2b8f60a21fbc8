//! Rows of the declared tables of states that chance makes seldom or never: each is made by a script.

use hispos::amount::Amount;
use hispos::catalogue::Status;
use hispos::frame::Side;
use hispos::ids::OrderNo;
use hispos::ledger::DecisionKind;
use hispos::message::manifest::Revocation;
use hispos::message::order::{NewOrder, OrderCore};
use hispos::message::result::{NewResult, Outcome};
use hispos::platform::{Capture, Channel, Proof, Request};
use hispos::time::UnixSeconds;
use hispos_sim::decided::{Refunding, Reversal};
use hispos_sim::fields::Value;
use hispos_sim::nodes::Machine;
use hispos_sim::plan::Fault;
use hispos_sim::script::Passage;
use hispos_sim::site::UNIX_START;
use hispos_sim::states::BY_SCRIPT;
use hispos_sim::story::Story;

use crate::foreign::{Foreign, body, bytes, fields};
use crate::hostile_pos::{self, KEPT, RECORDED};
use crate::scene::{FEN, Scene, made, s};
use crate::{hostile_his, refunds, sessions};

const LOST: Passage = Passage { there: None, back: None, instead: None };

/// An order whose number the platform answers so about ends while it waits for a code.
fn number_is_not_free(says: &Proof, state: &str, status: Status) {
    let mut scene = Scene::open();
    let says = says.clone();
    scene.network(move |ask, _| {
        let instead = matches!(ask.request, Request::Query).then(|| says.clone());
        Passage { instead, ..Passage::GOOD }
    });
    let order_no = scene.try_collect(0, "bill").unwrap();
    scene.ends(s(20), &order_no, state, status);
}

/// Nobody answers about a refund's number until its start is over.
fn refund_is_not_answered_about() {
    let mut scene = Scene::open();
    let order_no = scene.paid(0, "bill", Channel::Wechat);
    scene.pass(s(61));
    scene.network(
        |ask, _| if matches!(ask.request, Request::QueryRefund { .. }) { LOST } else { Passage::GOOD },
    );
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.ends(s(120), &refund, "not_refunded", Status::RefundPlatformDown);
}

/// A payment goes back whole before it is posted, or is to be posted again because that failed.
fn payment_is_given_back_unposted(becomes: Refunding, state: &str, status: Status) {
    let mut scene = Scene::open();
    scene.decide(|decided| decided.refunds.push_back(becomes));
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.ends(s(10), &order_no, "paid", Status::Paid);
    let refund = scene.refund_not_to_post(&order_no);
    scene.ends(s(60), &refund, state, status);
}

/// A terminal that says what a test wants, and an order for it.
struct Site {
    scene: Scene,
    pos: Foreign,
    order_no: OrderNo,
    core: OrderCore,
    /// The call of its SubmitOrder.
    call: u64,
}

impl Site {
    fn collect() -> Self {
        let (scene, pos, order_no, call, core) = hostile_pos::site_with_order();
        Self { scene, pos, order_no, core, call }
    }

    /// A refund of a collect that was paid; `not_to_post`: before that was posted.
    fn refund(not_to_post: bool) -> (Self, OrderNo) {
        let mut site = Self::collect();
        let original = site.order_no.clone();
        site.tell(&site.result(Outcome::Paid, Status::Paid));
        site.reaches("paid", "unposted");
        site.order_no = if not_to_post {
            site.scene.refund_not_to_post(&original)
        } else {
            site.reaches("paid", "posted");
            site.scene.try_refund(0, &original, "", FEN).unwrap()
        };
        let (call, submitted) = site.pos.asked(&mut site.scene, body::SUBMIT);
        site.call = call;
        site.core = OrderCore::decode(submitted.bytes(1).unwrap()).unwrap();
        (site, original)
    }

    fn result(&self, outcome: Outcome, status: Status) -> NewResult {
        let paid = hostile_pos::paid(&self.scene, &self.core);
        let status = status.code();
        if outcome == Outcome::Paid || !self.core.amount().collects() {
            return NewResult { outcome, status, ..paid };
        }
        NewResult { outcome, status, channel: None, payment_no: None, captured_at: None, ..paid }
    }

    /// A result that cannot be this order's end.
    fn foreign(&self) -> NewResult {
        NewResult { order_hash: [3; 32], ..self.result(Outcome::Attention, Status::NumberUsed) }
    }

    /// Reports a result, and waits for no answer.
    fn tell(&mut self, result: &NewResult) {
        self.pos.call(&mut self.scene, body::REPORT, &hostile_pos::signed(result));
    }

    fn reports(&mut self, result: &NewResult, disposition: u64) {
        let reply = self.pos.ask(&mut self.scene, body::REPORT, &hostile_pos::signed(result));
        assert_eq!(hostile_pos::confirmed(&reply), Some(disposition));
    }

    fn rejects(&mut self, code: u64, core: &[u8]) {
        let rejected = [(1, Value::Number(code)), (2, bytes(self.order_no.as_str())), (3, bytes(core))];
        self.pos.reply(&mut self.scene, self.call, body::REJECTED, &fields(&rejected));
    }

    fn reaches(&mut self, state: &str, posting: &str) {
        self.scene.until(s(10), state, |scene| {
            let order = scene.ledger(&self.order_no).unwrap();
            (order.state, order.posting) == (state, posting)
        });
    }

    /// Rejected once: the order is cancelled.
    fn cancelling(&mut self) {
        self.rejects(507, &[]);
        self.call = self.pos.asked(&mut self.scene, body::CANCEL).0;
    }

    /// Rejected twice: nobody knows whether it was ever accepted.
    fn asking(&mut self) {
        self.cancelling();
        self.rejects(507, &[]);
        self.reaches("asking", "none");
    }

    fn decides(&mut self, kind: DecisionKind, state: &str, posting: &str) {
        self.scene.world.two_people(&self.order_no, kind).unwrap();
        self.reaches(state, posting);
    }

    /// Marking captures as returned leaves the state.
    fn returned(&mut self) {
        let order = self.scene.ledger(&self.order_no).unwrap();
        self.decides(DecisionKind::Returned, order.state, order.posting);
    }

    /// Another core of the same number.
    fn other_core(&self, fen: i64) -> Vec<u8> {
        let order = NewOrder {
            order_no: self.order_no.clone(),
            device_id: self.core.device_id().clone(),
            amount: Amount::from_fen(fen).unwrap(),
            business_day: self.core.business_day(),
            agreement_no: self.core.agreement_no(),
            refund_of: None,
        };
        OrderCore::encode(&order).unwrap().bytes().to_vec()
    }
}

/// Two people end an order as the evidence of a device has it: one that was called compromised while it was asked, and
/// one whose first result asks for people.
fn two_people_end_orders_by_evidence() {
    let ends = [
        (Outcome::Paid, Status::Paid, "paid", "unposted"),
        (Outcome::NotPaid, Status::NoCode, "not_paid", "none"),
        (Outcome::Attention, Status::NumberUsed, "attention", "none"),
        (Outcome::Refunded, Status::Refunded, "refunded", "unposted"),
        (Outcome::NotRefunded, Status::RefundRefused, "not_refunded", "none"),
    ];
    for (outcome, status, state, posting) in ends {
        let refunds = matches!(outcome, Outcome::Refunded | Outcome::NotRefunded);
        let made = || if refunds { Site::refund(false).0 } else { Site::collect() };
        let mut site = made();
        site.asking();
        let since = UnixSeconds(UNIX_START - 3_600);
        let devices = sessions::revoked(&site.scene, 0, Revocation::Compromised { since });
        sessions::import_devices(&mut site.scene, &devices);
        site.reports(&site.result(outcome, status), KEPT);
        site.decides(DecisionKind::Evidence, state, posting);

        let mut site = made();
        let abnormal = if refunds { Status::RefundAbnormal } else { Status::CapturedTwice };
        site.reports(&site.result(Outcome::Attention, abnormal), RECORDED);
        site.reports(&site.result(outcome, status), KEPT);
        site.decides(DecisionKind::Evidence, state, posting);
    }
    // A refund that was called failed, and is proved.
    let (mut site, _) = Site::refund(false);
    site.reports(&site.result(Outcome::NotRefunded, Status::RefundRefused), RECORDED);
    site.reports(&site.result(Outcome::Refunded, Status::Refunded), KEPT);
    site.decides(DecisionKind::Evidence, "refunded", "unposted");
}

/// Without evidence two people call an order unpaid, or keep it.
fn two_people_decide_without_evidence() {
    for (kind, state) in [(DecisionKind::NotPaid, "not_paid"), (DecisionKind::Keep, "attention")] {
        let mut site = Site::collect();
        site.asking();
        site.decides(kind, state, "none");
        let mut site = Site::collect();
        site.reports(&site.result(Outcome::Attention, Status::NumberUsed), RECORDED);
        site.decides(kind, state, "none");
    }
}

/// Orders that no bill knows, from a list: three with a result, and three without.
fn two_people_decide_about_orphans() {
    let mut site = Site::collect();
    let kinds = [
        (DecisionKind::Returned, "attention", "asking"),
        (DecisionKind::Keep, "attention", "attention"),
        (DecisionKind::NotPaid, "not_paid", "not_paid"),
    ];
    for (nth, (kind, told, untold)) in kinds.into_iter().enumerate() {
        for (letter, state) in [("T", told), ("U", untold)] {
            let order_no = OrderNo::try_from(format!("B00{letter}{nth}").as_str()).unwrap();
            site.order_no = order_no.clone();
            site.core = OrderCore::decode(site.other_core(FEN)).unwrap();
            site.scene.world.at_window(0, |link, clock| link.pull(clock)).unwrap().unwrap();
            let (call, _) = site.pos.asked(&mut site.scene, body::LIST);
            let mut item = vec![(1, Value::Number(nth as u64 + 2)), (2, bytes(site.core.bytes()))];
            if letter == "T" {
                let result = hostile_pos::signed(&site.result(Outcome::Attention, Status::NumberUsed));
                item.extend([(3, bytes(result.bytes(1).unwrap())), (4, bytes(result.bytes(2).unwrap()))]);
            } else {
                item.push((6, Value::Number(6)));
            }
            let page = fields(&[(1, bytes([8; 8])), (2, bytes(fields(&item).write()))]);
            site.pos.reply(&mut site.scene, call, body::ORDER_LIST, &page);
            site.scene.until(s(10), "an orphan", |scene| scene.ledger(&order_no).is_some());
            if letter == "T" {
                // What contradicts it is evidence of the orphan.
                site.reports(&site.foreign(), KEPT);
            }
            site.decides(kind, state, "none");
        }
    }
}

/// Money may have gone back outside in every state of an order.
fn captures_are_marked_as_returned_in_every_state() {
    let mut site = Site::collect();
    site.returned();
    site.cancelling();
    site.returned();
    site.rejects(507, &[]);
    site.reaches("asking", "none");
    site.returned();
    site.reports(&site.result(Outcome::NotPaid, Status::NoCode), RECORDED);
    site.returned();

    let mut site = Site::collect();
    site.reports(&site.result(Outcome::Attention, Status::NumberUsed), RECORDED);
    site.returned();

    let mut site = Site::collect();
    site.tell(&site.result(Outcome::Paid, Status::Paid));
    site.reaches("paid", "unposted");
    site.returned();
    site.reaches("paid", "posted");
    site.returned();
    assert!(site.scene.captures(&site.order_no)[0].returned);

    let (mut site, _) = Site::refund(false);
    site.tell(&site.result(Outcome::Refunded, Status::Refunded));
    site.reaches("refunded", "unposted");
    site.returned();
    site.reaches("refunded", "posted");
    site.returned();

    let (mut site, _) = Site::refund(false);
    site.reports(&site.result(Outcome::NotRefunded, Status::RefundRefused), RECORDED);
    site.returned();

    let (mut site, original) = Site::refund(true);
    site.reports(&site.result(Outcome::Refunded, Status::Refunded), RECORDED);
    site.returned();
    site.order_no = original;
    site.returned();
}

/// Evidence comes also to an order that is being cancelled or asked about, and to one that is not posted.
fn evidence_is_kept_beside_every_state() {
    let mut site = Site::collect();
    site.cancelling();
    site.reports(&site.foreign(), KEPT);
    site.rejects(507, &[]);
    site.reaches("asking", "none");
    site.reports(&NewResult { decided_at: None, ..site.foreign() }, KEPT);

    let (mut site, _) = Site::refund(false);
    site.tell(&site.result(Outcome::Refunded, Status::Refunded));
    site.tell(&site.foreign());
    site.reaches("refunded", "posted");
    assert_eq!(site.scene.ledger(&site.order_no).unwrap().evidence, 1);

    let (mut site, original) = Site::refund(true);
    site.reports(&site.result(Outcome::Refunded, Status::Refunded), RECORDED);
    site.reports(&site.foreign(), KEPT);
    let foreign = NewResult { order_no: original.clone(), ..site.foreign() };
    site.reports(&foreign, KEPT);
    assert_eq!(site.scene.ledger(&original).unwrap().posting, "not_to_post");
}

/// The device holds other orders of the number, whatever it is asked.
fn the_device_holds_another_order_of_the_number() {
    let mut site = Site::collect();
    let holds = |site: &mut Site, fen: i64| {
        site.rejects(505, &site.other_core(fen));
        site.scene.until(s(5), "the core held", |scene| {
            let order = scene.ledger(&site.order_no).unwrap();
            order.state == "asking" && order.amount.unwrap().fen() == fen
        });
    };
    holds(&mut site, FEN + 1);
    site.call = site.pos.asked(&mut site.scene, body::LOOK_UP).0;
    holds(&mut site, FEN + 2);
    let mut site = Site::collect();
    site.cancelling();
    holds(&mut site, FEN + 1);
}

/// A step back of the journal is declared, or shown by a Sync, while an order is in this state of its row.
fn journal_goes_back(state: &str, bring: impl Fn(&mut Scene) -> OrderNo) {
    for went_back in
        [|scene: &mut Scene| scene.world.declare_journal_restored(0), sync_shows_a_foreign_anchor]
    {
        let mut scene = Scene::open();
        let order_no = bring(&mut scene);
        scene.until(s(300), state, |scene| {
            scene.journal(0, &order_no).is_some_and(|order| (order.state, order.intact) == (state, true))
        });
        // What was just allowed is on its way.
        scene.pass(s(1));
        went_back(&mut scene);
        assert!(!scene.journal(0, &order_no).unwrap().intact);
        scene.pass(s(30));
    }
}

/// HIS has an anchor of another journal of this device.
fn sync_shows_a_foreign_anchor(scene: &mut Scene) {
    let mut his = Foreign::his_before_sync(scene, 0);
    his.ask(scene, body::SYNC, &fields(&[(2, bytes([9; 24]))]));
}

fn journal_goes_back_in_every_state() {
    let pays = |story: Story| {
        move |scene: &mut Scene| {
            let order_no = scene.collect(0, "bill");
            scene.scan(0, Channel::Wechat, story);
            order_no
        }
    };
    let silent = |scene: &mut Scene, lost: fn(&Request) -> bool| {
        scene.network(move |ask, _| if lost(&ask.request) { LOST } else { Passage::GOOD });
    };
    journal_goes_back("wait_code", |scene| scene.collect(0, "bill"));
    journal_goes_back("paying", pays(Story::NeverTyped));
    journal_goes_back("reversing", |scene| {
        scene.decide(|decided| decided.reverses.extend([Reversal::NoEffect; 9]));
        pays(Story::NeverClosed)(scene)
    });
    journal_goes_back("asking", |scene| {
        let order_no = pays(Story::NeverTyped)(scene);
        scene.pass(s(2));
        silent(scene, |_| true);
        scene.strike(Fault::Killed(Machine::Pos(0)));
        order_no
    });
    let refunds = move |scene: &mut Scene, lost: fn(&Request) -> bool| {
        let order_no = scene.paid(0, "bill", Channel::Wechat);
        silent(scene, lost);
        scene.try_refund(0, &order_no, "", FEN).unwrap()
    };
    journal_goes_back("refunding", |scene| {
        refunds(scene, |request| matches!(request, Request::QueryRefund { .. }))
    });
    journal_goes_back("refunding", |scene| {
        refunds(scene, |request| matches!(request, Request::Refund { .. }))
    });
    journal_goes_back("asking", |scene| {
        scene.decide(|decided| decided.refunds.push_back(Refunding::Processing(s(200))));
        refunds(scene, |_| false)
    });
}

/// No platform says anything for a day.
fn nobody_knows_for_a_day() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::NeverTyped);
    scene.network(|_, _| LOST);
    scene.pass(s(86_400));
    scene.ends(s(4_000), &order_no, "attention", Status::Undecided);
}

/// The calendar jumps by a day while a terminal sleeps, or while it closes a payment, until past `act_by`.
fn calendar_jumps_a_day_while_money_moves() {
    for state in ["paying", "reversing"] {
        let mut scene = Scene::open();
        scene.decide(|decided| decided.reverses.extend([Reversal::NoEffect; 9]));
        let order_no = scene.collect(0, "bill");
        scene.scan(0, Channel::Wechat, Story::NeverClosed);
        scene.until(s(300), state, |scene| scene.journal(0, &order_no).unwrap().state == state);
        scene.pass(s(1));
        scene.network(|_, _| LOST);
        if state == "paying" {
            scene.strike(Fault::Freezes(0, s(400)));
        }
        scene.strike(Fault::ClockJumps(Machine::Pos(0), 86_400));
        scene.ends(s(500), &order_no, "attention", Status::Undecided);
    }
}

/// A program that was off for a day finds its journal replaced at its first Sync.
fn journal_goes_back_on_the_day_after() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::NeverTyped);
    scene.pass(s(2));
    scene.network(|_, _| LOST);
    scene.strike(Fault::ClockJumps(Machine::Pos(0), 86_400));
    scene.strike(Fault::Killed(Machine::Pos(0)));
    // No window comes to a session before that Sync.
    Foreign::take_over(&mut scene, 0, Side::His);
    scene.pass(s(30));
    sync_shows_a_foreign_anchor(&mut scene);
    assert_eq!(scene.journal(0, &order_no).unwrap().state, "ended");
}

/// A look finds the end of an order once more that nobody has told HIS of.
fn look_ends_again_what_is_not_yet_answered() {
    let (mut scene, mut his, _, core) = hostile_his::submitted("B1", FEN);
    his.ask(&mut scene, body::LOOK_UP, &fields(&[(1, bytes(&core))]));
    scene.pass(s(300));
    let mut his = Foreign::his(&mut scene, 0);
    his.ask(&mut scene, body::LOOK_UP, &fields(&[(1, bytes(&core)), (2, Value::Number(1))]));
    scene.pass(s(300));
}

/// The first look after 600 seconds finds what is known.
fn look_brings_nothing_new() {
    let mut site = Site::collect();
    let absent = site.result(Outcome::NotPaid, Status::Absent);
    site.reports(&absent, RECORDED);
    site.scene.pass(s(600));
    let (call, _) = site.pos.asked(&mut site.scene, body::LOOK_UP);
    site.pos.reply(
        &mut site.scene,
        call,
        body::ORDER_STATE,
        &fields(&[(1, bytes(site.order_no.as_str())), (2, Value::Number(6))]),
    );
    site.reports(&absent, RECORDED);
}

#[test]
fn every_row_that_is_left_to_scripts_is_made_by_one() {
    let capture = Capture { payment_no: "1".into(), amount: 99, captured_at: None };
    number_is_not_free(&Proof::Mismatch(capture), "attention", Status::NumberUsed);
    number_is_not_free(&Proof::Alive, "attention", Status::NumberUsed);
    number_is_not_free(&Proof::Closed, "not_paid", Status::NumberClosed);
    refund_is_not_answered_about();
    payment_is_given_back_unposted(Refunding::Done, "refunded", Status::Refunded);
    payment_is_given_back_unposted(Refunding::Refused, "not_refunded", Status::RefundRefused);
    refunds::refund_of_the_wrong_original_is_not_done();
    refunds::refund_that_never_arrived_is_released_after_a_day_of_looks_also_at_a_terminal_without_a_clock();
    sessions::compromised_device_with_money_in_flight_tells_evidence_only_and_another_device_ends_its_order();
    two_people_end_orders_by_evidence();
    two_people_decide_without_evidence();
    two_people_decide_about_orphans();
    captures_are_marked_as_returned_in_every_state();
    evidence_is_kept_beside_every_state();
    the_device_holds_another_order_of_the_number();
    journal_goes_back_in_every_state();
    nobody_knows_for_a_day();
    calendar_jumps_a_day_while_money_moves();
    journal_goes_back_on_the_day_after();
    look_ends_again_what_is_not_yet_answered();
    look_brings_nothing_new();
    let made = made();
    let missing: Vec<String> =
        BY_SCRIPT.iter().map(|row| row.join(" ")).filter(|row| !made.contains_key(row)).collect();
    assert_eq!(missing, Vec::<String>::new(), "rows of spec-crate/tables that no script makes");
}
