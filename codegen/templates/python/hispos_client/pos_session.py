"""The session of a POS on one line: it answers the key exchange and commits (key exchange, records)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from . import frames
from .crypto import sha256
from .handshake import Draw, Dropped, End, Refused, Responder
from .session import Base, Live, Notice, Started, Stream, Terms, plain_alert
from .tables import AlertCode, Limits, Timers

MakeReady = Callable[[bytes, int], bytes]
"""Makes a serialised Message with SessionReady, for the hash of the session's agreement and the instant."""


class _Candidate:
    """What a POS remembers from an M2 until it commits or forgets it."""

    def __init__(self, m1: bytes, m2: bytes, responder: Responder, now: int) -> None:
        self.m1, self.m2, self.responder = m1, m2, responder
        self.zero = self.seen_at = now


class PosSession(Base):
    """Feed bytes, poll bytes and events, give it the time when `next_timer` says so."""

    def __init__(self, end: End, agreements: Sequence[Terms], draw: Draw, make_ready: MakeReady) -> None:
        """`agreements` are the serving ones, the newest first. Set `is_busy` while no session can be taken (KEX-25)."""
        super().__init__(end.crypto, False)
        self._end, self._agreements, self._draw, self._make_ready = end, list(agreements), draw, make_ready
        self.is_busy = False
        self._candidate: _Candidate | None = None
        self._made_at: list[int] = []
        self._live_m3 = b""
        self._ready_at = 0

    def provision(self, registry: Mapping[bytes, bytes], agreements: Sequence[Terms]) -> None:
        """Takes newer files over, for key exchanges from now on (PRV-31, PRV-40)."""
        self._end = replace(self._end, registry=registry)
        self._agreements = list(agreements)
        if self._candidate:
            self._candidate.responder.provision(self._end)

    def opened(self, now: int) -> None:
        """A stream is open; a serial line has settled (FRM-3)."""
        self.closed(now)
        self._stream = Stream("pos")
        self._made_at.clear()

    def closed(self, now: int) -> None:
        """The stream is gone, and what lived on it (FRM-33)."""
        self._candidate = None
        if self._live:
            self._over(None, False, now)
        self._stream = None

    @property
    def may_speak(self) -> bool:
        """Whether the HIS is known to have switched (KEX-65)."""
        return self._live is not None and self._live.opener.last >= 0

    def feed(self, data: bytes, now: int) -> None:
        """Takes bytes of the line."""
        self.on_timer(now)
        for frame in self._outcomes(data):
            if frame.kind == frames.M1:
                self._take_m1(frame, now)
            elif frame.kind == frames.M3:
                self._take_m3(frame, now)
            elif frame.kind == frames.PLAIN_ALERT:
                self._take_alert(frame.body)
            else:
                self._take_plaintext(self._open(frame, now), now)

    def on_timer(self, now: int) -> None:
        """Does what is due: it forgets (KEX-37, KEX-79)."""
        if self._candidate and now >= self._candidate.seen_at + Timers.CANDIDATE_LIFE:
            self._candidate = None
        self._check_age(now)

    def next_timer(self) -> int | None:
        """The instant at which `on_timer` has something to do."""
        times = []
        if self._candidate:
            times.append(self._candidate.seen_at + Timers.CANDIDATE_LIFE)
        if self._live:
            times.append(self._live.since + Timers.SESSION_AGE_MAX)
        return min(times, default=None)

    def _take_m1(self, frame: frames.Frame, now: int) -> None:
        stream = self._stream
        if stream is None:
            return
        if self.is_busy:
            stream.alert(AlertCode.BUSY, frame.checksum, now)
            return
        candidate = self._candidate
        if candidate and candidate.m1 == frame.body:
            candidate.seen_at = now
            stream.send(frames.M2, candidate.m2)
            return
        recent = [at for at in self._made_at if now < at + Timers.CANDIDATE_WINDOW]
        try:
            responder = self._responder()
            m2 = responder.take_m1(frame.body, admits=lambda: len(recent) < Limits.CANDIDATES_MAX)
        except Dropped:
            stream.drop("handshake")
            return
        except Refused as refused:
            stream.alert(refused.code, frame.checksum, now)
            return
        self._made_at = [*recent, now]
        self._candidate = _Candidate(frame.body, m2, responder, now)
        stream.send(frames.M2, m2)

    def _responder(self) -> Responder:
        """A responder that, under each agreement, knows what that one lists (KEX-4)."""
        ends = {terms.hash: self._end.restricted(terms.versions, terms.suites) for terms in self._agreements}
        return Responder(self._end, list(ends), self._draw, ends.__getitem__)

    def _take_m3(self, frame: frames.Frame, now: int) -> None:
        stream = self._stream
        if stream is None:
            return
        if len(frame.body) > Limits.M3_BYTES_MAX:
            stream.drop("handshake")
            return
        if self._live and sha256(frame.body) == self._live_m3:
            if now < self._ready_at + Timers.READY_REPEAT_MIN:
                stream.drop("handshake")
            else:
                self._send_ready(now)
            return
        candidate = self._candidate
        if candidate is None:
            stream.alert(AlertCode.NO_HANDSHAKE, frame.checksum, now)
            return
        try:
            keys = candidate.responder.take_m3(frame.body)
        except Dropped:
            stream.drop("handshake")
            return
        except Refused as refused:
            self._candidate = None
            self._events.append(Notice(f"the terminal is not authentic: {refused}"))
            stream.alert(refused.code, frame.checksum, now)
            return
        live = Live(self._crypto, keys, False)
        live.since = live.opened_at = now
        live.zero = candidate.zero
        self._candidate, self._live, self._live_m3 = None, live, sha256(frame.body)
        self._events.append(Started(keys.peer, keys.agreement_hash, live.zero))
        self._send_ready(now)

    def _send_ready(self, now: int) -> None:
        if self._live:
            self._ready_at = now
            self.send(self._make_ready(self._live.keys.agreement_hash, now), now)

    def _take_alert(self, body: bytes) -> None:
        found = plain_alert(body)
        if found is None and self._stream:
            self._stream.drop("alert")
        elif found:
            self._events.append(Notice(f"plain alert {int(found[0])} of the HIS"))
