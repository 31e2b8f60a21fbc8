//! Books on disk: what a link persists, and what it finds again.
//!
//! [`Book`] is all that a driver needs of a store; [`SqliteBook`] is the one that both programs use.

mod layout;
mod query;
mod sqlite;
mod verify;

use std::fmt;

use hispos::book::{Anchor, Batch, Found, Query};
use hispos::time::UnixSeconds;

pub use sqlite::{Exported, Mode, SqliteBook};
pub use verify::{Damage, Verified};

/// A store of one book: one writer, any number of readers.
pub trait Book {
    /// The anchor of the latest durable record.
    fn anchor(&self) -> Anchor;

    /// Finds rows, or says whether an anchor is contained.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    fn find(&self, query: &Query) -> Result<Found, StoreError>;

    /// Makes batches durable in one transaction, in the order given, and answers each.
    ///
    /// A stale batch, or one that breaks a bound, fails alone. A later batch sees the versions that an earlier one
    /// wrote. On return everything answered `Ok` has been synced to the disk; if the transaction itself fails,
    /// nothing was written and every batch is answered with [`CommitError::Store`].
    fn commit(&mut self, batches: Vec<Batch>, at: Option<UnixSeconds>) -> Vec<Result<Anchor, CommitError>>;
}

/// Why a batch was not written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CommitError {
    /// A row that it was computed from has changed: run the input again.
    Stale,
    /// A key or a row is empty or too long for a record: our own bug, never a peer's doing.
    Bounds,
    /// The store failed: a state that cannot be persisted is never told, so the program has to stop.
    Store(String),
}

impl fmt::Display for CommitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("a row has changed since the batch was computed"),
            Self::Bounds => f.write_str("a key or a row is empty or too long for a record"),
            Self::Store(why) => write!(f, "the book cannot be written: {why}"),
        }
    }
}

impl std::error::Error for CommitError {}

/// Why a book cannot be opened or read.
#[non_exhaustive]
#[derive(Debug)]
pub enum StoreError {
    /// There is none at this path.
    Missing,
    /// There is one at this path already.
    Exists,
    /// Another process writes it.
    Locked,
    /// The file is no book, or of another version of this program.
    NotABook,
    /// The newest record does not follow from the one before it.
    Damaged(Damage),
    /// The disk, or the permissions.
    Io(std::io::Error),
    /// SQLite.
    Sqlite(rusqlite::Error),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is no book here"),
            Self::Exists => f.write_str("there is a book here already"),
            Self::Locked => f.write_str("another process is writing this book"),
            Self::NotABook => f.write_str("the file is no book of this program's version"),
            Self::Damaged(damage) => write!(f, "the book is damaged: {damage}"),
            Self::Io(error) => write!(f, "the book cannot be reached: {error}"),
            Self::Sqlite(error) => write!(f, "the book cannot be read: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
