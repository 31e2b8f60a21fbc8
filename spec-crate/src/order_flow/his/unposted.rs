//! Payments that are not posted to their bill, because all of their money goes back before the bill database took them
//! over.
//!
//! The decision and the refund order are one transaction, so there is never a payment that nobody posts and nobody gives
//! back. Neither is posted: not the payment, and not the refund. A refund that fails for good gives the payment back to
//! posting, in the transaction that releases its reservation.

use super::captures::Capture;
use super::refusal::OrderRefusal;
use super::{Changes, Held, HisOrderEvent, OrderView, Rows};
use crate::amount::Amount;
use crate::wire::Posting;

/// Marks a payment as not to be posted. `amount` is what the refund gives back of its `capture`: all of it.
pub(super) fn keep_from_posting(
    mut original: Held,
    amount: Amount,
    capture: &Capture,
    changes: &mut Changes,
) -> Result<(), OrderRefusal> {
    match original.row.posting() {
        Posting::Unposted => {}
        Posting::Posted => return Err(OrderRefusal::Posted),
        Posting::Unspecified | Posting::NotToPost => return Err(OrderRefusal::NothingToPost),
    }
    let result = original.result();
    let paid = result.as_ref().and_then(|result| result.get().payment_no.as_ref());
    // What was given back or is reserved has been taken off before: the whole is left only of an untouched capture.
    if amount.magnitude() != capture.row.amount || paid != Some(&capture.row.payment_no) {
        return Err(OrderRefusal::NotWhole { amount: capture.row.amount });
    }
    //= spec-crate/spec/orders.md#decisions-of-persons
    //# A HIS MUST mark an unposted order as not to be posted only in the transaction that makes a refund of
    //# all that its payment took, of which nothing was given back or is reserved, mark that refund as not to
    //# be posted, too, and mark the order as unposted again in the transaction that removes the refund's
    //# reservation without a booking.
    original.row.set_posting(Posting::NotToPost);
    original.store(changes);
    changes.events.push(HisOrderEvent::Changed(OrderView::of(&original)));
    Ok(())
}

/// A refund has failed for good: a payment that it kept from being posted waits to be posted again.
pub(crate) fn give_back_to_posting(refund: &Held, rows: &Rows, changes: &mut Changes) {
    if refund.row.posting() != Posting::NotToPost {
        return;
    }
    let original = refund.original_key().and_then(|key| rows.get(&key).and_then(Held::read));
    let Some(mut original) = original.filter(|held| held.row.posting() == Posting::NotToPost) else { return };
    //= spec-crate/spec/orders.md#decisions-of-persons
    //# A HIS MUST mark an unposted order as not to be posted only in the transaction that makes a refund of
    //# all that its payment took, of which nothing was given back or is reserved, mark that refund as not to
    //# be posted, too, and mark the order as unposted again in the transaction that removes the refund's
    //# reservation without a booking.
    original.row.set_posting(Posting::Unposted);
    original.store(changes);
    changes.events.push(HisOrderEvent::Changed(OrderView::of(&original)));
}
