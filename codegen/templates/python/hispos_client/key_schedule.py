"""Transcript and key schedule of one exchange (key exchange, sections "Transcript" and "Key schedule")."""

from __future__ import annotations

from typing import Final

from .crypto import hmac256, sha256
from .tables import Labels

_ZERO: Final = bytes(32)


def extract(salt: bytes, key_material: bytes) -> bytes:
    """HKDF-Extract."""
    return hmac256(salt, key_material)


def label_info(label: bytes, context: bytes, length: int) -> bytes:
    """What HKDF-Expand gets for a label."""
    name = Labels.LABEL_PREFIX + label
    return length.to_bytes(2, "big") + bytes([len(name)]) + name + bytes([len(context)]) + context


def expand_label(secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand with a label; `length` is at most 32."""
    return hmac256(secret, label_info(label, context, length) + b"\x01")[:length]


class Transcript:
    """What was said, in eight elements (KEX-17). `hashes[n]` is THn; `hashes[0]` is T0 itself."""

    def __init__(self, agreement_hash: bytes) -> None:
        """Begins with the prologue."""
        prologue = Labels.PROTOCOL + b"\x00\x00" + len(agreement_hash).to_bytes(2, "big") + agreement_hash
        self._said = bytes([len(prologue)]) + prologue
        self.hashes = [self._said]

    def add(self, element: bytes) -> bytes:
        """Takes the next element as it travelled, and gives the hash of all."""
        self._said += bytes([len(self.hashes)]) + len(element).to_bytes(4, "big") + element
        self.hashes.append(sha256(self._said))
        return self.hashes[-1]


class KeySchedule:
    """The secrets of one exchange, by their names in the chapter. Each step needs the transcript up to its place."""

    def __init__(self, agreement_hash: bytes, m1: bytes) -> None:
        """Begins at both ends when M1 is known."""
        self.transcript = Transcript(agreement_hash)
        self.transcript.add(m1)
        self.secrets: dict[str, bytes] = {}

    def hello(self, hello: bytes, shared: bytes) -> None:
        """TH2 and the secrets of the handshake."""
        th2, found = self.transcript.add(hello), self.secrets
        found["ss"] = shared
        found["prk1"] = extract(_ZERO, shared)
        found["hs_p"] = expand_label(found["prk1"], Labels.HANDSHAKE_POS, th2, 32)
        found["key_p"] = expand_label(found["hs_p"], Labels.KEY, b"", 32)
        found["iv_p"] = expand_label(found["hs_p"], Labels.IV, b"", 12)
        found["fin_p"] = expand_label(found["hs_p"], Labels.FINISHED, b"", 32)
        found["hs_h"] = expand_label(found["prk1"], Labels.HANDSHAKE_HIS, th2, 32)
        found["key_h"] = expand_label(found["hs_h"], Labels.KEY, b"", 32)
        found["iv_h"] = expand_label(found["hs_h"], Labels.IV, b"", 12)

    def confirm_pos(self) -> bytes:
        """What confirms the POS: behind TH4."""
        return hmac256(self.secrets["fin_p"], self.transcript.hashes[4])

    def second(self) -> None:
        """The second extraction: behind TH5."""
        th5, found = self.transcript.hashes[5], self.secrets
        salt = expand_label(found["prk1"], Labels.DERIVED, th5, 32)
        found["prk2"] = extract(salt, _ZERO)
        found["fin_h"] = expand_label(found["prk2"], Labels.FINISHED_HIS, th5, 32)

    def confirm_his(self) -> bytes:
        """What confirms the HIS: behind TH7."""
        return hmac256(self.secrets["fin_h"], self.transcript.hashes[7])

    def application(self) -> None:
        """The secrets of the records and their tag: behind TH8."""
        th8, found = self.transcript.hashes[8], self.secrets
        found["ap_h"] = expand_label(found["prk2"], Labels.APPLICATION_HIS, th8, 32)
        found["ap_p"] = expand_label(found["prk2"], Labels.APPLICATION_POS, th8, 32)
        found["tag"] = expand_label(found["prk2"], Labels.TAG, th8, 1)

    def erase(self) -> None:
        """Forgets every secret (KEX-20, KEX-21)."""
        self.secrets.clear()
