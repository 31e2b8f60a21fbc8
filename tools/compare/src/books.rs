//! The ledger of HIS and the journals of its terminals, as their exports tell them.
//!
//! The fields read are those of `proto/hispos/v1/book.proto` and `order.proto`.

use std::collections::BTreeMap;

use crate::chain::{self, ChainError, Record};
use crate::fields::Fields;

const TABLE_ORDER: u64 = 2;
const TABLE_CAPTURE: u64 = 4;

/// What a signed result or a row says of an order's end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum End {
    /// It has not ended.
    #[default]
    Open,
    /// The platform took the money.
    Paid,
    /// No money was taken.
    NotPaid,
    /// The money was given back.
    Refunded,
    /// No money was given back.
    NotRefunded,
    /// People have to look.
    Attention,
}

impl End {
    fn of_outcome(code: u64) -> Self {
        match code {
            1 => Self::Paid,
            2 => Self::NotPaid,
            3 => Self::Refunded,
            4 => Self::NotRefunded,
            5 => Self::Attention,
            _ => Self::Open,
        }
    }

    /// States of the ledger: 1 to 3 have not ended.
    fn of_ledger(state: u64) -> Self {
        Self::of_outcome(state.saturating_sub(3))
    }

    /// A word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::NotPaid => "not paid",
            Self::Refunded => "refunded",
            Self::NotRefunded => "not refunded",
            Self::Attention => "attention",
        }
    }
}

/// An order as HIS made it. Money is fen with its sign.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Core {
    /// All of it, as it was sent.
    pub bytes: Vec<u8>,
    /// The device that may act on it.
    pub device: String,
    /// + collects, - gives back.
    pub amount: i64,
    /// The order whose money it gives back; empty for a collection.
    pub refund_of: String,
}

/// A signed result.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SignedEnd {
    /// All of it, as it was signed.
    pub bytes: Vec<u8>,
    /// How the order ended.
    pub end: End,
    /// Fen with sign.
    pub amount: i64,
    /// `wechat`, `alipay` or empty.
    pub channel: &'static str,
    /// The platform's own number.
    pub payment_no: String,
    /// The platform's own number of a refund.
    pub refund_id: String,
}

/// An order in the ledger.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LedgerOrder {
    /// The place of its first record.
    pub first: usize,
    /// What HIS made.
    pub core: Core,
    /// How it stands.
    pub end: End,
    /// The bill; empty for an orphan.
    pub bill: String,
    /// The result that ended it, if one did.
    pub result: Option<SignedEnd>,
}

/// An order in a journal.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct JournalOrder {
    /// What the terminal was sent.
    pub core: Core,
    /// How it stands.
    pub end: End,
    /// HIS has answered the latest result.
    pub answered: bool,
    /// The latest result, if it has ended.
    pub result: Option<SignedEnd>,
}

/// A capture in the ledger. Money is fen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Capture {
    /// The order that took it.
    pub order_no: String,
    /// What was taken.
    pub amount: i64,
    /// What was given back of it.
    pub refunded: i64,
    /// All of it went back.
    pub returned: bool,
}

/// The ledger of HIS.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Orders by number.
    pub orders: BTreeMap<String, LedgerOrder>,
    /// Captures by platform number.
    pub captures: BTreeMap<String, Capture>,
    /// Records of the export.
    pub records: usize,
}

/// The journal of a terminal.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// Orders by number.
    pub orders: BTreeMap<String, JournalOrder>,
    /// Records of the export.
    pub records: usize,
}

impl Ledger {
    /// Reads `hispos-his ledger export`.
    ///
    /// # Errors
    ///
    /// [`ChainError`].
    pub fn read(export: &str) -> Result<Self, ChainError> {
        let records = chain::read(export)?;
        let mut ledger = Self { records: records.len(), ..Self::default() };
        for (place, record) in records.iter().enumerate() {
            match record.table {
                TABLE_ORDER => {
                    let row = row(place, record)?;
                    let known = ledger.orders.get(&record.key);
                    let order = LedgerOrder {
                        first: known.map_or(place, |known| known.first),
                        core: Core::read(row.bytes(1)),
                        end: End::of_ledger(row.number(2)),
                        bill: row.text(3),
                        result: SignedEnd::read(row.bytes(12)),
                    };
                    ledger.orders.insert(record.key.clone(), order);
                }
                TABLE_CAPTURE => {
                    let row = row(place, record)?;
                    let capture = Capture {
                        order_no: row.text(1),
                        amount: fen(row.number(5)),
                        refunded: fen(row.number(6)),
                        returned: row.number(11) != 0,
                    };
                    ledger.captures.insert(record.key.clone(), capture);
                }
                _ => {}
            }
        }
        Ok(ledger)
    }
}

impl Journal {
    /// Reads `hispos-pos journal export`.
    ///
    /// # Errors
    ///
    /// [`ChainError`].
    pub fn read(export: &str) -> Result<Self, ChainError> {
        let records = chain::read(export)?;
        let mut journal = Self { records: records.len(), ..Self::default() };
        for (place, record) in records.iter().enumerate().filter(|(_, record)| record.table == TABLE_ORDER) {
            let row = row(place, record)?;
            let result = SignedEnd::read(row.bytes(16));
            let end = result.as_ref().filter(|_| row.number(2) == 6).map_or(End::Open, |result| result.end);
            let order =
                JournalOrder { core: Core::read(row.bytes(1)), end, answered: row.number(18) != 0, result };
            journal.orders.insert(record.key.clone(), order);
        }
        Ok(journal)
    }
}

fn row(place: usize, record: &Record) -> Result<Fields<'_>, ChainError> {
    let line = place.saturating_add(1);
    Fields::read(&record.row).ok_or(ChainError { line, why: "the row cannot be read" })
}

impl Core {
    fn read(bytes: &[u8]) -> Self {
        let Some(fields) = Fields::read(bytes) else { return Self::default() };
        let refund_of = Fields::read(fields.bytes(7)).map(|of| of.text(1)).unwrap_or_default();
        Self { bytes: bytes.to_vec(), device: fields.text(2), amount: fields.signed(4), refund_of }
    }
}

impl SignedEnd {
    fn read(bytes: &[u8]) -> Option<Self> {
        let fields = Fields::read(bytes).filter(|_| !bytes.is_empty())?;
        Some(Self {
            bytes: bytes.to_vec(),
            end: End::of_outcome(fields.number(4)),
            amount: fields.signed(6),
            channel: match fields.number(7) {
                1 => "wechat",
                2 => "alipay",
                _ => "",
            },
            payment_no: fields.text(8),
            refund_id: fields.text(9),
        })
    }
}

fn fen(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}
