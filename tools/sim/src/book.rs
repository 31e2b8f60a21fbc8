//! A book in memory: versions, stale refusal, anchors and containment as `hispos::book` has them.

use std::collections::BTreeMap;

use hispos::book::{
    Anchor, Batch, Containment, Found, Head, Index, Query, Row, RowKey, Table, Write, containment,
    encode_record, read_start, start_row,
};
use hispos::ids::BookId;
use hispos::time::UnixSeconds;

/// What a record writes, and when it was written, if there was a clock.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) write: Write,
    pub(crate) at: Option<UnixSeconds>,
}

/// One record, with what its row is found by.
#[derive(Clone, Debug)]
struct Entry {
    kept: Kept,
    head: Head,
    /// It ends a transaction: a copy can end here.
    last: bool,
}

/// A journal or a ledger.
#[derive(Clone, Debug, Default)]
pub struct MemoryBook {
    entries: Vec<Entry>,
    starts: Vec<(u64, BookId)>,
    /// First and latest record of each row.
    rows: BTreeMap<RowKey, (u64, u64)>,
}

impl MemoryBook {
    /// A new book.
    #[must_use]
    pub fn create(id: BookId) -> Self {
        let mut book = Self::default();
        book.append(start_row(id, None), None);
        book
    }

    /// An older copy of this book: its first records, up to the end of a transaction.
    #[must_use]
    pub fn back_to(&self, seq: u64) -> Self {
        let mut older = Self::default();
        let mut seq = usize::try_from(seq).unwrap_or(usize::MAX).min(self.entries.len());
        while seq > 1 && self.entries.get(seq - 1).is_some_and(|entry| !entry.last) {
            seq -= 1;
        }
        for entry in self.entries.iter().take(seq) {
            older.append_with_head(entry.kept.clone(), entry.head, entry.last);
        }
        older
    }

    /// The book goes on under a new id, forked at its newest record.
    pub fn declare_restored(&mut self, id: BookId, at: Option<UnixSeconds>) {
        let fork = self.anchor();
        self.append(start_row(id, Some(&fork)), at);
    }

    /// How many records there are.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.entries.len() as u64
    }

    /// The anchor of the latest record.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        let book = self.starts.last().map_or(BookId::from_bytes([0; 8]), |(_, book)| *book);
        Anchor { book, seq: self.records(), head: self.head().short() }
    }

    /// Every row of a table, oldest first.
    #[must_use]
    pub fn table(&self, table: Table) -> Vec<Row> {
        self.select(|key, _| key.table == table, |(first, _)| *first)
    }

    /// One row; version 0 if it was never written.
    #[must_use]
    pub fn row(&self, key: &RowKey) -> Row {
        let missing = Row { key: key.clone(), version: 0, bytes: Vec::new() };
        self.rows.get(key).and_then(|(_, latest)| self.row_at(*latest)).unwrap_or(missing)
    }

    /// Answers a link's question.
    #[must_use]
    pub fn find(&self, query: &Query) -> Found {
        let mut found = Found {
            rows: Vec::new(),
            more: false,
            containment: Containment::Contained,
            anchor: self.anchor(),
        };
        let latest = |(_, latest): &(u64, u64)| *latest;
        match query {
            Query::Rows(keys) => found.rows = keys.iter().map(|key| self.row(key)).collect(),
            Query::Bill(bill) => {
                let key = RowKey::new(Table::Bill, bill);
                found.rows.extend(Some(self.row(&key)).filter(|row| row.version != 0));
                let of_bill = |key: &RowKey, index: &Index| {
                    matches!(key.table, Table::Order | Table::Capture) && index.bill == *bill
                };
                found.rows.extend(self.select(of_bill, |(first, _)| *first));
            }
            Query::Open { device, after, limit } => {
                let open = |key: &RowKey, index: &Index| {
                    key.table == Table::Order && index.open && (device.is_empty() || index.device == *device)
                };
                found.rows = self.select(open, latest);
                found.rows.retain(|row| row.version > *after);
                found.more = found.rows.len() > *limit;
                found.rows.truncate(*limit);
            }
            Query::After { seq, limit } => {
                found.rows = self.select(|key, _| key.table == Table::Order, latest);
                found.rows.retain(|row| row.version > *seq);
                found.more = found.rows.len() > *limit;
                found.rows.truncate(*limit);
            }
            Query::Day(day) => {
                let of_day = |key: &RowKey, index: &Index| key.table == Table::Order && index.day == *day;
                found.rows = self.select(of_day, |(first, _)| *first);
            }
            Query::Anchor(anchor) => {
                let head = usize::try_from(anchor.seq.wrapping_sub(1))
                    .ok()
                    .and_then(|place| self.entries.get(place))
                    .map(|entry| entry.head);
                found.containment = containment(anchor, &self.starts, |_| head);
            }
        }
        found
    }

    /// Writes a batch, or nothing of it: `None` if a row that it was computed from has changed.
    pub fn commit(&mut self, batch: &Batch, at: Option<UnixSeconds>) -> Option<Anchor> {
        if !self.is_fresh(batch) {
            return None;
        }
        Some(self.keep(batch.write.iter().map(|write| Kept { write: write.clone(), at })))
    }

    /// Whether a batch was computed from what the rows still are.
    pub(crate) fn is_fresh(&self, batch: &Batch) -> bool {
        let fresh =
            |(key, version): &(RowKey, u64)| self.rows.get(key).map_or(0, |(_, latest)| *latest) == *version;
        batch.read.iter().all(fresh)
    }

    /// Appends records as one transaction.
    pub(crate) fn keep(&mut self, records: impl IntoIterator<Item = Kept>) -> Anchor {
        let before = self.entries.len();
        for kept in records {
            self.append(kept.write, kept.at);
        }
        let count = self.entries.len().saturating_sub(before).saturating_sub(1);
        self.entries.iter_mut().rev().skip(1).take(count).for_each(|entry| entry.last = false);
        self.anchor()
    }

    /// The records from one on, with their numbers and heads.
    pub(crate) fn export(&self, from: u64) -> Vec<(u64, Head, Vec<u8>)> {
        let entries = (1_u64..).zip(&self.entries).filter(|(seq, _)| *seq >= from);
        entries
            .map(|(seq, entry)| (seq, entry.head, encode_record(seq, &entry.kept.write, entry.kept.at)))
            .collect()
    }

    /// The head of the latest record.
    pub(crate) fn head(&self) -> Head {
        self.entries.last().map_or(Head::EMPTY, |entry| entry.head)
    }

    fn append(&mut self, write: Write, at: Option<UnixSeconds>) {
        let record = encode_record(self.records().saturating_add(1), &write, at);
        let head = self.head().after(&record);
        self.append_with_head(Kept { write, at }, head, true);
    }

    fn append_with_head(&mut self, kept: Kept, head: Head, last: bool) {
        let write = &kept.write;
        let seq = self.records().saturating_add(1);
        if write.key.table == Table::Book
            && let Some((book, _)) = read_start(&write.bytes)
        {
            self.starts.push((seq, book));
        }
        self.rows.entry(write.key.clone()).or_insert((seq, seq)).1 = seq;
        self.entries.push(Entry { kept, head, last });
    }

    fn row_at(&self, seq: u64) -> Option<Row> {
        let entry = self.entries.get(usize::try_from(seq).ok()?.checked_sub(1)?)?;
        let write = &entry.kept.write;
        Some(Row { key: write.key.clone(), version: seq, bytes: write.bytes.clone() })
    }

    fn select(
        &self,
        wanted: impl Fn(&RowKey, &Index) -> bool,
        order: impl Fn(&(u64, u64)) -> u64,
    ) -> Vec<Row> {
        let mut places: Vec<(u64, u64)> = self
            .rows
            .iter()
            .filter(|(key, (_, latest))| {
                let place = usize::try_from(latest.saturating_sub(1)).unwrap_or(usize::MAX);
                self.entries.get(place).is_some_and(|entry| wanted(key, &entry.kept.write.index))
            })
            .map(|(_, seqs)| (order(seqs), seqs.1))
            .collect();
        places.sort_unstable();
        places.into_iter().filter_map(|(_, latest)| self.row_at(latest)).collect()
    }
}
