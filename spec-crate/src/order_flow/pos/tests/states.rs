//! How an order goes through its states: what is told of it, what a restart and a look do, and which rule comes first.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use prost::Message as _;

use super::collecting::{capture, is_query, is_reverse, life, paying, reversing, seconds, told, watch};
use super::lists::{look, offer, restarted};
use super::refunding::{is_query_refund, is_refund, original, part, repeated, requested};
use super::{CODE, Pos, RUN, UNIX, core};
use crate::book::{Row, RowKey, Table};
use crate::catalogue::{RejectCode, Status};
use crate::message::agreement::Timers;
use crate::message::result::ResultCore;
use crate::order_flow::Body;
use crate::order_flow::pos::Stage;
use crate::platform::{Channel, PaymentCode, Proof, Verdict};
use crate::time::{Instant, UnixSeconds};
use crate::wire::{self, PosState};

const USUAL: Timers = Timers::USUAL;
const START_BY: u64 = 90_000;
const BEGIN: u64 = 1_000;
/// What is told of the money.
const NONE: i32 = 1;
const UNKNOWN: i32 = 2;

fn row_of(pos: &Pos, order_no: &str) -> Row {
    let bytes = life(pos, order_no).row.encode_to_vec();
    Row { key: RowKey::new(Table::Order, order_no), version: 7, bytes }
}

/// A terminal that has just started with this order in its journal, and has had no Sync.
fn loaded(pos: &Pos, order_no: &str, boot: u8) -> Pos {
    let row = row_of(pos, order_no);
    let mut next = Pos::new();
    next.now = pos.now;
    next.flow.context.run = vec![9; 4];
    next.flow.context.boot = vec![boot; 16];
    next.flow.context.synced = false;
    next.does(|flow, clock, effects| {
        flow.load(&row, true, clock);
        flow.tick(clock, effects);
    });
    next
}

fn sync(pos: &mut Pos) {
    pos.does(|flow, clock, effects| flow.synced(true, clock, effects));
}

fn state(pos: &Pos, order_no: &str) -> PosState {
    life(pos, order_no).state()
}

fn waiting() -> Pos {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &[]);
    pos
}

fn result(pos: &Pos, order_no: &str) -> ResultCore {
    ResultCore::decode(life(pos, order_no).row.result.clone()).unwrap()
}

fn after_refund(refunded: u64) -> Proof {
    Proof::CapturedAndRefunded { capture: capture(None), refunded }
}

//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A POS MUST have at most one order in WaitCode, Paying or Refunding.
#[test]
fn one_order_at_a_time_waits_for_a_code_is_paid_or_gives_back() {
    let refused = |pos: &mut Pos, by: &str| {
        for other in [core("B9", "POS-1", false), core("R9", "POS-1", true)] {
            let Body::Rejected(why) = offer(pos, &other) else { panic!("a second order was accepted") };
            assert_eq!((why.code as u32, why.order_no.as_str()), (RejectCode::Busy.code(), by));
        }
    };
    refused(&mut waiting(), "B1");
    refused(&mut paying(Channel::Wechat).0, "B1");
    refused(&mut requested().0, "R1");
    // One that is reversed or asked about is in nobody's way.
    let (mut pos, _) = reversing();
    assert!(matches!(offer(&mut pos, &core("B9", "POS-1", false)), Body::OrderState(_)));
}

//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A POS MUST send OrderState as a notice for each order that has not ended, but for no look, when it is
//# accepted, when its stage or channel changes, and every 15 seconds.
//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A POS MUST report as stage the order's state, `user_confirming` instead of `paying` once a query answered
//# that the number lives or the pay had an open answer, and `looking` for a look.
//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A POS MUST report `money` as none in WaitCode and in Refunding before the first refund request was
//# allowed, and as unknown in every other stage.
//= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
//= type=test
//# A POS MUST report as `seconds_left` the seconds until `start_by`, rounded up, in WaitCode, and 0 in every
//# other stage.
#[test]
fn every_change_of_stage_is_told_at_once_and_every_15_seconds_with_money_and_the_seconds_that_are_left() {
    let stage = |told: &wire::OrderState| Stage::from_code(told.stage).unwrap();
    let heard = |pos: &mut Pos| -> Vec<(Stage, i32, i32, u32)> {
        let notices = core::mem::take(&mut pos.notices).into_iter();
        notices.map(|told| (stage(&told), told.money, told.channel, told.seconds_left)).collect()
    };
    let mut pos = waiting();
    assert_eq!(heard(&mut pos), [(Stage::WaitCode, NONE, 0, 89)]);
    pos.pass(14_999);
    assert_eq!(heard(&mut pos), []);
    pos.pass(1);
    assert_eq!(heard(&mut pos), [(Stage::WaitCode, NONE, 0, 74)]);
    // Rounded up.
    pos.pass(15_001);
    assert_eq!(heard(&mut pos), [(Stage::WaitCode, NONE, 0, 59)]);
    let hash = life(&pos, "B1").hash.to_vec();
    let query = wire::QueryOrder { order_no: "B1".into(), order_hash: hash };
    let Body::OrderState(told_now) = pos.does(|flow, clock, _| flow.query(&query, clock)) else { panic!() };
    assert_eq!(told_now.seconds_left, 59);
    pos.answer_all(&Proof::Absent, Some(UNIX));
    pos.scan(Channel::Wechat, CODE);
    assert_eq!(heard(&mut pos), [(Stage::Paying, UNKNOWN, 1, 0)]);
    let (pay, now) = (pos.asks.pop().unwrap(), pos.now.0);
    told(&mut pos, &pay, Proof::Open, Some(now), true);
    assert_eq!(heard(&mut pos), [(Stage::UserConfirming, UNKNOWN, 1, 0)]);
    watch(&mut pos, 60_000, &Proof::Alive);
    let stages: Vec<Stage> = heard(&mut pos).into_iter().map(|(stage, ..)| stage).collect();
    assert_eq!(stages[..3], [Stage::UserConfirming; 3]);
    assert_eq!(stages.last(), Some(&Stage::Reversing));
    pos.pass(300_000);
    assert_eq!(heard(&mut pos).last(), Some(&(Stage::Asking, UNKNOWN, 1, 0)));
    // A query that says that the number lives shows it as well.
    let (mut pos, pay) = paying(Channel::Wechat);
    told(&mut pos, &pay, Proof::PayerRefused, Some(BEGIN), true);
    assert_eq!(heard(&mut pos).pop().unwrap().0, Stage::Paying);
    pos.answer_all(&Proof::Alive, None);
    assert_eq!(heard(&mut pos).pop().unwrap().0, Stage::UserConfirming);
    // Nothing can have moved before the first refund request was allowed.
    let mut pos = Pos::new();
    pos.submit(&part("R1", "POS-1"), &[]);
    assert_eq!(heard(&mut pos), [(Stage::Refunding, NONE, 0, 0)]);
    let (mut pos, _) = requested();
    pos.notices.clear();
    pos.pass(15_000);
    assert_eq!(heard(&mut pos), [(Stage::Refunding, UNKNOWN, 0, 0)]);
    // A look is told of only when HIS asks.
    let mut pos = Pos::new();
    let Body::OrderState(looking) = look(&mut pos, &core("B2", "POS-2", false)) else { panic!() };
    assert_eq!((stage(&looking), looking.money), (Stage::Looking, UNKNOWN));
    pos.pass(60_000);
    assert_eq!(heard(&mut pos), []);
}

//= spec-crate/spec/orders.md#runs-boots-and-intact-journals
//= type=test
//# A POS MUST NOT remove the mark `not_intact` from a row.
//= spec-crate/spec/orders.md#looking-up
//= type=test
//# A POS MUST keep a running look in memory only, and store the core, the result and the signature when the
//# look ends.
//= spec-crate/spec/orders.md#looking-up
//= type=test
//# A POS MUST NOT change the state of an order that it holds because a look at it runs or ends, but for the
//# result that it keeps.
//= spec-crate/spec/orders.md#looking-up
//= type=test
//# A POS MUST keep with a new result of an order the mark that an earlier one was recorded.
#[test]
fn a_look_is_in_memory_only_and_changes_nothing_but_the_result() {
    let (mut pos, pay) = paying(Channel::Wechat);
    told(&mut pos, &pay, Proof::Refused, Some(BEGIN), true);
    let row = row_of(&pos, "B1");
    let ended = wire::PosOrder {
        not_intact: true,
        recorded: true,
        answered: 1,
        reverses: 2,
        reversed_at: 77,
        search: vec!["B1".into(), "B2".into()],
        ..wire::PosOrder::decode(row.bytes.as_slice()).unwrap()
    };
    let row = Row { bytes: ended.encode_to_vec(), ..row };
    let mut pos = Pos::new();
    pos.flow.context.run = vec![9; 4];
    pos.now = Instant(500_000);
    pos.does(|flow, clock, _| flow.load(&row, false, clock));
    let fresh = wire::LookUp { core: ended.core.clone(), fresh: true };
    let Body::OrderState(told) = pos.does(|flow, clock, effects| flow.look_up(&fresh, clock, effects)) else {
        panic!("no look")
    };
    assert!(told.stage == 7 && pos.written.is_empty());
    assert!(life(&pos, "B1").row == ended, "it has ended all the time");
    let numbers: Vec<&str> = pos.asks.iter().map(|ask| ask.number.as_ref().unwrap().as_str()).collect();
    assert_eq!(numbers, ["SIM1B1W", "SIM1B1A"]);
    pos.answer_all(&Proof::Closed, None);
    let looked = life(&pos, "B1").row.clone();
    assert_eq!(pos.written, looked.encode_to_vec());
    assert!(looked.result != ended.result && looked.signature != ended.signature);
    let expected = wire::PosOrder {
        result: looked.result.clone(),
        signature: looked.signature.clone(),
        answered: 0,
        recorded_result: ended.result.clone(),
        search: Vec::new(),
        ..ended
    };
    assert!(looked == expected);
}

//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST end an order in WaitCode as `attention` with `number_used` (300) as soon as one entry of its
//# list answers that the number lives or has money, in whatever amount, refunded or not.
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST end an order in WaitCode as `not_paid` with `number_closed` (205) when all entries have been
//# answered and one of them answered closed.
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST apply the rules of WaitCode in this order: ORD-109, ORD-105, ORD-106, ORD-107, ORD-108, PAY-67,
//# ORD-104.
#[test]
fn a_number_that_is_in_use_ends_the_waiting_before_everything_else_and_a_closed_one_when_all_have_answered() {
    for proof in [
        Proof::Alive,
        Proof::Captured(capture(None)),
        Proof::Mismatch(capture(None)),
        after_refund(500),
        after_refund(1),
    ] {
        let mut pos = waiting();
        let first = pos.asks.remove(0);
        pos.answer(&first, proof.clone(), None);
        assert_eq!(pos.status("B1"), Some(Status::NumberUsed), "{proof:?}, and the other number is open");
    }
    let mut pos = waiting();
    let (first, second) = (pos.asks.remove(0), pos.asks.remove(0));
    pos.answer(&first, Proof::Closed, None);
    assert_eq!(pos.status("B1"), None);
    pos.answer(&second, Proof::Absent, None);
    assert_eq!(pos.status("B1"), Some(Status::NumberClosed));
    // When several rules apply: in use, closed, cancelled, the start instant, the pay.
    let at_start = |closed: bool, scans: bool, cancels: bool, last: Proof| {
        let mut pos = waiting();
        let (first, second) = (pos.asks.remove(0), pos.asks.remove(0));
        pos.answer(&first, if closed { Proof::Closed } else { Proof::Absent }, Some(UNIX));
        if scans {
            pos.scan(Channel::Alipay, CODE);
        }
        pos.now = Instant(START_BY);
        if cancels {
            pos.cancel(&core("B1", "POS-1", false), &[]);
        }
        pos.answer(&second, last, Some(UNIX));
        assert_eq!(pos.pays(), 0);
        pos.status("B1").unwrap()
    };
    assert_eq!(at_start(true, true, false, Proof::Alive), Status::NumberUsed);
    assert_eq!(at_start(true, true, false, Proof::Absent), Status::NumberClosed);
    assert_eq!(at_start(false, true, true, Proof::Absent), Status::Cancelled);
    assert_eq!(at_start(false, true, false, Proof::Absent), Status::PlatformDown);
    assert_eq!(at_start(false, false, false, Proof::Absent), Status::NoCode);
}

//= spec-crate/spec/orders.md#runs-boots-and-intact-journals
//= type=test
//# A POS MUST NOT sign a result about an order that it loaded at its start before the first Sync of the
//# present run came.
//= spec-crate/spec/orders.md#runs-boots-and-intact-journals
//= type=test
//# A POS MUST mark each loaded order that has not ended and whose boot is not the present one as
//# `not_intact`, at the first Sync of its run.
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS that loaded an order in WaitCode at its start MUST write no pay for it, and leave WaitCode after the
//# first Sync as ORD-110 says with `restarted` (201).
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST apply the rules of WaitCode in this order: ORD-109, ORD-105, ORD-106, ORD-107, ORD-108, PAY-67,
//# ORD-104.
#[test]
fn an_order_that_waited_before_a_restart_is_never_paid_and_ends_behind_the_first_sync() {
    let mut pos = loaded(&waiting(), "B1", 5);
    let code = PaymentCode::new(CODE.into());
    assert_eq!(pos.does(|flow, clock, effects| flow.scan(Channel::Wechat, code, clock, effects)), None);
    pos.cancel(&core("B1", "POS-1", false), &[]);
    pos.pass(2 * START_BY);
    assert_eq!((pos.status("B1"), pos.asks.len()), (None, 0));
    sync(&mut pos);
    assert_eq!(pos.status("B1"), Some(Status::Restarted), "before the cancel and the start instant");
    // After a reboot the journal proves nothing.
    let mut pos = loaded(&waiting(), "B1", 6);
    assert!(!life(&pos, "B1").row.not_intact);
    pos.written.clear();
    sync(&mut pos);
    assert!(life(&pos, "B1").row.not_intact && !pos.written.is_empty());
    assert!(state(&pos, "B1") == PosState::Asking);
    // Nothing else is signed before Sync, either.
    for (before, order_no) in [(paying(Channel::Wechat).0, "B1"), (requested().0, "R1")] {
        let mut pos = loaded(&before, order_no, 5);
        pos.pass(2 * 86_400_000);
        assert_eq!((pos.status(order_no), pos.asks.len()), (None, 0));
    }
}

//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST let a newly scanned good code replace one that is waiting for its number's answer.
#[test]
fn a_newer_code_takes_the_place_of_one_that_waits() {
    let mut pos = waiting();
    pos.scan(Channel::Alipay, "280000000000000001");
    pos.scan(Channel::Wechat, "130000000000000002");
    pos.answer_all(&Proof::Absent, Some(UNIX));
    let codes: Vec<String> = pos
        .asks
        .iter()
        .filter_map(|ask| match &ask.request {
            crate::platform::Request::Pay { code, .. } => Some(code.digits().into()),
            _ => None,
        })
        .collect();
    assert_eq!(codes, ["130000000000000002"]);
}

//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST set the list of an order that it loaded in Asking up again at the first Sync of its run, and
//# ask nothing about it before.
//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST apply the rules of Asking for a collect in this order: ORD-124, ORD-125, ORD-126, ORD-127,
//# ORD-128, ORD-129, ORD-130, and then the questions of PAY-60.
#[test]
fn a_loaded_order_in_asking_asks_nothing_before_the_first_sync_and_everything_after_it() {
    let mut before = Pos::new();
    look(&mut before, &core("B1", "POS-1", false));
    let mut pos = loaded(&before, "B1", 5);
    pos.pass(3 * 86_400_000);
    assert_eq!((pos.asks.len(), pos.status("B1"), life(&pos, "B1").evidence.len()), (0, None, 0));
    let mut pos = loaded(&before, "B1", 5);
    sync(&mut pos);
    assert_eq!((pos.asks.len(), life(&pos, "B1").evidence.len()), (2, 2));
}

//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST go through the list of an order in Asking or of a look in its order, and do nothing more at the
//# first entry without a finding, end the order as `attention` with `capture_mismatch` (302),
//# `captured_and_refunded` (303) or `reversed_in_part` (304) at the first entry with that finding, and as
//# `attention` with `number_used` (300) at the first captured entry that is beside the order or whose
//# attempt's number was known before.
#[test]
fn the_list_is_gone_through_in_its_order_and_the_first_oddity_ends_it() {
    let mismatch = Proof::Mismatch(capture(None));
    let captured = Proof::Captured(capture(None));
    for (wechat, alipay, status) in [
        (mismatch.clone(), Proof::Open, Some(Status::CaptureMismatch)),
        (after_refund(500), Proof::Open, Some(Status::CapturedAndRefunded)),
        (after_refund(1), mismatch.clone(), Some(Status::CapturedAndRefunded)),
        (mismatch.clone(), after_refund(1), Some(Status::CaptureMismatch)),
        (Proof::Closed, mismatch.clone(), Some(Status::CaptureMismatch)),
        (captured.clone(), after_refund(1), Some(Status::CapturedAndRefunded)),
        // An entry without a finding stops everything behind it.
        (Proof::Open, mismatch, None),
        (captured.clone(), Proof::Open, None),
    ] {
        let mut pos = Pos::new();
        look(&mut pos, &core("B2", "POS-2", false));
        let (first, second) = (pos.asks.remove(0), pos.asks.remove(0));
        pos.answer(&second, alipay.clone(), None);
        pos.answer(&first, wechat.clone(), None);
        assert_eq!(pos.status("B2"), status, "{wechat:?}, {alipay:?}");
    }
    // Money that our reverse gave back in part.
    let (mut pos, reverse) = reversing();
    pos.now = Instant(240_000);
    told(&mut pos, &reverse, Proof::Open, Some(239_000), true);
    assert!(state(&pos, "B1") == PosState::Asking);
    watch(&mut pos, 0, &after_refund(499));
    assert_eq!(pos.status("B1"), Some(Status::ReversedInPart));
    // Money under a number that the platform knew before the attempt, or beside the order.
    let (mut pos, pay) = paying(Channel::Wechat);
    told(&mut pos, &pay, Proof::NumberKnown, Some(BEGIN), true);
    let mut pos = restarted(&pos, "B1", 20_000);
    watch(&mut pos, 300_000, &captured);
    assert_eq!(pos.status("B1"), Some(Status::NumberUsed));
    let mut pos = Pos::new();
    pos.cancel(&core("B1", "POS-1", false), &["B1", "B2"]);
    life_mut(&mut pos, "B1").row.not_intact = true;
    for ask in core::mem::take(&mut pos.asks) {
        let beside = ask.number.as_ref().unwrap().as_str() == "SIM1B2W";
        pos.now = Instant(200_000);
        told(&mut pos, &ask, if beside { captured.clone() } else { Proof::Closed }, Some(200_000), true);
    }
    assert_eq!(pos.status("B1"), Some(Status::NumberUsed));
}

fn life_mut<'a>(pos: &'a mut Pos, order_no: &str) -> &'a mut crate::order_flow::pos::life::Life {
    pos.flow.lives.get_mut(&crate::ids::OrderNo::try_from(order_no).unwrap()).unwrap()
}

//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST end a collect in Asking as `attention` with `undecided` (305) when its calendar clock is 86,400
//# seconds or more beyond the stored time of acceptance, both are known, and it is no look.
//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST apply the rules of Asking for a collect in this order: ORD-124, ORD-125, ORD-126, ORD-127,
//# ORD-128, ORD-129, ORD-130, and then the questions of PAY-60.
#[test]
fn an_own_collect_without_a_verdict_needs_people_a_day_after_its_acceptance() {
    let mut pos = Pos::new();
    look(&mut pos, &core("B1", "POS-1", false));
    pos.pass(86_399_000);
    assert_eq!(pos.status("B1"), None);
    pos.pass(1_000);
    assert_eq!(pos.status("B1"), Some(Status::Undecided));
    // Not one without a known time of acceptance, no look, and no refund.
    let mut pos = Pos::new();
    look(&mut pos, &core("B1", "POS-1", false));
    life_mut(&mut pos, "B1").row.accepted_unix = 0;
    look(&mut pos, &core("B2", "POS-2", false));
    look(&mut pos, &part("R1", "POS-1"));
    pos.pass(3 * 86_400_000);
    assert_eq!(["B1", "B2", "R1"].map(|order_no| pos.status(order_no)), [None; 3]);
    // What the platform says in that very moment counts more.
    let at_the_end = |wechat: Proof, alipay: Proof| {
        let mut pos = Pos::new();
        look(&mut pos, &core("B1", "POS-1", false));
        let (first, second) = (pos.asks.remove(0), pos.asks.remove(0));
        pos.now = Instant(BEGIN + 86_400_000);
        let now = pos.now.0;
        life_mut(&mut pos, "B1").row.accepted_unix = 0;
        told(&mut pos, &second, alipay, Some(now), true);
        life_mut(&mut pos, "B1").row.accepted_unix = UNIX + 1;
        told(&mut pos, &first, wechat, Some(now), true);
        pos.status("B1").unwrap()
    };
    let captured = Proof::Captured(capture(None));
    assert_eq!(at_the_end(Proof::Mismatch(capture(None)), Proof::Closed), Status::CaptureMismatch);
    assert_eq!(at_the_end(captured.clone(), Proof::Closed), Status::Paid);
    assert_eq!(at_the_end(captured.clone(), captured), Status::CapturedTwice);
    assert_eq!(at_the_end(Proof::Closed, Proof::Closed), Status::Closed);
    assert_eq!(at_the_end(Proof::Open, Proof::Closed), Status::Undecided);
    // Of a waiting order nothing was ever paid: money is somebody else's, before it is a mismatch.
    let mut pos = Pos::new();
    pos.cancel(&core("B1", "POS-1", false), &["B1", "B2"]);
    pos.answer_all(&Proof::Mismatch(capture(None)), None);
    assert_eq!(pos.status("B1"), Some(Status::NumberUsed));
}

//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST store that a reverse was written and enter Reversing from Asking if the order has an attempt,
//# the journal is intact for it, it is no look, the latest answer says that the attempt's number lives, the
//# larger of T_POLL and T_REV_MIN has passed since the pay's first byte, and `act_by` has not come.
//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST apply the rules of Asking for a collect in this order: ORD-124, ORD-125, ORD-126, ORD-127,
//# ORD-128, ORD-129, ORD-130, and then the questions of PAY-60.
#[test]
fn a_living_attempt_of_an_intact_journal_is_reversed_again_from_asking_until_its_lease_ends() {
    let (paid, _) = paying(Channel::Wechat);
    let mut pos = restarted(&paid, "B1", 20_000);
    pos.written.clear();
    // The attempt may have been written so late after it was stored.
    let poll_over = (BEGIN + USUAL.connect + USUAL.http + USUAL.poll_wechat) / 1_000;
    let seen = watch(&mut pos, poll_over * 1_000 - 20_000 - 1, &Proof::Alive);
    assert!(seconds(&seen, is_reverse).is_empty());
    assert!(state(&pos, "B1") == PosState::Asking);
    // At that moment, and not when the next query is due.
    let seen = watch(&mut pos, 1, &Proof::Alive);
    assert!(!seconds(&seen, is_reverse).is_empty() && state(&pos, "B1") == PosState::Reversing);
    assert_eq!(life(&pos, "B1").row.reverses, 1);
    assert!(!pos.written.is_empty(), "stored first");
    // Not when the number is absent, the journal is not intact, or the lease is over.
    let reverses = |mut pos: Pos, proof: Proof| seconds(&watch(&mut pos, 400_000, &proof), is_reverse).len();
    assert_eq!(reverses(restarted(&paid, "B1", 20_000), Proof::Open), 0);
    let mut rebooted = loaded(&paid, "B1", 6);
    rebooted.now = Instant(20_000);
    sync(&mut rebooted);
    assert_eq!(reverses(rebooted, Proof::Alive), 0);
    assert_eq!(reverses(restarted(&paid, "B1", START_BY + USUAL.act), Proof::Alive), 0);
}

//= spec-crate/spec/orders.md#asking
//= type=test
//# A POS MUST NOT let a CancelOrder change an order in Asking.
#[test]
fn a_cancel_changes_nothing_in_asking() {
    let mut pos = Pos::new();
    look(&mut pos, &core("B1", "POS-1", false));
    let before = life(&pos, "B1").row.clone();
    pos.written.clear();
    pos.cancel(&core("B1", "POS-1", false), &[]);
    assert!(life(&pos, "B1").row == before && pos.written.is_empty());
    let (first, second) = (pos.asks.remove(0), pos.asks.remove(0));
    pos.now = Instant(200_000);
    told(&mut pos, &first, Proof::Captured(capture(None)), Some(200_000), true);
    told(&mut pos, &second, Proof::Closed, Some(200_000), true);
    assert_eq!(pos.status("B1"), Some(Status::Paid), "and not after a cancel");
}

//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS that loaded an order in Refunding at its start MUST, after the first Sync, end it as `not_refunded`
//# with `never_sent` (400) if the first request was not yet allowed and the journal is intact for it, and
//# enter Asking otherwise.
//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST apply the rules of Refunding in this order: ORD-133, wait while a request or question is in
//# flight, enter Asking if the first request was allowed, ORD-134, ORD-135, ORD-138, ORD-139, ORD-136.
#[test]
fn a_loaded_refund_was_never_sent_if_its_journal_can_prove_it_and_is_asked_about_otherwise() {
    let mut fresh = Pos::new();
    fresh.submit(&part("R1", "POS-1"), &[]);
    for (before, boot, ended) in [(&fresh, 5, true), (&fresh, 6, false), (&requested().0, 5, false)] {
        let mut pos = loaded(before, "R1", boot);
        pos.pass(START_BY);
        pos.cancel(&part("R1", "POS-1"), &[]);
        assert_eq!((pos.status("R1"), pos.asks.len()), (None, 0));
        sync(&mut pos);
        assert_eq!(pos.status("R1"), ended.then_some(Status::NeverSent));
        assert_eq!(state(&pos, "R1") == PosState::Asking, !ended);
    }
}

//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST end an order in Refunding as `not_refunded` with `never_sent` (400) if a cancel is wanted, the
//# first request was not yet allowed, and no question is in flight.
//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST end an order in Refunding as `not_refunded` with `refund_platform_down` (402) at `start_by`, if
//# the first request was not yet allowed and no question is in flight.
//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST apply the rules of Refunding in this order: ORD-133, wait while a request or question is in
//# flight, enter Asking if the first request was allowed, ORD-134, ORD-135, ORD-138, ORD-139, ORD-136.
#[test]
fn a_refund_that_was_not_sent_ends_by_a_cancel_or_at_its_start_instant_once_no_question_is_out() {
    let answered = |seconds: u64, cancels: bool, proof: Proof| {
        let mut pos = Pos::new();
        pos.submit(&part("R1", "POS-1"), &[]);
        pos.answer_all(&Proof::Absent, None);
        let ask = pos.asks.pop().unwrap();
        assert!(is_query(&ask.request));
        pos.now = Instant(seconds * 1_000);
        if cancels {
            pos.cancel(&part("R1", "POS-1"), &[]);
        }
        pos.does(|flow, clock, effects| flow.tick(clock, effects));
        assert_eq!(pos.status("R1"), None, "a question is out");
        pos.answer(&ask, proof, None);
        assert!(pos.status("R1").is_none() || pos.asks.is_empty());
        pos.status("R1")
    };
    for proof in [Proof::Open, original(), Proof::Closed] {
        assert_eq!(answered(90, true, proof.clone()), Some(Status::NeverSent), "a cancel first");
        assert_eq!(answered(20, true, proof.clone()), Some(Status::NeverSent));
        assert_eq!(answered(90, false, proof), Some(Status::RefundPlatformDown), "then the start instant");
    }
    assert_eq!(answered(20, false, Proof::Closed), Some(Status::Original));
    assert_eq!(answered(20, false, Proof::Open), None);
    // Without a question at all: 5 s before the next one.
    let mut pos = Pos::new();
    pos.submit(&part("R1", "POS-1"), &[]);
    pos.answer_all(&Proof::Open, None);
    pos.cancel(&part("R1", "POS-1"), &[]);
    assert_eq!(pos.status("R1"), Some(Status::NeverSent));
    // Once the request was allowed, neither ends it.
    let (mut pos, request) = requested();
    pos.cancel(&part("R1", "POS-1"), &[]);
    pos.now = Instant(START_BY);
    told(&mut pos, &request, Proof::Open, Some(BEGIN), true);
    assert!(pos.status("R1").is_none() && state(&pos, "R1") == PosState::Asking);
}

//= spec-crate/spec/orders.md#refunding
//= type=test
//# A POS MUST judge every answer about the refund's own number other than absent by PAY-84, and enter Asking
//# if it says that the refund is pending.
#[test]
fn what_is_known_of_a_refunds_number_before_its_request_decides_and_a_pending_one_is_asked_about() {
    let refunded = Proof::Refunded { refund_id: "rf-1".into(), at: None };
    for (proof, status) in [
        (refunded, Some(Status::Refunded)),
        (Proof::NotRefunded { closed: true }, Some(Status::RefundClosed)),
        (Proof::NotRefunded { closed: false }, Some(Status::RefundRefused)),
        (Proof::RefundAbnormal, Some(Status::RefundAbnormal)),
        (Proof::NumberKnown, Some(Status::NumberUsed)),
        (Proof::RefundPending, None),
    ] {
        let mut pos = Pos::new();
        pos.submit(&part("R1", "POS-1"), &[]);
        pos.answer_all(&proof, None);
        assert_eq!(pos.status("R1"), status);
        assert_eq!(state(&pos, "R1") == PosState::Asking, status.is_none());
        assert!(pos.asks.iter().all(|ask| is_query_refund(&ask.request)), "nothing is requested");
    }
}

//= spec-crate/spec/orders.md#asking-about-a-refund
//= type=test
//# A POS MUST write the refund request again in Asking, with the same refund number and amount, when the
//# latest answer says that the refund's number is absent, the first request had been allowed, the journal is
//# intact for the order, it is no look, and `act_by` has not come.
#[test]
fn an_absent_refund_is_requested_again_with_its_number_and_amount_only_by_who_may() {
    let again = |mut pos: Pos| {
        let seen = watch(&mut pos, 400_000, &Proof::Absent);
        seen.into_iter().filter(|(_, ask)| is_refund(&ask.request)).collect::<Vec<_>>()
    };
    let (mut pos, first) = requested();
    told(&mut pos, &first, Proof::Open, Some(BEGIN), false);
    let repeats = again(pos);
    assert!(repeats.len() > 3);
    for (at, repeat) in &repeats {
        assert!(*at < START_BY + USUAL.act);
        assert_eq!(
            (&repeat.number, &repeat.request, &repeat.merchant),
            (&first.number, &first.request, &first.merchant)
        );
    }
    // The same run's journal after a restart.
    let mut restarted = loaded(&requested().0, "R1", 5);
    sync(&mut restarted);
    assert!(!again(restarted).is_empty());
    // Not after a reboot, not by a look, not if no request was ever allowed, and not on another answer.
    let mut rebooted = loaded(&requested().0, "R1", 6);
    sync(&mut rebooted);
    let mut looking = Pos::new();
    look(&mut looking, &part("R1", "POS-2"));
    let mut unknown = Pos::new();
    look(&mut unknown, &part("R1", "POS-1"));
    for pos in [rebooted, looking, unknown] {
        assert_eq!(again(pos), []);
    }
    let (mut pos, request) = repeated();
    let now = pos.now.0;
    told(&mut pos, &request, Proof::Open, Some(now), false);
    let seen = watch(&mut pos, 100_000, &Proof::RefundPending);
    assert!(seconds(&seen, is_refund).is_empty());
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST set `captured_at` of a result to the platform's own time of the capture for `paid`, or of the
//# refund for `refunded`, if the platform told it, and leave it out otherwise.
//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST set `provider_code` of a result that is not `paid` to the code of the latest answer about the
//# order that had one, cut to 64 characters, and leave it out of a `paid` result.
#[test]
fn a_result_has_the_platforms_time_of_money_and_the_latest_code_of_a_platform_unless_it_is_paid() {
    for at in [None, Some(UNIX + 5)] {
        let (mut pos, pay) = paying(Channel::Wechat);
        told(&mut pos, &pay, Proof::Captured(capture(at)), Some(BEGIN), true);
        let paid = result(&pos, "B1");
        assert_eq!((paid.get().captured_at, &paid.get().provider_code), (at.map(UnixSeconds), &None));
        let (mut pos, request) = requested();
        let refunded = Proof::Refunded { refund_id: "rf-1".into(), at: at.map(UnixSeconds) };
        told(&mut pos, &request, refunded, Some(BEGIN), true);
        assert_eq!(result(&pos, "R1").get().captured_at, at.map(UnixSeconds));
    }
    let mut pos = waiting();
    for (code, proof) in
        [("FIRST", Proof::Open), (&"L".repeat(70), Proof::Absent), ("", Proof::Mismatch(capture(Some(UNIX))))]
    {
        let Some(ask) = pos.asks.pop() else { panic!() };
        let verdict = Verdict {
            id: ask.id,
            proof,
            provider_code: code.into(),
            date: None,
            first_byte: Some(pos.now),
            ended: pos.now,
            answered: true,
        };
        pos.does(|flow, clock, effects| flow.verdict(&verdict, clock, effects));
        pos.pass(5_000);
    }
    let attention = result(&pos, "B1");
    assert_eq!(attention.get().captured_at, None);
    assert_eq!(attention.get().provider_code.as_deref(), Some("L".repeat(64).as_str()));
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
//= spec-crate/spec/orders.md#cancelling
//= type=test
//# A POS MUST answer a CancelOrder by the first of the following that applies: the rejects of ORD-88 for the
//# core and the device; reject `conflict` (505) if the number is known with other bytes; if it is known, note
//# `cancel_wanted` durably in WaitCode, Paying, Reversing or Refunding, change nothing in any other state,
//# and answer as in ORD-90; reject `run_changed` (507) if `run` is not the present run; `malformed` (501) if
//# `search` has more than 4 entries or one that is no order number; and otherwise the tombstone of ORD-96.
#[test]
fn a_search_of_more_than_four_or_of_what_is_no_number_is_refused_and_leaves_nothing() {
    let five: Vec<String> = (1..=5).map(|nth| alloc::format!("B{nth}")).collect();
    for search in [five, vec!["no number".into()]] {
        let mut pos = Pos::new();
        let order = core("B1", "POS-1", false);
        let cancel = wire::CancelOrder { core: order.bytes().to_vec(), run: RUN.to_vec(), search };
        let Body::Rejected(why) = pos.does(|flow, clock, effects| flow.cancel(&cancel, clock, effects))
        else {
            panic!("not refused")
        };
        assert_eq!((why.code as u32, why.order_no.as_str()), (RejectCode::Malformed.code(), "B1"));
        assert!(pos.written.is_empty() && pos.flow.lives.is_empty());
    }
}
