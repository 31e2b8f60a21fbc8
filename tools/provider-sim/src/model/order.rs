//! An order and its refunds, and what they are at a time.

use crate::model::{Channel, Merchant, Millis, Scenario};

/// One order of the book. Times may lie ahead: what they tell takes effect then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Whom the money goes to.
    pub merchant: Merchant,
    /// The merchant's number, unique at the merchant.
    pub number: String,
    /// Fen.
    pub total: i64,
    /// What the payer reads.
    pub subject: String,
    /// The story that the code selected.
    pub scenario: Scenario,
    /// The platform's own number of the payment; shown once money was taken.
    pub payment_no: String,
    /// When the pay request arrived.
    pub created_at: Millis,
    /// From here on nothing can be captured.
    pub expires_at: Millis,
    /// From here on other requests see the order; `Millis::MAX` for never.
    pub visible_from: Millis,
    /// Until here the payer is asked for the password.
    pub prompt_until: Millis,
    /// When the money is taken; always before `expires_at`.
    pub captured_at: Option<Millis>,
    /// When a reverse takes effect: closes the order, or gives all the money back.
    pub reversed_at: Option<Millis>,
    /// Reverse requests that found the order.
    pub reverses: i64,
    /// In the order of their requests.
    pub refunds: Vec<Refund>,
}

/// One refund of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The merchant's number, unique at the merchant.
    pub number: String,
    /// The platform's own number.
    pub refund_id: String,
    /// Fen.
    pub amount: i64,
    /// When it was requested.
    pub requested_at: Millis,
    /// When it ends.
    pub settles_at: Millis,
    /// How it ends then.
    pub end: RefundEnd,
}

/// How a refund ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundEnd {
    /// The payer has the money.
    Success,
    /// The money left the merchant and did not reach the payer: people have to look.
    Abnormal,
    /// Nothing moved.
    Failed,
}

/// What a refund is at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Accepted, not ended.
    Processing,
    /// Ended.
    Ended(RefundEnd),
}

/// What an order is at a time, in the words of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The payer is asked, or a payment is on its way.
    Waiting,
    /// Nobody is asked, nothing was taken, and the order is still open.
    Unpaid,
    /// The money was taken; a part of it may have been given back.
    Captured,
    /// All of it was given back by refunds.
    Refunded,
    /// All of it was given back by a reverse.
    Reversed,
    /// Closed by a reverse or by time, and nothing was ever taken.
    Closed,
}

impl State {
    /// The name in exports.
    pub fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Unpaid => "unpaid",
            State::Captured => "captured",
            State::Refunded => "refunded",
            State::Reversed => "reversed",
            State::Closed => "closed",
        }
    }

    /// The name for Chinese readers.
    pub fn name_zh(self) -> &'static str {
        match self {
            State::Waiting => "等待付款",
            State::Unpaid => "未付款",
            State::Captured => "已收款",
            State::Refunded => "已退款",
            State::Reversed => "已撤销退回",
            State::Closed => "已关闭",
        }
    }
}

impl Order {
    /// Whether requests other than pay find the order.
    pub fn visible(&self, now: Millis) -> bool {
        self.visible_from <= now
    }

    /// Fen taken from the payer: nothing or the total. Giving it back does not lower it.
    pub fn captured(&self, now: Millis) -> i64 {
        if self.captured_at.is_some_and(|at| at <= now) { self.total } else { 0 }
    }

    /// Fen given back, by a reverse or by refunds that have succeeded.
    pub fn refunded(&self, now: Millis) -> i64 {
        if self.reversed(now) {
            return self.captured(now);
        }
        self.sum(now, |state| state == RefundState::Ended(RefundEnd::Success))
    }

    /// Fen that no further refund may touch: all refunds but those of which nothing moved.
    pub fn held_by_refunds(&self, now: Millis) -> i64 {
        self.sum(now, |state| state != RefundState::Ended(RefundEnd::Failed))
    }

    /// Whether a reverse has taken effect.
    pub fn reversed(&self, now: Millis) -> bool {
        self.reversed_at.is_some_and(|at| at <= now)
    }

    /// What the order is.
    pub fn state(&self, now: Millis) -> State {
        if self.captured(now) > 0 {
            return match self.reversed(now) {
                true => State::Reversed,
                false if self.refunded(now) == self.total => State::Refunded,
                false => State::Captured,
            };
        }
        // Alipay closes what nobody paid in time; WeChat leaves it unpaid until a reverse.
        let timed_out = self.merchant.channel == Channel::Alipay && self.expires_at <= now;
        match self.reversed(now) || timed_out {
            true => State::Closed,
            false if now < self.prompt_until => State::Waiting,
            false => State::Unpaid,
        }
    }

    /// The trade state of a query, in the channel's words.
    pub fn trade_state(&self, now: Millis) -> &'static str {
        match (self.merchant.channel, self.state(now)) {
            (Channel::Wechat, State::Captured) if self.held_by_refunds(now) == 0 => "SUCCESS",
            (Channel::Wechat, State::Captured | State::Refunded | State::Reversed) => "REFUND",
            (Channel::Wechat, State::Waiting) => "USERPAYING",
            (Channel::Wechat, State::Unpaid) => "NOTPAY",
            (Channel::Wechat, State::Closed) => "REVOKED",
            (Channel::Alipay, State::Captured) => "TRADE_SUCCESS",
            (Channel::Alipay, State::Waiting | State::Unpaid) => "WAIT_BUYER_PAY",
            (Channel::Alipay, State::Refunded | State::Reversed | State::Closed) => "TRADE_CLOSED",
        }
    }

    /// Writes down that a reverse takes effect at a time: a payment that was to come after it never comes.
    pub(crate) fn reverse_at(&mut self, at: Millis) {
        self.reversed_at = Some(at);
        self.captured_at = self.captured_at.filter(|captured| *captured <= at);
    }

    /// Writes down that the money is taken at a time, unless that is too late.
    pub(crate) fn capture_at(&mut self, at: Millis) {
        self.captured_at = Some(at).filter(|at| *at < self.expires_at);
    }

    fn sum(&self, now: Millis, counts: impl Fn(RefundState) -> bool) -> i64 {
        self.refunds.iter().filter(|refund| counts(refund.state(now))).map(|refund| refund.amount).sum()
    }
}

impl Refund {
    /// What the refund is.
    pub fn state(&self, now: Millis) -> RefundState {
        if self.settles_at <= now { RefundState::Ended(self.end) } else { RefundState::Processing }
    }

    /// The name in exports.
    pub fn state_name(&self, now: Millis) -> &'static str {
        match self.state(now) {
            RefundState::Processing => "processing",
            RefundState::Ended(RefundEnd::Success) => "refunded",
            RefundState::Ended(RefundEnd::Abnormal) => "abnormal",
            RefundState::Ended(RefundEnd::Failed) => "failed",
        }
    }

    /// The refund status of a query, in the channel's words. Alipay has a word for success only.
    pub fn refund_status(&self, channel: Channel, now: Millis) -> Option<&'static str> {
        match (channel, self.state(now)) {
            (Channel::Wechat, RefundState::Processing) => Some("PROCESSING"),
            (Channel::Wechat, RefundState::Ended(RefundEnd::Success)) => Some("SUCCESS"),
            (Channel::Wechat, RefundState::Ended(RefundEnd::Abnormal)) => Some("CHANGE"),
            (Channel::Wechat, RefundState::Ended(RefundEnd::Failed)) => Some("REFUNDCLOSE"),
            (Channel::Alipay, RefundState::Ended(RefundEnd::Success)) => Some("REFUND_SUCCESS"),
            (Channel::Alipay, _) => None,
        }
    }
}
