"""Records: one direction's ratchet, sealing under a counter, and opening in the specified order."""

from . import frame
from .schedule import key_and_iv, label, open_sealed, seal

PLAINTEXT_MAX = 1024
HEAD = 6  # type, tag, counter
BODY_MIN, BODY_MAX = 1 + 4 + 1 + 16, 1 + 4 + PLAINTEXT_MAX + 16


class Ratchet:
    """The record secret of one direction, and the epoch it belongs to."""

    def __init__(self, secret: bytes, epoch: int = 0):
        self.secret, self.epoch = secret, epoch

    def next(self) -> "Ratchet":
        return Ratchet(label(self.secret, "upd", b"", 32), self.epoch + 1)

    def key_and_nonce(self, counter: int) -> tuple[bytes, bytes, bytes]:
        key, iv = key_and_iv(self.secret)
        nonce = int.from_bytes(iv, "big") ^ counter
        return key, iv, nonce.to_bytes(12, "big")


class Sealer:
    """Seals under rising counters."""

    def __init__(self, kind: int, tag: int, secret: bytes):
        self.kind, self.tag, self.ratchet = kind, tag, Ratchet(secret)

    def seal(self, counter: int, plaintext: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
        """Body of the frame, then key, iv, nonce and aad."""
        while self.ratchet.epoch < counter >> 16:
            self.ratchet = self.ratchet.next()
        key, iv, nonce = self.ratchet.key_and_nonce(counter)
        aad = bytes([self.kind, self.tag]) + counter.to_bytes(4, "big")
        return aad[1:] + seal(key, nonce, aad, plaintext), key, iv, nonce, aad


class Opener:
    """Opens the records of one direction; gives ("open", plaintext) or ("drop", name)."""

    def __init__(self, kind: int, tag: int, secret: bytes):
        self.kind, self.tag, self.ratchet = kind, tag, Ratchet(secret)
        self.last = -1

    def open(self, body: bytes) -> tuple[str, bytes | str]:
        if not BODY_MIN <= len(body) <= BODY_MAX:
            return "drop", "size"
        if body[0] != self.tag:
            return "drop", "stale"
        counter = int.from_bytes(body[1:5], "big")
        if counter <= self.last:
            return "drop", "replayed"
        epoch = counter >> 16
        if epoch == self.ratchet.epoch:
            ratchet = self.ratchet
        elif epoch == self.ratchet.epoch + 1:
            ratchet = self.ratchet.next()
        else:
            return "drop", "forged"
        key, _, nonce = ratchet.key_and_nonce(counter)
        plaintext = open_sealed(key, nonce, bytes([self.kind]) + body[:5], body[5:])
        if plaintext is None:
            return "drop", "forged"
        self.last, self.ratchet = counter, ratchet
        return "open", plaintext


HIS_TO_POS, POS_TO_HIS = frame.RECORD_HIS, frame.RECORD_POS
