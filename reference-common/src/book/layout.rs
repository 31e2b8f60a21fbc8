//! The file of a book: its tables, its settings, and the lock of its writer.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;

/// Marks the file as a book: "hsp1".
pub(super) const APPLICATION_ID: i64 = 0x6873_7031;
/// The layout below.
pub(super) const LAYOUT: i64 = 1;
//= spec-crate/spec/privacy.md#erasing
//= type=implication
//# A HIS and a POS MUST NOT remove or change a record of a book to erase something, since the chain behind it
//# would break.
pub(super) const SCHEMA: &str = "
CREATE TABLE records (
    seq    INTEGER PRIMARY KEY,
    head   BLOB NOT NULL,
    tab    INTEGER NOT NULL,
    key    TEXT NOT NULL,
    at     INTEGER,
    record BLOB NOT NULL
);
CREATE TABLE rows (
    tab       INTEGER NOT NULL,
    key       TEXT NOT NULL,
    version   INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    open      INTEGER NOT NULL,
    device    TEXT NOT NULL,
    bill      TEXT NOT NULL,
    day       INTEGER NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (tab, key)
) WITHOUT ROWID;
CREATE INDEX records_of_the_book ON records (seq) WHERE tab = 1;
CREATE INDEX rows_open ON rows (tab, first_seq) WHERE open = 1;
CREATE INDEX rows_latest ON rows (version) WHERE tab = 2;
CREATE INDEX rows_of_bill ON rows (bill, first_seq) WHERE bill <> '';
CREATE INDEX rows_of_day ON rows (day, first_seq) WHERE tab = 2 AND day <> 0;
";

/// Commits that have returned survive a power cut.
pub(super) fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    //= spec-crate/spec/books.md#rows-and-versions
    //# A book MUST answer a batch only after its records survive a power cut.
    connection.pragma_update(None, "synchronous", "FULL")
}

/// Makes this process the writer until the file is dropped.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(PathBuf::from(name))?;
    //= spec-crate/spec/books.md#rows-and-versions
    //# A book MUST have at most one writing process, held by a lock that a crash releases.
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Makes the name of a new file durable. Windows has no such call and needs none.
pub(super) fn sync_directory(path: &Path) -> std::io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// SQLite has signed integers; sequence numbers never come near the sign.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn uint(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::prepare;

    //= spec-crate/spec/books.md#rows-and-versions
    //= type=test
    //# A book MUST answer a batch only after its records survive a power cut.
    #[test]
    fn every_commit_is_synced_before_it_returns() {
        let home = tempfile::tempdir().unwrap();
        let connection = rusqlite::Connection::open(home.path().join("book.db")).unwrap();
        prepare(&connection).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let synchronous: u8 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        // 2 is FULL: in WAL mode the log is synced at each commit, and not only at checkpoints.
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    }
}
