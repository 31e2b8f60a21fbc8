//! Making an order: in one transaction the ledger is looked at, and core, lock, run and start instant are persisted.

use alloc::string::String;
use alloc::vec::Vec;

use super::captures::{self, Capture};
use super::refusal::OrderRefusal;
use super::{Changes, Held, HisContext, HisOrderEvent, OrderView, Rows, Step, room, unposted};
use crate::amount::Amount;
use crate::book::{Index, Query, RowKey, Table};
use crate::ids::{OperatorId, OrderNo};
use crate::limits;
use crate::message::manifest::Admission;
use crate::message::order::{Kind, NewOrder, OrderCore, RefundOf};
use crate::message::order_no::{derive_order_no, refund_key};
use crate::order_flow::allows_amount;
use crate::platform::Channel;
use crate::time::{Clock, Instant};
use crate::wire::{self, HisState, Posting};

/// What a cashier wants collected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewCollect {
    /// Comes back in the event that tells of the order.
    pub ticket: u64,
    /// The bill's own key at the hospital, 1 to 64 bytes. It never leaves the ledger.
    pub bill: String,
    /// Positive.
    pub amount: Amount,
    /// The day that it counts for, as YYYYMMDD.
    pub business_day: u32,
}

/// What a cashier wants given back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewRefund {
    /// Comes back in the event that tells of the order.
    pub ticket: u64,
    /// The order that took the money.
    pub order_no: OrderNo,
    /// Which item of the bill, at most 64 bytes; may be empty.
    pub item: String,
    /// Negative.
    pub amount: Amount,
    /// Who gives it back.
    pub operator: OperatorId,
    /// Who approved it: another person.
    pub approver: OperatorId,
    /// Why, at most 128 bytes.
    pub reason: String,
    /// The day that it counts for, as YYYYMMDD.
    pub business_day: u32,
}

/// What the session knows that an order is made in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session<'a> {
    pub(crate) run: &'a [u8],
    pub(crate) zero: Instant,
    pub(crate) agreement_no: u32,
}

/// Makes the next order of a bill.
pub(crate) fn collect(
    context: &HisContext,
    new: &NewCollect,
    session: Session<'_>,
    rows: &Rows,
    clock: Clock,
) -> Step {
    run(new.ticket, || {
        let bill_rows = rows.bill(&new.bill)?;
        let bill_key = RowKey::new(Table::Bill, &new.bill);
        let (mut bill, bill_version) = rows.read::<wire::BillRow>(&bill_key);
        let next = |ahead: u32| {
            let generation = bill.orders.saturating_add(ahead);
            //= spec-crate/spec/privacy.md#on-the-link-and-at-the-platform
            //# A HIS and a POS MUST NOT send a name, a diagnosis, a department, a treatment, a bill key, an
            //# identity number or an insurance number over the link or to a platform.
            derive_order_no(&context.site_secret, Kind::Collect, new.bill.as_bytes(), generation)
                .map_err(|_| OrderRefusal::Core("bill key too long".into()))
        };
        let ahead = u32::try_from(limits::ORPHAN_NUMBERS).unwrap_or(u32::MAX);
        let numbers = (0..ahead).map(next).collect::<Result<Vec<OrderNo>, OrderRefusal>>()?;
        let orphans: Vec<RowKey> = numbers.iter().map(order_key).collect();
        rows.all(&orphans)?;
        let mut changes = Changes::default();
        let search_until = may_make(context, rows, new.business_day, clock, &mut changes)?;
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST decide on a new order and store its row in one transaction that has read the site row,
        //# the row of the bill, every order and capture of the bill, and the order rows of the bill's next 16
        //# numbers.
        for row in &bill_rows {
            changes.looked(&row.key, row.version);
        }
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST refuse a new collect for the first of these reasons that applies: the business day is
        //# closed; the wait after a step back is not over; a device's list that the step back asks for was
        //# not pulled; the device is revoked or not in the manifest; a capture of the bill is not returned; a
        //# collect of the bill is in any state other than NotPaid and Paid; one of the next 16 numbers has a
        //# row that the bill has not adopted; the amount is not positive or above the limit.
        bill_is_free(&bill_rows)?;
        // An orphan that the bill adopted may hold a later number: it is passed over.
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS that derives numbers MUST give a new collect the first of the bill's next 16 numbers that no
        //# adopted order holds, and set the bill's count of orders to that number's generation + 1.
        let adopted = |key: &RowKey| {
            let held = rows.get(key).and_then(Held::read);
            held.is_some_and(|held| !held.row.orphan && held.row.bill == new.bill)
        };
        let (own, unknown): (Vec<RowKey>, Vec<RowKey>) = orphans.iter().cloned().partition(adopted);
        orphans_are_absent(rows, &unknown, &mut changes)?;
        let mut free = numbers.into_iter().zip(bill.orders..).filter(|(no, _)| !own.contains(&order_key(no)));
        let none_left = || OrderRefusal::Core("no number of the bill is left".into());
        let (order_no, generation) = free.next().ok_or_else(none_left)?;
        let order = NewOrder {
            order_no,
            device_id: context.device_id.clone(),
            amount: new.amount,
            business_day: new.business_day,
            agreement_no: session.agreement_no,
            refund_of: None,
        };
        let mut held = make(context, &order, session, clock)?;
        held.row.bill.clone_from(&new.bill);
        held.row.generation = generation;
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST name in `search` of a new collect its own number and the next three that the bill would
        //# get, and send the same in its CancelOrder, while the site's search time is not over or it has no
        //# calendar clock.
        //= spec-crate/spec/books.md#a-ledger-that-went-back
        //# A HIS MUST send a `search` with each collect and its CancelOrder, as ORD-163 says, until the
        //# search time of the site row has passed, and always while it has no calendar clock.
        if clock.unix.is_none_or(|unix| unix.0 < search_until) {
            let later = free.map(|(no, _)| no);
            let all = core::iter::once(order.order_no).chain(later).take(limits::SEARCH_MAX);
            held.row.search = all.map(|no| no.as_str().into()).collect();
        }
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST store a new order in Sent with its core, the bill, its generation, the terminal that
        //# made it, the run of the present session, the start instant, the lease end and `search`, and make
        //# it the bill's present order.
        bill.present = held.order_no.as_str().into();
        bill.orders = generation.saturating_add(1);
        held.store(&mut changes);
        changes.write(&bill_key, bill_version, &bill, Index { bill: new.bill.clone(), ..Index::default() });
        changes.events.push(HisOrderEvent::Made { ticket: new.ticket, order: OrderView::of(&held) });
        Ok(changes)
    })
}

/// Makes a refund order, and reserves what it may give back. `not_to_post`: its original is not to be posted then.
pub(crate) fn refund(
    context: &HisContext,
    new: &NewRefund,
    not_to_post: bool,
    session: Session<'_>,
    rows: &Rows,
    clock: Clock,
) -> Step {
    run(new.ticket, || {
        let original_key = order_key(&new.order_no);
        rows.all(core::slice::from_ref(&original_key))?;
        let original = rows.get(&original_key).and_then(Held::read).ok_or(OrderRefusal::NotCaptured)?;
        let core = original.core.clone().ok_or(OrderRefusal::NotCaptured)?;
        //= spec-crate/spec/orders.md#making-a-refund
        //# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an
        //# orphan; the ledger has no capture under a platform number of the original that is not returned; a
        //# reason of ORD-161 that concerns the day, the step back or the device; the amount is not negative;
        //# another refund of the same original and item has not ended, ended as attention, or still has a
        //# reservation; the amount is above what was taken less what was given back and what is reserved; the
        //# refunds of the capture that were given back and those that are reserved are together 50 or more;
        //# less than 60 seconds have passed since the capture's latest refund order was made; the new
        //# refund's number has a row; the amount is above a limit of the agreement.
        let (channel, mut capture) = taken(context, &original, &core, rows)?;
        let mut changes = Changes::default();
        may_make(context, rows, new.business_day, clock, &mut changes)?;
        //= spec-crate/spec/orders.md#making-a-refund
        //# A HIS MUST decide on a new refund, reserve its amount and store its row in one transaction that
        //# has read the site row, the row of the original, the capture row that gives the money back, every
        //# order of the original's bill and every order of the business day, and that writes the site row.
        let bill_rows = rows.bill(&original.row.bill)?;
        for row in &bill_rows {
            changes.looked(&row.key, row.version);
        }
        let key = refund_key(&new.order_no, channel, &new.item);
        let number_of = |generation: u32| {
            derive_order_no(&context.site_secret, Kind::Refund, &key, generation)
                .map_err(|_| OrderRefusal::Core("item too long".into()))
        };
        // An adopted orphan does not say its item; its number does.
        let most = u32::try_from(limits::REFUNDS_PER_CAPTURE_MAX).unwrap_or(u32::MAX);
        let numbers = (0..most).map(number_of).collect::<Result<Vec<OrderNo>, OrderRefusal>>()?;
        let of_item = |held: &Held| {
            let of = held.core.as_ref().and_then(|core| core.refund_of());
            let same = held.row.item == new.item || numbers.contains(&held.order_no);
            of.is_some_and(|of| of.order_no == new.order_no) && same
        };
        //= spec-crate/spec/orders.md#making-a-refund
        //# A HIS that derives numbers MUST take as generation of a new refund the count of refund orders of
        //# its original that have its item, where an adopted orphan has the item by which one of the first 50
        //# generations gives its number.
        let earlier: Vec<Held> = bill_rows.iter().filter_map(|row| Held::read(row)).filter(of_item).collect();
        room::refund_fits(&capture, new.amount, &earlier, clock)?;
        let generation = u32::try_from(earlier.len()).unwrap_or(u32::MAX);
        let order = NewOrder {
            order_no: number_of(generation)?,
            device_id: context.device_id.clone(),
            amount: new.amount,
            business_day: new.business_day,
            agreement_no: session.agreement_no,
            refund_of: Some(original_of(new, &core, channel, &capture)),
        };
        let number = order_key(&order.order_no);
        rows.all(core::slice::from_ref(&number))?;
        orphans_are_absent(rows, &[number], &mut changes)?;
        let mut held = make(context, &order, session, clock)?;
        let agreement = context.agreement(session.agreement_no).ok_or(OrderRefusal::NoAgreement)?;
        let day_max = agreement.terms().amounts.refund_day_max;
        //= spec-crate/spec/orders.md#making-a-refund
        //# A HIS MUST decide on a new refund, reserve its amount and store its row in one transaction that
        //# has read the site row, the row of the original, the capture row that gives the money back, every
        //# order of the original's bill and every order of the business day, and that writes the site row.
        room::day_has_room(new.amount, day_max, &rows.day(new.business_day)?)?;
        held.row.bill.clone_from(&original.row.bill);
        held.row.item.clone_from(&new.item);
        held.row.generation = generation;
        changes.looked(&original_key, original.version);
        if not_to_post {
            unposted::keep_from_posting(original, new.amount, &capture, &mut changes)?;
            held.row.set_posting(Posting::NotToPost);
        }
        let order_no = held.order_no.as_str().into();
        //= spec-crate/spec/orders.md#making-a-refund
        //# A HIS MUST decide on a new refund, reserve its amount and store its row in one transaction that
        //# has read the site row, the row of the original, the capture row that gives the money back, every
        //# order of the original's bill and every order of the business day, and that writes the site row.
        let reserved = wire::Reservation { order_no, amount: new.amount.magnitude(), item: new.item.clone() };
        capture.reserve(reserved, clock.unix.map_or(0, |unix| unix.0));
        capture.store(&mut changes);
        touch_site(context, rows, &mut changes);
        held.store(&mut changes);
        changes.events.push(HisOrderEvent::Made { ticket: new.ticket, order: OrderView::of(&held) });
        Ok(changes)
    })
}

/// What a refund gives back, and who answers for it.
fn original_of(new: &NewRefund, core: &OrderCore, channel: Channel, capture: &Capture) -> RefundOf {
    RefundOf {
        //= spec-crate/spec/orders.md#making-a-refund
        //# A HIS MUST put into `refund_of` of a refund the original's number, the agreement number of the
        //# original's core, the capture's channel, amount and payment number, both people, and the reason.
        order_no: new.order_no.clone(),
        agreement_no: core.agreement_no(),
        channel,
        amount: capture.row.amount,
        payment_no: capture.row.payment_no.clone(),
        operator: new.operator.clone(),
        approver: new.approver.clone(),
        reason: new.reason.clone(),
    }
}

/// The capture of an order that is not returned.
fn taken(
    context: &HisContext,
    original: &Held,
    core: &OrderCore,
    rows: &Rows,
) -> Result<(Channel, Capture), Stop> {
    //= spec-crate/spec/orders.md#making-a-refund
    //# A HIS MUST refuse a new refund for the first of these reasons that applies: the original is an
    //# orphan; the ledger has no capture under a platform number of the original that is not returned; a
    //# reason of ORD-161 that concerns the day, the step back or the device; the amount is not negative;
    //# another refund of the same original and item has not ended, ended as attention, or still has a
    //# reservation; the amount is above what was taken less what was given back and what is reserved; the
    //# refunds of the capture that were given back and those that are reserved are together 50 or more;
    //# less than 60 seconds have passed since the capture's latest refund order was made; the new
    //# refund's number has a row; the amount is above a limit of the agreement.
    if original.row.orphan {
        return Err(OrderRefusal::Orphan { order_no: original.order_no.as_str().into() }.into());
    }
    //= spec-crate/spec/orders.md#making-a-refund
    //# A HIS MUST refund the WeChat capture of an order first if both channels have one that is not returned.
    for channel in Channel::ALL {
        let Some(key) = captures::key_of(&context.agreements, core.agreement_no(), core.order_no(), channel)
        else {
            continue;
        };
        rows.all(core::slice::from_ref(&key))?;
        let capture = Capture::read(rows, key);
        if capture.known() && !capture.row.returned {
            return Ok((channel, capture));
        }
    }
    Err(OrderRefusal::NotCaptured.into())
}

/// Why a step stops short: rows are missing, or the order is refused.
enum Stop {
    Need(Query),
    Refused(OrderRefusal),
}

impl From<Query> for Stop {
    fn from(query: Query) -> Self {
        Self::Need(query)
    }
}

impl From<OrderRefusal> for Stop {
    fn from(why: OrderRefusal) -> Self {
        Self::Refused(why)
    }
}

fn run(ticket: u64, step: impl FnOnce() -> Result<Changes, Stop>) -> Step {
    step().or_else(|stop| match stop {
        Stop::Need(query) => Err(query),
        Stop::Refused(why) => {
            let events = alloc::vec![HisOrderEvent::Refused { ticket, why }];
            Ok(Changes { events, ..Changes::default() })
        }
    })
}

fn order_key(order_no: &OrderNo) -> RowKey {
    RowKey::new(Table::Order, order_no.as_str())
}

/// The site's own conditions: not after a step back, not for a closed day. Returns until when orders carry a search.
fn may_make(
    context: &HisContext,
    rows: &Rows,
    day: u32,
    clock: Clock,
    changes: &mut Changes,
) -> Result<u64, Stop> {
    let site_key = RowKey::new(Table::Site, context.site_id.as_str());
    rows.all(core::slice::from_ref(&site_key))?;
    let (site, version) = rows.read::<wire::SiteRow>(&site_key);
    changes.looked(&site_key, version);
    //= spec-crate/spec/orders.md#totals
    //# A HIS MUST make no order for a business day that is closed, and close a day with orders that have not
    //# ended only together with the list of them.
    if site.closed_days.contains(&day) {
        return Err(OrderRefusal::DayClosed(day).into());
    }
    //= spec-crate/spec/books.md#a-ledger-that-went-back
    //# A HIS MUST make no order, collect or refund, while the site row is waiting, and end the waiting when
    //# FULL_LEASE + the largest T_QUIET of all agreements held has passed since its program started, with a
    //# record of that.
    if site.waiting {
        let over = context.started.after(context.full_lease()).after(context.quiet());
        let seconds = over.since(clock.now).div_ceil(1_000).max(1);
        return Err(OrderRefusal::Restoring { seconds, device: String::new() }.into());
    }
    if site.pulling {
        let devices: Vec<RowKey> = context
            .devices
            .entries()
            .iter()
            .map(|entry| RowKey::new(Table::Peer, entry.id.as_str()))
            .collect();
        rows.all(&devices)?;
        let missing = devices.iter().find(|key| !rows.read::<wire::PeerRow>(key).0.pulled);
        //= spec-crate/spec/books.md#a-ledger-that-went-back
        //# A HIS MUST, while the site row is pulling, make no order before the list of every device of the
        //# device manifest has been pulled to its end by a pull that began after the wait was over.
        if let Some(device) = missing {
            return Err(OrderRefusal::Restoring { seconds: 0, device: device.key.clone() }.into());
        }
    }
    if !matches!(context.devices.accepts_new_orders(&context.device_id, clock.unix), Admission::Accepted(_)) {
        return Err(OrderRefusal::Device.into());
    }
    Ok(site.search_until)
}

/// S4: at most one order of a bill that has not ended unpaid, and none while its money is somewhere.
fn bill_is_free(bill_rows: &[&crate::book::Row]) -> Result<(), OrderRefusal> {
    let captures = bill_rows.iter().filter_map(|row| super::CaptureView::read(row));
    if let Some(capture) = captures.into_iter().find(|capture| !capture.returned) {
        return Err(OrderRefusal::BillCaptured { number: capture.number });
    }
    let is_collect = |held: &Held| held.core.as_ref().is_none_or(|core| core.kind() == Kind::Collect);
    let mut orders = bill_rows.iter().filter_map(|row| Held::read(row)).filter(is_collect);
    let returned = |held: &Held| held.state() == HisState::Paid;
    match orders.find(|held| !held.frees_its_bill() && !returned(held)) {
        Some(held) => Err(OrderRefusal::BillBusy { order_no: held.order_no.as_str().into() }),
        None => Ok(()),
    }
}

fn orphans_are_absent(rows: &Rows, keys: &[RowKey], changes: &mut Changes) -> Result<(), OrderRefusal> {
    for key in keys {
        let version = rows.get(key).map_or(0, |row| row.version);
        //= spec-crate/spec/orders.md#order-numbers
        //# A HIS MUST NOT give one order number to two orders with different cores at one site.
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST make no order of a bill while an orphan that the bill has not adopted has one of the
        //# bill's next 16 numbers.
        if version != 0 {
            return Err(OrderRefusal::Orphan { order_no: key.key.clone() });
        }
        changes.looked(key, 0);
    }
    Ok(())
}

/// The site row is written as it was: of two refunds made at once the second is counted over the first.
fn touch_site(context: &HisContext, rows: &Rows, changes: &mut Changes) {
    let site_key = RowKey::new(Table::Site, context.site_id.as_str());
    let (site, version) = rows.read::<wire::SiteRow>(&site_key);
    if version != 0 {
        changes.write(&site_key, version, &site, Index::default());
    }
}

/// The row of a new order: sent, in this run, with its start instant.
fn make(
    context: &HisContext,
    order: &NewOrder,
    session: Session<'_>,
    clock: Clock,
) -> Result<Held, OrderRefusal> {
    //= spec-crate/spec/orders.md#time
    //# A HIS and a POS MUST use for an order the agreed timers of the agreement whose number the order's core
    //# names, for the whole life of the order.
    //= spec-crate/spec/orders.md#making-a-collect
    //# A HIS MUST make an order only in a session past Sync, for the device of that session, under the
    //# agreement of that session.
    let agreement = context.agreement(session.agreement_no).ok_or(OrderRefusal::NoAgreement)?;
    if !allows_amount(agreement, Kind::of(order.amount), order.amount) {
        return Err(OrderRefusal::Amount);
    }
    if order.refund_of.is_none() && !order.amount.collects() {
        return Err(OrderRefusal::Amount);
    }
    //= spec-crate/spec/orders.md#making-a-collect
    //# A HIS MUST apply ORD-28, ORD-29, ORD-30 and the amount limits to its own core before it stores it.
    let core = OrderCore::encode(order).map_err(|error| OrderRefusal::Core(alloc::format!("{error}")))?;
    let timers = agreement.terms().timers;
    //= spec-crate/spec/orders.md#leases
    //# A HIS MUST set the start instant of a new order to the latest instant that is not later than now +
    //# T_START and a whole number of seconds after the zero of the present session.
    // HIS rounds down to a whole second of session time, so that the POS never holds a later moment.
    let start_by = clock.now.after(timers.start).since(session.zero) / 1_000;
    let start_by = session.zero.after(start_by.saturating_mul(1_000));
    //= spec-crate/spec/orders.md#leases
    //# A HIS MUST set the lease end of a new order to its start instant + T_ACT + T_DRIFT.
    let leased_until = start_by.after(timers.act).after(timers.drift);
    let row = wire::HisOrder {
        core: core.bytes().to_vec(),
        state: i32::from(HisState::Sent),
        //= spec-crate/spec/messages.md#submitorder
        //# A HIS MUST set `terminal_id` to the id of the terminal that authenticated the session in which the
        //# order was made.
        terminal_id: context.terminal_id.as_str().into(),
        //= spec-crate/spec/orders.md#making-a-collect
        //# A HIS MUST write the run of an order once, and name it in every SubmitOrder and CancelOrder of
        //# that order.
        run: session.run.to_vec(),
        start_by: start_by.0,
        leased_until: leased_until.0,
        made_at: clock.unix.map_or(0, |unix| unix.0),
        ..wire::HisOrder::default()
    };
    Ok(Held { order_no: order.order_no.clone(), core: Some(core), row, version: 0 })
}
