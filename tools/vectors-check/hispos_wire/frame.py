"""Frames: COBS, CRC-32C, and the reader that cuts a stream into frames and named drops."""

M1, M2, M3, PLAIN_ALERT, RECORD_HIS, RECORD_POS = 0x01, 0x02, 0x03, 0x0F, 0x10, 0x11
SENT_BY_HIS = {M1, M3, PLAIN_ALERT, RECORD_HIS}
SENT_BY_POS = {M2, PLAIN_ALERT, RECORD_POS}

FRAME_MIN, FRAME_MAX, ENCODED_MAX = 5, 2048, 2057


def _crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli, reflected)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def cobs_encode(data: bytes) -> bytes:
    """COBS without a trailing 0x01 after a final block of 254."""
    out, block = bytearray(), bytearray()
    pending = True  # a block has to be written at the end, even an empty one
    for byte in data:
        pending = True
        if byte == 0:
            out.append(len(block) + 1)
            out += block
            block.clear()
            continue
        block.append(byte)
        if len(block) == 254:
            out.append(255)
            out += block
            block.clear()
            pending = False
    if pending:
        out.append(len(block) + 1)
        out += block
    return bytes(out)


def cobs_decode(run: bytes) -> bytes | None:
    """The decoded bytes of a run without zeros, or None if a block reaches beyond its end."""
    out, at = bytearray(), 0
    while at < len(run):
        code = run[at]
        if at + code > len(run):
            return None
        out += run[at + 1 : at + code]
        at += code
        if code != 255 and at < len(run):
            out.append(0)
    return bytes(out)


def encode(kind: int, body: bytes) -> bytes:
    """One frame as it follows a 0x00 on the wire, with its own final 0x00."""
    frame = bytes([kind]) + body
    return cobs_encode(frame + crc32c(frame).to_bytes(4, "big")) + b"\0"


class Reader:
    """Cuts the stream that one side receives. `push` gives ("frame", type, body) and ("drop", name) in order."""

    def __init__(self, receiver: str):
        self.own = SENT_BY_HIS if receiver == "his" else SENT_BY_POS
        self.peer = SENT_BY_POS if receiver == "his" else SENT_BY_HIS
        self.run = bytearray()
        self.skipping = False

    def push(self, data: bytes):
        events = []
        for byte in data:
            if byte == 0:
                if self.run and not self.skipping:
                    events.append(self._finish(bytes(self.run)))
                self.run.clear()
                self.skipping = False
            elif not self.skipping:
                self.run.append(byte)
                if len(self.run) > ENCODED_MAX:
                    events.append(("drop", "long"))
                    self.skipping = True
        return events

    def _finish(self, run: bytes):
        frame = cobs_decode(run)
        if frame is None:
            return ("drop", "cobs")
        if len(frame) < FRAME_MIN:
            return ("drop", "short")
        if len(frame) > FRAME_MAX:
            return ("drop", "long")
        if crc32c(frame[:-4]) != int.from_bytes(frame[-4:], "big"):
            return ("drop", "crc")
        kind = frame[0]
        if kind in self.peer:
            return ("frame", kind, frame[1:-4])
        return ("drop", "echo" if kind in self.own else "type")
