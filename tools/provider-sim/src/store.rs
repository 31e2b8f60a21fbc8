//! The platform's book in SQLite: whatever was answered is on the disk.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::model::{Delivery, Merchant, Millis, Outcome, View};
use crate::rows;
pub use crate::rows::{CallRow, Names};
use crate::sign::Key;

const SCHEMA: &str = include_str!("schema.sql");
const SCHEMA_VERSION: i64 = 1;
const BOOK_FILE: &str = "platform.sqlite";

/// The book of one directory.
#[derive(Debug)]
pub struct Store {
    conn: Connection,
}

/// Why the book could not be used. Nothing was changed.
#[derive(Debug)]
pub enum StoreError {
    /// No platform was initialised in this directory.
    Missing(PathBuf),
    /// A platform was initialised here before.
    Exists(PathBuf),
    /// Another process serves this directory.
    Locked(PathBuf),
    /// The book has a version that this program does not know.
    Version(i64),
    /// The database refused.
    Sqlite(rusqlite::Error),
    /// The file system refused.
    Io(io::Error),
}

/// A merchant and its secrets.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose.
    pub merchant: Merchant,
    /// Signs requests and answers.
    pub secret: Key,
    /// Signs reverses and refunds besides.
    pub reversal: Key,
}

/// Which of the requests that change the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `/v1/pay`
    Pay,
    /// `/v1/reverse`
    Reverse,
    /// `/v1/refund`
    Refund,
}

impl Store {
    /// Makes a new book in a directory, which is made too, with its merchants. On Unix both are for their owner only.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is a book; `Io` and `Sqlite` as they come.
    pub fn create(dir: &Path, book_key: &Key, accounts: &[Account]) -> Result<Store, StoreError> {
        fs::create_dir_all(dir)?;
        owner_only(dir, 0o700)?;
        let path = dir.join(BOOK_FILE);
        if path.exists() {
            return Err(StoreError::Exists(dir.to_path_buf()));
        }
        // Made beside its place: an init that was killed leaves nothing that looks like a book.
        let draft = dir.join("platform.draft");
        let _ = fs::remove_file(&draft);
        let mut conn = connect(&draft, OpenFlags::SQLITE_OPEN_CREATE)?;
        owner_only(&draft, 0o600)?;
        let tx = conn.transaction()?;
        tx.execute_batch(SCHEMA)?;
        tx.execute("INSERT INTO meta VALUES (1, ?1, ?2)", params![SCHEMA_VERSION, book_key])?;
        for Account { merchant, secret, reversal } in accounts {
            let Merchant { channel, account, sub_account } = merchant;
            let row = params![channel.name(), account, sub_account, secret, reversal];
            tx.execute("INSERT INTO merchants VALUES (?1, ?2, ?3, ?4, ?5)", row)?;
        }
        tx.commit()?;
        conn.close().map_err(|(_, error)| error)?;
        fs::rename(&draft, &path)?;
        Store::open(dir)
    }

    /// Opens the book of a directory; other processes may have it open.
    ///
    /// # Errors
    /// [`StoreError::Missing`] without a book, [`StoreError::Version`] for one of another version, `Sqlite` as it comes.
    pub fn open(dir: &Path) -> Result<Store, StoreError> {
        let path = dir.join(BOOK_FILE);
        if !path.is_file() {
            return Err(StoreError::Missing(dir.to_path_buf()));
        }
        let conn = connect(&path, OpenFlags::empty())?;
        match conn.query_row("SELECT version FROM meta", [], |row| row.get(0))? {
            SCHEMA_VERSION => Ok(Store { conn }),
            other => Err(StoreError::Version(other)),
        }
    }

    /// Opens the book for reading only.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_to_read(dir: &Path) -> Result<Store, StoreError> {
        let store = Store::open(dir)?;
        store.conn.pragma_update(None, "query_only", true)?;
        Ok(store)
    }

    /// The book's own key.
    ///
    /// # Errors
    /// `Sqlite` as it comes.
    pub fn book_key(&self) -> Result<Key, StoreError> {
        Ok(self.conn.query_row("SELECT book_key FROM meta", [], |row| row.get(0))?)
    }

    /// The merchant's secrets; none for a merchant that is not registered.
    ///
    /// # Errors
    /// `Sqlite` as it comes.
    pub fn account(&self, merchant: &Merchant) -> Result<Option<Account>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT secret, reversal FROM merchants WHERE channel = ?1 AND account = ?2 AND sub_account = ?3",
        )?;
        let Merchant { channel, account, sub_account } = merchant;
        let found = statement.query_row(params![channel.name(), account, sub_account], |row| {
            Ok(Account { merchant: merchant.clone(), secret: row.get(0)?, reversal: row.get(1)? })
        });
        Ok(found.optional()?)
    }

    /// Shows a request its part of the book.
    ///
    /// # Errors
    /// `Sqlite` as it comes.
    pub fn look<T>(&mut self, names: Names<'_>, answer: impl FnOnce(&View) -> T) -> Result<T, StoreError> {
        let tx = self.conn.transaction()?;
        Ok(answer(&rows::load_view(&tx, names)?))
    }

    /// Lets a request change its part of the book: once this returns, the change is on the disk. The time is read
    /// inside, when nobody else can write any more.
    ///
    /// # Errors
    /// `Sqlite` as it comes; then nothing was changed and the outcome must not be told.
    pub fn change(
        &mut self,
        call: Call,
        names: Names<'_>,
        clock: impl FnOnce() -> Millis,
        act: impl FnOnce(&mut View, Millis) -> Outcome,
    ) -> Result<Outcome, StoreError> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = rows::load_view(&tx, names)?;
        let now = clock();
        let mut view = before.clone();
        let outcome = act(&mut view, now);
        // What was lost on its way never arrived: the book has not even a trace of it.
        if outcome.delivery == Delivery::Silent {
            return Ok(outcome);
        }
        rows::save_view(&tx, names, &before, &view)?;
        record(&tx, call, names, &outcome, now)?;
        tx.commit()?;
        Ok(outcome)
    }

    /// All orders by number, and within a number by merchant; or those of one number.
    ///
    /// # Errors
    /// `Sqlite` as it comes.
    pub fn orders(&mut self, number: Option<&str>) -> Result<Vec<crate::model::Order>, StoreError> {
        let tx = self.conn.transaction()?;
        Ok(rows::load_orders(&tx, number)?)
    }

    /// The requests that arrived, in their order; or those of one number.
    ///
    /// # Errors
    /// `Sqlite` as it comes.
    pub fn calls(&mut self, number: Option<&str>) -> Result<Vec<CallRow>, StoreError> {
        Ok(rows::load_calls(&self.conn, number)?)
    }
}

/// Takes the right to serve a directory, until the file is dropped or the process ends.
///
/// # Errors
/// [`StoreError::Locked`] if another process has it; `Io` as it comes.
pub fn lock(dir: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(dir.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Sets the permissions of a file or a directory, where the system has such.
///
/// # Errors
/// As the file system says.
pub fn owner_only(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    }
    #[cfg(not(unix))]
    {
        let _ = (path, mode);
        Ok(())
    }
}

fn connect(path: &Path, create: OpenFlags) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(conn)
}

fn record(
    tx: &Transaction<'_>,
    call: Call,
    names: Names<'_>,
    outcome: &Outcome,
    now: Millis,
) -> Result<(), StoreError> {
    let call = match call {
        Call::Pay => "pay",
        Call::Reverse => "reverse",
        Call::Refund => "refund",
    };
    let answer = match (outcome.delivery, outcome.answer.sub_code) {
        (Delivery::Unavailable, _) => "503",
        (Delivery::Lost, _) => "lost",
        (_, Some(sub_code)) => sub_code,
        (_, None) => outcome.answer.code,
    };
    let Merchant { channel, account, sub_account } = names.merchant;
    let mut statement = tx.prepare_cached(
        "INSERT INTO calls (at, call, channel, account, sub_account, number, answer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![now, call, channel.name(), account, sub_account, names.number, answer])?;
    Ok(())
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError::Sqlite(error)
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> StoreError {
        StoreError::Io(error)
    }
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::Missing(dir) => {
                write!(f, "no platform in {}; use init / 此目录尚未初始化", dir.display())
            }
            StoreError::Exists(dir) => {
                write!(f, "a platform is in {} already / 此目录已初始化", dir.display())
            }
            StoreError::Locked(dir) => write!(f, "another process serves {} / 此目录正被使用", dir.display()),
            StoreError::Version(found) => {
                write!(f, "book version {found} is not {SCHEMA_VERSION} / 账本版本不符")
            }
            StoreError::Sqlite(error) => write!(f, "database: {error} / 数据库错误"),
            StoreError::Io(error) => write!(f, "file: {error} / 文件错误"),
        }
    }
}

impl std::error::Error for StoreError {}
