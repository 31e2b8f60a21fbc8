//! S1: for one order at most one pay request is ever written, and at most one capture exists.

use std::collections::BTreeMap;

use super::order_of;
use crate::history::{Fact, History, Moving, Violation};
use crate::platform::Money;

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut pays = BTreeMap::new();
    let mut captures = BTreeMap::new();
    for (at, fact) in &history.facts {
        let mut violated = |what| found.push(Violation { property: "S1", at: *at, what });
        match fact {
            // A ledger that went back makes the same order again: what was written for it before is forgotten by it.
            Fact::Made { order, .. } => {
                pays.insert(order.order_no.clone(), 0_u32);
            }
            Fact::Written { number, moving: Moving::Pay, .. } => {
                let Some(order_no) = number.order_no() else { continue };
                let count = pays.entry(order_no.clone()).or_default();
                *count += 1;
                if *count > 1 {
                    violated(format!("{count} pay requests were written for {order_no}"));
                }
            }
            Fact::Money(Money::Captured(number, _)) => {
                let Some(order_no) = order_of(number) else { continue };
                let count = captures.entry(order_no.clone()).or_insert(0_u32);
                *count += 1;
                if *count > 1 {
                    violated(format!("{order_no} was captured {count} times"));
                }
            }
            _ => {}
        }
    }
}
