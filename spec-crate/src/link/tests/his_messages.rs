//! Messages of a HIS: how its calls are numbered, repeated and forgotten, and what it takes for what.

use std::string::String;
use std::vec;
use std::vec::Vec;

use prost::Message as _;

use super::bench::{HisBench, START, agreement, entry, site};
use super::his::collect;
use super::his_orders::{asked, only, open, pass, state};
use crate::amount::Amount;
use crate::book::{Index, Query, Row, RowKey, Table, Write};
use crate::error::Refusal;
use crate::ids::{DeviceId, OrderNo};
use crate::link::his::{HisOrderEvent, NewCollect, OrderView};
use crate::link::{HisEvent, Input};
use crate::message::agreement::Timers;
use crate::message::manifest::{Manifest, Revocation};
use crate::message::order::{NewOrder, OrderCore};
use crate::order_flow::Body;
use crate::session::{PosSession, SessionEnd};
use crate::time::UnixSeconds;
use crate::timers;
use crate::wire::{self, HisState};

fn event() -> wire::DeviceEvent {
    wire::DeviceEvent { code: 3, text: "<b>paper</b> & more".into() }
}

/// Repeats and new requests alike.
fn calls(bench: &mut HisBench) -> Vec<(u32, Vec<u8>)> {
    let heard = bench.hear().into_iter();
    let body = |body| wire::Message { body, ..wire::Message::default() }.encode_to_vec();
    heard.map(|message| (message.call, body(message.body))).collect()
}

//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A sender MUST number its requests in each session from 1, each new request 1 above the one before.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# A HIS MUST repeat a request with the same body.
//= spec-crate/spec/messages.md#call-numbers
//= type=test
//# An end MUST forget its open calls, silently, when their session ends or is replaced.
#[test]
fn requests_are_numbered_from_1_in_each_session_repeated_as_they_were_and_forgotten_with_it() {
    let mut bench = HisBench::ready();
    bench.hear();
    collect(&mut bench, 1);
    let first = calls(&mut bench);
    assert_eq!(first.iter().map(|(call, _)| *call).collect::<Vec<_>>(), [3], "behind Sync and the list");
    collect(&mut bench, 2);
    let second = calls(&mut bench);
    assert_eq!(second[0].0, 4);
    bench.pass(1_000);
    let repeats = calls(&mut bench);
    assert_eq!(repeats, [first.clone(), second].concat(), "the same bodies under the same numbers");
    // A new session: nothing of the old one is repeated, and its answers end nothing.
    bench.reopen();
    let sync = calls(&mut bench);
    assert_eq!(sync.iter().map(|(call, _)| *call).collect::<Vec<_>>(), [1]);
    bench.say(0, 3, Some(Body::NoRecord(wire::NoRecord { run: vec![9; 4] })));
    bench.pass(1_000);
    assert_eq!(calls(&mut bench), sync);
    bench.say(0, 1, Some(Body::SyncReply(wire::SyncReply::default())));
    let next: Vec<u32> = calls(&mut bench).into_iter().map(|(call, _)| call).collect();
    assert_eq!(next, [2, 3, 4]);
}

//= spec-crate/spec/messages.md#message
//= type=test
//# A receiver MUST take a Message whose `reply_to` is not 0 for an answer, whatever its `call` is.
#[test]
fn a_message_with_a_reply_number_is_an_answer_whatever_its_own_number_is() {
    let mut bench = HisBench::new();
    let sync = bench.hear().pop().unwrap().call;
    bench.say(77, sync, Some(Body::SyncReply(wire::SyncReply::default())));
    assert!(bench.link.view().ready);
    assert!(bench.hear().iter().all(|message| message.reply_to == 0), "it is not taken for a request");
    bench.say(78, 99, Some(Body::ReportResult(wire::ReportResult::default())));
    bench.say(79, 99, None);
    assert!(bench.hear().is_empty());
}

//= spec-crate/spec/messages.md#unknown-bodies
//= type=test
//# A HIS MUST take the body of a SessionReady, of an OrderState that is no answer and of a DeviceEvent as a
//# notice, whatever `call` says.
//= spec-crate/spec/messages.md#deviceevent
//= type=test
//# A HIS MUST show the `text` of a DeviceEvent as text only, and let no decision depend on a DeviceEvent.
#[test]
fn notices_of_a_pos_are_notices_whatever_their_number_and_their_text_is_only_shown() {
    let mut bench = HisBench::ready();
    let order_no = collect(&mut bench, 1);
    let (rows, view) = (bench.store.anchor(), bench.link.view());
    bench.hear();
    bench.events.clear();
    let ready = wire::SessionReady { run: vec![1, 2, 3, 4], simulated: true, ..Default::default() };
    for (call, body) in (5..).zip([Body::DeviceEvent(event()), open(&order_no).unwrap(), Body::Ready(ready)])
    {
        bench.say(call, 0, Some(body));
    }
    assert!(bench.hear().is_empty(), "nothing is answered");
    let shown = HisEvent::DeviceNotice { code: 3, text: event().text };
    assert_eq!(bench.events[0], shown);
    assert!(matches!(bench.events[1], HisEvent::Progress(_)) && bench.events.len() == 2);
    assert_eq!((bench.store.anchor(), bench.link.view()), (rows, view));
}

//= spec-crate/spec/messages.md#sessionready
//= type=test
//# A HIS MUST end the session with sealed alert 0 (close), and use nothing else that comes in it, if
//# `simulated` differs from `simulated` of the session's agreement.
#[test]
fn a_pos_that_disagrees_on_whether_money_is_real_is_left_and_nothing_of_it_is_used() {
    let mut bench = HisBench::ready();
    bench.events.clear();
    bench.say(0, 0, Some(Body::Ready(wire::SessionReady { run: vec![7; 4], ..Default::default() })));
    assert_eq!(bench.ends, [SessionEnd::PeerAlert(0)]);
    assert!(bench.events.iter().all(|event| matches!(event, HisEvent::SessionDown { .. })));
    assert!(!bench.link.view().ready);
    // What came in the same bytes behind it is not used, either.
    let mut bench = HisBench::ready();
    bench.events.clear();
    for body in [
        Body::Ready(wire::SessionReady { run: vec![7; 4], ..Default::default() }),
        Body::DeviceEvent(event()),
    ] {
        let message = wire::Message { body: Some(body), ..wire::Message::default() };
        bench.peer.send(&message.encode_to_vec(), bench.clock.now).unwrap();
    }
    bench.run();
    assert!(bench.events.iter().all(|event| matches!(event, HisEvent::SessionDown { .. })));
}

//= spec-crate/spec/messages.md#sessionready
//= type=test
//# A HIS MUST NOT make an order in a session before it has the `run` of SessionReady.
#[test]
fn no_order_is_made_before_the_run_of_the_pos_is_known() {
    let mut bench = HisBench::ready();
    bench.hear();
    // A POS that says nothing of its run.
    bench.peer = PosSession::open(wire::SessionReady::default());
    bench.link.handle_input(Input::Opened, bench.clock);
    bench.pass(0);
    let (sync, _) = only(&mut bench);
    bench.say(0, sync, Some(Body::SyncReply(wire::SyncReply::default())));
    assert!(bench.link.view().ready);
    let amount = Amount::from_fen(100).unwrap();
    let new = NewCollect { ticket: 1, bill: "bill".into(), amount, business_day: 20_270_115 };
    assert_eq!(bench.link.collect(new, bench.clock), Err(Refusal::NoSession));
}

//= spec-crate/spec/messages.md#orderstate
//= type=test
//# A HIS MUST NOT end an order, release a bill or book money because of an OrderState.
#[test]
fn no_stage_that_a_pos_reports_ends_an_order() {
    let mut bench = HisBench::ready();
    let order_no = collect(&mut bench, 1);
    let before = bench.store.anchor();
    let (call, _) = only(&mut bench);
    for (stage, money) in (0..=9).flat_map(|stage| [(stage, 1), (stage, 2)]) {
        let told = wire::OrderState {
            order_no: order_no.as_str().into(),
            stage,
            money,
            ..wire::OrderState::default()
        };
        bench.say(0, 0, Some(Body::OrderState(told.clone())));
        bench.say(0, call, Some(Body::OrderState(told)));
    }
    assert_eq!((bench.store.anchor(), state(&bench, &order_no)), (before, "sent"));
}

//= spec-crate/spec/messages.md#rejected
//= type=test
//# A HIS MUST treat a Rejected with a code that it does not know like one with a code that has no rule of its
//# own.
#[test]
fn a_refusal_with_an_unknown_code_is_treated_like_one_without_a_rule_of_its_own() {
    let after = |code: i32| {
        let mut bench = HisBench::ready();
        let order_no = collect(&mut bench, 1);
        let (call, _) = only(&mut bench);
        let rejected = wire::Rejected { code, ..wire::Rejected::default() };
        bench.say(0, call, Some(Body::Rejected(rejected)));
        let alarms =
            bench.events.iter().filter(|event| matches!(event, HisEvent::Order(HisOrderEvent::Alarm(_))));
        let alarms = alarms.count();
        (state(&bench, &order_no), alarms, asked(&mut bench).len())
    };
    assert_eq!(after(506), ("cancelling", 0, 1));
    assert_eq!((after(599), after(-1), after(0)), (after(506), after(506), after(506)));
}

//= spec-crate/spec/messages.md#contents-of-fields
//= type=test
//# A sender MUST send as an anchor only that of a record which is durable.
#[test]
fn a_ledgers_anchor_is_that_of_its_last_durable_record() {
    let mut bench = HisBench::ready();
    collect(&mut bench, 1);
    bench.reopen();
    let Some(Body::Sync(sync)) = bench.hear().pop().unwrap().body else { panic!("no Sync") };
    assert_eq!(sync.ledger, bench.store.anchor().encode());
}

fn orders_of_other() -> (OrderNo, Vec<u8>) {
    let order_no = OrderNo::try_from("B7").unwrap();
    let order = NewOrder {
        order_no: order_no.clone(),
        device_id: DeviceId::try_from("POS-2").unwrap(),
        amount: Amount::from_fen(500).unwrap(),
        business_day: 20_270_115,
        agreement_no: 1,
        refund_of: None,
    };
    (order_no, OrderCore::encode(&order).unwrap().bytes().to_vec())
}

//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST store the asked device in the order's row before it sends it the first LookUp.
//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST ask another device by itself about each order in Asking whose own device is revoked, as soon as
//# ORD-215 allows it and a device that is in use has a session past Sync.
//= spec-crate/spec/security.md#losing-a-device-or-a-key
//= type=test
//# A HIS MUST, when a device is marked as compromised, have its open orders looked up at another device of
//# the site as soon as ORD-215 allows.
#[test]
fn open_orders_of_a_revoked_device_are_looked_up_here_by_themselves_once_their_lease_is_over() {
    let compromised = Some(Revocation::Compromised { since: UnixSeconds(1_900_000_000) });
    let looks = |own: Option<Revocation>, other: Option<Revocation>, before: &[&str]| {
        let mut bench = HisBench::ready();
        let (order_no, core) = orders_of_other();
        let row = wire::HisOrder {
            core: core.clone(),
            state: i32::from(HisState::Asking),
            leased_until: bench.clock.now.0 + 100_000,
            devices: before.iter().map(|id| (*id).into()).collect(),
            ..wire::HisOrder::default()
        };
        let index = Index { open: true, device: "POS-2".into(), bill: String::new(), day: 20_270_115 };
        let key = RowKey::new(Table::Order, order_no.as_str());
        bench.store.put(Write { key: key.clone(), bytes: row.encode_to_vec(), index });
        let device = |id, kind, revocation| entry(DeviceId::try_from(id).unwrap(), kind, revocation);
        let devices = vec![device("POS-1", 11, own), device("POS-2", 14, other)];
        let agreements = vec![agreement(1, true)];
        let devices = Manifest::encode(2, &site(), devices).unwrap();
        bench.link.provision(agreements, devices, bench.clock);
        bench.run();
        let quiet = Timers::USUAL.quiet / 1_000;
        pass(&mut bench, 100 + quiet - 1);
        assert!(asked(&mut bench).is_empty(), "leased, or quiet");
        pass(&mut bench, 1);
        let asked: Vec<Body> = asked(&mut bench).into_iter().map(|(_, body)| body).collect();
        let stored = wire::HisOrder::decode(bench.store.row(&key).unwrap().as_slice()).unwrap();
        match asked.as_slice() {
            [] => assert_eq!(stored.devices, before),
            [Body::LookUp(look)] => {
                assert!(look.core == core && !look.fresh);
                assert_eq!(stored.devices.last().unwrap(), "POS-1");
            }
            _ => panic!("something else was asked"),
        }
        asked.len()
    };
    assert_eq!(looks(None, Some(Revocation::Retired), &[]), 1);
    assert_eq!(looks(None, compromised, &[]), 1);
    assert_eq!(looks(None, None, &[]), 0, "only a person asks for a device that is in use");
    assert_eq!(looks(Some(Revocation::Retired), compromised, &[]), 0);
    // Asked about here before the program started again, and by another device that is in use or is not.
    assert_eq!(looks(None, compromised, &["POS-1"]), 1);
    assert_eq!(looks(None, compromised, &["POS-3", "POS-1"]), 1);
    assert_eq!(looks(None, compromised, &["POS-3"]), 0);
    assert_eq!(looks(None, compromised, &["POS-2"]), 1);
}

//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST ask another device than the order's own about an order only in Asking, and only at or after its
//# lease end + T_QUIET, the largest T_QUIET of all agreements held.
#[test]
fn the_lease_of_the_row_counts_and_not_that_of_a_view_that_a_program_has_kept() {
    let mut bench = HisBench::ready();
    let (order_no, core) = orders_of_other();
    let key = RowKey::new(Table::Order, order_no.as_str());
    let row = |leased_until| wire::HisOrder {
        core: core.clone(),
        state: i32::from(HisState::Asking),
        leased_until,
        ..wire::HisOrder::default()
    };
    let kept = Row { key: key.clone(), version: 1, bytes: row(1).encode_to_vec() };
    let kept = OrderView::read(&kept).unwrap();
    let over = bench.clock.now.0 + 100_000;
    let index = Index { open: true, device: "POS-2".into(), bill: String::new(), day: 20_270_115 };
    bench.store.put(Write { key: key.clone(), bytes: row(over).encode_to_vec(), index });
    let mut looked = |wait| {
        pass(&mut bench, wait);
        bench.link.look_up(&kept, bench.clock).unwrap();
        bench.run();
        let stored = wire::HisOrder::decode(bench.store.row(&key).unwrap().as_slice()).unwrap();
        (asked(&mut bench).len(), stored.devices)
    };
    assert_eq!(looked(0), (0, vec![]));
    assert_eq!(looked(100 + Timers::USUAL.quiet / 1_000 - 1), (0, vec![]));
    assert_eq!(looked(1), (1, vec!["POS-1".into()]));
}

//= spec-crate/spec/orders.md#another-device
//= type=test
//# A HIS MUST ask another device than the order's own about an order only in Asking, and only at or after its
//# lease end + T_QUIET, the largest T_QUIET of all agreements held.
//= spec-crate/spec/orders.md#what-his-asks-in-a-session
//= type=test
//# A HIS MUST send QueryOrder for an order in state Sent, CancelOrder in Cancelling and LookUp without
//# `fresh` in Asking, the last also to each other device that the row names, and SubmitOrder in Sent only in
//# the session in which the order was made or after a NoRecord of its own run.
#[test]
fn a_device_that_a_row_names_is_asked_after_a_start_too_and_not_inside_a_new_lease() {
    let (order_no, core) = orders_of_other();
    let key = RowKey::new(Table::Order, order_no.as_str());
    let row = |core: &[u8], leased_until| {
        let row = wire::HisOrder {
            core: core.to_vec(),
            state: i32::from(HisState::Asking),
            devices: vec!["POS-1".into()],
            leased_until,
            ..wire::HisOrder::default()
        };
        let index = Index { open: true, device: "POS-2".into(), bill: String::new(), day: 20_270_115 };
        Write { key: key.clone(), bytes: row.encode_to_vec(), index }
    };
    let quiet = Timers::USUAL.quiet / 1_000;
    // A start of HIS has given it a new lease.
    let mut bench = HisBench::ready_over(Some(row(&core, START.now.0 + 100_000)));
    assert!(asked(&mut bench).is_empty());
    pass(&mut bench, 100 + quiet - 1);
    assert!(asked(&mut bench).is_empty(), "leased, or quiet");
    pass(&mut bench, 1);
    assert!(matches!(only(&mut bench).1, Body::LookUp(look) if look.core == core));
    // Its own device holds another order: a new lease, and another core.
    let other = OrderCore::decode(core.clone()).unwrap();
    let other = OrderCore::encode(&NewOrder {
        order_no: order_no.clone(),
        device_id: other.device_id().clone(),
        amount: Amount::from_fen(600).unwrap(),
        business_day: other.business_day(),
        agreement_no: 1,
        refund_of: None,
    })
    .unwrap();
    bench.store.put(row(other.bytes(), bench.clock.now.0 + 100_000));
    bench.link.refresh(&order_no, bench.clock);
    bench.run();
    pass(&mut bench, 100 + quiet - 1);
    assert!(asked(&mut bench).is_empty(), "leased, or quiet");
    pass(&mut bench, 1);
    assert!(matches!(only(&mut bench).1, Body::LookUp(look) if look.core == other.bytes()));
}

#[test]
fn orders_of_a_revoked_device_are_not_looked_for_again_while_the_store_is_asked() {
    let mut bench = HisBench::ready();
    let device = |id, kind, revocation| entry(DeviceId::try_from(id).unwrap(), kind, revocation);
    let devices = vec![device("POS-1", 11, None), device("POS-2", 14, Some(Revocation::Retired))];
    let devices = Manifest::encode(2, &site(), devices).unwrap();
    bench.store.slow = true;
    bench.link.provision(vec![agreement(1, true)], devices, bench.clock);
    bench.run();
    for _ in 0..3 {
        bench.pass(timers::VERIFY_RETRY);
    }
    bench.store.slow = false;
    bench.run();
    let looks = |query: &&Query| matches!(query, Query::Open { device, .. } if device == "POS-2");
    assert_eq!(bench.store.answered.iter().filter(looks).count(), 1);
}
