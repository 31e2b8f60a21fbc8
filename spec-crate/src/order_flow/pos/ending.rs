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
        effects.report(self.core.order_no().clone());
    }

    fn result_of(&self, end: &End, context: &Context, clock: Clock) -> wire::ResultCore {
        let attention = end.outcome == Outcome::Attention;
        let paid = end.outcome == Outcome::Paid;
        let original = self.core.refund_of();
        let used = self.row.attempt.as_ref().map_or(0, |attempt| attempt.channel);
        let captured = self.evidence.iter().find(|e| e.money().is_some()).map(|e| e.merchant.channel.code());
        let channel = match original {
            Some(original) => original.channel.code(),
            None if paid => captured.unwrap_or(used),
            None => used,
        };
        let payment_no = match (original, &end.capture) {
            (Some(original), _) => original.payment_no.clone(),
            (None, Some(capture)) => capture.payment_no.clone(),
            (None, None) => String::new(),
        };
        let (refund_id, refunded_at) = end.refund.clone().unwrap_or_default();
        let captured_at = end.capture.as_ref().and_then(|capture| capture.captured_at).or(refunded_at);
        wire::ResultCore {
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
            decided_at: clock.unix.map_or(0, |at| at.0),
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
