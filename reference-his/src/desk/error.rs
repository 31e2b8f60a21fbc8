//! Why the desk says no.

use crate::ledger::LedgerError;

/// What was asked of the desk was refused. Nothing was done.
#[derive(Debug)]
pub enum DeskError {
    /// The id was used for something else.
    OtherContent,
    /// Another task of the same bill or item has not ended.
    Held {
        /// That task.
        by: String,
    },
    /// There is no such task, order or window.
    Missing(&'static str),
    /// It is not understood.
    Malformed(String),
    /// The ledger says no: the deciding reason.
    Refused {
        /// For programs.
        code: String,
        /// For people.
        text: String,
    },
    /// The ledger failed.
    Ledger(LedgerError),
}

impl From<LedgerError> for DeskError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}
