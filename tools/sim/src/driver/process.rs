//! A program of somebody else, spoken to by lines.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::members::{Members, number, text};

/// Greatest length of a line.
const LINE_BYTES_MAX: u64 = 16_777_216;

/// How long a program has to leave when it was told that all is over.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// How long the last words of a program may take.
const LAST_WORDS_WITHIN: Duration = Duration::from_millis(200);

/// A running program, and how to speak to it.
pub(crate) struct Process {
    child: Child,
    to: Option<Sender<String>>,
    from: Receiver<Result<String, String>>,
    complaints: Arc<Mutex<VecDeque<String>>>,
    /// Ends when its standard error does.
    silent: Receiver<()>,
    patience: Duration,
    next: u64,
}

/// An exchange that failed: the number of its line, and what is wrong.
pub(crate) struct Failed(pub(crate) u64, pub(crate) String);

impl Process {
    /// Starts a program; `command` is split at spaces.
    ///
    /// # Errors
    ///
    /// Why it does not start.
    pub(crate) fn start(command: &str, patience: Duration) -> Result<Self, String> {
        let mut words = command.split_whitespace();
        let program = words.next().ok_or("the command is empty")?;
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{program} does not start: {error}"))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(format!("{program} has no pipes"));
        };
        let (told, to_tell) = channel();
        thread::spawn(move || write_lines(stdin, &to_tell));
        let (heard, from) = sync_channel(4);
        thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            loop {
                let line = read_line(&mut lines);
                let over = line.is_err();
                if heard.send(line).is_err() || over {
                    return;
                }
            }
        });
        let complaints = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&complaints);
        let (ends, silent) = channel();
        thread::spawn(move || {
            // Dropped when all was heard.
            let _ends: Sender<()> = ends;
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if let Ok(mut kept) = kept.lock() {
                    kept.push_back(line);
                    let many = kept.len().saturating_sub(20);
                    kept.drain(..many);
                }
            }
        });
        Ok(Self { child, to: Some(told), from, complaints, silent, patience, next: 1 })
    }

    /// Writes a line and waits for its answer.
    pub(crate) fn exchange(&mut self, mut line: Members) -> Result<Members, Failed> {
        let n = self.next;
        self.next = self.next.saturating_add(1);
        line.insert("n".into(), json!(n));
        self.answer(n, &line).map_err(|what| Failed(n, what + &self.complaints()))
    }

    /// The number of the latest line.
    pub(crate) fn latest(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    fn answer(&mut self, n: u64, line: &Members) -> Result<Members, String> {
        let text_of = Value::Object(line.clone()).to_string() + "\n";
        // Nobody may have spoken out of turn.
        if let Ok(early) = self.from.try_recv() {
            return Err(match early {
                Ok(early) => format!("spoke out of turn: {}", shown(&early)),
                Err(why) => why,
            });
        }
        if self.to.as_ref().is_none_or(|to| to.send(text_of).is_err()) {
            return Err("does not read any more".into());
        }
        let answer = match self.from.recv_timeout(self.patience) {
            Ok(answer) => answer?,
            Err(RecvTimeoutError::Timeout) => {
                return Err(format!("did not answer within {} s", self.patience.as_secs()));
            }
            Err(RecvTimeoutError::Disconnected) => return Err("died".into()),
        };
        let bad = |what: &str| format!("answered {what}: {}", shown(&answer));
        let members = match serde_json::from_str::<Value>(&answer) {
            Ok(Value::Object(members)) => members,
            Ok(_) => return Err(bad("what is no object")),
            Err(error) => return Err(bad(&format!("what is no JSON ({error})"))),
        };
        let got = number(&members, "n").map_err(|why| bad(&why))?;
        if got != n {
            return Err(bad(&format!("line {got}, out of turn")));
        }
        match members.get("error") {
            None | Some(Value::Null) => Ok(members),
            Some(_) => Err(format!("cannot go on: {}", text(&members, "error").unwrap_or("no text"))),
        }
    }

    /// What it said on its standard error, at the end.
    fn complaints(&mut self) -> String {
        // Its last words may still be on their way when it is gone.
        let _ = self.silent.recv_timeout(LAST_WORDS_WITHIN);
        let Ok(kept) = self.complaints.lock() else { return String::new() };
        kept.iter().fold(String::new(), |text, line| format!("{text}\n  | {line}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(to) = self.to.take() {
            let _ = to.send(json!({"n": self.next, "do": "end"}).to_string() + "\n");
        }
        // Its standard output ends when it leaves.
        let left = loop {
            match self.from.recv_timeout(LEAVES_WITHIN) {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => break true,
                Err(RecvTimeoutError::Timeout) => break false,
            }
        };
        if !left {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn write_lines(mut stdin: ChildStdin, lines: &Receiver<String>) {
    for line in lines {
        if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_line(lines: &mut impl std::io::BufRead) -> Result<String, String> {
    let mut line = Vec::new();
    match lines.take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(0) => Err("died".into()),
        Ok(_) if line.pop() != Some(b'\n') => {
            Err(format!("died within a line, or its line is longer than {LINE_BYTES_MAX} bytes"))
        }
        Ok(_) => String::from_utf8(line).map_err(|_| "answered what is no UTF-8".into()),
    }
}

/// The beginning of a line, for people.
fn shown(line: &str) -> String {
    let short: String = line.chars().take(200).collect();
    if short.len() < line.len() { short + " ..." } else { short }
}
