//! S2: HIS shows paid only if the platform captured and nothing sent earlier can still undo it; and what the platform
//! holds is known to HIS in the end.
//!
//! What an order took that was in the ledger and in the journal, and is in neither since books were lost, is a residual
//! (security, "what no rule removes", 2): only the platform's bill knows it. An order that is made again is not.

use std::collections::{BTreeMap, BTreeSet};

use hispos::ids::OrderNo;

use super::order_of;
use crate::history::{Fact, History, Violation};
use crate::platform::Money;

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut captured = BTreeSet::new();
    let mut reversed = BTreeSet::new();
    let mut states: BTreeMap<_, &str> = BTreeMap::new();
    let mut made: BTreeSet<OrderNo> = BTreeSet::new();
    let mut forgotten: BTreeSet<OrderNo> = BTreeSet::new();
    for (at, fact) in &history.facts {
        let mut violated = |what| found.push(Violation { property: "S2", at: *at, what });
        match fact {
            Fact::Money(Money::Captured(number, _)) => {
                captured.extend(order_of(number));
            }
            Fact::Money(Money::Reversed(number, _)) => {
                let Some(order_no) = order_of(number) else { continue };
                if states.get(&order_no) == Some(&"paid") {
                    violated(format!("{order_no} was reversed after HIS had it as paid"));
                }
                reversed.insert(order_no);
            }
            Fact::Order(order) => {
                let before = states.insert(order.order_no.clone(), order.state);
                if order.state != "paid" || before == Some("paid") {
                    continue;
                }
                if !captured.contains(&order.order_no) {
                    violated(format!("{} is paid, and no platform captured it", order.order_no));
                }
                if reversed.contains(&order.order_no) {
                    violated(format!("{} is paid, and it had been reversed", order.order_no));
                }
            }
            Fact::Made { order, .. } => {
                forgotten.remove(&order.order_no);
                made.insert(order.order_no.clone());
            }
            Fact::BookBack(known) => forgotten.extend(made.difference(known).cloned()),
            Fact::LedgerBack(orders, _) => {
                states = orders.iter().map(|order| (order.order_no.clone(), order.state)).collect();
            }
            _ => {}
        }
    }
    for (number, payment_no, fen) in &history.rest.held {
        // What needs attention is looked at by people, and daily by the link.
        let attention =
            history.rest.orders.iter().any(|order| {
                order.state == "attention" && Some(&order.order_no) == order_of(number).as_ref()
            });
        let known = history.rest.captures.iter().any(|capture| capture.payment_no == *payment_no);
        let forgotten = order_of(number).is_some_and(|order_no| forgotten.contains(&order_no));
        if !known && !attention && !forgotten {
            let what = format!("the platform holds {fen} fen under {number}, and HIS knows no capture of it");
            found.push(Violation { property: "S2", at: u64::MAX, what });
        }
    }
}
