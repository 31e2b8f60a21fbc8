//! The order's life on both sides: the rules about money. No keys, no frames.
//!
//! [`pos`] is the terminal's half: one attempt per order, inside a lease, asked before and after. [`his`] is the
//! hospital's half: one ledger, one lock per bill, and an end only by a signed result.
//!
//! Specified in spec: order life.

pub(crate) mod his;
pub(crate) mod pos;

use alloc::vec::Vec;

use crate::wire;
pub(crate) use crate::wire::message::Body;

/// A record's plaintext, before it is encoded: notices have no number.
pub(crate) fn notice(body: Body) -> wire::Message {
    wire::Message { call: 0, reply_to: 0, body: Some(body) }
}

/// Exactly `N` bytes, or `None`.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    <[u8; N]>::try_from(bytes).ok()
}

/// A rejection: nothing was stored and nothing moves.
pub(crate) fn rejected(code: crate::catalogue::RejectCode, order_no: &str) -> Body {
    Body::Rejected(wire::Rejected {
        code: i32::try_from(code.code()).unwrap_or_default(),
        order_no: order_no.into(),
        core: Vec::new(),
        result: Vec::new(),
        signature: Vec::new(),
        stage: 0,
    })
}
