//! One end's view of its line: the queue of outputs, the counters, the plain alerts.

use alloc::collections::VecDeque;
use alloc::vec;

use super::watch::Watch;
use super::{DropCounts, Dropped, SessionEvent, SessionOutput};
use crate::catalogue::AlertCode;
use crate::frame::{FrameType, encode};
use crate::limits::ECHO_EVENT_AT;
use crate::time::Instant;
use crate::timers::PLAIN_ALERT_GAP;

/// What both ends do with their line.
pub(super) struct Line {
    outputs: VecDeque<SessionOutput>,
    pub(super) drops: DropCounts,
    pub(super) watch: Watch,
    /// When the last plain alert went out, and the last 92, which has a second of its own.
    last_alert: Option<Instant>,
    last_no_session: Option<Instant>,
}

impl Line {
    /// The line at the opening of its stream: each end sends the leading zero once.
    pub(super) fn open() -> Self {
        Self {
            //= spec-crate/spec/framing.md#wire-format
            //# A sender MUST send one byte 0x00 as the first byte of each stream, once per stream.
            outputs: VecDeque::from([SessionOutput::Transmit(vec![0])]),
            drops: DropCounts::default(),
            watch: Watch::default(),
            last_alert: None,
            last_no_session: None,
        }
    }

    pub(super) fn push(&mut self, output: SessionOutput) {
        self.outputs.push_back(output);
    }

    pub(super) fn notice(&mut self, event: SessionEvent) {
        self.push(SessionOutput::Notice(event));
    }

    pub(super) fn poll(&mut self) -> Option<SessionOutput> {
        self.outputs.pop_front()
    }

    /// Queues a frame, and returns the checksum by which alerts name it.
    pub(super) fn transmit(&mut self, kind: FrameType, body: &[u8]) -> u32 {
        // Every body that a session makes is bounded below the frame's limit: M1 and M2 by their schemas, M3 and
        // records by their plaintexts. A longer one would be a fault of this crate and is not sent.
        let Ok(frame) = encode(kind, body) else { return 0 };
        //= spec-crate/spec/framing.md#wire-format
        //# A sender MUST NOT put anything but the opening 0x00, encoded frames and their final 0x00 on the
        //# stream.
        self.push(SessionOutput::Transmit(frame.bytes));
        frame.checksum
    }

    /// Counts what is dropped.
    pub(super) fn dropped(&mut self, what: impl Into<Dropped>) {
        let what = what.into();
        //= spec-crate/spec/framing.md#drops
        //# A receiver MUST NOT answer a frame that it drops, except as a requirement for that drop says.
        //= spec-crate/spec/framing.md#drops
        //# A receiver MUST count each drop under its name, per stream, from 0 when the stream is opened.
        let count = self.drops.count(what);
        if what == Dropped::Echo {
            self.watch.echo();
            //= spec-crate/spec/framing.md#frame-types
            //# A receiver SHOULD tell its operator of an echo once per stream, at the third frame dropped as
            //# `echo` (ECHO_EVENT_AT).
            if count == ECHO_EVENT_AT as u64 {
                self.notice(SessionEvent::Echo);
            }
        }
    }

    /// Answers the frame of this checksum with a plain alert, unless one went out within the last second.
    pub(super) fn plain_alert(&mut self, code: AlertCode, answered: u32, now: Instant) {
        let last = match code {
            //= spec-crate/spec/records.md#plain-alerts
            //# A sender MUST NOT send plain alert 92 within 1 s (PLAIN_ALERT_GAP) of its last plain alert 92
            //# on the stream.
            AlertCode::NoSession => &mut self.last_no_session,
            //= spec-crate/spec/records.md#plain-alerts
            //# A sender MUST NOT send a plain alert other than 92 within 1 s (PLAIN_ALERT_GAP) of its last
            //# plain alert other than 92 on the stream.
            _ => &mut self.last_alert,
        };
        //= spec-crate/spec/records.md#plain-alerts
        //# A sender MUST NOT send a plain alert other than 92 within 1 s (PLAIN_ALERT_GAP) of its last plain
        //# alert other than 92 on the stream.
        //= spec-crate/spec/records.md#plain-alerts
        //# A sender MUST NOT send plain alert 92 within 1 s (PLAIN_ALERT_GAP) of its last plain alert 92 on
        //# the stream.
        if last.is_some_and(|last| now.since(last) < PLAIN_ALERT_GAP) {
            return;
        }
        *last = Some(now);
        //= spec-crate/spec/records.md#plain-alerts
        //# A sender MUST put the four checksum bytes of the frame that a plain alert answers into its `ref`,
        //# in the same order.
        let [a, b, c, d] = answered.to_be_bytes();
        self.transmit(FrameType::PlainAlert, &[code.code() as u8, a, b, c, d]);
    }

    /// Says what a foreign peer looks like, once, when it is due.
    pub(super) fn watch(&mut self, now: Instant) {
        if let Some(peer) = self.watch.verdict(now) {
            self.notice(SessionEvent::ForeignPeer(peer));
        }
    }
}

/// A plain alert taken apart: its code, and the checksum of the frame that it answers. `None`: to be dropped.
pub(super) fn read_plain_alert(body: &[u8]) -> Option<(AlertCode, u32)> {
    let (code, answered) = body.split_first()?;
    let code = AlertCode::from_code(u32::from(*code))?;
    //= spec-crate/spec/records.md#plain-alerts
    //# A receiver MUST drop as `alert` a plain alert whose body does not have 5 bytes, or whose code is none
    //# of 40, 47, 50, 70, 71, 72, 91, 92 and 93.
    let plain = match code {
        AlertCode::HandshakeFailure
        | AlertCode::IllegalParameter
        | AlertCode::DecodeError
        | AlertCode::Version
        | AlertCode::Suite
        | AlertCode::Agreement
        | AlertCode::Busy
        | AlertCode::NoSession
        | AlertCode::NoHandshake => true,
        AlertCode::Close
        | AlertCode::UnexpectedMessage
        | AlertCode::BadRecord
        | AlertCode::Limit
        | AlertCode::InternalError => false,
    };
    //= spec-crate/spec/records.md#plain-alerts
    //# A receiver MUST drop as `alert` a plain alert whose body does not have 5 bytes, or whose code is none
    //# of 40, 47, 50, 70, 71, 72, 91, 92 and 93.
    let answered = u32::from_be_bytes(answered.try_into().ok()?);
    plain.then_some((code, answered))
}
