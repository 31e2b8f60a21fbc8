//! What was to be seen from outside in one life, in order. The checkers read nothing else.

use std::collections::BTreeSet;

use hispos::ids::{DeviceId, OrderNo, PlatformNumber};
use hispos::ledger::{CaptureView, OrderView};
use hispos::message::agreement::Timers;

use crate::platform::Money;

/// A request that can move money, as it left a terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moving {
    /// Take the money.
    Pay,
    /// Close it, or give everything back.
    Reverse,
    /// Give back.
    Refund,
}

/// One thing that was to be seen.
#[derive(Clone, Debug)]
pub enum Fact {
    /// HIS made an order: its lease in times of the world.
    Made {
        /// The order.
        order: Box<OrderView>,
        /// The last moment to begin.
        start_by: u64,
        /// The last moment to act.
        act_by: u64,
    },
    /// A terminal wrote the first byte of a request that can move money.
    Written {
        /// Which terminal.
        device: DeviceId,
        /// The number it is about: for a refund its own.
        number: PlatformNumber,
        /// What.
        moving: Moving,
    },
    /// A request took effect at a platform.
    Money(Money),
    /// The ledger durably holds an order so.
    Order(Box<OrderView>),
    /// The ledger durably holds a capture so.
    Capture(CaptureView),
    /// The ledger went back to an older copy, which holds these.
    LedgerBack(Vec<OrderView>, Vec<CaptureView>),
    /// A book was lost or went back. The ledger and the journals together now know these orders.
    BookBack(BTreeSet<OrderNo>),
    /// The journal of a terminal ended an order so: order, outcome code.
    Signed(OrderNo, i32),
    /// A link wants to be called again and again without time passing.
    Spins(String),
    /// A program had to stop although its store was right.
    Halted(String),
}

/// The books and the platform when everything had come to rest, or should have.
#[derive(Clone, Debug, Default)]
pub struct Rest {
    /// Every order of the ledger.
    pub orders: Vec<OrderView>,
    /// Every capture row of the ledger.
    pub captures: Vec<CaptureView>,
    /// Numbers that are captured and not given back: ours, the platform's own, fen left.
    pub held: Vec<(String, String, u64)>,
    /// What had not come to rest in time; empty if all had.
    pub unrest: Vec<String>,
}

/// One life.
#[derive(Clone, Debug)]
pub struct History {
    /// The durations of the agreement.
    pub timers: Timers,
    /// What was to be seen, with the times of the world.
    pub facts: Vec<(u64, Fact)>,
    /// The end.
    pub rest: Rest,
}

/// What a checker found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// The property.
    pub property: &'static str,
    /// When, in milliseconds of the life.
    pub at: u64,
    /// What.
    pub what: String,
}
