//! S6: unknown is never shown, stored, totalled or exported as failed: what HIS holds as not paid or not refunded did
//! not happen, and does not happen afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::{Held, is_refund, order_of};
use crate::history::{Fact, History, Violation};
use crate::platform::Money;

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut states: BTreeMap<_, &str> = BTreeMap::new();
    let mut refunded = BTreeSet::new();
    let mut held = Held::default();
    for (at, fact) in &history.facts {
        let mut violated = |what| found.push(Violation { property: "S6", at: *at, what });
        match fact {
            Fact::Order(order) => {
                let before = states.insert(order.order_no.clone(), order.state);
                let order_no = &order.order_no;
                if before == Some(order.state) {
                    continue;
                }
                if order.state == "not_paid" && held.of(order_no) > 0 {
                    violated(format!("{order_no} is not paid ({}), and it is captured", order.status));
                }
                if order.state == "not_refunded" && refunded.contains(order_no) {
                    violated(format!("{order_no} is not refunded ({}), and it is", order.status));
                }
            }
            Fact::Money(Money::Captured(number, _)) => {
                let Some(order_no) = order_of(number) else { continue };
                if states.get(&order_no) == Some(&"not_paid") {
                    violated(format!("{order_no} was captured after HIS had it as not paid"));
                }
            }
            Fact::Money(Money::Refunded(number, _, _)) if is_refund(number) => {
                let Some(order_no) = order_of(number) else { continue };
                if states.get(&order_no) == Some(&"not_refunded") {
                    violated(format!("{order_no} was refunded after HIS had it as not refunded"));
                }
                refunded.insert(order_no);
            }
            Fact::LedgerBack(orders, _) => {
                states = orders.iter().map(|order| (order.order_no.clone(), order.state)).collect();
            }
            _ => {}
        }
        held.follow(fact);
    }
}
