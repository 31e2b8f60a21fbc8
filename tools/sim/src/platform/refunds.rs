//! Giving money back by a refund.

use hispos::platform::Channel;
use hispos_pos::payment::Reply;

use super::{Back, Effect, Money, Platform, unix};
use crate::decided::Refunding;
use crate::rng::Rng;
use crate::words;

impl Platform {
    #[expect(clippy::too_many_arguments, reason = "one request in all its parts")]
    pub(super) fn refund(
        &mut self,
        channel: Channel,
        refund: &str,
        original: &str,
        amount: u64,
        now: u64,
        rng: &mut Rng,
        money: &mut Vec<Money>,
    ) -> Reply {
        if self.refunds.contains_key(refund) {
            return self.requested(channel, refund, false);
        }
        let (becomes, hidden) = match self.decided.as_mut() {
            Some(decided) => (decided.refunding(), 0),
            None => Refunding::drawn(rng),
        };
        let visible = now.saturating_add(hidden);
        let mut enter = |back| self.refunds.insert(refund.into(), (back, visible));
        match becomes {
            Refunding::Refused => return words::EMPTY_TILL.by(channel),
            Refunding::Processing(after) => {
                enter(Back::Pending);
                let effect = Effect::Refund(refund.into(), original.into(), amount);
                self.due.push((now.saturating_add(after), effect));
            }
            // Alipay has no refund that a person carries on.
            Refunding::Abnormal(later) if channel == Channel::Wechat => {
                enter(Back::Abnormal);
                let effect = Effect::Refund(refund.into(), original.into(), amount);
                self.due.extend((later > 0).then_some((now.saturating_add(later), effect)));
            }
            Refunding::Closed | Refunding::Abnormal(_) => {
                enter(Back::Pending);
                let accepted = self.requested(channel, refund, false);
                self.refunds.insert(refund.into(), (Back::Closed, visible));
                return accepted;
            }
            Refunding::Done => {
                enter(Back::Pending);
                self.carry_out_refund(refund, original, amount, now, money);
                return self.requested(channel, refund, true);
            }
        }
        self.requested(channel, refund, false)
    }

    /// The answer to a request for a refund: WeChat's shows its state, Alipay's whether this very call moved money.
    fn requested(&self, channel: Channel, refund: &str, moved: bool) -> Reply {
        let told = self.query_refund(channel, refund, u64::MAX);
        match channel {
            Channel::Wechat => told,
            Channel::Alipay => {
                Reply { fund_change: Some(if moved { "Y" } else { "N" }.into()), refund_status: None, ..told }
            }
        }
    }

    pub(super) fn carry_out_refund(
        &mut self,
        refund: &str,
        original: &str,
        amount: u64,
        now: u64,
        money: &mut Vec<Money>,
    ) {
        if let Some(back) = self.refunds.get_mut(refund) {
            back.0 = Back::Done(now);
        }
        if let Some(trade) = self.trades.get_mut(original) {
            trade.given_back = trade.given_back.saturating_add(amount);
        }
        money.push(Money::Refunded(refund.into(), original.into(), amount));
    }

    pub(super) fn query_refund(&self, channel: Channel, refund: &str, now: u64) -> Reply {
        let Some((back, _)) = self.refunds.get(refund).filter(|(_, visible)| now >= *visible) else {
            return words::REFUND_UNKNOWN.by(channel);
        };
        let told = |wechat: &str| Reply {
            refund_number: Some(refund.into()),
            // Alipay tells of nothing but success.
            refund_status: (channel == Channel::Wechat).then(|| wechat.to_owned()),
            ..words::DONE.by(channel)
        };
        match back {
            Back::Pending => told("PROCESSING"),
            Back::Closed => told("REFUNDCLOSE"),
            Back::Abnormal => told("CHANGE"),
            Back::Done(at) => Reply {
                refund_status: words::either(channel, "SUCCESS", "REFUND_SUCCESS"),
                refund_id: Some(format!("re{refund}")),
                refunded_at: Some(unix(*at)),
                ..told("SUCCESS")
            },
        }
    }
}
