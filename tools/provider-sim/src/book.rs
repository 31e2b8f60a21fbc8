//! The book as others read it: to compare, to poll, to print.

use serde::Serialize;

use crate::model::{Merchant, Millis, Order};
use crate::store::{CallRow, Store, StoreError};

/// The book at a time.
#[derive(Clone, Debug, Serialize)]
pub struct Book {
    /// Always true.
    pub simulated: bool,
    /// The time it shows, in milliseconds since the Unix epoch.
    pub at_ms: Millis,
    /// By number, then by merchant.
    pub orders: Vec<OrderShown>,
    /// Every pay, reverse and refund request that arrived, as it arrived.
    pub calls: Vec<CallShown>,
}

/// An order at a time. Money is fen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrderShown {
    /// Whose.
    #[serde(flatten)]
    pub merchant: Merchant,
    /// The merchant's number.
    pub number: String,
    /// What was asked for.
    pub total: i64,
    /// `waiting`, `unpaid`, `captured`, `refunded`, `reversed` or `closed`.
    pub state: &'static str,
    /// The same for Chinese readers.
    pub state_zh: &'static str,
    /// What was taken: nothing or the total, also if it was given back.
    pub captured: i64,
    /// What was given back.
    pub refunded: i64,
    /// The platform's own number; none if nothing was taken.
    pub payment_no: Option<String>,
    /// When it was taken, in milliseconds since the Unix epoch.
    pub captured_at_ms: Option<Millis>,
    /// When the pay request arrived, in milliseconds since the Unix epoch.
    pub created_at_ms: Millis,
    /// In the order of their requests.
    pub refunds: Vec<RefundShown>,
}

/// A refund at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefundShown {
    /// The merchant's number.
    pub refund_number: String,
    /// The platform's own number.
    pub refund_id: String,
    /// Fen.
    pub amount: i64,
    /// `processing`, `refunded`, `abnormal` or `failed`.
    pub state: &'static str,
    /// When it was requested, in milliseconds since the Unix epoch.
    pub requested_at_ms: Millis,
}

/// A request that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallShown {
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: Millis,
    /// `pay`, `reverse` or `refund`.
    pub call: String,
    /// Whose order.
    #[serde(flatten)]
    pub merchant: Merchant,
    /// The number it named.
    pub number: String,
    /// What was answered.
    pub answer: String,
}

impl Book {
    /// The book, or what it has of one number, as it is at a time.
    ///
    /// # Errors
    /// `Sqlite` as it comes.
    pub fn read(store: &mut Store, number: Option<&str>, now: Millis) -> Result<Book, StoreError> {
        let orders = store.orders(number)?.iter().map(|order| OrderShown::of(order, now)).collect();
        let calls = store.calls(number)?.into_iter().map(CallShown::of).collect();
        Ok(Book { simulated: true, at_ms: now, orders, calls })
    }
}

impl OrderShown {
    /// What an order is at a time.
    pub fn of(order: &Order, now: Millis) -> OrderShown {
        let captured_at_ms = order.captured_at.filter(|at| *at <= now);
        let refunds = order.refunds.iter().map(|refund| RefundShown {
            refund_number: refund.number.clone(),
            refund_id: refund.refund_id.clone(),
            amount: refund.amount,
            state: refund.state_name(now),
            requested_at_ms: refund.requested_at,
        });
        OrderShown {
            merchant: order.merchant.clone(),
            number: order.number.clone(),
            total: order.total,
            state: order.state(now).name(),
            state_zh: order.state(now).name_zh(),
            captured: order.captured(now),
            refunded: order.refunded(now),
            payment_no: captured_at_ms.map(|_| order.payment_no.clone()),
            captured_at_ms,
            created_at_ms: order.created_at,
            refunds: refunds.collect(),
        }
    }
}

impl CallShown {
    fn of(row: CallRow) -> CallShown {
        let CallRow { at, call, merchant, number, answer } = row;
        CallShown { at_ms: at, call, merchant, number, answer }
    }
}
