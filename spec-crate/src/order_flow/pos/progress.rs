//! How far an order is, as HIS and the patient are told. Never an end.

use super::life::Life;
use super::{Effect, Effects};
use crate::ids::OrderNo;
use crate::order_flow::Body;
use crate::platform::Channel;
use crate::time::Instant;
use crate::timers;
use crate::wire::{self, PosState};

/// How far an order is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Progress {
    /// Its number.
    pub order_no: OrderNo,
    /// Its stage.
    pub stage: Stage,
    /// The channel in use.
    pub channel: Option<Channel>,
    /// Money may have moved.
    pub money_unknown: bool,
    /// Until the order ends for want of a code; 0 if that has no meaning.
    pub seconds_left: u32,
}

/// Where an order is that has not ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// A payment code is awaited.
    WaitCode = 1,
    /// The pay is under way.
    Paying,
    /// The payer has to confirm.
    UserConfirming,
    /// It is being reversed.
    Reversing,
    /// The money is being given back.
    Refunding,
    /// The platform is asked how it ended.
    Asking,
    /// The platform is asked about another device's order.
    Looking,
}

impl Stage {
    /// The name in programs and exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WaitCode => "wait_code",
            Self::Paying => "paying",
            Self::UserConfirming => "user_confirming",
            Self::Reversing => "reversing",
            Self::Refunding => "refunding",
            Self::Asking => "asking",
            Self::Looking => "looking",
        }
    }

    /// The stage of a code on the wire, or `None`.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        let all = [
            Self::WaitCode,
            Self::Paying,
            Self::UserConfirming,
            Self::Reversing,
            Self::Refunding,
            Self::Asking,
            Self::Looking,
        ];
        all.into_iter().find(|stage| *stage as i32 == code)
    }
}

impl Life {
    /// How far this order is, as HIS and the patient are told.
    pub(super) fn progress(&self, now: Instant) -> Option<Progress> {
        //= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
        //# A POS MUST report as stage the order's state, `user_confirming` instead of `paying` once a query
        //# answered that the number lives or the pay had an open answer, and `looking` for a look.
        let stage = match self.state() {
            _ if self.looking => Stage::Looking,
            PosState::WaitCode => Stage::WaitCode,
            PosState::Paying if self.confirming => Stage::UserConfirming,
            PosState::Paying => Stage::Paying,
            PosState::Reversing => Stage::Reversing,
            PosState::Refunding => Stage::Refunding,
            PosState::Asking => Stage::Asking,
            PosState::Ended | PosState::Unspecified => return None,
        };
        let waiting = stage == Stage::WaitCode;
        //= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
        //# A POS MUST report `money` as none in WaitCode and in Refunding before the first refund request was
        //# allowed, and as unknown in every other stage.
        let never_moved = waiting || (stage == Stage::Refunding && self.row.refund_started_at == 0);
        Some(Progress {
            order_no: self.core.order_no().clone(),
            stage,
            channel: self.row.attempt.as_ref().and_then(|attempt| Channel::from_code(attempt.channel)),
            money_unknown: !never_moved,
            //= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
            //# A POS MUST report as `seconds_left` the seconds until `start_by`, rounded up, in WaitCode, and
            //# 0 in every other stage.
            seconds_left: if waiting { seconds_until(self.start_by(), now) } else { 0 },
        })
    }

    /// Tells how far the order is: on a change, and every 15 s.
    pub(super) fn tell(&mut self, now: Instant, effects: &mut Effects) {
        let Some(progress) = self.progress(now) else { return };
        let body = progress.body();
        let key = (body.stage, body.channel);
        //= spec-crate/spec/orders.md#states-of-an-order-at-the-pos
        //# A POS MUST send OrderState as a notice for each order that has not ended, but for no look, when it
        //# is accepted, when its stage or channel changes, and every 15 seconds.
        let due = self.told.is_none_or(|(told, at)| told != key || now >= at.after(timers::PROGRESS_EVERY));
        if due {
            self.told = Some((key, now));
            effects.then.push(Effect::Notice(Body::OrderState(body)));
            effects.progress(progress);
        }
    }
}

impl Progress {
    /// As it travels.
    pub(crate) fn body(&self) -> wire::OrderState {
        let money = if self.money_unknown { wire::StageMoney::Unknown } else { wire::StageMoney::None };
        wire::OrderState {
            order_no: self.order_no.as_str().into(),
            stage: self.stage as i32,
            channel: self.channel.map_or(0, Channel::code),
            money: i32::from(money),
            seconds_left: self.seconds_left,
        }
    }
}

fn seconds_until(at: Instant, now: Instant) -> u32 {
    u32::try_from(at.since(now).div_ceil(1_000)).unwrap_or(u32::MAX)
}
