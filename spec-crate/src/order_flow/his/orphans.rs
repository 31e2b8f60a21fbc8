//! Orphans: orders that only a POS knows, pulled by ListOrders after a step back of the ledger.

use super::accepting::{self, Told};
use super::captures;
use super::{Changes, Held, HisAlarm, HisContext, HisOrderEvent, OrderView, Rows, Step};
use crate::book::{Anchor, Index, RowKey, Table};
use crate::message::order::OrderCore;
use crate::message::result::Outcome;
use crate::time::Clock;
use crate::wire::{self, HisState};

/// Takes one item of a device's list over: the core of an order that is not known, then its result.
pub(crate) fn take(
    context: &HisContext,
    item: &wire::OrderItem,
    peer: &str,
    rows: &Rows,
    clock: Clock,
) -> Step {
    let mut changes = Changes::default();
    let Ok(core) = OrderCore::decode(item.core.clone()) else { return Ok(changes) };
    let key = RowKey::new(Table::Order, core.order_no().as_str());
    rows.all(core::slice::from_ref(&key))?;
    let told = Told { result: &item.result, signature: &item.signature, peer, looked: false };
    let mut held = match rows.get(&key).and_then(Held::read) {
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST open an orphan row in Asking for an item whose number has no row and that brings no
        //# authentic result, with a lease end of now + FULL_LEASE, and ask about it like about every order in
        //# Asking.
        None => unknown(context, core, clock),
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST ignore an item without a result whose number has a row.
        Some(_) if item.result.is_empty() => return Ok(changes),
        //= spec-crate/spec/orders.md#orphans
        //# A HIS MUST treat the result of an item whose number has a row like a reported one, without confirming
        //# it.
        Some(_) => return accepting::accept(context, &told, rows, clock),
    };
    accepting::add_evidence(context, &mut held, &told, clock);
    let mut results = accepting::evidence(&held);
    results.retain(|result| accepting::is_about(&held, &context.site_id, result));
    rows.all(&captures::keys_of(&context.agreements, &held, &results, Some(rows)))?;
    if results.last().is_none_or(|result| result.get().outcome != Outcome::NotRefunded) {
        captures::reserve_orphan(&context.agreements, &held, rows, &mut changes);
    }
    for result in &results {
        captures::open_told(context, rows, &held, result, &mut changes);
    }
    //= spec-crate/spec/orders.md#orphans
    //# A HIS MUST open an orphan row in Attention for an item whose number has no row and that has an
    //# authentic result, keep the result as evidence, and open its capture rows without a bill.
    if !results.is_empty() {
        held.row.set_state(HisState::Attention);
        held.row.looked_again = u32::MAX;
        held.row.leased_until = 0;
        held.row.ended_at = clock.unix.map_or(0, |unix| unix.0);
    }
    held.store(&mut changes);
    changes.events.push(HisOrderEvent::Alarm(HisAlarm::Orphan { order_no: held.order_no.clone() }));
    changes.events.push(HisOrderEvent::Changed(OrderView::of(&held)));
    Ok(changes)
}

/// The row of an unknown order: without a result it is open, and asked about first.
fn unknown(context: &HisContext, core: OrderCore, clock: Clock) -> Held {
    let row = wire::HisOrder {
        core: core.bytes().to_vec(),
        state: i32::from(HisState::Asking),
        leased_until: clock.now.after(context.full_lease()).0,
        made_at: clock.unix.map_or(0, |unix| unix.0),
        orphan: true,
        ..wire::HisOrder::default()
    };
    Held { order_no: core.order_no().clone(), core: Some(core), row, version: 0 }
}

/// Notes how far a device's list was pulled.
///
/// `counts`: the pull began after the wait, so it is the one that a step back of the ledger asks for.
pub(crate) fn pulled(context: &HisContext, list: &wire::OrderList, counts: bool, rows: &Rows) -> Step {
    let key = RowKey::new(Table::Peer, context.device_id.as_str());
    rows.all(core::slice::from_ref(&key))?;
    let mut changes = Changes::default();
    let (mut peer, version) = rows.read::<wire::PeerRow>(&key);
    // A place in another book says nothing about this one.
    let from = if peer.pulled_book == list.book { peer.pulled_seq } else { 0 };
    //= spec-crate/spec/orders.md#orphans
    //# A HIS MUST store with each page the book and the sequence number of its last item, or for a page
    //# without items the place that it had in that book, or 0 if it had none in that book.
    peer.pulled_book.clone_from(&list.book);
    peer.pulled_seq = list.items.last().map_or(from, |item| item.seq);
    //= spec-crate/spec/books.md#a-ledger-that-went-back
    //# A HIS MUST record for each device that its list was pulled, or that two people decided to go on
    //# without it.
    peer.pulled |= counts && !list.more;
    changes.write(&key, version, &peer, Index::default());
    Ok(changes)
}

/// Stores the latest anchor of a device's journal.
pub(crate) fn seen(context: &HisContext, anchor: &[u8], rows: &Rows) -> Step {
    let key = RowKey::new(Table::Peer, context.device_id.as_str());
    rows.all(core::slice::from_ref(&key))?;
    let mut changes = Changes::default();
    let (mut peer, version) = rows.read::<wire::PeerRow>(&key);
    let Some(new) = Anchor::decode(anchor) else { return Ok(changes) };
    // An older anchor of the same book never replaces a newer one: it would hide that the journal went back.
    //= spec-crate/spec/orders.md#sync
    //# A HIS and a POS MUST store the anchor of the other side's book that comes with a Sync, SyncReply,
    //# Ping, Pong, ReportResult or ConfirmResult, unless it is absent or is of the same book as the stored
    //# one and not above its sequence number.
    let back = Anchor::decode(&peer.anchor).is_some_and(|old| old.book == new.book && new.seq <= old.seq);
    //= spec-crate/spec/books.md#anchors
    //# A HIS MUST keep the latest anchor of a journal for each device, and a POS that of a ledger for each
    //# site, so that anchors of two sites are never compared.
    if !back {
        peer.anchor = anchor.to_vec();
        changes.write(&key, version, &peer, Index::default());
    }
    Ok(changes)
}

/// The wait after a step back of the ledger has run out once: this is recorded, and the lists are pulled.
pub(crate) fn waited(context: &HisContext, rows: &Rows) -> Step {
    let key = RowKey::new(Table::Site, context.site_id.as_str());
    rows.all(core::slice::from_ref(&key))?;
    let mut changes = Changes::default();
    let (mut site, version) = rows.read::<wire::SiteRow>(&key);
    if site.waiting {
        //= spec-crate/spec/books.md#a-ledger-that-went-back
        //# A HIS MUST make no order, collect or refund, while the site row is waiting, and end the waiting
        //# when FULL_LEASE + the largest T_QUIET of all agreements held has passed since its program started,
        //# with a record of that.
        site.waiting = false;
        changes.write(&key, version, &site, Index::default());
    }
    Ok(changes)
}
