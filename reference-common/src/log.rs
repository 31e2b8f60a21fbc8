//! A log file that rotates by size, and holds nothing that nobody may read.
//!
//! One line an event: `2026-01-31T08:15:00Z warn the text`. Callers log displayed errors and numbers, never bytes of
//! a stream. As a second fence every run of 15 or more digits, as payment codes and insurance codes are, is masked
//! down to its last four, and control characters are dropped.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock;

/// A run of digits this long may be a code.
const DIGITS_MASKED: usize = 15;

/// How much a line matters.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// A person has to look.
    Error,
    /// Unusual, and handled.
    Warn,
    /// The ordinary course.
    Info,
    /// For looking closer.
    Debug,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

/// How a log is kept.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// The newest file; older ones are `PATH.1`, `PATH.2` and so on. `None`: no file.
    pub path: Option<PathBuf>,
    /// A file that has reached this size is put aside.
    pub bytes_max: u64,
    /// How many are put aside before the oldest is deleted.
    pub keep: u32,
    /// Lines that matter less are left out.
    pub level: Level,
    /// Also to standard error.
    pub stderr: bool,
}

/// A log. Clones write to the same file.
#[derive(Clone, Debug)]
pub struct Log {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    config: LogConfig,
    file: Option<File>,
    size: u64,
}

impl Log {
    /// Opens a log.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub fn open(config: LogConfig) -> io::Result<Self> {
        let mut shared = Shared { config, file: None, size: 0 };
        shared.reopen()?;
        Ok(Self { shared: Arc::new(Mutex::new(shared)) })
    }

    /// Writes a line. A log that cannot be written is no reason to stop: the line is lost.
    pub fn write(&self, level: Level, text: &dyn fmt::Display) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if level > shared.config.level {
            return;
        }
        let line = format!("{} {} {}\n", timestamp(), level.name(), masked(&text.to_string()));
        if shared.config.stderr {
            drop(io::stderr().write_all(line.as_bytes()));
        }
        drop(shared.append(line.as_bytes()));
    }

    /// A person has to look.
    pub fn error(&self, text: impl fmt::Display) {
        self.write(Level::Error, &text);
    }

    /// Unusual, and handled.
    pub fn warn(&self, text: impl fmt::Display) {
        self.write(Level::Warn, &text);
    }

    /// The ordinary course.
    pub fn info(&self, text: impl fmt::Display) {
        self.write(Level::Info, &text);
    }

    /// For looking closer.
    pub fn debug(&self, text: impl fmt::Display) {
        self.write(Level::Debug, &text);
    }
}

impl Shared {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.size >= self.config.bytes_max {
            self.rotate()?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(line)?;
            self.size = self.size.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(path) = self.config.path.clone() else { return Ok(()) };
        self.file = None;
        for number in (1..self.config.keep).rev() {
            let (from, to) = (numbered(&path, number), numbered(&path, number.saturating_add(1)));
            if from.exists() {
                std::fs::rename(from, to)?;
            }
        }
        match self.config.keep {
            0 => std::fs::remove_file(&path)?,
            _ => std::fs::rename(&path, numbered(&path, 1))?,
        }
        self.reopen()
    }

    fn reopen(&mut self) -> io::Result<()> {
        let Some(path) = &self.config.path else { return Ok(()) };
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.size = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

//= spec-crate/spec/privacy.md#payment-codes
//# A POS MUST NOT write a payment code to a disk, a log, a core dump, an error text, a display or the link.
/// Masks long runs of digits, of any script, and drops control characters.
fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_numeric() {
            digits.push(c);
            continue;
        }
        flush(&mut out, &mut digits);
        if !c.is_control() {
            out.push(c);
        }
    }
    flush(&mut out, &mut digits);
    out
}

fn flush(out: &mut String, digits: &mut String) {
    let count = digits.chars().count();
    if count >= DIGITS_MASKED {
        out.push_str("[..");
        out.extend(digits.chars().skip(count.saturating_sub(4)));
        out.push(']');
    } else {
        out.push_str(digits);
    }
    digits.clear();
}

fn timestamp() -> String {
    clock::unix().map_or_else(|| "no-clock".into(), |at| utc(at.0))
}

/// Seconds of Unix time as `2026-01-31T08:15:00Z`.
#[must_use]
pub fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Civil date from days: eras of 400 years that begin on the first of March.
    let shifted = days.saturating_add(719_468);
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::{Level, Log, LogConfig, masked, utc};

    //= spec-crate/spec/privacy.md#payment-codes
    //= type=test
    //# A POS MUST NOT write a payment code to a disk, a log, a core dump, an error text, a display or the
    //# link.
    #[test]
    fn long_runs_of_digits_are_masked_in_every_script() {
        assert_eq!(masked("code 134567890123456789 refused"), "code [..6789] refused");
        assert_eq!(masked("1\u{ff13}4567890123456789"), "[..6789]");
        assert_eq!(masked("order 20261124, 12345678901234"), "order 20261124, 12345678901234");
        assert_eq!(masked("a\r\nb\u{1b}[31m"), "ab[31m");
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_one_deleted() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("pos.log");
        let config = LogConfig {
            path: Some(path.clone()),
            bytes_max: 100,
            keep: 2,
            level: Level::Info,
            stderr: false,
        };
        let log = Log::open(config).unwrap();
        for number in 0..20 {
            log.info(format!("line {number}"));
            log.debug("left out");
        }
        let mut names: Vec<_> = std::fs::read_dir(home.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["pos.log", "pos.log.1", "pos.log.2"]);
        let newest = std::fs::read_to_string(path).unwrap();
        assert!(newest.ends_with("info line 19\n"), "{newest}");
        assert!(!newest.contains("left out"), "{newest}");
    }

    #[test]
    fn seconds_become_a_date() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(utc(4_107_542_399), "2100-02-28T23:59:59Z");
    }
}
