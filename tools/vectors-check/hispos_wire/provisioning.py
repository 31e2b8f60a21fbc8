"""Signed files: armour, signatures, the rules of agreements and manifests, and what may follow what."""

import re

from .canonical import failing_step
from .message import decode
from .order import AMOUNT_MAX
from .schedule import is_usable_key, sha256, verify

NAMES = {1: "Agreement", 2: "DeviceManifest", 3: "TerminalManifest"}
CONTEXTS = {1: "hispos/1 agreement", 2: "hispos/1 device manifest", 3: "hispos/1 terminal manifest"}
FILE_MAX = 262_144
LEAST = {"drift": 20_000, "reverse_min": 15_000, "fence": 120_000, "quiet": 132_000}
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def file_faults(wanted: int, data: bytes, his: bytes, pos: bytes, site: str) -> set[str]:
    """The requirements that a file breaks; none if it is taken."""
    if len(data) > FILE_MAX:
        return {"PRV-11"}
    if failing_step("SignedFile", data):
        return {"PRV-12"}
    file = decode("SignedFile", data)
    kind, payload = file["kind"], bytes.fromhex(file["payload"])
    ids = [s["key_id"] for s in file.get("signatures", [])]
    if kind != wanted or kind not in NAMES or any(a >= b for a, b in zip(ids, ids[1:])):
        return {"PRV-12"}
    if failing_step(NAMES[kind], payload):
        return {"PRV-12"}
    said = decode(NAMES[kind], payload)
    if kind == 1:
        faults = agreement_faults(said)
        keys = [bytes.fromhex(said["his_organisation_key"]), bytes.fromhex(said["pos_organisation_key"])]
        if not all(_signed(file, key, payload) for key in keys):
            faults.add("PRV-25")
        return faults
    faults = manifest_faults(kind, said)
    if not _signed(file, pos if kind == 2 else his, payload) or said["site_id"] != site:
        faults.add("PRV-33")
    return faults


def _signed(file: dict, key: bytes, payload: bytes) -> bool:
    message = b"\x20" * 64 + CONTEXTS[file["kind"]].encode() + b"\0" + payload
    ident = sha256(key)[:8].hex()
    mine = [s["signature"] for s in file.get("signatures", []) if s["key_id"] == ident]
    return bool(mine) and verify(key, message, bytes.fromhex(mine[0]))


def _rises(values: list) -> bool:
    return all(a < b for a, b in zip(values, values[1:]))


def agreement_faults(said: dict) -> set[str]:
    faults = set()
    if said["currency"] != "CNY" or not _rises(said["versions"]) or not _rises(said["suites"]):
        faults.add("PRV-19")
    keys = [bytes.fromhex(said["his_organisation_key"]), bytes.fromhex(said["pos_organisation_key"])]
    if keys[0] == keys[1] or not all(map(is_usable_key, keys)):
        faults.add("PRV-20")
    if max(said["amounts"]["collect_max"], said["amounts"]["refund_max"]) > AMOUNT_MAX:
        faults.add("PRV-21")
    day = said.get("business_day", {})
    if not -720 <= day.get("utc_offset_minutes", 0) <= 840 or day.get("cut_minutes", 0) > 1439:
        faults.add("PRV-22")
    if "wechat" not in said and "alipay" not in said:
        faults.add("PRV-23")
    simulated, timers = said.get("simulated", False), said["timers"]
    if said["site_code"].startswith("SIM") != simulated:
        faults.add("PRV-24")
    if not simulated:
        if any(timers[name] < least for name, least in LEAST.items()):
            faults.add("PRV-26")
        if timers["quiet"] < timers["http"] + timers["fence"] or timers["fence"] < timers["expiry"]:
            faults.add("PRV-27")
    return faults


def entries(kind: int, said: dict) -> dict[str, dict]:
    name, ident = ("devices", "device_id") if kind == 2 else ("terminals", "terminal_id")
    return {entry[ident]: entry for entry in said[name]}


def manifest_faults(kind: int, said: dict) -> set[str]:
    name, ident = ("devices", "device_id") if kind == 2 else ("terminals", "terminal_id")
    rows, faults = said[name], set()
    keys = [row["public_key"] for row in rows]
    if not _rises([row[ident].encode() for row in rows]) or len(set(keys)) != len(keys):
        faults.add("PRV-34")
    for row in rows:
        if not is_usable_key(bytes.fromhex(row["public_key"])) or row["valid_from"] > row["valid_until"]:
            faults.add("PRV-35")
        revocation = row.get("revocation", 0)
        if revocation not in (0, 1, 2) or ("compromised_since" in row) != (revocation == 2):
            faults.add("PRV-36")
    return faults


def succession_faults(kind: int, held: bytes, newer: bytes) -> set[str]:
    before, behind = decode(NAMES[kind], held), decode(NAMES[kind], newer)
    rank = "agreement_no" if kind == 1 else "serial"
    faults = set()
    if before["site_id"] != behind["site_id"]:
        faults.add("PRV-28" if kind == 1 else "PRV-33")
    if behind[rank] < before[rank] or (behind[rank] == before[rank] and held != newer):
        faults.add("PRV-29" if kind == 1 else "PRV-37")
    if kind == 1:
        return faults
    old, new = entries(kind, before), entries(kind, behind)
    for ident, entry in old.items():
        follower = new.get(ident)
        if follower is None or follower["public_key"] != entry["public_key"]:
            faults.add("PRV-38")
        elif follower.get("revocation", 0) < entry.get("revocation", 0):
            faults.add("PRV-39")
        elif "compromised_since" in entry and follower["compromised_since"] > entry["compromised_since"]:
            faults.add("PRV-39")
    return faults


def read_armour(text: str) -> tuple[bytes | None, str]:
    """The binary file in armour, or None and the requirement that is broken."""
    lines = [line.strip() for line in text.split("\n")]
    start = next((at for at, line in enumerate(lines) if line.startswith("-----BEGIN HISPOS ")), None)
    if start is None:
        return None, "PRV-18"
    begin = re.fullmatch(r"-----BEGIN HISPOS (.*)-----", lines[start])
    end = next((at for at in range(start + 1, len(lines)) if lines[at].startswith("-----END")), None)
    if not begin or end is None or lines[end] != f"-----END HISPOS {begin[1]}-----":
        return None, "PRV-18"
    data = _base64("".join(lines[start + 1 : end]))
    if data is None:
        return None, "PRV-17"
    if len(data) > FILE_MAX:
        return None, "PRV-11"
    if failing_step("SignedFile", data):
        return None, "PRV-12"
    kind = decode("SignedFile", data)["kind"]
    name = CONTEXTS.get(kind, "").removeprefix("hispos/1 ").upper()
    payload = bytes.fromhex(decode("SignedFile", data)["payload"])
    if failing_step(NAMES[kind], payload):
        return None, "PRV-12"
    return (data, "") if name == begin[1] else (None, "PRV-18")


def _base64(text: str) -> bytes | None:
    bare = text.rstrip("=")
    padding = len(text) - len(bare)
    if len(text) % 4 or padding > 2 or any(c not in BASE64 for c in bare):
        return None
    bits = "".join(format(BASE64.index(c), "06b") for c in bare)
    whole = len(bits) // 8 * 8
    if "1" in bits[whole:]:
        return None
    return bytes(int(bits[at : at + 8], 2) for at in range(0, whole, 8))
