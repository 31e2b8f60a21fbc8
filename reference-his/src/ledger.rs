//! The one ledger of the site: a thread that owns the book and makes what waits durable in one transaction.
//!
//! Every link and the desk send their batches here. While one transaction is being synced to the disk the next
//! batches gather, so 64 links cost hardly more syncs than one. Questions are answered after the commit before
//! them, so nobody is told what a power cut could still take back.

use std::fmt;
use std::thread;

use hispos::book::{Anchor, Batch, Found, Query, Row, RowKey, Table, start_row};
use hispos::crypto::Entropy;
use hispos::ids::BookId;
use hispos::message::agreement::Agreement;
use hispos::time::Clock;
use hispos_common::book::{Book, CommitError, SqliteBook, StoreError};
use hispos_common::clock;
use hispos_common::entropy::OsEntropy;
use tokio::sync::{mpsc, oneshot};

/// Jobs that wait before a sender has to; and the greatest number of batches in one transaction.
const WAITING_MAX: usize = 1024;

/// To the ledger thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    jobs: mpsc::Sender<Job>,
}

type Answer<T> = oneshot::Sender<T>;

enum Job {
    Commit(Batch, Answer<Result<Anchor, CommitError>>),
    Ask(Question),
    Alone(Box<dyn FnOnce(&mut SqliteBook) + Send>),
}

enum Question {
    Find(Query, Answer<Result<Found, StoreError>>),
    OpenRows(Table, Answer<Result<Vec<Row>, StoreError>>),
}

/// The ledger gave no answer, or none that helps.
#[derive(Debug)]
pub enum LedgerError {
    /// It could not be read or written.
    Store(String),
    /// Its thread has ended: the program is stopping.
    Gone,
    /// It is an older copy: a terminal has seen records that it does not hold.
    WentBack,
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(why) => write!(f, "the ledger failed: {why}"),
            Self::WentBack => {
                f.write_str("the ledger is an older copy: run `ledger restored`, then start the server again")
            }
            Self::Gone => f.write_str("the ledger is closed: the server is stopping"),
        }
    }
}

impl std::error::Error for LedgerError {}

impl From<StoreError> for LedgerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.to_string())
    }
}

/// A batch could not be written.
#[derive(Debug)]
pub enum Unwritten {
    /// A row has changed: compute it again.
    Stale,
    /// The ledger failed.
    Failed(LedgerError),
}

impl Ledger {
    /// Starts the thread. It ends, and closes the book, when the last clone of the handle is dropped.
    ///
    /// # Errors
    ///
    /// What the system says if it has no thread left.
    pub fn start(book: SqliteBook) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (jobs, waiting) = mpsc::channel(WAITING_MAX);
        let thread = thread::Builder::new().name("ledger".into()).spawn(move || serve(book, waiting))?;
        Ok((Self { jobs }, thread))
    }

    /// The same in a task, for tests on virtual time: nothing then happens outside the runtime's clock.
    #[cfg(test)]
    pub(crate) fn in_a_task(mut book: SqliteBook) -> Self {
        let (sender, mut waiting) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            let mut jobs = Vec::new();
            while waiting.recv_many(&mut jobs, WAITING_MAX).await > 0 {
                work(&mut book, &mut jobs);
            }
        });
        Self { jobs: sender }
    }

    /// Makes a batch durable; on return it is.
    ///
    /// # Errors
    ///
    /// [`Unwritten::Stale`] if a row that it was computed from has changed.
    pub async fn commit(&self, batch: Batch) -> Result<Anchor, Unwritten> {
        match self.ask(|answer| Job::Commit(batch, answer)).await {
            Ok(Ok(anchor)) => Ok(anchor),
            Ok(Err(CommitError::Stale)) => Err(Unwritten::Stale),
            Ok(Err(error)) => Err(Unwritten::Failed(LedgerError::Store(error.to_string()))),
            Err(gone) => Err(Unwritten::Failed(gone)),
        }
    }

    /// Finds rows.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn find(&self, query: Query) -> Result<Found, LedgerError> {
        self.ask(|answer| Job::Ask(Question::Find(query, answer))).await?.map_err(LedgerError::from)
    }

    /// The rows of a table that are still open, oldest first.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn open_rows(&self, table: Table) -> Result<Vec<Row>, LedgerError> {
        self.ask(|answer| Job::Ask(Question::OpenRows(table, answer))).await?.map_err(LedgerError::from)
    }

    /// Does something with the book while nothing else is written.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut SqliteBook) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        // An asker that is gone needs no answer.
        self.ask(|answer| Job::Alone(Box::new(move |book| drop(answer.send(work(book)))))).await?
    }

    async fn ask<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, LedgerError> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(job(answer)).await.map_err(|_| LedgerError::Gone)?;
        answered.await.map_err(|_| LedgerError::Gone)
    }
}

fn serve(mut book: SqliteBook, mut waiting: mpsc::Receiver<Job>) {
    let mut jobs = Vec::new();
    while waiting.blocking_recv_many(&mut jobs, WAITING_MAX) > 0 {
        work(&mut book, &mut jobs);
    }
}

/// Makes every batch durable in one transaction, then answers the questions.
fn work(book: &mut SqliteBook, jobs: &mut Vec<Job>) {
    let (mut batches, mut answers, mut questions) = (Vec::new(), Vec::new(), Vec::new());
    let mut alone = Vec::new();
    for job in jobs.drain(..) {
        match job {
            Job::Commit(batch, answer) => {
                batches.push(batch);
                answers.push(answer);
            }
            Job::Ask(question) => questions.push(question),
            Job::Alone(work) => alone.push(work),
        }
    }
    if !batches.is_empty() {
        let results = book.commit(batches, clock::unix());
        // An asker that is gone needs no answer; so below.
        for (answer, result) in answers.into_iter().zip(results) {
            let _ = answer.send(result);
        }
    }
    for question in questions {
        match question {
            Question::Find(query, answer) => drop(answer.send(book.find(&query))),
            Question::OpenRows(table, answer) => drop(answer.send(book.table(table, true))),
        }
    }
    for work in alone {
        work(book);
    }
}

/// What every start does before links run: a new ledger is marked as new, and each order that has not ended is asked
/// about, never submitted.
///
/// # Errors
///
/// What the store says.
pub fn begin(book: &mut SqliteBook, agreements: &[Agreement], clock: Clock) -> Result<(), LedgerError> {
    if let Some(site) = agreements.first().map(|agreement| agreement.terms().site_id.to_string()) {
        let found = find(book, &Query::Rows(vec![RowKey::new(Table::Site, &site)]))?;
        if found.first().is_none_or(|row| row.version == 0) {
            //= spec-crate/spec/books.md#rows-of-the-ledger
            //# A HIS MUST write the site row of a new ledger before it makes an order, with a search time
            //# (`search_until`) of now + 345,600 seconds, or of 2^64 - 1 if it has no calendar clock.
            write(book, hispos::ledger::born(&site, clock), clock)?;
        }
    }
    let open = open_orders(book)?;
    write(book, hispos::ledger::start(&open, agreements, clock), clock)
}

/// Declares that the book was restored from an older copy: it goes on under a new id, every order that has not ended is
/// asked about, and no order is made before a wait and before the list of every device was pulled.
///
/// # Errors
///
/// What the store says.
pub fn restored(book: &mut SqliteBook, agreements: &[Agreement], clock: Clock) -> Result<(), LedgerError> {
    let mut id = [0; 8];
    OsEntropy.fill(&mut id);
    let fork = start_row(BookId::from_bytes(id), Some(&book.anchor()));
    let site = agreements.first().map(|agreement| agreement.terms().site_id.to_string());
    let site = find(book, &Query::Rows(site.iter().map(|site| RowKey::new(Table::Site, site)).collect()))?;
    let peers = book.table(Table::Peer, false)?;
    let open = open_orders(book)?;
    let mut batch = match site.first() {
        Some(site) => hispos::ledger::restored(site, &peers, &open, agreements, clock),
        None => Batch::default(),
    };
    // One transaction: a book that goes on under a new id always waits.
    //= spec-crate/spec/books.md#a-ledger-that-went-back
    //# A HIS on which a person declares a restore of the ledger MUST, in one transaction, write the BookStart
    //# of BOK-21, set every order that has not ended to Asking with a lease end of now + FULL_LEASE, set the
    //# site row to waiting and pulling with a search time as in BOK-28, and mark every device's list as not
    //# pulled.
    batch.write.insert(0, fork);
    write(book, batch, clock)
}

fn open_orders(book: &SqliteBook) -> Result<Vec<Row>, LedgerError> {
    find(book, &Query::Open { device: String::new(), after: 0, limit: usize::MAX })
}

fn find(book: &SqliteBook, query: &Query) -> Result<Vec<Row>, LedgerError> {
    Ok(book.find(query)?.rows)
}

/// Makes a batch durable that was computed from rows of this moment.
pub(crate) fn write(book: &mut SqliteBook, batch: Batch, clock: Clock) -> Result<(), LedgerError> {
    if batch.write.is_empty() {
        return Ok(());
    }
    let answers = book.commit(vec![batch], clock.unix);
    let failed = answers.into_iter().find_map(Result::err);
    failed.map_or(Ok(()), |error| Err(LedgerError::Store(error.to_string())))
}

#[cfg(test)]
mod tests {
    use hispos::book::{Batch, Index, Query, RowKey, Table, Write};
    use hispos_common::book::{Book, Mode, SqliteBook};
    use hispos_common::entropy::OsEntropy;

    use super::{Job, Ledger, Unwritten, work};

    fn write(key: &str, version: u64, bytes: &[u8]) -> Batch {
        let key = RowKey::new(Table::Program, key);
        let write = Write { key: key.clone(), bytes: bytes.to_vec(), index: Index::default() };
        Batch { read: vec![(key, version)], write: vec![write] }
    }

    #[test]
    fn what_waits_becomes_durable_together_and_a_stale_batch_fails_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ledger.db");
        let mut book = SqliteBook::create(&path, &mut OsEntropy, None).unwrap();
        let mut answers = Vec::new();
        let mut jobs = Vec::new();
        for batch in [write("a", 0, b"1"), write("a", 0, b"2"), write("b", 0, b"3")] {
            let (answer, answered) = tokio::sync::oneshot::channel();
            jobs.push(Job::Commit(batch, answer));
            answers.push(answered);
        }
        work(&mut book, &mut jobs);
        let results: Vec<_> = answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect();
        assert!(results[0].is_ok() && results[1].is_err() && results[2].is_ok(), "{results:?}");
        drop(book);
        let book = SqliteBook::open(&path, Mode::Read).unwrap();
        let rows = book.find(&Query::Rows(vec![RowKey::new(Table::Program, "a")])).unwrap().rows;
        assert_eq!(rows[0].bytes, b"1");
        assert_eq!(book.verify().unwrap().records, 3);
    }

    #[tokio::test]
    async fn many_writers_share_the_thread_and_every_answer_is_durable() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("ledger.db");
        let (ledger, thread) =
            Ledger::start(SqliteBook::create(&path, &mut OsEntropy, None).unwrap()).unwrap();
        let writers: Vec<_> = (0..64)
            .map(|writer| {
                let ledger = ledger.clone();
                tokio::spawn(
                    async move { ledger.commit(write(&format!("w{writer}"), 0, b"x")).await.is_ok() },
                )
            })
            .collect();
        for writer in writers {
            assert!(writer.await.unwrap());
        }
        assert!(matches!(ledger.commit(write("w0", 0, b"x")).await, Err(Unwritten::Stale)));
        drop(ledger);
        thread.join().unwrap();
        assert_eq!(SqliteBook::open(&path, Mode::Read).unwrap().verify().unwrap().rows, 65);
    }
}
