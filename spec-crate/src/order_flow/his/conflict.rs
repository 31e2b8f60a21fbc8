//! Conflict: the order's own device holds another order of this number; ours never started, and the held one takes its
//! place.

use super::captures::{self, Capture};
use super::{Changes, Held, HisAlarm, HisContext, HisOrderEvent, Rows, Step};
use crate::book::{Query, RowKey, Table};
use crate::ids::OrderNo;
use crate::message::order::OrderCore;
use crate::time::Clock;
use crate::wire;

/// Takes the held core over, if the link's device may hold one of this number.
pub(crate) fn take_over(
    context: &HisContext,
    order_no: &OrderNo,
    rejected: &wire::Rejected,
    rows: &Rows,
    clock: Clock,
) -> Step {
    let mut changes = Changes::default();
    let key = RowKey::new(Table::Order, order_no.as_str());
    rows.all(core::slice::from_ref(&key))?;
    let Some(mut held) = rows.get(&key).and_then(Held::read) else { return Ok(changes) };
    let Ok(core) = OrderCore::decode(rejected.core.clone()) else { return Ok(changes) };
    let ours = held.core.as_ref().is_some_and(|ours| *ours.device_id() == context.device_id);
    let own = ours && *core.device_id() == context.device_id && core.order_no() == order_no;
    //= spec-crate/spec/orders.md#states-of-an-order-at-his
    //# A HIS MUST take a `conflict` (505) that a device other than the order's own answered as proof of
    //# nothing, and leave the order as it is.
    //= spec-crate/spec/orders.md#the-core
    //# A HIS and a POS MUST take two orders for the same order exactly if their cores are the same bytes.
    if !own || held.ended() || held.row.core == core.bytes() {
        return Ok(changes);
    }
    // Specified in spec: ORD-186: what the bill asked for was not this.
    //= spec-crate/spec/orders.md#states-of-an-order-at-his
    //# A HIS MUST end an order as Attention by any `paid` result if the core that took its place has another
    //# amount than the core that the bill asked for, and keep in the row (`other_amount`) that it has.
    held.row.other_amount |= held.core.as_ref().is_some_and(|ours| ours.amount() != core.amount());
    reserve_more(context, &core, rows, &mut changes)?;
    //= spec-crate/spec/orders.md#states-of-an-order-at-his
    //# A HIS to which an order's own device answers any request with `conflict` (505) and a core of that
    //# number and device that differs from its own MUST put the core held into the order's row, raise a
    //# refund's reservation to the amount of that core if it is larger, enter Asking with a lease end of now
    //# + FULL_LEASE, raise an alarm, and then treat the result that came with it as reported, without
    //# confirming it.
    held.row.core = core.bytes().to_vec();
    held.core = Some(core);
    held.ask(clock.now.after(context.full_lease()), &mut changes);
    changes.events.push(HisOrderEvent::Alarm(HisAlarm::Conflict { order_no: order_no.clone() }));
    Ok(changes)
}

/// The held refund may give back more than ours would have: that much is reserved.
fn reserve_more(
    context: &HisContext,
    core: &OrderCore,
    rows: &Rows,
    changes: &mut Changes,
) -> Result<(), Query> {
    let Some(of) = core.refund_of() else { return Ok(()) };
    let Some(key) = captures::key_of(&context.agreements, of.agreement_no, &of.order_no, of.channel) else {
        return Ok(());
    };
    rows.all(core::slice::from_ref(&key))?;
    let mut original = Capture::read(rows, key);
    let ours = |reservation: &&mut wire::Reservation| reservation.order_no == core.order_no().as_str();
    let Some(reservation) = original.row.reservations.iter_mut().find(ours) else { return Ok(()) };
    //= spec-crate/spec/orders.md#states-of-an-order-at-his
    //# A HIS to which an order's own device answers any request with `conflict` (505) and a core of that
    //# number and device that differs from its own MUST put the core held into the order's row, raise a
    //# refund's reservation to the amount of that core if it is larger, enter Asking with a lease end of now
    //# + FULL_LEASE, raise an alarm, and then treat the result that came with it as reported, without
    //# confirming it.
    if reservation.amount < core.amount().magnitude() {
        reservation.amount = core.amount().magnitude();
        original.store(changes);
    }
    Ok(())
}
