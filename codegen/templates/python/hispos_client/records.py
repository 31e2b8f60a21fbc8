"""Records: one message each, sealed under the keys of an epoch (records)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .crypto import Crypto
from .key_schedule import expand_label
from .tables import Labels, Limits

_EPOCH_BITS: Final = 16
_COUNTER_END: Final = 2**32 - 1
_HEADER_BYTES: Final = 5
_TAG_BYTES: Final = 16
_BODY_BYTES_MIN: Final = _HEADER_BYTES + 1 + _TAG_BYTES
_BODY_BYTES_MAX: Final = _HEADER_BYTES + Limits.PLAINTEXT_BYTES_MAX + _TAG_BYTES


class Dropped(Exception):
    """A record that is dropped; `name` is its name in the list of drops."""

    def __init__(self, name: str) -> None:
        """`name` is `size`, `stale`, `replayed` or `forged`."""
        super().__init__(name)
        self.name = name


class Exhausted(Exception):
    """The counters of a session are used up: it ends without an alert (REC-6)."""


@dataclass(frozen=True)
class EpochKeys:
    """The keys of one epoch of one direction (records, section "Keys of an epoch")."""

    epoch: int
    secret: bytes

    @property
    def key(self) -> bytes:
        """The AEAD key."""
        return expand_label(self.secret, Labels.KEY, b"", 32)

    @property
    def iv(self) -> bytes:
        """The base of the nonces."""
        return expand_label(self.secret, Labels.IV, b"", 12)

    def next(self) -> EpochKeys:
        """The keys of the next epoch."""
        return EpochKeys(self.epoch + 1, expand_label(self.secret, Labels.UPDATE, b"", 32))


def has_size(body: bytes) -> bool:
    """Whether a body may be that of a record (REC-11)."""
    return _BODY_BYTES_MIN <= len(body) <= _BODY_BYTES_MAX


def record_nonce(iv: bytes, counter: int) -> bytes:
    """The nonce of a record."""
    return (int.from_bytes(iv, "big") ^ counter).to_bytes(12, "big")


def record_aad(kind: int, tag: int, counter: int) -> bytes:
    """The additional data of a record."""
    return bytes([kind, tag]) + counter.to_bytes(4, "big")


class Sealer:
    """Seals the records of one direction of a session."""

    def __init__(self, crypto: Crypto, kind: int, tag: int, secret: bytes) -> None:
        """`kind` is the type of the frames, `secret` the first of the direction."""
        self._crypto, self._kind, self._tag = crypto, kind, tag
        self._keys = EpochKeys(0, secret)
        self.counter = 0
        """The counter of the next record."""

    def seal(self, plaintext: bytes) -> bytes:
        """The body of the next record; its counter is used up (REC-3). Raises Exhausted."""
        if not 1 <= len(plaintext) <= Limits.PLAINTEXT_BYTES_MAX:
            raise ValueError(f"a plaintext of {len(plaintext)} bytes")
        if self.counter >= _COUNTER_END:
            raise Exhausted
        counter, self.counter = self.counter, self.counter + 1
        while self._keys.epoch < counter >> _EPOCH_BITS:
            self._keys = self._keys.next()
        nonce, aad = record_nonce(self._keys.iv, counter), record_aad(self._kind, self._tag, counter)
        return aad[1:] + self._crypto.seal(self._keys.key, nonce, aad, plaintext)


class Opener:
    """Opens the records of one direction of a session."""

    def __init__(self, crypto: Crypto, kind: int, tag: int, secret: bytes) -> None:
        """`kind` is the type of the frames, `secret` the first of the direction."""
        self._crypto, self._kind, self._tag = crypto, kind, tag
        self._keys = EpochKeys(0, secret)
        self.last = -1
        """The counter of the last record that opened; -1 before the first."""

    def open(self, body: bytes) -> bytes:
        """The plaintext (REC-11 to REC-18). Raises Dropped, and then nothing has changed."""
        if not has_size(body):
            raise Dropped("size")
        if body[0] != self._tag:
            raise Dropped("stale")
        counter = int.from_bytes(body[1:_HEADER_BYTES], "big")
        if counter <= self.last:
            raise Dropped("replayed")
        ahead = (counter >> _EPOCH_BITS) - self._keys.epoch
        if ahead not in (0, 1):
            raise Dropped("forged")
        keys = self._keys.next() if ahead else self._keys
        nonce, aad = record_nonce(keys.iv, counter), record_aad(self._kind, self._tag, counter)
        plaintext = self._crypto.open(keys.key, nonce, aad, body[_HEADER_BYTES:])
        if plaintext is None:
            raise Dropped("forged")
        self._keys, self.last = keys, counter
        return plaintext
