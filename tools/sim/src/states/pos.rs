//! States and events of an order at a POS, from the rows of its journal.

use hispos::book::Row;
use hispos::journal::PosOrderView;
use hispos::time::Instant;

use super::Change;
use crate::causes::{Cause, Stimulus};
use crate::fields::Fields;

/// Fields of a PosOrder.
const START_BY: u64 = 6;
const ACT_BY: u64 = 7;
const NOT_INTACT: u64 = 9;
const CANCEL_WANTED: u64 = 12;
const REFUND_STARTED_AT: u64 = 15;

/// The state of a row.
pub(super) fn state(row: &Row) -> &'static str {
    let Some(order) = PosOrderView::read(row) else { return "none" };
    let refund = order.amount.fen() < 0;
    let started = || Fields::read(&row.bytes).number(REFUND_STARTED_AT).unwrap_or(0) != 0;
    match order.state {
        "refunding" if started() => "refund_sent",
        "asking" if refund => "asking_refund",
        "ended" if order.answered.is_some() => "answered",
        other => other,
    }
}

/// What may have changed a row; `own`: the present run of the program accepted the order.
pub(super) fn events(change: &Change<'_>, cause: &Cause, own: bool) -> Vec<&'static str> {
    let before = state(change.before);
    let is_over = matches!(before, "ended" | "answered");
    // What a message of HIS leaves in the row.
    if is_over && state(change.after) == "answered" {
        return vec!["confirm_result"];
    }
    if !change.known() && change.sets(START_BY) {
        return vec!["submit_order"];
    }
    let passed = |at: Option<Instant>| at.is_some_and(|at| cause.now >= at);
    let deadline = match before {
        "wait_code" | "refunding" if passed(change.instant(START_BY)) => Some("start_by"),
        "paying" | "reversing" if passed(change.instant(ACT_BY)) => Some("act_by"),
        _ => None,
    };
    if change.sets(CANCEL_WANTED) {
        return ["cancel_order"].into_iter().chain(deadline).collect();
    }
    if change.known() && change.sets(NOT_INTACT) {
        return vec!["sync"];
    }
    let lapse = deadline.unwrap_or("time");
    let event = |stimulus: &Stimulus| match (stimulus, before) {
        (Stimulus::Began, _) => ["start"; 2],
        (Stimulus::Time, "paying" | "reversing") if !own => ["start"; 2],
        // An answer that proves nothing only lets time pass, and so does a Sync of the same run.
        (Stimulus::Time, _) | (Stimulus::Answer("no_answer"), "paying" | "asking") => [lapse; 2],
        (Stimulus::Answer("no_answer"), _) => [deadline.unwrap_or("no_answer"); 2],
        (Stimulus::Bytes, "none") => ["look_up"; 2],
        (Stimulus::Bytes, "wait_code") if own => ["look_up"; 2],
        (Stimulus::Bytes, _) => ["sync", lapse],
        (Stimulus::Person, _) => ["scan"; 2],
        (Stimulus::Answer(_), "none" | "ended" | "answered") => ["look"; 2],
        (Stimulus::Answer(answer), _) => [*answer; 2],
    };
    cause.stimuli.iter().flat_map(event).chain(deadline).collect()
}
