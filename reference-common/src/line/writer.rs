//! The writing half of a line: a queue and a thread, so that a slow port never stops the driver.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::stream::is_quiet;

/// A peer that reads nothing for so many bytes loses the stream.
const QUEUED_BYTES_MAX: usize = 65_536;
/// So does one that takes not a single byte for so long: a line delays by less.
const STUCK: Duration = Duration::from_millis(hispos::timers::LINE_DELAY_MAX);

/// Bytes on their way out.
#[derive(Default)]
pub(super) struct Writer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The stream that is open now; 0 if none is.
    stream: u64,
    sink: Option<Box<dyn Write + Send>>,
    queue: VecDeque<Vec<u8>>,
    queued: usize,
    writing: bool,
    /// Why the reader has to close the stream.
    broken: Option<String>,
    stopped: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

impl Writer {
    /// A stream was opened.
    pub(super) fn open(&self, stream: u64, sink: Box<dyn Write + Send>) {
        let mut state = self.lock();
        *state = State { stream, sink: Some(sink), stopped: state.stopped, ..State::default() };
        self.changed.notify_all();
    }

    /// The stream is gone.
    pub(super) fn closed(&self) {
        let mut state = self.lock();
        *state = State { stopped: state.stopped, ..State::default() };
        self.changed.notify_all();
    }

    /// Why the stream has to be closed, if it has to.
    pub(super) fn broken(&self) -> Option<String> {
        self.lock().broken.clone()
    }

    pub(super) fn queue(&self, stream: u64, bytes: Vec<u8>) {
        let mut state = self.lock();
        if state.stream != stream || state.broken.is_some() {
            return;
        }
        state.queued = state.queued.saturating_add(bytes.len());
        if state.queued > QUEUED_BYTES_MAX {
            state.broken = Some(format!("the other end reads nothing: {} bytes wait", state.queued));
            state.queue.clear();
            return;
        }
        state.queue.push_back(bytes);
        self.changed.notify_all();
    }

    pub(super) fn close(&self, stream: u64) {
        let mut state = self.lock();
        if state.stream == stream && state.broken.is_none() {
            state.broken = Some("closed by this end".into());
        }
    }

    pub(super) fn flush(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut state = self.lock();
        while (!state.queue.is_empty() || state.writing) && state.broken.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    /// The writing thread.
    pub(super) fn run(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let stream = state.stream;
            let Some((bytes, mut sink)) = next(&mut state) else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.writing = true;
            drop(state);
            let done = self.write_all(stream, &mut *sink, &bytes);
            state = self.lock();
            // The stream may have been replaced meanwhile: then its sink is dropped with it.
            if state.stream == stream {
                state.writing = false;
                state.sink = Some(sink);
                if let Err(error) = done {
                    state.broken.get_or_insert(format!("cannot write: {error}"));
                    state.queue.clear();
                }
            }
            self.changed.notify_all();
        }
    }

    /// Writes all of it, unless the stream is closed meanwhile. A line may take its time, but not for ever.
    fn write_all(&self, stream: u64, sink: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
        let mut last = Instant::now();
        while !bytes.is_empty() {
            match sink.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    last = Instant::now();
                }
                Err(error) if !is_quiet(&error) || last.elapsed() > STUCK => return Err(error),
                Err(_) => {
                    let state = self.lock();
                    if state.stopped || state.stream != stream {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(state: &mut State) -> Option<(Vec<u8>, Box<dyn Write + Send>)> {
    let sink = state.sink.take()?;
    let Some(bytes) = state.queue.pop_front() else {
        state.sink = Some(sink);
        return None;
    };
    state.queued = state.queued.saturating_sub(bytes.len());
    Some((bytes, sink))
}
