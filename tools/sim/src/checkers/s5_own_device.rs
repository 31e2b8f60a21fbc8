//! S5: a wrong device never moves money: only the device that HIS named for an order ever writes for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Fact, History, Violation};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut named: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (at, fact) in &history.facts {
        match fact {
            Fact::Made { order, .. } => {
                named.entry(order.order_no.clone()).or_default().extend(order.device_id.clone());
            }
            Fact::Written { device, number, moving } => {
                let order_no = number.order_no();
                let own = order_no.and_then(|order_no| named.get(&order_no));
                if !own.is_some_and(|own| own.contains(device)) {
                    let what = format!("{device} wrote {moving:?} for {number}, which is not its own");
                    found.push(Violation { property: "S5", at: *at, what });
                }
            }
            _ => {}
        }
    }
}
