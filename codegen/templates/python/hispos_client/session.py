"""What the sessions of both ends share: events, the stream's transmit queue, records in a live session, alerts.

A session is fed bytes and instants, and polled for bytes and events; it has no clock, thread or socket. Instants are
milliseconds of a clock that runs since the boot of the machine (ORD-1).
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import Final, Union

from google.protobuf.message import DecodeError

from . import frames, records
from .crypto import Crypto
from .handshake import Keys
from .messages.message_pb2 import Alert, Message
from .tables import AlertCode, Limits, Timers


@dataclass(frozen=True)
class Started:
    """A session is live: who the peer is, under which agreement, and the zero of session time (ORD-4, ORD-5)."""

    peer: bytes
    agreement_hash: bytes
    zero: int


@dataclass(frozen=True)
class Ended:
    """The live session is over; `code` is that of the alert, None without one."""

    code: int | None
    by_peer: bool


@dataclass(frozen=True)
class Received:
    """A message of the live session that is no alert."""

    message: Message


@dataclass(frozen=True)
class Notice:
    """Something for the operator: `text` is English and holds no secret."""

    text: str


Event = Union[Started, Ended, Received, Notice]
"""What a session tells."""


class Live:
    """A keyed association: it seals, opens, and counts what is forged (records)."""

    def __init__(self, crypto: Crypto, keys: Keys, is_his: bool) -> None:
        """Its age begins when it is made live."""
        kinds = (frames.RECORD_HIS, frames.RECORD_POS)
        secrets = (keys.ap_his, keys.ap_pos)
        own, peer = (0, 1) if is_his else (1, 0)
        self.keys = keys
        self.kind = kinds[own]
        self.sealer = records.Sealer(crypto, kinds[own], keys.tag, secrets[own])
        self.opener = records.Opener(crypto, kinds[peer], keys.tag, secrets[peer])
        self.since = 0
        self.zero = 0
        self.opened_at = 0
        self._forged = 0

    def open(self, body: bytes, now: int) -> bytes:
        """The plaintext of a record. Raises records.Dropped."""
        try:
            plaintext = self.opener.open(body)
        except records.Dropped as drop:
            if drop.name == "forged" and now >= self.since + Timers.FORGED_GRACE:
                self._forged += 1
            raise
        self._forged = 0
        self.opened_at = now
        return plaintext

    @property
    def has_too_many_forged(self) -> bool:
        """Whether REC-19 ends the session."""
        return self._forged >= Limits.FORGED_IN_A_ROW_MAX


_ALERT: Final = 3
_BODIES: Final = frozenset(field.number for field in Message.DESCRIPTOR.oneofs_by_name["body"].fields)


def parse(plaintext: bytes) -> tuple[Message, int | None]:
    """A message, and the code of the alert in it if there is one (REC-20, REC-21). Raises DecodeError."""
    message = Message.FromString(plaintext)
    fields = _fields(plaintext)
    found = [contents for number, contents in fields if number == _ALERT and contents is not None]
    if found:
        return message, int(Alert.FromString(b"".join(found)).code)
    if sum(number in _BODIES for number, _ in fields) > 1:
        raise DecodeError("more than one body")
    return message, None


def _fields(data: bytes) -> list[tuple[int, bytes | None]]:
    """The fields at the top level of bytes that a parser has taken, with their contents if they have a length."""
    found: list[tuple[int, bytes | None]] = []
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    depth = 0
    while at < len(data):
        key = varint()
        wire_type = key & 7
        contents = None
        is_at_top = depth == 0 and wire_type != 4
        if wire_type == 0:
            varint()
        elif wire_type == 2:
            length = varint()
            contents = data[at : at + length]
            at += length
        elif wire_type in (1, 5):
            at += 8 if wire_type == 1 else 4
        else:
            depth += 1 if wire_type == 3 else -1
        if is_at_top:
            found.append((key >> 3, contents))
    return found


class Stream:
    """One opening of a line: decoder, transmit queue, events and drop counters, which die with it (FRM-33)."""

    def __init__(self, side: str) -> None:
        """`side` is the own one."""
        self.decoder = frames.Decoder(side)
        self.drops: Counter[str] = Counter()
        self._alert_at: dict[bool, int] = {}
        self.transmits: deque[bytes] = deque([frames.OPENING])

    def drop(self, name: str) -> None:
        """Counts a drop under its name (FRM-32)."""
        self.drops[name] += 1

    def send(self, kind: int, body: bytes) -> bytes:
        """Queues a frame, and gives its checksum."""
        self.transmits.append(frames.encode(kind, body))
        return frames.Frame(kind, body).checksum

    def alert(self, code: AlertCode, ref: bytes, now: int) -> None:
        """A plain alert, unless it would come too early (REC-26 to REC-28)."""
        is_92 = code == AlertCode.NO_SESSION
        last = self._alert_at.get(is_92)
        if last is not None and now < last + Timers.PLAIN_ALERT_GAP:
            return
        self._alert_at[is_92] = now
        self.send(frames.PLAIN_ALERT, bytes([code]) + ref)


class Base:
    """What both ends do with a stream and a live session."""

    def __init__(self, crypto: Crypto, is_his: bool) -> None:
        """There is no stream yet."""
        self._crypto, self._is_his = crypto, is_his
        self._stream: Stream | None = None
        self._live: Live | None = None
        self._events: deque[Event] = deque()

    @property
    def drops(self) -> dict[str, int]:
        """What was dropped on this stream, by name."""
        return dict(self._stream.drops) if self._stream else {}

    @property
    def is_live(self) -> bool:
        """Whether there is a live session."""
        return self._live is not None

    def poll_transmit(self) -> bytes | None:
        """The next bytes for the line."""
        return self._stream.transmits.popleft() if self._stream and self._stream.transmits else None

    def poll_event(self) -> Event | None:
        """The next event."""
        return self._events.popleft() if self._events else None

    def send(self, plaintext: bytes, now: int) -> bool:
        """Seals a message into the live session; False if there is none, or its counters are used up (REC-6)."""
        if self._live is None or self._stream is None:
            return False
        try:
            body = self._live.sealer.seal(plaintext)
        except records.Exhausted:
            self._over(None, False, now)
            return False
        self._stream.send(self._live.kind, body)
        return True

    def end(self, code: AlertCode, now: int) -> None:
        """Ends the live session with a sealed alert, its last record (REC-24, REC-25)."""
        if self.send(Message(alert=Alert(code=int(code))).SerializeToString(), now):  # type: ignore[arg-type]
            self._over(int(code), False, now)

    def _over(self, code: int | None, by_peer: bool, now: int) -> None:
        self._live = None
        self._events.append(Ended(code, by_peer))

    def _open(self, frame: frames.Frame, now: int) -> bytes | None:
        """The plaintext of a record of the live session; one that is dropped may end the session (REC-11 to REC-19)."""
        stream = self._stream
        if stream is None:
            return None
        try:
            if self._live is None:
                raise records.Dropped("stale" if records.has_size(frame.body) else "size")
            return self._live.open(frame.body, now)
        except records.Dropped as drop:
            stream.drop(drop.name)
            if drop.name == "stale" and not self._is_his:
                stream.alert(AlertCode.NO_SESSION, frame.checksum, now)
            if self._live and self._live.has_too_many_forged:
                self.end(AlertCode.BAD_RECORD, now)
            return None

    def _outcomes(self, data: bytes) -> list[frames.Frame]:
        stream = self._stream
        if stream is None:
            return []
        found = []
        for outcome in stream.decoder.feed(data):
            if isinstance(outcome, frames.Frame):
                found.append(outcome)
                continue
            stream.drop(outcome.name)
            if outcome.name == "echo" and stream.drops["echo"] == Limits.ECHO_EVENT_AT:
                self._events.append(Notice("own frames come back: an echo or a loop"))
        return found

    def _take_plaintext(self, plaintext: bytes | None, now: int) -> None:
        if plaintext is None:
            return
        try:
            message, alert = parse(plaintext)
        except DecodeError:
            self.end(AlertCode.DECODE_ERROR, now)
            return
        if alert is not None:
            self._over(alert, True, now)
        else:
            self._events.append(Received(message))

    def _check_age(self, now: int) -> None:
        if self._live and now >= self._live.since + Timers.SESSION_AGE_MAX:
            self._over(None, False, now)


def plain_alert(body: bytes) -> tuple[AlertCode, bytes] | None:
    """Code and ref of a plain alert, or None if it is dropped (REC-29)."""
    if len(body) != 5 or body[0] not in _PLAIN:
        return None
    return AlertCode(body[0]), body[1:]


_PLAIN = frozenset(
    {
        AlertCode.HANDSHAKE_FAILURE,
        AlertCode.ILLEGAL_PARAMETER,
        AlertCode.DECODE_ERROR,
        AlertCode.VERSION,
        AlertCode.SUITE,
        AlertCode.AGREEMENT,
        AlertCode.BUSY,
        AlertCode.NO_SESSION,
        AlertCode.NO_HANDSHAKE,
    }
)


@dataclass(frozen=True)
class Terms:
    """A serving agreement: its hash, and the versions and suites that it lists."""

    hash: bytes
    versions: tuple[int, ...]
    suites: tuple[int, ...]
