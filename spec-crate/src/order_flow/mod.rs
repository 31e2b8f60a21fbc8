//! The order's life on both sides: the rules about money. No keys, no frames.
//!
//! [`pos`] is the terminal's half: one attempt per order, inside a lease, asked before and after. [`his`] is the
//! hospital's half: one ledger, one lock per bill, and an end only by a signed result.
//!
//! Specified in spec: order life.

pub(crate) mod his;
pub(crate) mod pos;
pub(crate) mod totals;

use alloc::vec::Vec;

use crate::amount::Amount;
use crate::message::agreement::Agreement;
use crate::message::order::Kind;
use crate::wire;
pub(crate) use crate::wire::message::Body;

/// A record's plaintext, before it is encoded: notices have no number.
pub(crate) fn notice(body: Body) -> wire::Message {
    //= spec-crate/spec/messages.md#message
    //# A sender MUST set `call` alone in a request, `reply_to` alone in an answer, and neither in a notice.
    wire::Message { call: 0, reply_to: 0, body: Some(body) }
}

/// Exactly `N` bytes, or `None`.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    <[u8; N]>::try_from(bytes).ok()
}

/// A rejection: nothing was stored and nothing moves.
pub(crate) fn rejected(code: crate::catalogue::RejectCode, order_no: &str) -> Body {
    Body::Rejected(wire::Rejected {
        //= spec-crate/spec/messages.md#rejected
        //# A POS MUST set the fields of Rejected as this table says.
        code: i32::try_from(code.code()).unwrap_or_default(),
        order_no: order_no.into(),
        core: Vec::new(),
        result: Vec::new(),
        signature: Vec::new(),
        stage: 0,
    })
}

/// What HIS did with a result. Both end its repetition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disposition {
    /// It ended the order.
    Recorded,
    /// It is kept as evidence, or as a fact about a capture.
    Kept,
}

impl Disposition {
    /// The disposition of a code on the wire, or `None`.
    #[must_use]
    pub const fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Recorded),
            2 => Some(Self::Kept),
            _ => None,
        }
    }
}

/// Whether an agreement lets an order of this amount be made.
pub(crate) fn allows_amount(agreement: &Agreement, kind: Kind, amount: Amount) -> bool {
    //= spec-crate/spec/orders.md#amounts
    //# A HIS and a POS MUST refuse a collect above `collect_max` and a refund above `refund_max` of the
    //# agreement that the core names.
    let limits = agreement.terms().amounts;
    let limit = if kind == Kind::Collect { limits.collect_max } else { limits.refund_max };
    amount.magnitude() <= limit
}
