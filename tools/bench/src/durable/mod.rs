//! Durable collects per second through both programs, beside what the disk under their books can sync.
//!
//! One `hispos-his` with a window for each link and as many `hispos-pos`, each a process of its own, joined by TCP. Every
//! window collects again and again: the order over HTTP, the code over the terminal's scanner, the end over HTTP. A
//! collect counts when its end was told as paid, which the server does only when its ledger has it on disk. The books
//! of both programs lie in one directory, whose file system is measured before and after by the same kind of write.
//! The simulated platform is a process, too; its book is none of the two programs' and lies in memory unless told
//! otherwise.

pub(crate) mod counters;
mod disk;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod programs;
mod report;
pub(crate) mod site;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use disk::Rates;
use http::Http;
use load::{Collect, Done};
use programs::{Binaries, Program};
pub(crate) use report::Report;
use site::{Running, Site};
use tempfile::TempDir;

/// Done, or a sentence that says why not.
pub(crate) type Told<T> = Result<T, String>;

/// Before it is measured: sessions, caches, and the first checkpoint of every book.
const WARM_UP: Duration = Duration::from_secs(5);
/// For each of the disk's rates, before and again after.
const DISK: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Where files are in memory.
pub(crate) const MEMORY: &str = "/dev/shm";

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) links: usize,
    pub(crate) seconds: u64,
    /// Where the books are.
    pub(crate) directory: PathBuf,
    /// The platform's book lies there, too.
    pub(crate) bank_on_disk: bool,
}

/// Everything that is counted at one moment.
struct Moment {
    at: Instant,
    /// Commits of each book.
    ledger: Vec<u32>,
    journals: Vec<u32>,
    banks: Vec<u32>,
    /// Processor seconds: server, terminals, platforms, this program.
    processor: [f64; 4],
    machine: (f64, f64),
}

/// Measures.
pub(crate) fn measure(options: &Options) -> Told<Report> {
    let make = |error: std::io::Error| format!("{}: {error}", options.directory.display());
    std::fs::create_dir_all(&options.directory).map_err(make)?;
    let root =
        tempfile::Builder::new().prefix("hispos-bench-").tempdir_in(&options.directory).map_err(make)?;
    disk::check(root.path())?;
    let memory = if options.bank_on_disk { None } else { tempfile::tempdir_in(MEMORY).ok() };
    let banks = memory.as_ref().map_or(root.path(), TempDir::path);
    let bar = Bar::new();
    bar.say("building the programs");
    let site = Site::new(Binaries::build()?, root.path(), banks, options.links);
    bar.say("measuring the disk");
    let before = disk::measure(root.path(), DISK)?;
    bar.say(&format!("making {} terminals", options.links));
    site.provision()?;
    let mut running = site.start()?;
    let measured = drive(&site, &mut running, options, &bar)?;
    let kept = kept_after_a_kill(&site, running, &bar)?;
    bar.say("measuring the disk again");
    let after = disk::measure(root.path(), DISK)?;
    bar.clear();
    Ok(measured.report(options, before.mean(after), [before, after], memory.is_some(), kept))
}

/// What was measured under load.
struct Measured {
    from: Moment,
    to: Moment,
    done: Done,
}

fn drive(site: &Site, running: &mut Running, options: &Options, bar: &Bar) -> Told<Measured> {
    let (address, token) = (site.his_file("address")?, site.his_file("token")?);
    let server = (address.trim(), token.trim());
    load::wait_until_ready(&mut Http::connect(server.0, server.1)?, options.links)?;
    let pids = |programs: &[Program]| programs.iter().map(Program::pid).collect::<Vec<_>>();
    let (terminals, platforms) = (pids(&running.terminals), pids(&running.platforms));
    let his = running.his.pid();
    let look = || Moment::now(site, his, &terminals, &platforms);
    let done = Done::default();
    let (from, to) = load::run(&mut running.terminals, server, &done, || {
        let begun = Instant::now();
        bar.wait(begun, WARM_UP, "warming up", &done);
        let from = look();
        bar.wait(Instant::now(), Duration::from_secs(options.seconds), "collecting", &done);
        (from, look())
    })?;
    match done.failure() {
        Some(why) => Err(why),
        None => Ok(Measured { from: from?, to: to?, done }),
    }
}

/// Kills everything and gives how many paid orders the ledger has then.
fn kept_after_a_kill(site: &Site, running: Running, bar: &Bar) -> Told<usize> {
    bar.say("killing the programs and reading the ledger again");
    drop(running);
    site.his(&["ledger", "verify"])?;
    let _his = site.start_his()?;
    let (address, token) = (site.his_file("address")?, site.his_file("token")?);
    let unposted = Http::connect(address.trim(), token.trim())?.ask("GET", "/unposted", "")?;
    Ok(unposted.as_array().into_iter().flatten().filter(|order| order["state"] == "paid").count())
}

impl Moment {
    fn now(site: &Site, his: u32, terminals: &[u32], platforms: &[u32]) -> Told<Self> {
        let missing = || "a program has ended under load".to_owned();
        let processor = |pids: &[u32]| -> Told<f64> {
            pids.iter().map(|pid| counters::processor(*pid).ok_or_else(missing)).sum()
        };
        let commits = |books: &[PathBuf]| -> Told<Vec<u32>> {
            books.iter().map(|book| counters::commits(book).ok_or_else(missing)).collect()
        };
        let journals: Vec<PathBuf> = (0..terminals.len()).map(|number| site.journal(number)).collect();
        let own = std::process::id();
        Ok(Self {
            at: Instant::now(),
            ledger: commits(&[site.ledger()])?,
            journals: commits(&journals)?,
            banks: commits(&site.bank_books())?,
            processor: [processor(&[his])?, processor(terminals)?, processor(platforms)?, processor(&[own])?],
            machine: counters::machine().ok_or("the system does not tell its processor time")?,
        })
    }
}

impl Measured {
    fn report(
        self,
        options: &Options,
        disk: Rates,
        measured: [Rates; 2],
        in_memory: bool,
        kept: usize,
    ) -> Report {
        let (from, to) = (&self.from, &self.to);
        let told = self.done.paid() as usize;
        let all = self.done.collects();
        let inside = all.iter().filter(|collect| collect.told > from.at && collect.told <= to.at);
        let (paid, other): (Vec<&Collect>, Vec<&Collect>) = inside.partition(|collect| collect.paid());
        let mut not_paid = BTreeMap::new();
        for collect in other {
            *not_paid.entry(collect.end.clone()).or_default() += 1;
        }
        let mut took: Vec<Duration> = paid.iter().map(|collect| collect.took).collect();
        took.sort();
        let since = |from: &[u32], to: &[u32]| {
            from.iter().zip(to).map(|(from, to)| u64::from(to.wrapping_sub(*from))).sum()
        };
        let mut processor = [0.0; 4];
        for (share, (from, to)) in processor.iter_mut().zip(from.processor.iter().zip(&to.processor)) {
            *share = to - from;
        }
        Report {
            links: options.links,
            seconds: (to.at - from.at).as_secs_f64(),
            disk,
            disk_before_and_after: measured,
            took,
            not_paid,
            repeated: paid.iter().filter(|collect| collect.orders > 1).count(),
            ledger_commits: since(&from.ledger, &to.ledger),
            journal_commits: since(&from.journals, &to.journals),
            bank_commits: since(&from.banks, &to.banks),
            bank_in_memory: in_memory,
            processor,
            machine: to.machine.0 - from.machine.0,
            idle: to.machine.1 - from.machine.1,
            told,
            kept,
        }
    }
}

/// A line on the standard error that tells how far it is, if people look at it.
struct Bar {
    shown: bool,
}

impl Bar {
    fn new() -> Self {
        Self { shown: std::io::IsTerminal::is_terminal(&std::io::stderr()) }
    }

    fn say(&self, text: &str) {
        if self.shown {
            eprint!("\r\x1b[K{text}");
        }
    }

    fn clear(&self) {
        self.say("");
    }

    /// Waits, and shows it; not longer than everybody works.
    fn wait(&self, begun: Instant, during: Duration, what: &str, done: &Done) {
        let before = done.paid();
        while begun.elapsed() < during && done.failure().is_none() {
            thread::sleep(LOOK_EVERY.min(during.saturating_sub(begun.elapsed())));
            let part = (begun.elapsed().as_secs_f64() / during.as_secs_f64()).min(1.0);
            let full = "#".repeat((part * 30.0) as usize);
            let rate = (done.paid() - before) as f64 / begun.elapsed().as_secs_f64();
            self.say(&format!("{what} [{full:<30}] {:3.0} %  {rate:.0} collects/s", part * 100.0));
        }
    }
}
