//! What a POS tells of itself in each session, whom it lets in, and how many requests it lets wait.

use std::vec;
use std::vec::Vec;

use prost::Message as _;

use super::bench::{PosBench, agreement, terminals};
use crate::book::Anchor;
use crate::frame::{Decoder, FrameType, Side};
use crate::ids::BookId;
use crate::link::{Input, PosEvent};
use crate::message::manifest::Revocation;
use crate::order_flow::Body;
use crate::platform::{Channel, Proof, Verdict};
use crate::session::SessionEnd;
use crate::time::UnixSeconds;
use crate::timers::VERIFY_RETRY;
use crate::wire;

pub(super) fn ready(heard: &[wire::Message]) -> &wire::SessionReady {
    let ready = heard.iter().find_map(|message| match &message.body {
        Some(Body::Ready(ready)) => Some(ready),
        _ => None,
    });
    ready.unwrap()
}

fn list() -> Option<Body> {
    Some(Body::ListOrders(wire::ListOrders::default()))
}

fn compromised() -> Option<Revocation> {
    Some(Revocation::Compromised { since: UnixSeconds(1_900_000_000) })
}

/// The code of the plain alert among these bytes of a POS.
pub(super) fn alert(mut bytes: &[u8]) -> Option<u8> {
    let mut decoder = Decoder::new(Side::His);
    let mut found = None;
    while let Some(item) = decoder.next_frame(&mut bytes) {
        let frame = item.unwrap();
        found = found.or((frame.kind == FrameType::PlainAlert).then(|| frame.body[0]));
    }
    found
}

//= spec-crate/spec/framing.md#end-of-a-stream
//= type=test
//# An end MUST discard the attempt, the candidate and the session of a stream, with their secrets, when the
//# stream is closed or opened again.
#[test]
fn a_stream_that_is_opened_again_has_neither_the_session_nor_the_candidate_of_the_one_before() {
    let mut bench = PosBench::synced();
    let request = wire::Message { call: 2, body: list(), ..wire::Message::default() };
    bench.peer.send(&request.encode_to_vec(), bench.clock.now).unwrap();
    let record = bench.said();
    bench.link.handle_input(Input::Opened, bench.clock);
    bench.link.handle_input(Input::Bytes(&record), bench.clock);
    assert_eq!(alert(&bench.written()), Some(92));

    let mut bench = PosBench::synced();
    let m3 = bench.up_to_m3();
    bench.link.handle_input(Input::Opened, bench.clock);
    bench.link.handle_input(Input::Bytes(&m3), bench.clock);
    assert_eq!(alert(&bench.written()), Some(93));
}

//= spec-crate/spec/key-exchange.md#what-an-end-holds
//= type=test
//# An end MUST use for new sessions the two newest agreements that it holds, or the one that it holds, and no
//# older one.
//= spec-crate/spec/provisioning.md#taking-an-agreement-over
//= type=test
//# A program MUST use the two newest agreements that it holds, or the one, for new sessions and new orders,
//# and the older ones for the orders that name them only.
#[test]
fn the_two_newest_agreements_serve_new_sessions_and_no_older_one() {
    let up = |numbers: &[u32]| {
        let held = numbers.iter().map(|number| agreement(*number, true)).collect();
        let bench = PosBench::new(held, terminals(1, None));
        bench.events.iter().any(|event| matches!(event, PosEvent::SessionUp { .. }))
    };
    // HIS offers the last of them.
    assert!(up(&[1]) && up(&[2, 1]));
    assert!(!up(&[3, 2, 1]));
}

//= spec-crate/spec/records.md#sealed-alerts
//= type=test
//# An end that ends a session in order MUST send sealed alert 0 (close).
#[test]
fn a_program_that_stops_says_close() {
    let mut bench = PosBench::synced();
    bench.link.close(bench.clock);
    bench.run();
    assert_eq!(bench.ends, [SessionEnd::PeerAlert(0)]);
}

//= spec-crate/spec/messages.md#sessionready
//= type=test
//# A POS MUST send in SessionReady the 4 random bytes of its program run, the same ones in every session of
//# that run.
#[test]
fn each_session_is_told_the_time_of_its_own_commit_and_the_same_run() {
    let mut bench = PosBench::synced();
    bench.reopen();
    let first = ready(&bench.hear()).clone();
    bench.pass(5_000_000);
    bench.reopen();
    let second = ready(&bench.hear()).clone();
    assert_eq!(first.pos_time, 1_800_000_000);
    assert!(second == wire::SessionReady { pos_time: 1_800_005_000, ..first });
    bench.clock.unix = None;
    bench.reopen();
    assert_eq!(ready(&bench.hear()).pos_time, 0);
}

//= spec-crate/spec/messages.md#sessionready
//= type=test
//# A POS MUST set `simulated` in SessionReady exactly if no platform that it would ask for an order of
//# the session's agreement moves real money.
#[test]
fn a_session_is_simulated_as_its_own_agreement_says_also_across_a_roll_over() {
    let (simulated, production) = (agreement(1, true), agreement(2, false));
    let mut bench = PosBench::new(vec![production.clone(), simulated.clone()], terminals(1, None));
    assert!(ready(&bench.hear()).simulated);

    let mut bench = PosBench::new(vec![simulated.clone()], terminals(1, None));
    assert!(ready(&bench.hear()).simulated);
    bench.link.provision(vec![production.clone(), simulated], terminals(1, None), Vec::new(), bench.clock);
    bench.his_holds(&[production]);
    bench.reopen();
    assert!(!ready(&bench.hear()).simulated);
}

//= spec-crate/spec/key-exchange.md#what-an-end-holds
//= type=test
//# A registry MUST contain every entry, a revoked one as well, except that the registry of a POS does not
//# contain terminals which are revoked as compromised.
#[test]
fn a_terminal_whose_key_is_compromised_gets_no_session_and_a_retired_one_does() {
    let up = |revocation| {
        let bench = PosBench::new(vec![agreement(1, true)], terminals(1, revocation));
        bench.events.iter().any(|event| matches!(event, PosEvent::SessionUp { .. }))
    };
    assert!(up(None));
    assert!(up(Some(Revocation::Retired)));
    assert!(!up(compromised()));
}

//= spec-crate/spec/provisioning.md#taking-a-manifest-over
//= type=test
//# A program MUST use a manifest that it has taken over for all new sessions and new orders from then on, and
//# a POS also to end, with sealed alert 0 (close), the live session of a terminal that the manifest revokes
//# as compromised.
#[test]
fn a_live_session_ends_when_its_terminal_becomes_compromised_and_not_when_it_is_retired() {
    let mut bench = PosBench::synced();
    let provision = |bench: &mut PosBench, serial, revocation| {
        let (agreements, terminals) = (vec![agreement(1, true)], terminals(serial, revocation));
        bench.link.provision(agreements, terminals, Vec::new(), bench.clock);
        bench.run();
    };
    provision(&mut bench, 2, Some(Revocation::Retired));
    assert_eq!(bench.ends, []);
    provision(&mut bench, 3, compromised());
    assert_eq!(bench.ends, [SessionEnd::PeerAlert(0)]);
    bench.events.clear();
    bench.pass(60_000);
    assert!(!bench.events.iter().any(|event| matches!(event, PosEvent::SessionUp { .. })));
}

//= spec-crate/spec/messages.md#open-calls
//= type=test
//# A receiver MUST end the session with sealed alert 22 (limit) at a request with a new number if 8
//# requests (OPEN_CALLS_MAX) with other numbers of this session wait for their answer.
#[test]
fn nine_requests_that_wait_end_the_session_with_limit_and_repeats_do_not() {
    let mut bench = PosBench::synced();
    bench.store.slow = true;
    for call in (2..=9).chain(2..=9) {
        bench.say(call, 0, list());
    }
    assert_eq!(bench.ends, []);
    bench.say(10, 0, list());
    assert_eq!(bench.ends, [SessionEnd::PeerAlert(22)]);
}

//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A receiver MUST handle the requests of a session one after the other, in the order in which their records
//# opened.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A receiver MUST send an answer with the `call` of its request as `reply_to`.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A receiver MUST send an answer only in the session in which the request came.
#[test]
fn a_request_of_an_earlier_session_that_waits_does_not_take_the_place_of_one_of_this_session() {
    let mut bench = PosBench::synced();
    bench.store.slow = true;
    (2..=5).for_each(|call| bench.say(call, 0, list()));
    bench.reopen();
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    (2..=5).for_each(|call| bench.say(call, 0, list()));
    bench.store.slow = false;
    bench.hear();
    bench.run();
    let answered: Vec<u32> = bench.hear().iter().map(|message| message.reply_to).collect();
    assert_eq!(answered, [1, 2, 3, 4, 5]);
}

//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A receiver MUST send an answer only in the session in which the request came.
#[test]
fn an_answer_that_waits_for_the_disk_is_not_sent_in_a_later_session() {
    let mut bench = PosBench::synced();
    bench.store.unwritten = true;
    let ledger = Anchor { book: BookId::from_bytes([8; 8]), seq: 5, head: [0; 8] }.encode();
    bench.say(2, 0, Some(Body::Ping(wire::Ping { ledger })));
    assert_eq!(bench.hear().len(), 0);
    bench.reopen();
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    bench.store.unwritten = false;
    bench.run();
    let answered: Vec<u32> = bench.hear().iter().map(|message| message.reply_to).collect();
    assert_eq!(answered, [0, 1]);
}

#[test]
fn what_falls_due_while_something_else_comes_in_is_done_and_not_passed_over() {
    let agreements = vec![agreement(1, true)];
    let merchants: Vec<_> =
        Channel::ALL.into_iter().filter_map(|channel| agreements[0].merchant(channel)).collect();
    let mut bench = PosBench::synced();
    bench.link.provision(agreements, terminals(1, None), merchants, bench.clock);
    let ask = bench.asked().unwrap();
    let verdict = Verdict {
        id: ask.id,
        proof: Proof::MerchantRefused,
        provider_code: "NOAUTH".into(),
        date: None,
        first_byte: Some(bench.clock.now),
        ended: bench.clock.now,
        answered: true,
    };
    bench.link.handle_input(Input::Verdict(verdict), bench.clock);
    assert!(bench.asked().is_none());
    // At that very moment a byte comes in, and after it no tick.
    bench.clock.now = bench.clock.now.after(VERIFY_RETRY);
    bench.link.handle_input(Input::Bytes(&[0]), bench.clock);
    assert!(bench.asked().is_some());
}
