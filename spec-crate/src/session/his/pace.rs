//! When HIS may start an attempt, and when it has to wait.

use alloc::vec::Vec;

use super::super::live::Live;
use crate::time::Instant;
use crate::timers::{FAILURE_WAIT_1, FAILURE_WAIT_2, FAILURE_WAIT_3, FAILURE_WAIT_4, START_GAP};

//= spec-crate/spec/key-exchange.md#failures-and-waits
//# A HIS MUST NOT start an attempt within w of a failure, where w is 5, 10, 20 s for the first three failures
//# and 30 s for each later one (FAILURE_WAIT_1 to FAILURE_WAIT_4).
/// Waits after failures that follow one another. The last one stays.
const WAITS: [u64; 4] = [FAILURE_WAIT_1, FAILURE_WAIT_2, FAILURE_WAIT_3, FAILURE_WAIT_4];

/// The pace of attempts on one stream.
pub(super) struct Pace {
    /// Something asks for an attempt beside a live session.
    wanted: bool,
    not_before: Instant,
    last_start: Option<Instant>,
    last_switch: Option<Instant>,
    /// Failures since a session became 60 s old, and whether the live one already counted as such.
    failures: usize,
    settled: bool,
    /// Alerts 93 without a switch between.
    no_handshake: usize,
    /// Agreements that the POS has refused since the last switch.
    refused: Vec<[u8; 32]>,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            wanted: false,
            not_before: now,
            last_start: None,
            last_switch: None,
            failures: 0,
            settled: false,
            no_handshake: 0,
            refused: Vec::new(),
        }
    }

    /// Asks for an attempt, whether a session is live or not.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Asks for an attempt unless one was started, or a session switched to, within the last 5 s.
    pub(super) fn want_unless_recent(&mut self, now: Instant) {
        let recent = self.last_start.max(self.last_switch).is_some_and(|last| now.since(last) < START_GAP);
        //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
        //# A HIS without an attempt MUST want one at plain alert 92 (no_session), unless its last start or
        //# its last switch was less than 5 s (START_GAP) before.
        self.wanted |= !recent;
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The first instant at which an attempt may start, whatever asks for it.
    pub(super) fn not_before(&self) -> Instant {
        self.not_before
    }

    /// Lets no attempt start within this time.
    pub(super) fn block(&mut self, now: Instant, milliseconds: u64) {
        //= spec-crate/spec/key-exchange.md#failures-and-waits
        //# A HIS MUST apply the longest of the waits that block it, whatever asks for an attempt meanwhile.
        self.not_before = self.not_before.max(now.after(milliseconds));
    }

    /// An attempt was started.
    pub(super) fn started(&mut self, now: Instant) {
        self.wanted = false;
        self.last_start = Some(now);
        //= spec-crate/spec/key-exchange.md#starts
        //# A HIS MUST NOT start an attempt within 5 s (START_GAP) of its last start on this stream.
        self.block(now, START_GAP);
    }

    /// A new session is live.
    pub(super) fn switched(&mut self, now: Instant) {
        self.last_switch = Some(now);
        self.no_handshake = 0;
        self.settled = false;
        //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
        //# A HIS MUST forget which agreements were refused when it switches.
        self.refused.clear();
    }

    /// An attempt, or a young session, failed: 5, 10, 20, 30, 30 … s.
    pub(super) fn failed(&mut self, now: Instant) {
        //= spec-crate/spec/key-exchange.md#failures-and-waits
        //# A HIS MUST NOT start an attempt within w of a failure, where w is 5, 10, 20 s for the first three
        //# failures and 30 s for each later one (FAILURE_WAIT_1 to FAILURE_WAIT_4).
        self.block(now, WAITS.get(self.failures).copied().unwrap_or(FAILURE_WAIT_4));
        self.failures = self.failures.saturating_add(1);
    }

    /// The POS had no candidate for an M3. From the second in a row on that is a failure.
    pub(super) fn no_handshake(&mut self, now: Instant) {
        //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
        //# A HIS with an M3 out MUST end the attempt at plain alert 93 (no_handshake), and want another one.
        self.want();
        self.no_handshake = self.no_handshake.saturating_add(1);
        //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
        //# A HIS MUST count as a failure each attempt that ended by 93 (no_handshake) but the first since its
        //# last switch.
        if self.no_handshake >= 2 {
            self.failed(now);
        }
    }

    /// The first wait is 5 s again once a session is 60 s old.
    pub(super) fn settle(&mut self, live: Option<&Live>, now: Instant) {
        if !self.settled && live.is_some_and(|live| now >= live.settles()) {
            self.settled = true;
            //= spec-crate/spec/key-exchange.md#failures-and-waits
            //# A HIS MUST count failures from 1 again when a live session becomes 60 s old (SESSION_YOUNG).
            self.failures = 0;
        }
    }

    pub(super) fn refuse(&mut self, agreement: [u8; 32]) {
        self.refused.push(agreement);
    }

    pub(super) fn is_refused(&self, agreement: &[u8; 32]) -> bool {
        self.refused.contains(agreement)
    }

    pub(super) fn forget_refused(&mut self) {
        self.refused.clear();
    }
}
