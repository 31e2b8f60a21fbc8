//! The reading half of a line: opens, reads, tells, and opens again.

#[cfg(not(unix))]
use std::io::ErrorKind;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[cfg(unix)]
use super::pty::Pty;
use super::serial::Serial;
use super::stream::{Attempt, LOOK_EVERY, Stream, is_quiet};
use super::tcp::{Dialer, Listener};
use super::writer::Writer;
use super::{LineConfig, LineEvent};

/// How a kind of line is opened.
pub(super) enum Source {
    Serial(Serial),
    Listen(Listener),
    Dial(Dialer),
    #[cfg(unix)]
    Pty(Pty),
}

impl Source {
    /// Prepares a line, and says where it is.
    pub(super) fn of(config: &LineConfig) -> io::Result<(Self, String)> {
        Ok(match config {
            LineConfig::Serial { path, baud } => {
                (Self::Serial(Serial { path: path.clone(), baud: *baud }), path.clone())
            }
            LineConfig::Listen(address) => {
                let listener = Listener::bind(*address)?;
                let path = listener.address()?.to_string();
                (Self::Listen(listener), path)
            }
            LineConfig::Dial(address) => (Self::Dial(Dialer::new(address.clone())), address.clone()),
            #[cfg(unix)]
            LineConfig::Pty { .. } => {
                let pty = Pty::make()?;
                let path = pty.path().to_owned();
                (Self::Pty(pty), path)
            }
            #[cfg(not(unix))]
            LineConfig::Pty { .. } => {
                return Err(io::Error::new(ErrorKind::Unsupported, "this system has no pseudo-terminals"));
            }
        })
    }

    fn open(&mut self) -> Attempt {
        match self {
            Self::Serial(serial) => serial.open(),
            Self::Listen(listener) => listener.accept(),
            Self::Dial(dialer) => dialer.dial(),
            #[cfg(unix)]
            Self::Pty(pty) => pty.wait(),
        }
    }

    /// Whether another stream should take the place of one on which nothing came for this long.
    fn replaces(&mut self, silent: Duration) -> bool {
        match self {
            Self::Listen(listener) => listener.another_waits(silent),
            _ => false,
        }
    }

    /// A stream has ended; says how long to wait before the next one is opened.
    fn ended(&mut self, heard: bool) -> Duration {
        match self {
            Self::Dial(dialer) => dialer.ended(heard),
            _ => Duration::ZERO,
        }
    }
}

/// The reading thread.
pub(super) struct Reader {
    source: Source,
    writer: Arc<Writer>,
    stop: Arc<AtomicBool>,
    tell: Box<dyn FnMut(LineEvent) -> bool + Send>,
    stream: u64,
    /// Bytes came in on the present stream.
    heard: bool,
    last_failure: String,
}

impl Reader {
    pub(super) fn new(
        source: Source,
        writer: Arc<Writer>,
        stop: Arc<AtomicBool>,
        tell: Box<dyn FnMut(LineEvent) -> bool + Send>,
    ) -> Self {
        Self { source, writer, stop, tell, stream: 0, heard: false, last_failure: String::new() }
    }

    /// Goes on until the line is dropped or nobody listens any more.
    pub(super) fn run(&mut self) {
        while !self.stopped() {
            match self.source.open() {
                Attempt::Open(stream) => {
                    self.last_failure.clear();
                    if !self.serve(stream) {
                        return;
                    }
                    let wait = self.source.ended(self.heard);
                    self.pause(wait);
                }
                Attempt::NotYet => {}
                Attempt::Failed { why, wait } => {
                    if why != self.last_failure {
                        self.last_failure.clone_from(&why);
                        if !(self.tell)(LineEvent::Failed { why }) {
                            return;
                        }
                    }
                    self.pause(wait);
                }
            }
        }
    }

    /// One stream from its opening to its end; `false` if nobody listens any more.
    fn serve(&mut self, stream: Stream) -> bool {
        let Stream { mut read, write } = stream;
        self.stream = self.stream.saturating_add(1);
        self.heard = false;
        let number = self.stream;
        self.writer.open(number, write);
        let mut listened = (self.tell)(LineEvent::Opened { stream: number });
        let why = if listened { self.read_all(&mut *read, &mut listened) } else { String::new() };
        self.writer.closed();
        listened && (self.tell)(LineEvent::Closed { stream: number, why })
    }

    /// Reads until the stream ends; returns why it did.
    fn read_all(&mut self, read: &mut dyn Read, listened: &mut bool) -> String {
        let mut buffer = [0; 4096];
        let mut last = std::time::Instant::now();
        loop {
            if self.stopped() {
                return "the line was closed".into();
            }
            if let Some(why) = self.writer.broken() {
                return why;
            }
            match read.read(&mut buffer) {
                Ok(0) => return "the other end closed it".into(),
                Ok(count) => {
                    last = std::time::Instant::now();
                    self.heard = true;
                    let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                    *listened = (self.tell)(LineEvent::Bytes { stream: self.stream, bytes });
                    if !*listened {
                        return String::new();
                    }
                }
                Err(error) if is_quiet(&error) => {}
                Err(error) => return format!("cannot read: {error}"),
            }
            if self.source.replaces(last.elapsed()) {
                return "another end has called, and this one is silent".into();
            }
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits, but not for longer than it takes to notice a stop.
    fn pause(&self, wait: Duration) {
        let until = std::time::Instant::now() + wait;
        while !self.stopped() {
            let left = until.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(LOOK_EVERY));
        }
    }
}
