//! Whether a book is still what was written.

use std::collections::BTreeMap;
use std::fmt;

use hispos::book::{BookError, Head, Row, RowKey, Table, Verifier, read_start};
use rusqlite::Connection;

use super::StoreError;

/// What a whole book was found to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verified {
    /// How many records it has.
    pub records: u64,
    /// The head after the last one.
    pub head: Head,
    /// How many rows they write.
    pub rows: u64,
    /// How often it was begun: once, and once more for each step back.
    pub starts: u64,
}

/// What does not fit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Damage {
    /// A record, or the chain.
    Chain(BookError),
    /// A record that begins a book cannot be read, or the first record begins none.
    Start {
        /// Its sequence number.
        seq: u64,
    },
    /// A row is not what its latest record says.
    Row {
        /// The sequence number of its latest record.
        seq: u64,
    },
    /// Rows without any record.
    Surplus {
        /// How many.
        rows: u64,
    },
    /// SQLite's own check of the file.
    File(String),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(error) => write!(f, "{error}"),
            Self::Start { seq } => write!(f, "record {seq} should begin a book and does not"),
            Self::Row { seq } => write!(f, "the row of record {seq} is not what the record says"),
            Self::Surplus { rows } => write!(f, "{rows} rows have no record"),
            Self::File(why) => write!(f, "the file itself: {why}"),
        }
    }
}

/// Verifies the chain, then that `rows` is the function of it that it should be.
pub(super) fn verify(connection: &Connection) -> Result<Verified, StoreError> {
    // One transaction: a writer may go on meanwhile.
    let connection = connection.unchecked_transaction()?;
    let file: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if file != "ok" {
        return Err(StoreError::Damaged(Damage::File(file)));
    }
    let chain = |error| StoreError::Damaged(Damage::Chain(error));
    let mut verifier = Verifier::default();
    let mut latest: BTreeMap<RowKey, (u64, u64)> = BTreeMap::new();
    let mut starts = 0_u64;
    let mut statement = connection.prepare("SELECT head, record, tab, key FROM records ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let head = <[u8; 32]>::try_from(row.get::<_, Vec<u8>>(0)?.as_slice());
        let bytes: Vec<u8> = row.get(1)?;
        let head = head.map_err(|_| chain(BookError::Malformed))?;
        //= spec-crate/spec/books.md#verification
        //# A program that verifies a book MUST report the first record that is not canonical, whose sequence
        //# number is not one more than the last one's, or whose stored head is not that of BOK-15, in this
        //# order for each record, from record 1 on.
        let record = verifier.next(&bytes, &Head(head)).map_err(chain)?;
        // The columns beside the record are not in the chain; the record is what counts.
        let columns: (u8, String) = (row.get(2)?, row.get(3)?);
        if columns != (record.row.key.table.code(), record.row.key.key.clone()) {
            return Err(StoreError::Damaged(Damage::Row { seq: record.seq }));
        }
        let first = record.seq == 1;
        if first || record.row.key.table == Table::Book {
            let begins = begins_a_book(&record.row, first);
            //= spec-crate/spec/books.md#verification
            //# A program that verifies a book MUST report a book whose first record is no BookStart of
            //# BOK-20, and a row of table book that cannot be read as one.
            begins.ok_or(StoreError::Damaged(Damage::Start { seq: record.seq }))?;
            starts = starts.saturating_add(1);
        }
        let seq = record.seq;
        latest.entry(record.row.key).and_modify(|(_, last)| *last = seq).or_insert((seq, seq));
    }
    let (records, head) = verifier.end();
    check_rows(&connection, &latest)?;
    Ok(Verified { records, head, rows: u64::try_from(latest.len()).unwrap_or(u64::MAX), starts })
}

/// The first record has no predecessor.
fn begins_a_book(row: &Row, first: bool) -> Option<()> {
    let (_, fork) = read_start(&row.bytes).filter(|_| row.key == RowKey::new(Table::Book, "start"))?;
    (!first || fork.is_none()).then_some(())
}

fn check_rows(connection: &Connection, latest: &BTreeMap<RowKey, (u64, u64)>) -> Result<(), StoreError> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut row_of = connection.prepare(
        "SELECT rows.bytes, records.record FROM rows, records
         WHERE rows.tab = ?1 AND rows.key = ?2 AND rows.first_seq = ?3 AND rows.version = ?4 AND records.seq = ?4",
    )?;
    for (key, (first, last)) in latest {
        let damage = || StoreError::Damaged(Damage::Row { seq: *last });
        let (bytes, record): (Vec<u8>, Vec<u8>) = row_of
            .query_row((key.table.code(), &key.key, number(*first), number(*last)), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .map_err(|_| damage())?;
        let record = hispos::book::decode_record(&record).map_err(|_| damage())?;
        //= spec-crate/spec/books.md#verification
        //# A program that verifies a book MUST report a row that is not what its latest record holds, and a
        //# row without a record.
        if record.row.bytes != bytes {
            return Err(damage());
        }
    }
    let kept: i64 = connection.query_row("SELECT COUNT(*) FROM rows", [], |row| row.get(0))?;
    let surplus = u64::try_from(kept).unwrap_or(0).saturating_sub(u64::try_from(latest.len()).unwrap_or(0));
    //= spec-crate/spec/books.md#verification
    //# A program that verifies a book MUST report a row that is not what its latest record holds, and a row
    //# without a record.
    if surplus > 0 {
        return Err(StoreError::Damaged(Damage::Surplus { rows: surplus }));
    }
    Ok(())
}
