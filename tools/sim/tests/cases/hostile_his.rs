//! A HIS with a real key that breaks the rules, against the real terminal.

use hispos::Dropped;
use hispos::amount::Amount;
use hispos::catalogue::{AlertCode, RejectCode, Status};
use hispos::frame::FrameType;
use hispos::ids::{OperatorId, OrderNo};
use hispos::link::PosLink;
use hispos::message::order::{NewOrder, OrderCore, RefundOf};
use hispos::message::result::{Outcome, ResultCore};
use hispos::platform::Channel;
use hispos_sim::acts::DAY;
use hispos_sim::fields::{Fields, Value};
use hispos_sim::history::Moving;
use hispos_sim::site;
use hispos_sim::story::Story;

use crate::foreign::{Foreign, body, bytes, fields};
use crate::scene::{Scene, s};

fn order(number: &str, fen: i64) -> NewOrder {
    NewOrder {
        order_no: OrderNo::try_from(number).unwrap(),
        device_id: site::device_id(0).unwrap(),
        amount: Amount::from_fen(fen).unwrap(),
        business_day: DAY,
        agreement_no: 1,
        refund_of: None,
    }
}

fn core(number: &str, fen: i64) -> Vec<u8> {
    OrderCore::encode(&order(number, fen)).unwrap().bytes().to_vec()
}

/// A SubmitOrder of window 0.
fn submit(his: &Foreign, core: &[u8]) -> Fields {
    fields(&[(1, bytes(core)), (2, bytes("WIN-0")), (3, Value::Number(60)), (4, bytes(&his.run))])
}

/// The code of a Rejected, and the core that it tells of.
fn rejected(reply: &Fields) -> (Option<RejectCode>, Vec<u8>) {
    let rejected = Fields::read(&reply.bytes(body::REJECTED).expect("a Rejected"));
    let code = u32::try_from(rejected.number(1).unwrap()).unwrap();
    (RejectCode::from_code(code), rejected.bytes(3).unwrap_or_default())
}

/// The result of a SignedResult.
fn result(reply: &Fields) -> ResultCore {
    let signed = Fields::read(&reply.bytes(body::SIGNED_RESULT).expect("a SignedResult"));
    ResultCore::decode(signed.bytes(1).unwrap()).unwrap()
}

fn sites() -> (Scene, Foreign) {
    let mut scene = Scene::open();
    let his = Foreign::his(&mut scene, 0);
    (scene, his)
}

/// A window that does what a test wants, with a SubmitOrder and its core.
pub(crate) fn submitted(number: &str, fen: i64) -> (Scene, Foreign, Fields, Vec<u8>) {
    let (scene, his) = sites();
    let core = core(number, fen);
    let submit = submit(&his, &core);
    (scene, his, submit, core)
}

fn drops(scene: &mut Scene, what: Dropped) -> u64 {
    scene.world.at_terminal(0, |link, _| link.drops().unwrap().get(what)).unwrap()
}

fn in_session(scene: &mut Scene) -> bool {
    scene.world.at_terminal(0, |link, _| PosLink::view(link).session.is_some()).unwrap()
}

//= spec-crate/spec/orders.md#the-core
//= type=test
//# A HIS and a POS MUST take two orders for the same order exactly if their cores are the same bytes.
//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS MUST answer a SubmitOrder or CancelOrder about a known number whose core is the same bytes with the
//# order's latest signed result once it has ended and with OrderState before, in every run, and one with
//# other bytes with reject `conflict` (505), the core held, and its result and signature or its stage.
//= spec-crate/spec/orders.md#querying
//= type=test
//# A POS MUST answer a QueryOrder with reject `malformed` (501) if the number is no order number, with
//# NoRecord and the present run if the number is not known here, with reject `conflict` (505) as in ORD-90 if
//# the hash differs, and otherwise with the signed result or OrderState.
//= spec-crate/spec/orders.md#cancelling
//= type=test
//# A POS MUST answer a CancelOrder by the first of the following that applies: the rejects of ORD-88 for the
//# core and the device; reject `conflict` (505) if the number is known with other bytes; if it is known, note
//# `cancel_wanted` durably in WaitCode, Paying, Reversing or Refunding, change nothing in any other state,
//# and answer as in ORD-90; reject `run_changed` (507) if `run` is not the present run; `malformed` (501) if
//# `search` has more than 4 entries or one that is no order number; and otherwise the tombstone of ORD-96.
//= spec-crate/spec/messages.md#rejected
//= type=test
//# A POS MUST set the fields of Rejected as this table says.
//= spec-crate/spec/orders.md#the-core
//= type=test
//# A HIS and a POS MUST take two orders for the same order exactly if their cores are the same bytes.
#[test]
fn same_number_with_another_content_is_a_conflict_and_nothing_moves() {
    let (mut scene, mut his) = sites();
    let (first, second) = (core("B1", 1_234), core("B1", 9_999));
    let submitted = submit(&his, &first);
    assert!(his.ask(&mut scene, body::SUBMIT, &submitted).bytes(body::ORDER_STATE).is_some());
    // The same content: answered from state.
    assert!(his.ask(&mut scene, body::SUBMIT, &submitted).bytes(body::ORDER_STATE).is_some());
    let conflicting = submit(&his, &second);
    let reply = his.ask(&mut scene, body::SUBMIT, &conflicting);
    assert_eq!(rejected(&reply), (Some(RejectCode::Conflict), first.clone()));
    let cancel = fields(&[(1, bytes(&second)), (2, bytes(&his.run))]);
    let reply = his.ask(&mut scene, body::CANCEL, &cancel);
    assert_eq!(rejected(&reply), (Some(RejectCode::Conflict), first.clone()));
    let query = fields(&[(1, bytes("B1")), (2, bytes([7; 32]))]);
    let reply = his.ask(&mut scene, body::QUERY, &query);
    assert_eq!(rejected(&reply), (Some(RejectCode::Conflict), first));
    let held = scene.journal(0, &OrderNo::try_from("B1").unwrap()).unwrap();
    assert_eq!((held.state, held.amount.fen()), ("wait_code", 1_234));
    assert!(scene.written(Moving::Pay).is_empty());
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST sign a result once, store the signed bytes and the signature, and repeat both byte for byte.
//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS MUST answer a SubmitOrder or CancelOrder about a known number whose core is the same bytes with the
//# order's latest signed result once it has ended and with OrderState before, in every run, and one with
//# other bytes with reject `conflict` (505), the core held, and its result and signature or its stage.
//= spec-crate/spec/orders.md#cancelling
//= type=test
//# A POS that knows no order of a CancelOrder of its own run MUST store the order with its core and
//# `cancel_wanted`, end it as `not_paid` with `never_seen` (222), or as `not_refunded` with
//# `refund_never_seen` (401), if the request has no `search`, and enter Asking otherwise.
#[test]
fn order_that_comes_behind_its_own_cancel_is_answered_with_the_end_and_never_asked_about() {
    let (mut scene, mut his) = sites();
    let core = core("B1", 1_234);
    let cancel = fields(&[(1, bytes(&core)), (2, bytes(&his.run))]);
    let end = result(&his.ask(&mut scene, body::CANCEL, &cancel));
    assert_eq!((end.outcome(), end.status()), (Outcome::NotPaid, Some(Status::NeverSeen)));
    let submitted = submit(&his, &core);
    let again = result(&his.ask(&mut scene, body::SUBMIT, &submitted));
    assert_eq!(again.bytes(), end.bytes(), "byte for byte");
    assert!(scene.at_terminal_refuses_a_code(0));
    let asked = scene.asked.borrow();
    assert!(asked.iter().all(|(_, ask)| ask.number.is_none()), "no number was asked about");
}

//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS MUST answer a SubmitOrder by the first of the following that applies: reject `amount` (504) if the
//# core has a wrong sign or an amount out of range, and `malformed` (501) if it is malformed otherwise;
//# `wrong_device` (503) if it names another device; the answer of ORD-90 if the number is known here;
//# `wrong_terminal` (502) if `terminal_id` is not the terminal that authenticated the session, or that
//# terminal is revoked or not in the manifest; `run_changed` (507) if `run` is not the present run;
//# `malformed` (501) if `search` has more than 4 entries or one that is no order number; `merchant` (509) if
//# the agreement is not held for new sessions or a merchant of PAY-32 is not verified; `amount` (504) if the
//# amount is above the agreement's limit; `expired` (508) if `start_by` is not later than now; `malformed`
//# (501) if `start_by` is later than now + T_START + T_DRIFT; `storage` (510) if the journal has no room
//# above its reserve; `busy` (506) with the other order's number if another order is in WaitCode, Paying or
//# Refunding; and otherwise acceptance, answered by OrderState.
//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS that answers a request with Rejected MUST have stored nothing and moved nothing because of that
//# request.
//= spec-crate/spec/messages.md#contents-of-fields
//= type=test
//# A receiver MUST treat a content that is not as it should be as this table says, and never end the session
//# because of it.
#[test]
fn amount_and_kind_that_disagree_are_refused_and_nothing_is_stored() {
    let (mut scene, mut his) = sites();
    let before = scene.world.pos[0].book.records();
    let collect = core("B1", 1_234);
    // Kind is field 3, the amount field 4 of the order; zigzag turns the sign.
    let altered = |field: u64, value: u64| {
        let mut fields = Fields::read(&collect);
        assert!(fields.number(field).is_some());
        fields.set(field, Value::Number(value));
        fields.write()
    };
    let too_much = core("B1", 5_000_001);
    for bad in [altered(3, 2), altered(4, 2 * 1_234 - 1), too_much] {
        let submitted = submit(&his, &bad);
        let (code, _) = rejected(&his.ask(&mut scene, body::SUBMIT, &submitted));
        assert_eq!(code, Some(RejectCode::Amount), "{bad:02x?}");
    }
    assert_eq!(scene.world.pos[0].book.records(), before);
    assert!(in_session(&mut scene));
}

//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS MUST answer a SubmitOrder by the first of the following that applies: reject `amount` (504) if the
//# core has a wrong sign or an amount out of range, and `malformed` (501) if it is malformed otherwise;
//# `wrong_device` (503) if it names another device; the answer of ORD-90 if the number is known here;
//# `wrong_terminal` (502) if `terminal_id` is not the terminal that authenticated the session, or that
//# terminal is revoked or not in the manifest; `run_changed` (507) if `run` is not the present run;
//# `malformed` (501) if `search` has more than 4 entries or one that is no order number; `merchant` (509) if
//# the agreement is not held for new sessions or a merchant of PAY-32 is not verified; `amount` (504) if the
//# amount is above the agreement's limit; `expired` (508) if `start_by` is not later than now; `malformed`
//# (501) if `start_by` is later than now + T_START + T_DRIFT; `storage` (510) if the journal has no room
//# above its reserve; `busy` (506) with the other order's number if another order is in WaitCode, Paying or
//# Refunding; and otherwise acceptance, answered by OrderState.
//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS that answers a request with Rejected MUST have stored nothing and moved nothing because of that
//# request.
#[test]
fn order_for_another_device_or_of_another_terminal_is_refused_and_nothing_is_stored() {
    let (mut scene, mut his) = sites();
    let other = NewOrder { device_id: site::device_id(1).unwrap(), ..order("B1", 1_234) };
    let submitted = submit(&his, OrderCore::encode(&other).unwrap().bytes());
    let (code, _) = rejected(&his.ask(&mut scene, body::SUBMIT, &submitted));
    assert_eq!(code, Some(RejectCode::WrongDevice));
    let mut submitted = submit(&his, &core("B1", 1_234));
    submitted.set(2, bytes("WIN-1"));
    let (code, _) = rejected(&his.ask(&mut scene, body::SUBMIT, &submitted));
    assert_eq!(code, Some(RejectCode::WrongTerminal));
    assert_eq!(scene.journal(0, &OrderNo::try_from("B1").unwrap()), None);
}

//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST end an order in Refunding as `not_refunded` with `original` (403) unless the original's number
//# is captured, refunded in part or not, with exactly the amount and payment number that `refund_of` names,
//# where a mismatch, closed, alive and absent each say that it is not.
#[test]
fn refund_of_an_original_that_was_never_paid_here_ends_as_not_refunded() {
    let (mut scene, mut his) = sites();
    let refund = NewOrder {
        refund_of: Some(RefundOf {
            order_no: OrderNo::try_from("B0").unwrap(),
            agreement_no: 1,
            channel: Channel::Wechat,
            amount: 1_234,
            payment_no: "wechat000000000001".into(),
            operator: OperatorId::try_from("op-1").unwrap(),
            approver: OperatorId::try_from("op-2").unwrap(),
            reason: "none".into(),
        }),
        ..order("R1", -1_234)
    };
    let core = OrderCore::encode(&refund).unwrap().bytes().to_vec();
    let submitted = submit(&his, &core);
    his.ask(&mut scene, body::SUBMIT, &submitted);
    scene.pass(s(5));
    let end = result(&his.ask(&mut scene, body::SUBMIT, &submitted));
    assert_eq!((end.outcome(), end.status()), (Outcome::NotRefunded, Some(Status::Original)));
    assert!(scene.written(Moving::Refund).is_empty());
}

//= spec-crate/spec/messages.md#message
//= type=test
//# A receiver MUST ignore a notice that has no body, a body that it does not know, or a body that is no
//# notice of the sender's side.
//= spec-crate/spec/conformance.md#growing
//= type=test
//# An implementation MUST go on with a peer that sends unknown message bodies, unknown fields of ordinary
//# messages, unknown handshake extensions, and unknown statuses, as [encoding.md](encoding.md) and
//# [orders.md](orders.md) say.
#[test]
fn unknown_message_is_answered_unsupported_and_unknown_fields_are_ignored() {
    let (mut scene, mut his) = sites();
    let reply = his.ask(&mut scene, 99, &Fields::default());
    assert!(reply.bytes(body::UNSUPPORTED).is_some());
    // A notice that is not known is ignored.
    his.say(&mut scene, &fields(&[(99, bytes("news"))]));
    let mut submitted = submit(&his, &core("B1", 1_234));
    submitted.set(77, Value::Number(5));
    assert!(his.ask(&mut scene, body::SUBMIT, &submitted).bytes(body::ORDER_STATE).is_some());
    // In what is hashed and signed nothing unknown is borne.
    let mut strict = Fields::read(&core("B2", 1_234));
    strict.set(77, Value::Number(5));
    let submitted = submit(&his, &strict.write());
    let (code, _) = rejected(&his.ask(&mut scene, body::SUBMIT, &submitted));
    assert_eq!(code, Some(RejectCode::Malformed));
    assert!(in_session(&mut scene));
}

//= spec-crate/spec/security.md#on-the-cable
//= type=test
//# A HIS and a POS MUST NOT offer any way to exchange orders or results outside of sealed records, not even
//# for tests in a production profile.
#[test]
fn plaintext_after_the_keys_is_dropped_as_forged_and_the_session_lives() {
    let (mut scene, mut his) = sites();
    let (tag, counter) = his.next_header();
    let submitted = submit(&his, &core("B1", 1_234));
    let message = fields(&[(1, Value::Number(9)), (body::SUBMIT, bytes(submitted.write()))]);
    let forged = drops(&mut scene, Dropped::Forged);
    for offset in 0..5 {
        let plain = [&[tag], (counter + offset).to_be_bytes().as_slice(), &message.write()].concat();
        his.write(&mut scene, FrameType::HisRecord, &plain);
    }
    // And without any header.
    his.write_raw(&mut scene, message.write());
    assert!(his.hear(&mut scene).is_empty(), "no answer");
    assert_eq!(drops(&mut scene, Dropped::Forged), forged + 5);
    assert_eq!(scene.journal(0, &OrderNo::try_from("B1").unwrap()), None);
    assert!(in_session(&mut scene));
    let submitted = submit(&his, &core("B2", 1_234));
    his.write_raw(&mut scene, vec![0]);
    assert!(his.ask(&mut scene, body::SUBMIT, &submitted).bytes(body::ORDER_STATE).is_some());
}

/// The request of a new order, as a message under this call.
fn request(his: &Foreign, call: u64, number: &str) -> Fields {
    let submitted = submit(his, &core(number, 1_234));
    fields(&[(1, Value::Number(call)), (body::SUBMIT, bytes(submitted.write()))])
}

fn knows(scene: &Scene, number: &str) -> bool {
    scene.journal(0, &OrderNo::try_from(number).unwrap()).is_some()
}

#[test]
fn replayed_reordered_and_reflected_records_change_nothing() {
    let (mut scene, mut his) = sites();
    let ping = |call| fields(&[(1, Value::Number(call)), (12, bytes([]))]);
    let earlier = request(&his, 50, "B1");
    let (earlier, later) = (his.seal(&earlier), his.seal(&ping(51)));
    let replayed = drops(&mut scene, Dropped::Replayed);
    // The later one overtakes the earlier one, which is then as good as lost.
    his.write(&mut scene, FrameType::HisRecord, &later);
    his.write(&mut scene, FrameType::HisRecord, &earlier);
    let answers = his.frames(&mut scene);
    assert_eq!(answers.len(), 1, "the ping's");
    assert_eq!(drops(&mut scene, Dropped::Replayed), replayed + 1);
    assert!(!knows(&scene, "B1"));
    for _ in 0..20 {
        his.write(&mut scene, FrameType::HisRecord, &later);
    }
    assert_eq!(his.frames(&mut scene), []);
    assert_eq!(drops(&mut scene, Dropped::Replayed), replayed + 21);
    // The terminal's own record comes back, as it was and under the type of HIS.
    let (_, reflected) = &answers[0];
    let forged = drops(&mut scene, Dropped::Forged) + drops(&mut scene, Dropped::Replayed);
    his.write(&mut scene, FrameType::PosRecord, reflected);
    his.write(&mut scene, FrameType::HisRecord, reflected);
    assert_eq!(his.frames(&mut scene), []);
    assert_eq!(drops(&mut scene, Dropped::Echo), 1);
    assert_eq!(drops(&mut scene, Dropped::Forged) + drops(&mut scene, Dropped::Replayed), forged + 1);
    assert!(in_session(&mut scene));
    let submitted = submit(&his, &core("B2", 1_234));
    assert!(his.ask(&mut scene, body::SUBMIT, &submitted).bytes(body::ORDER_STATE).is_some());
}

#[test]
fn altered_header_of_a_record_is_dropped_whatever_byte_it_is_and_the_true_one_is_taken() {
    let (mut scene, mut his) = sites();
    let message = request(&his, 50, "B1");
    let record = his.seal(&message);
    let all = [Dropped::Stale, Dropped::Replayed, Dropped::Forged];
    for (byte, reason) in [(0, 0), (1, 2), (2, 2), (3, 2), (4, 2)] {
        let before = all.map(|what| drops(&mut scene, what));
        let mut altered = record.clone();
        altered[byte] ^= 0x40;
        his.write(&mut scene, FrameType::HisRecord, &altered);
        let answers = his.hear(&mut scene);
        assert!(answers.is_empty(), "byte {byte}");
        let mut expected = before;
        expected[reason] += 1;
        assert_eq!(all.map(|what| drops(&mut scene, what)), expected, "byte {byte}");
        assert!(!knows(&scene, "B1"));
    }
    // The type is in the checksum and in what is authenticated, too.
    his.write(&mut scene, FrameType::PosRecord, &record);
    assert!(his.hear(&mut scene).is_empty());
    assert_eq!(drops(&mut scene, Dropped::Echo), 1);
    his.write(&mut scene, FrameType::HisRecord, &record);
    assert!(his.hear(&mut scene).iter().any(|message| message.number(2) == Some(50)));
    assert!(knows(&scene, "B1"));
}

//= spec-crate/spec/orders.md#sync
//= type=test
//# A POS MUST end the session with sealed alert `unexpected_message` (10) if a request other than Sync comes
//# before the first Sync of the session.
#[test]
fn request_before_sync_ends_the_session_with_alert_10() {
    let mut scene = Scene::open();
    let mut his = Foreign::his_before_sync(&mut scene, 0);
    let submitted = submit(&his, &core("B1", 1_234));
    his.call(&mut scene, body::SUBMIT, &submitted);
    let alerts: Vec<_> =
        his.hear(&mut scene).iter().filter_map(|message| message.bytes(body::ALERT)).collect();
    assert_eq!(alerts.len(), 1);
    assert_eq!(Fields::read(&alerts[0]).number(1), Some(u64::from(AlertCode::UnexpectedMessage.code())));
    assert!(!in_session(&mut scene));
    assert_eq!(scene.journal(0, &OrderNo::try_from("B1").unwrap()), None);
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST sign a result once, store the signed bytes and the signature, and repeat both byte for byte.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS MUST store the disposition of a ConfirmResult and stop repeating if its order is known here and its
//# `result_hash` is that of the order's latest result, and ignore the ConfirmResult otherwise.
//= spec-crate/spec/messages.md#contents-of-fields
//= type=test
//# A receiver MUST treat a content that is not as it should be as this table says, and never end the session
//# because of it.
//= spec-crate/spec/books.md#anchors
//= type=test
//# A HIS and a POS MUST send as anchor of a book that of its latest durable record when it sends the message,
//# and in SyncReply and Pong when it took the request up.
#[test]
fn result_is_repeated_to_a_his_that_never_answers_and_stays_the_same() {
    let (mut scene, mut his) = sites();
    let submitted = submit(&his, &core("B1", 1_234));
    his.ask(&mut scene, body::SUBMIT, &submitted);
    scene.pass(s(1));
    scene.scan(0, Channel::Wechat, Story::Paid);
    let mut reports = Vec::new();
    for _ in 0..120 {
        reports.extend(his.hear(&mut scene).iter().filter_map(|message| message.bytes(body::REPORT)));
    }
    assert!(reports.len() >= 4, "{} reports", reports.len());
    let results: Vec<_> = reports.iter().map(|report| Fields::read(report).bytes(1)).collect();
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "byte for byte");
    let anchor = scene.world.pos[0].book.anchor().encode();
    assert_eq!(Fields::read(reports.last().unwrap()).bytes(3), Some(anchor), "the journal's latest record");
    // A confirmation of another result ends nothing.
    let hash = ResultCore::decode(results[0].clone().unwrap()).unwrap().hash();
    let confirm = |hash: [u8; 16]| fields(&[(1, bytes("B1")), (2, bytes(hash)), (3, Value::Number(1))]);
    his.reply(&mut scene, 1, body::CONFIRM, &confirm([9; 16]));
    scene.pass(s(1));
    let number = OrderNo::try_from("B1").unwrap();
    assert_eq!(scene.journal(0, &number).unwrap().answered, None);
    his.reply(&mut scene, 1, body::CONFIRM, &confirm(hash));
    scene.pass(s(1));
    assert_eq!(scene.journal(0, &number).unwrap().answered, Some(hispos::Disposition::Recorded));
}
