//! What is counted from outside, without a word of the programs: commits of a book, processor time of a process.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Where the index of a write-ahead log counts its transactions: `iChange` of `WalIndexHdr`.
const CHANGES_AT: u64 = 8;

/// Commits of a SQLite book so far, modulo 2^32; `None` if nobody has it open. Each is one sync, plus those of
/// checkpoints.
pub(crate) fn commits(book: &Path) -> Option<u32> {
    let mut name = book.as_os_str().to_owned();
    name.push("-shm");
    let mut count = [0; 4];
    File::open(Path::new(&name)).ok()?.read_exact_at(&mut count, CHANGES_AT).ok()?;
    Some(u32::from_ne_bytes(count))
}

/// Processor seconds of a process so far, its own and the system's for it.
pub(crate) fn processor(pid: u32) -> Option<f64> {
    seconds(&pid.to_string(), 11)
}

/// Processor seconds of all that this process has started and seen end, and of what these had started.
pub(crate) fn children() -> Option<f64> {
    seconds("self", 13)
}

/// Two of the counters of a process, added.
fn seconds(process: &str, first: usize) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // Behind the name, which may hold anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks: u64 = fields.get(first)?.parse::<u64>().ok()? + fields.get(first + 1)?.parse::<u64>().ok()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Processor seconds of the whole machine so far: all, and of these idle or waiting for the disk.
pub(crate) fn machine() -> Option<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = text
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|word| word.parse().ok())
        .collect();
    let second = rustix::param::clock_ticks_per_second() as f64;
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((ticks.iter().sum::<u64>() as f64 / second, idle as f64 / second))
}
