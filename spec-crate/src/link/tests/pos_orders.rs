//! What a POS answers about orders, and how it reports results, over a whole link.

use std::string::String;
use std::vec;
use std::vec::Vec;

use prost::Message as _;

use super::bench::{PosBench, SOFTWARE, agreement, terminals};
use super::pos::{alert, ready};
use crate::amount::Amount;
use crate::book::{Anchor, RowKey, Table};
use crate::ids::{BookId, DeviceId, OrderNo};
use crate::limits::{LIST_ITEMS_MAX, PLAINTEXT_BYTES_MAX};
use crate::link::{Input, Output};
use crate::message::order::{NewOrder, OrderCore};
use crate::message::result::{ResultCore, result_hash};
use crate::order_flow::Body;
use crate::platform::{AskId, Channel, Proof, Verdict};
use crate::wire;

fn core(order_no: &str) -> Vec<u8> {
    let order = NewOrder {
        order_no: OrderNo::try_from(order_no).unwrap(),
        device_id: DeviceId::try_from("POS-1").unwrap(),
        amount: Amount::from_fen(500).unwrap(),
        business_day: 20_270_115,
        agreement_no: 1,
        refund_of: None,
    };
    OrderCore::encode(&order).unwrap().bytes().to_vec()
}

/// A POS past Sync, and its run.
fn synced() -> (PosBench, Vec<u8>) {
    let mut bench = PosBench::new(vec![agreement(1, true)], terminals(1, None));
    let run = ready(&bench.hear()).run.clone();
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    bench.hear();
    (bench, run)
}

fn cancel(order_no: &str, run: &[u8]) -> Option<Body> {
    let cancel = wire::CancelOrder { core: core(order_no), run: run.to_vec(), search: Vec::new() };
    Some(Body::CancelOrder(cancel))
}

/// Reports that were heard: call, order number, what they say.
fn reports(bench: &mut PosBench) -> Vec<(u32, String, wire::ReportResult)> {
    let heard = bench.hear().into_iter().filter_map(|message| match message.body {
        Some(Body::ReportResult(report)) => {
            assert_eq!(message.reply_to, 0);
            let result = ResultCore::decode(report.result.clone()).unwrap();
            Some((message.call, result.get().order_no.as_str().into(), report))
        }
        _ => None,
    });
    heard.collect()
}

fn confirm(report: &wire::ReportResult, order_no: &str) -> Option<Body> {
    Some(Body::ConfirmResult(wire::ConfirmResult {
        order_no: order_no.into(),
        result_hash: result_hash(&report.result).to_vec(),
        disposition: 1,
        ledger: Vec::new(),
    }))
}

/// The answer to a call.
fn reply(bench: &mut PosBench, call: u32) -> Body {
    let answer = bench.hear().into_iter().find(|message| message.reply_to == call);
    answer.and_then(|message| message.body).unwrap()
}

//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A POS that has stopped because of its book MUST answer an M1 with plain alert `busy` (91).
#[test]
fn a_pos_whose_book_failed_is_busy_at_once_and_on_every_later_stream() {
    let (mut bench, run) = synced();
    bench.store.unwritten = true;
    bench.say(2, 0, cancel("B1", &run));
    assert!(bench.hear().is_empty());
    assert_eq!(alert(&bench.m1()), None);
    bench.fail();
    assert!(bench.link.halted());
    assert_eq!(alert(&bench.m1()), Some(91));
    bench.pass(60_000);
    bench.link.handle_input(Input::Opened, bench.clock);
    assert_eq!(alert(&bench.m1()), Some(91));
    assert!(bench.hear().is_empty());
}

//= spec-crate/spec/messages.md#unknown-bodies
//= type=test
//# A receiver MUST answer a request with [Unsupported](#unsupported) if it has no body, a body that the
//# receiver does not know, or a body that is no request of the sender's side.
//= spec-crate/spec/messages.md#message
//= type=test
//# A receiver MUST take a Message whose `reply_to` is not 0 for an answer, whatever its `call` is.
//= spec-crate/spec/messages.md#message
//= type=test
//# A receiver MUST ignore a notice that has no body, a body that it does not know, or a body that is no
//# notice of the sender's side.
#[test]
fn a_request_that_is_none_of_a_his_is_answered_unsupported_and_an_answer_and_a_notice_are_not() {
    let (mut bench, _) = synced();
    let confirm = Body::ConfirmResult(wire::ConfirmResult { order_no: "B1".into(), ..Default::default() });
    let foreign = [
        None,
        Some(confirm.clone()),
        Some(Body::Pong(wire::Pong::default())),
        Some(Body::ReportResult(wire::ReportResult::default())),
        Some(Body::DeviceEvent(wire::DeviceEvent::default())),
    ];
    for (call, body) in (2..).zip(foreign) {
        bench.say(call, 0, body.clone());
        assert!(matches!(reply(&mut bench, call), Body::Unsupported(_)));
        bench.say(call, 99, body.clone());
        if body.is_some() {
            bench.say(0, 0, body);
        }
        assert!(bench.hear().is_empty());
    }
    let ping = Some(Body::Ping(wire::Ping::default()));
    bench.say(20, 99, ping.clone());
    assert!(bench.hear().is_empty(), "an answer, whatever its call is");
    bench.say(20, 0, ping);
    assert!(matches!(reply(&mut bench, 20), Body::Pong(_)));
}

//= spec-crate/spec/messages.md#deviceevent
//= type=test
//# A POS MUST NOT send a `software` of more than 64 characters in SessionReady or a `text` of more than 128
//# characters in DeviceEvent.
#[test]
fn what_a_program_calls_itself_and_says_of_the_device_is_cut_to_its_characters() {
    let mut bench = PosBench::new(vec![agreement(1, true)], terminals(1, None));
    assert_eq!(ready(&bench.hear()).software, SOFTWARE.repeat(64));
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    bench.hear();
    bench.link.notice(7, &"纸".repeat(200), bench.clock).unwrap();
    bench.run();
    let Some(Body::DeviceEvent(event)) = bench.hear().remove(0).body else { panic!("no notice") };
    assert_eq!((event.code, event.text), (7, "纸".repeat(128)));
}

//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A POS MUST answer Ping with the anchor of its journal and its health, where each channel counts as
//# verified if one of its merchants is, `storage_low` says that new orders are refused, and `clock_missing`
//# that it has no calendar clock.
//= spec-crate/spec/messages.md#contents-of-fields
//= type=test
//# A sender MUST send as an anchor only that of a record which is durable.
#[test]
fn a_pong_shows_the_journals_last_durable_record_and_how_the_device_is() {
    let (mut bench, run) = synced();
    bench.link.provision(
        vec![agreement(1, true)],
        terminals(1, None),
        vec![agreement(1, true).merchant(Channel::Wechat).unwrap()],
        bench.clock,
    );
    bench.run();
    let health = |bench: &mut PosBench, call| {
        bench.say(call, 0, Some(Body::Ping(wire::Ping::default())));
        let Body::Pong(pong) = reply(bench, call) else { panic!("no Pong") };
        let health = pong.health.unwrap();
        let told = [health.wechat_verified, health.alipay_verified, health.storage_low, health.clock_missing];
        (pong.journal, told)
    };
    let before = bench.store.anchor().encode();
    assert_eq!(health(&mut bench, 2), (before.clone(), [false; 4]));
    let verdict = Verdict {
        id: AskId(1),
        proof: Proof::Verified,
        provider_code: String::new(),
        date: None,
        first_byte: Some(bench.clock.now),
        ended: bench.clock.now,
        answered: true,
    };
    bench.link.handle_input(Input::Verdict(verdict), bench.clock);
    bench.link.set_storage(false);
    bench.clock.unix = None;
    bench.run();
    assert_eq!(health(&mut bench, 3), (before.clone(), [true, false, true, true]));
    // A record that is not durable yet shows in nothing.
    bench.store.unwritten = true;
    bench.say(4, 0, cancel("B1", &run));
    bench.say(5, 0, Some(Body::Ping(wire::Ping::default())));
    assert!(bench.hear().is_empty());
    bench.store.unwritten = false;
    bench.run();
    let after = bench.store.anchor().encode();
    assert!(after != before && matches!(reply(&mut bench, 5), Body::Pong(pong) if pong.journal == after));
}

//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS MUST report no result in a session before the Sync of that session came, and none while a step is
//# not yet durable.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS MUST send the anchor of its journal's latest durable record with each ReportResult.
//= spec-crate/spec/messages.md#contents-of-fields
//= type=test
//# A sender MUST send as an anchor only that of a record which is durable.
#[test]
fn nothing_is_reported_before_it_is_durable_or_before_the_sync_of_a_session() {
    let (mut bench, run) = synced();
    bench.store.unwritten = true;
    bench.say(2, 0, cancel("B1", &run));
    bench.pass(5_000);
    assert!(bench.hear().is_empty());
    bench.store.unwritten = false;
    bench.run();
    let told = reports(&mut bench);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].2.journal, bench.store.anchor().encode());
    bench.reopen();
    bench.pass(10_000);
    assert!(reports(&mut bench).is_empty());
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    assert_eq!(reports(&mut bench).len(), 1);
}

//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS MUST have at most one ReportResult open, which is open until it is answered or 2 seconds have passed
//# since it was sent.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS that has just signed a result MUST report it before the rest of the present round, and begin the
//# next round 2 seconds later with the gap of 2 seconds again.
//= spec-crate/spec/orders.md#reporting-results
//= type=test
//# A POS MUST use one call number for all reports of one order in one session.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A sender MUST number its requests in each session from 1, each new request 1 above the one before.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# An end MUST forget its open calls, silently, when their session ends or is replaced.
#[test]
fn results_are_reported_one_after_the_other_a_new_one_first_and_each_under_its_number() {
    let (mut bench, run) = synced();
    for (call, order_no) in (2..).zip(["B1", "B2", "B3"]) {
        bench.say(call, 0, cancel(order_no, &run));
    }
    bench.hear();
    bench.reopen();
    bench.hear();
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    let calls = |bench: &mut PosBench| -> Vec<(u32, String)> {
        reports(bench).into_iter().map(|(call, order_no, _)| (call, order_no)).collect()
    };
    let called = |call, order_no: &str| vec![(call, String::from(order_no))];
    // A new session numbers from 1 again.
    let first = reports(&mut bench);
    assert_eq!((first.len(), first[0].0, first[0].1.as_str()), (1, 1, "B1"));
    bench.pass(1_999);
    assert_eq!(calls(&mut bench), []);
    bench.pass(1);
    assert_eq!(calls(&mut bench), called(2, "B2"), "not answered within two seconds");
    // A result is signed while one is open: it comes next, and the rest of the round behind it.
    bench.say(2, 0, cancel("B4", &run));
    assert_eq!(calls(&mut bench), []);
    bench.pass(2_000);
    assert_eq!(calls(&mut bench), called(3, "B4"));
    bench.pass(2_000);
    assert_eq!(calls(&mut bench), called(4, "B3"));
    // An answer lets the next one go at once; the next round has the same numbers.
    bench.say(0, 1, confirm(&first[0].2, "B1"));
    bench.pass(2_000);
    assert_eq!(calls(&mut bench), called(2, "B2"));
    let hash = {
        bench.pass(2_000);
        reports(&mut bench).remove(0)
    };
    assert_eq!((hash.0, hash.1.as_str()), (4, "B3"));
    bench.say(0, 4, confirm(&hash.2, "B3"));
    assert_eq!(calls(&mut bench), called(3, "B4"));
}

//= spec-crate/spec/messages.md#confirmresult
//= type=test
//# A POS MUST take in a ConfirmResult that opened before its session ended, also if it comes to handle it
//# only after that end.
#[test]
fn a_confirmation_that_waits_for_the_disk_counts_also_when_its_session_has_ended() {
    let (mut bench, run) = synced();
    bench.say(2, 0, cancel("B1", &run));
    let (call, _, report) = reports(&mut bench).remove(0);
    bench.store.unwritten = true;
    let ledger = Anchor { book: BookId::from_bytes([8; 8]), seq: 5, head: [0; 8] }.encode();
    bench.say(3, 0, Some(Body::Ping(wire::Ping { ledger })));
    bench.say(0, call, confirm(&report, "B1"));
    bench.reopen();
    bench.store.unwritten = false;
    bench.run();
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    bench.pass(10_000);
    assert_eq!(reports(&mut bench).len(), 0);
}

//= spec-crate/spec/orders.md#ended
//= type=test
//# A POS MUST keep the cores and results of ended orders for as long as it keeps its journal.
#[test]
fn an_order_that_has_ended_and_was_answered_is_in_the_journal_for_ever() {
    let (mut bench, run) = synced();
    bench.say(2, 0, cancel("B1", &run));
    let (call, _, report) = reports(&mut bench).remove(0);
    bench.say(0, call, confirm(&report, "B1"));
    bench.pass(400 * 86_400_000);
    bench.reopen();
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    bench.hear();
    bench.say(2, 0, cancel("B1", &run));
    let Body::SignedResult(signed) = reply(&mut bench, 2) else { panic!("no result") };
    assert_eq!((signed.result, signed.signature), (report.result, report.signature));
    let row = bench.store.row(&RowKey::new(Table::Order, "B1")).unwrap();
    assert_eq!(wire::PosOrder::decode(row.as_slice()).unwrap().core, core("B1"));
}

//= spec-crate/spec/orders.md#orphans
//= type=test
//# A POS MUST answer ListOrders with the orders whose latest record is above `seq`, in the order of that
//# record, at most 8 and as many whole ones as fit into one plaintext of 1,024 bytes, at least one if there
//# is any, and `more` if there are others.
//= spec-crate/spec/orders.md#orphans
//= type=test
//# A POS MUST begin at its first record if the `book` of a ListOrders is not its present book.
//= spec-crate/spec/messages.md#orderlist
//= type=test
//# A POS MUST set `book` of OrderList to the id of its present book.
#[test]
fn a_list_has_whole_items_in_the_order_of_their_records_from_a_place_in_the_present_book() {
    let (mut bench, run) = synced();
    let numbers: Vec<String> = (0..12).map(|nth| std::format!("B{nth:023}")).collect();
    for (call, order_no) in (2..).zip(&numbers) {
        bench.say(call, 0, cancel(order_no, &run));
        bench.hear();
    }
    let book = bench.store.anchor().book.as_bytes().to_vec();
    let list = |bench: &mut PosBench, call, book: &[u8], seq| {
        bench.say(call, 0, Some(Body::ListOrders(wire::ListOrders { book: book.to_vec(), seq })));
        let answer = bench.hear().into_iter().find(|message| message.reply_to == call).unwrap();
        assert!(answer.encoded_len() <= PLAINTEXT_BYTES_MAX);
        let Some(Body::OrderList(list)) = answer.body else { panic!("no list") };
        assert_eq!(list.book, bench.store.anchor().book.as_bytes());
        list
    };
    let (mut seen, mut seq, mut call) = (Vec::new(), 0, 20);
    loop {
        let page = list(&mut bench, call, &book, seq);
        assert!(!page.items.is_empty() && page.items.len() <= LIST_ITEMS_MAX);
        assert!(page.items.windows(2).all(|pair| pair[0].seq < pair[1].seq) && page.items[0].seq > seq);
        seq = page.items.last().unwrap().seq;
        seen.extend(page.items.iter().map(|item| OrderCore::decode(item.core.clone()).unwrap()));
        call += 1;
        if !page.more {
            break;
        }
    }
    let seen: Vec<&str> = seen.iter().map(|core| core.order_no().as_str()).collect();
    assert_eq!(seen, numbers);
    // As many as fit: one more would not have.
    let first = list(&mut bench, 40, &[], 0);
    let item = first.items[0].encoded_len();
    assert!(first.encoded_len() + item + 16 > PLAINTEXT_BYTES_MAX || first.items.len() == LIST_ITEMS_MAX);
    // A place in another book says nothing.
    assert!(list(&mut bench, 41, &[1; 8], seq) == first);
    let none = list(&mut bench, 42, &book, seq);
    assert!(none.items.is_empty() && !none.more);
}

#[test]
fn a_result_that_may_not_be_reported_yet_wakes_nobody() {
    let (mut bench, run) = synced();
    bench.say(2, 0, cancel("B1", &run));
    assert_eq!(reports(&mut bench).len(), 1);
    // Without the Sync of its session.
    bench.reopen();
    bench.hear();
    bench.pass(1);
    let Output::Timeout(due) = bench.link.poll_output() else { panic!("not quiet") };
    assert!(due.is_none_or(|due| due > bench.clock.now), "{due:?} {:?}", bench.clock.now);
    // While a step waits for the disk.
    bench.say(1, 0, Some(Body::Sync(wire::Sync::default())));
    bench.store.unwritten = true;
    bench.say(2, 0, cancel("B2", &run));
    bench.pass(60_000);
    let Output::Timeout(due) = bench.link.poll_output() else { panic!("not quiet") };
    assert!(due.is_none_or(|due| due > bench.clock.now), "{due:?} {:?}", bench.clock.now);
    // After the book has failed.
    bench.fail();
    bench.pass(1);
    let Output::Timeout(due) = bench.link.poll_output() else { panic!("not quiet") };
    assert!(due.is_none_or(|due| due > bench.clock.now), "{due:?} {:?}", bench.clock.now);
}
