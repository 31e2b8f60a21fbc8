"""Ordinary messages: what bytes say, and the one form that senders write.

What a message says is a dictionary: numbers as numbers, bytes in hexadecimal, fields that are not there left out.
"""

from . import fields
from .canonical import MESSAGES

SIGNED = {"sint32", "sint64"}
WIDTH = {"uint32": 32, "sint32": 32, "enum": 32, "bool": 64, "uint64": 64, "sint64": 64}


class Malformed(Exception):
    """No protobuf parser takes these bytes for the message."""


def decode(name: str, data: bytes) -> dict:
    """What the bytes say, by the rules of proto3: unknown fields ignored, the last value of a scalar counts."""
    message, said, at = MESSAGES[name], {}, 0
    while at < len(data):
        key, at = _varint(data, at)
        wire_type, value = key & 7, None
        if key >> 3 == 0 or key >> 3 >= 2**29:
            raise Malformed("a field number")
        if wire_type == 0:
            value, at = _varint(data, at)
        elif wire_type in (1, 2, 5):
            size = {1: 8, 5: 4}.get(wire_type)
            if size is None:
                size, at = _varint(data, at)
            if at + size > len(data):
                raise Malformed("cut off")
            value, at = data[at : at + size], at + size
        else:
            raise Malformed("a wire type")
        field = message.fields.get(key >> 3)
        if field is None:
            continue
        if field.repeated and field.wire_type == 2 and field.type in WIDTH and wire_type == 0:
            said.setdefault(field.name, []).append(_number(field, value))
            continue
        if wire_type != field.wire_type:
            raise Malformed("another wire type")
        _take(field, value, said, name)
    return said


ONEOF = {"Message": {f.name for f in MESSAGES["Message"].fields.values() if f.number >= 3}}


def _take(field, value, said: dict, name: str):
    if field.packed:
        at, numbers = 0, said.setdefault(field.name, [])
        while at < len(value):
            number, at = _varint(value, at)
            numbers.append(_number(field, number))
        if not numbers:
            del said[field.name]
        return
    shown = _shown(field, value)
    if field.repeated:
        said.setdefault(field.name, []).append(shown)
    elif field.name in ONEOF.get(name, ()):
        for other in ONEOF[name]:
            said.pop(other, None)
        said[field.name] = shown
    elif field.type == "message" or shown:
        said[field.name] = shown
    else:
        said.pop(field.name, None)


def _shown(field, value):
    if field.type == "message":
        return decode(field.message, value)
    if field.type == "string":
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Malformed("text") from error
    if field.type == "bytes":
        return value.hex()
    return _number(field, value)


def _number(field, value: int):
    if field.type == "bool":
        return value != 0
    value &= 2 ** WIDTH[field.type] - 1
    if field.type in SIGNED:
        return value >> 1 if value & 1 == 0 else -(value >> 1) - 1
    if field.type == "enum" and value >= 2**31:
        return value - 2**32
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(10):
        if at >= len(data):
            raise Malformed("cut off")
        byte = data[at]
        at += 1
        if place == 9 and byte > 1:
            raise Malformed("a varint")
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at
    raise Malformed("a varint")


def encode(name: str, said: dict) -> bytes:
    """Ascending fields, minimal varints, packed numbers, nothing for a default."""
    message = MESSAGES[name]
    known = {field.name for field in message.fields.values()}
    assert set(said) <= known, f"{name} has no {set(said) - known}"
    out = b""
    for number in sorted(message.fields):
        field = message.fields[number]
        if field.name not in said:
            continue
        value = said[field.name]
        if field.packed:
            out += fields.packed(number, [_raw(field, item) for item in value])
        else:
            for item in value if field.repeated else [value]:
                out += _field(field, item)
    return out


def _field(field, value) -> bytes:
    if field.type == "message":
        inner = encode(field.message, value)
    elif field.type == "string":
        inner = value.encode("utf-8")
    elif field.type == "bytes":
        inner = bytes.fromhex(value)
    else:
        return fields.number(field.number, _raw(field, value))
    return fields.varint(field.number << 3 | 2) + fields.varint(len(inner)) + inner


def _raw(field, value) -> int:
    if field.type in SIGNED:
        return value * 2 if value >= 0 else -value * 2 - 1
    return int(value)
