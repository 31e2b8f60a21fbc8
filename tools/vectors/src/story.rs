//! What goes into a link and what comes out of it, as the files show it.

use hispos::book::{Batch, Containment, Found, Query, RowKey};
use hispos::platform::{Ask, Proof, Request, Verdict};
use schemars::JsonSchema;
use serde::Serialize;

use crate::hex::hex;
use crate::site::{ALIPAY, WECHAT};

/// One thing that happened at one end.
#[derive(Clone, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Happening {
    /// Milliseconds of this end's boot clock.
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// In or out.
#[derive(Clone, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    In(In),
    Out(Out),
}

/// What an end is told. Byte strings are hexadecimal.
#[derive(Clone, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum In {
    /// The program starts. Its book is as it was.
    Start {
        /// The boot of the POS's machine, if it is not the first any more.
        #[serde(skip_serializing_if = "Option::is_none")]
        boot: Option<String>,
    },
    Opened {},
    Bytes(String),
    Tick {},
    /// The latest `persist` is durable.
    Persisted {
        anchor: String,
    },
    /// The latest `persist` could not be stored.
    PersistFailed {},
    /// What the latest `load` found.
    Loaded {
        rows: Vec<Row>,
        more: bool,
        containment: &'static str,
        anchor: String,
    },
    /// What the answer to a question proves.
    Verdict {
        id: u64,
        proof: Proven,
        provider_code: String,
        date: Option<u64>,
        first_byte: Option<u64>,
        ended: u64,
        answered: bool,
    },
    /// A cashier collects a bill.
    Collect {
        bill: String,
        fen: i64,
        business_day: u32,
    },
    /// Two people give a part of an order's payment back, or all of it.
    Refund {
        order_no: String,
        /// Negative.
        fen: i64,
        item: String,
        operator: String,
        approver: String,
        reason: String,
        business_day: u32,
    },
    /// A cashier cancels an order.
    Cancel {
        order_no: String,
    },
    /// A patient shows a code of this channel; made up, and of no use anywhere.
    Scan {
        channel: i32,
        code: String,
    },
    /// The program asks for an orderly end.
    Close {},
}

/// A row of a book.
#[derive(Clone, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Row {
    pub(crate) table: u8,
    pub(crate) key: String,
    /// Sequence number of its latest record; 0: it was never written.
    pub(crate) version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) row: Option<String>,
}

/// What is proved, with a capture if there is one.
#[derive(Clone, JsonSchema, Serialize)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Proven {
    pub(crate) name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_no: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fen: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) captured_at: Option<u64>,
    /// Fen given back so far, beside `captured_and_refunded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refunded: Option<u64>,
    /// The platform's own number, beside `refunded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refund_id: Option<String>,
    /// When it was given back, beside `refunded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<u64>,
    /// Closed or refused, beside `not_refunded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closed: Option<bool>,
}

/// What an end wants done.
#[derive(Clone, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Out {
    /// Write these rows, if those that were read have not changed.
    Persist {
        read: Vec<Row>,
        write: Vec<Row>,
    },
    Load(String),
    Transmit(String),
    Ask {
        id: u64,
        channel: i32,
        /// The account, if it is not that of the site's agreement.
        #[serde(skip_serializing_if = "Option::is_none")]
        merchant: Option<String>,
        request: &'static str,
        number: String,
        total: u64,
        /// The number of the refund that is requested or asked about.
        #[serde(skip_serializing_if = "Option::is_none")]
        refund: Option<String>,
        /// What that refund gives back.
        #[serde(skip_serializing_if = "Option::is_none")]
        fen: Option<u64>,
        not_after: Option<u64>,
        expires_at: Option<u64>,
    },
}

/// The name of a proof and what comes with it.
pub(crate) fn proven(proof: &Proof) -> Proven {
    let capture = match proof {
        Proof::Captured(capture) | Proof::Mismatch(capture) | Proof::CapturedAndRefunded { capture, .. } => {
            Some(capture)
        }
        _ => None,
    };
    let name = match proof {
        Proof::Open => "open",
        Proof::Captured(_) => "captured",
        Proof::Mismatch(_) => "mismatch",
        Proof::CapturedAndRefunded { .. } => "captured_and_refunded",
        Proof::Closed => "closed",
        Proof::Refused => "refused",
        Proof::PayerRefused => "payer_refused",
        Proof::NumberKnown => "number_known",
        Proof::Alive => "alive",
        Proof::Absent => "absent",
        Proof::Refunded { .. } => "refunded",
        Proof::RefundPending => "refund_pending",
        Proof::NotRefunded { .. } => "not_refunded",
        Proof::RefundAbnormal => "refund_abnormal",
        Proof::Verified => "verified",
        Proof::MerchantRefused => "merchant_refused",
    };
    Proven {
        name,
        payment_no: capture.map(|capture| capture.payment_no.clone()),
        fen: capture.map(|capture| capture.amount),
        captured_at: capture.and_then(|capture| capture.captured_at).map(|at| at.0),
        refunded: match proof {
            Proof::CapturedAndRefunded { refunded, .. } => Some(*refunded),
            _ => None,
        },
        refund_id: match proof {
            Proof::Refunded { refund_id, .. } => Some(refund_id.clone()),
            _ => None,
        },
        at: match proof {
            Proof::Refunded { at, .. } => at.map(|at| at.0),
            _ => None,
        },
        closed: match proof {
            Proof::NotRefunded { closed } => Some(*closed),
            _ => None,
        },
    }
}

pub(crate) fn verdict(verdict: &Verdict) -> In {
    In::Verdict {
        id: verdict.id.0,
        proof: proven(&verdict.proof),
        provider_code: verdict.provider_code.clone(),
        date: verdict.date.map(|date| date.0),
        first_byte: verdict.first_byte.map(|at| at.0),
        ended: verdict.ended.0,
        answered: verdict.answered,
    }
}

pub(crate) fn loaded(found: &Found) -> In {
    let row =
        |row: &hispos::book::Row| of_key(&row.key, row.version, (row.version != 0).then(|| hex(&row.bytes)));
    let containment = match found.containment {
        Containment::Contained => "contained",
        Containment::Declared => "declared",
        Containment::Missing => "missing",
    };
    In::Loaded {
        rows: found.rows.iter().map(row).collect(),
        more: found.more,
        containment,
        anchor: hex(&found.anchor.encode()),
    }
}

pub(crate) fn persist(batch: &Batch) -> Out {
    Out::Persist {
        read: batch.read.iter().map(|(key, version)| of_key(key, *version, None)).collect(),
        write: written(batch),
    }
}

/// The rows that a batch writes.
pub(crate) fn written(batch: &Batch) -> Vec<Row> {
    batch.write.iter().map(|write| of_key(&write.key, 0, Some(hex(&write.bytes)))).collect()
}

pub(crate) fn load(query: &Query) -> Out {
    let keys = |keys: &[RowKey]| {
        keys.iter().map(|key| format!("{}/{}", key.table.code(), key.key)).collect::<Vec<_>>().join(" ")
    };
    Out::Load(match query {
        Query::Rows(wanted) => format!("rows {}", keys(wanted)),
        Query::Bill(bill) => format!("bill {bill}"),
        Query::Open { device, after, limit } => format!("open '{device}' after {after} limit {limit}"),
        Query::After { seq, limit } => format!("orders after {seq} limit {limit}"),
        Query::Day(day) => format!("day {day}"),
        Query::Anchor(anchor) => format!("anchor {}", hex(&anchor.encode())),
    })
}

pub(crate) fn ask(ask: &Ask) -> Out {
    let (request, expires_at) = match &ask.request {
        Request::Verify => ("verify", None),
        Request::Query => ("query", None),
        Request::Pay { expires_at, .. } => ("pay", Some(expires_at.0)),
        Request::Reverse => ("reverse", None),
        Request::Refund { .. } => ("refund", None),
        Request::QueryRefund { .. } => ("query_refund", None),
    };
    let refund = match &ask.request {
        Request::Refund { refund, amount } | Request::QueryRefund { refund, amount } => {
            Some((refund, *amount))
        }
        _ => None,
    };
    Out::Ask {
        id: ask.id.0,
        channel: ask.merchant.channel.code(),
        merchant: Some(&ask.merchant.account)
            .filter(|account| ![WECHAT, ALIPAY].contains(&account.as_str()))
            .cloned(),
        request,
        number: ask.number.as_ref().map(|number| number.as_str().to_owned()).unwrap_or_default(),
        total: ask.total,
        refund: refund.map(|(refund, _)| refund.as_str().to_owned()),
        fen: refund.map(|(_, fen)| fen),
        not_after: ask.not_after.map(|at| at.0),
        expires_at,
    }
}

fn of_key(key: &RowKey, version: u64, row: Option<String>) -> Row {
    Row { table: key.table.code(), key: key.key.clone(), version, row }
}
