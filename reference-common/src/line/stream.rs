//! An open stream, and what an attempt to open one gives.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

/// How often a thread that waits looks whether it should stop.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Both halves of an open stream. Each gives `WouldBlock` or `TimedOut` when nothing could be done for a while.
pub(super) struct Stream {
    pub(super) read: Box<dyn Read + Send>,
    pub(super) write: Box<dyn Write + Send>,
}

/// What an attempt to open gave.
pub(super) enum Attempt {
    Open(Stream),
    /// Nobody there yet; look again at once.
    NotYet,
    /// Failed; try again after the wait.
    Failed {
        why: String,
        wait: Duration,
    },
}

/// Nothing came or went, and nothing is wrong.
pub(super) fn is_quiet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
