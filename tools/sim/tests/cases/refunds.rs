//! Giving money back.

use hispos::catalogue::Status;
use hispos::error::Refusal;
use hispos::ids::OrderNo;
use hispos::link::his::OrderRefusal;
use hispos::platform::{Channel, Proof, Request};
use hispos_sim::decided::Refunding;
use hispos_sim::history::Moving;
use hispos_sim::nodes::Machine;
use hispos_sim::plan::Fault;
use hispos_sim::platform::Money;
use hispos_sim::script::{Passage, PowerCut};

use crate::scene::{FEN, Scene, s};

const LOST: Passage = Passage { there: Some(50), back: None, instead: None };

/// A site at which an order was paid a minute ago.
fn paid() -> (Scene, OrderNo) {
    let mut scene = Scene::open();
    let order_no = scene.paid(0, "bill", Channel::Wechat);
    scene.pass(s(61));
    (scene, order_no)
}

/// Fen that refunds gave back at the platform.
fn given_back(scene: &Scene) -> Vec<u64> {
    let refunded = |money| if let Money::Refunded(_, _, fen) = money { Some(fen) } else { None };
    scene.money().into_iter().filter_map(refunded).collect()
}

fn reserved(scene: &Scene, order_no: &OrderNo) -> (u64, u64) {
    let captures = scene.captures(order_no);
    assert_eq!(captures.len(), 1);
    (captures[0].refunded, captures[0].reserved)
}

//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST ask in Refunding first about the refund's own number, and after it answered absent about the
//# original's number, at once and then again 5 seconds after each answer that decides nothing.
//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST end an order in Refunding as `not_refunded` with `original` (403) unless the original's number
//# is captured, refunded in part or not, with exactly the amount and payment number that `refund_of` names,
//# where a mismatch, closed, alive and absent each say that it is not.
#[test]
pub(crate) fn refund_of_the_wrong_original_is_not_done() {
    // What the platform says of the original's number: another payment, another amount, nothing.
    let capture = |payment_no: &str, amount| hispos::platform::Capture {
        payment_no: payment_no.into(),
        amount,
        captured_at: None,
    };
    for says in [
        Proof::Captured(capture("wechat999999999999", FEN as u64)),
        Proof::Mismatch(capture("wechat000000000001", 99)),
        Proof::Closed,
        Proof::Absent,
    ] {
        let (mut scene, order_no) = paid();
        let wrong = says.clone();
        scene.network(move |ask, _| {
            let instead = matches!(ask.request, Request::Query).then(|| wrong.clone());
            Passage { instead, ..Passage::GOOD }
        });
        let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
        scene.ends(s(20), &refund, "not_refunded", Status::Original);
        assert!(scene.written(Moving::Refund).is_empty(), "{says:?}");
        assert_eq!(reserved(&scene, &order_no), (0, 0));
        scene.agree();
    }
}

//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an orphan; the
//# ledger has no capture under a platform number of the original that is not returned; a reason of ORD-161
//# that concerns the day, the step back or the device; the amount is not negative; another refund of the same
//# original and item has not ended, ended as attention, or still has a reservation; the amount is above what
//# was taken less what was given back and what is reserved; the refunds of the capture that were given back
//# and those that are reserved are together 50 or more; less than 60 seconds have passed since the capture's
//# latest refund order was made; the new refund's number has a row; the amount is above a limit of the
//# agreement.
#[test]
fn refund_twice_of_the_same_item_is_refused_while_the_first_is_open_and_when_nothing_is_left() {
    let (mut scene, order_no) = paid();
    scene.decide(|decided| decided.refunds.push_back(Refunding::Processing(s(40))));
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.pass(s(5));
    let busy = OrderRefusal::ItemBusy { order_no: refund.as_str().into() };
    assert_eq!(scene.try_refund(0, &order_no, "", FEN), Err(busy));
    scene.ends(s(200), &refund, "refunded", Status::Refunded);
    assert_eq!(scene.try_refund(0, &order_no, "", FEN), Err(OrderRefusal::NotCaptured));
    assert_eq!(given_back(&scene), [FEN as u64]);
    scene.agree();
}

//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an orphan; the
//# ledger has no capture under a platform number of the original that is not returned; a reason of ORD-161
//# that concerns the day, the step back or the device; the amount is not negative; another refund of the same
//# original and item has not ended, ended as attention, or still has a reservation; the amount is above what
//# was taken less what was given back and what is reserved; the refunds of the capture that were given back
//# and those that are reserved are together 50 or more; less than 60 seconds have passed since the capture's
//# latest refund order was made; the new refund's number has a row; the amount is above a limit of the
//# agreement.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST keep, for each capture, given back + reserved + a new refund at or below the amount taken.
#[test]
fn refund_of_too_much_is_refused_with_what_is_left() {
    let (mut scene, order_no) = paid();
    let left = FEN as u64;
    assert_eq!(scene.try_refund(0, &order_no, "", FEN + 1), Err(OrderRefusal::Exceeds { left }));
    let refund = scene.try_refund(0, &order_no, "x-ray", 1_000).unwrap();
    scene.ends(s(20), &refund, "refunded", Status::Refunded);
    scene.pass(s(61));
    assert_eq!(scene.try_refund(0, &order_no, "drugs", 235), Err(OrderRefusal::Exceeds { left: 234 }));
    assert_eq!(given_back(&scene), [1_000]);
    scene.agree();
}

//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS that derives numbers MUST take as generation of a new refund the count of refund orders of its
//# original that have its item, where an adopted orphan has the item by which one of the first 50 generations
//# gives its number.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS that refuses a refund because it is too soon MUST tell the seconds that are left, and make no order.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST book a refund that ended as `refunded` by adding its amount to what was given back, counting
//# it, marking the capture returned if all was given back, and removing its reservation.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST mark a capture as returned only by booked refunds that reach its amount, or by a decision of
//# two people.
#[test]
fn second_partial_refund_is_too_soon_within_a_minute_and_done_after_it() {
    let (mut scene, order_no) = paid();
    let first = scene.try_refund(0, &order_no, "x-ray", 1_000).unwrap();
    scene.ends(s(20), &first, "refunded", Status::Refunded);
    let soon = scene.try_refund(0, &order_no, "drugs", 234);
    assert!(matches!(soon, Err(OrderRefusal::TooSoon { seconds: 50..=60 })), "{soon:?}");
    scene.pass(s(61));
    let second = scene.try_refund(0, &order_no, "drugs", 234).unwrap();
    scene.ends(s(20), &second, "refunded", Status::Refunded);
    assert_ne!(first, second);
    assert_eq!(given_back(&scene), [1_000, 234]);
    assert_eq!(reserved(&scene, &order_no), (1_234, 0));
    assert!(scene.captures(&order_no)[0].returned);
    scene.agree();
}

//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A HIS whose transaction is refused because another link changed a row that the step had read MUST run the
//# step again over the rows as they are then.
//= spec-crate/spec/orders.md#the-ledger-and-the-bill-lock
//= type=test
//# A HIS MUST make all orders of a site in one ledger whose transactions are refused if a row that they read
//# has changed.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST decide on a new refund, reserve its amount and store its row in one transaction that has read
//# the site row, the row of the original, the capture row that gives the money back, every order of the
//# original's bill and every order of the business day, and that writes the site row.
#[test]
fn refund_at_two_windows_at_the_same_moment_is_made_once() {
    let (mut scene, order_no) = paid();
    let both = scene.refund_at_both_windows(&order_no, FEN);
    let made: Vec<_> = both.iter().filter_map(|made| made.as_ref().ok()).collect();
    assert_eq!(made.len(), 1, "{both:?}");
    let busy = OrderRefusal::ItemBusy { order_no: made[0].as_str().into() };
    assert!(both.contains(&Err(busy)), "{both:?}");
    scene.ends(s(20), made[0], "refunded", Status::Refunded);
    assert_eq!(scene.written(Moving::Refund).len(), 1);
    scene.agree();
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST set `channel` of a result to the channel of the original for a refund, to the channel of the
//# capture for `paid`, and otherwise to the channel of the order's attempt, leaving it out if there was none.
//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST set `payment_no` of a result to the original's payment number for a refund and to that of the
//# capture for `paid`, and leave it out otherwise.
#[test]
fn refund_at_another_pos_than_the_payment_is_done_once() {
    let (mut scene, order_no) = paid();
    let refund = scene.try_refund(1, &order_no, "", FEN).unwrap();
    scene.ends(s(20), &refund, "refunded", Status::Refunded);
    assert_eq!(given_back(&scene), [FEN as u64]);
    scene.agree();
}

//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST ask another device than the order's own about an order only in Asking, and only at or after its
//# lease end + T_QUIET, the largest T_QUIET of all agreements held.
//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST store the asked device in the order's row before it sends it the first LookUp.
//= spec-crate/spec/orders.md#leases
//= type=test
//# A POS MUST NOT write a pay, reverse or refund for an order that its present run has not accepted by
//# SubmitOrder, except a reverse or a repeated refund that ORD-130 or ORD-142 allows.
//= spec-crate/spec/orders.md#looking-up
//= type=test
//# A POS MUST NOT write a pay, reverse or refund because of a LookUp, whichever device the core names.
#[test]
fn refund_moved_to_another_pos_is_only_looked_at_there_and_never_requested_again() {
    let (mut scene, order_no) = paid();
    scene.network(|ask, _| if matches!(ask.request, Request::Refund { .. }) { LOST } else { Passage::GOOD });
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.until(s(5), "the request", |scene| !scene.written(Moving::Refund).is_empty());
    scene.pull(0);
    scene.strike(Fault::Freezes(0, s(3_600)));
    scene.pass(s(5));
    let order = scene.ledger(&refund).unwrap();
    let early = scene.world.at_window(1, |link, clock| link.look_up(&order, clock)).unwrap();
    assert!(matches!(early, Err(Refusal::UnknownOrder | Refusal::Leased { .. })), "{early:?}");
    scene.pass(s(260 + 133));
    let order = scene.ledger(&refund).unwrap();
    assert_eq!(order.state, "asking");
    let busy = OrderRefusal::ItemBusy { order_no: refund.as_str().into() };
    assert_eq!(scene.try_refund(1, &order_no, "", FEN), Err(busy));
    scene.world.at_window(1, |link, clock| link.look_up(&order, clock)).unwrap().unwrap();
    scene.ends(s(30), &refund, "refunded", Status::Refunded);
    assert_eq!(scene.written(Moving::Refund).len(), 1);
    scene.plug(0);
    scene.agree();
}

//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST remove the reservation of a refund that enters NotRefunded with a status that does not rest on
//# absence, and keep it in every other case.
//= spec-crate/spec/orders.md#making-a-refund
//= type=test
//# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an orphan; the
//# ledger has no capture under a platform number of the original that is not returned; a reason of ORD-161
//# that concerns the day, the step back or the device; the amount is not negative; another refund of the same
//# original and item has not ended, ended as attention, or still has a reservation; the amount is above what
//# was taken less what was given back and what is reserved; the refunds of the capture that were given back
//# and those that are reserved are together 50 or more; less than 60 seconds have passed since the capture's
//# latest refund order was made; the new refund's number has a row; the amount is above a limit of the
//# agreement.
#[test]
fn refund_that_is_abnormal_needs_people_and_keeps_its_money_reserved() {
    let (mut scene, order_no) = paid();
    scene.decide(|decided| decided.refunds.push_back(Refunding::Abnormal(0)));
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.ends(s(20), &refund, "attention", Status::RefundAbnormal);
    assert_eq!(reserved(&scene, &order_no), (0, FEN as u64));
    scene.pass(s(61));
    let busy = OrderRefusal::ItemBusy { order_no: refund.as_str().into() };
    assert_eq!(scene.try_refund(0, &order_no, "", FEN), Err(busy));
    assert_eq!(scene.try_refund(0, &order_no, "drugs", 1), Err(OrderRefusal::Exceeds { left: 0 }));
    assert_eq!(scene.held(&order_no), FEN as u64);
    scene.agree();
}

#[test]
fn disconnect_during_a_refund_tells_its_end_when_the_line_is_back_and_gives_back_once() {
    let (mut scene, order_no) = paid();
    scene.decide(|decided| decided.refunds.push_back(Refunding::Processing(s(20))));
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.until(s(5), "the request", |scene| !scene.written(Moving::Refund).is_empty());
    scene.pull(0);
    scene.pass(s(120));
    assert!(!scene.ledger(&refund).unwrap().ended);
    assert_eq!(reserved(&scene, &order_no), (0, FEN as u64));
    scene.plug(0);
    scene.ends(s(60), &refund, "refunded", Status::Refunded);
    assert_eq!(given_back(&scene), [FEN as u64]);
    scene.agree();
}

//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST store the instant at which the first refund request is allowed before it writes that request,
//# and enter Asking when the request has ended without ending the order.
//= spec-crate/spec/orders.md#asking-about-a-refund
//= type=test
//# A POS MUST ask in Asking of a refund only about the refund's own number, at the merchant of the original's
//# agreement, and end the order only as PAY-84 and PAY-86 say, without any end by time.
#[test]
fn refund_whose_answer_is_lost_is_asked_about_and_given_back_once() {
    let (mut scene, order_no) = paid();
    scene.network(|ask, _| if matches!(ask.request, Request::Refund { .. }) { LOST } else { Passage::GOOD });
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.ends(s(60), &refund, "refunded", Status::Refunded);
    assert_eq!(given_back(&scene), [FEN as u64]);
    scene.agree();
}

//= spec-crate/spec/orders.md#time
//= type=test
//# A POS without a trustworthy calendar clock MUST leave out `decided_at` of a result and `at` of a book
//# record, and store 0 as `accepted_unix` of an order.
//= spec-crate/spec/orders.md#looking-up
//= type=test
//# A POS MUST report the result of a look like the result of an order, in place of an earlier result of the
//# same order.
#[test]
pub(crate) fn refund_that_never_arrived_is_released_after_a_day_of_looks_also_at_a_terminal_without_a_clock()
{
    let (mut scene, order_no) = paid();
    scene.world.script.no_calendar = Some(Machine::Pos(0));
    let nowhere = Passage { there: None, back: None, instead: None };
    scene.network(move |ask, _| {
        if matches!(ask.request, Request::Refund { .. }) { nowhere.clone() } else { Passage::GOOD }
    });
    let refund = scene.try_refund(0, &order_no, "", FEN).unwrap();
    scene.ends(s(900), &refund, "not_refunded", Status::RefundAbsent);
    // Each look ends with the same bytes: it is no new evidence, and counts.
    scene.pass(s(86_000));
    assert_eq!(reserved(&scene, &order_no), (0, FEN as u64));
    scene.pass(s(1_000));
    assert_eq!(reserved(&scene, &order_no), (0, 0));
    assert_eq!(scene.ledger(&refund).unwrap().evidence, 0);
    scene.agree();
}

#[test]
fn power_loss_before_and_after_each_persist_of_a_refund_gives_back_once_or_not_at_all() {
    for (machine, least) in [(Machine::His, 2), (Machine::Pos(0), 4)] {
        for durable in [false, true] {
            let mut losses = 0;
            while refund_with_power_loss(machine, losses, durable) {
                losses += 1;
            }
            assert!(losses >= least, "{machine:?} has {losses} batches");
            println!("{machine:?}: power lost at each of {losses} batches, durable {durable}");
        }
    }
}

/// A whole refund with a power loss at a Persist. `false`: there was no such Persist.
fn refund_with_power_loss(machine: Machine, persists: u64, durable: bool) -> bool {
    let (mut scene, order_no) = paid();
    scene.power_cut(PowerCut { machine, persists, durable });
    let made = scene.try_refund_through_power_loss(0, &order_no, FEN);
    let Some(refund) = made else {
        assert_eq!((machine, persists, durable), (Machine::His, 0, false), "only a lost order is no order");
        return true;
    };
    scene.until(s(7_200), "the end", |scene| scene.ledger(&refund).is_some_and(|order| order.ended));
    // The answer to the result is a batch, too.
    scene.pass(s(2));
    let order = scene.ledger(&refund).unwrap();
    let back = given_back(&scene);
    let expected: &[u64] = if order.state == "refunded" { &[FEN as u64] } else { &[] };
    assert_eq!((order.state, back.as_slice()), (order.state, expected), "{machine:?} {persists} {durable}");
    let lost = scene.world.script.power_cut.is_none();
    scene.agree();
    lost
}
