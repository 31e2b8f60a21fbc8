"""A minimal writer and reader of protobuf fields. The reader takes only what the validator has passed."""


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """A varint field; nothing for 0."""
    return varint(field << 3) + varint(value) if value else b""


def content(field: int, value: bytes) -> bytes:
    """A length-delimited field; nothing for an empty value."""
    return varint(field << 3 | 2) + varint(len(value)) + value if value else b""


def packed(field: int, values: list[int]) -> bytes:
    return content(field, b"".join(varint(v) for v in values))


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        at += 1
        if byte < 0x80:
            return value, at


def read_packed(data: bytes) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        values.append(value)
    return values


def read(data: bytes) -> dict[int, list]:
    """Field number to its values: integers and bytes."""
    out, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == 2:
            value, at = data[at : at + value], at + value
        out.setdefault(key >> 3, []).append(value)
    return out
