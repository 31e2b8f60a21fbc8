//! Which merchants and numbers an order needs, and when it is asked about what nobody may act on any more.

use alloc::vec;
use alloc::vec::Vec;

use prost::Message as _;

use super::collecting::{capture, is_query, is_reverse, life, paying, seconds, told, watch};
use super::{Pos, RUN, agreement, core};
use crate::book::{Row, RowKey, Table};
use crate::catalogue::{RejectCode, Status};
use crate::message::agreement::{Account, Agreement, Terms, Timers};
use crate::message::order::OrderCore;
use crate::order_flow::Body;
use crate::order_flow::pos::evidence::{Death, Finding, Place};
use crate::order_flow::pos::requests::Asking;
use crate::order_flow::pos::{OrderEvent, PosFlow};
use crate::platform::{Ask, Channel, Merchant, Proof, Request};
use crate::time::Instant;
use crate::wire::{self, PosState};

const USUAL: Timers = Timers::USUAL;
const BEGIN: u64 = 1_000;

/// A later agreement with another account at WeChat Pay.
fn later(agreement_no: u32, wechat: &str, timers: Timers) -> Agreement {
    let wechat = Some(Account { id: wechat.into(), sub_id: None });
    Agreement::encode(&Terms { agreement_no, wechat, timers, ..agreement().terms().clone() }).unwrap()
}

fn wechat(agreement: &Agreement) -> Merchant {
    agreement.merchant(Channel::Wechat).unwrap()
}

/// Number and account of each question.
fn asked(asks: &[Ask]) -> Vec<(&str, &str)> {
    asks.iter().map(|ask| (ask.number.as_ref().unwrap().as_str(), ask.merchant.account.as_str())).collect()
}

pub(super) fn offer(pos: &mut Pos, core: &OrderCore) -> Body {
    let submit = wire::SubmitOrder {
        core: core.bytes().to_vec(),
        terminal_id: "WIN-1".into(),
        start_by: 90,
        run: RUN.to_vec(),
        search: Vec::new(),
    };
    let asking = Asking { peer: "WIN-1", peer_active: true, zero: Instant(0), current: &[1], storage: true };
    pos.does(|flow, clock, effects| flow.submit(&submit, &asking, clock, effects))
}

pub(super) fn look(pos: &mut Pos, core: &OrderCore) -> Body {
    let look = wire::LookUp { core: core.bytes().to_vec(), fresh: false };
    pos.does(|flow, clock, effects| flow.look_up(&look, clock, effects))
}

/// The same terminal after a restart with this row, started at some instant.
pub(super) fn restarted(pos: &Pos, order_no: &str, started: u64) -> Pos {
    let row = life(pos, order_no).row.encode_to_vec();
    let mut next = Pos::new();
    next.now = Instant(started);
    next.flow.context.run = vec![9; 4];
    next.flow.context.started = Instant(started);
    let row = Row { key: RowKey::new(Table::Order, order_no), version: 7, bytes: row };
    next.does(|flow, clock, effects| {
        flow.load(&row, true, clock);
        flow.tick(clock, effects);
    });
    next
}

//= spec-crate/spec/payment.md#questions
//= type=test
//# A POS MUST use T_CONN and T_HTTP of the order's agreement for its questions, and for a verification those
//# of the newest agreement that names the merchant.
#[test]
fn questions_have_the_times_of_the_orders_own_agreement_and_verifications_those_of_the_newest() {
    let mut pos = Pos::new();
    let faster = Timers { connect: 2_000, http: 9_000, ..USUAL };
    let own = Timers { connect: 3_000, http: 11_000, ..USUAL };
    pos.flow.context.agreements = vec![later(2, "1900000109", faster), later(1, "1900000109", own)];
    pos.submit(&core("B1", "POS-1", false), &[]);
    assert_eq!(pos.asks.len(), 2);
    assert!(pos.asks.iter().all(|ask| (ask.connect_ms, ask.http_ms) == (3_000, 11_000)));
    pos.asks.clear();
    pos.flow.context.verified.clear();
    pos.does(|flow, clock, effects| flow.tick(clock, effects));
    assert_eq!(pos.asks.len(), 2);
    assert!(pos.asks.iter().all(|ask| (ask.connect_ms, ask.http_ms) == (2_000, 9_000)));
}

//= spec-crate/spec/payment.md#verifying-merchants
//= type=test
//# A POS MUST count as the merchants that an order needs every merchant of the agreement that its core names
//# for a collect, and the merchant of the original's channel in the agreement that `refund_of.agreement_no`
//# names for a refund.
#[test]
fn a_collect_needs_every_merchant_of_its_agreement_and_a_refund_that_of_its_original() {
    for (missing, collects, refunds) in [(Channel::Wechat, false, false), (Channel::Alipay, false, true)] {
        for credentials in [false, true] {
            let mut pos = Pos::new();
            pos.flow.context.verified.retain(|merchant| merchant.channel != missing);
            if !credentials {
                pos.flow.context.merchants.retain(|merchant| merchant.channel != missing);
            }
            let accepted = |body: &Body| match body {
                Body::OrderState(_) => true,
                Body::Rejected(why) => {
                    assert_eq!(why.code as u32, RejectCode::Merchant.code());
                    false
                }
                _ => panic!("neither accepted nor refused"),
            };
            assert_eq!(accepted(&offer(&mut pos, &core("R1", "POS-1", true))), refunds);
            pos.flow.lives.clear();
            assert_eq!(accepted(&offer(&mut pos, &core("B1", "POS-1", false))), collects);
            // To look, credentials are enough.
            let looks = accepted(&look(&mut pos, &core("B2", "POS-2", false)));
            assert_eq!(looks, credentials, "{missing:?}");
        }
    }
}

//= spec-crate/spec/payment.md#verifying-merchants
//= type=test
//# A POS MUST ask verify for every merchant whose credentials it holds at its start and after each import of
//# agreements or credentials, and again 60 seconds after the last round for each that is not verified.
#[test]
fn every_merchant_is_verified_at_the_start_and_after_an_import_and_the_failed_ones_every_minute() {
    let mut pos = Pos::new();
    pos.flow.context.verified.clear();
    let channels = |pos: &mut Pos| -> Vec<Channel> {
        let asks = core::mem::take(&mut pos.asks);
        assert!(asks.iter().all(|ask| (&ask.request, ask.total) == (&Request::Verify, 0)));
        let told = asks.iter().map(|ask| ask.merchant.channel).collect();
        for ask in asks {
            let good = ask.merchant.channel == Channel::Wechat;
            pos.answer(&ask, if good { Proof::Verified } else { Proof::Open }, None);
        }
        told
    };
    pos.does(|flow, clock, effects| flow.tick(clock, effects));
    assert_eq!(channels(&mut pos), Channel::ALL);
    pos.pass(59_999);
    assert_eq!(channels(&mut pos), []);
    pos.pass(1);
    assert_eq!(channels(&mut pos), [Channel::Alipay]);
    pos.pass(10);
    pos.does(|flow, clock, effects| {
        flow.provisioned(clock.now);
        flow.tick(clock, effects);
    });
    assert_eq!(channels(&mut pos), Channel::ALL, "also what was verified with the old credentials");
    pos.pass(60_000);
    assert_eq!(channels(&mut pos), [Channel::Alipay]);
}

//= spec-crate/spec/payment.md#verifying-merchants
//= type=test
//# A POS MUST count a merchant as verified after the proof verified, and no longer after the proof merchant
//# refused to a verification.
#[test]
fn a_merchant_is_verified_from_the_proof_on_until_a_verification_refuses_it() {
    let mut pos = Pos::new();
    pos.flow.context.verified.clear();
    let mut told = Vec::new();
    for proof in [Proof::Open, Proof::Verified, Proof::Open, Proof::MerchantRefused, Proof::Open] {
        pos.flow.provisioned(pos.now);
        pos.does(|flow, clock, effects| flow.tick(clock, effects));
        for ask in core::mem::take(&mut pos.asks) {
            pos.answer(&ask, proof.clone(), None);
        }
        told.push(pos.flow.context.verified.len());
    }
    assert_eq!(told, [0, 2, 2, 0, 0]);
    let event = |event: &OrderEvent| matches!(event, OrderEvent::Merchant { .. });
    assert_eq!(pos.events.iter().filter(|told| event(told)).count(), 4);
}

//= spec-crate/spec/payment.md#the-numbers-of-an-order
//= type=test
//# A POS MUST form the list of a collect's numbers as follows: for the order's own number and then for each
//# number of `search` that is another one, in their order, for WeChat and then Alipay, one entry at the
//# merchant of the order's agreement on that channel, and then one at each other merchant of that channel in
//# all agreements ever held, newest first, whose credentials are held, without repeats.
//= spec-crate/spec/payment.md#the-numbers-of-an-order
//= type=test
//# A POS that accepts a collect MUST set up the list with fences at 0 for WaitCode.
#[test]
fn an_orders_numbers_are_asked_at_its_own_merchant_first_and_then_at_others_whose_credentials_are_held() {
    let mut pos = Pos::new();
    let agreements = vec![later(4, "W4", USUAL), later(3, "W3", USUAL), later(2, "W2", USUAL), agreement()];
    let held = [&agreements[0], &agreements[2]].map(wechat);
    pos.flow.context.merchants.extend(held);
    pos.flow.context.agreements = agreements;
    pos.submit(&core("B1", "POS-1", false), &["B1", "B2"]);
    let [w1, a1] = ["1900000109", "2021000000000001"];
    assert_eq!(
        asked(&pos.asks),
        [
            ("SIM1B1W", w1),
            ("SIM1B1W", "W4"),
            ("SIM1B1W", "W2"),
            ("SIM1B1A", a1),
            ("SIM1B2W", w1),
            ("SIM1B2W", "W4"),
            ("SIM1B2W", "W2"),
            ("SIM1B2A", a1),
        ]
    );
    let evidence = &life(&pos, "B1").evidence;
    let own: Vec<usize> = (0..8).filter(|nth| evidence[*nth].place == Place::Own).collect();
    assert_eq!(own, [0, 3]);
    assert!(evidence.iter().all(|e| e.fence == Instant(0)));
    // A channel without a merchant in the order's agreement has no numbers.
    let mut pos = Pos::new();
    let terms = Terms { alipay: None, ..agreement().terms().clone() };
    pos.flow.context.agreements = vec![Agreement::encode(&terms).unwrap()];
    pos.submit(&core("B1", "POS-1", false), &[]);
    assert_eq!(asked(&pos.asks), [("SIM1B1W", w1)]);
}

//= spec-crate/spec/payment.md#the-numbers-of-an-order
//= type=test
//# A POS MUST set up the list of an order in Asking and of a look anew with the fence of PAY-55, keep only
//# the own entry of the attempt's channel if there is an attempt, the journal is intact and it is no look,
//# and take over for each entry the finding and the open question that the same number at the same merchant
//# had.
#[test]
fn asking_takes_over_what_was_found_and_what_is_still_being_asked() {
    let mut pos = Pos::new();
    pos.submit(&core("B1", "POS-1", false), &["B1", "B2"]);
    let closed = pos.asks.remove(2);
    pos.answer(&closed, Proof::Closed, None);
    let open: Vec<_> = pos.asks.iter().map(|ask| Some(ask.id)).collect();
    pos.pass(90_000);
    assert!(life(&pos, "B1").state() == PosState::Asking);
    let evidence = &life(&pos, "B1").evidence;
    assert_eq!(evidence[2].finding, Some(Finding::Dead(Death::Closed)));
    assert_eq!([0, 1, 3].map(|nth| evidence[nth].in_flight).to_vec(), open);
    assert_eq!(pos.asks.len(), 3, "nothing is asked twice");
}

//= spec-crate/spec/payment.md#the-numbers-of-an-order
//= type=test
//# A POS MUST set up the list of an order in Asking and of a look anew with the fence of PAY-55, keep only
//# the own entry of the attempt's channel if there is an attempt, the journal is intact and it is no look,
//# and take over for each entry the finding and the open question that the same number at the same merchant
//# had.
//= spec-crate/spec/payment.md#fences
//= type=test
//# A POS MUST set the fences of a list for Asking to 0 for a look, to the latest fence of the list
//# before for an order that the present run accepted with an intact journal, and to the later of that
//# fence and the program's start + T_FENCE otherwise.
#[test]
fn an_attempt_of_an_intact_journal_is_asked_about_alone_and_everything_else_everywhere() {
    let fences = |pos: &Pos, order_no: &str| -> Vec<(Channel, u64)> {
        life(pos, order_no).evidence.iter().map(|e| (e.merchant.channel, e.fence.0)).collect()
    };
    let (mut pos, pay) = paying(Channel::Alipay);
    told(&mut pos, &pay, Proof::Open, Some(BEGIN), true);
    pos.pass(240_000);
    assert!(life(&pos, "B1").state() == PosState::Asking);
    assert_eq!(fences(&pos, "B1"), [(Channel::Alipay, BEGIN + USUAL.fence)]);
    // In another run nobody knows what that run sent last.
    let (pos, _) = paying(Channel::Alipay);
    let pos = restarted(&pos, "B1", 20_000);
    assert_eq!(fences(&pos, "B1"), [(Channel::Alipay, 20_000 + USUAL.fence)]);
    // A journal that is not intact proves no attempt.
    let mut pos = Pos::new();
    pos.flow.context.started = Instant(500);
    look(&mut pos, &core("B1", "POS-1", false));
    assert_eq!(fences(&pos, "B1"), Channel::ALL.map(|channel| (channel, 500 + USUAL.fence)));
    // A look: whatever the device itself sent has been waited for.
    look(&mut pos, &core("B2", "POS-2", false));
    assert_eq!(fences(&pos, "B2"), Channel::ALL.map(|channel| (channel, 0)));
}

//= spec-crate/spec/payment.md#fences
//= type=test
//# A POS MUST set the fences of a list for Asking to 0 for a look, to the latest fence of the list
//# before for an order that the present run accepted with an intact journal, and to the later of that
//# fence and the program's start + T_FENCE otherwise.
#[test]
fn what_this_run_reversed_of_an_earlier_runs_order_is_believed_paid_only_behind_that_reverses_fence() {
    let (pos, _) = paying(Channel::Wechat);
    let mut pos = restarted(&pos, "B1", 20_000);
    let seen = watch(&mut pos, 219_000, &Proof::Alive);
    let last = *seconds(&seen, is_reverse).last().unwrap();
    assert!(last > 200, "long after the start: {last}");
    // The lease ends, and the platform says what that reverse may still undo.
    let captured = Proof::Captured(capture(None));
    watch(&mut pos, 60_000, &captured);
    assert!(life(&pos, "B1").state() == PosState::Asking);
    assert_eq!(pos.status("B1"), None);
    watch(&mut pos, USUAL.fence, &captured);
    assert_eq!(pos.status("B1"), Some(Status::PaidAfterCancel));
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask in Asking of a collect, and in a look, about every entry without a finding, at once when it
//# enters, and then at the times of PAY-61 or PAY-62.
//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask otherwise at the earliest of these instants that is later than now: 0, 1, 2, 6 and 30 times
//# T_ABSENCE_GAP after the state was entered; 0 to 6 times T_ABSENCE_GAP after each fence of the list, and
//# after the instant of PAY-52, that is later than the state's entry; and now + 1,800 seconds.
//= spec-crate/spec/conformance.md#what-a-client-may-leave-out
//= type=test
//# A POS MUST answer LookUp for orders of every device of its site.
#[test]
fn questions_without_a_right_to_act_thin_out_and_gather_behind_each_fence() {
    let twice = |at: &[u64]| -> Vec<u64> { at.iter().flat_map(|at| [*at, *at]).collect() };
    let mut pos = Pos::new();
    look(&mut pos, &core("B2", "POS-2", false));
    let seen = seconds(&watch(&mut pos, 4_000_000, &Proof::Open), is_query);
    assert_eq!(seen, twice(&[1, 11, 21, 61, 301, 2_101, 3_901]));
    let mut pos = Pos::new();
    pos.flow.context.started = Instant(BEGIN);
    look(&mut pos, &core("B1", "POS-1", false));
    let seen = seconds(&watch(&mut pos, 2_200_000, &Proof::Open), is_query);
    let fence = [121, 131, 141, 151, 161, 171, 181];
    let expired = [211, 221, 231, 241, 251, 261, 271];
    assert_eq!(seen, twice(&[&[1, 11, 21, 61][..], &fence, &expired, &[301, 2_101]].concat()));
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask in Asking of a collect, and in a look, about every entry without a finding, at once when it
//# enters, and then at the times of PAY-61 or PAY-62.
#[test]
fn a_number_that_was_found_out_is_not_asked_about_any_more() {
    let mut pos = Pos::new();
    look(&mut pos, &core("B2", "POS-2", false));
    let first = pos.asks.remove(0);
    pos.answer(&first, Proof::Closed, None);
    let seen = watch(&mut pos, 60_000, &Proof::Open);
    assert!(seen.iter().all(|(_, ask)| ask.merchant.channel == Channel::Alipay) && seen.len() == 4);
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST ask again after T_QUERY while the order has an attempt, the journal is intact for it, it is no
//# look, and `act_by` has not come.
#[test]
fn an_attempt_within_its_lease_is_asked_about_as_often_as_before() {
    let (pos, _) = paying(Channel::Wechat);
    let mut pos = restarted(&pos, "B1", 20_000);
    assert!(life(&pos, "B1").state() == PosState::Asking);
    let seen = seconds(&watch(&mut pos, 20_000, &Proof::Open), is_query);
    assert_eq!(seen, [20, 25, 30, 35, 40]);
}

//= spec-crate/spec/payment.md#when-queries-are-asked
//= type=test
//# A POS MUST NOT ask in Asking or in a look before T_ABSENCE_GAP after the asked instant of the latest
//# answer that counted in any entry.
#[test]
fn a_question_that_would_not_count_waits_until_it_does() {
    let mut pos = Pos::new();
    look(&mut pos, &core("B2", "POS-2", false));
    // Its connection stood only after 4 s.
    pos.pass(4_000);
    for ask in core::mem::take(&mut pos.asks) {
        pos.answer(&ask, Proof::Absent, None);
    }
    assert_eq!(seconds(&watch(&mut pos, 15_000, &Proof::Open), is_query), [15, 15]);
}

//= spec-crate/spec/payment.md#what-a-query-proves
//= type=test
//# A POS MUST find an entry dead by absence by an absent answer that is at least the third in the entry's
//# count of absent answers and was asked at or after the entry's fence.
//= spec-crate/spec/payment.md#fences
//= type=test
//# A POS MUST set the fences of a list for Asking to 0 for a look, to the latest fence of the list
//# before for an order that the present run accepted with an intact journal, and to the later of that
//# fence and the program's start + T_FENCE otherwise.
#[test]
fn an_absent_number_of_another_device_ends_after_three_gaps_and_an_own_one_behind_its_fence() {
    let mut pos = Pos::new();
    look(&mut pos, &core("B2", "POS-2", false));
    let seen = watch(&mut pos, 30_000, &Proof::Absent);
    assert_eq!(seconds(&seen, is_query), [1, 1, 11, 11, 21, 21]);
    assert_eq!(pos.status("B2"), Some(Status::Absent));
    let mut pos = Pos::new();
    look(&mut pos, &core("B1", "POS-1", false));
    watch(&mut pos, USUAL.fence - BEGIN - 1, &Proof::Absent);
    assert_eq!(pos.status("B1"), None);
    watch(&mut pos, USUAL.absence_gap, &Proof::Absent);
    assert_eq!(pos.status("B1"), Some(Status::Absent));
}

//= spec-crate/spec/books.md#a-journal-that-went-back
//= type=test
//# A POS on which a person declares a restore of the journal MUST, in one transaction, write the BookStart of
//# BOK-21 and mark every order that has not ended as `not_intact`.
#[test]
fn a_declared_restore_marks_every_order_that_has_not_ended_and_no_other() {
    let row = |order_no: &str, pos: &Pos| Row {
        key: RowKey::new(Table::Order, order_no),
        version: 3,
        bytes: life(pos, order_no).row.encode_to_vec(),
    };
    let (mut pos, pay) = paying(Channel::Wechat);
    let open = row("B1", &pos);
    told(&mut pos, &pay, Proof::Captured(capture(None)), Some(BEGIN), true);
    let ended = row("B1", &pos);
    assert_eq!(crate::journal::restored(&[ended]).write, []);
    let batch = crate::journal::restored(core::slice::from_ref(&open));
    assert_eq!(batch.read, [(open.key.clone(), 3)]);
    let before = wire::PosOrder::decode(open.bytes.as_slice()).unwrap();
    let after = wire::PosOrder::decode(batch.write[0].bytes.as_slice()).unwrap();
    assert!(after == wire::PosOrder { not_intact: true, ..before });
    assert!(batch.write[0].index.open && !life(&pos, "B1").row.not_intact);
}

//= spec-crate/spec/books.md#a-journal-that-went-back
//= type=test
//# A POS whose journal does not contain the anchor of a Sync MUST raise an alarm, act as ORD-61 says, and go
//# on under the same book id until a person declares the restore.
#[test]
fn a_journal_without_the_anchor_of_his_proves_nothing_any_more_and_raises_an_alarm() {
    let (mut pos, _) = paying(Channel::Wechat);
    pos.written.clear();
    pos.does(|flow: &mut PosFlow, clock, effects| flow.synced(false, clock, effects));
    assert!(life(&pos, "B1").row.not_intact && !pos.written.is_empty());
    assert_eq!(pos.alarms(), [crate::order_flow::pos::PosAlarm::JournalWentBack]);
}

//= spec-crate/spec/books.md#rows-of-the-journal
//= type=test
//# A POS MUST load at its start every order that has not ended or whose latest result is not answered.
#[test]
fn a_restart_takes_up_what_has_not_ended_and_what_his_has_not_answered() {
    let (mut pos, pay) = paying(Channel::Wechat);
    assert!(life(&pos, "B1").open() && life(&pos, "B1").write().index.open);
    told(&mut pos, &pay, Proof::Captured(capture(None)), Some(BEGIN), true);
    assert!(life(&pos, "B1").write().index.open, "not answered");
    let next = restarted(&pos, "B1", 20_000);
    assert_eq!(next.flow.unanswered().iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["B1"]);
    assert!(
        next.flow.report(life(&pos, "B1").core.order_no())
            == pos.flow.report(life(&pos, "B1").core.order_no())
    );
    let order_no = life(&pos, "B1").core.order_no().clone();
    pos.flow.lives.get_mut(&order_no).unwrap().row.answered = 2;
    assert!(!life(&pos, "B1").write().index.open);
}
