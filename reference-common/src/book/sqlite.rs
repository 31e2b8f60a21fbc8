//! A book in one SQLite file.
//!
//! `records` is the hash chain, append only; `rows` is the newest state of each row with what it is found by. The
//! second is a function of the first, but for the index columns. WAL with `synchronous = FULL`: a commit that has
//! returned survives a power cut. One process writes, held by a lock on `PATH.lock`; readers need no lock.

use std::fs::File;
use std::path::{Path, PathBuf};

use hispos::book::{
    Anchor, Batch, BookError, Containment, Found, Head, Query, Row, Table, Write, containment, decode_record,
    encode_record, read_start, start_row,
};
use hispos::crypto::Entropy;
use hispos::ids::BookId;
use hispos::time::UnixSeconds;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, params};

use super::layout::{APPLICATION_ID, LAYOUT, SCHEMA, int, lock, prepare, sync_directory, uint};
use super::{Book, CommitError, Damage, StoreError, Verified, query, verify};

/// Bounds of a record's key and row.
const KEY_BYTES_MAX: usize = 128;
const ROW_BYTES_MAX: usize = 65_536;

/// How a book is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// As its only writer.
    Write,
    /// As one of many readers, also while it is being written.
    Read,
}

/// A book in one SQLite file.
#[derive(Debug)]
pub struct SqliteBook {
    connection: Connection,
    path: PathBuf,
    /// The records that began this book and its predecessors: sequence number and book id.
    starts: Vec<(u64, BookId)>,
    seq: u64,
    head: Head,
    /// Held while the book is being written.
    _lock: Option<File>,
}

/// A record as [`SqliteBook::export`] gives it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exported {
    /// Its place, from 1.
    pub seq: u64,
    /// The head of the chain after it.
    pub head: Head,
    /// The record, byte for byte.
    pub record: Vec<u8>,
}

impl SqliteBook {
    /// Creates a book with a random id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if there is one, [`StoreError::Locked`], and what the disk says.
    pub fn create(
        path: &Path,
        entropy: &mut dyn Entropy,
        at: Option<UnixSeconds>,
    ) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        if path.exists() {
            return Err(StoreError::Exists);
        }
        let mut connection = Connection::open(path)?;
        prepare(&connection)?;
        //= spec-crate/spec/books.md#a-journal-that-went-back
        //# A POS whose journal is lost MUST begin a new one with a new book id and no predecessor.
        let write = start_row(draw_id(entropy), None);
        let record = encode_record(1, &write, at);
        let head = Head::EMPTY.after(&record);
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", LAYOUT)?;
        append(&transaction, 1, &head, &write, at, &record)?;
        transaction.commit()?;
        sync_directory(path)?;
        Self::load(connection, path, Some(lock))
    }

    /// Opens a book.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Locked`] if another process writes it and `mode` is
    /// [`Mode::Write`], [`StoreError::NotABook`], [`StoreError::Damaged`] if its newest record does not follow
    /// from the one before, and what the disk says.
    pub fn open(path: &Path, mode: Mode) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing);
        }
        let lock = if mode == Mode::Write { Some(lock(path)?) } else { None };
        let flags = match mode {
            Mode::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
            Mode::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        };
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        if number("application_id").map_err(|_| StoreError::NotABook)? != APPLICATION_ID
            || number("user_version")? != LAYOUT
        {
            return Err(StoreError::NotABook);
        }
        if mode == Mode::Write {
            prepare(&connection)?;
        }
        Self::load(connection, path, lock)
    }

    /// Opens a book as its writer, or creates it if there is none.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(
        path: &Path,
        entropy: &mut dyn Entropy,
        at: Option<UnixSeconds>,
    ) -> Result<Self, StoreError> {
        if path.exists() { Self::open(path, Mode::Write) } else { Self::create(path, entropy, at) }
    }

    /// Declares that this book was restored from an older copy: it goes on under a new book id, forked at its
    /// newest record. What its peers know beyond that belongs to the declared step back.
    ///
    /// # Errors
    ///
    /// [`CommitError`] if it could not be written; the book is then unchanged.
    pub fn declare_restored(
        &mut self,
        entropy: &mut dyn Entropy,
        at: Option<UnixSeconds>,
    ) -> Result<Anchor, CommitError> {
        self.declare_restored_with(entropy, Batch::default(), at)
    }

    /// As [`declare_restored`](Self::declare_restored), with what `hispos` asks for then in the same transaction.
    ///
    /// # Errors
    ///
    /// [`CommitError`] if it could not be written; the book is then unchanged.
    pub fn declare_restored_with(
        &mut self,
        entropy: &mut dyn Entropy,
        with: Batch,
        at: Option<UnixSeconds>,
    ) -> Result<Anchor, CommitError> {
        //= spec-crate/spec/books.md#anchors
        //# A book MUST write as its first record, and again as the first record after a declared restore, a
        //# row of table book with the key `start` and a BookStart.
        //= spec-crate/spec/books.md#a-journal-that-went-back
        //# A POS on which a person declares a restore of the journal MUST, in one transaction, write the
        //# BookStart of BOK-21 and mark every order that has not ended as `not_intact`.
        let start = start_row(draw_id(entropy), Some(&self.anchor()));
        let write = std::iter::once(start).chain(with.write).collect();
        let batch = Batch { read: with.read, write };
        self.commit(vec![batch], at).pop().unwrap_or_else(|| Err(CommitError::Store("no answer".into())))
    }

    //= spec-crate/spec/books.md#export
    //# A program that exports a book MUST write one line for each record from the first one asked for to the
    //# latest, in rising order, with the members of the table above.
    /// Reads every record, from one sequence number on, in order.
    ///
    /// # Errors
    ///
    /// What `each` returns, or [`StoreError`] if the store cannot be read.
    pub fn export<E: From<StoreError>>(
        &self,
        from: u64,
        mut each: impl FnMut(Exported) -> Result<(), E>,
    ) -> Result<(), E> {
        let read = || -> Result<_, rusqlite::Error> {
            self.connection.prepare("SELECT seq, head, record FROM records WHERE seq >= ?1 ORDER BY seq")
        };
        let mut statement = read().map_err(StoreError::from)?;
        let mut rows = statement.query([int(from)]).map_err(StoreError::from)?;
        while let Some(row) = rows.next().map_err(StoreError::from)? {
            let exported = || -> Result<_, rusqlite::Error> {
                //= spec-crate/spec/books.md#the-chain
                //# A book MUST store, verify and export the bytes of a record as they were first written,
                //# never as they would be encoded again.
                Ok(Exported { seq: uint(row.get(0)?), head: Head(row.get(1)?), record: row.get(2)? })
            };
            each(exported().map_err(StoreError::from)?)?;
        }
        Ok(())
    }

    /// Verifies the whole book: the chain, and that each row is what its latest record says.
    ///
    /// Finds each altered, deleted or swapped record. A cut tail or an older copy of the whole book is found only
    /// by the anchor that the peer holds.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] naming the first thing that does not fit.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        verify::verify(&self.connection)
    }

    /// Bytes that the disk of this book still has.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn free_space(&self) -> std::io::Result<u64> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        fs4::available_space(directory.unwrap_or(Path::new(".")))
    }

    /// Every row of a table, or only those that are still open, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub fn table(&self, table: Table, only_open: bool) -> Result<Vec<Row>, StoreError> {
        let all = "SELECT tab, key, version, bytes FROM rows WHERE tab = ?1 ORDER BY first_seq";
        let open = "SELECT tab, key, version, bytes FROM rows WHERE tab = ?1 AND open = 1 ORDER BY first_seq";
        query::select(&self.connection, if only_open { open } else { all }, [i64::from(table.code())])
    }

    fn load(connection: Connection, path: &Path, lock: Option<File>) -> Result<Self, StoreError> {
        let mut newest: Vec<(u64, Head, Vec<u8>)> = connection
            .prepare("SELECT seq, head, record FROM records ORDER BY seq DESC LIMIT 2")?
            .query_map([], |row| Ok((uint(row.get(0)?), Head(row.get(1)?), row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let Some((seq, head, record)) = (!newest.is_empty()).then(|| newest.remove(0)) else {
            return Err(StoreError::NotABook);
        };
        let before = newest.first().map_or(Head::EMPTY, |(_, head, _)| *head);
        //= spec-crate/spec/books.md#verification
        //# A book MUST verify, when it is opened, that its latest record follows from the one before.
        if before.after(&record) != head {
            return Err(StoreError::Damaged(Damage::Chain(BookError::Chain { seq })));
        }
        let starts = connection
            .prepare("SELECT record FROM records WHERE tab = 1 ORDER BY seq")?
            .query_map([], |row| row.get::<_, Vec<u8>>(0))?
            .map(|record| {
                let record = decode_record(&record?).map_err(|e| StoreError::Damaged(Damage::Chain(e)))?;
                let start = read_start(&record.row.bytes);
                let (book, _) = start.ok_or(StoreError::Damaged(Damage::Start { seq: record.seq }))?;
                Ok((record.seq, book))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        if starts.is_empty() {
            return Err(StoreError::NotABook);
        }
        Ok(Self { connection, path: path.to_owned(), starts, seq, head, _lock: lock })
    }

    fn contains(&self, anchor: &Anchor) -> Result<Containment, StoreError> {
        let head = self
            .connection
            .query_row("SELECT head FROM records WHERE seq = ?1", [int(anchor.seq)], |row| {
                Ok(Head(row.get(0)?))
            })
            .optional()?;
        Ok(containment(anchor, &self.starts, |_| head))
    }

    /// Everything of one commit but the answers: `Err` means that nothing was written.
    fn write_all(
        &mut self,
        batches: &[Batch],
        at: Option<UnixSeconds>,
    ) -> Result<Vec<Result<Anchor, CommitError>>, rusqlite::Error> {
        let mut chain = Chain { starts: self.starts.clone(), seq: self.seq, head: self.head };
        //= spec-crate/spec/books.md#rows-and-versions
        //# A book MUST append the records of one batch in their order and in one transaction, or none of
        //# them.
        let transaction = self.connection.transaction()?;
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            answers.push(match refuse(&transaction, batch)? {
                Some(error) => Err(error),
                None => {
                    for write in &batch.write {
                        chain.append(&transaction, write, at)?;
                    }
                    Ok(chain.anchor())
                }
            });
        }
        transaction.commit()?;
        (self.starts, self.seq, self.head) = (chain.starts, chain.seq, chain.head);
        Ok(answers)
    }
}

impl Book for SqliteBook {
    fn anchor(&self) -> Anchor {
        anchor(&self.starts, self.seq, &self.head)
    }

    fn find(&self, query: &Query) -> Result<Found, StoreError> {
        query::find(&self.connection, query, self.anchor(), |anchor| self.contains(anchor))
    }

    fn commit(&mut self, batches: Vec<Batch>, at: Option<UnixSeconds>) -> Vec<Result<Anchor, CommitError>> {
        self.write_all(&batches, at).unwrap_or_else(|error| {
            let why = error.to_string();
            batches.iter().map(|_| Err(CommitError::Store(why.clone()))).collect()
        })
    }
}

/// The state of the chain inside one transaction.
struct Chain {
    starts: Vec<(u64, BookId)>,
    seq: u64,
    head: Head,
}

impl Chain {
    fn append(
        &mut self,
        transaction: &Transaction<'_>,
        write: &Write,
        at: Option<UnixSeconds>,
    ) -> Result<(), rusqlite::Error> {
        //= spec-crate/spec/books.md#records
        //# A book MUST number its records from 1 without gaps, through every declared restore.
        let seq = self.seq.saturating_add(1);
        let record = encode_record(seq, write, at);
        let head = self.head.after(&record);
        append(transaction, seq, &head, write, at, &record)?;
        if write.key.table == Table::Book
            && let Some((book, _)) = read_start(&write.bytes)
        {
            self.starts.push((seq, book));
        }
        (self.seq, self.head) = (seq, head);
        Ok(())
    }

    fn anchor(&self) -> Anchor {
        anchor(&self.starts, self.seq, &self.head)
    }
}

fn anchor(starts: &[(u64, BookId)], seq: u64, head: &Head) -> Anchor {
    // There is always a start: a book without one is refused when it is opened.
    let book = starts.last().map_or(BookId::from_bytes([0; 8]), |(_, book)| *book);
    Anchor { book, seq, head: head.short() }
}

/// Why a batch cannot be written now, if so.
fn refuse(transaction: &Transaction<'_>, batch: &Batch) -> Result<Option<CommitError>, rusqlite::Error> {
    //= spec-crate/spec/books.md#rows-and-versions
    //# A book MUST have keys of 1 to 128 bytes of text without control characters, and rows of 1 to 65,536
    //# bytes.
    let fits = |write: &Write| {
        let key = &write.key.key;
        let is_text = (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control);
        is_text && (1..=ROW_BYTES_MAX).contains(&write.bytes.len())
    };
    if !batch.write.iter().all(fits) {
        return Ok(Some(CommitError::Bounds));
    }
    for (key, version) in &batch.read {
        let kept = transaction
            .prepare_cached("SELECT version FROM rows WHERE tab = ?1 AND key = ?2")?
            .query_row(params![key.table.code(), key.key], |row| row.get::<_, i64>(0))
            .optional()?;
        //= spec-crate/spec/books.md#rows-and-versions
        //# A book MUST refuse a batch, and only that batch, if the version of a row that the batch names as
        //# read is not the row's version at that moment, where batches before it in the same transaction
        //# count.
        if uint(kept.unwrap_or(0)) != *version {
            return Ok(Some(CommitError::Stale));
        }
    }
    Ok(None)
}

fn append(
    transaction: &Transaction<'_>,
    seq: u64,
    head: &Head,
    write: &Write,
    at: Option<UnixSeconds>,
    record: &[u8],
) -> Result<(), rusqlite::Error> {
    let (table, key, index) = (write.key.table.code(), &write.key.key, &write.index);
    transaction
        .prepare_cached(
            "INSERT INTO records (seq, head, tab, key, at, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![int(seq), head.0, table, key, at.map(|at| int(at.0)), record])?;
    transaction
        .prepare_cached(
            "INSERT INTO rows (tab, key, version, first_seq, open, device, bill, day, bytes)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (tab, key) DO UPDATE SET version = ?3, open = ?4, device = ?5, bill = ?6, day = ?7,
                                                  bytes = ?8",
        )?
        .execute(params![
            table,
            key,
            int(seq),
            index.open,
            index.device,
            index.bill,
            index.day,
            //= spec-crate/spec/books.md#rows-and-versions
            //# A book MUST carry rows of table program unchanged, without reading them.
            write.bytes
        ])?;
    Ok(())
}

//= spec-crate/spec/books.md#anchors
//# A book MUST carry an id of 8 random bytes that is drawn when it begins and again at each declared restore.
fn draw_id(entropy: &mut dyn Entropy) -> BookId {
    let mut id = [0; 8];
    entropy.fill(&mut id);
    BookId::from_bytes(id)
}
