//! What goes back to the caller, and what the way back does to it.

use serde::Serialize;

use crate::model::{Channel, Merchant, Millis, Order, Refund, Scenario, Word};

/// An answer and its way back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What the platform says.
    pub answer: Answer,
    /// What becomes of it.
    pub delivery: Delivery,
}

/// What becomes of an answer on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives.
    Told,
    /// The connection closes before it.
    Lost,
    /// Nothing is said until the caller gives up.
    Silent,
    /// A 503 without signature takes its place.
    Unavailable,
    /// It arrives with a wrong signature.
    Forged,
}

/// The members of an answer's JSON body, in their order. A member without value is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Always true.
    pub simulated: bool,
    /// The channel's own code.
    pub code: &'static str,
    /// Alipay's second code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_code: Option<&'static str>,
    /// For people.
    pub message: &'static str,
    /// Whose order.
    #[serde(flatten)]
    pub merchant: Merchant,
    /// The merchant's number of the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The order, where one is told of.
    #[serde(flatten)]
    pub trade: Option<Trade>,
    /// The answer of a reverse.
    #[serde(flatten)]
    pub reversal: Option<Reversal>,
    /// The refund, where one is told of.
    #[serde(flatten)]
    pub refund: Option<RefundTold>,
}

/// An order in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trade {
    /// The channel's word for what the order is.
    pub trade_state: &'static str,
    /// Fen.
    pub total: i64,
    /// Always `CNY`.
    pub currency: &'static str,
    /// The platform's own number; present if and only if money was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_no: Option<String>,
    /// When the money was taken, Unix seconds; present if and only if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<i64>,
    /// Fen given back.
    pub refunded: i64,
}

/// The answer of a reverse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reversal {
    /// WeChat: `Y` if the reverse has to be called again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<&'static str>,
    /// Alipay: `Y` if the cancel has to be called again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_flag: Option<&'static str>,
    /// Alipay: `close` or `refund`; absent if there was nothing to do it to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
}

/// A refund in an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefundTold {
    /// The merchant's number of the refund.
    pub refund_number: String,
    /// Fen.
    pub amount: i64,
    /// The platform's own number.
    pub refund_id: String,
    /// The channel's word for what the refund is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_status: Option<&'static str>,
    /// Alipay, answer to a refund: whether this very call moved money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fund_change: Option<&'static str>,
    /// When the payer got the money, Unix seconds; present if and only if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_at: Option<i64>,
}

impl Outcome {
    /// An answer that arrives.
    pub fn told(answer: Answer) -> Outcome {
        Outcome { answer, delivery: Delivery::Told }
    }
}

impl Answer {
    /// Says a word to a merchant.
    pub fn to(merchant: &Merchant, word: Word) -> Answer {
        let words = word.of(merchant.channel);
        Answer {
            simulated: true,
            code: words.code,
            sub_code: words.sub_code,
            message: words.message,
            merchant: merchant.clone(),
            number: None,
            trade: None,
            reversal: None,
            refund: None,
        }
    }

    /// Says a word about a number.
    pub fn about(merchant: &Merchant, number: &str, word: Word) -> Answer {
        Answer { number: Some(number.to_owned()), ..Answer::to(merchant, word) }
    }

    /// Says a word about an order, and tells the order.
    pub(crate) fn trade(order: &Order, word: Word, now: Millis) -> Answer {
        let captured_at = order.captured_at.filter(|at| *at <= now);
        let surplus = if order.scenario == Scenario::WrongTotal { 1 } else { 0 };
        let trade = Trade {
            trade_state: order.trade_state(now),
            total: order.total.saturating_add(surplus),
            currency: "CNY",
            payment_no: captured_at.map(|_| order.payment_no.clone()),
            captured_at: captured_at.map(seconds),
            refunded: order.refunded(now),
        };
        Answer { trade: Some(trade), ..Answer::about(&order.merchant, &order.number, word) }
    }

    /// Says a word about a reverse.
    pub(crate) fn reversal(
        merchant: &Merchant,
        number: &str,
        word: Word,
        again: bool,
        action: Option<&'static str>,
    ) -> Answer {
        let again = Some(if again { "Y" } else { "N" });
        let reversal = match merchant.channel {
            Channel::Wechat => Reversal { recall: again, retry_flag: None, action: None },
            Channel::Alipay => Reversal { recall: None, retry_flag: again, action },
        };
        Answer { reversal: Some(reversal), ..Answer::about(merchant, number, word) }
    }

    /// Tells a refund.
    pub(crate) fn refund(
        order: &Order,
        refund: &Refund,
        fund_change: Option<&'static str>,
        now: Millis,
    ) -> Answer {
        let channel = order.merchant.channel;
        // Alipay's answer to the request itself has the fund change in place of a status.
        let refund_status = refund.refund_status(channel, now).filter(|_| fund_change.is_none());
        let told = RefundTold {
            refund_number: refund.number.clone(),
            amount: refund.amount,
            refund_id: refund.refund_id.clone(),
            refund_status,
            fund_change,
            refunded_at: (refund.state_name(now) == "refunded").then(|| seconds(refund.settles_at)),
        };
        Answer { refund: Some(told), ..Answer::about(&order.merchant, &order.number, Word::Done) }
    }
}

fn seconds(at: Millis) -> i64 {
    at.div_euclid(1000)
}
