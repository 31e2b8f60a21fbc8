//! What a HIS asks about its orders, when, and what it makes of the answers.

use std::vec;
use std::vec::Vec;

use super::bench::{HisBench, seed};
use super::his::collect;
use crate::amount::Amount;
use crate::book::Anchor;
use crate::catalogue::RejectCode;
use crate::error::Refusal;
use crate::ids::{BookId, DeviceId, OrderNo, SiteId};
use crate::link::HisEvent;
use crate::link::his::{HisAlarm, HisOrderEvent, NewCollect};
use crate::message::order::{NewOrder, OrderCore};
use crate::message::result::{NewResult, Outcome, ResultCore, result_hash, sign};
use crate::order_flow::Body;
use crate::platform::Channel;
use crate::wire;

/// Seconds pass, and the POS says something all the time.
pub(super) fn pass(bench: &mut HisBench, seconds: u64) {
    for _ in 0..seconds {
        bench.pass(1_000);
        bench.say(0, 0, Some(Body::DeviceEvent(wire::DeviceEvent::default())));
    }
}

/// What was asked beside pings.
pub(super) fn asked(bench: &mut HisBench) -> Vec<(u32, Body)> {
    let heard = bench.hear().into_iter().filter_map(|message| Some((message.call, message.body?)));
    heard.filter(|(_, body)| !matches!(body, Body::Ping(_))).collect()
}

pub(super) fn only(bench: &mut HisBench) -> (u32, Body) {
    let mut asked = asked(bench);
    assert_eq!(asked.len(), 1);
    asked.remove(0)
}

/// What a new session asks past Sync and the list.
fn new_session(bench: &mut HisBench) -> Vec<(u32, Body)> {
    bench.hear();
    bench.reopen();
    let (sync, _) = only(bench);
    bench.say(0, sync, Some(Body::SyncReply(wire::SyncReply::default())));
    let (list, rest): (Vec<_>, Vec<_>) =
        asked(bench).into_iter().partition(|(_, body)| matches!(body, Body::ListOrders(_)));
    assert_eq!(list.len(), 1, "asked after each Sync");
    bench.say(0, list[0].0, Some(Body::OrderList(wire::OrderList::default())));
    rest
}

/// The state of an order, as it was last told.
pub(super) fn state(bench: &HisBench, wanted: &OrderNo) -> &'static str {
    let told = |event: &HisEvent| match event {
        HisEvent::Order(
            HisOrderEvent::Made { order, .. } | HisOrderEvent::Ended(order) | HisOrderEvent::Changed(order),
        ) if order.order_no == *wanted => Some(order.state),
        _ => None,
    };
    bench.events.iter().rev().find_map(told).unwrap()
}

fn alarmed(bench: &HisBench, alarm: HisAlarm) -> bool {
    bench.events.contains(&HisEvent::Order(HisOrderEvent::Alarm(alarm)))
}

fn submitted(body: &Body) -> &wire::SubmitOrder {
    if let Body::SubmitOrder(submit) = body { submit } else { panic!("no SubmitOrder") }
}

fn no_record(run: [u8; 4]) -> Option<Body> {
    Some(Body::NoRecord(wire::NoRecord { run: run.to_vec() }))
}

fn rejected(code: RejectCode) -> Option<Body> {
    let code = i32::try_from(code.code()).unwrap();
    Some(Body::Rejected(wire::Rejected { code, ..wire::Rejected::default() }))
}

pub(super) fn open(order_no: &OrderNo) -> Option<Body> {
    Some(Body::OrderState(wire::OrderState {
        order_no: order_no.as_str().into(),
        stage: 1,
        ..wire::OrderState::default()
    }))
}

/// The signed result of an order's core.
pub(super) fn result(core: &[u8], outcome: Outcome, status: u32) -> (Vec<u8>, Vec<u8>) {
    let core = OrderCore::decode(core.to_vec()).unwrap();
    let paid = outcome == Outcome::Paid;
    let result = ResultCore::encode(&NewResult {
        order_hash: core.hash(&SiteId::try_from("site-1").unwrap()),
        order_no: core.order_no().clone(),
        device_id: DeviceId::try_from("POS-1").unwrap(),
        outcome,
        status,
        amount: core.amount(),
        channel: paid.then_some(Channel::Wechat),
        payment_no: paid.then(|| "wx-1".into()),
        refund_id: None,
        captured_at: None,
        decided_at: None,
        provider_code: None,
        found: Vec::new(),
    })
    .unwrap();
    (result.bytes().to_vec(), sign(&seed(11), &result).to_vec())
}

pub(super) fn report(
    bench: &mut HisBench,
    call: u32,
    (result, signature): &(Vec<u8>, Vec<u8>),
) -> Vec<wire::ConfirmResult> {
    let (result, signature) = (result.clone(), signature.clone());
    let report = wire::ReportResult { result, signature, ..wire::ReportResult::default() };
    bench.say(call, 0, Some(Body::ReportResult(report)));
    let confirm = |message: wire::Message| match message.body {
        Some(Body::ConfirmResult(confirm)) if message.reply_to == call => Some(confirm),
        _ => None,
    };
    bench.hear().into_iter().filter_map(confirm).collect()
}

//= spec-crate/spec/orders.md#leases
//= type=test
//# A HIS MUST send as `start_by` the whole seconds from the present session's zero to the order's start
//# instant, rounded down.
//= spec-crate/spec/orders.md#leases
//= type=test
//# A HIS MUST NOT send or repeat a SubmitOrder at or after the order's start instant.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST write the run of an order once, and name it in every SubmitOrder and CancelOrder of that order.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST enter Cancelling from Sent when a person or a program cancels, when the SubmitOrder was
//# rejected with any code but `conflict` (505), when a NoRecord of the order's run comes at or after the
//# start instant, and when its SubmitOrder would be due at or after the start instant.
#[test]
fn an_order_is_submitted_as_it_is_until_its_start_and_cancelled_from_then_on() {
    let mut bench = HisBench::ready();
    let zero = bench.clock.now;
    bench.pass(5_300);
    let order_no = collect(&mut bench, 1);
    let mut submits = Vec::new();
    let cancel = loop {
        let next = asked(&mut bench).pop();
        match next {
            Some((_, Body::CancelOrder(cancel))) => break cancel,
            Some((call, body)) => {
                assert!(bench.clock.now.since(zero) < 95_000);
                submits.push((call, submitted(&body).clone()));
            }
            None => {}
        }
        bench.say(0, 0, Some(Body::DeviceEvent(wire::DeviceEvent::default())));
        bench.pass(500);
    };
    // It was due again 8 s after 92.3 s, and is cancelled at that moment.
    assert_eq!(bench.clock.now.since(zero), 100_300);
    assert!(submits.len() > 10 && submits.iter().all(|submit| *submit == submits[0]));
    let submit = &submits[0].1;
    assert_eq!((submit.start_by, submit.run.as_slice()), (95, [1, 2, 3, 4].as_slice()));
    assert!((&cancel.core, &cancel.run, &cancel.search) == (&submit.core, &submit.run, &submit.search));
    assert_eq!(state(&bench, &order_no), "cancelling");
}

//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A HIS MUST make the rows that a step changes durable before it sends a message or tells a person or a
//# program because of that step.
//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST drop an open call about an order when the order's row enters another state.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST store that an order is Cancelling, and repeat its SubmitOrder no more, before it sends the
//# first CancelOrder.
#[test]
fn nothing_is_sent_or_told_before_it_is_durable_and_a_cancel_takes_the_place_of_the_order() {
    let mut bench = HisBench::ready();
    bench.store.unwritten = true;
    let amount = Amount::from_fen(100).unwrap();
    let new = NewCollect { ticket: 1, bill: "bill".into(), amount, business_day: 20_270_115 };
    let told = bench.events.len();
    bench.link.collect(new, bench.clock).unwrap();
    bench.run();
    assert_eq!((asked(&mut bench).len(), bench.events.len()), (0, told));
    bench.store.unwritten = false;
    bench.run();
    let (_, submit) = only(&mut bench);
    let order_no = OrderCore::decode(submitted(&submit).core.clone()).unwrap().order_no().clone();
    bench.store.unwritten = true;
    bench.link.cancel(&order_no, bench.clock).unwrap();
    bench.run();
    assert_eq!((asked(&mut bench).len(), state(&bench, &order_no)), (0, "sent"));
    bench.store.unwritten = false;
    bench.run();
    assert_eq!(state(&bench, &order_no), "cancelling");
    pass(&mut bench, 20);
    let asked = asked(&mut bench);
    assert!(asked.len() > 3 && asked.iter().all(|(_, body)| matches!(body, Body::CancelOrder(_))));
}

//= spec-crate/spec/orders.md#leases
//= type=test
//# A HIS MUST keep the start instant and the lease end of an order unchanged through repeats and new
//# sessions.
//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST ask in a session, after Sync, for each order that has not ended the request that the order's
//# stored state names, in rising order of the time at which they were made and then of their numbers, one
//# request of an order at a time.
//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST send QueryOrder for an order in state Sent, CancelOrder in Cancelling and LookUp without
//# `fresh` in Asking, the last also to each other device that the row names, and SubmitOrder in Sent only in
//# the session in which the order was made or after a NoRecord of its own run.
//= spec-crate/spec/orders.md#querying
//= type=test
//# A HIS MUST take a NoRecord as proof that the order was never accepted only if its run is the one that the
//# order was made for.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of another run comes in
//# Sent, and when a CancelOrder is rejected with any code but `conflict` (505).
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST send SubmitOrder again with the same start instant after a NoRecord of the order's own run that
//# comes before the start instant.
#[test]
fn a_new_session_asks_about_each_order_and_only_its_own_run_proves_that_it_never_came() {
    let mut bench = HisBench::ready();
    let mut orders = Vec::new();
    for ticket in 1..=5 {
        orders.push(collect(&mut bench, ticket));
        bench.pass(1_000);
    }
    let first_start = bench.hear().iter().find_map(|message| match &message.body {
        Some(Body::SubmitOrder(submit)) => Some(submit.start_by),
        _ => None,
    });
    assert_eq!(first_start, Some(90));
    bench.pass(5_000);
    let asks = new_session(&mut bench);
    let about: Vec<&str> = asks
        .iter()
        .map(|(_, body)| if let Body::QueryOrder(query) = body { query.order_no.as_str() } else { "" })
        .collect();
    assert_eq!(about, orders.iter().map(OrderNo::as_str).collect::<Vec<_>>(), "as they were made");
    bench.say(0, asks[0].0, no_record([1, 2, 3, 4]));
    let (_, again) = only(&mut bench);
    // The same instant, told from the zero of this session, which is 10 s later.
    assert_eq!(submitted(&again).start_by, 80);
    bench.say(0, asks[1].0, no_record([9; 4]));
    let (_, look) = only(&mut bench);
    assert!(matches!(look, Body::LookUp(wire::LookUp { fresh: false, .. })));
    assert_eq!(state(&bench, &orders[1]), "asking");
    pass(&mut bench, 90);
    bench.hear();
    bench.say(0, asks[2].0, no_record([1, 2, 3, 4]));
    let (_, cancel) = only(&mut bench);
    assert!(matches!(cancel, Body::CancelOrder(_)), "its start has passed");
    assert_eq!(state(&bench, &orders[2]), "cancelling");
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST enter Cancelling from Sent when a person or a program cancels, when the SubmitOrder was
//# rejected with any code but `conflict` (505), when a NoRecord of the order's run comes at or after the
//# start instant, and when its SubmitOrder would be due at or after the start instant.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of another run comes in
//# Sent, and when a CancelOrder is rejected with any code but `conflict` (505).
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST raise an alarm on reject `malformed` (501) or `wrong_device` (503), since it has checked the
//# core and the device itself.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST ask again after 60 seconds when a QueryOrder or LookUp is rejected with any code but `conflict`
//# (505).
#[test]
fn a_refused_order_is_cancelled_a_refused_cancel_asks_and_a_refused_question_waits_60_seconds() {
    for (code, alarm) in
        [(RejectCode::Busy, false), (RejectCode::Malformed, true), (RejectCode::WrongDevice, true)]
    {
        let mut bench = HisBench::ready();
        let order_no = collect(&mut bench, 1);
        let (submit, _) = only(&mut bench);
        bench.say(0, submit, rejected(code));
        let refused = HisAlarm::Refused { order_no: order_no.clone(), code: code.code() };
        assert_eq!(alarmed(&bench, refused), alarm);
        let (cancel, body) = only(&mut bench);
        assert!(matches!(body, Body::CancelOrder(_)));
        bench.say(0, cancel, rejected(RejectCode::RunChanged));
        assert_eq!(state(&bench, &order_no), "asking");
        let (look, body) = only(&mut bench);
        assert!(matches!(body, Body::LookUp(_)));
        bench.say(0, look, rejected(RejectCode::Merchant));
        pass(&mut bench, 59);
        assert!(asked(&mut bench).is_empty());
        pass(&mut bench, 1);
        assert!(matches!(only(&mut bench).1, Body::LookUp(_)));
    }
}

//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST NOT repeat a request about an order in the same session after an OrderState has answered it,
//# unless the order's state changes or a person asks.
//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST wait 60 seconds before it asks again about an order after an answer that is no OrderState and
//# leaves the order's state as it is, but for the SubmitOrder of ORD-181.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST enter Asking from Sent or Cancelling at the lease end, when a NoRecord of another run comes in
//# Sent, and when a CancelOrder is rejected with any code but `conflict` (505).
#[test]
fn an_order_that_the_pos_has_is_asked_about_again_only_if_a_person_asks_or_its_lease_ends() {
    let mut bench = HisBench::ready();
    let order_no = collect(&mut bench, 1);
    let (submit, _) = only(&mut bench);
    bench.say(0, submit, open(&order_no));
    pass(&mut bench, 100);
    assert!(asked(&mut bench).is_empty());
    // Its start has passed, and it is there: a question is no cancel.
    bench.link.query(&order_no, bench.clock).unwrap();
    bench.run();
    let (query, body) = only(&mut bench);
    assert!(matches!(body, Body::QueryOrder(_)));
    bench.say(0, query, Some(Body::Unsupported(wire::Unsupported {})));
    pass(&mut bench, 59);
    assert!(asked(&mut bench).is_empty());
    pass(&mut bench, 1);
    let (query, _) = only(&mut bench);
    bench.say(0, query, open(&order_no));
    pass(&mut bench, 99);
    assert_eq!((asked(&mut bench).len(), state(&bench, &order_no)), (0, "sent"));
    // 90 + 150 + 20 seconds after it was made.
    pass(&mut bench, 1);
    assert!(matches!(only(&mut bench).1, Body::LookUp(wire::LookUp { fresh: false, .. })));
    assert_eq!(state(&bench, &order_no), "asking");
}

//= spec-crate/spec/orders.md#sync
//= type=test
//# A HIS MUST send Sync as its first request of every session, with the anchor of the latest durable record
//# of its ledger and the latest anchor of this device's journal that the ledger holds, or nothing if it holds
//# none.
//= spec-crate/spec/orders.md#sync
//= type=test
//# A HIS MUST make orders and send requests other than Sync in a session only after its SyncReply was found
//# to be contained, or to belong to a declared step back, and the device's anchor was stored.
//= spec-crate/spec/orders.md#making-a-collect
//= type=test
//# A HIS MUST make an order only in a session past Sync, for the device of that session, under the agreement
//# of that session.
#[test]
fn nothing_is_made_or_asked_before_sync_is_answered_and_the_journals_anchor_stored() {
    let mut bench = HisBench::new();
    let (call, body) = only(&mut bench);
    let sync = wire::Sync { ledger: bench.store.anchor().encode(), journal_seen: Vec::new() };
    assert!(body == Body::Sync(sync));
    let new = || {
        let amount = Amount::from_fen(100).unwrap();
        NewCollect { ticket: 1, bill: "bill".into(), amount, business_day: 20_270_115 }
    };
    assert_eq!(bench.link.collect(new(), bench.clock), Err(Refusal::NoSession));
    let journal = Anchor { book: BookId::from_bytes([5; 8]), seq: 3, head: [1; 8] }.encode();
    bench.store.unwritten = true;
    let reply = wire::SyncReply { journal: journal.clone(), ledger_seen: Vec::new() };
    bench.say(0, call, Some(Body::SyncReply(reply)));
    pass(&mut bench, 9);
    assert!(asked(&mut bench).is_empty());
    assert_eq!(bench.link.collect(new(), bench.clock), Err(Refusal::NoSession));
    bench.store.unwritten = false;
    bench.run();
    assert_eq!(bench.link.collect(new(), bench.clock), Ok(()));
    bench.run();
    bench.hear();
    bench.reopen();
    let sync = wire::Sync { ledger: bench.store.anchor().encode(), journal_seen: journal };
    assert!(only(&mut bench).1 == Body::Sync(sync));
}

//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST send Ping when it has sent nothing for 10 seconds in a session past Sync and no Ping is open.
//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST send its ledger's anchor with a Ping if none went with a Ping in the last 60 seconds, and leave
//# it out otherwise.
#[test]
fn a_ping_goes_after_ten_quiet_seconds_and_an_anchor_with_one_of_them_a_minute() {
    let mut bench = HisBench::ready();
    let mut anchors = Vec::new();
    for _ in 0..13 {
        bench.pass(9_999);
        assert!(bench.hear().is_empty());
        bench.pass(1);
        let mut heard = bench.hear();
        let (call, body) = heard.pop().map(|ping| (ping.call, ping.body)).unwrap();
        let Some(Body::Ping(ping)) = body else { panic!("a ping is to be sent") };
        assert!(heard.is_empty() && (ping.ledger.is_empty() || ping.ledger == bench.store.anchor().encode()));
        anchors.push(!ping.ledger.is_empty());
        // Open: it is repeated, and no second one is sent.
        bench.pass(1_000);
        assert!(bench.hear().iter().all(|message| message.call == call));
        bench.say(0, call, Some(Body::Pong(wire::Pong::default())));
    }
    let with: Vec<usize> = (0..13).filter(|nth| anchors[*nth]).collect();
    assert_eq!(with, [0, 6, 12]);
}

//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST show every open order of a device as unknown, and never as failed, while it has no session past
//# Sync with the device, has opened no record of it for 25 seconds, or has the order in Asking.
#[test]
fn a_pos_that_says_nothing_for_25_seconds_is_silent_until_it_is_heard() {
    let mut bench = HisBench::ready();
    collect(&mut bench, 1);
    bench.pass(24_999);
    assert!(!bench.link.view().silent);
    bench.pass(1);
    assert!(bench.link.view().silent && bench.events.contains(&HisEvent::Silent));
    bench.say(0, 0, Some(Body::DeviceEvent(wire::DeviceEvent::default())));
    assert!(!bench.link.view().silent);
}

//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS to which an order's own device answers any request with `conflict` (505) and a core of that number
//# and device that differs from its own MUST put the core held into the order's row, raise a refund's
//# reservation to the amount of that core if it is larger, enter Asking with a lease end of now + FULL_LEASE,
//# raise an alarm, and then treat the result that came with it as reported, without confirming it.
//= spec-crate/spec/orders.md#states-of-an-order-at-his
//= type=test
//# A HIS MUST end an order as Attention by any `paid` result if the core that took its place has another
//# amount than the core that the bill asked for, and keep in the row (`other_amount`) that it has.
#[test]
fn a_held_order_of_our_number_takes_our_place_and_its_result_is_taken_without_a_confirmation() {
    let mut bench = HisBench::ready();
    let order_no = collect(&mut bench, 1);
    let (call, submit) = only(&mut bench);
    let ours = OrderCore::decode(submitted(&submit).core.clone()).unwrap();
    let held = OrderCore::encode(&NewOrder {
        order_no: order_no.clone(),
        device_id: ours.device_id().clone(),
        amount: Amount::from_fen(101).unwrap(),
        business_day: ours.business_day(),
        agreement_no: ours.agreement_no(),
        refund_of: None,
    })
    .unwrap();
    let (result, signature) = result(held.bytes(), Outcome::Paid, 100);
    let body = wire::Rejected {
        code: i32::try_from(RejectCode::Conflict.code()).unwrap(),
        core: held.bytes().to_vec(),
        result,
        signature,
        ..wire::Rejected::default()
    };
    bench.say(0, call, Some(Body::Rejected(body)));
    assert!(alarmed(&bench, HisAlarm::Conflict { order_no: order_no.clone() }));
    assert_eq!(state(&bench, &order_no), "attention", "another amount than the bill asked for");
    assert!(bench.hear().iter().all(|message| message.reply_to == 0));
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A HIS and a POS MUST name a result in a confirmation by the first 16 bytes of SHA-256 over the result's
//# bytes.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A HIS MUST answer every authentic ReportResult about a number that has a row with ConfirmResult, also one
//# that it has answered before, with `recorded` (1) if that result ended its order and with `kept` (2)
//# otherwise.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A HIS MUST treat a SignedResult that answers a request like a report, but send no ConfirmResult for it.
#[test]
fn a_report_is_confirmed_each_time_and_an_answer_is_not() {
    let mut bench = HisBench::ready();
    let orders = [collect(&mut bench, 1), collect(&mut bench, 2)];
    let submits = asked(&mut bench);
    let paid = result(&submitted(&submits[0].1).core, Outcome::Paid, 100);
    let confirm = wire::ConfirmResult {
        order_no: orders[0].as_str().into(),
        result_hash: result_hash(&paid.0).to_vec(),
        disposition: 1,
        ..wire::ConfirmResult::default()
    };
    for call in 1..=3 {
        let ledger = bench.store.anchor().encode();
        let confirmed = report(&mut bench, call, &paid);
        let ledger = if call == 1 { bench.store.anchor().encode() } else { ledger };
        assert!(confirmed == [wire::ConfirmResult { ledger, ..confirm.clone() }], "report {call}");
    }
    let later = result(&submitted(&submits[0].1).core, Outcome::Attention, 305);
    assert_eq!(report(&mut bench, 4, &later)[0].disposition, 2);
    let (result, signature) = result(&submitted(&submits[1].1).core, Outcome::NotPaid, 200);
    bench.say(0, submits[1].0, Some(Body::SignedResult(wire::SignedResult { result, signature })));
    assert_eq!(state(&bench, &orders[1]), "not_paid");
    assert!(bench.hear().iter().all(|message| message.reply_to == 0));
}

//= spec-crate/spec/orders.md#asking-again
//= type=test
//# A HIS MUST send LookUp with `fresh` about an order in NotPaid or NotRefunded whose status rests on absence
//# when 600, 3,600 and 86,400 seconds have passed since its end, each once.
//= spec-crate/spec/orders.md#asking-again
//= type=test
//# A HIS MUST keep a look that could not be answered due, and ask it in the next session with a device that
//# the order's row names.
#[test]
fn a_look_that_is_due_is_asked_afresh_and_again_in_the_next_session_until_it_is_answered() {
    let mut bench = HisBench::ready();
    let order_no = collect(&mut bench, 1);
    let (_, submit) = only(&mut bench);
    let absent = result(&submitted(&submit).core, Outcome::NotPaid, 206);
    assert_eq!(report(&mut bench, 1, &absent)[0].disposition, 1);
    pass(&mut bench, 599);
    assert!(asked(&mut bench).is_empty());
    pass(&mut bench, 1);
    let (look, body) = only(&mut bench);
    assert!(matches!(body, Body::LookUp(wire::LookUp { fresh: true, .. })));
    bench.say(0, look, open(&order_no));
    pass(&mut bench, 100);
    assert!(asked(&mut bench).is_empty());
    let asks = new_session(&mut bench);
    assert!(matches!(asks.as_slice(), [(_, Body::LookUp(wire::LookUp { fresh: true, .. }))]));
    // The same bytes, after this look was taken up: counted.
    bench.say(0, asks[0].0, open(&order_no));
    assert_eq!(report(&mut bench, 1, &absent)[0].disposition, 1);
    assert!(new_session(&mut bench).is_empty());
}

//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A HIS or a POS that cannot make a step durable MUST stop telling and sending anything about orders, and go
//# on only from its book as a program that has just started.
#[test]
fn a_ledger_that_failed_lets_nothing_more_be_told_or_sent() {
    let mut bench = HisBench::ready();
    let order_no = collect(&mut bench, 1);
    let (submit, _) = only(&mut bench);
    bench.store.unwritten = true;
    bench.link.cancel(&order_no, bench.clock).unwrap();
    bench.run();
    let told = bench.events.len();
    bench.fail();
    assert!(bench.link.halted());
    bench.say(0, submit, open(&order_no));
    for _ in 0..40 {
        bench.pass(1_000);
    }
    assert_eq!((bench.hear().len(), bench.events.len()), (0, told));
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST send ListOrders after each Sync, from the place up to which the ledger has the device's list,
//# and ask page after page until one says that there are no more.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A HIS MUST store with each page the book and the sequence number of its last item, or for a page without
//# items the place that it had in that book, or 0 if it had none in that book.
#[test]
fn a_list_is_pulled_page_after_page_and_from_its_place_in_the_next_session() {
    let mut bench = HisBench::new();
    let (sync, _) = only(&mut bench);
    bench.say(0, sync, Some(Body::SyncReply(wire::SyncReply::default())));
    let place = |body: &Body| match body {
        Body::ListOrders(list) => (list.book.clone(), list.seq),
        _ => panic!("no ListOrders"),
    };
    let page = |seq: u64, more| {
        let items = vec![wire::OrderItem { seq, ..wire::OrderItem::default() }];
        Some(Body::OrderList(wire::OrderList { book: vec![5; 8], items, more }))
    };
    let (list, body) = only(&mut bench);
    assert_eq!(place(&body), (Vec::new(), 0));
    bench.say(0, list, page(3, true));
    let (list, body) = only(&mut bench);
    assert_eq!(place(&body), (vec![5; 8], 3));
    bench.say(0, list, page(8, false));
    assert!(asked(&mut bench).is_empty());
    bench.reopen();
    let (sync, _) = only(&mut bench);
    bench.say(0, sync, Some(Body::SyncReply(wire::SyncReply::default())));
    assert_eq!(place(&only(&mut bench).1), (vec![5; 8], 8));
}
