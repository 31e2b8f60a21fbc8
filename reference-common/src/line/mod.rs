//! The line: a byte stream to the other end that may vanish and return at any time.
//!
//! [`Line::start`] opens it and keeps opening it. One thread reads and tells of everything by [`LineEvent`]s, another
//! writes. Each opening is a stream with a number of its own, so that bytes meant for a stream that is gone never
//! reach the next one.
//!
//! Specified in spec: line and frame.

#[cfg(unix)]
mod pty;
mod reader;
mod serial;
mod stream;
mod tcp;
mod writer;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use writer::Writer;

/// Which line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LineConfig {
    /// A serial port: 8N1, raw, no flow control.
    Serial {
        /// The port's stable name, such as `/dev/serial/by-id/…` or `COM3`.
        path: String,
        /// Bits per second.
        baud: u32,
    },
    /// Waits for the other end.
    Listen(SocketAddr),
    /// Calls the other end: `host:port`.
    Dial(String),
    /// Makes a pseudo-terminal that the other end opens like a serial port. Unix only.
    Pty {
        /// A symbolic link that is made to it, for a name that stays the same.
        link: Option<PathBuf>,
    },
}

/// What happens on a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LineEvent {
    /// It was opened: a new stream begins.
    Opened {
        /// Counts the openings, from 1.
        stream: u64,
    },
    /// Bytes came.
    Bytes {
        /// On which opening.
        stream: u64,
        /// At least one byte, split in any way.
        bytes: Vec<u8>,
    },
    /// The stream is gone; the line goes on trying.
    Closed {
        /// Which opening.
        stream: u64,
        /// Why, for the log.
        why: String,
    },
    /// It could not be opened, for a reason that was not told last time. The line goes on trying.
    Failed {
        /// Why, for the log.
        why: String,
    },
}

/// A line that is kept open. Dropping it closes the stream and ends both threads.
#[derive(Debug)]
pub struct Line {
    writer: Arc<Writer>,
    stop: Arc<AtomicBool>,
    path: String,
    threads: Vec<JoinHandle<()>>,
    #[cfg(unix)]
    _link: Option<pty::PtyLink>,
}

impl Line {
    /// Opens a line and keeps it open.
    ///
    /// `tell` is called on the reading thread for every event; `false` ends the line. It takes no lock that the
    /// caller of [`write`](Self::write) holds.
    ///
    /// # Errors
    ///
    /// What can be said at once: an address that cannot be listened at, or a pseudo-terminal that cannot be made. A
    /// serial port or a peer that is not there is no error: it may come.
    pub fn start(
        config: &LineConfig,
        tell: impl FnMut(LineEvent) -> bool + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = Arc::new(Writer::default());
        let (source, path) = reader::Source::of(config)?;
        #[cfg(unix)]
        let link = match config {
            LineConfig::Pty { link: Some(link) } => Some(pty::PtyLink::make(&path, link)?),
            _ => None,
        };
        let reading = {
            let (writer, stop) = (Arc::clone(&writer), Arc::clone(&stop));
            let mut reader = reader::Reader::new(source, writer, stop, Box::new(tell));
            std::thread::Builder::new().name("line reader".into()).spawn(move || reader.run())?
        };
        let writing = {
            let writer = Arc::clone(&writer);
            std::thread::Builder::new().name("line writer".into()).spawn(move || writer.run())?
        };
        let threads = vec![reading, writing];
        #[cfg(unix)]
        return Ok(Self { writer, stop, path, threads, _link: link });
        #[cfg(not(unix))]
        Ok(Self { writer, stop, path, threads })
    }

    /// Where the line is: the port, the address that is listened at or called, or the pseudo-terminal's name.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Queues bytes for a stream; dropped if that stream is gone. A peer that reads nothing for 64 KiB loses the
    /// stream.
    pub fn write(&self, stream: u64, bytes: Vec<u8>) {
        self.writer.queue(stream, bytes);
    }

    /// Closes a stream; the line opens the next one. Nothing if that stream is gone.
    pub fn close(&self, stream: u64) {
        self.writer.close(stream);
    }

    /// Waits until everything queued has been handed to the operating system, or until the time is over.
    pub fn flush(&self, at_most: Duration) {
        self.writer.flush(at_most);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.writer.stop();
        for thread in self.threads.drain(..) {
            // A line dropped by its own callback cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                drop(thread.join());
            }
        }
    }
}

impl fmt::Display for LineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serial { path, baud } => write!(f, "serial port {path} at {baud} baud"),
            Self::Listen(address) => write!(f, "TCP, listening at {address}"),
            Self::Dial(address) => write!(f, "TCP, calling {address}"),
            Self::Pty { .. } => f.write_str("a pseudo-terminal"),
        }
    }
}
