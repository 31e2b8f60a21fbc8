//! S4: windows that share one ledger cannot charge one bill twice.

use std::collections::BTreeMap;

use super::{Held, order_of};
use crate::history::{Fact, History, Violation};
use crate::platform::Money;

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut bills = BTreeMap::new();
    let mut open: BTreeMap<_, (String, bool)> = BTreeMap::new();
    let mut held = Held::default();
    for (at, fact) in &history.facts {
        let mut violated = |what| found.push(Violation { property: "S4", at: *at, what });
        match fact {
            Fact::Made { order, .. } if order.refund_of.is_none() => {
                bills.insert(order.order_no.clone(), order.bill.clone());
            }
            Fact::Order(order) if order.refund_of.is_none() && !order.orphan => {
                let is_open = !order.ended;
                let before = open.insert(order.order_no.clone(), (order.bill.clone(), is_open));
                let others = open
                    .iter()
                    .filter(|(no, (bill, open))| **no != order.order_no && *bill == order.bill && *open);
                // Two orphans of a bill may be open when it adopts them: both are only asked about.
                if order.state == "sent" && before.is_none() && others.count() > 0 {
                    violated(format!("{} is a second open order of {}", order.order_no, order.bill));
                }
            }
            Fact::Money(Money::Captured(number, _)) => {
                let Some(order_no) = order_of(number) else { continue };
                let bill = bills.get(&order_no);
                let other =
                    bills.iter().find(|(no, of)| **no != order_no && Some(*of) == bill && held.of(no) > 0);
                if let Some((other, bill)) = other {
                    violated(format!("{bill} is charged by {order_no} while {other} holds its money"));
                }
            }
            Fact::LedgerBack(orders, _) => {
                let own = orders.iter().filter(|order| order.refund_of.is_none() && !order.orphan);
                open =
                    own.map(|order| (order.order_no.clone(), (order.bill.clone(), !order.ended))).collect();
            }
            _ => {}
        }
        held.follow(fact);
    }
}
