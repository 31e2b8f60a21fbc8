//! What platforms and their networks do between a pay and its verdict.

use hispos::catalogue::Status;
use hispos::platform::{Channel, Proof, Request};
use hispos_sim::decided::Reversal;
use hispos_sim::history::Moving;
use hispos_sim::platform::Money;
use hispos_sim::script::Passage;
use hispos_sim::story::Story;

use crate::scene::{FEN, Scene, is_pay, is_query, s};

const LOST: Passage = Passage { there: Some(50), back: None, instead: None };

fn captured(order_no: &hispos::ids::OrderNo, channel: Channel) -> Money {
    Money::Captured(Scene::number(order_no, channel), FEN as u64)
}

//= spec-crate/spec/orders.md#paying
//= type=test
//# A POS MUST end an order in Paying, once no pay is in flight, as the finding of its attempt's number says
//# by PAY-76, and on the answer to the pay itself as PAY-74 says.
#[test]
fn paid_answer_that_is_lost_is_found_out_by_a_query_and_nothing_is_paid_again() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.network(|ask, _| if is_pay(ask) { LOST } else { Passage::GOOD });
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.ends(s(20), &order_no, "paid", Status::Paid);
    assert_eq!(scene.written(Moving::Pay).len(), 1);
    assert_eq!(scene.money(), [captured(&order_no, Channel::Wechat)]);
    scene.agree();
}

#[test]
fn pay_request_that_the_network_delivers_late_is_not_called_dead_before_its_fence() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    // It arrives 40 s after its first byte, 28 s after its connection was aborted.
    let late = Passage { there: Some(s(40)), back: Some(50), instead: None };
    scene.network(move |ask, _| if is_pay(ask) { late.clone() } else { Passage::GOOD });
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.pass(s(39));
    assert_eq!(scene.held(&order_no), 0);
    let before = scene.ledger(&order_no).unwrap();
    assert!(!before.ended, "absent 39 s long proves nothing");
    scene.ends(s(20), &order_no, "paid", Status::Paid);
    assert_eq!(scene.written(Moving::Pay).len(), 1);
    scene.agree();
}

#[test]
fn order_that_the_platform_shows_only_seconds_later_is_paid() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.decide(|decided| decided.hidden = s(8));
    scene.scan(0, Channel::Wechat, Story::Password(s(20)));
    scene.pass(s(7));
    assert!(!scene.ledger(&order_no).unwrap().ended);
    scene.ends(s(30), &order_no, "paid", Status::Paid);
    scene.agree();
}

#[test]
fn alipay_shows_the_order_only_when_the_patient_types_the_password_and_it_is_paid() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.decide(|decided| decided.hidden = u64::MAX);
    scene.scan(0, Channel::Alipay, Story::Password(s(35)));
    scene.pass(s(34));
    let answers = scene.asked.borrow().iter().filter(|(_, ask)| is_query(ask)).count();
    assert!(answers >= 5, "{answers} questions");
    assert!(!scene.ledger(&order_no).unwrap().ended, "absent until the password is typed");
    scene.ends(s(15), &order_no, "paid", Status::Paid);
    assert!(scene.written(Moving::Reverse).is_empty());
    scene.agree();
}

#[test]
fn password_typed_for_40_s_is_waited_for_and_paid() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Password(s(40)));
    scene.pass(s(39));
    assert_eq!(scene.journal(0, &order_no).unwrap().state, "paying");
    scene.ends(s(10), &order_no, "paid", Status::Paid);
    assert!(scene.written(Moving::Reverse).is_empty());
    scene.agree();
}

//= spec-crate/spec/orders.md#reversing
//= type=test
//# A POS MUST end an order in Reversing, once no reverse is in flight, as the finding of its attempt's number
//# says by PAY-76.
//= spec-crate/spec/orders.md#reversing
//= type=test
//# A POS MUST apply the rules of Reversing in this order: ORD-119, ORD-120, ORD-121, and then the questions
//# of PAY-59.
#[test]
fn order_paid_while_it_is_being_reversed_is_paid_after_cancel_and_only_behind_the_fence() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    // The patient confirms while the reverse is under way, and it has no effect.
    scene.decide(|decided| decided.reverses.push_back(Reversal::NoEffect));
    scene.network(|ask, _| match ask.request {
        Request::Reverse => Passage { there: Some(s(3)), ..Passage::GOOD },
        _ => Passage::GOOD,
    });
    scene.scan(0, Channel::Wechat, Story::Password(s(52)));
    scene.until(s(60), "the reverse", |scene| !scene.written(Moving::Reverse).is_empty());
    let reversed_at = scene.written(Moving::Reverse)[0];
    scene.until(s(10), "the capture", |scene| scene.held(&order_no) > 0);
    scene.pass(s(100));
    assert!(!scene.ledger(&order_no).unwrap().ended, "a reverse may still take effect");
    scene.ends(s(60), &order_no, "paid", Status::PaidAfterCancel);
    assert!(scene.world.age() >= reversed_at + s(120));
    assert_eq!(scene.written(Moving::Reverse).len(), 1, "what is captured is not reversed");
    scene.agree();
}

//= spec-crate/spec/orders.md#reversing
//= type=test
//# A POS MUST end an order in Reversing, once no reverse is in flight, as the finding of its attempt's number
//# says by PAY-76.
#[test]
fn order_paid_and_then_undone_by_its_late_reverse_is_not_paid() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.decide(|decided| decided.reverses.push_back(Reversal::Late(s(60))));
    scene.scan(0, Channel::Wechat, Story::Password(s(51)));
    scene.until(s(70), "the capture", |scene| scene.held(&order_no) > 0);
    scene.ends(s(200), &order_no, "not_paid", Status::Closed);
    let number = Scene::number(&order_no, Channel::Wechat);
    assert_eq!(scene.money().last(), Some(&Money::Reversed(number, FEN as u64)));
    scene.agree();
}

//= spec-crate/spec/orders.md#paying
//= type=test
//# A POS MUST store that a reverse was written and enter Reversing from Paying when T_POLL has passed since
//# the pay's first byte or a cancel is wanted or the payer was refused, the latest answer says that the
//# number lives, or is absent and the payer was not refused, T_REV_MIN has passed since the pay's first byte,
//# and `act_by` has not come.
//= spec-crate/spec/orders.md#reversing
//= type=test
//# A POS MUST write a reverse in Reversing when the latest answer of the attempt's number is less than 2
//# seconds old and says that the number lives, or, before the first reverse of this stay in Reversing, that
//# it is absent, and the gap of PAY-81 is over.
#[test]
fn reverse_answered_still_paying_is_repeated_behind_a_query_each_time() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene
        .decide(|decided| decided.reverses.extend([Reversal::NoEffect, Reversal::NoEffect, Reversal::Works]));
    scene.scan(0, Channel::Wechat, Story::NeverTyped);
    scene.ends(s(100), &order_no, "not_paid", Status::Closed);
    let reverses = scene.written(Moving::Reverse);
    assert_eq!(reverses.len(), 3);
    assert!(reverses[1] - reverses[0] >= s(2) && reverses[2] - reverses[1] >= s(4), "{reverses:?}");
    for at in &reverses {
        let asked = scene.asked.borrow();
        let query = asked.iter().rfind(|(asked, ask)| asked < at && is_query(ask)).unwrap();
        assert!(at - query.0 <= s(2), "a reverse {} ms behind its query", at - query.0);
    }
    scene.agree();
}

#[test]
fn reverse_reported_done_without_effect_is_not_believed() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.network(|ask, _| match ask.request {
        Request::Reverse => Passage { there: None, back: Some(50), instead: Some(Proof::Closed) },
        _ => Passage::GOOD,
    });
    scene.scan(0, Channel::Wechat, Story::Password(s(58)));
    scene.until(s(70), "the capture", |scene| scene.held(&order_no) > 0);
    assert!(!scene.written(Moving::Reverse).is_empty());
    scene.ends(s(300), &order_no, "paid", Status::PaidAfterCancel);
    scene.agree();
}

//= spec-crate/spec/orders.md#reversing
//= type=test
//# A POS MUST write a reverse in Reversing when the latest answer of the attempt's number is less than 2
//# seconds old and says that the number lives, or, before the first reverse of this stay in Reversing, that
//# it is absent, and the gap of PAY-81 is over.
#[test]
fn reverse_after_rotated_keys_waits_until_a_query_is_answered_again() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    // From 20 s to 110 s the old keys are refused: no answer is signed right, and none proves anything.
    let begin = scene.world.age();
    scene.network(move |_, age| {
        let rotated = (begin + s(20)..begin + s(110)).contains(&age);
        Passage { instead: rotated.then_some(Proof::Open), ..Passage::GOOD }
    });
    scene.scan(0, Channel::Wechat, Story::NeverClosed);
    scene.pass(s(109));
    assert!(scene.written(Moving::Reverse).is_empty(), "never behind a query error");
    scene.ends(s(40), &order_no, "not_paid", Status::Closed);
    let reverses = scene.written(Moving::Reverse);
    assert_eq!(reverses.len(), 1);
    assert!(reverses[0] >= begin + s(110));
    scene.agree();
}

//= spec-crate/spec/orders.md#leases
//= type=test
//# A POS MUST set `start_by` of an accepted order to the present session's zero + 1,000 ms times the received
//# number, and `act_by` to `start_by` + T_ACT, as instants of its boot clock.
#[test]
fn scan_in_the_last_second_is_paid_if_its_first_byte_is_in_time_and_writes_nothing_otherwise() {
    for (connect, state, status, held) in
        [(20, "paid", Status::Paid, FEN as u64), (1_500, "not_paid", Status::PlatformDown, 0)]
    {
        let mut scene = Scene::open();
        let order_no = scene.collect(0, "bill");
        let lease =
            scene.world.his.world(hispos::time::Instant(scene.ledger(&order_no).unwrap().leased_until));
        let start_by = lease - s(170);
        scene.world.script.connects = Some(Box::new(move |ask| if is_pay(ask) { connect } else { 20 }));
        scene.world.live_until(start_by - s(1));
        scene.scan(0, Channel::Wechat, Story::Paid);
        scene.ends(s(15), &order_no, state, status);
        assert_eq!(scene.held(&order_no), held);
        assert_eq!(scene.written(Moving::Pay).len(), usize::from(held != 0));
        scene.agree();
    }
}
