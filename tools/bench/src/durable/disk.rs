//! What the disk itself can sync: page-sized records, each durable before the next is written.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::statfs;

use super::Told;

/// A frame of SQLite's write-ahead log: its header and a page.
const RECORD_BYTES: usize = 24 + 4096;
/// Records after which the log is written from its start again, as after a checkpoint.
const RECORDS: u64 = 1000;
/// A file system in memory syncs nothing.
const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// Syncs per second of one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Each record makes the file longer: the log's first pages after a start.
    pub(crate) growing: f64,
    /// Each record replaces one: the log after its first checkpoint, so nearly always.
    pub(crate) in_place: f64,
}

impl Rates {
    /// Measured twice, before and after: on a shared disk it changes.
    pub(crate) fn mean(self, other: Self) -> Self {
        let mean = |one: f64, other: f64| (one + other) / 2.0;
        Self { growing: mean(self.growing, other.growing), in_place: mean(self.in_place, other.in_place) }
    }
}

/// Refuses a directory in memory.
pub(crate) fn check(directory: &Path) -> Told<()> {
    let found = statfs(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    if [TMPFS, RAMFS].contains(&found.f_type) {
        return Err(format!(
            "{} is in memory, where nothing is durable: --directory DIR",
            directory.display()
        ));
    }
    Ok(())
}

/// Measures both rates in a directory, each for this long.
pub(crate) fn measure(directory: &Path, each: Duration) -> Told<Rates> {
    let path = directory.join("sync.tmp");
    let measured = || -> std::io::Result<Rates> {
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
        let growing = rate(&file, each, |number| number)?;
        file.set_len(0)?;
        for number in 0..RECORDS {
            write(&file, number)?;
        }
        file.sync_all()?;
        let in_place = rate(&file, each, |number| number % RECORDS)?;
        Ok(Rates { growing, in_place })
    };
    let rates = measured().map_err(|error| format!("{}: {error}", path.display()));
    drop(std::fs::remove_file(&path));
    rates
}

fn rate(file: &File, during: Duration, place: impl Fn(u64) -> u64) -> std::io::Result<f64> {
    let start = Instant::now();
    let mut number = 0_u64;
    while start.elapsed() < during {
        write(file, place(number))?;
        file.sync_data()?;
        number += 1;
    }
    Ok(number as f64 / start.elapsed().as_secs_f64())
}

fn write(file: &File, place: u64) -> std::io::Result<()> {
    // Not the same bytes twice: nothing may find that there is nothing to do.
    let record = [place as u8 ^ 0x5A; RECORD_BYTES];
    file.write_all_at(&record, place * RECORD_BYTES as u64)
}
