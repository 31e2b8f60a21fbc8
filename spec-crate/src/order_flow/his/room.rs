//! Whether there is room for a refund: in the capture that it gives back, and in the business day.

use super::captures::Capture;
use super::{Held, OrderRefusal};
use crate::amount::Amount;
use crate::book::Row;
use crate::message::order::Kind;
use crate::time::Clock;
use crate::wire::HisState;
use crate::{limits, timers};

/// S3: refunded + reserved + new <= taken; one refund of an item at a time; not too many, not too fast.
pub(super) fn refund_fits(
    capture: &Capture,
    amount: Amount,
    earlier: &[Held],
    clock: Clock,
) -> Result<(), OrderRefusal> {
    //= spec-crate/spec/orders.md#making-a-refund
    //# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an orphan;
    //# the ledger has no capture under a platform number of the original that is not returned; a reason of
    //# ORD-161 that concerns the day, the step back or the device; the amount is not negative; another refund
    //# of the same original and item has not ended, ended as attention, or still has a reservation; the
    //# amount is above what was taken less what was given back and what is reserved; the refunds of the
    //# capture that were given back and those that are reserved are together 50 or more; less than 60 seconds
    //# have passed since the capture's latest refund order was made; the new refund's number has a row; the
    //# amount is above a limit of the agreement.
    if amount.collects() {
        return Err(OrderRefusal::Amount);
    }
    let open = |held: &&Held| !held.ended() || held.state() == HisState::Attention;
    let reserved = |held: &&Held| {
        let mut reservations = capture.row.reservations.iter();
        reservations.any(|reservation| reservation.order_no == held.order_no.as_str())
    };
    //= spec-crate/spec/orders.md#making-a-refund
    //# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an orphan;
    //# the ledger has no capture under a platform number of the original that is not returned; a reason of
    //# ORD-161 that concerns the day, the step back or the device; the amount is not negative; another refund
    //# of the same original and item has not ended, ended as attention, or still has a reservation; the
    //# amount is above what was taken less what was given back and what is reserved; the refunds of the
    //# capture that were given back and those that are reserved are together 50 or more; less than 60 seconds
    //# have passed since the capture's latest refund order was made; the new refund's number has a row; the
    //# amount is above a limit of the agreement.
    if let Some(busy) = earlier.iter().find(|held| open(held) || reserved(held)) {
        return Err(OrderRefusal::ItemBusy { order_no: busy.order_no.as_str().into() });
    }
    //= spec-crate/spec/orders.md#captures-and-refunds-in-the-ledger
    //# A HIS MUST keep, for each capture, given back + reserved + a new refund at or below the amount taken.
    let gone = capture.row.refunded.saturating_add(capture.reserved());
    let left = capture.row.amount.saturating_sub(gone);
    if amount.magnitude() > left {
        return Err(OrderRefusal::Exceeds { left });
    }
    let orders = usize::try_from(capture.row.refunds).unwrap_or(usize::MAX);
    //= spec-crate/spec/orders.md#making-a-refund
    //# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an orphan;
    //# the ledger has no capture under a platform number of the original that is not returned; a reason of
    //# ORD-161 that concerns the day, the step back or the device; the amount is not negative; another refund
    //# of the same original and item has not ended, ended as attention, or still has a reservation; the
    //# amount is above what was taken less what was given back and what is reserved; the refunds of the
    //# capture that were given back and those that are reserved are together 50 or more; less than 60 seconds
    //# have passed since the capture's latest refund order was made; the new refund's number has a row; the
    //# amount is above a limit of the agreement.
    if orders.saturating_add(capture.row.reservations.len()) >= limits::REFUNDS_PER_CAPTURE_MAX {
        return Err(OrderRefusal::TooMany);
    }
    let next = capture.row.refund_made_at.saturating_add(timers::REFUND_GAP.div_ceil(1_000));
    let now = clock.unix.map_or(0, |unix| unix.0);
    //= spec-crate/spec/orders.md#making-a-refund
    //# A HIS that refuses a refund because it is too soon MUST tell the seconds that are left, and make no
    //# order.
    if capture.row.refund_made_at != 0 && now < next {
        return Err(OrderRefusal::TooSoon { seconds: next.saturating_sub(now) });
    }
    Ok(())
}

/// The refunds of the site's business day stay within the agreement's limit, in fen; failed ones gave nothing back.
///
/// `day` are all order rows of the day.
pub(super) fn day_has_room(amount: Amount, day_max: u64, day: &[&Row]) -> Result<(), OrderRefusal> {
    //= spec-crate/spec/orders.md#amounts
    //# A HIS MUST refuse a refund order if its amount and the amounts of all refund orders of the same site
    //# and business day that have not ended as `not_refunded` together exceed `refund_day_max` of the
    //# agreement.
    let counts = |held: &Held| held.state() != HisState::NotRefunded;
    let cores = day.iter().filter_map(|row| Held::read(row)).filter(counts).filter_map(|held| held.core);
    let refunds = cores.filter(|core| core.kind() == Kind::Refund);
    let gone = refunds.fold(0_u64, |sum, core| sum.saturating_add(core.amount().magnitude()));
    let left = day_max.saturating_sub(gone);
    if amount.magnitude() > left { Err(OrderRefusal::DayLimit { left }) } else { Ok(()) }
}
