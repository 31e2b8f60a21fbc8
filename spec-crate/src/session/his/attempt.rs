//! One attempt of HIS: its M1 is out, and perhaps an M3.

use alloc::vec::Vec;

use super::super::SessionEvent;
use super::super::line::Line;
use super::super::live::{Live, Received, read};
use crate::crypto::hash::sha256;
use crate::error::PeerError;
use crate::frame::FrameType;
use crate::handshake::initiator::{ExpectM2, M2Drop};
use crate::handshake::{Keyed, Peering};
use crate::limits::PENDING_TRIES_MAX;
use crate::time::Instant;
use crate::timers::{
    HANDSHAKE_REPEAT_1, HANDSHAKE_REPEAT_2, HANDSHAKE_REPEAT_3, HANDSHAKE_REPEAT_4, M1_RETRY, M3_RETRY,
};

//= spec-crate/spec/key-exchange.md#receiving-m2
//# A HIS MUST drop an M2 if it has accepted 16 M2 in this attempt.
/// M2 that one M1 can use: more than a POS makes in the life of an attempt, so that the list of them is bounded.
const USED_MAX: usize = 16;

//= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
//# A HIS MUST repeat M1 byte for byte after gaps of 1, 2, 4 and then always 5 s (HANDSHAKE_REPEAT_1 to
//# HANDSHAKE_REPEAT_4) as long as the attempt runs and no M3 is out.
//= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
//# A HIS MUST repeat M3 byte for byte after gaps of 1, 2, 4 and then always 5 s (HANDSHAKE_REPEAT_1 to
//# HANDSHAKE_REPEAT_4), counted from its acceptance of that M2, until it switches or the attempt ends.
/// The gaps between repeats of M1 and of M3. The last one stays.
const GAPS: [u64; 4] = [HANDSHAKE_REPEAT_1, HANDSHAKE_REPEAT_2, HANDSHAKE_REPEAT_3, HANDSHAKE_REPEAT_4];

/// An attempt to make a session.
pub(super) struct Attempt {
    expect: ExpectM2,
    /// The checksum of M1's frame, by which alerts name it.
    checksum: u32,
    repeats: Repeats,
    /// 30 s after the start.
    ends: Instant,
    /// SHA-256 of every M2 that was used for this M1.
    used: Vec<[u8; 32]>,
    did_not_open: usize,
    /// The M3 that is out.
    pending: Option<Pending>,
}

/// M3 is out: the session to come.
struct Pending {
    keyed: Keyed,
    m3: Vec<u8>,
    checksum: u32,
    repeats: Repeats,
    /// The acceptance of M2.
    zero: Instant,
    /// 15 s after it.
    ends: Instant,
}

/// What became of an M2.
pub(super) enum Answer {
    /// M3 is out.
    Taken,
    /// Nothing changed.
    Dropped,
    /// The POS could not be authenticated: the attempt is over.
    Failed(PeerError),
}

impl Attempt {
    /// Sends M1.
    pub(super) fn new(expect: ExpectM2, now: Instant, line: &mut Line) -> Self {
        let checksum = line.transmit(FrameType::M1, expect.m1());
        let repeats = Repeats::new(now);
        let ends = now.after(M1_RETRY);
        Self { expect, checksum, repeats, ends, used: Vec::new(), did_not_open: 0, pending: None }
    }

    pub(super) fn agreement(&self) -> [u8; 32] {
        self.expect.agreement().hash
    }

    pub(super) fn is_m3_out(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether an alert that names this frame answers the present M1 or M3.
    pub(super) fn is_named(&self, answered: u32) -> bool {
        answered == self.checksum || self.pending.as_ref().is_some_and(|pending| answered == pending.checksum)
    }

    /// Takes in an M2: it is dropped, or becomes an M3, or ends the attempt.
    pub(super) fn answer(&mut self, m2: &[u8], now: Instant, peering: &Peering, line: &mut Line) -> Answer {
        let hash = sha256(&[m2]);
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 whose body equals that of an M2 which it has accepted in this attempt
        //# before.
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS MUST drop an M2 if it has accepted 16 M2 in this attempt.
        if self.used.contains(&hash) || self.used.len() >= USED_MAX {
            return Answer::Dropped;
        }
        let opened = match self.expect.open_m2(m2) {
            Ok(opened) => opened,
            Err(drop) => {
                if drop == M2Drop::DoesNotOpen {
                    self.did_not_open = self.did_not_open.saturating_add(1);
                    //= spec-crate/spec/key-exchange.md#receiving-m2
                    //# A HIS SHOULD tell its operator once per attempt, at the third M2 that does not open
                    //# (PENDING_TRIES_MAX), that agreement, keys or line differ.
                    if self.did_not_open == PENDING_TRIES_MAX {
                        line.notice(SessionEvent::AnswersDoNotOpen);
                    }
                }
                return Answer::Dropped;
            }
        };
        match opened.finish(peering) {
            Ok((keyed, m3)) => {
                //= spec-crate/spec/key-exchange.md#key-schedule
                //# A HIS MUST seal its Auth once for each M2 that it accepts, and repeat the stored bytes of
                //# M3 afterwards.
                self.used.push(hash);
                let checksum = line.transmit(FrameType::M3, &m3);
                let (repeats, ends) = (Repeats::new(now), now.after(M3_RETRY));
                //= spec-crate/spec/key-exchange.md#receiving-m2
                //# A HIS MUST answer an M2 that passes all checks with a new M3, in place of an M3 that is
                //# out.
                //= spec-crate/spec/orders.md#time
                //# A HIS MUST take as zero of session time the instant at which it accepted the M2 that the
                //# session came from.
                //= spec-crate/spec/orders.md#time
                //# A HIS MUST take as zero of session time the instant at which it accepted the M2 that the
                //# session came from.
                self.pending = Some(Pending { keyed, m3, checksum, repeats, zero: now, ends });
                Answer::Taken
            }
            //= spec-crate/spec/key-exchange.md#receiving-m2
            //# A HIS with an M3 out MUST drop an M2 that opens and fails one of the checks of
            //# [authentication](#authentication).
            Err(_) if self.pending.is_some() => Answer::Dropped,
            Err(error) => Answer::Failed(error),
        }
    }

    /// The new session and what its first record is, if this record opens in it.
    pub(super) fn open(&mut self, body: &[u8], now: Instant) -> Option<(Live, Received)> {
        //= spec-crate/spec/key-exchange.md#switch
        //# A HIS MUST NOT count a record that does not open in the session to come, unless it is dropped by
        //# the live session or there is none.
        let plaintext = self.pending.as_mut()?.keyed.opener.open(body).ok()?;
        let pending = self.pending.take()?;
        Some((Live::new(pending.keyed, pending.zero, now), read(plaintext)))
    }

    /// Whether the attempt has run out: no M2 passed, or no record of the new session opened.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
        //# A HIS MUST end an attempt 30 s (M1_RETRY) after its first M1 if no M2 was accepted until then, and
        //# want another one.
        //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
        //# A HIS MUST end an attempt 15 s (M3_RETRY) after its last acceptance of an M2 if it has not
        //# switched until then, and want another one.
        now >= self.pending.as_ref().map_or(self.ends, |pending| pending.ends)
    }

    /// Repeats M1 or M3, byte for byte, if that is due.
    pub(super) fn repeat(&mut self, now: Instant, line: &mut Line) {
        let (repeats, kind, body) = match &mut self.pending {
            //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
            //# A HIS MUST repeat M3 byte for byte after gaps of 1, 2, 4 and then always 5 s
            //# (HANDSHAKE_REPEAT_1 to HANDSHAKE_REPEAT_4), counted from its acceptance of that M2, until it
            //# switches or the attempt ends.
            //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
            //# A HIS MUST NOT repeat M1 while an M3 is out.
            //= spec-crate/spec/key-exchange.md#key-schedule
            //# A HIS MUST seal its Auth once for each M2 that it accepts, and repeat the stored bytes of M3
            //# afterwards.
            Some(pending) => (&mut pending.repeats, FrameType::M3, pending.m3.as_slice()),
            //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
            //# A HIS MUST repeat M1 byte for byte after gaps of 1, 2, 4 and then always 5 s
            //# (HANDSHAKE_REPEAT_1 to HANDSHAKE_REPEAT_4) as long as the attempt runs and no M3 is out.
            //= spec-crate/spec/key-exchange.md#randomness
            //# A HIS MUST draw a new nonce and a new private key for each new M1, and none for a repeated
            //# one.
            None => (&mut self.repeats, FrameType::M1, self.expect.m1()),
        };
        if repeats.is_due(now) {
            line.transmit(kind, body);
        }
    }

    /// Puts the next M1 off.
    pub(super) fn wait(&mut self, until: Instant) {
        self.repeats.next = self.repeats.next.max(until);
    }

    /// When the next repeat, or the end, is due.
    pub(super) fn timeout(&self) -> Instant {
        match &self.pending {
            Some(pending) => pending.repeats.next.min(pending.ends),
            None => self.repeats.next.min(self.ends),
        }
    }
}

/// When to repeat a message that was first sent at some instant.
struct Repeats {
    next: Instant,
    done: usize,
}

impl Repeats {
    fn new(now: Instant) -> Self {
        Self { next: now.after(HANDSHAKE_REPEAT_1), done: 0 }
    }

    /// True once for each repeat that is due; after a late tick one is made, and the gap counts from it.
    fn is_due(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.done = self.done.saturating_add(1);
        self.next = now.after(GAPS.get(self.done).copied().unwrap_or(HANDSHAKE_REPEAT_4));
        true
    }
}
