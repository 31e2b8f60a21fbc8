"""Transcript, key schedule, and the primitives of suite 0x0001."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def hmac256(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


extract = hmac256  # HKDF-Extract(salt, ikm) is HMAC(salt, ikm)


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    out = block = b""
    for i in range(1, (length + 31) // 32 + 1):
        block = hmac256(secret, block + info + bytes([i]))
        out += block
    return out[:length]


def label(secret: bytes, name: str, context: bytes, length: int) -> bytes:
    full = b"hispos1 " + name.encode()
    info = length.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context
    return expand(secret, info, length)


def key_and_iv(secret: bytes) -> tuple[bytes, bytes]:
    return label(secret, "key", b"", 32), label(secret, "iv", b"", 12)


def seal(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    return AESGCM(key).encrypt(nonce, plaintext, aad)


def open_sealed(key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes | None:
    if len(sealed) < 16:
        return None
    try:
        return AESGCM(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        return None


class Transcript:
    """T: the prologue, then numbered elements."""

    def __init__(self, agreement: bytes):
        prologue = b"hispos/1\0" + bytes([0]) + (32).to_bytes(2, "big") + sha256(agreement)
        self.t0 = bytes([len(prologue)]) + prologue
        self.bytes = self.t0
        self.count = 0

    def add(self, content: bytes) -> bytes:
        """Appends the next element and gives THn."""
        self.count += 1
        self.bytes += bytes([self.count]) + len(content).to_bytes(4, "big") + content
        return sha256(self.bytes)


def x25519_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519(private: bytes, public: bytes) -> bytes | None:
    """The shared secret, or None if it is zero."""
    try:
        return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        return None


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
# y of the points whose order divides 8; the sign of x does not matter.
SMALL_ORDER_Y = {
    0,
    1,
    P - 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    P - int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
}


def _is_sound_point(encoded: bytes) -> bool:
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    return y < P and y not in SMALL_ORDER_Y


def is_usable_key(encoded: bytes) -> bool:
    """Canonical, on the curve, and not of small order."""
    if len(encoded) != 32 or not _is_sound_point(encoded):
        return False
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    d = -121665 * pow(121666, -1, P) % P
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, P) % P
    return pow(x2, (P - 1) // 2, P) in (0, 1)


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def auth_message(context: str, transcript_hash: bytes) -> bytes:
    return b"\x20" * 64 + context.encode() + b"\0" + transcript_hash


def sign(seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Canonical A and R not of small order, S < L, then the equation without cofactor."""
    if len(public) != 32 or len(signature) != 64:
        return False
    if not _is_sound_point(public) or not _is_sound_point(signature[:32]):
        return False
    if int.from_bytes(signature[32:], "little") >= L:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
