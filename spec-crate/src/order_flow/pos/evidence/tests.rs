//! What answers to queries prove of one platform number.

use alloc::string::String;

use super::{Death, Evidence, Finding, Latest, Place, Rules};
use crate::ids::PlatformNumber;
use crate::platform::{AskId, Capture, Channel, Merchant, Proof, Verdict};
use crate::time::Instant;

const GAP: u64 = 10_000;
const FENCE: u64 = 100_000;

/// Nothing was reversed, and the journal is intact.
const RULES: Rules = Rules { reversed: false, capture_after_fence: false, expired_from: None, gap: GAP };

fn entry(fence: u64) -> Evidence {
    let merchant = Merchant {
        channel: Channel::Wechat,
        account: "1900000001".into(),
        sub_account: String::new(),
        simulated: true,
    };
    Evidence::new(Place::Own, PlatformNumber::try_from("SIM1B1W").unwrap(), merchant, Instant(fence))
}

fn capture() -> Capture {
    Capture { payment_no: "4200".into(), amount: 500, captured_at: None }
}

fn refunded(refunded: u64) -> Proof {
    Proof::CapturedAndRefunded { capture: capture(), refunded }
}

/// An answer whose request was written at this instant, and which came 100 ms later.
fn told(proof: Proof, asked: u64) -> Verdict {
    Verdict {
        id: AskId(1),
        proof,
        provider_code: String::new(),
        date: None,
        first_byte: Some(Instant(asked)),
        ended: Instant(asked + 100),
        answered: true,
    }
}

/// What an entry has found after these answers.
fn found(fence: u64, rules: Rules, answers: &[(Proof, u64)]) -> Option<Finding> {
    let mut entry = entry(fence);
    for (proof, asked) in answers {
        entry.judge(&told(proof.clone(), *asked), rules);
    }
    entry.finding
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST ignore a verdict on a query whose first byte was not written.
//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST leave an entry unchanged on every proof to a query but captured, mismatch, captured and
//# refunded, closed, alive and absent.
#[test]
fn what_was_never_asked_and_what_says_nothing_of_a_number_leave_it_as_it_was() {
    let mut entry = entry(0);
    entry.judge(&told(Proof::Absent, 1), RULES);
    let mut before_connection = told(Proof::Captured(capture()), 2);
    before_connection.first_byte = None;
    entry.judge(&before_connection, RULES);
    for proof in [
        Proof::Open,
        Proof::Refused,
        Proof::PayerRefused,
        Proof::NumberKnown,
        Proof::Refunded { refund_id: String::new(), at: None },
        Proof::RefundPending,
        Proof::NotRefunded { closed: true },
        Proof::RefundAbnormal,
        Proof::Verified,
        Proof::MerchantRefused,
    ] {
        entry.judge(&told(proof, 3), RULES);
    }
    assert_eq!((entry.latest, entry.finding.clone()), (Some((Latest::Absent, Instant(101))), None));
    assert_eq!(entry.counted(), Some(Instant(1)));
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST remember as latest answer of an entry alive, absent, closed, or money for the three proofs with
//# a capture, with the instant at which the connection ended.
#[test]
fn the_latest_answer_is_kept_with_the_end_of_its_connection() {
    let mut entry = entry(0);
    for (nth, (proof, latest)) in [
        (Proof::Alive, Latest::Alive),
        (Proof::Absent, Latest::Absent),
        (Proof::Captured(capture()), Latest::Money),
        (Proof::Closed, Latest::Closed),
        (Proof::Mismatch(capture()), Latest::Money),
        (refunded(1), Latest::Money),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = nth as u64;
        entry.judge(&told(proof, asked), RULES);
        assert_eq!(entry.latest, Some((latest, Instant(asked + 100))));
    }
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry captured by a captured answer, but only by one that was asked at or after the
//# entry's fence if a reverse of the order was written, the journal is not intact for it, or it is a look.
#[test]
fn a_capture_that_may_still_be_undone_counts_only_from_the_fence_on() {
    let captured = |rules, asked| found(FENCE, rules, &[(Proof::Captured(capture()), asked)]);
    assert_eq!(captured(RULES, FENCE - 1), Some(Finding::Captured(capture())));
    let undoable = Rules { capture_after_fence: true, ..RULES };
    assert_eq!(captured(undoable, FENCE - 1), None);
    assert_eq!(captured(undoable, FENCE), Some(Finding::Captured(capture())));
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry a mismatch by every mismatch answer.
//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry dead by closing by every closed answer.
#[test]
fn a_mismatch_and_a_closed_number_are_found_at_once_fence_or_not() {
    let rules = Rules { capture_after_fence: true, ..RULES };
    let found = |proof| found(FENCE, rules, &[(proof, 1)]);
    assert_eq!(found(Proof::Mismatch(capture())), Some(Finding::Mismatch(capture())));
    assert_eq!(found(Proof::Closed), Some(Finding::Dead(Death::Closed)));
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry, by a captured-and-refunded answer, refunded by others if no reverse of the order
//# was written, dead by closing if one was written and the refunded amount is at least the capture's, and
//# reversed in part if one was written and it is less.
#[test]
fn refunds_are_others_doing_unless_a_reverse_was_written_which_gave_back_all_or_a_part() {
    let found = |reversed, amount| found(0, Rules { reversed, ..RULES }, &[(refunded(amount), 1)]);
    assert_eq!(found(false, 500), Some(Finding::Refunded(capture())));
    assert_eq!(found(false, 1), Some(Finding::Refunded(capture())));
    assert_eq!(found(true, 500), Some(Finding::Dead(Death::Closed)));
    assert_eq!(found(true, 499), Some(Finding::ReversedInPart(capture())));
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry dead by absence by an absent answer that is at least the third in the entry's
//# count of absent answers and was asked at or after the entry's fence.
//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST count an absent or alive answer only if it was asked T_ABSENCE_GAP or more after the last one
//# that counted in the same count of that entry.
#[test]
fn absence_needs_three_answers_a_gap_apart_and_the_last_one_behind_the_fence() {
    let absent = |asked: [u64; 3]| found(FENCE, RULES, &asked.map(|asked| (Proof::Absent, asked)));
    let dead = Some(Finding::Dead(Death::Absent));
    assert_eq!(absent([FENCE - 2 * GAP, FENCE - GAP, FENCE]), dead);
    assert_eq!(absent([FENCE - 2 * GAP, FENCE - GAP, FENCE - 1]), None, "before the fence");
    assert_eq!(absent([FENCE, FENCE + GAP, FENCE + 2 * GAP - 1]), None, "too near");
    assert_eq!(absent([FENCE, FENCE + GAP - 1, FENCE + 2 * GAP]), None, "one that does not count");
    // A fourth one counts, too.
    let late = [0, GAP, 2 * GAP, FENCE].map(|asked| (Proof::Absent, asked));
    assert_eq!(found(FENCE, RULES, &late), dead);
    assert_eq!(found(FENCE, RULES, &late[..3]), None);
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry dead by expiry by an alive answer that is at least the third in the entry's count
//# of alive answers and was asked at or after the instant of PAY-52.
//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST count an absent or alive answer only if it was asked T_ABSENCE_GAP or more after the last one
//# that counted in the same count of that entry.
#[test]
fn expiry_needs_three_living_answers_a_gap_apart_and_the_last_one_when_it_must_have_expired() {
    let alive = |rules, asked: [u64; 3]| found(0, rules, &asked.map(|asked| (Proof::Alive, asked)));
    let rules = Rules { expired_from: Some(Instant(FENCE)), ..RULES };
    let dead = Some(Finding::Dead(Death::Expired));
    assert_eq!(alive(rules, [0, GAP, FENCE]), dead);
    assert_eq!(alive(rules, [0, GAP, FENCE - 1]), None);
    assert_eq!(alive(rules, [FENCE, FENCE + GAP - 1, FENCE + GAP]), None);
    assert_eq!(alive(RULES, [0, GAP, FENCE]), None, "a reverse is still allowed");
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST set the count of absent answers of an entry to 0 on an alive answer, the count of alive answers
//# to 0 on an absent answer, and both to 0 when a pay or reverse for its number has ended with a first byte
//# written.
#[test]
fn each_kind_of_answer_ends_the_count_of_the_other_and_a_request_that_moves_money_ends_both() {
    let rules = Rules { expired_from: Some(Instant(0)), ..RULES };
    let answers = |words: &[Proof]| {
        let at = (0..).map(|nth| nth * GAP);
        found(0, rules, &words.iter().cloned().zip(at).collect::<alloc::vec::Vec<_>>())
    };
    let (absent, alive) = (Proof::Absent, Proof::Alive);
    let mixed = [absent.clone(), absent.clone(), alive.clone(), absent.clone(), absent.clone()];
    assert_eq!(answers(&mixed), None);
    let mixed = [alive.clone(), alive.clone(), absent, alive.clone(), alive.clone()];
    assert_eq!(answers(&mixed), None);
    for proof in [Proof::Absent, alive] {
        let mut entry = entry(0);
        for asked in [0, GAP] {
            entry.judge(&told(proof.clone(), asked), rules);
        }
        entry.fenced_from(Instant(0), 0);
        for asked in [2 * GAP, 3 * GAP] {
            entry.judge(&told(proof.clone(), asked), rules);
        }
        assert_eq!(entry.finding, None);
        entry.judge(&told(proof, 4 * GAP), rules);
        assert!(entry.finding.is_some());
    }
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST let a newer finding of an entry replace an older one.
#[test]
fn a_newer_finding_takes_the_place_of_an_older_one() {
    let answers = [(Proof::Closed, 1), (Proof::Mismatch(capture()), 2)];
    assert_eq!(found(0, RULES, &answers), Some(Finding::Mismatch(capture())));
    let answers = [(Proof::Captured(capture()), 1), (Proof::Closed, 2), (Proof::Absent, 3)];
    assert_eq!(found(0, RULES, &answers), Some(Finding::Dead(Death::Closed)), "absence alone finds nothing");
}

//= spec-crate/spec/payment.md#fences
//= type=test
//# A POS MUST move the fence of the attempt's number to the end of the connection + T_FENCE, if that is
//# later, when a pay or reverse whose first byte was written has ended.
#[test]
fn a_fence_moves_only_forward() {
    let mut entry = entry(FENCE);
    entry.fenced_from(Instant(10), FENCE - 11);
    assert_eq!(entry.fence, Instant(FENCE));
    entry.fenced_from(Instant(10), FENCE);
    assert_eq!(entry.fence, Instant(FENCE + 10));
}
