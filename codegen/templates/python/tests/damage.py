"""Damaged bytes, and what has to come of them, told apart from the code that is tested."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from hispos_client.messages import message_pb2

_CASTAGNOLI = 0x82F63B78
_SENT_BY = {"his": {1, 3, 0x10}, "pos": {2, 0x11}}
_FRAME_MIN = 5
_PARTS = 24


def damaged(data: bytes) -> Iterator[bytes]:
    """Every truncation, every flipped bit, and one byte more."""
    for end in range(len(data)):
        yield data[:end]
    for place in range(len(data)):
        for bit in range(8):
            yield flipped(data, place, bit)
    yield data + b"\x00"


def sampled(data: bytes) -> Iterator[bytes]:
    """Of bytes that are too many for all of it: truncations and flips at both ends and at even steps between."""
    places = {
        *range(_PARTS),
        *range(len(data) - _PARTS, len(data)),
        *range(0, len(data), len(data) // _PARTS),
    }
    for place in sorted(places):
        yield data[:place]
        yield flipped(data, place, place % 8)
    yield data + b"\x00"


def flipped(data: bytes, place: int, bit: int) -> bytes:
    """One bit of them is another one."""
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]


def is_canonical(message: type[Message], data: bytes) -> bool:
    """Whether protobuf reads all of it and writes the same bytes again: what every canonical message does."""
    try:
        read = message.FromString(data)
    except DecodeError:
        return False
    read.DiscardUnknownFields()
    return read.SerializeToString(deterministic=True) == data


def read_message(plaintext: bytes) -> tuple[message_pb2.Message, int | None] | None:
    """A message, and the code of the alert in it, as REC-20 and REC-21 say; None for what is no message."""
    try:
        message = message_pb2.Message.FromString(plaintext)
    except DecodeError:
        return None
    fields = UnknownFieldSet(Empty.FromString(plaintext))
    every = [fields[place] for place in range(len(fields))]
    alerts = [one.data for one in every if (one.field_number, one.wire_type) == (3, 2)]
    if alerts:
        return message, int(message_pb2.Alert.FromString(b"".join(alerts)).code)
    bodies = {field.number for field in message.DESCRIPTOR.fields if field.containing_oneof}
    return None if len([one for one in every if one.field_number in bodies]) > 1 else (message, None)


def cut_step(data: bytes, end: int) -> set[int]:
    """The steps at which the validator may find that a good message ends at `end`: 0 and 9 behind a whole field.

    A varint that is cut off is step 10; a content whose length reaches beyond the end is step 6.
    """
    at = 0
    while at < end:
        behind, key = _varint(data, at)
        behind, value = _varint(data, behind)
        if end < behind:
            return {10}
        at = behind + (value if key & 7 == 2 else 0)
        if end < at:
            return {6}
    return {0, 9}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 128:
            return at, value


def checksum(data: bytes) -> bytes:
    """CRC-32C, bit after bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CASTAGNOLI if crc & 1 else 0)
    return (crc ^ 0xFFFFFFFF).to_bytes(4, "big")


def frames_of(stream: bytes, receiver: str) -> list[tuple[int, bytes] | str]:
    """Frames and drops of a stream whose runs are short (framing)."""
    return [_frame(run, receiver) for run in stream.split(b"\x00")[:-1] if run]


def _frame(run: bytes, receiver: str) -> tuple[int, bytes] | str:
    frame, at = b"", 0
    while at < len(run):
        block = run[at + 1 : at + run[at]]
        if len(block) < run[at] - 1:
            return "cobs"
        frame += block
        at += run[at]
        if at < len(run) and len(block) < 254:
            frame += b"\x00"
    if len(frame) < _FRAME_MIN:
        return "short"
    if checksum(frame[:-4]) != frame[-4:]:
        return "crc"
    if frame[0] not in (1, 2, 3, 0x0F, 0x10, 0x11):
        return "type"
    return "echo" if frame[0] in _SENT_BY[receiver] else (frame[0], frame[1:-4])
