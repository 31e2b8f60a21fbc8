//! What a HIS does with requests of a POS, and how many of its own it makes.

use std::collections::BTreeSet;
use std::format;
use std::vec;
use std::vec::Vec;

use super::bench::{HisBench, agreement, devices};
use crate::amount::Amount;
use crate::book::{Anchor, Containment};
use crate::ids::{BookId, OrderNo};
use crate::limits::OPEN_CALLS_MAX;
use crate::link::his::{HisAlarm, HisOrderEvent, NewCollect};
use crate::link::{HisEvent, Input, Output};
use crate::message::manifest::Revocation;
use crate::order_flow::Body;
use crate::session::SessionEnd;
use crate::time::{Clock, UnixSeconds};
use crate::wire;

fn is_sync(message: &wire::Message) -> bool {
    matches!(message.body, Some(Body::Sync(_)))
}

fn went_back(event: &HisEvent) -> bool {
    *event == HisEvent::Order(HisOrderEvent::Alarm(HisAlarm::LedgerWentBack))
}

/// A SyncReply that shows a record of the ledger.
fn reply() -> Option<Body> {
    let seen = Anchor { book: BookId::from_bytes([7; 8]), seq: 99, head: [1; 8] };
    Some(Body::SyncReply(wire::SyncReply { journal: Vec::new(), ledger_seen: seen.encode() }))
}

fn report() -> Option<Body> {
    Some(Body::ReportResult(wire::ReportResult::default()))
}

/// A ledger that does not answer: everything that arrives afterwards waits.
fn stuck(bench: &mut HisBench) {
    bench.store.slow = true;
    bench.link.refresh(&OrderNo::try_from("B0123456789ABCDEFGHJ").unwrap(), bench.clock);
    bench.run();
}

pub(super) fn collect(bench: &mut HisBench, ticket: u64) -> OrderNo {
    let clock: Clock = bench.clock;
    let amount = Amount::from_fen(100).unwrap();
    let new = NewCollect { ticket, bill: format!("bill {ticket}"), amount, business_day: 20_270_115 };
    bench.link.collect(new, clock).unwrap();
    bench.run();
    let made = bench.events.iter().rev().find_map(|event| match event {
        HisEvent::Order(HisOrderEvent::Made { order, .. }) => Some(order.order_no.clone()),
        _ => None,
    });
    made.unwrap()
}

//= spec-crate/spec/key-exchange.md#switch
//= type=test
//# A HIS MUST send [Sync](messages.md#sync) at once when it has switched.
#[test]
fn the_first_thing_that_a_his_says_in_a_session_is_sync_and_at_once() {
    let heard = HisBench::new().hear();
    assert!(heard.len() == 1 && is_sync(&heard[0]));
}

//= spec-crate/spec/records.md#liveness
//= type=test
//# A HIS MUST show the line as down when it has opened no record of the live session for 25 s (SILENT).
#[test]
fn a_line_without_a_record_for_25_seconds_is_down_until_the_next_one() {
    let mut bench = HisBench::ready();
    bench.pass(24_999);
    assert!(!bench.link.view().silent);
    bench.pass(1);
    assert!(bench.link.view().silent && bench.events.contains(&HisEvent::Silent));
    bench.say(1, 0, None);
    assert!(!bench.link.view().silent);
}

//= spec-crate/spec/key-exchange.md#what-an-end-holds
//= type=test
//# A registry MUST contain every entry, a revoked one as well, except that the registry of a POS does not
//# contain terminals which are revoked as compromised.
#[test]
fn a_revoked_device_gets_a_session_whatever_it_was_revoked_for() {
    for revocation in [Revocation::Retired, Revocation::Compromised { since: UnixSeconds(1_700_000_000) }] {
        let mut bench = HisBench::ready();
        bench.link.provision(vec![agreement(1, true)], devices(2, Some(revocation)), bench.clock);
        bench.reopen();
        assert!(bench.hear().iter().any(is_sync), "{revocation:?}");
    }
}

//= spec-crate/spec/framing.md#end-of-a-stream
//= type=test
//# An end MUST discard the attempt, the candidate and the session of a stream, with their secrets, when the
//# stream is closed or opened again.
#[test]
fn a_stream_that_is_closed_or_opened_again_takes_its_session_with_it() {
    for input in [Input::Closed, Input::Opened] {
        let mut bench = HisBench::ready();
        bench.link.handle_input(input, bench.clock);
        bench.run();
        assert_eq!(bench.link.view().session, None);
        assert!(matches!(bench.events.last(), Some(HisEvent::SessionDown { .. })));
    }
    // Nothing of it lives on beside the next one: no attempt starts without a stream.
    let mut bench = HisBench::ready();
    bench.link.handle_input(Input::Closed, bench.clock);
    bench.run();
    bench.clock.now = bench.clock.now.after(60_000);
    bench.link.handle_input(Input::Tick, bench.clock);
    loop {
        match bench.link.poll_output() {
            Output::Timeout(_) => break,
            output => assert!(!matches!(output, Output::Transmit(_))),
        }
    }
}

//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# An end that ends a session in order MUST send sealed alert 0 (close).
#[test]
fn a_program_that_stops_says_close() {
    let mut bench = HisBench::ready();
    bench.link.close(bench.clock);
    bench.run();
    assert_eq!(bench.ends, [SessionEnd::PeerAlert(0)]);
}

//= spec-crate/spec/messages.md#unknown-bodies
//= type=test
//# A receiver MUST answer a request with [Unsupported](#unsupported) if it has no body, a body that the
//# receiver does not know, or a body that is no request of the sender's side.
//= spec-crate/spec/messages.md#message
//= type=test
//# A sender MUST set `call` alone in a request, `reply_to` alone in an answer, and neither in a notice.
//= spec-crate/spec/messages.md#message
//= type=test
//# A sender MUST put exactly one body into a Message.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A receiver MUST send an answer with the `call` of its request as `reply_to`.
#[test]
fn a_request_without_a_body_or_with_one_that_is_no_request_of_a_pos_is_answered_unsupported() {
    let mut bench = HisBench::ready();
    for (call, body) in [(1, None), (2, Some(Body::Ping(wire::Ping::default())))] {
        bench.say(call, 0, body);
        let unsupported = Some(Body::Unsupported(wire::Unsupported {}));
        assert!(bench.hear() == [wire::Message { call: 0, reply_to: call, body: unsupported }]);
    }
}

//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A sender MUST take the first answer with its number as the end of a call.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A sender MUST take an answer with a body that does not belong to its request, or that it does not know, as
//# an answer that says nothing: the call is ended.
#[test]
fn an_answer_without_a_body_ends_its_call_and_the_order_is_not_asked_about_at_once() {
    let mut bench = HisBench::ready();
    collect(&mut bench, 1);
    let submit = bench.hear().pop().unwrap();
    bench.say(0, submit.call, None);
    bench.pass(9_000);
    assert!(bench.hear().is_empty());
}

//= spec-crate/spec/messages.md#open-calls
//= type=test
//# A receiver MUST end the session with sealed alert 22 (limit) at a request with a new number if 8
//# requests (OPEN_CALLS_MAX) with other numbers of this session wait for their answer.
#[test]
fn nine_requests_that_wait_end_the_session_with_limit_and_repeats_do_not() {
    let mut bench = HisBench::ready();
    stuck(&mut bench);
    for call in (1..=8).chain(1..=8) {
        bench.say(call, 0, if call == 8 { None } else { report() });
    }
    assert_eq!(bench.ends, []);
    bench.say(9, 0, report());
    assert_eq!(bench.ends, [SessionEnd::PeerAlert(22)]);
}

#[test]
fn requests_that_wait_are_counted_by_session() {
    let mut bench = HisBench::ready();
    stuck(&mut bench);
    (1..=8).for_each(|call| bench.say(call, 0, report()));
    bench.reopen();
    bench.say(9, 0, report());
    assert_eq!(bench.ends, []);
}

//= spec-crate/spec/messages.md#open-calls
//= type=test
//# A sender MUST have at most 8 calls (OPEN_CALLS_MAX) open.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A sender MUST send a repeat of a request under the number of the request, in a new record.
#[test]
fn no_more_than_eight_calls_are_open_whatever_is_asked() {
    let mut bench = HisBench::ready();
    for day in 1..=12 {
        bench.link.totals(20_270_100 + day, bench.clock).unwrap();
    }
    bench.run();
    let asked = bench.hear();
    assert_eq!(asked.len(), OPEN_CALLS_MAX);
    collect(&mut bench, 1);
    // Repeats, and no ping beside them.
    bench.pass(11_000);
    let open: BTreeSet<u32> = asked.iter().map(|message| message.call).collect();
    assert!(bench.hear().iter().all(|repeat| open.contains(&repeat.call)));
    let mut days = 0;
    let mut waiting: Vec<u32> = open.into_iter().collect();
    while let Some(call) = waiting.pop() {
        bench.say(0, call, Some(Body::Totals(wire::Totals::default())));
        let next = bench.hear();
        assert!(next.len() <= 1);
        days += next.iter().filter(|message| matches!(message.body, Some(Body::GetTotals(_)))).count();
        waiting.extend(next.iter().map(|message| message.call));
    }
    assert_eq!(days, 4);
}

#[test]
fn a_dropped_call_is_open_until_the_pos_has_shown_that_it_is_done_with_it() {
    let mut bench = HisBench::ready();
    let orders: Vec<OrderNo> = (1..=8).map(|ticket| collect(&mut bench, ticket)).collect();
    let submits = bench.hear();
    assert_eq!(submits.len(), OPEN_CALLS_MAX);
    bench.link.cancel(&orders[0], bench.clock).unwrap();
    bench.run();
    assert!(bench.hear().is_empty());
    // Its own answer comes: it is of no use, and its place is free.
    bench.say(0, submits[0].call, None);
    let cancel = bench.hear().pop().unwrap();
    assert!(matches!(cancel.body, Some(Body::CancelOrder(_))));

    bench.link.cancel(&orders[1], bench.clock).unwrap();
    bench.run();
    assert!(bench.hear().is_empty());
    // The answer to a request that was made before the drop frees its own place only.
    bench.say(0, submits[2].call, None);
    let cancel = bench.hear();
    assert_eq!(cancel.len(), 1);
    for day in 1..=3 {
        bench.link.totals(20_270_100 + day, bench.clock).unwrap();
    }
    // One that was made behind it is handled behind it.
    bench.say(0, cancel[0].call, None);
    assert_eq!(bench.hear().len(), 2);
}

#[test]
fn a_dropped_call_that_nobody_answers_is_taken_for_lost_after_25_seconds() {
    let mut bench = HisBench::ready();
    let orders: Vec<OrderNo> = (1..=8).map(|ticket| collect(&mut bench, ticket)).collect();
    bench.link.cancel(&orders[0], bench.clock).unwrap();
    bench.run();
    let cancels = |bench: &mut HisBench| {
        bench.hear().iter().any(|message| matches!(message.body, Some(Body::CancelOrder(_))))
    };
    bench.pass(24_999);
    assert!(!cancels(&mut bench));
    bench.pass(1);
    assert!(cancels(&mut bench));
}

#[test]
fn a_ledger_that_went_back_is_told_once_in_a_session_and_asks_nothing_more() {
    let mut bench = HisBench::new();
    bench.store.containment = Containment::Missing;
    let sync = bench.hear().pop().unwrap();
    bench.say(0, sync.call, reply());
    for _ in 0..10 {
        bench.pass(1_000);
    }
    assert!(bench.hear().is_empty());
    assert_eq!(bench.events.iter().filter(|event| went_back(event)).count(), 1);
    // The next session begins with Sync, as every one does.
    bench.reopen();
    assert!(is_sync(&bench.hear().pop().unwrap()));
    assert!(!bench.events.contains(&HisEvent::Ready));
}

#[test]
fn an_answer_to_sync_counts_in_its_own_session_only() {
    let mut bench = HisBench::new();
    let sync = bench.hear().pop().unwrap();
    bench.store.slow = true;
    bench.say(0, sync.call, reply());
    bench.reopen();
    bench.store.slow = false;
    bench.run();
    assert!(!bench.events.contains(&HisEvent::Ready));
    let heard = bench.hear();
    assert_eq!(heard.iter().filter(|message| is_sync(message)).count(), 1);
    bench.say(0, heard.last().unwrap().call, reply());
    assert!(bench.events.contains(&HisEvent::Ready));
}
