//! What people do, and what they know.

use std::collections::{BTreeMap, BTreeSet};

use hispos::ids::OrderNo;

use crate::rng::Rng;
use crate::site::DESKS;

/// The one business day of a life.
pub const DAY: u32 = 20_270_115;

/// What a person does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Act {
    /// A cashier collects a bill at a window; so many tries are left if there is no session.
    Collect(usize, usize, u32),
    /// A cashier gives some of an order back.
    Refund(usize, OrderNo, i64, u32),
    /// A cashier cancels an order.
    Cancel(usize, OrderNo),
    /// A cashier asks how an order stands.
    Query(usize, OrderNo),
    /// A cashier has another window's terminal look.
    LookElsewhere(OrderNo),
    /// A patient holds a code under the scanner of a terminal.
    Scan(usize),
    /// Somebody pulls the list of a terminal, and asks for its totals.
    Pull(usize),
    /// The program of the windows hands an order's end to the bill database.
    Post(OrderNo),
    /// People look after what only they can end: orphans, and orders of silent terminals.
    LookAfter,
}

impl Act {
    /// The terminal at which it happens, if it does at one.
    #[must_use]
    pub fn desk_of_pos(&self) -> Option<usize> {
        match self {
            Self::Scan(desk) => Some(*desk),
            _ => None,
        }
    }
}

/// What people know.
#[derive(Debug)]
pub struct People {
    /// Their chance.
    pub rng: Rng,
    /// Payment codes printed so far.
    pub next_code: u64,
    /// Tickets drawn so far.
    pub next_ticket: u64,
    /// What each ticket was for.
    pub tickets: BTreeMap<u64, Act>,
    /// No new business: people only bring to an end what is under way.
    pub closing: bool,
    /// Bills that the hospital collects again, because its ledger was restored and may have forgotten them.
    pub again: BTreeSet<String>,
}

impl People {
    /// People of a life.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            rng: Rng::new(seed, "people"),
            next_code: 0,
            next_ticket: 0,
            tickets: BTreeMap::new(),
            closing: false,
            again: BTreeSet::new(),
        }
    }
}

/// The key of a bill.
#[must_use]
pub fn bill_key(bill: usize) -> String {
    format!("bill-{bill}")
}

/// How many bills there are in a life.
pub const BILLS: usize = 3;

/// One of the desks.
pub fn any_desk(rng: &mut Rng) -> usize {
    usize::try_from(rng.between(0, (DESKS - 1) as u64)).unwrap_or(0)
}
