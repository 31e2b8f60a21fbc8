//! The byte budgets of orders and results, recomputed from the schema: what a line has to carry for one payment.

mod bench;
mod his;
mod his_messages;
mod his_orders;
mod pos;
mod pos_orders;

use alloc::string::String;
use alloc::vec::Vec;
use std::println;

use prost::Message as _;

use crate::amount::Amount;
use crate::frame::{self, FrameType};
use crate::ids::{DeviceId, OperatorId, OrderNo};
use crate::message::order::{NewOrder, OrderCore, RefundOf};
use crate::message::result::{FoundCapture, NewResult, Outcome, ResultCore};
use crate::order_flow::Body;
use crate::platform::{Capture, Channel};
use crate::time::UnixSeconds;
use crate::wire;

const ORDER_NO: &str = "B0123456789ABCDEFGHJ";
const DEVICE: &str = "POS-DEVICE-00001";
const TERMINAL: &str = "HIS-TERM-001";
const PAYMENT_NO: &str = "4200001234202611241234567890";

/// Bytes on the line of one message in a record, with the final 0x00. The ciphertext's bytes do not matter; a record
/// without any zero is the longest under COBS.
fn framed(call: u32, reply_to: u32, body: Body) -> usize {
    let plaintext = wire::Message { call, reply_to, body: Some(body) }.encode_to_vec();
    let record = alloc::vec![0xAA; 5 + plaintext.len() + 16];
    frame::encode(FrameType::HisRecord, &record).unwrap().bytes.len()
}

fn order(amount: i64, refund_of: Option<RefundOf>) -> OrderCore {
    let order = NewOrder {
        order_no: OrderNo::try_from(ORDER_NO).unwrap(),
        device_id: DeviceId::try_from(DEVICE).unwrap(),
        amount: Amount::from_fen(amount).unwrap(),
        business_day: 20_261_124,
        agreement_no: 3,
        refund_of,
    };
    OrderCore::encode(&order).unwrap()
}

fn result(outcome: Outcome, status: u32, amount: i64) -> NewResult {
    NewResult {
        order_hash: [0xAB; 32],
        order_no: OrderNo::try_from(ORDER_NO).unwrap(),
        device_id: DeviceId::try_from(DEVICE).unwrap(),
        outcome,
        status,
        amount: Amount::from_fen(amount).unwrap(),
        channel: Some(Channel::Wechat),
        payment_no: Some(PAYMENT_NO.into()),
        refund_id: None,
        captured_at: Some(UnixSeconds(1_795_000_000)),
        decided_at: Some(UnixSeconds(1_795_000_001)),
        provider_code: None,
        found: Vec::new(),
    }
}

fn report(result: &NewResult) -> usize {
    let result = ResultCore::encode(result).unwrap().bytes().to_vec();
    let report =
        wire::ReportResult { result, signature: alloc::vec![0xAB; 64], journal: alloc::vec![0xAB; 24] };
    framed(1, 0, Body::ReportResult(report))
}

fn submit(core: &OrderCore) -> usize {
    let submit = wire::SubmitOrder {
        core: core.bytes().to_vec(),
        terminal_id: TERMINAL.into(),
        start_by: 4_321,
        run: alloc::vec![0xAB; 4],
        search: Vec::<String>::new(),
    };
    framed(7, 0, Body::SubmitOrder(submit))
}

#[test]
fn a_collect_keeps_its_byte_budget() {
    let order = submit(&order(123_456, None));
    let state = framed(
        0,
        7,
        Body::OrderState(wire::OrderState {
            order_no: ORDER_NO.into(),
            stage: 1,
            channel: 0,
            money: 1,
            seconds_left: 90,
        }),
    );
    let paid = report(&result(Outcome::Paid, 100, 123_456));
    let confirm = framed(
        0,
        1,
        Body::ConfirmResult(wire::ConfirmResult {
            order_no: ORDER_NO.into(),
            result_hash: alloc::vec![0xAB; 16],
            disposition: 1,
            ledger: alloc::vec![0xAB; 24],
        }),
    );
    let whole = order + state + paid + confirm;
    println!("collect: order {order}, state {state}, report {paid}, confirm {confirm}, whole {whole} bytes");
    assert!(order <= 120, "order of {order} bytes");
    assert!(paid <= 260, "paid result of {paid} bytes, the anchor of the journal with it");
    assert!(whole <= 540, "whole collect of {whole} bytes");
}

#[test]
fn a_refund_and_attention_keep_their_byte_budgets() {
    let of = RefundOf {
        order_no: OrderNo::try_from(ORDER_NO).unwrap(),
        agreement_no: 3,
        channel: Channel::Wechat,
        amount: 123_456,
        payment_no: PAYMENT_NO.into(),
        operator: OperatorId::try_from("cashier-1").unwrap(),
        approver: OperatorId::try_from("manager-2").unwrap(),
        reason: "item not dispensed".into(),
    };
    let order = submit(&order(-5_000, Some(of)));
    let mut refunded = result(Outcome::Refunded, 110, -5_000);
    refunded.refund_id = Some(PAYMENT_NO.into());
    let refunded = report(&refunded);
    let mut attention = result(Outcome::Attention, 301, 123_456);
    let found = |channel| FoundCapture {
        channel,
        capture: Capture {
            payment_no: PAYMENT_NO.into(),
            amount: 123_456,
            captured_at: Some(UnixSeconds(1_795_000_000)),
        },
    };
    attention.captured_at = None;
    attention.payment_no = None;
    attention.channel = None;
    attention.found = alloc::vec![found(Channel::Wechat), found(Channel::Alipay)];
    let attention = report(&attention);
    println!("refund: order {order}, result {refunded}; attention {attention} bytes");
    assert!(refunded <= 300, "refund result of {refunded} bytes");
    assert!(attention <= 360, "attention result of {attention} bytes");
}
