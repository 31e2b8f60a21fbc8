//! S3: refunds of a capture never exceed it, at the platform and in the ledger.
//!
//! A ledger that went back finds refunds again that it never decided on: with them it may hold more than was taken, but
//! then decides on no further one (ORD-205).

use std::collections::BTreeMap;

use hispos::platform::Channel;

use crate::history::{Fact, History, Violation};
use crate::platform::Money;

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    let mut back: BTreeMap<&str, u64> = BTreeMap::new();
    let mut too_much: BTreeMap<(Option<Channel>, &str), String> = BTreeMap::new();
    let mut went_back = false;
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
                let number = capture.number.as_str();
                let payment = (capture.channel, capture.payment_no.as_str());
                too_much.remove(&payment);
                if capture.refunded.saturating_add(capture.reserved) > capture.amount {
                    let what = format!(
                        "the ledger has {} refunded and {} reserved of {} under {number}",
                        capture.refunded, capture.reserved, capture.amount
                    );
                    if !went_back {
                        violated(what.clone());
                    }
                    too_much.insert(payment, what);
                }
            }
            Fact::Made { order, .. } => {
                let of = order
                    .refund_of
                    .as_ref()
                    .and_then(|of| too_much.get(&(Some(of.channel), of.payment_no.as_str())));
                if let Some(what) = of {
                    violated(format!("{} is made although {what}", order.order_no));
                }
            }
            Fact::LedgerBack(..) => {
                went_back = true;
                too_much.clear();
            }
            _ => {}
        }
    }
}
