//! A live session: its records, its age, and how it is ended.

use alloc::vec::Vec;

use prost::Message;
use prost::encoding::{self, DecodeContext};

use super::line::Line;
use super::{Dropped, Established, SessionEnd, SessionOutput};
use crate::catalogue::AlertCode;
use crate::error::{PeerError, Refusal};
use crate::frame::FrameType;
use crate::handshake::Keyed;
use crate::limits::{COUNTER_REKEY, FORGED_IN_A_ROW_MAX};
use crate::record::{RecordDrop, SealError};
use crate::time::Instant;
use crate::timers::{FORGED_GRACE, SESSION_AGE_MAX, SESSION_IDLE, SESSION_REKEY_AGE, SESSION_YOUNG};
use crate::wire;

/// The keyed association, live.
pub(super) struct Live {
    keyed: Keyed,
    zero: Instant,
    /// Commit at the POS, switch at HIS.
    since: Instant,
    last_opened: Instant,
    forged_in_a_row: usize,
}

/// What a received record is to its session.
pub(super) enum Received {
    /// A message for the floor above.
    Message(Vec<u8>),
    /// Nothing: it is dropped and counted.
    Dropped(Dropped),
    /// The peer's alert, or its fault, which this end still has to answer with an alert.
    Ends(SessionEnd),
}

impl Live {
    pub(super) fn new(keyed: Keyed, zero: Instant, now: Instant) -> Self {
        Self { keyed, zero, since: now, last_opened: now, forged_in_a_row: 0 }
    }

    pub(super) fn established(&self) -> Established {
        Established {
            peer_id: self.keyed.peer_id.clone(),
            agreement: self.keyed.agreement.clone(),
            zero: self.zero,
        }
    }

    /// The end of its life, at 24 h.
    pub(super) fn expires(&self) -> Instant {
        self.since.after(SESSION_AGE_MAX)
    }

    /// From here on its end by an alert is no failure of the attempt that made it.
    pub(super) fn settles(&self) -> Instant {
        self.since.after(SESSION_YOUNG)
    }

    /// When HIS has to make a new one beside it: at 23 h, after 60 s without an opened record, at a counter of 2^31.
    pub(super) fn wants_successor(&self) -> Instant {
        let used_up = self.keyed.sealer.sealed().max(self.keyed.opener.last().unwrap_or(0)) >= COUNTER_REKEY;
        match used_up {
            true => self.since,
            false => self.since.after(SESSION_REKEY_AGE).min(self.last_opened.after(SESSION_IDLE)),
        }
    }

    /// The peer has spoken in this session.
    pub(super) fn heard(&self) -> bool {
        self.keyed.opener.last().is_some()
    }

    /// The body of a sealed alert, this session's last record; `None` if its counters are used up.
    fn seal_alert(&mut self, code: AlertCode) -> Option<Vec<u8>> {
        let alert = wire::Alert { code: code.code() as i32 };
        let message =
            wire::Message { body: Some(wire::message::Body::Alert(alert)), ..wire::Message::default() };
        self.keyed.sealer.seal(&message.encode_to_vec()).ok()
    }

    /// Opens a record and reads what it is.
    pub(super) fn receive(&mut self, body: &[u8], now: Instant) -> Received {
        match self.keyed.opener.open(body) {
            Ok(plaintext) => {
                self.last_opened = now;
                self.forged_in_a_row = 0;
                read(plaintext)
            }
            //= spec-crate/spec/records.md#receiving-a-record
            //# A receiver MUST end the session with sealed alert 20 (bad_record) at the eighth record
            //# (FORGED_IN_A_ROW_MAX) in a row that it drops as `forged`, not counting those in the first 30 s
            //# (FORGED_GRACE) of the session.
            Err(RecordDrop::Forged) if now.since(self.since) >= FORGED_GRACE => {
                self.forged_in_a_row = self.forged_in_a_row.saturating_add(1);
                match self.forged_in_a_row >= FORGED_IN_A_ROW_MAX {
                    //= spec-crate/spec/records.md#receiving-a-record
                    //# A receiver MUST end the session with sealed alert 20 (bad_record) at the eighth record
                    //# (FORGED_IN_A_ROW_MAX) in a row that it drops as `forged`, not counting those in the
                    //# first 30 s (FORGED_GRACE) of the session.
                    true => Received::Ends(SessionEnd::Broken(PeerError::RecordsForged)),
                    false => Received::Dropped(Dropped::Forged),
                }
            }
            Err(drop) => Received::Dropped(drop.into()),
        }
    }
}

/// Takes a received record in: hands its message up, counts it as dropped, or says why the session has to end.
pub(super) fn take_in(received: Received, line: &mut Line) -> Option<SessionEnd> {
    match received {
        Received::Message(plaintext) => line.push(SessionOutput::Message(plaintext)),
        Received::Dropped(what) => line.dropped(what),
        Received::Ends(end) => {
            if end == SessionEnd::Broken(PeerError::RecordsForged) {
                line.dropped(Dropped::Forged);
            }
            return Some(end);
        }
    }
    None
}

/// Seals a plaintext in the live session and queues it for the line.
pub(super) fn send(
    live: &mut Option<Live>,
    plaintext: &[u8],
    own: FrameType,
    line: &mut Line,
) -> Result<(), Refusal> {
    match live.as_mut().ok_or(Refusal::NoSession)?.keyed.sealer.seal(plaintext) {
        Ok(body) => {
            line.transmit(own, &body);
            Ok(())
        }
        Err(SealError::Length(length)) => Err(Refusal::MessageLength(length)),
        Err(SealError::Exhausted) => {
            //= spec-crate/spec/records.md#counters
            //# A sender that would need the counter 2^32-1 MUST end the session, without an alert.
            end(live, SessionEnd::Exhausted, own, line);
            Err(Refusal::NoSession)
        }
    }
}

/// Ends the live session, with one sealed alert unless the peer's was there first. Its secrets are erased.
pub(super) fn end(live: &mut Option<Live>, end: SessionEnd, own: FrameType, line: &mut Line) {
    //= spec-crate/spec/records.md#sealed-alerts
    //# An end MUST send at most one sealed alert per session, as its last record.
    //= spec-crate/spec/records.md#end-of-a-session
    //# An end MUST erase all secrets of a session when the session ends.
    let Some(mut ended) = live.take() else { return };
    //= spec-crate/spec/records.md#sealed-alerts
    //# An end MUST send at most one sealed alert per session, as its last record.
    if let Some(body) = end.own_alert().and_then(|code| ended.seal_alert(code)) {
        line.transmit(own, &body);
    }
    line.push(SessionOutput::Down(end));
}

//= spec-crate/spec/encoding.md#ordinary-messages
//# An implementation MUST NOT let a decision depend on how its protobuf library treats an encoding that
//# ENC-16 forbids.
/// The alert of a message, whatever else it holds.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
struct OnlyAlert {
    #[prost(message, optional, tag = "3")]
    alert: Option<wire::Alert>,
}

//= spec-crate/spec/encoding.md#ordinary-messages
//# An implementation MUST NOT let a decision depend on how its protobuf library treats an encoding that
//# ENC-16 forbids.
/// Whether a second body stands in a Message, or the same one twice: libraries take the last one, or join them.
fn has_two_bodies(mut plaintext: &[u8]) -> bool {
    let mut bodies = 0;
    while let Ok((number, wire_type)) = encoding::decode_key(&mut plaintext)
        && encoding::skip_field(wire_type, number, &mut plaintext, DecodeContext::default()).is_ok()
    {
        bodies += u32::from((3..=24).contains(&number));
    }
    bodies > 1
}

/// What the plaintext of a record is.
pub(super) fn read(plaintext: Vec<u8>) -> Received {
    //= spec-crate/spec/records.md#sealed-alerts
    //# A receiver MUST treat a Message as an alert if the field 3 at its top level is there with an Alert as
    //# its content, whatever else the Message holds.
    //= spec-crate/spec/records.md#sealed-alerts
    //# An end MUST end its live session when it opens a sealed alert of any code in it, also of an unknown
    //# one.
    if let Ok(OnlyAlert { alert: Some(alert) }) = OnlyAlert::decode(plaintext.as_slice()) {
        return Received::Ends(SessionEnd::PeerAlert(alert.code as u32));
    }
    //= spec-crate/spec/encoding.md#ordinary-messages
    //# A receiver of an ordinary message MUST ignore fields that its schema does not have.
    match wire::Message::decode(plaintext.as_slice()) {
        Ok(_) if !has_two_bodies(&plaintext) => Received::Message(plaintext),
        //= spec-crate/spec/records.md#receiving-a-record
        //# A receiver MUST end the session with sealed alert 50 (decode_error) if the plaintext of a record
        //# that opened is not a Message.
        _ => Received::Ends(SessionEnd::Broken(PeerError::PlaintextNotMessage)),
    }
}

#[cfg(test)]
impl Live {
    pub(super) fn skip_to(&mut self, counter: u32) {
        self.keyed.sealer.skip_to(counter);
    }

    pub(super) fn skip_opened_to(&mut self, counter: u32) {
        self.keyed.opener.skip_to(counter);
    }
}
