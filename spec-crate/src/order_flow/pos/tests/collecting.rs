//! The one pay of a collect, its reverses, and when the platform is asked meanwhile.

use alloc::vec;
use alloc::vec::Vec;

use super::{CODE, Pos, UNIX, agreement, core, seed};
use crate::catalogue::Status;
use crate::crypto::hash::hmac_sha256;
use crate::ids::OrderNo;
use crate::message::agreement::{Agreement, Terms, Timers};
use crate::order_flow::pos::PosAlarm;
use crate::order_flow::pos::evidence::{Death, Finding, Latest, Place};
use crate::order_flow::pos::life::Life;
use crate::platform::{Ask, Capture, Channel, PaymentCode, Proof, Request, Verdict};
use crate::time::{Instant, UnixSeconds};
use crate::wire::{self, PosState};

const USUAL: Timers = Timers::USUAL;
const START_BY: u64 = 90_000;
const ACT_BY: u64 = START_BY + USUAL.act;
/// When every test begins.
const BEGIN: u64 = 1_000;

pub(super) fn life<'a>(pos: &'a Pos, order_no: &str) -> &'a Life {
    let order_no = OrderNo::try_from(order_no).unwrap();
    pos.flow.lives.get(&order_no).or_else(|| pos.flow.looks.get(&order_no)).unwrap()
}

/// An answer now, to a request that was written at some instant or not at all.
pub(super) fn told(pos: &mut Pos, ask: &Ask, proof: Proof, written: Option<u64>, answered: bool) {
    let verdict = Verdict {
        id: ask.id,
        proof,
        provider_code: "WORD".into(),
        date: None,
        first_byte: written.map(Instant),
        ended: pos.now,
        answered,
    };
    pos.does(|flow, clock, effects| flow.verdict(&verdict, clock, effects));
}

/// What is asked within some time if everything is answered at once with the same proof.
pub(super) fn watch(pos: &mut Pos, milliseconds: u64, proof: &Proof) -> Vec<(u64, Ask)> {
    let end = pos.now.after(milliseconds);
    let mut seen = Vec::new();
    loop {
        for ask in core::mem::take(&mut pos.asks) {
            pos.answer(&ask, proof.clone(), None);
            seen.push((pos.now.0, ask));
        }
        if !pos.asks.is_empty() {
            continue;
        }
        let Some(due) = pos.flow.deadline(pos.now).filter(|due| *due <= end) else { break };
        pos.now = due;
        pos.does(|flow, clock, effects| flow.tick(clock, effects));
    }
    pos.now = end;
    seen
}

/// The instants of some requests, in seconds.
pub(super) fn seconds(seen: &[(u64, Ask)], wanted: impl Fn(&Request) -> bool) -> Vec<u64> {
    seen.iter().filter(|(_, ask)| wanted(&ask.request)).map(|(at, _)| at / 1_000).collect()
}

pub(super) fn is_query(request: &Request) -> bool {
    *request == Request::Query
}

pub(super) fn is_reverse(request: &Request) -> bool {
    *request == Request::Reverse
}

fn is_pay(request: &Request) -> bool {
    matches!(request, Request::Pay { .. })
}

pub(super) fn capture(captured_at: Option<u64>) -> Capture {
    Capture { payment_no: "wx-1".into(), amount: 500, captured_at: captured_at.map(UnixSeconds) }
}

/// An order whose pay is under way.
pub(super) fn paying(channel: Channel) -> (Pos, Ask) {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &[]);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    pos.scan(channel, CODE);
    let ask = pos.asks.pop().unwrap();
    assert!(is_pay(&ask.request) && pos.asks.is_empty());
    (pos, ask)
}

/// An order whose first reverse is under way, 16 s after the machine's start.
pub(super) fn reversing() -> (Pos, Ask) {
    let (mut pos, pay) = paying(Channel::Wechat);
    told(&mut pos, &pay, Proof::Open, Some(BEGIN), true);
    pos.cancel(&core("B1", "POS-1", false), &[]);
    loop {
        let ask = pos.asks.pop();
        match ask {
            Some(ask) if is_reverse(&ask.request) => return (pos, ask),
            Some(ask) => pos.answer(&ask, Proof::Alive, None),
            None => pos.pass(USUAL.query),
        }
    }
}

fn with_timers(timers: Timers) -> Agreement {
    Agreement::encode(&Terms { timers, ..agreement().terms().clone() }).unwrap()
}

//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST write a pay only in WaitCode of the present run, with a good code waiting, when the latest
//# answer of the own entry of the code's channel is absent, every entry has been answered if the order has a
//# `search`, a trusted answer of that channel has told the platform's clock, no cancel is wanted, and
//# `start_by` has not come.
//= spec-crate/spec/payment.md#payment-codes
//= type=test
//# A POS MUST NOT try a code at a platform other than the one that PAY-93 names.
#[test]
fn nothing_is_paid_before_the_number_of_the_codes_channel_is_known_to_be_absent() {
    for channel in Channel::ALL {
        let mut pos = Pos::new();
        pos.submit(&core("B1", "POS-1", false), &[]);
        pos.scan(channel, CODE);
        let asks = core::mem::take(&mut pos.asks);
        let (own, other): (Vec<Ask>, Vec<Ask>) =
            asks.into_iter().partition(|ask| ask.merchant.channel == channel);
        // The other channel's number says nothing about this one.
        for ask in other {
            pos.answer(&ask, Proof::Absent, Some(UNIX));
        }
        assert_eq!(pos.pays(), 0);
        for ask in own {
            pos.answer(&ask, Proof::Absent, Some(UNIX));
        }
        assert_eq!(pos.pays(), 1);
        assert_eq!(pos.asks[0].merchant, agreement().merchant(channel).unwrap());
    }
}

//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST write a pay only in WaitCode of the present run, with a good code waiting, when the latest
//# answer of the own entry of the code's channel is absent, every entry has been answered if the order has a
//# `search`, a trusted answer of that channel has told the platform's clock, no cancel is wanted, and
//# `start_by` has not come.
#[test]
fn nothing_is_paid_before_every_number_of_a_search_is_answered_and_nothing_after_a_cancel_or_the_start_instant()
 {
    let order = core("B1", "POS-1", false);
    let searching = || {
        let mut pos = Pos::new();
        pos.submit(&order, &["B1", "B2"]);
        pos.scan(Channel::Wechat, CODE);
        let last = pos.asks.pop().unwrap();
        pos.answer_all(&Proof::Absent, Some(UNIX));
        assert_eq!(pos.pays(), 0);
        (pos, last)
    };
    let (mut pos, last) = searching();
    pos.answer(&last, Proof::Absent, None);
    assert_eq!(pos.pays(), 1);
    let (mut pos, last) = searching();
    pos.cancel(&order, &["B1", "B2"]);
    pos.answer(&last, Proof::Absent, None);
    assert_eq!(pos.pays(), 0);
    let (mut pos, last) = searching();
    pos.pass(START_BY - BEGIN);
    pos.answer(&last, Proof::Absent, None);
    assert_eq!(pos.pays(), 0);
}

//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST store for the attempt the channel, the code's keyed hash and last four digits, the instant, and
//# the expiry, and never the code.
//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST compute the keyed hash of a payment code as in the diagram above, with the 32-byte seed of its
//# Ed25519 device key and the ASCII digits.
//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST give each pay the absolute expiry of the diagram above.
//= spec-crate/spec/privacy.md#payment-codes
//= type=test
//# A POS MUST keep of a payment code only the keyed hash of PAY-69 and the last four digits, and only for a
//# code that a pay was written with.
#[test]
fn the_attempt_holds_channel_hash_last_digits_instant_and_expiry_and_never_the_code() {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &[]);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    pos.pass(1_500);
    pos.scan(Channel::Wechat, CODE);
    // 1.5 s after the answer that told the platform's clock: rounded up.
    let expiry = UNIX + 2 + 90;
    let attempt = life(&pos, "B1").row.attempt.clone().unwrap();
    let expected = wire::PayAttempt {
        channel: 1,
        code_hash: hmac_sha256(seed(1).expose(), &[b"hispos/1 payment code\0", CODE.as_bytes()]).to_vec(),
        code_last: "5678".into(),
        at: BEGIN + 1_500,
        payer_refused: false,
        number_known: false,
        expires_at: expiry,
    };
    assert!(attempt == expected);
    let Request::Pay { code, expires_at } = &pos.asks[0].request else { panic!() };
    assert_eq!((code.digits(), *expires_at), (CODE, UnixSeconds(expiry)));
    assert!(!pos.written.windows(CODE.len()).any(|bytes| bytes == CODE.as_bytes()));
}

//= spec-crate/spec/payment.md#the-numbers-of-an-order
//= type=test
//# A POS that enters Paying MUST drop every entry but the own one of the attempt's channel, and what it had
//# answered.
//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST write one pay request for an order, at most, at the own entry of the code's channel, and no
//# byte of it at or after `start_by`.
#[test]
fn one_pay_is_written_for_an_order_at_its_own_number_and_not_from_the_start_instant_on() {
    let (mut pos, pay) = paying(Channel::Wechat);
    assert_eq!(pay.merchant, agreement().merchant(Channel::Wechat).unwrap());
    assert_eq!(pay.number.as_ref().map(AsRef::as_ref), Some("SIM1B1W"));
    assert_eq!(pay.not_after, Some(Instant(START_BY)));
    let known: Vec<_> =
        life(&pos, "B1").evidence.iter().map(|e| (e.place, e.merchant.channel, e.latest)).collect();
    assert_eq!(known, [(Place::Own, Channel::Wechat, None)], "what was known before the pay is dropped");
    // A second code finds no order that waits for one.
    let second = PaymentCode::new("280000000012345678".into());
    let scanned = pos.does(|flow, clock, effects| flow.scan(Channel::Alipay, second, clock, effects));
    assert_eq!(scanned, None);
    told(&mut pos, &pay, Proof::Open, Some(BEGIN), true);
    let seen = watch(&mut pos, 2 * 86_400_000, &Proof::Open);
    assert!(seen.iter().all(|(_, ask)| !is_pay(&ask.request)));
}

//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST react to the verdict on a pay by the first of these that applies: no first byte written: end as
//# `not_paid` with `platform_down` (220); captured: end by PAY-75; refused: end as `not_paid` with
//# `code_refused` (202); merchant refused: end as `not_paid` with `merchant_refused` (221); payer refused:
//# note it durably; number known: note it durably and raise an alarm; and otherwise go on asking.
#[test]
fn the_answer_to_the_pay_ends_the_order_or_is_noted_or_says_nothing() {
    let answered = |proof: Proof, written: Option<u64>| {
        let (mut pos, pay) = paying(Channel::Wechat);
        pos.written.clear();
        told(&mut pos, &pay, proof, written, written.is_some());
        pos
    };
    for (proof, written, status) in [
        (Proof::Open, None, Status::PlatformDown),
        (Proof::Captured(capture(None)), Some(BEGIN), Status::Paid),
        (Proof::Refused, Some(BEGIN), Status::CodeRefused),
        (Proof::MerchantRefused, Some(BEGIN), Status::MerchantRefused),
    ] {
        assert_eq!(answered(proof.clone(), written).status("B1"), Some(status), "{proof:?}");
    }
    for proof in [
        Proof::Open,
        Proof::Alive,
        Proof::Absent,
        Proof::Closed,
        Proof::Mismatch(capture(None)),
        Proof::PayerRefused,
        Proof::NumberKnown,
    ] {
        let pos = answered(proof.clone(), Some(BEGIN));
        assert_eq!(pos.status("B1"), None, "{proof:?}");
        assert!(life(&pos, "B1").state() == PosState::Paying);
        let attempt = life(&pos, "B1").row.attempt.clone().unwrap();
        let noted = (attempt.payer_refused, attempt.number_known);
        assert_eq!(noted, (proof == Proof::PayerRefused, proof == Proof::NumberKnown));
        assert_eq!(!pos.written.is_empty(), noted != (false, false), "{proof:?}: noted durably");
        let alarm = PosAlarm::NumberKnown { order_no: OrderNo::try_from("B1").unwrap() };
        assert_eq!(pos.alarms().contains(&alarm), proof == Proof::NumberKnown);
    }
}

//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST end an order in Paying or Reversing whose attempt's number is captured as `attention` with
//# `number_used` (300) if the platform already knew the number when the pay came, or if the time of the
//# capture + 1 second is before the expiry less T_EXPIRY, and otherwise as `paid`, with `paid_after_cancel`
//# (101) if a cancel was wanted or a reverse was written, and with `paid` (100) if not.
#[test]
fn a_capture_is_the_attempts_unless_the_number_was_known_or_the_money_was_taken_before() {
    let captured = |first: Proof, cancels: bool, at: Option<u64>| {
        let (mut pos, pay) = paying(Channel::Wechat);
        told(&mut pos, &pay, first, Some(BEGIN), true);
        if cancels {
            pos.cancel(&core("B1", "POS-1", false), &[]);
        }
        watch(&mut pos, USUAL.query, &Proof::Captured(capture(at)));
        pos.status("B1").unwrap()
    };
    assert_eq!(captured(Proof::Open, false, None), Status::Paid);
    assert_eq!(captured(Proof::Open, true, None), Status::PaidAfterCancel);
    assert_eq!(captured(Proof::NumberKnown, false, None), Status::NumberUsed);
    // The pay was written at UNIX by the platform's clock, which counts whole seconds.
    assert_eq!(captured(Proof::Open, false, Some(UNIX - 1)), Status::Paid);
    assert_eq!(captured(Proof::Open, false, Some(UNIX - 2)), Status::NumberUsed);
}

//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST conclude from the finding of the attempt's number in Paying and Reversing: captured: the end of
//# PAY-75; mismatch, refunded by others, reversed in part: `attention` with `capture_mismatch` (302),
//# `captured_and_refunded` (303), `reversed_in_part` (304); dead: `not_paid` with the status of PAY-77; no
//# finding, but the payer was refused, the latest answer is absent and the state is Paying: `not_paid` with
//# `payer_refused_absent` (208).
#[test]
fn what_is_found_of_the_attempts_number_ends_the_order() {
    let refunded = |refunded| Proof::CapturedAndRefunded { capture: capture(None), refunded };
    for (proof, status) in [
        (Proof::Captured(capture(None)), Status::Paid),
        (Proof::Mismatch(capture(None)), Status::CaptureMismatch),
        (refunded(500), Status::CapturedAndRefunded),
        (Proof::Closed, Status::Closed),
    ] {
        let (mut pos, pay) = paying(Channel::Wechat);
        told(&mut pos, &pay, Proof::Open, Some(BEGIN), true);
        watch(&mut pos, USUAL.query, &proof);
        assert_eq!(pos.status("B1"), Some(status), "{proof:?}");
    }
    for (proof, status) in [(refunded(500), Status::Closed), (refunded(499), Status::ReversedInPart)] {
        let (mut pos, reverse) = reversing();
        told(&mut pos, &reverse, Proof::Open, Some(16_000), true);
        watch(&mut pos, USUAL.query, &proof);
        assert_eq!(pos.status("B1"), Some(status), "{proof:?} behind a reverse");
    }
}

//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST conclude from the finding of the attempt's number in Paying and Reversing: captured: the end of
//# PAY-75; mismatch, refunded by others, reversed in part: `attention` with `capture_mismatch` (302),
//# `captured_and_refunded` (303), `reversed_in_part` (304); dead: `not_paid` with the status of PAY-77; no
//# finding, but the payer was refused, the latest answer is absent and the state is Paying: `not_paid` with
//# `payer_refused_absent` (208).
//= spec-crate/spec/payment.md#the-pay
//= type=test
//# A POS MUST use for a dead number `closed` (204), `absent` (206) or `expired` (207) as it died, but
//# `payer_refused` (203) for closed and `payer_refused_absent` (208) for absent if the payer was refused.
#[test]
fn a_dead_number_says_how_it_died_and_whether_the_payer_had_refused() {
    let statuses =
        [Death::Closed, Death::Absent, Death::Expired].map(|death| [false, true].map(|by| death.status(by)));
    assert_eq!(statuses[0], [Status::Closed, Status::PayerRefused]);
    assert_eq!(statuses[1], [Status::Absent, Status::PayerRefusedAbsent]);
    assert_eq!(statuses[2], [Status::Expired, Status::Expired]);
    for (refused, proof, status) in [
        (true, Proof::Absent, Some(Status::PayerRefusedAbsent)),
        (true, Proof::Closed, Some(Status::PayerRefused)),
        (false, Proof::Absent, None),
    ] {
        let (mut pos, pay) = paying(Channel::Wechat);
        told(&mut pos, &pay, if refused { Proof::PayerRefused } else { Proof::Open }, Some(BEGIN), true);
        watch(&mut pos, USUAL.query, &proof);
        assert_eq!(pos.status("B1"), status, "{proof:?}, refused {refused}");
    }
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask in Paying about the attempt's number first at the end of the pay + the smaller of T_QUERY
//# and 5 seconds (2 seconds instead of 5 if no trusted answer came), at once if the payer was refused, and
//# then every T_QUERY.
//= spec-crate/spec/conformance.md#testing-with-a-driver
//= type=test
//# An implementation MUST take the agreed timers of a simulated agreement as they are, so that tests can be
//# short.
#[test]
fn the_first_question_after_a_pay_comes_sooner_the_less_is_known_and_then_they_come_regularly() {
    let asked = |proof, answered, query| {
        let mut pos = Pos::new();
        pos.flow.context.agreements = vec![with_timers(Timers { query, ..USUAL })];
        pos.submit(&core("B1", "POS-1", false), &[]);
        pos.answer_all(&Proof::Absent, Some(UNIX));
        pos.scan(Channel::Wechat, CODE);
        let pay = pos.asks.pop().unwrap();
        told(&mut pos, &pay, proof, Some(BEGIN), answered);
        seconds(&watch(&mut pos, 16_000, &Proof::Open), is_query)
    };
    assert_eq!(asked(Proof::Open, true, 5_000), [6, 11, 16]);
    assert_eq!(asked(Proof::Open, false, 5_000), [3, 8, 13]);
    assert_eq!(asked(Proof::PayerRefused, true, 5_000), [1, 6, 11, 16]);
    assert_eq!(asked(Proof::Open, true, 3_000), [4, 7, 10, 13, 16]);
    assert_eq!(asked(Proof::Open, true, 10_000), [6, 16]);
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST have at most one query of an entry in flight.
#[test]
fn a_question_that_is_not_answered_yet_is_not_asked_again() {
    let (mut pos, pay) = paying(Channel::Wechat);
    told(&mut pos, &pay, Proof::Open, Some(BEGIN), true);
    pos.pass(10 * USUAL.query);
    assert_eq!(pos.asks.len(), 1);
    let ask = pos.asks.pop().unwrap();
    pos.answer(&ask, Proof::Open, None);
    pos.pass(USUAL.query);
    assert_eq!(pos.asks.len(), 1);
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# A POS MUST give a query, pay and reverse the magnitude of the order's amount as total, and every question
//# about a refund, also the query of its original, the amount of the original.
//= spec-crate/spec/payment.md#the-reverse
//= type=test
//# A POS MUST write a reverse only for the attempt's number at the attempt's merchant, and no byte of it at
//# or after `act_by`.
#[test]
fn a_reverse_is_written_only_for_the_attempts_number_and_before_its_last_instant() {
    let (pos, reverse) = reversing();
    assert_eq!(pos.now, Instant(16_000));
    assert_eq!(reverse.merchant, agreement().merchant(Channel::Wechat).unwrap());
    assert_eq!(reverse.number.as_ref().map(AsRef::as_ref), Some("SIM1B1W"));
    assert_eq!((reverse.total, reverse.not_after), (500, Some(Instant(ACT_BY))));
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask in Reversing about the attempt's number at once when it enters and when a reverse has
//# ended, and then every T_QUERY, and, while the latest answer is alive or no reverse of this stay has ended
//# and no query is in flight, at the later of the end of the gap of PAY-81 and 2 seconds after the last query
//# was asked, if the next one is more than 2 seconds behind that.
//= spec-crate/spec/payment.md#the-reverse
//= type=test
//# A POS MUST wait after the end of the first, second, third, fourth and each later reverse of one stay in
//# Reversing 2, 4, 8, 15 and 30 seconds, but never longer than six times T_QUERY, before it writes the next
//# one.
//= spec-crate/spec/payment.md#the-reverse
//= type=test
//# A POS MUST NOT write a reverse after a query that gave no answer, an error, or an answer older than 2
//# seconds.
#[test]
fn reverses_follow_each_other_in_growing_gaps_each_behind_a_query() {
    for (query, gaps) in [(5_000, [2, 4, 8, 15, 30, 30]), (2_000, [2, 4, 8, 12, 12, 12])] {
        let mut pos = Pos::new();
        pos.flow.context.agreements = vec![with_timers(Timers { query, ..USUAL })];
        pos.submit(&core("B1", "POS-1", false), &[]);
        pos.answer_all(&Proof::Absent, Some(UNIX));
        pos.scan(Channel::Wechat, CODE);
        let pay = pos.asks.pop().unwrap();
        told(&mut pos, &pay, Proof::Open, Some(BEGIN), true);
        let seen = watch(&mut pos, 150_000, &Proof::Alive);
        let reverses = seconds(&seen, is_reverse);
        assert_eq!(reverses[0], 51, "T_POLL after the pay");
        let told: Vec<u64> = reverses.windows(2).map(|pair| pair[1] - pair[0]).collect();
        // A query that is due within 2 s is waited for.
        assert!(told.iter().zip(gaps).all(|(gap, least)| (least..=least + 2).contains(gap)), "{told:?}");
        assert!(told.len() >= gaps.len());
        // Every reverse is written in the moment of an answer, and a question follows it at once.
        for (nth, (at, _)) in seen.iter().enumerate().filter(|(_, (_, ask))| is_reverse(&ask.request)) {
            assert!(is_query(&seen[nth - 1].1.request) && seen[nth - 1].0 == *at);
            assert!(is_query(&seen[nth + 1].1.request) && seen[nth + 1].0 == *at);
        }
    }
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask in Reversing about the attempt's number at once when it enters and when a reverse has
//# ended, and then every T_QUERY, and, while the latest answer is alive or no reverse of this stay has ended
//# and no query is in flight, at the later of the end of the gap of PAY-81 and 2 seconds after the last query
//# was asked, if the next one is more than 2 seconds behind that.
#[test]
fn a_network_that_is_down_is_asked_every_two_seconds_before_a_reverse() {
    let (mut pos, pay) = paying(Channel::Wechat);
    told(&mut pos, &pay, Proof::Open, Some(BEGIN), true);
    let begin = pos.now.0;
    watch(&mut pos, USUAL.poll_wechat - 2_000, &Proof::Alive);
    assert!(pos.asks.is_empty());
    let seen = watch(&mut pos, 14_000, &Proof::Open);
    let reversing = (begin + USUAL.poll_wechat).div_ceil(1_000);
    let asked: Vec<u64> = seconds(&seen, is_query).into_iter().filter(|at| *at >= reversing).collect();
    let gaps: Vec<u64> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, vec![2; gaps.len()], "{asked:?}");
    assert!(gaps.len() >= 4, "{asked:?}");
}

//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A POS MUST apply the rules of an order's state again after each event of the order, and at each instant
//# that a rule of the state names.
#[test]
fn a_reverse_does_not_wait_for_the_next_question_once_t_poll_is_over() {
    let (mut pos, pay) = paying(Channel::Wechat);
    let first_byte = pos.now.0;
    pos.now = pos.now.after(3_000);
    told(&mut pos, &pay, Proof::Open, Some(first_byte), true);
    let seen = watch(&mut pos, 60_000, &Proof::Alive);
    let reversed = seen.iter().find(|(_, ask)| is_reverse(&ask.request)).map(|(at, _)| *at);
    assert_eq!(reversed, Some(first_byte + USUAL.poll_wechat));
}

//= spec-crate/spec/payment.md#the-reverse
//= type=test
//# A POS MUST NOT write a reverse after a query that gave no answer, an error, or an answer older than 2
//# seconds.
#[test]
fn no_reverse_is_written_behind_a_question_that_says_nothing_or_an_answer_that_is_too_old() {
    let (mut pos, reverse) = reversing();
    told(&mut pos, &reverse, Proof::Open, Some(16_000), true);
    let seen = watch(&mut pos, 60_000, &Proof::Open);
    assert!(seconds(&seen, is_reverse).is_empty());
    assert!(seconds(&seen, is_query).len() >= 10);
    // An answer that ended two seconds ago.
    while pos.asks.is_empty() {
        pos.pass(1_000);
    }
    let ask = pos.asks.pop().unwrap();
    let verdict = Verdict {
        id: ask.id,
        proof: Proof::Alive,
        provider_code: alloc::string::String::new(),
        date: None,
        first_byte: Some(Instant(pos.now.0 - 2_100)),
        ended: Instant(pos.now.0 - 2_000),
        answered: true,
    };
    pos.does(|flow, clock, effects| flow.verdict(&verdict, clock, effects));
    assert!(pos.asks.iter().all(|ask| !is_reverse(&ask.request)));
}

//= spec-crate/spec/payment.md#the-reverse
//= type=test
//# A POS MUST take every answer to a reverse for no proof of anything.
#[test]
fn whatever_a_reverse_answers_it_proves_nothing() {
    for proof in [
        Proof::Captured(capture(None)),
        Proof::Mismatch(capture(None)),
        Proof::CapturedAndRefunded { capture: capture(None), refunded: 500 },
        Proof::Closed,
        Proof::Absent,
        Proof::Refused,
        Proof::NumberKnown,
        Proof::MerchantRefused,
    ] {
        let (mut pos, reverse) = reversing();
        told(&mut pos, &reverse, proof, Some(16_000), true);
        assert_eq!(pos.status("B1"), None);
        assert!(life(&pos, "B1").state() == PosState::Reversing);
        assert_eq!(life(&pos, "B1").evidence[0].finding, None);
    }
}

//= spec-crate/spec/payment.md#fences
//= type=test
//# A POS MUST move the fence of the attempt's number to the end of the connection + T_FENCE, if that is
//# later, when a pay or reverse whose first byte was written has ended.
//= spec-crate/spec/payment.md#the-reverse
//= type=test
//# A POS MUST, when a reverse whose first byte was written has ended, count it, forget the number's latest
//# answer, and move its fence by PAY-54.
#[test]
fn a_reverse_that_was_written_counts_forgets_the_latest_answer_and_moves_the_fence() {
    for written in [false, true] {
        let (mut pos, reverse) = reversing();
        let before = life(&pos, "B1").evidence[0].fence;
        assert_eq!(before, Instant(BEGIN + USUAL.fence), "the pay's own");
        pos.now = Instant(17_000);
        told(&mut pos, &reverse, Proof::Open, written.then_some(16_000), written);
        let life = life(&pos, "B1");
        let (fence, latest) = (life.evidence[0].fence, life.evidence[0].latest.map(|(latest, _)| latest));
        if written {
            assert_eq!((life.reverses_ended, fence, latest), (1, Instant(17_000 + USUAL.fence), None));
        } else {
            assert_eq!((life.reverses_ended, fence, latest), (0, before, Some(Latest::Alive)));
        }
    }
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry captured by a captured answer, but only by one that was asked at or after the
//# entry's fence if a reverse of the order was written, the journal is not intact for it, or it is a look.
//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST let alive answers prove expiry only while no reverse of the order is allowed any more, from 0
//# for a look, from the attempt's instant + T_CONN + T_EXPIRY + T_FENCE for an order with an attempt and an
//# intact journal, and otherwise from the later of the program's start + T_FENCE and the latest fence of its
//# list, + T_EXPIRY.
#[test]
fn what_a_query_may_prove_depends_on_who_asks_what_was_written_and_whether_the_journal_is_intact() {
    let attempted = BEGIN + USUAL.connect + USUAL.expiry + USUAL.fence;
    let started = 500 + USUAL.expiry + USUAL.fence;
    type Change = fn(&mut Life);
    // A pay of this run ended shortly before the journal was found not to be intact.
    let fenced = |life: &mut Life| {
        life.row.not_intact = true;
        life.evidence[0].fence = Instant(400_000);
    };
    let cases: [(Change, u64, bool, Option<u64>); 8] = [
        (fenced, 401_000, true, Some(400_000 + USUAL.expiry)),
        (|_| {}, ACT_BY - 1, false, None),
        (|_| {}, ACT_BY, false, Some(attempted)),
        (|life| life.row.reverses = 1, ACT_BY, true, Some(attempted)),
        (|life| life.row.not_intact = true, BEGIN, true, Some(started)),
        (|life| life.row.attempt = None, BEGIN, false, Some(started)),
        (|life| life.looking = true, BEGIN, true, Some(0)),
        (|life| life.row.run = vec![9; 4], ACT_BY - 1, false, None),
    ];
    for (nth, (change, now, after_fence, expired_from)) in cases.into_iter().enumerate() {
        let (mut pos, _) = paying(Channel::Wechat);
        pos.flow.context.started = Instant(500);
        let order_no = OrderNo::try_from("B1").unwrap();
        let life = pos.flow.lives.get_mut(&order_no).unwrap();
        change(life);
        let clock = crate::time::Clock { now: Instant(now), unix: None };
        let rules = life.rules(&pos.flow.context, clock);
        assert_eq!(rules.capture_after_fence, after_fence, "case {nth}");
        assert_eq!(rules.expired_from, expired_from.map(Instant), "case {nth}");
        assert_eq!(rules.gap, USUAL.absence_gap);
    }
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry captured by a captured answer, but only by one that was asked at or after the
//# entry's fence if a reverse of the order was written, the journal is not intact for it, or it is a look.
#[test]
fn a_capture_before_the_fence_of_a_reverse_ends_nothing_and_one_behind_it_is_paid_after_cancel() {
    let (mut pos, reverse) = reversing();
    told(&mut pos, &reverse, Proof::Open, Some(16_000), true);
    let proof = Proof::Captured(capture(None));
    watch(&mut pos, USUAL.fence - 1, &proof);
    assert_eq!(pos.status("B1"), None);
    assert_eq!(life(&pos, "B1").evidence[0].finding, None::<Finding>);
    watch(&mut pos, USUAL.query, &proof);
    assert_eq!(pos.status("B1"), Some(Status::PaidAfterCancel));
}
