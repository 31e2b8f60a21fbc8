//! Rules that are missing, one at a time: each is planted at the border between a link and its world.

use hispos::book::{Batch, Found, Query};
use hispos::message::agreement::Agreement;
use hispos::platform::{Ask, Verdict};

use crate::world::{Machine, Node};

/// A rule that is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mutant {
    /// A start of HIS does not touch its ledger.
    StartKeeps,
}

pub(crate) fn his_forgets(mutant: Option<Mutant>) -> bool {
    mutant == Some(Mutant::StartKeeps)
}

pub(crate) fn restored(_mutant: Option<Mutant>, batch: Batch) -> Batch {
    batch
}

pub(crate) fn agreement(_mutant: Option<Mutant>, agreement: &Agreement, _machine: Machine) -> Agreement {
    agreement.clone()
}

pub(crate) fn written(_mutant: Option<Mutant>, _node: Node, batch: Batch) -> Batch {
    batch
}

pub(crate) fn acknowledges_early(_mutant: Option<Mutant>, _node: Node, _batch: &Batch) -> bool {
    false
}

pub(crate) fn durable(_mutant: Option<Mutant>, _machine: Machine, batch: &Batch) -> Batch {
    batch.clone()
}

pub(crate) fn found(_mutant: Option<Mutant>, _node: Node, _query: &Query, found: Found) -> Found {
    found
}

pub(crate) fn asked(_mutant: Option<Mutant>, ask: Ask) -> Ask {
    ask
}

pub(crate) fn never_looks_again(_mutant: Option<Mutant>) -> bool {
    false
}

pub(crate) fn verdict(_mutant: Option<Mutant>, verdict: Verdict) -> Verdict {
    verdict
}
