//! A POS with a real key that breaks the rules, against the real window.

use hispos::amount::Amount;
use hispos::book::Anchor;
use hispos::catalogue::Status;
use hispos::crypto::Secret;
use hispos::ids::OrderNo;
use hispos::link::HisEvent;
use hispos::link::his::{HisAlarm, HisOrderEvent};
use hispos::message::order::OrderCore;
use hispos::message::result::{NewResult, Outcome, ResultCore, sign};
use hispos::platform::Channel;
use hispos::time::UnixSeconds;
use hispos_sim::fields::{Fields, Value};
use hispos_sim::site;

use crate::foreign::{Foreign, body, bytes, fields};
use crate::scene::{FEN, Scene, s};

pub(crate) fn site_with_order() -> (Scene, Foreign, OrderNo, u64, OrderCore) {
    let mut scene = Scene::open();
    let mut pos = Foreign::pos(&mut scene, 0);
    let order_no = scene.try_collect(0, "bill-0").unwrap();
    let (call, submitted) = pos.asked(&mut scene, body::SUBMIT);
    let core = OrderCore::decode(submitted.bytes(1).unwrap()).unwrap();
    (scene, pos, order_no, call, core)
}

/// That the order of a core was paid.
pub(crate) fn paid(scene: &Scene, core: &OrderCore) -> NewResult {
    NewResult {
        order_hash: core.hash(&scene.world.site.agreement.terms().site_id),
        order_no: core.order_no().clone(),
        device_id: site::device_id(0).unwrap(),
        outcome: Outcome::Paid,
        status: Status::Paid.code(),
        amount: core.amount(),
        channel: Some(Channel::Wechat),
        payment_no: Some("wechat000000000001".into()),
        refund_id: None,
        captured_at: Some(UnixSeconds(site::UNIX_START)),
        decided_at: Some(UnixSeconds(site::UNIX_START)),
        provider_code: None,
        found: Vec::new(),
    }
}

fn signed_by(result: &NewResult, seed: &Secret<32>) -> Fields {
    let result = ResultCore::encode(result).unwrap();
    fields(&[(1, bytes(result.bytes())), (2, bytes(sign(seed, &result)))])
}

pub(crate) fn signed(result: &NewResult) -> Fields {
    signed_by(result, &site::seed(site::DEVICE, 0))
}

/// The disposition of a ConfirmResult.
pub(crate) fn confirmed(reply: &Fields) -> Option<u64> {
    Fields::read(&reply.bytes(body::CONFIRM)?).number(3)
}

pub(crate) const RECORDED: u64 = 1;
pub(crate) const KEPT: u64 = 2;

fn state(order: &OrderNo, stage: u64) -> Fields {
    fields(&[(1, bytes(order.as_str())), (2, Value::Number(stage)), (4, Value::Number(2))])
}

fn progress_told(scene: &Scene) -> usize {
    scene.his_told().iter().filter(|(_, event)| matches!(event, HisEvent::Progress(_))).count()
}

//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A HIS MUST show an OrderState as progress, and ignore one about an order that has ended or that it does
//# not know.
#[test]
fn progress_after_the_final_is_not_shown() {
    let (mut scene, mut pos, order_no, call, core) = site_with_order();
    pos.reply(&mut scene, call, body::ORDER_STATE, &state(&order_no, 1));
    scene.pass(s(1));
    let before = progress_told(&scene);
    assert_eq!(before, 1);
    let result = signed(&paid(&scene, &core));
    assert_eq!(confirmed(&pos.ask(&mut scene, body::REPORT, &result)), Some(RECORDED));
    pos.say(&mut scene, &fields(&[(body::ORDER_STATE, bytes(state(&order_no, 3).write()))]));
    scene.pass(s(2));
    assert_eq!(progress_told(&scene), before);
    assert_eq!(scene.ledger(&order_no).unwrap().state, "paid");
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST leave an authentic ReportResult about a number that has no row unanswered, store nothing of its
//# result, and raise an alarm.
#[test]
fn answer_to_an_unknown_order_is_left_unanswered_and_pays_nothing() {
    let (mut scene, mut pos, order_no, _, core) = site_with_order();
    let unknown = OrderNo::try_from("B000").unwrap();
    let told = NewResult { order_no: unknown.clone(), order_hash: [3; 32], ..paid(&scene, &core) };
    let call = pos.call(&mut scene, body::REPORT, &signed(&told));
    let heard: Vec<_> = (0..4).flat_map(|_| pos.hear(&mut scene)).collect();
    assert!(heard.iter().all(|message| message.number(2) != Some(call)), "no answer");
    assert!(scene.his_alarms().contains(&HisAlarm::Orphan { order_no: unknown.clone() }));
    assert_eq!(scene.ledger(&unknown), None);
    assert_eq!(scene.ledger(&order_no).unwrap().state, "sent");
    assert_eq!(scene.captures(&unknown), []);
}

//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A sender MUST ignore an answer to a number under which no call is open, except that a POS takes in every
//# [ConfirmResult](#confirmresult).
#[test]
fn answer_to_an_unknown_call_is_dropped() {
    let (mut scene, mut pos, order_no, call, core) = site_with_order();
    let result = signed(&paid(&scene, &core));
    pos.reply(&mut scene, call + 1_000, body::SIGNED_RESULT, &result);
    scene.pass(s(2));
    assert_eq!(scene.ledger(&order_no).unwrap().state, "sent");
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST end an order by a result exactly if the result is authentic and not evidence only, the order's
//# row is known and no orphan, the order has not ended, the result's order hash, number and amount are the
//# order's own, and its signer is the order's own device or a device that the row has asked.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A HIS MUST treat a SignedResult that answers a request like a report, but send no ConfirmResult for it.
#[test]
fn answer_about_the_last_sale_to_the_next_sales_request_ends_the_last_sale_only() {
    let (mut scene, mut pos, first, _, core) = site_with_order();
    let result = signed(&paid(&scene, &core));
    assert_eq!(confirmed(&pos.ask(&mut scene, body::REPORT, &result)), Some(RECORDED));
    let second = scene.try_collect(0, "bill-1").unwrap();
    let (call, _) = pos.asked(&mut scene, body::SUBMIT);
    // The terminal answers the second order with the first one's receipt.
    pos.reply(&mut scene, call, body::SIGNED_RESULT, &result);
    scene.pass(s(2));
    assert_eq!(scene.ledger(&first).unwrap().state, "paid");
    assert_eq!(scene.ledger(&second).unwrap().state, "sent");
    assert_eq!(scene.captures(&second), []);
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST end an order by a result exactly if the result is authentic and not evidence only, the order's
//# row is known and no orphan, the order has not ended, the result's order hash, number and amount are the
//# order's own, and its signer is the order's own device or a device that the row has asked.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST store every other authentic result whose number has a row as evidence of its order, once, and
//# confirm with `kept` (2).
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST raise an alarm for evidence that has another hash or amount than the order, tells of a capture
//# that had no row, proves a refund that was called failed, or has an outcome other than `attention` that
//# differs from the order's end.
#[test]
fn result_of_another_amount_kind_or_content_is_evidence_and_an_alarm_and_pays_nothing() {
    let (mut scene, mut pos, order_no, _, core) = site_with_order();
    let right = paid(&scene, &core);
    let amount = Amount::from_fen(FEN + 1).unwrap();
    let other_amount = NewResult { amount, ..right.clone() };
    let other_content = NewResult { order_hash: [3; 32], ..right };
    for wrong in [other_amount, other_content] {
        let alarms = scene.his_alarms().len();
        assert_eq!(confirmed(&pos.ask(&mut scene, body::REPORT, &signed(&wrong))), Some(KEPT));
        assert_eq!(scene.ledger(&order_no).unwrap().state, "sent");
        assert!(scene.his_alarms().len() > alarms, "{wrong:?} is told");
    }
    assert_eq!(scene.ledger(&order_no).unwrap().evidence, 2);
}

//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A HIS MUST leave a ReportResult whose result is not authentic by ORD-189 unanswered, and raise an alarm.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST take a result for authentic exactly if it is a result by ORD-42, ORD-43 and ORD-45, names the
//# device that authenticated the session, that device is in the device manifest, and the signature verifies
//# with the device's registered key over the bytes as received.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST NOT end an order by a result that was not told in a session by its signer, such as one from an
//# export or from another HIS.
#[test]
fn result_under_a_wrong_key_or_of_another_signer_is_an_alarm_without_an_answer() {
    let (mut scene, mut pos, order_no, _, core) = site_with_order();
    let right = paid(&scene, &core);
    let wrong_key = signed_by(&right, &site::seed(site::DEVICE, 1));
    let other = NewResult { device_id: site::device_id(1).unwrap(), ..right };
    let other_signer = signed_by(&other, &site::seed(site::DEVICE, 1));
    for told in [wrong_key, other_signer] {
        let alarms = scene.his_alarms();
        let call = pos.call(&mut scene, body::REPORT, &told);
        let heard: Vec<_> = (0..4).flat_map(|_| pos.hear(&mut scene)).collect();
        assert!(heard.iter().all(|message| message.number(2) != Some(call)), "no answer");
        assert_eq!(scene.his_alarms().len(), alarms.len() + 1);
        assert_eq!(scene.his_alarms().last(), Some(&HisAlarm::NotAuthentic));
        assert_eq!(scene.ledger(&order_no).unwrap().state, "sent");
    }
}

//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST enter the state of the result's outcome, but Attention for `paid` if the payment number belongs
//# to another order, and Attention for `not_paid` or `not_refunded` if a `paid` or `refunded` result under
//# the order's number is kept as evidence, with an alarm in each case.
//= spec-crate/spec/orders.md#accepting-a-result
//= type=test
//# A HIS MUST open no capture row by a payment number that belongs to another order, and open the rows of the
//# other captures that the same result tells of.
//= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
//= type=test
//# A HIS MUST keep with each capture row a row that finds the order by channel and payment number, written in
//# the same transaction.
#[test]
fn paid_told_again_for_another_order_under_the_same_payment_number_needs_people() {
    let (mut scene, mut pos, first, _, core) = site_with_order();
    let result = signed(&paid(&scene, &core));
    assert_eq!(confirmed(&pos.ask(&mut scene, body::REPORT, &result)), Some(RECORDED));
    let second = scene.try_collect(0, "bill-1").unwrap();
    let (_, submitted) = pos.asked(&mut scene, body::SUBMIT);
    let core = OrderCore::decode(submitted.bytes(1).unwrap()).unwrap();
    let again = signed(&paid(&scene, &core));
    assert_eq!(confirmed(&pos.ask(&mut scene, body::REPORT, &again)), Some(RECORDED));
    let order = scene.ledger(&second).unwrap();
    assert_eq!((order.state, order.posting), ("attention", "none"));
    assert!(scene.his_alarms().contains(&HisAlarm::Contradiction { order_no: second.clone() }));
    assert_eq!((scene.captures(&first).len(), scene.captures(&second).len()), (1, 0));
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
//= spec-crate/spec/books.md#anchors
//= type=test
//# A HIS and a POS MUST send as anchor of a book that of its latest durable record when it sends the message,
//# and in SyncReply and Pong when it took the request up.
#[test]
fn result_that_comes_a_hundred_times_is_recorded_once() {
    let (mut scene, mut pos, order_no, _, core) = site_with_order();
    let result = signed(&paid(&scene, &core));
    for round in 0..100 {
        let before = scene.world.his.book.anchor().seq;
        let reply = pos.ask(&mut scene, body::REPORT, &result);
        assert_eq!(confirmed(&reply), Some(RECORDED));
        // The bill database and the other window write behind the confirm, before it is read here.
        let told = Fields::read(&reply.bytes(body::CONFIRM).unwrap()).bytes(4).unwrap();
        let (told, after) = (Anchor::decode(&told).unwrap().seq, scene.world.his.book.anchor().seq);
        assert!((before..=after).contains(&told), "round {round}: {told} is not from {before} to {after}");
        assert!(round > 0 || told > before, "the record of the result itself");
    }
    let ended = |(_, event): &(u64, HisEvent)| matches!(event, HisEvent::Order(HisOrderEvent::Ended(_)));
    assert_eq!(scene.his_told().iter().filter(|told| ended(told)).count(), 1);
    let order = scene.ledger(&order_no).unwrap();
    assert_eq!((order.state, order.evidence, scene.captures(&order_no).len()), ("paid", 0, 1));
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A receiver of a result with a status that it does not know MUST take the money for unknown and the retry
//# class for `never`.
//= spec-crate/spec/catalogue.md#code-ranges
//= type=test
//# A receiver MUST accept a result with a status that it does not know, if the rest of the result is right.
//= spec-crate/spec/conformance.md#growing
//= type=test
//# An implementation MUST go on with a peer that sends unknown message bodies, unknown fields of ordinary
//# messages, unknown handshake extensions, and unknown statuses, as [encoding.md](encoding.md) and
//# [orders.md](orders.md) say.
#[test]
fn unknown_status_of_a_later_version_means_that_the_money_is_unknown() {
    let (mut scene, mut pos, order_no, _, core) = site_with_order();
    let unknown = NewResult {
        outcome: Outcome::Attention,
        // In the hundreds of `not_paid`, where no known status of `attention` is.
        status: 299,
        payment_no: None,
        captured_at: None,
        channel: None,
        ..paid(&scene, &core)
    };
    assert_eq!(confirmed(&pos.ask(&mut scene, body::REPORT, &signed(&unknown))), Some(RECORDED));
    let order = scene.ledger(&order_no).unwrap();
    assert_eq!((order.state, order.status), ("attention", 299));
}
