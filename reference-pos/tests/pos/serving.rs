//! The running terminal between a HIS and a platform.

use std::io::Write;

use hispos::catalogue::RejectCode;
use hispos::link::HisEvent;
use hispos::message::result::Outcome;
use hispos_common::line::LineConfig;
use serde_json::json;

use crate::desk::Desk;
use crate::world::{Serving, World, everything_written};

const CODE: &str = "130000000000000100";

fn listening(world: &World) -> (Serving, LineConfig) {
    let serving = world.serve(&["--listen", "127.0.0.1:0", "--scanner", "stdin"]);
    let line = world.ok(&["status"])["line"].as_str().unwrap().to_owned();
    (serving, LineConfig::Dial(line))
}

//= spec-crate/spec/orders.md#results
//= type=test
//# A POS MUST sign the canonical bytes of a result with Ed25519 and its device key over 64 bytes 0x20,
//# `hispos/1 result`, one byte 00, and those bytes.
//= spec-crate/spec/orders.md#waitcode
//= type=test
//# A POS MUST take a scanned code only while an order in WaitCode of the present run waits and only for a
//# channel that has a merchant in the order's agreement, show a clear text for every other code, and keep
//# none of those.
#[test]
fn an_order_is_collected_from_the_scan_to_the_signed_result() {
    let world = World::provisioned();
    let (serving, line) = listening(&world);
    // Nothing waits yet: the code is refused, and not kept.
    let (code, answer) = world.run(&["scan", CODE]);
    assert_eq!((code, answer["exit"].as_str()), (3, Some("refused")));
    let mut desk = Desk::open(&world, &line);
    desk.ready();
    desk.collect("bill-1", 12_345);
    desk.waits_for_code();
    let shown = serving.wait("wait_code");
    assert_eq!(shown["text"], "Please show your payment code: 123.45 yuan");
    let status = world.ok(&["status"]);
    assert_eq!(
        (&status["active"]["stage"], &status["active"]["amount_fen"]),
        (&json!("wait_code"), &json!(12_345))
    );
    assert_eq!(world.ok(&["scan", CODE])["channel"], "wechat");
    let ended = desk.ended();
    assert_eq!((ended.outcome, ended.posting), (Some(Outcome::Paid), "unposted"));
    let shown = serving.wait("ended");
    assert_eq!((&shown["outcome"], &shown["status"]), (&json!("paid"), &json!("paid")));
    serving.wait("answered");
    let book = world.bank.book();
    assert_eq!(book.orders.iter().map(|order| order.captured).collect::<Vec<_>>(), [12_345]);
    assert_eq!(book.calls.iter().filter(|call| format!("{call:?}").contains("pay")).count(), 1);
    world.ok(&["journal", "verify"]);
}

//= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
//= type=test
//# A HIS and a POS MUST NOT send a name, a diagnosis, a department, a treatment, a bill key, an identity
//# number or an insurance number over the link or to a platform.
//= spec-crate/spec/privacy.md#payment-codes
//= type=test
//# A POS MUST NOT write a payment code to a disk, a log, a core dump, an error text, a display or the link.
//= spec-crate/spec/privacy.md#payment-codes
//= type=test
//# A POS MUST NOT keep any part of a scanned text that was not taken as a payment code, such as an insurance
//# code.
//= spec-crate/spec/privacy.md#keys-and-secrets
//= type=test
//# A HIS and a POS MUST NOT write a private key, the site secret, a session secret or a platform credential
//# to a log, an error text or an export.
#[test]
fn no_payment_code_and_no_secret_is_left_on_the_disk() {
    let world = World::provisioned();
    let (mut serving, line) = listening(&world);
    let mut desk = Desk::open(&world, &line);
    desk.ready();
    desk.collect("bill-1", 500);
    desk.waits_for_code();
    writeln!(serving.stdin.as_mut().unwrap(), "4240123456789012345678901234").unwrap();
    assert_eq!(serving.wait("code_refused")["why"], "insurance");
    writeln!(serving.stdin.as_mut().unwrap(), "{CODE}\r").unwrap();
    assert_eq!(desk.ended().outcome, Some(Outcome::Paid));
    serving.kill();
    let written = everything_written(&world.home());
    let secret = "11".repeat(32);
    for hidden in [CODE, "4240123456789012345678901234", &secret, "bill-1"] {
        assert!(!written.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
    }
}

//= spec-crate/spec/conformance.md#testing-with-a-driver
//= type=test
//# An implementation of level HIS or POS MUST be testable by such a driver without changes to its code, in a
//# simulated site.
#[test]
fn a_terminal_killed_while_the_patient_types_finds_out_after_its_restart() {
    let world = World::provisioned();
    let (serving, line) = listening(&world);
    let mut desk = Desk::open(&world, &line);
    desk.ready();
    desk.collect("bill-1", 4000);
    desk.waits_for_code();
    // Story 01: the password is typed a little later.
    world.ok(&["scan", "130000000000000101"]);
    serving.wait("user_confirming");
    serving.kill();
    let LineConfig::Dial(address) = &line else { panic!() };
    let serving = world.serve(&["--listen", address]);
    let ended = desk.ended();
    assert_eq!(ended.outcome, Some(Outcome::Paid), "{ended:?}");
    serving.wait("answered");
    assert_eq!(world.bank.book().orders.iter().map(|order| order.captured).collect::<Vec<_>>(), [4000]);
    world.ok(&["journal", "verify"]);
}

#[test]
#[cfg(unix)]
fn a_terminal_that_is_told_to_stop_closes_in_order_and_leaves_no_door() {
    let world = World::provisioned();
    let (serving, _) = listening(&world);
    assert_eq!(serving.stop(), 0);
    assert!(!world.home().join("control.json").exists());
}

#[test]
#[cfg(unix)]
fn a_pseudo_terminal_serves_like_a_serial_cable() {
    let world = World::provisioned();
    let link = world.text("cable");
    let serving = world.serve(&["--pty", "--pty-link", &link]);
    let cable = LineConfig::Serial { path: link, baud: 115_200 };
    let mut desk = Desk::open(&world, &cable);
    for (bill, code) in [("bill-1", "2800000000000100"), ("bill-2", "2800000000000200")] {
        desk.ready();
        desk.collect(bill, 1234);
        desk.waits_for_code();
        world.ok(&["scan", code]);
        assert_eq!(desk.ended().outcome, Some(Outcome::Paid));
        serving.wait("answered");
        desk.plug_again(&cable);
    }
}

//= spec-crate/spec/orders.md#accepting
//= type=test
//# A POS MUST refuse new orders while its storage has less free space than it needs to record the end of
//# every order that has not ended.
#[test]
fn a_disk_that_is_nearly_full_takes_no_new_order() {
    let world = World::provisioned();
    // More than any disk has.
    let _serving = world.serve(&["--listen", "127.0.0.1:0", "--reserve", "1000000000000"]);
    let address = world.ok(&["status"])["line"].as_str().unwrap().to_owned();
    let mut desk = Desk::open(&world, &LineConfig::Dial(address));
    desk.ready();
    desk.collect("bill-1", 500);
    let why = desk.wait("a rejection", |event| match event {
        HisEvent::Rejected { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Some(RejectCode::Storage));
}

//= spec-crate/spec/orders.md#act-only-on-what-is-stored
//= type=test
//# A HIS or a POS that cannot make a step durable MUST stop telling and sending anything about orders, and go
//# on only from its book as a program that has just started.
#[test]
fn a_journal_that_cannot_be_written_stops_the_terminal_with_an_alarm() {
    let world = World::provisioned();
    let (serving, line) = listening(&world);
    let mut desk = Desk::open(&world, &line);
    desk.ready();
    let other = rusqlite::Connection::open(world.home().join("journal.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    desk.collect("bill-1", 500);
    desk.wait("the end of the line", |event| matches!(event, HisEvent::SessionDown { .. }).then_some(()));
    assert_eq!(serving.exit_code(), 6);
    assert!(world.bank.book().calls.is_empty());
}
