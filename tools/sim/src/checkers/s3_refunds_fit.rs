//! S3: refunds of a capture never exceed it, at the platform and in the ledger.
//!
//! The ledger may hold more than was taken by no more than it did not decide on: refunds that it found again after it
//! went back, and refunds that were done although they were called failed. It then decides on no further one (ORD-205).

use std::collections::BTreeMap;

use hispos::ids::OrderNo;
use hispos::ledger::{CaptureView, OrderView};
use hispos::platform::Channel;

use super::order_of;
use crate::history::{Fact, History, Violation};
use crate::platform::Money;

/// A payment: its channel and the platform's own number.
type Payment<'a> = (Option<Channel>, &'a str);

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let undecided = undecided(history);
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    let mut back: BTreeMap<&str, u64> = BTreeMap::new();
    let mut too_much: BTreeMap<Payment<'_>, String> = BTreeMap::new();
    for (at, fact) in &history.facts {
        let mut violated = |what| found.push(Violation { property: "S3", at: *at, what });
        match fact {
            Fact::Money(Money::Captured(number, fen)) => *taken.entry(number).or_default() += fen,
            Fact::Money(Money::Reversed(number, fen) | Money::Refunded(_, number, fen)) => {
                let back = back.entry(number).or_default();
                *back += fen;
                let taken = taken.get(number.as_str()).copied().unwrap_or(0);
                if *back > taken {
                    violated(format!("{back} fen were given back of {taken} under {number}"));
                }
            }
            Fact::Capture(capture) => {
                let payment = (capture.channel, capture.payment_no.as_str());
                too_much.remove(&payment);
                let Some(excess) = excess(capture) else { continue };
                let what = format!(
                    "the ledger has {} refunded and {} reserved of {} under {}",
                    capture.refunded, capture.reserved, capture.amount, capture.number
                );
                let allowed: u64 = undecided.get(&payment).map_or(0, |refunds| refunds.values().sum());
                if excess > allowed {
                    violated(format!("{what}, and did not decide on {allowed} of it"));
                }
                too_much.insert(payment, what);
            }
            Fact::Made { order, .. } => {
                if let Some(what) = payment_of(order).and_then(|payment| too_much.get(&payment)) {
                    violated(format!("{} is made although {what}", order.order_no));
                }
            }
            Fact::LedgerBack(..) => too_much.clear(),
            _ => {}
        }
    }
}

/// Fen beyond what was taken, if any.
fn excess(capture: &CaptureView) -> Option<u64> {
    capture.refunded.saturating_add(capture.reserved).checked_sub(capture.amount).filter(|excess| *excess > 0)
}

/// The payment that a refund gives back.
fn payment_of(order: &OrderView) -> Option<Payment<'_>> {
    order.refund_of.as_ref().map(|of| (Some(of.channel), of.payment_no.as_str()))
}

/// Of each payment, the refunds that the ledger did not decide on as they are, with their fen: those that it knew as
/// orphans, and those that a platform did and the ledger had as failed, or gave to people, at some time.
fn undecided(history: &History) -> BTreeMap<Payment<'_>, BTreeMap<OrderNo, u64>> {
    let done = |fact: &Fact| match fact {
        Fact::Money(Money::Refunded(own, ..)) => order_of(own),
        _ => None,
    };
    let done: Vec<OrderNo> = history.facts.iter().filter_map(|(_, fact)| done(fact)).collect();
    let mut undecided: BTreeMap<Payment<'_>, BTreeMap<OrderNo, u64>> = BTreeMap::new();
    for (_, fact) in &history.facts {
        let Fact::Order(order) = fact else { continue };
        let Some((payment, amount)) = payment_of(order).zip(order.amount) else { continue };
        let failed = matches!(order.state, "not_refunded" | "attention") && done.contains(&order.order_no);
        if order.orphan || failed {
            undecided.entry(payment).or_default().insert(order.order_no.clone(), amount.magnitude());
        }
    }
    undecided
}
