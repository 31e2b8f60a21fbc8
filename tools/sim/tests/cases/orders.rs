//! What happens to one order between a window, a line and a terminal.

use std::cell::RefCell;
use std::rc::Rc;

use hispos::Disposition;
use hispos::catalogue::Status;
use hispos::error::Refusal;
use hispos::ids::OrderNo;
use hispos::link::HisEvent;
use hispos::link::PosEvent;
use hispos::link::his::{HisOrderEvent, OrderRefusal};
use hispos::link::pos::OrderEvent;
use hispos::platform::Channel;
use hispos_sim::decided::Reversal;
use hispos_sim::history::Moving;
use hispos_sim::line::Way;
use hispos_sim::nodes::Machine;
use hispos_sim::plan::Fault;
use hispos_sim::script::{Passage, PowerCut};
use hispos_sim::story::Story;

use crate::scene::{Scene, is_pay, s};

/// How often a window told that an order ended.
fn ends_told(scene: &Scene, order_no: &OrderNo) -> usize {
    let ended = |(_, event): &(u64, HisEvent)| matches!(event, HisEvent::Order(HisOrderEvent::Ended(order)) if order.order_no == *order_no);
    scene.his_told().iter().filter(|told| ended(told)).count()
}

/// How often a terminal told that it accepted an order.
fn accepted_told(scene: &Scene, wanted: &OrderNo) -> usize {
    let accepted = |(_, event): &(u64, PosEvent)| matches!(event, PosEvent::Order(OrderEvent::Accepted { order_no, .. }) if order_no == wanted);
    scene.pos_told().iter().filter(|told| accepted(told)).count()
}

fn answered(scene: &Scene, order_no: &OrderNo) -> Option<Disposition> {
    scene.journal(0, order_no)?.answered
}

//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A HIS MUST answer every authentic ReportResult about a number that has a row with ConfirmResult, also one
//# that it has answered before, with `recorded` (1) if that result ended its order and with `kept` (2)
//# otherwise.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST store the result, the end, the captures that it tells of and their payment numbers, and a
//# refund's booking in one transaction, and confirm with `recorded` (1).
//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST set `order_hash`, `order_no` and `amount` of a result to those of the order's core, and
//# `device_id` to its own id.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS MUST report in rounds, where a round takes all unanswered results, oldest first, the first round of
//# a session begins at once, the next one 2 seconds later, and each further gap is twice the last one and at
//# most 30 seconds.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A receiver MUST answer a repeat that it does not leave out like a new request, from what is stored then.
#[test]
fn lost_acknowledgements_many_times_end_an_order_once_and_cost_only_repeats() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    let lost = scene.lose(|desk, way| desk == 0 && way == Way::Down);
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.ends(s(5), &order_no, "paid", Status::Paid);
    // No new key exchange comes of it: the POS is heard all the time.
    scene.pass(s(50));
    assert!(lost.count.get() >= 5, "{} lost", lost.count.get());
    assert_eq!(answered(&scene, &order_no), None);
    lost.on.set(false);
    scene.pass(s(35));
    assert_eq!(answered(&scene, &order_no), Some(Disposition::Recorded));
    assert_eq!(ends_told(&scene, &order_no), 1);
    assert_eq!((scene.ledger(&order_no).unwrap().evidence, scene.captures(&order_no).len()), (0, 1));
    scene.agree();
}

//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A HIS MUST answer every authentic ReportResult about a number that has a row with ConfirmResult, also one
//# that it has answered before, with `recorded` (1) if that result ended its order and with `kept` (2)
//# otherwise.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS MUST report unanswered results again after every restart and in every new session, for as long as
//# they are unanswered.
#[test]
fn confirm_that_is_lost_for_a_result_already_recorded_comes_again_in_the_next_session() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    let lost = scene.lose(|desk, way| desk == 0 && way == Way::Down);
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.ends(s(5), &order_no, "paid", Status::Paid);
    scene.pull(0);
    scene.strike(Fault::Killed(Machine::His));
    lost.on.set(false);
    scene.pass(s(10));
    assert_eq!(answered(&scene, &order_no), None);
    scene.plug(0);
    scene.pass(s(20));
    assert_eq!(answered(&scene, &order_no), Some(Disposition::Recorded));
    assert_eq!(ends_told(&scene, &order_no), 1);
    assert_eq!(scene.ledger(&order_no).unwrap().evidence, 0);
    scene.agree();
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST end an order by a result exactly if the result is authentic and not evidence only, the order's
//# row is known and no orphan, the order has not ended, the result's order hash, number and amount are the
//# order's own, and its signer is the order's own device or a device that the row has asked.
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST leave WaitCode at `start_by` as ORD-110 says, with `platform_down` (220) if a good code is
//# waiting and with `no_code` (200) if none is.
#[test]
fn stale_answer_of_the_last_sale_is_never_taken_for_the_next_one() {
    let mut scene = Scene::open();
    let first = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.ends(s(5), &first, "paid", Status::Paid);
    // The terminal hears no confirmation, and says "paid" again and again while the next sale waits.
    let lost = scene.lose(|desk, way| desk == 0 && way == Way::Down);
    let second = scene.try_collect(0, "another bill").unwrap();
    scene.pass(s(6));
    lost.on.set(false);
    scene.pass(s(30));
    assert_eq!(scene.ledger(&second).unwrap().state, "sent");
    assert_eq!(scene.captures(&second), []);
    scene.ends(s(90), &second, "not_paid", Status::NoCode);
    assert_eq!(ends_told(&scene, &first), 1);
    scene.agree();
}

//= spec-crate/spec/messages.md#repeats
//= type=test
//# A HIS MUST repeat an open request after gaps of 1, 2, 4 and then always 8 s (REQUEST_REPEAT_1 to
//# REQUEST_REPEAT_4) for as long as the session lives and the request is wanted.
#[test]
fn same_order_sent_again_and_again_with_the_same_content_is_accepted_once_and_paid_once() {
    let mut scene = Scene::open();
    // Every reply is lost: HIS repeats the order, and the terminal answers from state.
    let lost = scene.lose(|desk, way| desk == 0 && way == Way::Up);
    let order_no = scene.collect(0, "bill");
    scene.pass(s(12));
    assert!(lost.count.get() >= 4, "{} replies lost", lost.count.get());
    lost.on.set(false);
    scene.scan(0, Channel::Alipay, Story::Paid);
    scene.ends(s(20), &order_no, "paid", Status::Paid);
    assert_eq!(accepted_told(&scene, &order_no), 1);
    assert_eq!(scene.written(Moving::Pay).len(), 1);
    scene.agree();
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST store that an order is Cancelling, and repeat its SubmitOrder no more, before it sends the
//# first CancelOrder.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST wait for the result of an order that was cancelled, whatever it says, and never end the order
//# because of the cancel.
//= spec-crate/spec/orders.md#cancelling
//= type=test
//# A POS that knows no order of a CancelOrder of its own run MUST store the order with its core and
//# `cancel_wanted`, end it as `not_paid` with `never_seen` (222), or as `not_refunded` with
//# `refund_never_seen` (401), if the request has no `search`, and enter Asking otherwise.
#[test]
fn cancel_that_overtakes_its_order_ends_it_and_the_order_moves_nothing_any_more() {
    let mut scene = Scene::open();
    let lost = scene.lose(|desk, way| desk == 0 && way == Way::Down);
    let order_no = scene.try_collect(0, "bill").unwrap();
    scene.pass(100);
    scene.cancel(0, &order_no);
    scene.pass(100);
    lost.on.set(false);
    scene.ends(s(10), &order_no, "not_paid", Status::NeverSeen);
    assert_eq!(accepted_told(&scene, &order_no), 0);
    assert!(scene.at_terminal_refuses_a_code(0));
    scene.agree();
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST wait for the result of an order that was cancelled, whatever it says, and never end the order
//# because of the cancel.
//= spec-crate/spec/orders.md#paying
//= type=test
//# A POS MUST apply the rules of Paying in this order: ORD-115, ORD-116, ORD-117, and then the questions of
//# PAY-58.
//= spec-crate/spec/orders.md#ended
//= type=test
//# A POS MUST NOT give money back that it has told of as paid, except for a refund order.
#[test]
fn abort_racing_success_is_paid_after_cancel_in_all_three_books() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.network(|ask, _| {
        let slow = Passage { there: Some(s(2)), ..Passage::GOOD };
        if is_pay(ask) { slow } else { Passage::GOOD }
    });
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.pass(s(1));
    assert_eq!(scene.held(&order_no), 0);
    scene.cancel(0, &order_no);
    scene.ends(s(10), &order_no, "paid", Status::PaidAfterCancel);
    assert!(scene.written(Moving::Reverse).is_empty(), "what is captured is told, not taken back");
    scene.agree();
}

//= spec-crate/spec/orders.md#cancelling
//= type=test
//# A POS MUST answer a CancelOrder by the first of the following that applies: the rejects of ORD-88 for the
//# core and the device; reject `conflict` (505) if the number is known with other bytes; if it is known, note
//# `cancel_wanted` durably in WaitCode, Paying, Reversing or Refunding, change nothing in any other state,
//# and answer as in ORD-90; reject `run_changed` (507) if `run` is not the present run; `malformed` (501) if
//# `search` has more than 4 entries or one that is no order number; and otherwise the tombstone of ORD-96.
//= spec-crate/spec/orders.md#paying
//= type=test
//# A POS MUST store that a reverse was written and enter Reversing from Paying when T_POLL has passed since
//# the pay's first byte or a cancel is wanted or the payer was refused, the latest answer says that the
//# number lives, or is absent and the payer was not refused, T_REV_MIN has passed since the pay's first byte,
//# and `act_by` has not come.
#[test]
fn abort_while_the_patient_types_closes_the_number_and_nothing_is_taken() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Password(s(45)));
    scene.pass(s(5));
    scene.cancel(0, &order_no);
    scene.ends(s(40), &order_no, "not_paid", Status::Closed);
    scene.pass(s(60));
    assert_eq!(scene.money(), []);
    scene.agree();
}

//= spec-crate/spec/orders.md#leases
//= type=test
//# A HIS MUST keep the start instant and the lease end of an order unchanged through repeats and new
//# sessions.
//= spec-crate/spec/orders.md#leases
//= type=test
//# A POS MUST NOT change `start_by` or `act_by` of an accepted order, whatever it receives.
//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A POS MUST apply the rules of an order's state again after each event of the order, and at each instant
//# that a rule of the state names.
#[test]
fn session_replaced_inside_a_lease_neither_renews_nor_ends_it() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    let leased = scene.ledger(&order_no).unwrap().leased_until;
    let start_by = scene.world.his.world(hispos::time::Instant(leased)) - s(170);
    for _ in 0..3 {
        scene.pass(s(15));
        scene.pull(0);
        scene.pass(s(2));
        scene.plug(0);
        scene.until(s(20), "a new session", |scene| scene.ready(0));
    }
    assert_eq!(scene.ledger(&order_no).unwrap().leased_until, leased);
    assert_eq!(scene.journal(0, &order_no).unwrap().state, "wait_code");
    scene.ends(s(90), &order_no, "not_paid", Status::NoCode);
    // HIS rounds the deadline down to the second.
    assert!(scene.world.now.abs_diff(start_by) <= s(2), "{} against {start_by}", scene.world.now);
    scene.agree();
}

//= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
//= type=test
//# A HIS and a POS MUST NOT send a site id, device id, terminal id, organisation or order number outside of
//# sealed bytes.
#[test]
fn session_replaced_while_the_patient_types_tells_the_end_in_the_new_session() {
    let mut scene = Scene::open();
    let line = Rc::<RefCell<Vec<u8>>>::default();
    let heard = line.clone();
    scene.world.script.tap = Some(Box::new(move |_, _, bytes| {
        heard.borrow_mut().extend_from_slice(bytes);
        true
    }));
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Password(s(20)));
    scene.pass(s(10));
    scene.pull(0);
    scene.pass(s(12));
    assert!(scene.held(&order_no) > 0);
    scene.plug(0);
    scene.ends(s(20), &order_no, "paid", Status::Paid);
    // The key exchange and the records of the whole order went by, and no name was seen.
    let line = line.take();
    assert!(line.len() > 1_000);
    let terms = scene.world.site.agreement.terms().clone();
    for name in ["POS-0", "WIN-0", order_no.as_str(), terms.site_id.as_str()] {
        assert!(!line.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
    }
    scene.agree();
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of another run comes in
//# Sent, and when a CancelOrder is rejected with any code but `conflict` (505).
#[test]
fn pos_that_freezes_before_its_pay_and_thaws_minutes_later_writes_no_byte() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.world.script.connects = Some(Box::new(|ask| if is_pay(ask) { 500 } else { 20 }));
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.until(s(1), "the attempt", |scene| scene.journal(0, &order_no).unwrap().state == "paying");
    scene.strike(Fault::Freezes(0, s(400)));
    scene.pass(s(300));
    assert_eq!(scene.ledger(&order_no).unwrap().state, "asking");
    scene.ends(s(200), &order_no, "not_paid", Status::PlatformDown);
    assert!(scene.written(Moving::Pay).is_empty());
    scene.agree();
}

//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST take a scanned code only while an order in WaitCode of the present run waits and only for a
//# channel that has a merchant in the order's agreement, show a clear text for every other code, and keep
//# none of those.
#[test]
fn pos_that_freezes_with_a_waiting_order_and_thaws_minutes_later_takes_no_code_for_it() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.strike(Fault::Freezes(0, s(400)));
    scene.pass(s(401));
    assert!(scene.at_terminal_refuses_a_code(0));
    scene.ends(s(100), &order_no, "not_paid", Status::NoCode);
    assert!(scene.written(Moving::Pay).is_empty());
    scene.agree();
}

//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST show every open order of a device as unknown, and never as failed, while it has no session past
//# Sync with the device, has opened no record of it for 25 seconds, or has the order in Asking.
#[test]
fn terminal_that_sleeps_while_the_patient_types_finds_the_capture_when_it_wakes() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Password(s(20)));
    scene.pass(s(10));
    scene.strike(Fault::Freezes(0, s(600)));
    scene.pass(s(590));
    assert!(scene.held(&order_no) > 0);
    assert!(!scene.ledger(&order_no).unwrap().ended, "unknown is not shown as failed");
    scene.ends(s(60), &order_no, "paid", Status::Paid);
    assert!(scene.written(Moving::Reverse).is_empty(), "its lease was over when it woke");
    scene.agree();
}

#[test]
fn calendars_that_jump_move_no_deadline_and_no_money() {
    for jump in [7_200, -7_200] {
        let mut scene = Scene::open();
        let order_no = scene.collect(0, "bill");
        scene.strike(Fault::ClockJumps(Machine::Pos(0), jump));
        scene.strike(Fault::ClockJumps(Machine::His, -jump));
        scene.pass(s(40));
        assert_eq!(scene.journal(0, &order_no).unwrap().state, "wait_code");
        scene.scan(0, Channel::Wechat, Story::Password(s(10)));
        scene.pass(s(5));
        scene.strike(Fault::ClockJumps(Machine::Pos(0), -2 * jump));
        scene.ends(s(20), &order_no, "paid", Status::Paid);
        scene.agree();
    }
}

//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST refuse a new collect for the first of these reasons that applies: the business day is closed;
//# the wait after a step back is not over; a device's list that the step back asks for was not pulled; the
//# device is revoked or not in the manifest; a capture of the bill is not returned; a collect of the bill is
//# in any state other than NotPaid and Paid; one of the next 16 numbers has a row that the bill has not
//# adopted; the amount is not positive or above the limit.
#[test]
fn pos_cut_off_from_his_but_not_from_the_patient_is_paid_once_and_told_when_the_line_is_back() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.pull(0);
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.pass(s(265));
    assert!(scene.held(&order_no) > 0);
    assert_eq!(scene.ledger(&order_no).unwrap().state, "asking");
    let busy = OrderRefusal::BillBusy { order_no: order_no.as_str().into() };
    assert_eq!(scene.try_collect(1, "bill"), Err(busy), "the other window does not take the money again");
    scene.plug(0);
    scene.ends(s(20), &order_no, "paid", Status::Paid);
    scene.agree();
}

//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST refuse a new collect for the first of these reasons that applies: the business day is closed;
//# the wait after a step back is not over; a device's list that the step back asks for was not pulled; the
//# device is revoked or not in the manifest; a capture of the bill is not returned; a collect of the bill is
//# in any state other than NotPaid and Paid; one of the next 16 numbers has a row that the bill has not
//# adopted; the amount is not positive or above the limit.
//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST ask another device than the order's own about an order only in Asking, and only at or after its
//# lease end + T_QUIET, the largest T_QUIET of all agreements held.
//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS that has gone through the whole list without an end MUST end the order as `paid` if exactly one
//# entry is captured, with `paid_after_cancel` (101) if it is no look and a cancel was wanted or a reverse
//# was written and with `paid` (100) otherwise, and as `attention` with `captured_twice` (301) if more than
//# one is.
#[test]
fn other_wallet_at_the_other_pos_cannot_pay_a_bill_whose_first_pos_is_silent() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.pull(0);
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.pass(s(2));
    let busy = OrderRefusal::BillBusy { order_no: order_no.as_str().into() };
    assert_eq!(scene.try_collect(1, "bill"), Err(busy.clone()));
    // The other terminal may look once nothing can move any more: lease and fence are over.
    scene.until(s(260), "asking", |scene| scene.ledger(&order_no).unwrap().state == "asking");
    let order = scene.ledger(&order_no).unwrap();
    let early = scene.world.at_window(1, |link, clock| link.look_up(&order, clock)).unwrap();
    assert!(matches!(early, Err(Refusal::Leased { seconds: 100..=132 })), "{early:?}");
    scene.pass(s(133));
    assert_eq!(scene.try_collect(1, "bill"), Err(busy));
    scene.world.at_window(1, |link, clock| link.look_up(&order, clock)).unwrap().unwrap();
    scene.ends(s(30), &order_no, "paid", Status::Paid);
    assert!(matches!(scene.try_collect(1, "bill"), Err(OrderRefusal::BillCaptured { .. })));
    scene.plug(0);
    scene.pass(s(30));
    assert_eq!(scene.money().len(), 1);
    assert_eq!(scene.captures(&order_no).len(), 1);
    scene.agree();
}

//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A POS MUST make the rows that a step changes durable before it sends a message, tells a person, or writes
//# a byte to a platform because of that step.
//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A HIS or a POS that cannot make a step durable MUST stop telling and sending anything about orders, and go
//# on only from its book as a program that has just started.
//= spec-crate/spec/orders.md#paying
//= type=test
//# A POS MUST store the attempt of PAY-68 and enter Paying before it writes the pay of PAY-72.
//= spec-crate/spec/orders.md#paying
//= type=test
//# A POS MUST enter Asking from Paying, once no pay is in flight, at `act_by` and after a restart.
//= spec-crate/spec/books.md#rows-of-the-journal
//= type=test
//# A POS MUST load at its start every order that has not ended or whose latest result is not answered.
#[test]
fn storage_full_after_the_pay_tells_nothing_and_the_restart_finds_the_capture() {
    let mut scene = Scene::open();
    let order_no = scene.collect(0, "bill");
    scene.scan(0, Channel::Wechat, Story::Paid);
    scene.until(s(1), "the pay", |scene| !scene.written(Moving::Pay).is_empty());
    scene.strike(Fault::StorageFails(Machine::Pos(0)));
    scene.until(s(2), "the program's end", |scene| !scene.world.pos[0].up);
    assert!(scene.held(&order_no) > 0);
    assert_eq!(scene.journal(0, &order_no).unwrap().state, "paying");
    assert_eq!(scene.ledger(&order_no).unwrap().state, "sent", "nothing was told that is not durable");
    scene.ends(s(60), &order_no, "paid", Status::Paid);
    assert_eq!(scene.written(Moving::Pay).len(), 1);
    scene.agree();
}

/// A whole collect with a power loss at a Persist. `false`: there was no such Persist.
fn collect_with_power_loss(machine: Machine, persists: u64, durable: bool, story: Story) -> bool {
    let mut scene = Scene::open();
    // Whatever is reversed is given back a minute later.
    scene.decide(|decided| decided.reverses.extend([Reversal::Late(s(60)); 9]));
    scene.pass(s(2));
    scene.power_cut(PowerCut { machine, persists, durable });
    let mut order_no = scene.try_collect_through_power_loss(0, "bill");
    scene.until(s(600), "a terminal that waits, or the end", |scene| {
        let order = order_no.as_ref().and_then(|order_no| scene.ledger(order_no));
        let waits = order_no.as_ref().and_then(|order_no| scene.journal(0, order_no));
        order_no.is_none()
            || order.is_some_and(|order| order.ended)
            || waits.is_some_and(|o| o.state == "wait_code")
    });
    if order_no.is_none() {
        // The order was never made: the cashier tries again.
        scene.until(s(120), "a session", |scene| scene.ready(0));
        order_no = scene.try_collect_through_power_loss(0, "bill");
        scene.pass(s(2));
    }
    let order_no = order_no.unwrap();
    scene.scan_if_it_waits(0, Channel::Wechat, story);
    scene.until(s(3_600), "the end", |scene| scene.ledger(&order_no).is_some_and(|order| order.ended));
    // The answer to the result is a batch, too.
    scene.pass(s(2));
    let order = scene.ledger(&order_no).unwrap();
    let held = scene.held(&order_no) > 0;
    assert_eq!(order.state, if held { "paid" } else { "not_paid" }, "{machine:?} {persists} {durable}");
    assert!(scene.written(Moving::Pay).len() <= 1);
    let lost = scene.world.script.power_cut.is_none();
    scene.agree();
    lost
}

/// Power is lost at each batch of a collect in turn; there have to be at least so many of HIS and of the terminal.
fn lose_power_at_each_persist(story: Story, least: [usize; 2]) {
    for (machine, least) in [Machine::His, Machine::Pos(0)].into_iter().zip(least) {
        for durable in [false, true] {
            let lost = |nth: &u64| collect_with_power_loss(machine, *nth, durable, story);
            let losses = (0..).take_while(lost).count();
            assert!(losses >= least, "{machine:?} has {losses} batches");
            println!("{machine:?}: power lost at each of {losses} batches, durable {durable}");
        }
    }
}

//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A HIS MUST make the rows that a step changes durable before it sends a message or tells a person or a
//# program because of that step.
//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A HIS and a POS MUST make all rows that one step changes durable in one transaction.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST store the result, the end, the captures that it tells of and their payment numbers, and a
//# refund's booking in one transaction, and confirm with `recorded` (1).
//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A POS MUST make the rows that a step changes durable before it sends a message, tells a person, or writes
//# a byte to a platform because of that step.
//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS MUST store an accepted order with its core, the present run and boot, the instant, the calendar time
//# if there is a clock, both deadlines and `search`, in WaitCode for a collect and in Refunding for a refund.
#[test]
fn power_loss_before_and_after_each_persist_of_a_collect_loses_and_doubles_nothing() {
    // The order and its result; the order, its attempt, its result and the answer to it.
    lose_power_at_each_persist(Story::Paid, [2, 4]);
}

//= spec-crate/spec/orders.md#reversing
//= type=test
//# A POS MUST enter Asking from Reversing, once no reverse is in flight, at `act_by` and after a restart.
#[test]
fn power_loss_before_and_after_each_persist_of_a_reversed_collect_loses_and_doubles_nothing() {
    // The reverse is a batch of the terminal's more; the patient confirms just behind it.
    lose_power_at_each_persist(Story::Password(s(52)), [2, 5]);
}
