"""Signed files: agreements and manifests, verified before anything of them is used (provisioning)."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, Union

from .canonical import NotCanonical, validate
from .crypto import Crypto, is_usable_key, sha256, signed_message
from .messages.agreement_pb2 import Agreement, Device, DeviceManifest, SignedFile, Terminal, TerminalManifest
from .tables import FileKind, Labels, Limits, Revocation, Timers

SERVING_MAX: Final = 2
"""So many agreements serve new sessions: the newest ones (PRV-31)."""

Manifest = Union[DeviceManifest, TerminalManifest]
"""A list of what the other organisation has registered."""
Entry = Union[Device, Terminal]
"""One of its rows."""

_CONTEXTS: Final = {
    FileKind.AGREEMENT: Labels.AGREEMENT,
    FileKind.DEVICE_MANIFEST: Labels.DEVICE_MANIFEST,
    FileKind.TERMINAL_MANIFEST: Labels.TERMINAL_MANIFEST,
}
_MESSAGES: Final = {
    FileKind.AGREEMENT: "Agreement",
    FileKind.DEVICE_MANIFEST: "DeviceManifest",
    FileKind.TERMINAL_MANIFEST: "TerminalManifest",
}
_LEAST: Final = {
    "drift": Timers.DRIFT,
    "reverse_min": Timers.REVERSE_MIN,
    "fence": Timers.FENCE,
    "quiet": Timers.QUIET,
}


class Refused(Exception):
    """A file that is not taken over; `requirement` is the one that it breaks."""

    def __init__(self, requirement: str, why: str) -> None:
        """`why` is for the person who imports the file."""
        super().__init__(f"{why} ({requirement})")
        self.requirement = requirement


def key_id(public_key: bytes) -> bytes:
    """The name of an organisation's key in signed files (provisioning, section "Organisation keys")."""
    return sha256(public_key)[:8]


def fingerprint(public_key: bytes) -> str:
    """What people compare by telephone: 8 groups of 4 capital hexadecimal digits."""
    digits = sha256(public_key)[:16].hex().upper()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


@dataclass(frozen=True)
class File:
    """A signed file whose form is right: its kind, and the payload that is hashed and signed."""

    kind: FileKind
    payload: bytes
    signed: SignedFile

    def is_signed_by(self, crypto: Crypto, public_key: bytes) -> bool:
        """Whether the signature of this key is there and verifies (PRV-13)."""
        message = signed_message(_CONTEXTS[self.kind], self.payload)
        mine = [item for item in self.signed.signatures if item.key_id == key_id(public_key)]
        return any(crypto.verify(public_key, message, item.signature) for item in mine)


def read_file(data: bytes, wanted: FileKind) -> File:
    """Reads the binary form of a file of a kind (PRV-11, PRV-12). Raises Refused."""
    file = _read_any(data)
    if file.kind != wanted:
        raise Refused("PRV-12", f"a file of kind {file.kind.name}")
    return file


def _read_any(data: bytes) -> File:
    if len(data) > Limits.SIGNED_FILE_BYTES_MAX:
        raise Refused("PRV-11", f"a file of {len(data)} bytes")
    try:
        validate("SignedFile", data)
        signed = SignedFile.FromString(data)
        if int(signed.kind) not in _CONTEXTS:
            raise Refused("PRV-12", f"a file of kind {signed.kind}")
        kind = FileKind(int(signed.kind))
        validate(_MESSAGES[kind], signed.payload)
    except NotCanonical as error:
        raise Refused("PRV-12", str(error)) from error
    ids = [item.key_id for item in signed.signatures]
    if not _rises(ids):
        raise Refused("PRV-12", "the key ids do not ascend")
    return File(kind, signed.payload, signed)


_BEGIN: Final = "-----BEGIN HISPOS "


def read_armour(text: str) -> bytes:
    """The binary form in armour (PRV-15 to PRV-18). Raises Refused."""
    lines = [line.strip() for line in text.split("\n")]
    start = next((at for at, line in enumerate(lines) if line.startswith(_BEGIN)), None)
    if start is None or not lines[start].endswith("-----"):
        raise Refused("PRV-18", "there is no BEGIN line")
    name = lines[start][len(_BEGIN) : -5]
    end = next((at for at in range(start + 1, len(lines)) if lines[at].startswith("-----END")), None)
    if end is None or lines[end] != f"-----END HISPOS {name}-----":
        raise Refused("PRV-18", "the END line is missing or another one")
    data = _base64("".join(lines[start + 1 : end]))
    if _read_any(data).kind.name.replace("_", " ") != name:
        raise Refused("PRV-18", "the name is not that of the file inside")
    return data


def _base64(text: str) -> bytes:
    if not re.fullmatch(r"[0-9A-Za-z+/]*={0,2}", text, re.ASCII) or len(text) % 4:
        raise Refused("PRV-17", "a character or a group that base64 does not have")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise Refused("PRV-17", str(error)) from error
    if base64.b64encode(data).decode() != text:
        raise Refused("PRV-17", "bits behind the content")
    return data


def write_armour(data: bytes) -> str:
    """A signed file as text for mail (provisioning, section "Armour")."""
    name = _read_any(data).kind.name.replace("_", " ")
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"{_BEGIN}{name}-----", *lines, f"-----END HISPOS {name}-----", ""])


def read_agreement(crypto: Crypto, data: bytes) -> tuple[Agreement, bytes]:
    """An agreement that both its organisations signed, and its hash (PRV-19 to PRV-27). Raises Refused.

    Whether people have confirmed the fingerprints of its keys is the caller's to ask (PRV-3).
    """
    file = read_file(data, FileKind.AGREEMENT)
    agreement = Agreement.FromString(file.payload)
    _judge_agreement(agreement)
    for key in (agreement.his_organisation_key, agreement.pos_organisation_key):
        if not file.is_signed_by(crypto, key):
            raise Refused("PRV-25", "not signed by both organisations")
    return agreement, sha256(file.payload)


def _judge_agreement(agreement: Agreement) -> None:
    keys = (agreement.his_organisation_key, agreement.pos_organisation_key)
    if agreement.currency != "CNY" or not _rises(agreement.versions) or not _rises(agreement.suites):
        raise Refused("PRV-19", "currency, or versions and suites that do not ascend")
    if keys[0] == keys[1] or not all(map(is_usable_key, keys)):
        raise Refused("PRV-20", "an organisation key is unusable")
    if max(agreement.amounts.collect_max, agreement.amounts.refund_max) > Limits.AMOUNT_FEN_MAX:
        raise Refused("PRV-21", "an amount limit is too high")
    day = agreement.business_day
    if not -720 <= day.utc_offset_minutes <= 840 or day.cut_minutes > 1439:
        raise Refused("PRV-22", "the business day")
    if not agreement.HasField("wechat") and not agreement.HasField("alipay"):
        raise Refused("PRV-23", "no merchant")
    if agreement.site_code.startswith("SIM") != agreement.simulated:
        raise Refused("PRV-24", "site code and simulation disagree")
    timers = agreement.timers
    if agreement.simulated:
        return
    if any(getattr(timers, name) < least for name, least in _LEAST.items()):
        raise Refused("PRV-26", "a protecting timer is too short")
    if timers.quiet < timers.http + timers.fence or timers.fence < timers.expiry:
        raise Refused("PRV-27", "timers that do not add up")


def business_day(agreement: Agreement, unix_seconds: int) -> int:
    """The business day of a moment, as YYYYMMDD (provisioning, section "The business day")."""
    day = agreement.business_day
    shifted = unix_seconds + 60 * day.utc_offset_minutes - 60 * day.cut_minutes
    date = datetime.datetime.fromtimestamp(shifted, tz=datetime.timezone.utc).date()
    return date.year * 10000 + date.month * 100 + date.day


def read_manifest(crypto: Crypto, data: bytes, wanted: FileKind, agreement: Agreement) -> Manifest:
    """A manifest under the newest agreement (PRV-33 to PRV-36). Raises Refused."""
    is_device = wanted == FileKind.DEVICE_MANIFEST
    organisation = agreement.pos_organisation_key if is_device else agreement.his_organisation_key
    return verify_manifest(crypto, data, wanted, organisation, agreement.site_id)


def verify_manifest(
    crypto: Crypto, data: bytes, wanted: FileKind, organisation: bytes, site_id: str
) -> Manifest:
    """A manifest under an organisation's key, of a site (PRV-33 to PRV-36). Raises Refused."""
    file = read_file(data, wanted)
    manifest = parse_manifest(wanted, file.payload)
    ids = [identifier(entry).encode() for entry in entries(manifest)]
    keys = [entry.public_key for entry in entries(manifest)]
    if not _rises(ids) or len(set(keys)) != len(keys):
        raise Refused("PRV-34", "ids that do not ascend, or a key that stands twice")
    for entry in entries(manifest):
        _judge_entry(entry)
    if not file.is_signed_by(crypto, organisation) or manifest.site_id != site_id:
        raise Refused("PRV-33", "not signed by the organisation, or of another site")
    return manifest


def _judge_entry(entry: Entry) -> None:
    if not is_usable_key(entry.public_key) or entry.valid_from > entry.valid_until:
        raise Refused("PRV-35", f"{identifier(entry)}: key or dates")
    revocation = int(entry.revocation)
    is_compromised = revocation == Revocation.COMPROMISED
    if revocation not in tuple(Revocation) or (entry.compromised_since != 0) != is_compromised:
        raise Refused("PRV-36", f"{identifier(entry)}: revocation")


def parse_manifest(kind: FileKind, payload: bytes) -> Manifest:
    """The manifest in a payload that was validated."""
    if kind == FileKind.DEVICE_MANIFEST:
        return DeviceManifest.FromString(payload)
    return TerminalManifest.FromString(payload)


def entries(manifest: Manifest) -> Sequence[Entry]:
    """Devices or terminals."""
    return manifest.devices if isinstance(manifest, DeviceManifest) else manifest.terminals


def identifier(entry: Entry) -> str:
    """What the messages call the entry."""
    return entry.device_id if isinstance(entry, Device) else entry.terminal_id


def registry(manifest: Manifest) -> dict[bytes, bytes]:
    """Keys by ids, for the key exchange; a POS does not take compromised terminals in (KEX-2)."""
    is_pos = isinstance(manifest, TerminalManifest)
    taken = (
        entry
        for entry in entries(manifest)
        if not (is_pos and int(entry.revocation) == Revocation.COMPROMISED)
    )
    return {identifier(entry).encode(): entry.public_key for entry in taken}


def check_agreement_succession(held: bytes, newer: bytes) -> None:
    """Whether the payload of a newer agreement may follow the one that is held (PRV-28, PRV-29). Raises Refused."""
    before, behind = Agreement.FromString(held), Agreement.FromString(newer)
    if before.site_id != behind.site_id:
        raise Refused("PRV-28", "an agreement of another site")
    if behind.agreement_no < before.agreement_no:
        raise Refused("PRV-29", "an older agreement")
    if behind.agreement_no == before.agreement_no and held != newer:
        raise Refused("PRV-29", "another agreement of the same number")


def check_manifest_succession(kind: FileKind, held: bytes, newer: bytes) -> None:
    """Whether the payload of a newer manifest may follow the one that is held (PRV-37 to PRV-39). Raises Refused."""
    before, behind = parse_manifest(kind, held), parse_manifest(kind, newer)
    if before.site_id != behind.site_id:
        raise Refused("PRV-33", "a manifest of another site")
    if behind.serial < before.serial or (behind.serial == before.serial and held != newer):
        raise Refused("PRV-37", "an older manifest, or another one of the same serial")
    followers = {identifier(entry): entry for entry in entries(behind)}
    for entry in entries(before):
        follower = followers.get(identifier(entry))
        if follower is None or follower.public_key != entry.public_key:
            raise Refused("PRV-38", f"{identifier(entry)} is gone or has another key")
        if follower.revocation < entry.revocation:
            raise Refused("PRV-39", f"{identifier(entry)}: a revocation is taken back")
        if entry.compromised_since and follower.compromised_since > entry.compromised_since:
            raise Refused("PRV-39", f"{identifier(entry)}: compromised later")


_Ordered = TypeVar("_Ordered", int, bytes)


def _rises(items: Sequence[_Ordered]) -> bool:
    return list(items) == sorted(set(items))
