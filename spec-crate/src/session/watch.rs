//! Says what a foreign peer looks like: of the first 256 bytes, or after 3 s with bytes and no good frame.
//!
//! It keeps no bytes, a receiver has only so much memory. Zeros do not count: both ends of this protocol open with one.

use super::ForeignPeer;
use crate::time::Instant;
use crate::timers::FOREIGN_PEER_AFTER;

/// Bytes after which the guess is made.
const SAMPLE_BYTES: u32 = 256;

const STX: u8 = 0x02;
const ETX: u8 = 0x03;
const ENQ: u8 = 0x05;
const DLE: u8 = 0x10;

/// What was seen so far.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The guess was made, or a good frame came: nothing more to say.
    done: bool,
    since: Option<Instant>,
    bytes: u32,
    readable: u32,
    first: u8,
    last: u8,
    all_equal: bool,
    stx: bool,
    till: bool,
    dle_stx: bool,
    echo: bool,
}

impl Watch {
    pub(super) fn bytes(&mut self, bytes: &[u8], now: Instant) {
        if self.done {
            return;
        }
        for byte in bytes.iter().copied().filter(|byte| *byte != 0).take(SAMPLE_BYTES as usize) {
            if self.bytes == 0 {
                (self.since, self.first, self.all_equal) = (Some(now), byte, true);
            }
            self.bytes = self.bytes.saturating_add(1);
            self.readable += u32::from(matches!(byte, 0x20..=0x7E | b'\r' | b'\n' | b'\t'));
            self.all_equal &= byte == self.first;
            self.dle_stx |= self.last == DLE && byte == STX;
            self.till |= byte == ENQ || (self.stx && byte == ETX);
            self.stx |= byte == STX;
            self.last = byte;
        }
    }

    /// A frame of this protocol arrived whole.
    pub(super) fn good_frame(&mut self) {
        self.done = true;
    }

    pub(super) fn echo(&mut self) {
        self.echo = true;
    }

    /// The guess, once, when it is due.
    pub(super) fn verdict(&mut self, now: Instant) -> Option<ForeignPeer> {
        if self.done || (self.bytes < SAMPLE_BYTES && self.timeout().is_none_or(|due| now < due)) {
            return None;
        }
        self.done = true;
        Some(match self {
            Self { echo: true, .. } => ForeignPeer::Echo,
            Self { dle_stx: true, .. } => ForeignPeer::DleStx,
            Self { all_equal: true, first, .. } if *first != ENQ => ForeignPeer::Repeated(*first),
            // Before text: what a till protocol puts between STX and ETX is mostly readable.
            Self { till: true, .. } => ForeignPeer::EnqOrStx,
            // Text has no control characters but those of lines; nine of ten leave room for noise.
            Self { readable, bytes, .. } if readable.saturating_mul(10) >= bytes.saturating_mul(9) => {
                ForeignPeer::Text
            }
            _ => ForeignPeer::Unknown,
        })
    }

    pub(super) fn timeout(&self) -> Option<Instant> {
        self.since.filter(|_| !self.done).map(|since| since.after(FOREIGN_PEER_AFTER))
    }
}
