//! What the platform does with money: pure, on the time it is given, without HTTP and without a database.
//!
//! A caller loads the one order that a request names into a [`View`], calls the function of the request
//! ([`pay`], [`query`], [`reverse`], [`refund`], [`query_refund`]), stores what changed and only then lets the
//! [`Outcome`] out. Nothing runs in the background: an effect that comes later is written down with its time at
//! once, and the state of an order is a function of the order and of the time.

mod answer;
mod order;
mod pay;
mod refund;
mod reverse;
mod rules;
mod scenario;
mod words;

use serde::{Deserialize, Serialize};

pub use answer::{Answer, Delivery, Outcome};
pub use order::{Order, Refund, RefundEnd, RefundState, State};
pub use pay::pay;
pub use refund::{query_refund, refund};
pub use reverse::reverse;
pub use rules::Rules;
pub use scenario::Scenario;
pub use words::{Word, Words};

/// A point in time: milliseconds since the Unix epoch, by the platform's clock.
pub type Millis = i64;

/// The largest total of one order, in fen: a hundred million yuan.
pub const TOTAL_FEN_MAX: i64 = 10_000_000_000;

/// The platform whose vocabulary an order speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// WeChat Pay, in the words of its second interface.
    Wechat,
    /// Alipay, in the words of its gateway.
    Alipay,
}

impl Channel {
    /// The name in requests, answers and the database.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Wechat => "wechat",
            Channel::Alipay => "alipay",
        }
    }

    /// The channel of a name; none for any other text.
    pub fn from_name(name: &str) -> Option<Channel> {
        match name {
            "wechat" => Some(Channel::Wechat),
            "alipay" => Some(Channel::Alipay),
            _ => None,
        }
    }

    /// Whether a payment code has the digits of this channel: 18 beginning with 10 to 15 for WeChat, 16 to 24
    /// beginning with 25 to 30 for Alipay.
    pub fn owns_code(self, code: &str) -> bool {
        let digits = code.bytes().all(|b| b.is_ascii_digit());
        let lead = code.get(..2).and_then(|two| two.parse::<u8>().ok()).unwrap_or(0);
        digits
            && match self {
                Channel::Wechat => code.len() == 18 && (10..=15).contains(&lead),
                Channel::Alipay => (16..=24).contains(&code.len()) && (25..=30).contains(&lead),
            }
    }
}

/// Whom the money goes to; numbers of orders and refunds are unique within one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Merchant {
    /// The platform.
    pub channel: Channel,
    /// The platform's number of the merchant (WeChat `mch_id`, Alipay `app_id`).
    pub account: String,
    /// The merchant below it (WeChat `sub_mch_id`, Alipay `seller_id`); empty without one.
    #[serde(default)]
    pub sub_account: String,
}

/// What a code has been used for. The code itself is kept nowhere, only its keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeUse {
    /// When a pay request first showed it: its life of 60 s begins.
    pub first_seen: Millis,
    /// Whether a payment was tried with it: each code is good for one try.
    pub used: bool,
}

/// The part of the book that one request can see and change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The order of the request's number, at the request's merchant.
    pub order: Option<Order>,
    /// The code of a pay request.
    pub code: Option<CodeUse>,
    /// The order that holds the request's refund number at this merchant.
    pub refund_holder: Option<String>,
}

/// `/v1/pay`: take money by a code that the patient shows.
#[derive(Clone, Debug, Deserialize)]
pub struct PayRequest {
    /// The merchant's number of the order: 6 to 32 of `[0-9A-Za-z_]`.
    pub number: String,
    /// Fen.
    pub total: i64,
    /// The payment code as scanned.
    pub code: String,
    /// Unix seconds; at this time and after it the payment can no more take effect.
    pub expires_at: i64,
    /// What the patient reads.
    #[serde(default)]
    pub subject: String,
}

/// `/v1/query` and `/v1/reverse`: an order by its number.
#[derive(Clone, Debug, Deserialize)]
pub struct NumberRequest {
    /// The merchant's number of the order.
    pub number: String,
}

/// `/v1/refund`: give back a part or all of a captured order.
#[derive(Clone, Debug, Deserialize)]
pub struct RefundRequest {
    /// The merchant's number of the order.
    pub number: String,
    /// The merchant's number of the refund: 6 to 32 of `[0-9A-Za-z_]`.
    pub refund_number: String,
    /// Fen to give back.
    pub amount: i64,
    /// Fen of the order, as a check.
    pub total: i64,
}

/// `/v1/refund-query`: what became of a refund.
#[derive(Clone, Debug, Deserialize)]
pub struct RefundQueryRequest {
    /// The merchant's number of the order.
    pub number: String,
    /// The merchant's number of the refund.
    pub refund_number: String,
}

/// Answers what the book shows of an order. Changes nothing.
pub fn query(view: &View, merchant: &Merchant, request: &NumberRequest, now: Millis) -> Outcome {
    match view.order.as_ref().filter(|order| order.visible(now)) {
        Some(order) => Outcome::told(Answer::trade(order, Word::Done, now)),
        None => Outcome::told(Answer::about(merchant, &request.number, Word::OrderUnknown)),
    }
}

/// Whether a text can be a number of an order or a refund.
pub(crate) fn number_is_good(number: &str) -> bool {
    (6..=32).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
