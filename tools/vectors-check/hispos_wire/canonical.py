"""The canonical validator of strict messages: one pass, and the number of the step that fails first."""

import re

from . import schema

MESSAGES = schema.load()
NESTING_MAX = 3

CLASSES = {
    "TEXT_CLASS_ORDER_NO": re.compile(rb"[0-9A-Z]*"),
    "TEXT_CLASS_IDENTIFIER": re.compile(rb"[0-9A-Za-z._-]*"),
    "TEXT_CLASS_VISIBLE": re.compile(rb"[\x21-\x7e]*"),
}

# Greatest value of each kind of varint. An enum's negative values are not in use.
VARINT_MAX = {
    "length": 2**32 - 1,
    "uint32": 2**32 - 1,
    "sint32": 2**32 - 1,
    "enum": 2**31 - 1,
    "bool": 1,
    "uint64": 2**64 - 1,
    "sint64": 2**64 - 1,
}


class Failed(Exception):
    """The message is not canonical; `step` says by which rule."""

    def __init__(self, step: int):
        super().__init__(f"step {step}")
        self.step = step


def failing_step(message: str, data: bytes) -> int:
    """0 if `data` is a canonical `message`, else the step that fails first."""
    try:
        _message(MESSAGES[message], data, 0, len(data), 1)
    except Failed as failed:
        return failed.step
    return 0


def _varint(data: bytes, at: int, end: int, bytes_max: int, step: int) -> tuple[int, int]:
    """The value and the position behind it. Too long or not minimal fails `step`; cut off fails 10."""
    value = 0
    for i in range(bytes_max):
        if at + i >= end:
            raise Failed(10)
        byte = data[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if i > 0 and byte == 0:
                raise Failed(step)
            return value, at + i + 1
    raise Failed(step)


def _typed_varint(data: bytes, at: int, end: int, kind: str) -> tuple[int, int]:
    greatest = VARINT_MAX[kind]
    bytes_max = (greatest.bit_length() + 6) // 7
    value, at = _varint(data, at, end, bytes_max, 4)
    if value > greatest:
        raise Failed(4)
    return value, at


def _message(message: schema.Message, data: bytes, at: int, end: int, depth: int):
    last, seen = 0, {}
    while at < end:
        key, at = _varint(data, at, end, 5, 1)
        number, wire_type = key >> 3, key & 7
        if wire_type not in (0, 2):
            raise Failed(1)
        field = message.fields.get(number)
        if field is None or number < last:
            raise Failed(2)
        if number == last and not (field.repeated and field.type in ("message", "bytes")):
            raise Failed(2)
        if wire_type != field.wire_type:
            raise Failed(3)
        last = number
        seen[number] = seen.get(number, 0) + 1
        at = _value(field, data, at, end, depth, seen[number])
    if any(f.required and f.number not in seen for f in message.fields.values()):
        raise Failed(9)


def _value(field: schema.Field, data: bytes, at: int, end: int, depth: int, nth: int) -> int:
    if field.wire_type == 0:
        value, at = _typed_varint(data, at, end, field.type)
        if value == 0:
            raise Failed(5)
        return at
    length, at = _typed_varint(data, at, end, "length")
    if length == 0:
        raise Failed(3 if field.packed else 5)
    stop = at + length
    if stop > end or length < field.min or (field.max is not None and length > field.max):
        raise Failed(6)
    if field.packed:
        _run(field, data, at, stop)
        return stop
    if field.repeated and field.count is not None and nth > field.count:
        raise Failed(6)
    if field.type == "message":
        if depth + 1 > NESTING_MAX:
            raise Failed(8)
        _message(MESSAGES[field.message], data, at, stop, depth + 1)
    elif not _is_of_class(field, data[at:stop]):
        raise Failed(7)
    return stop


def _run(field: schema.Field, data: bytes, at: int, stop: int):
    count = 0
    while at < stop:
        value, at = _typed_varint(data, at, stop, field.type)
        if value == 0:
            raise Failed(5)
        count += 1
    if field.count is not None and count > field.count:
        raise Failed(6)


def _is_of_class(field: schema.Field, content: bytes) -> bool:
    if field.text_class in CLASSES:
        return CLASSES[field.text_class].fullmatch(content) is not None
    if field.type != "string" and field.text_class is None:
        return True
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if field.text_class != "TEXT_CLASS_TEXT":
        return True
    return all(ord(c) > 0x1F and not 0x7F <= ord(c) <= 0x9F for c in text)
