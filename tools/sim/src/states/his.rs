//! States and events of an order at HIS, from the rows of its ledger.

use hispos::book::Row;
use hispos::ledger::OrderView;

use super::Change;
use crate::causes::{Source, Stimulus};

/// Fields of a HisOrder.
const CORE: u64 = 1;
const START_BY: u64 = 8;
const LEASED_UNTIL: u64 = 9;
const RESULT: u64 = 12;
const LOOKED_AGAIN: u64 = 19;
const REJECTED: u64 = 21;

/// The state of a row.
pub(super) fn state(row: &Row) -> &'static str {
    let Some(order) = OrderView::read(row) else { return "none" };
    match (order.state, order.posting) {
        ("asking", _) if order.orphan => "orphan_asking",
        _ if order.orphan => "orphan",
        ("paid", "posted") => "paid_posted",
        ("paid", "not_to_post") => "paid_not_to_post",
        ("paid", _) => "paid_unposted",
        ("refunded", "posted") => "refunded_posted",
        ("refunded", "not_to_post") => "refunded_not_to_post",
        ("refunded", _) => "refunded_unposted",
        (other, _) => other,
    }
}

/// What may have changed a row.
pub(super) fn events(change: &Change<'_>, source: &Source) -> Vec<&'static str> {
    // Another order's refund moves the posting of its original.
    match (state(change.before), state(change.after)) {
        ("paid_unposted", "paid_not_to_post") => return vec!["refund_whole"],
        ("paid_not_to_post", "paid_unposted") => return vec!["refund_failed"],
        _ => {}
    }
    let cause = match source {
        Source::Program(event) => return vec![event],
        Source::Link(cause) => cause,
    };
    if let Some(event) = kept(change) {
        return vec![event];
    }
    let before = state(change.before);
    let passed = |field| change.instant(field).is_some_and(|at| cause.now >= at);
    let start_by = (before == "sent" && passed(START_BY)).then_some("start_by");
    let lease_end = (matches!(before, "sent" | "cancelling") && passed(LEASED_UNTIL)).then_some("lease_end");
    let event = |stimulus: &Stimulus| match stimulus {
        Stimulus::Person => Some("cancel"),
        Stimulus::Bytes if before == "cancelling" => Some("rejected"),
        Stimulus::Bytes => Some("no_record"),
        Stimulus::Began | Stimulus::Time | Stimulus::Answer(_) => None,
    };
    cause.stimuli.iter().filter_map(event).chain(start_by).chain(lease_end).collect()
}

/// What the row keeps of what came.
fn kept(change: &Change<'_>) -> Option<&'static str> {
    let after = OrderView::read(change.after)?;
    let core = change.new.bytes(CORE).unwrap_or_default();
    let Some(before) = OrderView::read(change.before) else {
        return Some(match after.amount {
            _ if after.orphan => "list_item",
            Some(amount) if amount.collects() => "collect",
            _ => "refund",
        });
    };
    if change.old.bytes(CORE).unwrap_or_default() != core {
        return Some("conflict");
    }
    let results = [&change.old, &change.new].map(|fields| fields.bytes(RESULT).unwrap_or_default());
    if results[0] != results[1] {
        return Some("result");
    }
    if after.evidence > before.evidence {
        return Some("evidence");
    }
    if after.devices.len() > before.devices.len() {
        return Some("look_elsewhere");
    }
    if change.sets(REJECTED) {
        return Some("rejected");
    }
    let looks = [&change.old, &change.new].map(|fields| fields.number(LOOKED_AGAIN).unwrap_or(0));
    (looks[0] < looks[1]).then_some("look")
}
