//! A book in memory that keeps its records.

use hispos::book::{Anchor, Batch, Head, encode_record, start_row};
use hispos::ids::BookId;
use hispos::time::UnixSeconds;
use hispos_sim::book::MemoryBook;

/// A book with its records.
pub(crate) struct Book {
    pub(crate) memory: MemoryBook,
    pub(crate) records: Vec<(Vec<u8>, Head)>,
}

impl Book {
    pub(crate) fn new(id: [u8; 8], at: Option<UnixSeconds>) -> Self {
        let mut book = Self { memory: MemoryBook::default(), records: Vec::new() };
        let start = start_row(BookId::from_bytes(id), None);
        book.commit(&Batch { read: Vec::new(), write: vec![start] }, at);
        book
    }

    pub(crate) fn commit(&mut self, batch: &Batch, at: Option<UnixSeconds>) -> Option<Anchor> {
        let anchor = self.memory.commit(batch, at)?;
        for write in &batch.write {
            let head = self.records.last().map_or(Head::EMPTY, |(_, head)| *head);
            let record = encode_record(self.records.len() as u64 + 1, write, at);
            let head = head.after(&record);
            self.records.push((record, head));
        }
        Some(anchor)
    }
}
