"""The session of a HIS on one line: it starts the key exchange, repeats, waits and switches (key exchange, records)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from . import frames, records
from .handshake import Draw, Dropped, End, Initiator, Keys, Refused
from .session import Base, Live, Notice, Started, Stream, Terms, plain_alert
from .tables import AlertCode, Limits, Timers

_GAPS: Final = (
    Timers.HANDSHAKE_REPEAT_1,
    Timers.HANDSHAKE_REPEAT_2,
    Timers.HANDSHAKE_REPEAT_3,
    Timers.HANDSHAKE_REPEAT_4,
)
_FAILURE_WAITS: Final = (
    Timers.FAILURE_WAIT_1,
    Timers.FAILURE_WAIT_2,
    Timers.FAILURE_WAIT_3,
    Timers.FAILURE_WAIT_4,
)
_M2_ACCEPTED_MAX: Final = 16


class _Repeat:
    """Gaps of 1, 2, 4 and then always 5 s (KEX-72, KEX-74)."""

    def __init__(self, now: int) -> None:
        self._gaps = 0
        self.due = now + _GAPS[0]

    def next(self, now: int) -> None:
        self._gaps = min(self._gaps + 1, len(_GAPS) - 1)
        self.due = now + _GAPS[self._gaps]


class _Attempt:
    """What the HIS remembers from an M1 until it switches or gives up."""

    def __init__(self, terms: Terms, initiator: Initiator, now: int) -> None:
        self.terms, self.initiator, self.started = terms, initiator, now
        self.m1_checksum = b""
        self.m1_repeat = _Repeat(now)
        self.accepted: list[bytes] = []
        self.unopened = 0
        self.m3: bytes | None = None
        self.m3_checksum = b""
        self.m3_at = 0
        self.m3_repeat = _Repeat(now)
        self.coming: Live | None = None


class HisSession(Base):
    """Feed bytes, poll bytes and events, give it the time when `next_timer` says so."""

    def __init__(self, end: End, device: bytes, agreements: Sequence[Terms], draw: Draw) -> None:
        """`agreements` are the serving ones, the newest first; `device` is bound to the desk (KEX-58)."""
        super().__init__(end.crypto, True)
        self._end, self._device, self._agreements, self._draw = end, device, list(agreements), draw
        self._attempt: _Attempt | None = None
        self._refused: set[bytes] = set()
        self._wants = False
        self._failures = 0
        self._lost_handshakes = 0
        self._blocked_until = 0
        self._busy_until = 0
        self._last_start: int | None = None
        self._last_switch: int | None = None

    def provision(self, registry: Mapping[bytes, bytes], agreements: Sequence[Terms]) -> None:
        """Takes newer files over, for key exchanges from now on (PRV-31, PRV-40)."""
        self._end = replace(self._end, registry=registry)
        self._agreements = list(agreements)
        self._refused.clear()

    def opened(self, now: int) -> None:
        """A stream is open; a serial line has settled (FRM-3)."""
        self.closed(now)
        self._stream = Stream("his")
        self._blocked_until = self._busy_until = now
        self._last_start = None

    def closed(self, now: int) -> None:
        """The stream is gone, and what lived on it (FRM-33)."""
        self._attempt, self._wants = None, False
        if self._live:
            self._over(None, False, now)
        self._stream = None

    def has_heard(self, now: int) -> bool:
        """Whether a record of the live session opened within the last 25 s (REC-42)."""
        return self._live is not None and now < self._live.opened_at + Timers.SILENT

    def feed(self, data: bytes, now: int) -> None:
        """Takes bytes of the line, and starts what they make due at once (KEX-77)."""
        for frame in self._outcomes(data):
            if frame.kind == frames.M2:
                self._take_m2(frame, now)
            elif frame.kind == frames.PLAIN_ALERT:
                self._take_alert(frame.body, now)
            else:
                self._take_record(frame, now)
        self.on_timer(now)

    def on_timer(self, now: int) -> None:
        """Does what is due."""
        self._check_age(now)
        if self._live and self._failures and now >= self._live.since + Timers.SESSION_YOUNG:
            self._failures = 0
        attempt = self._attempt
        if attempt and now >= self._attempt_end(attempt):
            self._give_up(now, wants=True)
        elif attempt:
            self._repeat(attempt, now)
        if self._stream and not self._attempt and self._due(now) and now >= self._start_from():
            self._start(now)

    def next_timer(self) -> int | None:
        """The instant at which `on_timer` has something to do."""
        if self._stream is None:
            return None
        times = []
        if self._live:
            live = self._live
            times += [live.since + Timers.SESSION_AGE_MAX]
            if self._failures:
                times.append(live.since + Timers.SESSION_YOUNG)
        if self._attempt:
            times.append(self._attempt_end(self._attempt))
            times.append(self._repeat_at(self._attempt))
        else:
            times.append(max(self._start_from(), self._due_from()))
        return min(times)

    # Starts.

    def _due_from(self) -> int:
        """When a start is due, whatever blocks it (KEX-77)."""
        live = self._live
        if live is None or self._wants or max(live.sealer.counter, live.opener.last) >= Limits.COUNTER_REKEY:
            return 0
        return min(live.since + Timers.SESSION_REKEY_AGE, live.opened_at + Timers.SESSION_IDLE)

    def _due(self, now: int) -> bool:
        return now >= self._due_from()

    def _start_from(self) -> int:
        """When no wait blocks a start (KEX-78, KEX-83)."""
        gap = 0 if self._last_start is None else self._last_start + Timers.START_GAP
        return max(gap, self._blocked_until, self._busy_until)

    def _start(self, now: int) -> None:
        offered = ((terms, self._end.restricted(terms.versions, terms.suites)) for terms in self._agreements)
        usable = [(terms, end) for terms, end in offered if end.versions and end.suites]
        chosen = next((both for both in usable if both[0].hash not in self._refused), None)
        if chosen is None or self._stream is None:
            self._block(now + Timers.ALERT_WAIT)
            return
        terms, end = chosen
        self._wants, self._last_start = False, now
        self._attempt = _Attempt(terms, Initiator(end, self._device, terms.hash, self._draw), now)
        self._attempt.m1_checksum = self._stream.send(frames.M1, self._attempt.initiator.m1)

    def _block(self, until: int) -> None:
        self._blocked_until = max(self._blocked_until, until)

    def _fail(self, now: int) -> None:
        self._block(now + _FAILURE_WAITS[min(self._failures, len(_FAILURE_WAITS) - 1)])
        self._failures += 1

    def _give_up(self, now: int, wants: bool) -> None:
        self._attempt = None
        self._wants = self._wants or wants

    # Repetition.

    def _attempt_end(self, attempt: _Attempt) -> int:
        if attempt.m3 is not None:
            return attempt.m3_at + Timers.M3_RETRY
        return max(attempt.started + Timers.M1_RETRY, self._busy_until)

    def _repeat_at(self, attempt: _Attempt) -> int:
        if attempt.m3 is not None:
            return attempt.m3_repeat.due
        return max(attempt.m1_repeat.due, self._busy_until)

    def _repeat(self, attempt: _Attempt, now: int) -> None:
        if now < self._repeat_at(attempt) or self._stream is None:
            return
        if attempt.m3 is not None:
            self._stream.send(frames.M3, attempt.m3)
            attempt.m3_repeat.next(now)
        else:
            self._stream.send(frames.M1, attempt.initiator.m1)
            attempt.m1_repeat.next(now)

    # Receiving.

    def _take_m2(self, frame: frames.Frame, now: int) -> None:
        attempt, stream = self._attempt, self._stream
        if stream is None:
            return
        is_new = attempt is not None and frame.body not in attempt.accepted
        if attempt is None or not is_new or len(attempt.accepted) >= _M2_ACCEPTED_MAX:
            stream.drop("handshake")
            return
        try:
            m3, keys = attempt.initiator.take_m2(frame.body)
        except Dropped as drop:
            stream.drop("handshake")
            attempt.unopened += str(drop) == "M2 does not open"
            if attempt.unopened == Limits.PENDING_TRIES_MAX:
                attempt.unopened += 1
                self._events.append(Notice("agreement, keys or line of the two ends differ"))
            return
        except Refused as refused:
            if attempt.m3 is not None:
                stream.drop("handshake")
                return
            self._events.append(Notice(f"the device is not authentic: {refused}"))
            stream.alert(refused.code, frame.checksum, now)
            self._give_up(now, wants=False)
            self._fail(now)
            return
        self._accept(attempt, frame.body, m3, keys, now)

    def _accept(self, attempt: _Attempt, m2: bytes, m3: bytes, keys: Keys, now: int) -> None:
        if self._stream is None:
            return
        attempt.accepted.append(m2)
        attempt.m3, attempt.m3_at, attempt.m3_repeat = m3, now, _Repeat(now)
        attempt.coming = Live(self._crypto, keys, True)
        attempt.coming.zero = now
        attempt.m3_checksum = self._stream.send(frames.M3, m3)

    def _take_record(self, frame: frames.Frame, now: int) -> None:
        """The session to come is tried first."""
        coming = self._attempt.coming if self._attempt else None
        if coming is not None:
            try:
                plaintext = coming.open(frame.body, now)
            except records.Dropped:
                pass
            else:
                self._switch(coming, now)
                self._take_plaintext(plaintext, now)
                return
        self._take_plaintext(self._open(frame, now), now)

    def _switch(self, live: Live, now: int) -> None:
        """The new session becomes the live one; the old one ends silently (KEX-66, REC-36)."""
        self._attempt, self._live = None, live
        live.since = live.opened_at = now
        self._last_switch, self._lost_handshakes = now, 0
        self._refused.clear()
        self._events.append(Started(live.keys.peer, live.keys.agreement_hash, live.zero))

    def _over(self, code: int | None, by_peer: bool, now: int) -> None:
        """A young session that an alert other than close ended is a failure."""
        live = self._live
        if live and code and now < live.since + Timers.SESSION_YOUNG:
            self._fail(now)
        super()._over(code, by_peer, now)

    # Plain alerts (records, section "Reaction of the HIS to plain alerts").

    def _take_alert(self, body: bytes, now: int) -> None:
        found, attempt, stream = plain_alert(body), self._attempt, self._stream
        if stream is None:
            return
        if found is None:
            stream.drop("alert")
            return
        code, ref = found
        if code == AlertCode.NO_SESSION:
            self._take_no_session(now)
        elif attempt is None or not ref or ref not in (attempt.m1_checksum, attempt.m3_checksum):
            stream.drop("alert")
        else:
            self._events.append(Notice(f"plain alert {int(code)} of the POS"))
            if attempt.m3 is None:
                self._react_to_m1(attempt, code, now)
            else:
                self._react_to_m3(code, now)

    def _take_no_session(self, now: int) -> None:
        recent = [at for at in (self._last_start, self._last_switch) if at is not None]
        if self._attempt is None and all(now >= at + Timers.START_GAP for at in recent):
            self._wants = True

    def _react_to_m1(self, attempt: _Attempt, code: AlertCode, now: int) -> None:
        if code == AlertCode.BUSY:
            self._busy_until = now + Timers.BUSY_WAIT
        elif code == AlertCode.AGREEMENT:
            self._refused.add(attempt.terms.hash)
            self._give_up(now, wants=True)
            if all(terms.hash in self._refused for terms in self._agreements):
                self._refused.clear()
                self._block(now + Timers.ALERT_WAIT)
        elif code not in (AlertCode.HANDSHAKE_FAILURE, AlertCode.NO_HANDSHAKE):
            self._give_up(now, wants=True)
            self._block(now + Timers.ALERT_WAIT)

    def _react_to_m3(self, code: AlertCode, now: int) -> None:
        if code == AlertCode.HANDSHAKE_FAILURE:
            self._give_up(now, wants=False)
            self._fail(now)
        elif code == AlertCode.NO_HANDSHAKE:
            self._give_up(now, wants=True)
            self._lost_handshakes += 1
            if self._lost_handshakes > 1:
                self._fail(now)
