"""Cryptography behind one interface, and its default from the package `cryptography` (key exchange, "Notation")."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, _P - 2, _P) % _P
_ORDER_8_Y: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, _ORDER_8_Y, _P - _ORDER_8_Y})
_SIGN_BIT: Final = 1 << 255


class Crypto(Protocol):
    """What the link needs of a cryptography library. Keys and shares are raw bytes."""

    def x25519_public(self, private: bytes) -> bytes:
        """The share of a private key of 32 bytes."""

    def x25519(self, private: bytes, public: bytes) -> bytes | None:
        """The shared secret, or None if it is zero (KEX-18)."""

    def ed25519_public(self, private: bytes) -> bytes:
        """The public key of a private key of 32 bytes."""

    def sign(self, private: bytes, message: bytes) -> bytes:
        """An Ed25519 signature of 64 bytes."""

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a signature counts by KEX-23."""

    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """AES-256-GCM: ciphertext and tag."""

    def open(self, key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes | None:
        """The plaintext, or None if it does not open."""


def is_usable_key(key: bytes) -> bool:
    """Whether an Ed25519 key is canonical, on the curve and not of small order (KEX-24, PRV-2)."""
    if len(key) != 32:
        return False
    y = int.from_bytes(key, "little") & ~_SIGN_BIT
    if y >= _P or y in _SMALL_ORDER_Y:
        return False
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    return square == 0 or pow(square, (_P - 1) // 2, _P) == 1


class Standard:
    """The default: the package `cryptography`, and the checks of KEX-23 that it leaves to others."""

    def x25519_public(self, private: bytes) -> bytes:
        """The share of a private key of 32 bytes."""
        return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def x25519(self, private: bytes, public: bytes) -> bytes | None:
        """The shared secret, or None if it is zero (KEX-18)."""
        try:
            return X25519PrivateKey.from_private_bytes(private).exchange(
                X25519PublicKey.from_public_bytes(public)
            )
        except ValueError:
            return None

    def ed25519_public(self, private: bytes) -> bytes:
        """The public key of a private key of 32 bytes."""
        return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def sign(self, private: bytes, message: bytes) -> bytes:
        """An Ed25519 signature of 64 bytes."""
        return Ed25519PrivateKey.from_private_bytes(private).sign(message)

    def verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a signature counts by KEX-23."""
        if len(signature) != 64 or not is_usable_key(public) or not is_usable_key(signature[:32]):
            return False
        if int.from_bytes(signature[32:], "little") >= _L:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """AES-256-GCM: ciphertext and tag."""
        return AESGCM(key).encrypt(nonce, plaintext, aad)

    def open(self, key: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes | None:
        """The plaintext, or None if it does not open."""
        try:
            return AESGCM(key).decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None


def sha256(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()


def hmac256(key: bytes, data: bytes) -> bytes:
    """HMAC with SHA-256."""
    return hmac.new(key, data, hashlib.sha256).digest()


def is_equal(one: bytes, other: bytes) -> bool:
    """Compares in constant time (KEX-19)."""
    return hmac.compare_digest(one, other)


def signed_message(context: bytes, payload: bytes) -> bytes:
    """What every signature of the protocol is made over: 64 spaces, the context, 00, the payload."""
    return b"\x20" * 64 + context + b"\x00" + payload
