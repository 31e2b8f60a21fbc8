//! A running program of a member: what it says, line by line, and what it is told.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::programs::BECOME;
use crate::tell::Told;

/// How many lines of its standard error are told of a program that has ended.
const LAST_WORDS: usize = 3;

/// A program whose lines are read as text.
pub(crate) struct Station {
    child: Child,
    name: String,
    errors: PathBuf,
    lines: Receiver<String>,
}

impl Station {
    /// Starts a program in a folder; what it says goes to `NAME.log` in `logs`, too.
    pub(crate) fn start(name: &str, words: &[String], folder: &Path, logs: &Path) -> Told<Self> {
        let about = |error: std::io::Error| format!("{name}: {}: {error}", words.join(" "));
        let open =
            |end: &str| File::options().create(true).append(true).open(logs.join(format!("{name}.{end}")));
        let mut log = open("log").map_err(about)?;
        let errors = logs.join(format!("{name}.err"));
        let mut child = Command::new(std::env::current_exe().map_err(about)?)
            .arg(BECOME)
            .args(words)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(open("err").map_err(about)?)
            .spawn()
            .map_err(about)?;
        let (sender, lines) = channel();
        let output = child.stdout.take();
        std::thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            for line in lines.map_while(Result::ok) {
                drop(writeln!(log, "{line}"));
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, name: name.into(), errors, lines })
    }

    /// Writes a line to its standard input.
    pub(crate) fn tell(&mut self, line: &str) -> Told<()> {
        let about = |error: std::io::Error| format!("{}: cannot be told: {error}", self.name);
        let input = self.child.stdin.as_mut().ok_or_else(|| format!("{}: has no input", self.name))?;
        writeln!(input, "{line}").and_then(|()| input.flush()).map_err(about)
    }

    /// The next line; `None` if none comes within the time. An error if it has ended.
    pub(crate) fn next(&self, within: Duration) -> Told<Option<String>> {
        match self.lines.recv_timeout(within) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("{} ended; it said last: {}", self.name, self.last_words()))
            }
        }
    }

    fn last_words(&self) -> String {
        let said = std::fs::read(&self.errors).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        lines.get(lines.len().saturating_sub(LAST_WORDS)..).unwrap_or_default().join(" / ")
    }

    /// The first line that `wanted` takes.
    pub(crate) fn wait<T>(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&str) -> Option<T>,
    ) -> Told<T> {
        let until = Instant::now() + within;
        loop {
            match self.next(until.saturating_duration_since(Instant::now()))? {
                Some(line) => {
                    if let Some(found) = wanted(&line) {
                        return Ok(found);
                    }
                }
                None => return Err(format!("{}: no {what} within {} s", self.name, within.as_secs())),
            }
        }
    }

    /// Its exit code, once it has ended.
    pub(crate) fn code(&mut self) -> Told<Option<i32>> {
        let status = self.child.try_wait().map_err(|error| format!("{}: {error}", self.name))?;
        Ok(status.map(|status| status.code().unwrap_or(-1)))
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) -> Told<()> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(|error| format!("{}: cannot be killed: {error}", self.name))
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.kill());
    }
}
