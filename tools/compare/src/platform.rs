//! The platform's book, as `provider-sim export --json` prints it.

use serde::Deserialize;

/// The book at a time.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Platform {
    /// Every order by its number.
    pub orders: Vec<Order>,
    /// Every pay, reverse and refund request that arrived.
    pub calls: Vec<Call>,
}

/// An order at the platform. Money is fen.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Order {
    /// `wechat` or `alipay`.
    pub channel: String,
    /// Site code, order number and a letter: W, A, or R for a refund.
    pub number: String,
    /// `waiting`, `unpaid`, `captured`, `refunded`, `reversed` or `closed`.
    pub state: String,
    /// What was taken, also if it was given back.
    pub captured: i64,
    /// What was given back.
    pub refunded: i64,
    /// The platform's own number; none if nothing was taken.
    pub payment_no: Option<String>,
    /// Refunds that were requested.
    pub refunds: Vec<Refund>,
}

/// A refund at the platform.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Refund {
    /// Site code, order number of the refund, and R.
    pub refund_number: String,
    /// The platform's own number.
    pub refund_id: String,
    /// Fen.
    pub amount: i64,
    /// `processing`, `refunded`, `abnormal` or `failed`.
    pub state: String,
}

/// A request that arrived.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Call {
    /// `pay`, `reverse` or `refund`.
    pub call: String,
    /// The number it named.
    pub number: String,
}

/// The order of a platform number: without the site code before and the letter behind; empty if there is none.
#[must_use]
pub fn order_no(number: &str) -> &str {
    number.get(4..number.len().saturating_sub(1)).unwrap_or_default()
}
