//! What a person asked for, as the ledger keeps it until it has ended.
//!
//! A task is one collection (orders for a bill, one after another) or one refund (one order). Its row is written
//! before what follows from it, so after a kill the server knows what was asked; whether an order was made, the
//! orders of the bill tell.

use hispos::amount::Amount;
use hispos::book::{Batch, Index, Row, RowKey, Table, Write};
use hispos::ids::{OperatorId, OrderNo};
use serde::{Deserialize, Serialize};

use crate::api::types::{TaskEnd, TaskKind};
use crate::link::Make;

/// A collection or a refund.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
pub(crate) struct Task {
    /// Chosen by who asked.
    pub(crate) id: String,
    /// What was asked: the same id with other content is refused.
    pub(crate) asked: Asked,
    /// The software terminal.
    pub(crate) window: String,
    /// The bill.
    pub(crate) bill: String,
    pub(crate) state: State,
    /// Orders made so far, oldest first.
    pub(crate) orders: Vec<String>,
    /// No order is made after this.
    pub(crate) deadline: Deadline,
    /// The cashier stopped it: no more orders.
    pub(crate) stopped: bool,
}

/// What was asked.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Asked {
    Collect {
        bill: String,
        fen: i64,
        seconds: u32,
    },
    Refund {
        order_no: String,
        item: String,
        fen: i64,
        operator: String,
        approver: String,
        reason: String,
        #[serde(default)]
        not_to_post: bool,
        seconds: u32,
    },
}

/// How far a task is, as far as a restart must know.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum State {
    /// No order is open.
    Waiting,
    /// Written before an order is asked of the link. From here an order of the bill that is not among the known ones
    /// is this task's.
    Acting {
        /// The orders of the bill before.
        known: Vec<String>,
    },
    /// It has ended.
    Ended(End),
}

/// How a task ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct End {
    pub(crate) end: TaskEnd,
    /// Why no order was made, for programs and for people; empty if one was.
    pub(crate) code: String,
    pub(crate) text: String,
}

/// An instant of one boot. In another boot it has passed.
#[derive(Clone, Copy, Deserialize, PartialEq, Serialize)]
pub(crate) struct Deadline {
    pub(crate) boot: [u8; 16],
    pub(crate) at: u64,
}

impl Asked {
    pub(crate) fn kind(&self) -> TaskKind {
        match self {
            Self::Collect { .. } => TaskKind::Collection,
            Self::Refund { .. } => TaskKind::Refund,
        }
    }

    pub(crate) fn fen(&self) -> i64 {
        match self {
            Self::Collect { fen, .. } | Self::Refund { fen, .. } => *fen,
        }
    }

    pub(crate) fn seconds(&self) -> u32 {
        match self {
            Self::Collect { seconds, .. } | Self::Refund { seconds, .. } => *seconds,
        }
    }

    /// What only one running task may hold: a bill to be paid, or an item to be given back.
    pub(crate) fn hold(&self) -> String {
        match self {
            Self::Collect { bill, .. } => format!("bill/{bill}"),
            Self::Refund { order_no, item, .. } => format!("refund/{order_no}/{item}"),
        }
    }

    /// The order to make; `None` if the row was not written by this program.
    pub(crate) fn make(&self) -> Option<Make> {
        let amount = Amount::from_fen(self.fen()).ok()?;
        Some(match self.clone() {
            Self::Collect { bill, .. } => Make::Collect { bill, amount },
            Self::Refund { order_no, item, operator, approver, reason, not_to_post, .. } => {
                let order_no = OrderNo::try_from(order_no.as_str()).ok()?;
                let operator = OperatorId::try_from(operator.as_str()).ok()?;
                let approver = OperatorId::try_from(approver.as_str()).ok()?;
                Make::Refund { order_no, item, amount, operator, approver, reason, not_to_post }
            }
        })
    }
}

impl End {
    /// An order ended it.
    pub(crate) fn of_order(end: TaskEnd) -> Self {
        Self { end, code: String::new(), text: String::new() }
    }

    /// It ended without an order: nothing moved.
    pub(crate) fn not_made(code: &str, text: &str) -> Self {
        Self { end: TaskEnd::NotMade, code: code.to_owned(), text: text.to_owned() }
    }
}

impl Task {
    /// Where the row of a task is.
    pub(crate) fn key(kind: TaskKind, id: &str) -> RowKey {
        let kind = match kind {
            TaskKind::Collection => "collection",
            TaskKind::Refund => "refund",
        };
        RowKey::new(Table::Program, &format!("{kind}/{id}"))
    }

    /// Reads a row; `None` if it is none of a task.
    pub(crate) fn read(row: &Row) -> Option<Self> {
        let task = row.key.table == Table::Program
            && (row.key.key.starts_with("collection/") || row.key.key.starts_with("refund/"));
        if task { serde_json::from_slice(&row.bytes).ok() } else { None }
    }

    /// The batch that writes it over the row of this version.
    pub(crate) fn batch(&self, version: u64) -> Batch {
        let key = Self::key(self.asked.kind(), &self.id);
        let index = Index { open: !matches!(self.state, State::Ended(_)), ..Index::default() };
        // A task holds texts, numbers and lists: serialising it cannot fail; an empty row would be refused.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        Batch { read: vec![(key.clone(), version)], write: vec![Write { key, bytes, index }] }
    }
}
