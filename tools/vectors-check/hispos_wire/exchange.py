"""The key exchange of both roles, without timers: what each side makes, and how it takes what it gets.

`His` and `Pos` keep every intermediate value under its name in the specification in `values`, so that a vector can
be compared name by name. A message that does not pass raises `Alert` or `Drop`.
"""

from dataclasses import dataclass, field
from hmac import compare_digest

from . import fields
from .canonical import failing_step
from .schedule import (
    Transcript,
    auth_message,
    ed25519_public,
    extract,
    hmac256,
    key_and_iv,
    label,
    open_sealed,
    seal,
    sha256,
    sign,
    verify,
    x25519,
    x25519_public,
)

ZERO32 = bytes(32)
BODY_MAX, M3_MAX = 1536, 512
GROUP_OF_SUITE = {0x0001: 1, 0x0002: 1, 0x0101: 2, 0x0201: 3}
X25519_BYTES = 32


class Alert(Exception):
    """A plain alert is the answer."""

    def __init__(self, code: int, why: str):
        super().__init__(f"alert {code}: {why}")
        self.code, self.why = code, why


class Drop(Exception):
    """No answer, and nothing changes."""


@dataclass
class Party:
    """One side's identity, its draws, and what it offers or allows."""

    id: bytes
    signing_seed: bytes
    nonce: bytes
    x25519_private: bytes
    versions: list[int]
    suites: list[int]
    extensions: list[tuple[int, bytes]] = field(default_factory=list)

    @property
    def public_key(self) -> bytes:
        return ed25519_public(self.signing_seed)

    @property
    def identity(self) -> bytes:
        return fields.content(1, self.id) + fields.content(2, self.public_key)


def _extensions(extensions) -> bytes:
    return b"".join(fields.content(15, fields.number(1, i) + fields.content(2, data)) for i, data in extensions)


def _extension_ids_ascend(message: dict) -> bool:
    ids = [fields.read(e)[1][0] for e in message.get(15, [])]
    return all(a < b for a, b in zip(ids, ids[1:]))


class _Side:
    def __init__(self, own: Party, peer_id: bytes, peer_key: bytes, agreement: bytes):
        self.own, self.peer_id, self.peer_key, self.agreement = own, peer_id, peer_key, agreement
        self.values: dict[str, bytes] = {}

    def _element(self, name: str, content: bytes) -> bytes:
        hashed = self.transcript.add(content)
        self.values[name] = content
        self.values[f"th{self.transcript.count}"] = hashed
        return hashed

    def _start(self, m1: bytes, hello: bytes, ss: bytes):
        """T up to the hellos, and the keys that depend on them."""
        self.transcript = Transcript(self.agreement)
        v = self.values
        v["t0"] = self.transcript.t0
        self._element("m1", m1)
        th2 = self._element("hello", hello)
        v["ss"], v["prk1"] = ss, extract(ZERO32, ss)
        for side, name in (("p", "hs pos"), ("h", "hs his")):
            secret = v[f"hs_{side}"] = label(v["prk1"], name, th2, 32)
            v[f"key_{side}"], v[f"iv_{side}"] = key_and_iv(secret)

    def _second_extraction(self):
        v = self.values
        v["prk2"] = extract(label(v["prk1"], "derived", v["th5"], 32), ZERO32)

    def _finish(self):
        v = self.values
        v["ap_h"] = label(v["prk2"], "ap his", v["th8"], 32)
        v["ap_p"] = label(v["prk2"], "ap pos", v["th8"], 32)
        v["tag"] = label(v["prk2"], "tag", v["th8"], 1)

    def _finished_key(self, side: str) -> bytes:
        v = self.values
        return label(v["hs_p"], "fin", b"", 32) if side == "p" else label(v["prk2"], "fin his", v["th5"], 32)

    def _prove(self, side: str) -> bytes:
        """Identity, signature and confirmation of this side: its Auth."""
        context = "hispos/1 pos auth" if side == "p" else "hispos/1 his auth"
        th = self._element(f"identity_{side}", self.own.identity)
        th = self._element(f"signature_{side}", sign(self.own.signing_seed, auth_message(context, th)))
        confirm = hmac256(self._finished_key(side), th)
        self._element(f"confirm_{side}", confirm)
        v = self.values
        auth = v[f"auth_{side}"] = (
            fields.content(1, v[f"identity_{side}"])
            + fields.content(2, v[f"signature_{side}"])
            + fields.content(3, confirm)
        )
        return auth

    def _check(self, side: str, auth: bytes):
        """The peer's Auth. One reason on the wire for every failure."""
        self.values[f"auth_{side}"] = auth
        if step := failing_step("Auth", auth):
            raise Alert(40, f"Auth fails step {step}")
        parts = fields.read(auth)
        identity, signature, confirm = parts[1][0], parts[2][0], parts[3][0]
        if step := failing_step("Identity", identity):
            raise Alert(40, f"Identity fails step {step}")
        who = fields.read(identity)
        peer_id, peer_key = who[1][0], who[2][0]
        if peer_id != self.peer_id or peer_key != self.peer_key:
            raise Alert(40, "not registered")
        if peer_id == self.own.id or peer_key == self.own.public_key:
            raise Alert(40, "own id or key")
        context = "hispos/1 pos auth" if side == "p" else "hispos/1 his auth"
        th = self._element(f"identity_{side}", identity)
        if not verify(peer_key, auth_message(context, th), signature):
            raise Alert(40, "signature")
        th = self._element(f"signature_{side}", signature)
        if not compare_digest(confirm, hmac256(self._finished_key(side), th)):
            raise Alert(40, "confirm")
        self._element(f"confirm_{side}", confirm)


class His(_Side):
    """The initiator."""

    def make_m1(self, shares: list[tuple[int, bytes]] | None = None) -> bytes:
        own = self.own
        shares = shares or [(1, x25519_public(own.x25519_private))]
        hello = (
            fields.packed(1, own.versions)
            + fields.packed(2, own.suites)
            + fields.content(3, own.nonce)
            + b"".join(fields.content(4, fields.number(1, g) + fields.content(2, k)) for g, k in shares)
            + fields.content(5, sha256(self.agreement)[:8])
            + _extensions(own.extensions)
        )
        self.m1 = b"hsp1" + hello
        return self.m1

    def take_m2(self, body: bytes) -> bytes:
        """The body of M3."""
        hello, sealed, choice = self._read_reply(body)
        ss = x25519(self.own.x25519_private, choice[4][0])
        if ss is None:
            raise Drop("shared secret is zero")
        self._start(self.m1, hello, ss)
        v = self.values
        auth = open_sealed(v["key_p"], v["iv_p"], v["th2"], sealed)
        if auth is None:
            raise Drop("Auth does not open")
        self._check("p", auth)
        self._second_extraction()
        th5 = v["th5"]
        m3 = v["m3"] = seal(v["key_h"], v["iv_h"], th5, self._prove("h"))
        self._finish()
        return m3

    def _read_reply(self, body: bytes):
        if len(body) > BODY_MAX:
            raise Drop("size")
        if step := failing_step("PosReply", body):
            raise Drop(f"PosReply fails step {step}")
        reply = fields.read(body)
        hello, sealed = reply[1][0], reply[2][0]
        if step := failing_step("PosHello", hello):
            raise Drop(f"PosHello fails step {step}")
        choice = fields.read(hello)
        if not _extension_ids_ascend(choice):
            raise Drop("extension ids do not ascend")
        if choice[1][0] not in self.own.versions or choice[2][0] not in self.own.suites:
            raise Drop("version or suite was not offered")
        if len(choice[4][0]) != X25519_BYTES:
            raise Drop("length of the share")
        return hello, sealed, choice


class Pos(_Side):
    """The responder. It holds one agreement and allows `own.versions` and `own.suites`."""

    def take_m1(self, body: bytes) -> bytes:
        """The body of M2."""
        hello = self._read_hello(body)
        version, suite, share = self._choose(hello)
        ss = x25519(self.own.x25519_private, share)
        if ss is None:
            raise Alert(47, "shared secret is zero")
        own = self.own
        pos_hello = (
            fields.number(1, version)
            + fields.number(2, suite)
            + fields.content(3, own.nonce)
            + fields.content(4, x25519_public(own.x25519_private))
            + _extensions(own.extensions)
        )
        self._start(body, pos_hello, ss)
        v = self.values
        th2 = v["th2"]
        v["sealed"] = seal(v["key_p"], v["iv_p"], th2, self._prove("p"))
        self._second_extraction()
        v["m2"] = fields.content(1, pos_hello) + fields.content(2, v["sealed"])
        return v["m2"]

    def _read_hello(self, body: bytes) -> dict:
        if len(body) > BODY_MAX or body[:4] != b"hsp1":
            raise Alert(50, "size or magic")
        if step := failing_step("HisHello", body[4:]):
            raise Alert(50, f"HisHello fails step {step}")
        hello = fields.read(body[4:])
        groups = [fields.read(s)[1][0] for s in hello[4]]
        if len(set(groups)) != len(groups):
            raise Alert(50, "the same group twice")
        if not _extension_ids_ascend(hello):
            raise Alert(50, "extension ids do not ascend")
        return hello

    def _choose(self, hello: dict) -> tuple[int, int, bytes]:
        if hello[5][0] != sha256(self.agreement)[:8]:
            raise Alert(72, "agreement is not held")
        versions = set(fields.read_packed(hello[1][0])) & set(self.own.versions)
        if not versions:
            raise Alert(70, "no common version")
        suites = [s for s in fields.read_packed(hello[2][0]) if s in self.own.suites]
        if not suites:
            raise Alert(71, "no common suite")
        shares = {s[1][0]: s[2][0] for s in map(fields.read, hello[4])}
        suite = next((s for s in suites if GROUP_OF_SUITE[s] in shares), None)
        if suite is None:
            raise Alert(47, "no share for an allowed suite")
        share = shares[GROUP_OF_SUITE[suite]]
        if len(share) != X25519_BYTES:
            raise Alert(47, "length of the share")
        return max(versions), suite, share

    def take_m3(self, body: bytes):
        """Commits: `values` holds the record secrets afterwards."""
        v = self.values
        if len(body) > M3_MAX:
            raise Drop("size")
        auth = open_sealed(v["key_h"], v["iv_h"], v["th5"], body)
        if auth is None:
            raise Drop("Auth does not open")
        self._check("h", auth)
        v["m3"] = body
        self._finish()
