//! The declared states of an order, `spec-crate/tables`, against what books really come to hold.
//!
//! A row of a book is compared with the one before it, once it is durable. What came is told from what the row keeps of
//! it, such as a cancel, a lease or a result, and otherwise from what its link was told last.

mod his;
mod pos;

use std::sync::LazyLock;

use hispos::book::{Batch, Row, RowKey, Table};
use hispos::time::Instant;
use hispos_tables::States;

use crate::causes::Source;
use crate::fields::Fields;
use crate::history::Violation;
use crate::nodes::Machine;
use crate::summary::Made;
use crate::world::World;

/// Rows that a script makes, `tests/cases/states.rs`, and perhaps no life: side, state, event, next state.
pub const BY_SCRIPT: [[&str; 4]; 71] = [
    ["pos", "wait_code", "other_money", "ended"],
    ["pos", "wait_code", "closed", "ended"],
    ["pos", "wait_code", "alive", "ended"],
    ["pos", "refunding", "start_by", "ended"],
    ["pos", "refunding", "other_money", "ended"],
    ["pos", "refunding", "closed", "ended"],
    ["his", "sent", "evidence", "sent"],
    ["his", "sent", "result", "refunded_not_to_post"],
    ["his", "paid_unposted", "refund_whole", "paid_not_to_post"],
    ["his", "paid_not_to_post", "refund_failed", "paid_unposted"],
    ["his", "not_refunded", "look", "not_refunded"],
    ["his", "sent", "conflict", "asking"],
    ["his", "cancelling", "conflict", "asking"],
    ["his", "asking", "conflict", "asking"],
    ["his", "cancelling", "evidence", "cancelling"],
    ["his", "asking", "evidence", "asking"],
    ["his", "paid_not_to_post", "evidence", "paid_not_to_post"],
    ["his", "refunded_unposted", "evidence", "refunded_unposted"],
    ["his", "refunded_not_to_post", "evidence", "refunded_not_to_post"],
    ["his", "asking", "decided_evidence", "paid_unposted"],
    ["his", "asking", "decided_evidence", "not_paid"],
    ["his", "asking", "decided_evidence", "attention"],
    ["his", "asking", "decided_evidence", "refunded_unposted"],
    ["his", "asking", "decided_evidence", "not_refunded"],
    ["his", "not_refunded", "decided_evidence", "refunded_unposted"],
    ["his", "asking", "decided_unpaid", "not_paid"],
    ["his", "asking", "decided_keep", "attention"],
    ["his", "attention", "decided_evidence", "paid_unposted"],
    ["his", "attention", "decided_evidence", "not_paid"],
    ["his", "attention", "decided_evidence", "attention"],
    ["his", "attention", "decided_evidence", "refunded_unposted"],
    ["his", "attention", "decided_evidence", "not_refunded"],
    ["his", "attention", "decided_unpaid", "not_paid"],
    ["his", "attention", "decided_keep", "attention"],
    ["his", "orphan_asking", "decided_keep", "orphan"],
    ["his", "orphan_asking", "decided_unpaid", "orphan"],
    ["his", "orphan", "decided_keep", "orphan"],
    ["his", "orphan", "decided_unpaid", "orphan"],
    ["his", "sent", "decided_returned", "sent"],
    ["his", "cancelling", "decided_returned", "cancelling"],
    ["his", "asking", "decided_returned", "asking"],
    ["his", "orphan_asking", "decided_returned", "orphan_asking"],
    ["his", "orphan", "decided_returned", "orphan"],
    ["his", "paid_unposted", "decided_returned", "paid_unposted"],
    ["his", "paid_posted", "decided_returned", "paid_posted"],
    ["his", "paid_not_to_post", "decided_returned", "paid_not_to_post"],
    ["his", "not_paid", "decided_returned", "not_paid"],
    ["his", "refunded_unposted", "decided_returned", "refunded_unposted"],
    ["his", "refunded_posted", "decided_returned", "refunded_posted"],
    ["his", "refunded_not_to_post", "decided_returned", "refunded_not_to_post"],
    ["his", "not_refunded", "decided_returned", "not_refunded"],
    ["his", "attention", "decided_returned", "attention"],
    ["pos", "wait_code", "restored", "wait_code"],
    ["pos", "paying", "restored", "paying"],
    ["pos", "reversing", "restored", "reversing"],
    ["pos", "refunding", "restored", "refunding"],
    ["pos", "refund_sent", "restored", "refund_sent"],
    ["pos", "asking", "restored", "asking"],
    ["pos", "asking_refund", "restored", "asking_refund"],
    ["pos", "asking", "time", "ended"],
    ["pos", "wait_code", "sync", "wait_code"],
    ["pos", "paying", "sync", "paying"],
    ["pos", "reversing", "sync", "reversing"],
    ["pos", "refunding", "sync", "refunding"],
    ["pos", "refund_sent", "sync", "refund_sent"],
    ["pos", "paying", "act_by", "ended"],
    ["pos", "reversing", "act_by", "ended"],
    ["pos", "asking", "sync", "ended"],
    ["pos", "ended", "look", "ended"],
    ["his", "not_paid", "look", "not_paid"],
    ["his", "orphan", "evidence", "orphan"],
];

static POS: LazyLock<Result<States, String>> =
    LazyLock::new(|| read("pos", include_str!("../../../spec-crate/tables/pos.tsv")));

static HIS: LazyLock<Result<States, String>> =
    LazyLock::new(|| read("his", include_str!("../../../spec-crate/tables/his.tsv")));

fn read(side: &str, table: &str) -> Result<States, String> {
    States::read(side, table, include_str!("../../../spec-crate/tables/words.txt"))
}

/// The declared states of a side.
fn declared(side: &str) -> Result<&'static States, String> {
    let table = if side == "pos" { &*POS } else { &*HIS };
    table.as_ref().map_err(Clone::clone)
}

fn named(side: &str, [state, event, next]: [&str; 3]) -> String {
    format!("{side} {state} {event} {next}")
}

/// The rows of both tables that are not among these.
///
/// # Errors
///
/// What is wrong with a table.
pub fn never_made(made: &Made) -> Result<Vec<String>, String> {
    let mut never = Vec::new();
    for side in ["pos", "his"] {
        let rows = declared(side)?.transitions.iter();
        let names = rows.map(|row| named(side, [&row.state, &row.event, &row.next]));
        never.extend(names.filter(|name| !made.contains_key(name)));
    }
    Ok(never)
}

/// An order's row before and after, with the fields of both.
struct Change<'a> {
    before: &'a Row,
    after: &'a Row,
    old: Fields,
    new: Fields,
}

impl Change<'_> {
    /// A number that was 0 and is not.
    fn sets(&self, field: u64) -> bool {
        self.old.number(field).unwrap_or(0) == 0 && self.new.number(field).unwrap_or(0) != 0
    }

    fn instant(&self, field: u64) -> Option<Instant> {
        self.old.number(field).filter(|at| *at != 0).map(Instant)
    }

    fn known(&self) -> bool {
        self.before.version != 0
    }
}

impl World {
    /// The rows that a batch is about to write over.
    pub(crate) fn rows_before(&self, machine: Machine, batch: &Batch) -> Vec<Row> {
        if self.mutant.is_some() {
            return Vec::new();
        }
        let keys = batch.write.iter().map(|write| &write.key).filter(|key| key.table == Table::Order);
        keys.map(|key: &RowKey| self.host(machine).book.row(key)).collect()
    }

    /// A batch is durable: every order's row has to have changed as the tables say.
    pub(crate) fn compare(&mut self, machine: Machine, source: &Source, batch: &Batch, before: &[Row]) {
        let side = if machine == Machine::His { "his" } else { "pos" };
        for before in before {
            let Some(write) = batch.write.iter().find(|write| write.key == before.key) else { continue };
            let after = Row { key: write.key.clone(), version: 1, bytes: write.bytes.clone() };
            let (old, new) = (Fields::read(&before.bytes), Fields::read(&after.bytes));
            let change = Change { before, after: &after, old, new };
            let (state, next, events) = match machine {
                Machine::His => (his::state(before), his::state(&after), his::events(&change, source)),
                Machine::Pos(desk) => {
                    let events = match source {
                        Source::Program(event) => vec![*event],
                        Source::Link(cause) => {
                            let epoch = self.host(machine).epoch;
                            let run = change.new.bytes(3).unwrap_or_default();
                            let own = *self.observed.runs.entry((desk, run)).or_insert(epoch) == epoch;
                            pos::events(&change, cause, own)
                        }
                    };
                    (pos::state(before), pos::state(&after), events)
                }
            };
            self.judge(side, &before.key.key, state, next, &events);
        }
    }

    /// Transitions so far that no table has.
    #[must_use]
    pub fn strays(&self) -> Vec<String> {
        self.observed.strays.iter().map(|stray| stray.what.clone()).collect()
    }

    fn judge(&mut self, side: &str, order_no: &str, state: &str, next: &str, events: &[&str]) {
        let declared = match declared(side) {
            Ok(declared) => declared,
            Err(error) => return self.stray(error),
        };
        let mut fits: Vec<&&str> = events.iter().filter(|event| declared.has(state, event, next)).collect();
        fits.sort_unstable();
        fits.dedup();
        match fits.as_slice() {
            [] => {
                let events = events.join(" or ");
                self.stray(format!(
                    "{order_no} went from {state} by {events} to {next}: no row of spec-crate/tables/{side}.tsv"
                ));
            }
            [event] => *self.summary.transitions.entry(named(side, [state, event, next])).or_default() += 1,
            // It may have been either: that proves neither.
            _ => {}
        }
    }

    fn stray(&mut self, what: String) {
        let at = self.age();
        self.observed.strays.push(Violation { property: "tables", at, what });
    }
}
