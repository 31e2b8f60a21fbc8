//! S7: no request that can move money leaves a POS without a living lease.

use std::collections::BTreeMap;

use crate::history::{Fact, History, Moving, Violation};

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    // Per order: the leases that HIS gave.
    let mut leases: BTreeMap<_, Vec<(u64, u64)>> = BTreeMap::new();
    // Clocks of the two ends may differ by the drift that HIS adds to its own end of a lease.
    let drift = history.timers.drift / 10;
    for (at, fact) in &history.facts {
        match fact {
            Fact::Made { order, start_by, act_by } => {
                leases.entry(order.order_no.clone()).or_default().push((*start_by, *act_by));
            }
            Fact::Written { number, moving, .. } => {
                let Some(order_no) = number.order_no() else { continue };
                // A refund whose first request never left, or was forgotten in a crash, is repeated until act_by.
                let begins = *moving == Moving::Pay;
                let living = leases.get(&order_no).is_some_and(|leases| {
                    leases.iter().any(|(start_by, act_by)| {
                        let end = if begins { *start_by } else { *act_by };
                        *at <= end.saturating_add(drift)
                    })
                });
                if !living {
                    let what = format!("{moving:?} of {number} was written without a living lease");
                    found.push(Violation { property: "S7", at: *at, what });
                }
            }
            _ => {}
        }
    }
}
