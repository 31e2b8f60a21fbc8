"""The key exchange of both ends, without time: M1, M2, M3 and what they prove (key exchange).

Repetition, waits and candidates are the session's; here one exchange is played or refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .canonical import NotCanonical, validate
from .crypto import Crypto, is_equal, sha256, signed_message
from .key_schedule import KeySchedule
from .messages.handshake_pb2 import Auth, Extension, HisHello, Identity, KeyShare, PosHello, PosReply
from .tables import AlertCode, Labels, Limits

VERSION: Final = 1
"""The version of the protocol that this client speaks."""
SUITE: Final = 0x0001
"""Its suite: X25519, Ed25519, HKDF-SHA256, AES-256-GCM."""
_GROUP_OF_SUITE: Final = {SUITE: 1}
_SHARE_BYTES: Final = {1: 32}

Draw = Callable[[int], bytes]
"""Random bytes of the operating system (KEX-6); tests give them from outside."""


class Dropped(Exception):
    """A message of the key exchange that is dropped in silence, as `handshake`."""


class Refused(Exception):
    """A message that a plain alert answers."""

    def __init__(self, code: AlertCode, why: str) -> None:
        """`why` is for the local log alone (KEX-61)."""
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class End:
    """What an end takes part with (key exchange, section "What an end holds")."""

    crypto: Crypto
    id: bytes
    signing_key: bytes
    registry: Mapping[bytes, bytes]
    """Public keys of the peers by their ids (KEX-2)."""
    versions: Sequence[int] = (VERSION,)
    suites: Sequence[int] = (SUITE,)

    def restricted(self, versions: Sequence[int], suites: Sequence[int]) -> End:
        """The same end under an agreement: what it lists and the end knows, in the agreement's order (KEX-4)."""
        return replace(
            self,
            versions=[version for version in versions if version in self.versions],
            suites=[suite for suite in suites if suite in self.suites],
        )

    @property
    def public_key(self) -> bytes:
        """The own public key."""
        return self.crypto.ed25519_public(self.signing_key)

    def identity(self) -> bytes:
        """The own identity, serialised."""
        return Identity(id=self.id, public_key=self.public_key).SerializeToString()

    def sign(self, context: bytes, transcript_hash: bytes) -> bytes:
        """The own signature over the transcript."""
        return self.crypto.sign(self.signing_key, signed_message(context, transcript_hash))


@dataclass(frozen=True)
class Keys:
    """What an exchange leaves: secrets and tag of the records, and who the peer is."""

    ap_his: bytes
    ap_pos: bytes
    tag: int
    peer: bytes
    agreement_hash: bytes


class Initiator:
    """The HIS in one attempt."""

    def __init__(self, end: End, device: bytes, agreement_hash: bytes, draw: Draw) -> None:
        """`device` is the one that is bound to the desk (KEX-58). Draws a nonce and a private key (KEX-8)."""
        self._end, self._device, self._agreement_hash = end, device, agreement_hash
        self._nonce, self._private = draw(16), draw(32)
        self.schedule: KeySchedule | None = None
        self.m1 = self._make_m1([(1, end.crypto.x25519_public(self._private))], [])

    def offer(self, shares: Sequence[tuple[int, bytes]], extensions: Sequence[tuple[int, bytes]]) -> bytes:
        """Makes M1 with other shares and extensions than version 1 has."""
        self.m1 = self._make_m1(shares, extensions)
        return self.m1

    def _make_m1(self, shares: Sequence[tuple[int, bytes]], extensions: Sequence[tuple[int, bytes]]) -> bytes:
        hello = HisHello(
            versions=self._end.versions,
            suites=self._end.suites,
            nonce=self._nonce,
            shares=[KeyShare(group=group, key=key) for group, key in shares],
            agreement=self._agreement_hash[:8],
            extensions=[Extension(id=number, data=data) for number, data in extensions],
        )
        return Labels.M1_MAGIC + hello.SerializeToString()

    def take_m2(self, body: bytes) -> tuple[bytes, Keys]:
        """Takes the steps of "Receiving M2" behind KEX-40, and gives M3 and the keys.

        Raises Dropped, or Refused with 40 if no M3 is out (KEX-46).
        """
        reply, shared = self._open_hello(body)
        schedule = KeySchedule(self._agreement_hash, self.m1)
        schedule.hello(reply.hello, shared)
        secrets, transcript = schedule.secrets, schedule.transcript
        sealed = self._end.crypto.open(secrets["key_p"], secrets["iv_p"], transcript.hashes[2], reply.sealed)
        if sealed is None:
            raise Dropped("M2 does not open")
        peer = _authenticate(self._end, schedule, sealed, Labels.AUTH_POS, schedule.confirm_pos, self._device)
        schedule.second()
        auth = _own_auth(self._end, schedule, Labels.AUTH_HIS, schedule.confirm_his)
        m3 = self._end.crypto.seal(secrets["key_h"], secrets["iv_h"], transcript.hashes[5], auth)
        self.schedule = schedule
        return m3, _keys(schedule, peer, self._agreement_hash)

    def _open_hello(self, body: bytes) -> tuple[PosReply, bytes]:
        if len(body) > Limits.M1_BYTES_MAX:
            raise Dropped("M2 is too long")
        try:
            validate("PosReply", body)
            reply = PosReply.FromString(body)
            validate("PosHello", reply.hello)
        except NotCanonical as error:
            raise Dropped(f"M2: {error}") from error
        hello = PosHello.FromString(reply.hello)
        group = _GROUP_OF_SUITE.get(hello.suite)
        if not _rises([extension.id for extension in hello.extensions]):
            raise Dropped("extensions do not ascend")
        if hello.version not in self._end.versions or hello.suite not in self._end.suites or group is None:
            raise Dropped("a version or suite that M1 did not offer")
        if len(hello.share) != _SHARE_BYTES[group]:
            raise Dropped("a share of another length")
        shared = self._end.crypto.x25519(self._private, hello.share)
        if shared is None:
            raise Dropped("a shared secret of zero")
        return reply, shared


class Responder:
    """The POS with one candidate."""

    def __init__(
        self, end: End, agreements: Sequence[bytes], draw: Draw, under: Callable[[bytes], End] | None = None
    ) -> None:
        """`agreements` are the hashes of the serving agreements (KEX-1); `under` is the end under one of them (KEX-4)."""
        self._under = under or (lambda _: end)
        self._end, self._agreements, self._draw = end, agreements, draw
        self._agreement_hash = b""
        self.schedule: KeySchedule | None = None

    def provision(self, end: End) -> None:
        """Whom M3 is checked against from now on."""
        self._end = end

    def take_m1(
        self,
        body: bytes,
        extensions: Sequence[tuple[int, bytes]] = (),
        admits: Callable[[], bool] = lambda: True,
    ) -> bytes:
        """Takes the steps of "Receiving M1" that need no time, and gives M2. `admits` is asked at the place of KEX-32.

        Raises Refused with the alert that answers, or Dropped if it is not admitted.
        """
        hello = self._open_m1(body)
        agreement = next((known for known in self._agreements if known[:8] == hello.agreement), None)
        if agreement is None:
            raise Refused(AlertCode.AGREEMENT, "the agreement is not held")
        end = self._under(agreement)
        versions = [version for version in hello.versions if version in end.versions]
        if not versions:
            raise Refused(AlertCode.VERSION, "no common version")
        suites = [suite for suite in hello.suites if suite in end.suites and suite in _GROUP_OF_SUITE]
        if not suites:
            raise Refused(AlertCode.SUITE, "no common suite")
        if not admits():
            raise Dropped("too many candidates")
        suite, share = self._choose(suites, {share.group: share.key for share in hello.shares})
        # A share of zero is refused before the nonce is of any use: the draws have their order all the same (KEX-9).
        nonce, private = self._draw(16), self._draw(32)
        shared = self._end.crypto.x25519(private, share)
        if shared is None:
            raise Refused(AlertCode.ILLEGAL_PARAMETER, "a shared secret of zero")
        answer = PosHello(
            version=max(versions),
            suite=suite,
            nonce=nonce,
            share=self._end.crypto.x25519_public(private),
            extensions=[Extension(id=number, data=data) for number, data in extensions],
        ).SerializeToString()
        return self._reply(agreement, body, answer, shared)

    def _reply(self, agreement: bytes, m1: bytes, hello: bytes, shared: bytes) -> bytes:
        schedule = KeySchedule(agreement, m1)
        schedule.hello(hello, shared)
        auth = _own_auth(self._end, schedule, Labels.AUTH_POS, schedule.confirm_pos)
        secrets, hashes = schedule.secrets, schedule.transcript.hashes
        sealed = self._end.crypto.seal(secrets["key_p"], secrets["iv_p"], hashes[2], auth)
        schedule.second()
        self.schedule, self._agreement_hash = schedule, agreement
        return PosReply(hello=hello, sealed=sealed).SerializeToString()

    def _open_m1(self, body: bytes) -> HisHello:
        magic = len(Labels.M1_MAGIC)
        try:
            if len(body) > Limits.M1_BYTES_MAX or body[:magic] != Labels.M1_MAGIC:
                raise Refused(AlertCode.DECODE_ERROR, "size or magic")
            validate("HisHello", body[magic:])
        except NotCanonical as error:
            raise Refused(AlertCode.DECODE_ERROR, f"M1: {error}") from error
        hello = HisHello.FromString(body[magic:])
        groups = [share.group for share in hello.shares]
        if len(set(groups)) != len(groups) or not _rises([extension.id for extension in hello.extensions]):
            raise Refused(AlertCode.DECODE_ERROR, "shares of one group, or extensions that do not ascend")
        return hello

    def _choose(self, suites: Sequence[int], shares: Mapping[int, bytes]) -> tuple[int, bytes]:
        chosen = next((suite for suite in suites if _GROUP_OF_SUITE[suite] in shares), None)
        if chosen is None:
            raise Refused(AlertCode.ILLEGAL_PARAMETER, "no key share for a common suite")
        group = _GROUP_OF_SUITE[chosen]
        if len(shares[group]) != _SHARE_BYTES[group]:
            raise Refused(AlertCode.ILLEGAL_PARAMETER, "a key share of another length")
        return chosen, shares[group]

    def take_m3(self, body: bytes) -> Keys:
        """Takes the steps of "Receiving M3" behind KEX-51, and gives the keys: the POS commits.

        Raises Dropped, or Refused with 40, after which the candidate is gone (KEX-53), or 93 without a candidate.
        """
        if len(body) > Limits.M3_BYTES_MAX:
            raise Dropped("M3 is too long")
        schedule = self.schedule
        if schedule is None:
            raise Refused(AlertCode.NO_HANDSHAKE, "no candidate")
        secrets, hashes = schedule.secrets, schedule.transcript.hashes
        opened = self._end.crypto.open(secrets["key_h"], secrets["iv_h"], hashes[5], body)
        if opened is None:
            raise Dropped("M3 does not open")
        self.schedule = None
        peer = _authenticate(self._end, schedule, opened, Labels.AUTH_HIS, schedule.confirm_his, None)
        keys = _keys(schedule, peer, self._agreement_hash)
        self.schedule = schedule
        return keys


def _authenticate(
    end: End,
    schedule: KeySchedule,
    opened: bytes,
    context: bytes,
    confirm: Callable[[], bytes],
    bound: bytes | None,
) -> bytes:
    """Checks the peer's Auth in the order of KEX-55 to KEX-60, and gives its id."""
    try:
        validate("Auth", opened)
        auth = Auth.FromString(opened)
        validate("Identity", auth.identity)
    except NotCanonical as error:
        raise _failed(f"Auth: {error}") from error
    identity = Identity.FromString(auth.identity)
    if not is_equal(end.registry.get(identity.id, b""), identity.public_key):
        raise _failed("not in the registry")
    if identity.id == end.id or identity.public_key == end.public_key:
        raise _failed("our own identity")
    if bound is not None and identity.id != bound:
        raise _failed("not the device of this desk")
    transcript_hash = schedule.transcript.add(auth.identity)
    if not end.crypto.verify(identity.public_key, signed_message(context, transcript_hash), auth.signature):
        raise _failed("the signature")
    schedule.transcript.add(auth.signature)
    if not is_equal(auth.confirm, confirm()):
        raise _failed("the confirmation")
    schedule.transcript.add(auth.confirm)
    return identity.id


def _failed(why: str) -> Refused:
    return Refused(AlertCode.HANDSHAKE_FAILURE, why)


def _own_auth(end: End, schedule: KeySchedule, context: bytes, confirm: Callable[[], bytes]) -> bytes:
    identity = end.identity()
    signature = end.sign(context, schedule.transcript.add(identity))
    schedule.transcript.add(signature)
    confirmed = confirm()
    schedule.transcript.add(confirmed)
    return Auth(identity=identity, signature=signature, confirm=confirmed).SerializeToString()


def _keys(schedule: KeySchedule, peer: bytes, agreement_hash: bytes) -> Keys:
    schedule.application()
    secrets = schedule.secrets
    return Keys(secrets["ap_h"], secrets["ap_p"], secrets["tag"][0], peer, agreement_hash)


def _rises(numbers: Sequence[int]) -> bool:
    return all(one < other for one, other in zip(numbers, numbers[1:]))


def agreement_hash(payload: bytes) -> bytes:
    """SHA-256 over the payload of an agreement's signed file, as received."""
    return sha256(payload)
