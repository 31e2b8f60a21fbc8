//! Orphans: orders that only a POS knows, pulled by ListOrders after a step back of the ledger.
//!
//! Specified in spec: order life, "orphans", and books, "ledger".

use super::accepting::{self, Told};
use super::{Changes, Held, HisAlarm, HisContext, HisOrderEvent, OrderView, Rows, Step};
use crate::book::{Anchor, Index, RowKey, Table};
use crate::message::order::OrderCore;
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
    let Ok(core) = OrderCore::decode(item.core.clone()) else {
        return Step::Done(Changes::default());
    };
    let key = RowKey::new(Table::Order, core.order_no().as_str());
    if let Err(step) = rows.all(core::slice::from_ref(&key)) {
        return step;
    }
    match rows.get(&key).and_then(Held::read) {
        None => adopt(context, core, item, clock),
        Some(held) if held.row.orphan && held.core.is_none() => complete(held, core),
        Some(_) if item.result.is_empty() => Step::Done(Changes::default()),
        Some(_) => {
            let told = Told { result: &item.result, signature: &item.signature, peer };
            accepting::accept(context, &told, rows, clock)
        }
    }
}

/// Opens a row for an unknown order: without a result it is open, and asked about first.
fn adopt(context: &HisContext, core: OrderCore, item: &wire::OrderItem, clock: Clock) -> Step {
    let mut changes = Changes::default();
    let leased_until = clock.now.after(context.full_lease());
    let row = wire::HisOrder {
        core: core.bytes().to_vec(),
        state: i32::from(HisState::Asking),
        terminal_id: context.terminal_id.as_str().into(),
        leased_until: leased_until.0,
        made_at: clock.unix.map_or(0, |unix| unix.0),
        orphan: true,
        ..wire::HisOrder::default()
    };
    let order_no = core.order_no().clone();
    let mut held = Held { order_no: order_no.clone(), core: Some(core), row, version: 0 };
    if !item.result.is_empty() {
        end_by_evidence(&mut held, item, clock);
    }
    held.store(&mut changes);
    changes.events.push(HisOrderEvent::Alarm(HisAlarm::Orphan { order_no }));
    changes.events.push(HisOrderEvent::Changed(OrderView::of(&held)));
    Step::Done(changes)
}

/// A result without a core was kept before: now the core has come.
fn complete(mut held: Held, core: OrderCore) -> Step {
    let mut changes = Changes::default();
    held.row.core = core.bytes().to_vec();
    held.core = Some(core);
    held.store(&mut changes);
    changes.events.push(HisOrderEvent::Changed(OrderView::of(&held)));
    Step::Done(changes)
}

fn end_by_evidence(held: &mut Held, item: &wire::OrderItem, clock: Clock) {
    let at = clock.unix.map_or(0, |unix| unix.0);
    held.row.evidence.push(wire::Evidence {
        result: item.result.clone(),
        signature: item.signature.clone(),
        at,
    });
    held.row.set_state(HisState::Attention);
    held.row.looked_again = u32::MAX;
    held.row.ended_at = at;
}

/// Notes how far a device's list was pulled.
pub(crate) fn pulled(context: &HisContext, list: &wire::OrderList, rows: &Rows) -> Step {
    let key = RowKey::new(Table::Peer, context.device_id.as_str());
    if let Err(step) = rows.all(core::slice::from_ref(&key)) {
        return step;
    }
    let mut changes = Changes::default();
    let (mut peer, version) = rows.read::<wire::PeerRow>(&key);
    peer.pulled_book.clone_from(&list.book);
    peer.pulled_seq = list.items.last().map_or(peer.pulled_seq, |item| item.seq);
    peer.pulled |= !list.more;
    changes.write(&key, version, &peer, Index::default());
    Step::Done(changes)
}

/// Stores the latest anchor of a device's journal.
pub(crate) fn seen(context: &HisContext, anchor: &[u8], rows: &Rows) -> Step {
    let key = RowKey::new(Table::Peer, context.device_id.as_str());
    if let Err(step) = rows.all(core::slice::from_ref(&key)) {
        return step;
    }
    let mut changes = Changes::default();
    let (mut peer, version) = rows.read::<wire::PeerRow>(&key);
    let Some(new) = Anchor::decode(anchor) else { return Step::Done(changes) };
    // An older anchor of the same book never replaces a newer one: it would hide that the journal went back.
    let back = Anchor::decode(&peer.anchor).is_some_and(|old| old.book == new.book && new.seq <= old.seq);
    if !back {
        peer.anchor = anchor.to_vec();
        changes.write(&key, version, &peer, Index::default());
    }
    Step::Done(changes)
}

/// The wait after a step back of the ledger has run out once: this is recorded, and the lists are pulled.
pub(crate) fn waited(context: &HisContext, rows: &Rows) -> Step {
    let key = RowKey::new(Table::Site, context.site_id.as_str());
    if let Err(step) = rows.all(core::slice::from_ref(&key)) {
        return step;
    }
    let mut changes = Changes::default();
    let (mut site, version) = rows.read::<wire::SiteRow>(&key);
    if site.waiting {
        site.waiting = false;
        changes.write(&key, version, &site, Index::default());
    }
    Step::Done(changes)
}
