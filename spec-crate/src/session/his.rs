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
            //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
            //# A HIS MUST end an attempt 30 s (M1_RETRY) after its first M1 if no M2 was accepted until then,
            //# and want another one.
            //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
            //# A HIS MUST end an attempt 15 s (M3_RETRY) after its last acceptance of an M2 if it has not
            //# switched until then, and want another one.
            self.end.pace.want();
        }
        if let Some(attempt) = &mut self.end.attempt {
            //= spec-crate/spec/key-exchange.md#repetition-of-m1-and-m3
            //# A HIS MUST NOT repeat M1 while an M3 is out.
            attempt.repeat(now, &mut self.end.line);
        //= spec-crate/spec/key-exchange.md#starts
        //# A HIS MUST start an attempt as soon as no attempt runs, no wait blocks it, and one of these holds:
        //# it has no live session; it wants an attempt; its live session is 23 h old (SESSION_REKEY_AGE); its
        //# live session has opened no record for 60 s (SESSION_IDLE); the counter of its next record or of
        //# the last record that it opened has reached 2^31 (COUNTER_REKEY).
        //= spec-crate/spec/records.md#end-of-a-session
        //# A HIS without a live session MUST make a new one, as the rules for
        //# [starts](key-exchange.md#starts) and [waits](key-exchange.md#failures-and-waits) say.
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
        //= spec-crate/spec/framing.md#frame-types
        //# A sender MUST NOT send a frame of a type that the table of frame types gives to the other end.
        //= spec-crate/spec/key-exchange.md#switch
        //# A HIS MUST NOT seal a record in the new session before it has switched.
        //= spec-crate/spec/key-exchange.md#switch
        //# A HIS MUST keep its live session, and go on using it, until it switches.
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
        //= spec-crate/spec/key-exchange.md#starts
        //# An end MUST end a session that is 24 h old (SESSION_AGE_MAX), without an alert.
        if self.live.as_ref().is_some_and(|live| now >= live.expires()) {
            self.end(SessionEnd::Expired, now);
        }
    }

    /// When to start an attempt if none runs.
    fn start_at(&self) -> Instant {
        match &self.live {
            //= spec-crate/spec/key-exchange.md#starts
            //# A HIS MUST start an attempt as soon as no attempt runs, no wait blocks it, and one of these
            //# holds: it has no live session; it wants an attempt; its live session is 23 h old
            //# (SESSION_REKEY_AGE); its live session has opened no record for 60 s (SESSION_IDLE); the
            //# counter of its next record or of the last record that it opened has reached 2^31
            //# (COUNTER_REKEY).
            //= spec-crate/spec/key-exchange.md#failures-and-waits
            //# A HIS MUST apply the longest of the waits that block it, whatever asks for an attempt
            //# meanwhile.
            Some(live) if !self.pace.is_wanted() => live.wants_successor().max(self.pace.not_before()),
            //= spec-crate/spec/records.md#end-of-a-session
            //# A HIS without a live session MUST make a new one, as the rules for
            //# [starts](key-exchange.md#starts) and [waits](key-exchange.md#failures-and-waits) say.
            //= spec-crate/spec/key-exchange.md#failures-and-waits
            //# A HIS MUST apply the longest of the waits that block it, whatever asks for an attempt
            //# meanwhile.
            Some(_) | None => self.pace.not_before(),
        }
    }

    /// Starts an attempt under the newest agreement that the POS has not refused since the last session.
    fn start(&mut self, now: Instant, peering: &Peering, entropy: &mut dyn Entropy) {
        //= spec-crate/spec/key-exchange.md#m1
        //# A HIS MUST name in M1 the newest serving agreement that the POS has not refused since the last
        //# switch and that lists a version and a suite which the HIS knows.
        //= spec-crate/spec/key-exchange.md#versions-and-suites
        //# An implementation MUST NOT widen the versions, the suites or the agreements of later attempts
        //# because of an alert, a failure or a time-out.
        let mut offered = peering.agreements().iter().filter(|held| !self.pace.is_refused(&held.hash));
        let Some(expect) = offered.find_map(|agreement| start(agreement, entropy)) else {
            self.line.notice(SessionEvent::NoAgreement);
            //= spec-crate/spec/key-exchange.md#starts
            //# A HIS that finds no agreement to offer when an attempt is due MUST wait 30 s (ALERT_WAIT)
            //# before it looks again.
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
        //= spec-crate/spec/key-exchange.md#receiving-m2
        //# A HIS without an attempt MUST drop an M2.
        let Some(attempt) = &mut self.attempt else { return self.line.dropped(Dropped::Handshake) };
        match attempt.answer(frame.body, now, peering, &mut self.line) {
            Answer::Taken => {}
            //= spec-crate/spec/framing.md#drops
            //# A receiver MUST NOT answer a frame that it drops, except as a requirement for that drop says.
            Answer::Dropped => self.line.dropped(Dropped::Handshake),
            //= spec-crate/spec/key-exchange.md#receiving-m2
            //# A HIS without an M3 out MUST answer an M2 that opens and fails one of the checks of
            //# [authentication](#authentication) with plain alert 40 (handshake_failure) and end the attempt
            //# as failed.
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
        //= spec-crate/spec/records.md#receiving-a-record
        //# A receiver MUST drop as `size` a record whose body has fewer than 22 or more than 1,045 bytes.
        if frame.body.len() < BODY_BYTES_MIN || frame.body.len() > BODY_BYTES_MAX {
            return self.line.dropped(Dropped::Size);
        }
        //= spec-crate/spec/key-exchange.md#switch
        //# A HIS MUST try a record first in the session to come, if an M3 is out, and then in its live
        //# session.
        let received = match self.attempt.as_mut().and_then(|attempt| attempt.open(frame.body, now)) {
            Some((live, first)) => {
                self.line.push(SessionOutput::Up(live.established()));
                //= spec-crate/spec/key-exchange.md#switch
                //# A HIS MUST switch to the new session when the first record of it opens, and not before.
                self.live = Some(live);
                //= spec-crate/spec/key-exchange.md#key-schedule
                //# A HIS MUST erase prk1, prk2, its X25519 private key and the handshake secrets at the
                //# latest when it switches or gives the attempt up.
                self.attempt = None;
                self.pace.switched(now);
                first
            }
            None => match &mut self.live {
                //= spec-crate/spec/key-exchange.md#switch
                //# A HIS MUST NOT count a record that does not open in the session to come, unless it is
                //# dropped by the live session or there is none.
                Some(live) => live.receive(frame.body, now),
                //= spec-crate/spec/records.md#receiving-a-record
                //# A receiver MUST drop as `stale` a record if it has no live session, or if the record's tag
                //# is not that of its live session.
                None => Received::Dropped(Dropped::Stale),
            },
        };
        if let Some(reason) = take_in(received, &mut self.line) {
            self.end(reason, now);
        }
    }

    /// The table of spec: alerts.
    fn plain_alert(&mut self, body: &[u8], now: Instant, peering: &Peering) {
        //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
        //# A HIS MUST drop as `alert` a plain alert other than 92 whose `ref` is not the checksum of the M1
        //# or of the M3 of its present attempt.
        let known = read_plain_alert(body).filter(|(code, answered)| {
            *code == AlertCode::NoSession
                || self.attempt.as_ref().is_some_and(|attempt| attempt.is_named(*answered))
        });
        let Some((code, _)) = known else { return self.line.dropped(Dropped::Alert) };
        self.line.notice(SessionEvent::PlainAlert(code));
        match (code, self.attempt.as_ref().map(Attempt::is_m3_out)) {
            //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
            //# A HIS with an M3 out MUST end the attempt as failed at plain alert 40 (handshake_failure).
            (AlertCode::HandshakeFailure, Some(true)) => {
                self.attempt = None;
                self.pace.failed(now);
            }
            (
                AlertCode::IllegalParameter | AlertCode::DecodeError | AlertCode::Version | AlertCode::Suite,
                Some(false),
            ) => self.refused(code, now),
            //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
            //# A HIS with an M1 out MUST end the attempt at plain alert 72 (agreement), note the agreement of
            //# that M1 as refused, and want another attempt.
            (AlertCode::Agreement, Some(false)) => self.agreement_refused(now, peering),
            //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
            //# A HIS with an M1 out MUST NOT send M1, repeated or fresh, within 5 s (BUSY_WAIT) of plain
            //# alert 91 (busy).
            (AlertCode::Busy, Some(false)) => {
                self.pace.block(now, BUSY_WAIT);
                if let Some(attempt) = &mut self.attempt {
                    attempt.wait(now.after(BUSY_WAIT));
                }
            }
            //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
            //# A HIS without an attempt MUST want one at plain alert 92 (no_session), unless its last start
            //# or its last switch was less than 5 s (START_GAP) before.
            (AlertCode::NoSession, None) => self.pace.want_unless_recent(now),
            //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
            //# A HIS with an M3 out MUST end the attempt at plain alert 93 (no_handshake), and want another
            //# one.
            (AlertCode::NoHandshake, Some(true)) => {
                self.attempt = None;
                self.pace.no_handshake(now);
            }
            //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
            //# A HIS MUST NOT act on a plain alert in any case that REC-32 to REC-40 do not name.
            _ => {}
        }
    }

    /// The POS does not take what is offered.
    fn refused(&mut self, code: AlertCode, now: Instant) {
        self.line.notice(SessionEvent::OfferRefused(code));
        self.attempt = None;
        self.pace.want();
        //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
        //# A HIS with an M1 out MUST end the attempt at plain alert 47, 50, 70 or 71, want another one, and
        //# wait 30 s (ALERT_WAIT) before it starts one.
        self.pace.block(now, ALERT_WAIT);
    }

    /// The POS does not hold the agreement: the next start offers the next one.
    fn agreement_refused(&mut self, now: Instant, peering: &Peering) {
        let Some(attempt) = self.attempt.take() else { return };
        //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
        //# A HIS with an M1 out MUST end the attempt at plain alert 72 (agreement), note the agreement of
        //# that M1 as refused, and want another attempt.
        self.pace.refuse(attempt.agreement());
        self.pace.want();
        if peering.agreements().iter().all(|held| self.pace.is_refused(&held.hash)) {
            //= spec-crate/spec/records.md#reaction-of-the-his-to-plain-alerts
            //# A HIS whose serving agreements have all been refused MUST forget what was refused and wait 30
            //# s (ALERT_WAIT) before it starts an attempt.
            self.pace.forget_refused();
            self.refused(AlertCode::Agreement, now);
        }
    }

    fn end(&mut self, reason: SessionEnd, now: Instant) {
        let Some(live) = &self.live else { return };
        //= spec-crate/spec/key-exchange.md#failures-and-waits
        //# A HIS MUST NOT start an attempt within w of a failure, where w is 5, 10, 20 s for the first three
        //# failures and 30 s for each later one (FAILURE_WAIT_1 to FAILURE_WAIT_4).
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
