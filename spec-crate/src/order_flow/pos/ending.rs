//! Ending an order: the result is made and signed once, stored as bytes, and reported until it is answered.
//!
//! Specified in spec: order life, and messages, "ResultCore".

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message as _;

use super::life::Life;
use super::{Context, Effects, OrderEvent};
use crate::catalogue::Status;
use crate::limits;
use crate::message::result::Outcome;
use crate::platform::{Capture, Channel};
use crate::time::Clock;
use crate::time::UnixSeconds;
use crate::wire::{self, PosState};

/// The end of an order, before it is signed.
#[derive(Clone, Debug)]
pub(super) struct End {
    outcome: Outcome,
    status: Status,
    capture: Option<Capture>,
    refund: Option<(String, Option<UnixSeconds>)>,
}

impl End {
    pub(super) fn paid(after_cancel: bool, capture: Capture) -> Self {
        let status = if after_cancel { Status::PaidAfterCancel } else { Status::Paid };
        Self { outcome: Outcome::Paid, status, capture: Some(capture), refund: None }
    }

    pub(super) fn not_paid(status: Status) -> Self {
        Self { outcome: Outcome::NotPaid, status, capture: None, refund: None }
    }

    pub(super) fn attention(status: Status) -> Self {
        Self { outcome: Outcome::Attention, status, capture: None, refund: None }
    }

    pub(super) fn refunded(refund_id: String, at: Option<UnixSeconds>) -> Self {
        Self {
            outcome: Outcome::Refunded,
            status: Status::Refunded,
            capture: None,
            refund: Some((refund_id, at)),
        }
    }

    pub(super) fn not_refunded(status: Status) -> Self {
        Self { outcome: Outcome::NotRefunded, status, capture: None, refund: None }
    }
}

impl Life {
    /// Signs the end, persists it, and tells of it.
    pub(super) fn end(&mut self, end: End, context: &mut Context, clock: Clock, effects: &mut Effects) {
        let result = self.result_of(&end, context, clock);
        self.row.result = result.encode_to_vec();
        //= spec-crate/spec/orders.md#results
        //# A POS MUST sign a result once, store the signed bytes and the signature, and repeat both byte for
        //# byte.
        self.row.signature = context.sign_result(&self.row.result).to_vec();
        self.row.answered = 0;
        self.code = None;
        self.looking = false;
        self.enter(PosState::Ended, clock.now, effects);
        effects.event(OrderEvent::Ended {
            order_no: self.core.order_no().clone(),
            outcome: end.outcome,
            status: end.status,
            amount: self.core.amount(),
            channel: Channel::from_code(result.channel),
            payment_no: (!result.payment_no.is_empty()).then_some(result.payment_no),
        });
        //= spec-crate/spec/orders.md#looking-up
        //# A POS MUST report the result of a look like the result of an order, in place of an earlier result
        //# of the same order.
        effects.then.push(super::Effect::Report(self.core.order_no().clone()));
    }

    fn result_of(&self, end: &End, context: &Context, clock: Clock) -> wire::ResultCore {
        let attention = end.outcome == Outcome::Attention;
        let paid = end.outcome == Outcome::Paid;
        let original = self.core.refund_of();
        let used = self.row.attempt.as_ref().map_or(0, |attempt| attempt.channel);
        let captured = self.evidence.iter().find(|e| e.money().is_some()).map(|e| e.merchant.channel.code());
        //= spec-crate/spec/orders.md#results
        //# A POS MUST set `channel` of a result to the channel of the original for a refund, to the channel
        //# of the capture for `paid`, and otherwise to the channel of the order's attempt, leaving it out if
        //# there was none.
        let channel = match original {
            Some(original) => original.channel.code(),
            None if paid => captured.unwrap_or(used),
            None => used,
        };
        //= spec-crate/spec/orders.md#results
        //# A POS MUST set `payment_no` of a result to the original's payment number for a refund and to that
        //# of the capture for `paid`, and leave it out otherwise.
        let payment_no = match (original, &end.capture) {
            (Some(original), _) => original.payment_no.clone(),
            (None, Some(capture)) => capture.payment_no.clone(),
            (None, None) => String::new(),
        };
        let (refund_id, refunded_at) = end.refund.clone().unwrap_or_default();
        //= spec-crate/spec/orders.md#results
        //# A POS MUST set `captured_at` of a result to the platform's own time of the capture for `paid`, or
        //# of the refund for `refunded`, if the platform told it, and leave it out otherwise.
        let captured_at = end.capture.as_ref().and_then(|capture| capture.captured_at).or(refunded_at);
        wire::ResultCore {
            //= spec-crate/spec/orders.md#results
            //# A POS MUST set `order_hash`, `order_no` and `amount` of a result to those of the order's core,
            //# and `device_id` to its own id.
            order_hash: self.hash.to_vec(),
            order_no: self.core.order_no().as_str().into(),
            device_id: context.device_id.as_str().into(),
            outcome: end.outcome.code(),
            status: i32::try_from(end.status.code()).unwrap_or_default(),
            amount: self.core.amount().fen(),
            channel,
            payment_no,
            refund_id,
            captured_at: captured_at.map_or(0, |at| at.0),
            //= spec-crate/spec/orders.md#time
            //# A POS without a trustworthy calendar clock MUST leave out `decided_at` of a result and `at` of
            //# a book record, and store 0 as `accepted_unix` of an order.
            decided_at: clock.unix.map_or(0, |at| at.0),
            //= spec-crate/spec/orders.md#results
            //# A POS MUST set `provider_code` of a result that is not `paid` to the code of the latest answer
            //# about the order that had one, cut to 64 characters, and leave it out of a `paid` result.
            provider_code: if paid {
                String::new()
            } else {
                self.provider_code.chars().take(limits::PROVIDER_CODE_BYTES_MAX).collect()
            },
            found: if attention { self.found() } else { Vec::new() },
        }
    }

    /// The captures that were seen, at most two.
    fn found(&self) -> Vec<wire::FoundCapture> {
        let seen = self.evidence.iter().filter_map(|e| Some((e.merchant.channel, e.money()?)));
        //= spec-crate/spec/orders.md#results
        //# A POS MUST list in `found` of an `attention` result the first two captures that it knows, in the
        //# order of PAY-37, and leave `found` out of every other result.
        seen.take(2)
            .map(|(channel, capture)| wire::FoundCapture {
                channel: channel.code(),
                payment_no: capture.payment_no.clone(),
                amount: i64::try_from(capture.amount).unwrap_or(i64::MAX),
                captured_at: capture.captured_at.map_or(0, |at| at.0),
            })
            .collect()
    }
}
