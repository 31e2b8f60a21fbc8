//! The POS's end of a stream: one candidate, one live session, and answers.

use alloc::vec::Vec;

use prost::Message as _;

use super::line::{Line, read_plain_alert};
use super::live::{Live, Received, end, send, take_in};
use super::{DropCounts, Dropped, SessionEnd, SessionEvent, SessionOutput};
use crate::catalogue::AlertCode;
use crate::crypto::Entropy;
use crate::crypto::hash::sha256;
use crate::error::{PeerError, Refusal};
use crate::frame::{Decoder, Frame, FrameType, Side};
use crate::handshake::Peering;
use crate::handshake::responder::{ExpectM3, Hello};
use crate::limits::{CANDIDATES_MAX, M3_BYTES_MAX};
use crate::record::{BODY_BYTES_MAX, BODY_BYTES_MIN};
use crate::time::{Clock, Instant};
use crate::timers::{CANDIDATE_LIFE, CANDIDATE_WINDOW, READY_REPEAT_MIN};
use crate::wire::message::Body;
use crate::wire::{self, SessionReady};

/// The POS's end of one stream.
pub(crate) struct PosSession {
    decoder: Decoder,
    end: End,
}

/// Everything but the decoder, out of which frames are lent.
struct End {
    line: Line,
    /// What SessionReady tells of the program; the rest is the session's and the moment's.
    ready: SessionReady,
    busy: bool,
    //= spec-crate/spec/key-exchange.md#receiving-m1
    //= type=implication
    //# A POS MUST hold at most one candidate per stream.
    candidate: Option<Candidate>,
    /// When the latest candidates were made, oldest first.
    made: Vec<Instant>,
    live: Option<Live>,
    /// What only holds for the live session.
    commit: Commit,
}

/// The one M2 that is out.
struct Candidate {
    expect: ExpectM3,
    /// SHA-256 of the body of its M1.
    m1: [u8; 32],
    /// The first transmission of its M2.
    zero: Instant,
    /// 35 s after the last arrival of its M1.
    expires: Instant,
}

/// What a POS remembers of the commit of its live session.
#[derive(Default)]
struct Commit {
    /// SHA-256 of the body of M3.
    m3: [u8; 32],
    last_ready: Option<Instant>,
}

impl PosSession {
    /// A stream was opened. `ready` has run and software, of at most 64 characters.
    pub(crate) fn open(ready: SessionReady) -> Self {
        let end = End {
            line: Line::open(),
            ready,
            busy: false,
            candidate: None,
            made: Vec::new(),
            live: None,
            commit: Commit::default(),
        };
        Self { decoder: Decoder::new(Side::Pos), end }
    }

    /// Whether the POS can take a session now. If not, an M1 gets alert 91.
    pub(crate) fn set_busy(&mut self, busy: bool) {
        self.end.busy = busy;
    }

    /// Takes in bytes of the stream, split in any way.
    pub(crate) fn handle_bytes(
        &mut self,
        bytes: &[u8],
        clock: Clock,
        peering: &Peering,
        entropy: &mut dyn Entropy,
    ) {
        let now = clock.now;
        self.end.pass(now);
        self.end.line.watch.bytes(bytes, now);
        let mut input = bytes;
        while let Some(item) = self.decoder.next_frame(&mut input) {
            match item {
                Ok(frame) => self.end.frame(frame, clock, peering, entropy),
                Err(drop) => self.end.line.dropped(drop),
            }
        }
        self.end.line.watch(now);
    }

    /// Takes in that time has passed.
    pub(crate) fn handle_tick(&mut self, now: Instant) {
        self.end.pass(now);
        self.end.line.watch(now);
    }

    /// When to tick at the latest.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        [
            self.end.candidate.as_ref().map(|candidate| candidate.expires),
            self.end.live.as_ref().map(Live::expires),
            self.end.line.watch.timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Sends an encoded Message in the live session.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`]; [`Refusal::PeerNotReady`] until HIS has spoken in this session;
    /// [`Refusal::MessageLength`].
    pub(crate) fn send(&mut self, plaintext: &[u8], now: Instant) -> Result<(), Refusal> {
        self.end.pass(now);
        //= spec-crate/spec/key-exchange.md#sessionready
        //# A POS MUST NOT send anything but SessionReady and alerts in a session before it has opened a
        //# record of the HIS in it.
        if self.end.live.as_ref().is_some_and(|live| !live.heard()) {
            return Err(Refusal::PeerNotReady);
        }
        //= spec-crate/spec/framing.md#frame-types
        //# A sender MUST NOT send a frame of a type that the table of frame types gives to the other end.
        send(&mut self.end.live, plaintext, FrameType::PosRecord, &mut self.end.line)
    }

    /// Ends the live session with a sealed alert of this code.
    pub(crate) fn close(&mut self, code: AlertCode, now: Instant) {
        self.end.pass(now);
        self.end.end(SessionEnd::Closed(code));
    }

    /// The next output.
    pub(crate) fn poll(&mut self) -> Option<SessionOutput> {
        self.end.line.poll()
    }

    /// What was dropped since the stream was opened.
    pub(crate) fn drops(&self) -> DropCounts {
        self.end.line.drops
    }
}

impl End {
    /// Ends what time has ended.
    fn pass(&mut self, now: Instant) {
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST forget its candidate 35 s (CANDIDATE_LIFE) after the last arrival of its M1.
        if self.candidate.as_ref().is_some_and(|candidate| now >= candidate.expires) {
            //= spec-crate/spec/key-exchange.md#key-schedule
            //# A POS MUST erase prk1, prk2, its X25519 private key and the handshake secrets at the latest
            //# when it commits or gives the candidate up.
            self.candidate = None;
        }
        //= spec-crate/spec/key-exchange.md#starts
        //# An end MUST end a session that is 24 h old (SESSION_AGE_MAX), without an alert.
        if self.live.as_ref().is_some_and(|live| now >= live.expires()) {
            self.end(SessionEnd::Expired);
        }
    }

    fn frame(&mut self, frame: Frame<'_>, clock: Clock, peering: &Peering, entropy: &mut dyn Entropy) {
        let now = clock.now;
        self.line.watch.good_frame();
        match frame.kind {
            //= spec-crate/spec/key-exchange.md#receiving-m1
            //# A POS that can take no session now MUST answer M1 with plain alert 91 (busy), before any other
            //# check.
            FrameType::M1 if self.busy => self.line.plain_alert(AlertCode::Busy, frame.checksum, now),
            FrameType::M1 => {
                if let Err(error) = self.m1(frame.body, now, peering, entropy) {
                    self.line.notice(SessionEvent::PeerRefused(error));
                    self.line.plain_alert(error.alert(), frame.checksum, now);
                }
            }
            FrameType::M3 => self.m3(frame, clock, peering),
            FrameType::HisRecord => self.record(frame, now),
            FrameType::PlainAlert => match read_plain_alert(frame.body) {
                //= spec-crate/spec/records.md#plain-alerts
                //# A POS MUST log a plain alert that it does not drop, and do nothing else.
                Some((code, _)) => self.line.notice(SessionEvent::PlainAlert(code)),
                None => self.line.dropped(Dropped::Alert),
            },
            // The decoder has dropped what only this side sends.
            FrameType::M2 | FrameType::PosRecord => {}
        }
    }

    /// The rest of the left table of spec: key exchange, in its order.
    fn m1(
        &mut self,
        body: &[u8],
        now: Instant,
        peering: &Peering,
        entropy: &mut dyn Entropy,
    ) -> Result<(), PeerError> {
        let hello = Hello::read(body)?;
        let m1 = sha256(&[body]);
        if let Some(candidate) = self.candidate.as_mut().filter(|candidate| candidate.m1 == m1) {
            //= spec-crate/spec/key-exchange.md#receiving-m1
            //# A POS MUST answer an M1 whose body equals that of its candidate's M1 with the stored M2, byte
            //# for byte, and let the candidate live 35 s (CANDIDATE_LIFE) from then on.
            candidate.expires = now.after(CANDIDATE_LIFE);
            //= spec-crate/spec/key-exchange.md#receiving-m1
            //# A POS MUST answer an M1 whose body equals that of its candidate's M1 with the stored M2, byte
            //# for byte, and let the candidate live 35 s (CANDIDATE_LIFE) from then on.
            //= spec-crate/spec/key-exchange.md#randomness
            //# A POS MUST draw a new nonce and a new private key for each new M2, and none for a repeated
            //# one.
            self.line.transmit(FrameType::M2, candidate.expect.m2());
            return Ok(());
        }
        let offer = hello.negotiate(peering.agreements())?;
        self.made.retain(|made| now.since(*made) < CANDIDATE_WINDOW);
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST drop an M1 as `handshake` if it has made 4 candidates (CANDIDATES_MAX) on this stream
        //# within the last 10 s (CANDIDATE_WINDOW).
        if self.made.len() >= CANDIDATES_MAX {
            self.line.dropped(Dropped::Handshake);
            return Ok(());
        }
        let expect = offer.answer(peering, entropy)?;
        self.made.push(now);
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer an M1 that passes all checks with a new M2, and make what it remembers of it the
        //# candidate in place of an earlier one.
        self.line.transmit(FrameType::M2, expect.m2());
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST answer an M1 that passes all checks with a new M2, and make what it remembers of it the
        //# candidate in place of an earlier one.
        //= spec-crate/spec/key-exchange.md#receiving-m1
        //# A POS MUST forget its candidate 35 s (CANDIDATE_LIFE) after the last arrival of its M1.
        //= spec-crate/spec/orders.md#time
        //# A POS MUST take as zero of session time the instant at which it first sent the M2 that the session
        //# came from.
        self.candidate = Some(Candidate { expect, m1, zero: now, expires: now.after(CANDIDATE_LIFE) });
        Ok(())
    }

    fn m3(&mut self, frame: Frame<'_>, clock: Clock, peering: &Peering) {
        let now = clock.now;
        //= spec-crate/spec/key-exchange.md#receiving-m3
        //# A POS MUST drop as `handshake` an M3 whose body has more than 512 bytes (M3_BYTES_MAX).
        if frame.body.len() > M3_BYTES_MAX {
            return self.line.dropped(Dropped::Handshake);
        }
        let m3 = sha256(&[frame.body]);
        //= spec-crate/spec/key-exchange.md#receiving-m3
        //# A POS with a live session MUST answer an M3 whose body equals the M3 of that session by
        //# [SessionReady again](#sessionready), and never commit it again.
        if self.live.is_some() && self.commit.m3 == m3 {
            // The same M3 again never commits.
            return self.send_ready(clock);
        }
        //= spec-crate/spec/key-exchange.md#receiving-m3
        //# A POS without a candidate MUST answer M3 with plain alert 93 (no_handshake).
        //= spec-crate/spec/key-exchange.md#receiving-m3
        //# A POS MUST answer plain alert 40 (handshake_failure) to an M3 that opens and fails one of the
        //# checks of [authentication](#authentication), and erase its candidate.
        let Some(candidate) = self.candidate.take() else {
            return self.line.plain_alert(AlertCode::NoHandshake, frame.checksum, now);
        };
        let Ok(opened) = candidate.expect.open_m3(frame.body) else {
            //= spec-crate/spec/key-exchange.md#receiving-m3
            //# A POS MUST drop as `handshake` an M3 that does not open under key_h, iv_h and TH5, and keep
            //# its candidate.
            self.candidate = Some(candidate);
            return self.line.dropped(Dropped::Handshake);
        };
        match candidate.expect.finish(opened, peering) {
            Ok(keyed) => {
                let live = Live::new(keyed, candidate.zero, now);
                self.line.push(SessionOutput::Up(live.established()));
                //= spec-crate/spec/key-exchange.md#receiving-m3
                //# A POS MUST commit an M3 that passes all checks: it erases the candidate and the old
                //# session, makes the new session live, and sends SessionReady.
                self.live = Some(live);
                //= spec-crate/spec/key-exchange.md#sessionready
                //# A POS MUST send SessionReady as the record with counter 0 of the session at once when it
                //# commits.
                self.commit = Commit { m3, last_ready: None };
                self.send_ready(clock);
            }
            //= spec-crate/spec/key-exchange.md#receiving-m3
            //# A POS MUST answer plain alert 40 (handshake_failure) to an M3 that opens and fails one of the
            //# checks of [authentication](#authentication), and erase its candidate.
            Err(error) => {
                self.line.notice(SessionEvent::PeerRefused(error));
                self.line.plain_alert(error.alert(), frame.checksum, now);
            }
        }
    }

    /// Sends SessionReady under the next counter, at most twice a second.
    fn send_ready(&mut self, clock: Clock) {
        //= spec-crate/spec/key-exchange.md#sessionready
        //# A POS MUST send SessionReady again, under the next counter, when the M3 of its live session
        //# arrives again, but not within 500 ms (READY_REPEAT_MIN) of the SessionReady before.
        //= spec-crate/spec/key-exchange.md#sessionready
        //# A POS MUST drop as `handshake` a repeated M3 that comes within 500 ms (READY_REPEAT_MIN) of its
        //# last SessionReady.
        if self.commit.last_ready.is_some_and(|last| clock.now.since(last) < READY_REPEAT_MIN) {
            return self.line.dropped(Dropped::Handshake);
        }
        self.commit.last_ready = Some(clock.now);
        let Some(live) = &self.live else { return };
        let ready = SessionReady {
            pos_time: clock.unix.map_or(0, |unix| unix.0),
            //= spec-crate/spec/messages.md#sessionready
            //# A POS MUST set `simulated` in SessionReady exactly if no platform that it would ask for
            //# an order of the session's agreement moves real money.
            simulated: live.established().agreement.simulated,
            ..self.ready.clone()
        };
        let message = wire::Message { body: Some(Body::Ready(ready)), ..wire::Message::default() };
        // Its length is the caller's promise; a refusal sends nothing.
        let _ = send(&mut self.live, &message.encode_to_vec(), FrameType::PosRecord, &mut self.line);
    }

    fn record(&mut self, frame: Frame<'_>, now: Instant) {
        //= spec-crate/spec/records.md#receiving-a-record
        //# A receiver MUST drop as `size` a record whose body has fewer than 22 or more than 1,045 bytes.
        if frame.body.len() < BODY_BYTES_MIN || frame.body.len() > BODY_BYTES_MAX {
            return self.line.dropped(Dropped::Size);
        }
        let received = match &mut self.live {
            Some(live) => live.receive(frame.body, now),
            //= spec-crate/spec/records.md#receiving-a-record
            //# A receiver MUST drop as `stale` a record if it has no live session, or if the record's tag is
            //# not that of its live session.
            None => Received::Dropped(Dropped::Stale),
        };
        //= spec-crate/spec/records.md#receiving-a-record
        //# A POS MUST answer a record that it drops as `stale` with plain alert 92 (no_session).
        if matches!(received, Received::Dropped(Dropped::Stale)) {
            self.line.plain_alert(AlertCode::NoSession, frame.checksum, now);
        }
        if let Some(reason) = take_in(received, &mut self.line) {
            self.end(reason);
        }
    }

    fn end(&mut self, reason: SessionEnd) {
        end(&mut self.live, reason, FrameType::PosRecord, &mut self.line);
    }
}
