"""Frames: a byte stream into typed bodies and back (framing)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .tables import Limits

M1: Final = 0x01
"""The first message of a key exchange, of the HIS."""
M2: Final = 0x02
"""The answer of the POS."""
M3: Final = 0x03
"""The last one, of the HIS."""
PLAIN_ALERT: Final = 0x0F
"""An alert outside of a session."""
RECORD_HIS: Final = 0x10
"""A record that the HIS has sealed."""
RECORD_POS: Final = 0x11
"""A record that the POS has sealed."""

OPENING: Final = b"\x00"
"""The first byte of each stream (FRM-9)."""

_SENT_BY: Final = {
    "his": frozenset({M1, M3, PLAIN_ALERT, RECORD_HIS}),
    "pos": frozenset({M2, PLAIN_ALERT, RECORD_POS}),
}
_TYPES: Final = _SENT_BY["his"] | _SENT_BY["pos"]


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0x82F63B78 if byte & 1 else byte >> 1
        table.append(byte)
    return tuple(table)


_CRC: Final = _crc_table()


def checksum(data: bytes) -> bytes:
    """CRC-32C, the most significant byte first (framing, section "Checksum")."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC[(crc ^ byte) & 0xFF] ^ crc >> 8
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "big")


def cobs_encode(data: bytes) -> bytes:
    """COBS without a code byte behind a final block of 254 bytes (FRM-15)."""
    out = bytearray()
    segments = data.split(b"\x00")
    for index, segment in enumerate(segments):
        at = 0
        while len(segment) - at >= 254:
            out.append(0xFF)
            out += segment[at : at + 254]
            at += 254
        rest = segment[at:]
        if not rest and segment and index == len(segments) - 1:
            continue
        out.append(len(rest) + 1)
        out += rest
    return bytes(out)


def cobs_decode(run: bytes) -> bytes | None:
    """The frame in a run, or None if a block ends behind the run (FRM-22)."""
    out = bytearray()
    at = 0
    while at < len(run):
        code = run[at]
        end = at + code
        if end > len(run):
            return None
        out += run[at + 1 : end]
        if code != 0xFF and end < len(run):
            out.append(0)
        at = end
    return bytes(out)


def encode(kind: int, body: bytes) -> bytes:
    """A frame as it goes on the line, its final 0x00 included (FRM-10, FRM-13)."""
    frame = bytes([kind]) + body
    frame += checksum(frame)
    if len(frame) > Limits.FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {len(frame)} bytes, {Limits.FRAME_BYTES_MAX} allowed")
    return cobs_encode(frame) + b"\x00"


@dataclass(frozen=True)
class Frame:
    """A frame that passed every check of this layer."""

    kind: int
    body: bytes

    @property
    def checksum(self) -> bytes:
        """The frame's name in plain alerts."""
        return checksum(bytes([self.kind]) + self.body)


@dataclass(frozen=True)
class Drop:
    """A run or frame that was dropped, by its name in the list of drops (framing, section "Drops")."""

    name: str


class Decoder:
    """Takes frames out of one stream. Memory is bounded whatever arrives (FRM-28)."""

    def __init__(self, side: str) -> None:
        """`side` is that of the receiver, `his` or `pos`: what only it sends is an echo (FRM-27)."""
        self._own = _SENT_BY[side] - {PLAIN_ALERT}
        self._run = bytearray()
        self._is_long = False

    def feed(self, data: bytes) -> list[Frame | Drop]:
        """Takes bytes in pieces of any size and gives what they complete (FRM-17)."""
        found: list[Frame | Drop] = []
        pieces = data.split(b"\x00")
        for index, piece in enumerate(pieces):
            if not self._is_long and len(self._run) + len(piece) > Limits.ENCODED_BYTES_MAX:
                self._is_long = True
                found.append(Drop("long"))
            if self._is_long:
                self._run.clear()
            else:
                self._run += piece
            if index < len(pieces) - 1:
                if self._run and not self._is_long:
                    found.append(self._judge(bytes(self._run)))
                self._run.clear()
                self._is_long = False
        return found

    def _judge(self, run: bytes) -> Frame | Drop:
        frame = cobs_decode(run)
        if frame is None:
            return Drop("cobs")
        if len(frame) > Limits.FRAME_BYTES_MAX:
            return Drop("long")
        if len(frame) < Limits.FRAME_BYTES_MIN:
            return Drop("short")
        if checksum(frame[:-4]) != frame[-4:]:
            return Drop("crc")
        if frame[0] not in _TYPES:
            return Drop("type")
        if frame[0] in self._own:
            return Drop("echo")
        return Frame(frame[0], frame[1:-4])
