//! What the checkers say about histories that no right program makes, and what they leave to the residual risks.

#![expect(clippy::unwrap_used, reason = "a test's own numbers are right")]

use std::collections::BTreeSet;

use hispos::amount::Amount;
use hispos::ids::{OperatorId, OrderNo, PlatformNumber};
use hispos::ledger::{CaptureView, OrderView};
use hispos::message::agreement::Timers;
use hispos::message::order::RefundOf;
use hispos::platform::Channel;
use hispos_sim::checkers;
use hispos_sim::history::{Fact, History, Rest};
use hispos_sim::platform::Money;

const NUMBER: &str = "SIM1B0W";
const PAYMENT: &str = "wx-1";

fn number(text: &str) -> OrderNo {
    OrderNo::try_from(text).unwrap()
}

fn order(order_no: &str, fen: i64, state: &'static str) -> OrderView {
    let refund_of = (fen < 0).then(|| RefundOf {
        order_no: number("B0"),
        agreement_no: 1,
        channel: Channel::Wechat,
        amount: 1_000,
        payment_no: PAYMENT.into(),
        operator: OperatorId::try_from("op-1").unwrap(),
        approver: OperatorId::try_from("op-2").unwrap(),
        reason: "wrong item".into(),
    });
    OrderView {
        order_no: number(order_no),
        bill: "bill-0".into(),
        device_id: None,
        terminal_id: "T1".into(),
        amount: Amount::from_fen(fen).ok(),
        business_day: 20_261_001,
        state,
        ended: state != "sent",
        outcome: None,
        status: 0,
        channel: None,
        payment_no: None,
        refund_id: None,
        captured_at: None,
        posting: "none",
        refund_of,
        item: String::new(),
        made_at: 0,
        ended_at: 0,
        leased_until: 0,
        devices: Vec::new(),
        evidence: 0,
        orphan: false,
        rejected: 0,
    }
}

fn made(order: OrderView) -> Fact {
    Fact::Made { order: Box::new(order), start_by: 0, act_by: 0 }
}

fn capture(refunded: u64, reserved: u64) -> CaptureView {
    CaptureView {
        number: NUMBER.into(),
        order_no: "B0".into(),
        bill: "bill-0".into(),
        channel: Some(Channel::Wechat),
        payment_no: PAYMENT.into(),
        amount: 1_000,
        refunded,
        reserved,
        returned: false,
    }
}

/// What the checkers of one property say about a history.
fn says(property: &str, facts: Vec<Fact>, rest: Rest) -> Vec<String> {
    let facts = facts.into_iter().enumerate().map(|(at, fact)| (at as u64, fact)).collect();
    let found = checkers::check(&History { timers: Timers::USUAL, facts, rest });
    found.into_iter().filter(|said| said.property == property).map(|said| said.what).collect()
}

fn done(order_no: &str) -> Fact {
    let own = PlatformNumber::try_from(format!("SIM1{order_no}R").as_str()).unwrap();
    Fact::Money(Money::Refunded(own.as_str().into(), NUMBER.into(), 600))
}

#[test]
fn a_ledger_holds_more_than_was_taken_only_by_refunds_that_it_found_again_or_that_were_called_failed() {
    let fact = |order: OrderView| Fact::Order(Box::new(order));
    let orphan = |order: OrderView| OrderView { orphan: true, ..order };
    let back = || Fact::LedgerBack(Vec::new(), Vec::new());
    let judged = |before: Vec<Fact>, held: CaptureView| {
        says("S3", before.into_iter().chain([Fact::Capture(held)]).collect(), Rest::default()).len()
    };
    // What it decided on itself has to fit, also after it went back.
    assert_eq!(judged(Vec::new(), capture(600, 400)), 0);
    assert_eq!(judged(Vec::new(), capture(600, 600)), 1);
    assert_eq!(judged(vec![back(), fact(order("R1", -600, "sent"))], capture(600, 600)), 1);
    // A refund that it found again may be too much, and no more than that.
    let found = || vec![back(), fact(orphan(order("R1", -600, "attention")))];
    assert_eq!(judged(found(), capture(600, 600)), 0);
    assert_eq!(judged(found(), capture(1_000, 601)), 1);
    // So may a refund that was done although it was called failed.
    let failed = || fact(order("R1", -600, "not_refunded"));
    let taken = || Fact::Money(Money::Captured(NUMBER.into(), 1_000));
    assert_eq!(judged(vec![taken(), failed(), done("R1")], capture(1_200, 0)), 0);
    assert_eq!(judged(vec![failed()], capture(1_200, 0)), 1);
    // In any case none is made of it until the sum fits again.
    let more = || made(order("R2", -1, "sent"));
    let over = || found().into_iter().chain([Fact::Capture(capture(600, 600))]);
    assert_eq!(says("S3", over().chain([more()]).collect(), Rest::default()).len(), 1);
    let settled = Fact::Capture(capture(600, 0));
    assert_eq!(says("S3", over().chain([settled, more()]).collect(), Rest::default()), Vec::<String>::new());
}

#[test]
fn money_that_his_does_not_know_is_left_out_only_if_its_order_was_lost_in_every_book() {
    let collect = || made(order("B0", 1_000, "sent"));
    let known =
        |orders: &[&str]| Fact::BookBack(orders.iter().map(|text| number(text)).collect::<BTreeSet<_>>());
    let judged = |facts: Vec<Fact>| {
        let held = vec![(NUMBER.into(), PAYMENT.into(), 1_000)];
        says("S2", facts, Rest { held, ..Rest::default() }).len()
    };
    assert_eq!(judged(vec![collect()]), 1);
    assert_eq!(judged(vec![collect(), known(&["B0"])]), 1);
    assert_eq!(judged(vec![collect(), known(&["B1"])]), 0);
    assert_eq!(judged(vec![collect(), known(&[]), collect()]), 1, "made again, it has to be found");
}
