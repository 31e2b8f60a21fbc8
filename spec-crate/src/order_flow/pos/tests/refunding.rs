//! Refund requests: what they carry, what their answers prove, and when a refund is asked about.

use alloc::vec::Vec;

use super::collecting::{is_query, life, seconds, told, watch};
use super::{Pos, agreement, core};
use crate::amount::Amount;
use crate::catalogue::Status;
use crate::message::agreement::Timers;
use crate::message::order::{NewOrder, OrderCore};
use crate::message::result::{Outcome, ResultCore};
use crate::order_flow::pos::evidence::RefundFacts;
use crate::platform::{Ask, Capture, Channel, Proof, Request};
use crate::time::{Instant, UnixSeconds};
use crate::wire::{self, PosState};

const USUAL: Timers = Timers::USUAL;
const GAP: u64 = USUAL.absence_gap;
const START_BY: u64 = 90_000;
const ACT_BY: u64 = START_BY + USUAL.act;
const BEGIN: u64 = 1_000;

/// 2 yuan of 5.
pub(super) fn part(order_no: &str, device: &str) -> OrderCore {
    let whole = core(order_no, device, true);
    let order = NewOrder {
        order_no: whole.order_no().clone(),
        device_id: whole.device_id().clone(),
        amount: Amount::from_fen(-200).unwrap(),
        business_day: whole.business_day(),
        agreement_no: whole.agreement_no(),
        refund_of: whole.refund_of().cloned(),
    };
    OrderCore::encode(&order).unwrap()
}

pub(super) fn original() -> Proof {
    Proof::Captured(Capture { payment_no: "wx-1".into(), amount: 500, captured_at: None })
}

pub(super) fn is_query_refund(request: &Request) -> bool {
    matches!(request, Request::QueryRefund { .. })
}

pub(super) fn is_refund(request: &Request) -> bool {
    matches!(request, Request::Refund { .. })
}

/// A refund whose first request is under way.
pub(super) fn requested() -> (Pos, Ask) {
    let mut pos = Pos::new();
    pos.submit(&part("R1", "POS-1"), &[]);
    assert!(pos.asks.iter().all(|ask| is_query_refund(&ask.request)));
    pos.answer_all(&Proof::Absent, None);
    assert!(pos.asks.iter().all(|ask| is_query(&ask.request)));
    pos.answer_all(&original(), None);
    let ask = pos.asks.pop().unwrap();
    assert!(is_refund(&ask.request) && pos.asks.is_empty());
    (pos, ask)
}

/// A refund whose second request is under way.
pub(super) fn repeated() -> (Pos, Ask) {
    let (mut pos, first) = requested();
    told(&mut pos, &first, Proof::Open, Some(BEGIN), false);
    pos.pass(GAP);
    pos.answer_all(&Proof::Absent, None);
    let ask = pos.asks.pop().unwrap();
    assert!(is_refund(&ask.request));
    (pos, ask)
}

fn look(pos: &mut Pos, core: &OrderCore) {
    let look = wire::LookUp { core: core.bytes().to_vec(), fresh: false };
    pos.does(|flow, clock, effects| flow.look_up(&look, clock, effects));
}

fn facts(pos: &Pos) -> &RefundFacts {
    &life(pos, "R1").refund
}

fn result(pos: &Pos) -> ResultCore {
    ResultCore::decode(life(pos, "R1").row.result.clone()).unwrap()
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# A POS MUST give a query, pay and reverse the magnitude of the order's amount as total, and every question
//# about a refund, also the query of its original, the amount of the original.
#[test]
fn every_question_names_the_magnitude_of_a_collect_and_the_originals_total_of_a_refund() {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &[]);
    assert!(pos.asks.iter().all(|ask| ask.total == 500));
    let mut pos = Pos::new();
    pos.submit(&part("R1", "POS-1"), &[]);
    for (proof, wanted) in [(Proof::Absent, is_query_refund as fn(&Request) -> bool), (original(), is_query)]
    {
        assert!(pos.asks.iter().all(|ask| ask.total == 500 && wanted(&ask.request)));
        pos.answer_all(&proof, None);
    }
    assert!(pos.asks.iter().all(|ask| ask.total == 500 && is_refund(&ask.request)));
}

//= spec-crate/spec/payment.md#the-refund
//= type=test
//# A POS MUST write a refund request only with the number of ORD-25 for `R`, the refund's magnitude, the
//# original's total and number, at the merchant of the original's agreement, and no byte of the first one at
//# or after `start_by`, nor of a repeated one at or after `act_by`.
//= spec-crate/spec/conformance.md#what-a-client-may-leave-out
//= type=test
//# A POS MUST NOT leave out refunds, since HIS may need any device of the site for one.
#[test]
fn a_refund_request_names_both_numbers_amount_and_total_and_has_its_last_instant() {
    for (request, last) in [(requested().1, START_BY), (repeated().1, ACT_BY)] {
        assert_eq!(request.merchant, agreement().merchant(Channel::Wechat).unwrap());
        assert_eq!(request.number.as_ref().map(AsRef::as_ref), Some("SIM1B0W"));
        let Request::Refund { refund, amount } = &request.request else { panic!() };
        assert_eq!((refund.as_str(), *amount, request.total), ("SIM1R1R", 200, 500));
        assert_eq!(request.not_after, Some(Instant(last)));
    }
}

//= spec-crate/spec/payment.md#the-refund
//= type=test
//# A POS MUST end a refund order by the first of these proofs about its number: refunded: `refunded` with
//# `refunded` (110) and the platform's refund id and time if told; not refunded: `not_refunded` with
//# `refund_closed` (405) if closed and `refund_refused` (404) if refused; refund abnormal: `attention` with
//# `refund_abnormal` (306); number known: `attention` with `number_used` (300).
#[test]
fn the_first_proof_about_a_refunds_number_ends_it() {
    let refunded = Proof::Refunded { refund_id: "rf-1".into(), at: Some(UnixSeconds(7)) };
    for (proof, outcome, status) in [
        (refunded, Outcome::Refunded, Status::Refunded),
        (Proof::NotRefunded { closed: true }, Outcome::NotRefunded, Status::RefundClosed),
        (Proof::NotRefunded { closed: false }, Outcome::NotRefunded, Status::RefundRefused),
        (Proof::RefundAbnormal, Outcome::Attention, Status::RefundAbnormal),
        (Proof::NumberKnown, Outcome::Attention, Status::NumberUsed),
    ] {
        let (mut pos, request) = requested();
        told(&mut pos, &request, proof.clone(), Some(BEGIN), true);
        let ended = result(&pos);
        assert_eq!((ended.outcome(), ended.status()), (outcome, Some(status)));
        if outcome == Outcome::Refunded {
            assert_eq!(ended.get().refund_id.as_deref(), Some("rf-1"));
            assert_eq!(ended.get().captured_at, Some(UnixSeconds(7)));
        }
        // The same by a question.
        let mut pos = Pos::new();
        look(&mut pos, &part("R1", "POS-2"));
        pos.answer_all(&proof, None);
        assert_eq!(pos.status("R1"), Some(status));
    }
}

//= spec-crate/spec/payment.md#the-refund
//= type=test
//# A POS MUST ignore the proof not refunded as the answer to a refund request, unless it is the answer to the
//# request that was written in Refunding and no request of the order was written before.
#[test]
fn a_refusal_of_a_repeated_request_may_be_about_the_repeat_and_is_no_proof() {
    for closed in [false, true] {
        let (mut pos, request) = repeated();
        let now = pos.now.0;
        told(&mut pos, &request, Proof::NotRefunded { closed }, Some(now), true);
        assert_eq!(pos.status("R1"), None);
        assert!(life(&pos, "R1").state() == PosState::Asking);
    }
    let (mut pos, request) = repeated();
    let now = pos.now.0;
    told(&mut pos, &request, Proof::RefundAbnormal, Some(now), true);
    assert_eq!(pos.status("R1"), Some(Status::RefundAbnormal), "every other proof is one");
}

//= spec-crate/spec/payment.md#fences
//= type=test
//# A POS MUST move the fence of a refund's number to the end of the connection + T_FENCE when a refund
//# request whose first byte was written has ended, and to the program's start + T_FENCE, if that is later,
//# after a restart or if the journal is not intact.
//= spec-crate/spec/payment.md#the-refund
//= type=test
//# A POS MUST count an absent answer about a refund's number only if it was asked T_ABSENCE_GAP or more after
//# the last one that counted, and set the count to 0 when a refund request with a first byte written has
//# ended and when an answer says that the refund is pending.
#[test]
fn a_request_that_was_written_moves_the_fence_and_begins_the_count_of_absence_again() {
    let (mut pos, request) = requested();
    pos.now = Instant(3_000);
    told(&mut pos, &request, Proof::Open, Some(2_000), false);
    assert_eq!(facts(&pos).fence, Instant(3_000 + USUAL.fence));
    pos.pass(GAP);
    pos.answer_all(&Proof::Absent, None);
    assert_eq!(facts(&pos).absents, 1);
    let again = pos.asks.pop().unwrap();
    told(&mut pos, &again, Proof::Open, None, false);
    assert_eq!((facts(&pos).absents, facts(&pos).fence), (1, Instant(3_000 + USUAL.fence)), "not written");
    let (mut pos, again) = repeated();
    let now = pos.now;
    told(&mut pos, &again, Proof::Open, Some(now.0), false);
    assert_eq!((facts(&pos).absents, facts(&pos).fence), (0, now.after(USUAL.fence)));
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask about a refund first T_ABSENCE_GAP after the end of the request that brought it from
//# Refunding to Asking.
#[test]
fn the_first_question_after_a_request_comes_a_gap_later() {
    let (mut pos, request) = requested();
    told(&mut pos, &request, Proof::Open, Some(BEGIN), false);
    assert_eq!(seconds(&watch(&mut pos, GAP, &Proof::Open), is_query_refund), [11]);
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask in Asking of a refund, and in a look at one, at once when it enters, then after 1, 1, 3, 6
//# and 30 times T_ABSENCE_GAP from one question to the next, and then every 1,800 seconds, and besides at 0
//# to 6 times T_ABSENCE_GAP after the fence if the fence is later than the state's entry, with only one
//# question in flight.
//= spec-crate/spec/payment.md#the-refund
//= type=test
//# A POS MUST go on asking about a refund that is pending, without an end by time.
#[test]
fn questions_about_a_refund_thin_out_gather_behind_its_fence_and_never_end() {
    let mut pos = Pos::new();
    look(&mut pos, &part("R1", "POS-2"));
    let seen = seconds(&watch(&mut pos, 3_000_000, &Proof::RefundPending), is_query_refund);
    assert_eq!(seen, [1, 11, 21, 51, 111, 411, 2_211]);
    let days = watch(&mut pos, 30 * 86_400_000, &Proof::RefundPending);
    assert_eq!(days.len(), 30 * 48, "every half hour");
    assert_eq!(pos.status("R1"), None);
    let mut pos = Pos::new();
    pos.flow.context.started = Instant(BEGIN);
    look(&mut pos, &part("R1", "POS-1"));
    let seen = seconds(&watch(&mut pos, 2_000_000, &Proof::RefundPending), is_query_refund);
    let fence = [121, 131, 141, 151, 161, 171, 181];
    assert_eq!(seen, [&[1, 11, 21, 51, 111][..], &fence, &[1_981]].concat());
    // One question at a time.
    let mut pos = Pos::new();
    look(&mut pos, &part("R1", "POS-2"));
    pos.pass(1_000_000);
    assert_eq!(pos.asks.len(), 1);
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST NOT ask about a refund in Asking before T_ABSENCE_GAP after the asked instant of the latest
//# absent answer that counted.
//= spec-crate/spec/payment.md#the-refund
//= type=test
//# A POS MUST count an absent answer about a refund's number only if it was asked T_ABSENCE_GAP or more after
//# the last one that counted, and set the count to 0 when a refund request with a first byte written has
//# ended and when an answer says that the refund is pending.
#[test]
fn a_question_about_a_refund_that_would_not_count_waits_until_it_does() {
    let mut pos = Pos::new();
    look(&mut pos, &part("R1", "POS-2"));
    pos.pass(4_000);
    pos.answer_all(&Proof::Absent, None);
    assert_eq!(facts(&pos).absents, 1);
    let due = pos.flow.deadline(pos.now).unwrap();
    assert_eq!(due, Instant(BEGIN + 4_000 + GAP));
    // One that comes sooner all the same does not count.
    pos.pass(GAP);
    let ask = pos.asks.pop().unwrap();
    told(&mut pos, &ask, Proof::Absent, Some(due.0 - 1), true);
    assert_eq!(facts(&pos).absents, 1);
}

//= spec-crate/spec/payment.md#the-refund
//= type=test
//# A POS MUST end a refund in Asking or in a look as `not_refunded` with `refund_absent` (406) by an absent
//# answer about its number that is at least the third that counted, was asked at or after the fence, and came
//# for a look, with a journal that is not intact for the order, or at or after `act_by`.
#[test]
fn an_absent_refund_ends_after_three_answers_behind_its_fence_and_only_when_nobody_may_repeat_it() {
    let mut pos = Pos::new();
    look(&mut pos, &part("R1", "POS-2"));
    let seen = watch(&mut pos, 30_000, &Proof::Absent);
    assert_eq!((seen.len(), pos.status("R1")), (3, Some(Status::RefundAbsent)));
    // Not intact: what this device sent before may still take effect.
    let mut pos = Pos::new();
    pos.flow.context.started = Instant(BEGIN);
    look(&mut pos, &part("R1", "POS-1"));
    watch(&mut pos, USUAL.fence - 1, &Proof::Absent);
    assert_eq!(pos.status("R1"), None);
    watch(&mut pos, 1, &Proof::Absent);
    assert_eq!(pos.status("R1"), Some(Status::RefundAbsent));
    // Within its lease it is requested again and again instead.
    let (mut pos, request) = requested();
    told(&mut pos, &request, Proof::Open, Some(BEGIN), false);
    let seen: Vec<_> = watch(&mut pos, ACT_BY - BEGIN - 1, &Proof::Absent);
    assert!(seconds(&seen, is_refund).len() > 3);
    assert_eq!(pos.status("R1"), None);
    watch(&mut pos, USUAL.fence + 1_800_000, &Proof::Absent);
    assert_eq!(pos.status("R1"), Some(Status::RefundAbsent));
}
