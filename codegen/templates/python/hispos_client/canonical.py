"""The canonical validator: one walk over the bytes of a strict message (encoding, section "Steps of the validator")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .rules import RULES, Rule

_MAX_DEPTH: Final = 3
_BYTES: Final = {"uint32": 5, "uint64": 10, "sint32": 5, "sint64": 10, "bool": 1, "enum": 5}
_GREATEST: Final = {
    "uint32": 2**32 - 1,
    "uint64": 2**64 - 1,
    "sint32": 2**32 - 1,
    "sint64": 2**64 - 1,
    "bool": 1,
    "enum": 2**31 - 1,
}


def _characters(first: str, *ranges: str) -> frozenset[int]:
    found = set(first.encode())
    for both in ranges:
        found.update(range(ord(both[0]), ord(both[1]) + 1))
    return frozenset(found)


_CLASSES: Final = {
    "ORDER_NO": _characters("", "09", "AZ"),
    "IDENTIFIER": _characters("._-", "09", "AZ", "az"),
    "VISIBLE": _characters("", "!~"),
}


class NotCanonical(Exception):
    """Bytes that are not the one encoding of a strict message; `step` is the reason (ENC-5)."""

    def __init__(self, step: int) -> None:
        """`step` is 1 to 10."""
        super().__init__(f"not canonical: step {step}")
        self.step = step


def validate(message: str, data: bytes) -> None:
    """Refuses everything but the one encoding of `message` (ENC-1, ENC-6 to ENC-15).

    Raises NotCanonical with the first step that fails at the first field that fails.
    """
    _Walk(data).message(RULES[message], len(data), 1)


def failing_step(message: str, data: bytes) -> int:
    """The step that fails, or 0 if the bytes are canonical."""
    try:
        validate(message, data)
    except NotCanonical as error:
        return error.step
    return 0


class _Walk:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def message(self, fields: Mapping[int, Rule], end: int, depth: int) -> None:
        last, before, seen = 0, 0, set()
        while self._at < end:
            key = self._varint(end, 5, 1)
            number, wire_type = key >> 3, key & 7
            if wire_type not in (0, 2):
                raise NotCanonical(1)
            rule = fields.get(number)
            if rule is None:
                raise NotCanonical(2)
            if number == last and rule.repeated and rule.kind not in _BYTES:
                before += 1
            elif number > last:
                before = 0
            else:
                raise NotCanonical(2)
            self._field(rule, wire_type, before, end, depth)
            last = number
            seen.add(number)
        if any(rule.required and number not in seen for number, rule in fields.items()):
            raise NotCanonical(9)

    def _field(self, rule: Rule, wire_type: int, before: int, end: int, depth: int) -> None:
        is_number = rule.kind in _BYTES
        is_packed = is_number and rule.repeated
        if wire_type != (0 if is_number and not is_packed else 2):
            raise NotCanonical(3)
        if is_number and not is_packed:
            if self._number(rule.kind, end) == 0:
                raise NotCanonical(5)
            return
        length = self._number("uint32", end)
        if length == 0:
            raise NotCanonical(3 if is_packed else 5)
        stop = self._at + length
        if stop > end:
            raise NotCanonical(6)
        if is_packed:
            self._packed(rule, stop)
            return
        if length < rule.min or 0 < rule.max < length:
            raise NotCanonical(6)
        if rule.repeated and before >= rule.count:
            raise NotCanonical(6)
        if rule.kind in RULES:
            if depth == _MAX_DEPTH:
                raise NotCanonical(8)
            self.message(RULES[rule.kind], stop, depth + 1)
            return
        content = self._data[self._at : stop]
        if not _has_class(content, rule):
            raise NotCanonical(7)
        self._at = stop

    def _packed(self, rule: Rule, stop: int) -> None:
        elements = 0
        while self._at < stop:
            if self._number(rule.kind, stop) == 0:
                raise NotCanonical(5)
            elements += 1
        if elements > rule.count:
            raise NotCanonical(6)

    def _number(self, kind: str, end: int) -> int:
        value = self._varint(end, _BYTES[kind], 4)
        if value > _GREATEST[kind]:
            raise NotCanonical(4)
        return value

    def _varint(self, end: int, most: int, step: int) -> int:
        value = 0
        for place in range(most):
            if self._at >= end:
                raise NotCanonical(10)
            byte = self._data[self._at]
            self._at += 1
            if place == 9 and byte > 1:
                raise NotCanonical(step)
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                if byte == 0 and place > 0:
                    raise NotCanonical(step)
                return value
        raise NotCanonical(step)


def _has_class(content: bytes, rule: Rule) -> bool:
    if rule.kind == "string" or rule.text_class == "TEXT":
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            return False
        if rule.text_class == "TEXT":
            return not any(ord(letter) < 0x20 or 0x7F <= ord(letter) <= 0x9F for letter in text)
    allowed = _CLASSES.get(rule.text_class)
    return allowed is None or allowed.issuperset(content)
