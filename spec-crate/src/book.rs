//! Books: hash chains of records, each the newest state of one row.
//!
//! The POS keeps a journal and HIS a ledger; both are books of the same shape. A [`Row`] is known by its
//! [`RowKey`]; writing it appends a record, and the record's sequence number becomes the row's version. A
//! [`Batch`] names the version of every row that it was computed from, so a store can refuse a stale one.
//!
//! ```text
//! record  = BookRecord { seq, table, key, row, at }
//! head(n) = SHA-256("hispos/1 record" 00 | head(n-1) | record)      head(0) = 32 zero bytes
//! anchor  = book id 8 | seq u64 | first 8 bytes of head(seq)
//! ```
//!
//! Specified in spec: books.

mod verifier;

use alloc::string::String;
use alloc::vec::Vec;

use prost::Message as _;

use crate::crypto;
use crate::ids::BookId;
use crate::labels;
use crate::time::UnixSeconds;
use crate::wire;

pub use verifier::{BookError, Verifier};

/// The kind of a row.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Table {
    /// The book itself.
    Book,
    /// One order; the key is its number.
    Order,
    /// One bill; the key is the bill key. Ledger only.
    Bill,
    /// One captured platform number. Ledger only.
    Capture,
    /// What is known of the other side's book.
    Peer,
    /// What holds for the whole site; the key is the site id.
    Site,
    /// A row of the program that keeps the book.
    Program,
    /// One closed business day; the key is YYYYMMDD. Ledger only.
    Day,
}

impl Table {
    /// The number of this table in a record.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Book => 1,
            Self::Order => 2,
            Self::Bill => 3,
            Self::Capture => 4,
            Self::Peer => 5,
            Self::Site => 6,
            Self::Program => 7,
            Self::Day => 8,
        }
    }

    /// The table of a number, or `None` if there is none.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Book,
            2 => Self::Order,
            3 => Self::Bill,
            4 => Self::Capture,
            5 => Self::Peer,
            6 => Self::Site,
            7 => Self::Program,
            8 => Self::Day,
            _ => return None,
        })
    }
}

/// Which row.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RowKey {
    /// Its kind.
    pub table: Table,
    /// Its name within the kind, at most 128 bytes.
    pub key: String,
}

impl RowKey {
    /// Names a row.
    #[must_use]
    pub fn new(table: Table, key: &str) -> Self {
        Self { table, key: key.into() }
    }
}

/// A row as a store holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Which row.
    pub key: RowKey,
    /// Sequence number of its latest record; 0 if it was never written.
    pub version: u64,
    /// The serialised row; empty if it was never written.
    pub bytes: Vec<u8>,
}

/// By what a store finds a row again without reading it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Index {
    /// Something is still to be done: an order has not ended, or its result is not answered.
    pub open: bool,
    /// The device of an order, or empty.
    pub device: String,
    /// The bill of an order or a capture, or empty.
    pub bill: String,
    /// The business day of an order as YYYYMMDD, or 0.
    pub day: u32,
}

//= spec-crate/spec/orders.md#ended
//= type=implication
//# A POS MUST keep the cores and results of ended orders for as long as it keeps its journal.
/// A row to be written: nothing can be said to be removed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Write {
    /// Which row.
    pub key: RowKey,
    /// The serialised row.
    pub bytes: Vec<u8>,
    /// By what it is found again.
    pub index: Index,
}

/// Rows to be written in one transaction, or not at all.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    /// The version of each row that the batch was computed from, written or not; 0 for "there is none".
    pub read: Vec<(RowKey, u64)>,
    /// What is appended, in this order.
    pub write: Vec<Write>,
}

/// What a link asks its store for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Query {
    /// These rows, in this order; missing ones with version 0.
    Rows(Vec<RowKey>),
    /// The bill row, then every order row and capture row of the bill, oldest first.
    Bill(String),
    /// Order rows with `open` set, of one device or (empty) of all, by their latest record, at most `limit` of them.
    Open {
        /// The device, or empty.
        device: String,
        /// Only rows whose latest record comes after this sequence number.
        after: u64,
        /// Greatest number of rows.
        limit: usize,
    },
    /// Order rows by their latest record, after a sequence number.
    After {
        /// The sequence number.
        seq: u64,
        /// Greatest number of rows.
        limit: usize,
    },
    /// All order rows of a business day.
    Day(u32),
    /// Whether the book contains an anchor: see [`Containment`].
    Anchor(Anchor),
}

/// What a store found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The rows, as the query orders them.
    pub rows: Vec<Row>,
    /// There are more than the limit let through.
    pub more: bool,
    /// Only for [`Query::Anchor`].
    pub containment: Containment,
    /// The anchor of the latest durable record at that moment.
    pub anchor: Anchor,
}

/// Whether a book contains an anchor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Containment {
    /// It does, or the anchor is absent, or lies in a predecessor up to the fork.
    Contained,
    /// It lies in a predecessor beyond the fork: it belongs to a declared step back.
    Declared,
    /// It does not: the book went back, or is another one.
    Missing,
}

/// A place in a book: which book, how far, and what its chain was there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Anchor {
    /// The book.
    pub book: BookId,
    /// The sequence number of the record.
    pub seq: u64,
    /// First 8 bytes of the chain's head at that record.
    pub head: [u8; 8],
}

impl Anchor {
    /// Bytes of an encoded anchor.
    pub const BYTES: usize = 24;

    //= spec-crate/spec/books.md#anchors
    //# A HIS and a POS MUST encode an anchor as in the diagram above, and take an anchor of another length
    //# for an absent one.
    /// Encodes as `book id 8 | seq u64 | head 8`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [self.book.as_bytes().as_slice(), &self.seq.to_be_bytes(), &self.head].concat()
    }

    //= spec-crate/spec/books.md#anchors
    //# A HIS and a POS MUST encode an anchor as in the diagram above, and take an anchor of another length
    //# for an absent one.
    /// Decodes an anchor; `None` if it is absent or not of 24 bytes.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (book, rest) = bytes.split_first_chunk::<8>()?;
        let (seq, head) = rest.split_first_chunk::<8>()?;
        let head = <[u8; 8]>::try_from(head).ok()?;
        Some(Self { book: BookId::from_bytes(*book), seq: u64::from_be_bytes(*seq), head })
    }
}

/// The head of a chain after a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Head(pub [u8; 32]);

impl Head {
    /// The head of an empty book.
    pub const EMPTY: Self = Self([0; 32]);

    /// The head after one more record.
    #[must_use]
    pub fn after(&self, record: &[u8]) -> Self {
        //= spec-crate/spec/books.md#the-chain
        //# A book MUST keep with each record the head of the diagram above, computed over the record's bytes
        //# as stored.
        Self(crypto::hash::sha256(&[labels::RECORD, &[0], &self.0, record]))
    }

    /// The first 8 bytes, as an anchor carries them.
    #[must_use]
    pub fn short(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        [a, b, c, d, e, f, g, h]
    }
}

/// Encodes the record that writes a row.
#[must_use]
pub fn encode_record(seq: u64, write: &Write, at: Option<UnixSeconds>) -> Vec<u8> {
    wire::BookRecord {
        seq,
        //= spec-crate/spec/books.md#records
        //# A book MUST encode each record in the canonical form of [encoding.md](encoding.md).
        table: i32::from(write.key.table.code()),
        key: write.key.key.clone(),
        row: write.bytes.clone(),
        //= spec-crate/spec/books.md#records
        //# A book MUST set `at` of a record to the Unix seconds of its writing, and leave it out without a
        //# calendar clock.
        at: at.map_or(0, |at| at.0),
    }
    .encode_to_vec()
}

/// A record read back from a book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Record {
    /// Its place, from 1.
    pub seq: u64,
    /// The row that it writes.
    pub row: Row,
    /// When it was written, if there was a clock.
    pub at: Option<UnixSeconds>,
}

/// Decodes a record.
///
/// # Errors
///
/// [`BookError::Malformed`] if the bytes are no canonical record.
pub fn decode_record(bytes: &[u8]) -> Result<Record, BookError> {
    crate::codec::validate(bytes, &wire::strict::BOOK_RECORD).map_err(|_| BookError::Malformed)?;
    let record = wire::BookRecord::decode(bytes).map_err(|_| BookError::Malformed)?;
    let table = u8::try_from(record.table).ok().and_then(Table::from_code).ok_or(BookError::Malformed)?;
    Ok(Record {
        seq: record.seq,
        row: Row { key: RowKey { table, key: record.key }, version: record.seq, bytes: record.row },
        at: (record.at != 0).then_some(UnixSeconds(record.at)),
    })
}

/// The row that begins a book: key and bytes of its first record.
///
/// `forked` names the predecessor and the last record of it that still holds, after a declared restore.
#[must_use]
pub fn start_row(book: BookId, forked: Option<&Anchor>) -> Write {
    let row = wire::BookStart {
        book: book.as_bytes().to_vec(),
        //= spec-crate/spec/books.md#anchors
        //# A book MUST put into the BookStart of a declared restore the id that it had before, and the
        //# sequence number and the first 8 bytes of the head of the record before it, and leave these three
        //# out of its first record.
        predecessor: forked.map_or_else(Vec::new, |fork| fork.book.as_bytes().to_vec()),
        fork_seq: forked.map_or(0, |fork| fork.seq),
        fork_head: forked.map_or_else(Vec::new, |fork| fork.head.to_vec()),
    };
    //= spec-crate/spec/books.md#anchors
    //# A book MUST write as its first record, and again as the first record after a declared restore, a row
    //# of table book with the key `start` and a BookStart.
    Write { key: RowKey::new(Table::Book, "start"), bytes: row.encode_to_vec(), index: Index::default() }
}

/// Reads the row that begins a book: its id, and its fork from a predecessor.
#[must_use]
pub fn read_start(bytes: &[u8]) -> Option<(BookId, Option<Anchor>)> {
    let row = wire::BookStart::decode(bytes).ok()?;
    let book = BookId::from_bytes(<[u8; 8]>::try_from(row.book.as_slice()).ok()?);
    let fork = <[u8; 8]>::try_from(row.predecessor.as_slice()).ok().and_then(|predecessor| {
        let head = <[u8; 8]>::try_from(row.fork_head.as_slice()).ok()?;
        Some(Anchor { book: BookId::from_bytes(predecessor), seq: row.fork_seq, head })
    });
    Some((book, fork))
}

//= spec-crate/spec/books.md#anchors
//# A book MUST decide by the first of these that applies whether it contains an anchor: an absent anchor is
//# contained; an anchor of a book id that none of its BookStart rows began is missing; an anchor of an id
//# that a later BookStart replaced, above the record before that BookStart, is declared; an anchor whose
//# record is there with a head that begins with the anchor's 8 bytes is contained; and every other one is
//# missing.
/// Decides whether a book contains an anchor.
///
/// `starts` are the records that began this book and its predecessors in the same chain, oldest first: sequence
/// number and book id. `head_at` gives the head kept for a record.
#[must_use]
pub fn containment(
    anchor: &Anchor,
    starts: &[(u64, BookId)],
    head_at: impl FnOnce(u64) -> Option<Head>,
) -> Containment {
    let Some(place) = starts.iter().position(|(_, book)| *book == anchor.book) else {
        return Containment::Missing;
    };
    let fork = starts.get(place.saturating_add(1)).map(|(seq, _)| seq.saturating_sub(1));
    if fork.is_some_and(|fork| anchor.seq > fork) {
        return Containment::Declared;
    }
    match head_at(anchor.seq) {
        Some(head) if head.short() == anchor.head => Containment::Contained,
        _ => Containment::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::Anchor;
    use crate::ids::BookId;

    //= spec-crate/spec/books.md#anchors
    //= type=test
    //# A HIS and a POS MUST encode an anchor as in the diagram above, and take an anchor of another length
    //# for an absent one.
    #[test]
    fn an_anchor_is_24_bytes_and_every_other_length_is_none() {
        let anchor = Anchor { book: BookId::from_bytes([1; 8]), seq: 0x0203_0405, head: [9; 8] };
        let bytes = [[1; 8], [0, 0, 0, 0, 2, 3, 4, 5], [9; 8]].concat();
        assert_eq!(anchor.encode(), bytes);
        assert_eq!(Anchor::decode(&bytes), Some(anchor));
        for length in (0..24).chain([25]) {
            assert_eq!(Anchor::decode(&[7; 25][..length]), None, "{length}");
        }
    }
}
