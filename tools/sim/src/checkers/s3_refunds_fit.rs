//! S3: refunds of a capture never exceed it, at the platform and in the ledger.

use std::collections::BTreeMap;

use crate::history::{Fact, History, Violation};
use crate::platform::Money;

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    let mut back: BTreeMap<&str, u64> = BTreeMap::new();
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
            Fact::Capture(capture) if capture.refunded.saturating_add(capture.reserved) > capture.amount => {
                violated(format!(
                    "the ledger has {} refunded and {} reserved of {} under {}",
                    capture.refunded, capture.reserved, capture.amount, capture.number
                ));
            }
            _ => {}
        }
    }
}
