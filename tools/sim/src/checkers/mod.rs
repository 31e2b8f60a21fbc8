//! The checkers: one per safety property, and one for liveness. They read a history and know no rule of the links.

mod liveness;
mod s1_one_attempt;
mod s2_paid_is_captured;
mod s3_refunds_fit;
mod s4_one_charge;
mod s5_own_device;
mod s6_failed_is_known;
mod s7_lease;

use std::collections::BTreeMap;

use hispos::ids::{OrderNo, PlatformNumber, Purpose};

use crate::history::{Fact, History, Violation};
use crate::platform::Money;

/// Everything that a history breaks, the earliest first.
#[must_use]
pub fn check(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    s1_one_attempt::check(history, &mut found);
    s2_paid_is_captured::check(history, &mut found);
    s3_refunds_fit::check(history, &mut found);
    s4_one_charge::check(history, &mut found);
    s5_own_device::check(history, &mut found);
    s6_failed_is_known::check(history, &mut found);
    s7_lease::check(history, &mut found);
    liveness::check(history, &mut found);
    found.sort_by_key(|violation| violation.at);
    found
}

/// The order of a platform number.
fn order_of(number: &str) -> Option<OrderNo> {
    PlatformNumber::try_from(number).ok()?.order_no()
}

/// Whether a platform number is that of a refund.
fn is_refund(number: &str) -> bool {
    PlatformNumber::try_from(number).is_ok_and(|number| number.purpose() == Some(Purpose::Refund))
}

/// What the platforms hold at a moment, fen by number.
#[derive(Debug, Default)]
struct Held(BTreeMap<String, u64>);

impl Held {
    /// Follows what happened to money.
    fn follow(&mut self, fact: &Fact) {
        match fact {
            Fact::Money(Money::Captured(number, fen)) => {
                *self.0.entry(number.clone()).or_default() += fen;
            }
            Fact::Money(Money::Reversed(number, fen) | Money::Refunded(_, number, fen)) => {
                let held = self.0.entry(number.clone()).or_default();
                *held = held.saturating_sub(*fen);
            }
            _ => {}
        }
    }

    /// Fen that an order holds, on both channels.
    fn of(&self, order_no: &OrderNo) -> u64 {
        self.0
            .iter()
            .filter(|(number, _)| order_of(number).as_ref() == Some(order_no))
            .map(|(_, fen)| fen)
            .sum()
    }
}
