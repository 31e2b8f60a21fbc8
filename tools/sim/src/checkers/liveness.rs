//! Liveness: once everything is up again, every order ends within bounded time, and the three books agree.

use crate::history::{Fact, History, Violation};
use crate::platform::Money;

use super::order_of;

pub(super) fn check(history: &History, found: &mut Vec<Violation>) {
    let mut violated = |at, what| found.push(Violation { property: "liveness", at, what });
    for (at, fact) in &history.facts {
        match fact {
            Fact::Spins(what) => violated(*at, format!("no end at one moment: {what}")),
            Fact::Halted(what) => violated(*at, format!("{what} stopped although its store was right")),
            _ => {}
        }
    }
    for what in &history.rest.unrest {
        violated(u64::MAX, what.clone());
    }
    for order in history.rest.orders.iter().filter(|order| order.state == "refunded") {
        let given_back = history.facts.iter().any(|(_, fact)| {
            matches!(fact, Fact::Money(Money::Refunded(number, ..)) if order_of(number).as_ref() == Some(&order.order_no))
        });
        if !given_back {
            violated(u64::MAX, format!("{} is refunded, and no platform did it", order.order_no));
        }
    }
    for order in history.rest.orders.iter().filter(|order| order.state == "paid") {
        let known = history.rest.captures.iter().any(|capture| capture.order_no == order.order_no.as_str());
        if !known {
            violated(u64::MAX, format!("{} is paid, and the ledger has no capture of it", order.order_no));
        }
    }
}
