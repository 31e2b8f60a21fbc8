//! HIS's end of a stream: it starts key exchanges, repeats them, and switches when a new session answers.

mod attempt;
mod pace;

use super::line::{Line, read_plain_alert};
use super::live::{Live, Received, end, send, take_in};
use super::{DropCounts, Dropped, SessionEnd, SessionEvent, SessionOutput};
use crate::catalogue::AlertCode;
use crate::crypto::Entropy;
use crate::error::Refusal;
use crate::frame::{Decoder, Frame, FrameType, Side};
use crate::handshake::Peering;
use crate::handshake::initiator::start;
use crate::record::{BODY_BYTES_MAX, BODY_BYTES_MIN};
use crate::time::Instant;
use crate::timers::{ALERT_WAIT, BUSY_WAIT};
use attempt::{Answer, Attempt};
use pace::Pace;

/// HIS's end of one stream.
pub(crate) struct HisSession {
    decoder: Decoder,
    end: End,
}

/// Everything but the decoder, out of which frames are lent.
struct End {
    line: Line,
    attempt: Option<Attempt>,
    live: Option<Live>,
    pace: Pace,
}

impl HisSession {
    /// A stream was opened. The first tick starts a key exchange.
    pub(crate) fn open(now: Instant) -> Self {
        let end = End { line: Line::open(), attempt: None, live: None, pace: Pace::new(now) };
        Self { decoder: Decoder::new(Side::His), end }
    }

    /// Takes in bytes of the stream, split in any way.
    pub(crate) fn handle_bytes(
        &mut self,
        bytes: &[u8],
        now: Instant,
        peering: &Peering,
        entropy: &mut dyn Entropy,
    ) {
        self.end.pass(now);
        self.end.line.watch.bytes(bytes, now);
        let mut input = bytes;
        while let Some(item) = self.decoder.next_frame(&mut input) {
            match item {
                Ok(frame) => self.end.frame(frame, now, peering),
                Err(drop) => self.end.line.dropped(drop),
            }
        }
        self.handle_tick(now, peering, entropy);
    }

    /// Takes in that time has passed: repeats what is due, ends what is over, starts what is wanted.
    pub(crate) fn handle_tick(&mut self, now: Instant, peering: &Peering, entropy: &mut dyn Entropy) {
        self.end.pass(now);
        self.end.line.watch(now);
        if self.end.attempt.as_ref().is_some_and(|attempt| attempt.is_over(now)) {
            self.end.attempt = None;
            self.end.pace.want();
        }
        if let Some(attempt) = &mut self.end.attempt {
            attempt.repeat(now, &mut self.end.line);
        } else if now >= self.end.start_at() {
            self.end.start(now, peering, entropy);
        }
    }

    /// When to tick at the latest.
    pub(crate) fn timeout(&self) -> Option<Instant> {
        let next = self.end.attempt.as_ref().map_or_else(|| self.end.start_at(), Attempt::timeout);
        [Some(next), self.end.live.as_ref().map(Live::expires), self.end.line.watch.timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Sends an encoded Message in the live session.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSession`]; [`Refusal::MessageLength`].
    pub(crate) fn send(&mut self, plaintext: &[u8], now: Instant) -> Result<(), Refusal> {
        self.end.pass(now);
        send(&mut self.end.live, plaintext, FrameType::HisRecord, &mut self.end.line)
    }

    /// Ends the live session with a sealed alert of this code. Another is made as after any end.
    pub(crate) fn close(&mut self, code: AlertCode, now: Instant) {
        self.end.pass(now);
        self.end.end(SessionEnd::Closed(code), now);
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
    /// Ends what time has ended, and forgets failures that a session of 60 s has outlived.
    fn pass(&mut self, now: Instant) {
        self.pace.settle(self.live.as_ref(), now);
        if self.live.as_ref().is_some_and(|live| now >= live.expires()) {
            self.end(SessionEnd::Expired, now);
        }
    }

    /// When to start an attempt if none runs.
    fn start_at(&self) -> Instant {
        match &self.live {
            Some(live) if !self.pace.is_wanted() => live.wants_successor().max(self.pace.not_before()),
            Some(_) | None => self.pace.not_before(),
        }
    }

    /// Starts an attempt under the newest agreement that the POS has not refused since the last session.
    fn start(&mut self, now: Instant, peering: &Peering, entropy: &mut dyn Entropy) {
        let mut offered = peering.agreements().iter().filter(|held| !self.pace.is_refused(&held.hash));
        let Some(expect) = offered.find_map(|agreement| start(agreement, entropy)) else {
            self.line.notice(SessionEvent::NoAgreement);
            return self.pace.block(now, ALERT_WAIT);
        };
        self.pace.started(now);
        self.attempt = Some(Attempt::new(expect, now, &mut self.line));
    }

    fn frame(&mut self, frame: Frame<'_>, now: Instant, peering: &Peering) {
        self.line.watch.good_frame();
        match frame.kind {
            FrameType::M2 => self.m2(frame, now, peering),
            FrameType::PosRecord => self.record(frame, now),
            FrameType::PlainAlert => self.plain_alert(frame.body, now, peering),
            // The decoder has dropped what only this side sends.
            FrameType::M1 | FrameType::M3 | FrameType::HisRecord => {}
        }
    }

    /// The right table of spec: key exchange.
    fn m2(&mut self, frame: Frame<'_>, now: Instant, peering: &Peering) {
        let Some(attempt) = &mut self.attempt else { return self.line.dropped(Dropped::Handshake) };
        match attempt.answer(frame.body, now, peering, &mut self.line) {
            Answer::Taken => {}
            Answer::Dropped => self.line.dropped(Dropped::Handshake),
            Answer::Failed(error) => {
                self.line.notice(SessionEvent::PeerRefused(error));
                self.line.plain_alert(error.alert(), frame.checksum, now);
                self.attempt = None;
                self.pace.failed(now);
            }
        }
    }

    /// A record belongs to the session to come, or else to the live one.
    fn record(&mut self, frame: Frame<'_>, now: Instant) {
        if frame.body.len() < BODY_BYTES_MIN || frame.body.len() > BODY_BYTES_MAX {
            return self.line.dropped(Dropped::Size);
        }
        let received = match self.attempt.as_mut().and_then(|attempt| attempt.open(frame.body, now)) {
            Some((live, first)) => {
                self.line.push(SessionOutput::Up(live.established()));
                self.live = Some(live);
                self.attempt = None;
                self.pace.switched(now);
                first
            }
            None => match &mut self.live {
                Some(live) => live.receive(frame.body, now),
                None => Received::Dropped(Dropped::Stale),
            },
        };
        if let Some(reason) = take_in(received, &mut self.line) {
            self.end(reason, now);
        }
    }

    /// The table of spec: alerts.
    fn plain_alert(&mut self, body: &[u8], now: Instant, peering: &Peering) {
        let known = read_plain_alert(body).filter(|(code, answered)| {
            *code == AlertCode::NoSession
                || self.attempt.as_ref().is_some_and(|attempt| attempt.is_named(*answered))
        });
        let Some((code, _)) = known else { return self.line.dropped(Dropped::Alert) };
        self.line.notice(SessionEvent::PlainAlert(code));
        match (code, self.attempt.as_ref().map(Attempt::is_m3_out)) {
            (AlertCode::HandshakeFailure, Some(true)) => {
                self.attempt = None;
                self.pace.failed(now);
            }
            (
                AlertCode::IllegalParameter | AlertCode::DecodeError | AlertCode::Version | AlertCode::Suite,
                Some(false),
            ) => self.refused(code, now),
            (AlertCode::Agreement, Some(false)) => self.agreement_refused(now, peering),
            (AlertCode::Busy, Some(false)) => {
                self.pace.block(now, BUSY_WAIT);
                if let Some(attempt) = &mut self.attempt {
                    attempt.wait(now.after(BUSY_WAIT));
                }
            }
            (AlertCode::NoSession, None) => self.pace.want_unless_recent(now),
            (AlertCode::NoHandshake, Some(true)) => {
                self.attempt = None;
                self.pace.no_handshake(now);
            }
            _ => {}
        }
    }

    /// The POS does not take what is offered.
    fn refused(&mut self, code: AlertCode, now: Instant) {
        self.line.notice(SessionEvent::OfferRefused(code));
        self.attempt = None;
        self.pace.want();
        self.pace.block(now, ALERT_WAIT);
    }

    /// The POS does not hold the agreement: the next start offers the next one.
    fn agreement_refused(&mut self, now: Instant, peering: &Peering) {
        let Some(attempt) = self.attempt.take() else { return };
        self.pace.refuse(attempt.agreement());
        self.pace.want();
        if peering.agreements().iter().all(|held| self.pace.is_refused(&held.hash)) {
            self.pace.forget_refused();
            self.refused(AlertCode::Agreement, now);
        }
    }

    fn end(&mut self, reason: SessionEnd, now: Instant) {
        let Some(live) = &self.live else { return };
        if reason.is_alert() && now < live.settles() {
            self.pace.failed(now);
        }
        end(&mut self.live, reason, FrameType::HisRecord, &mut self.line);
    }
}

#[cfg(test)]
impl HisSession {
    /// As if the live session had sealed this many records.
    pub(super) fn skip_to(&mut self, counter: u32) {
        self.end.live.as_mut().unwrap().skip_to(counter);
    }

    /// As if the live session had opened a record of this counter.
    pub(super) fn skip_opened_to(&mut self, counter: u32) {
        self.end.live.as_mut().unwrap().skip_opened_to(counter);
    }
}
