"""Orders and results: hashes, signatures, numbers, and what makes them malformed."""

import datetime
import re

from .canonical import failing_step
from .message import decode
from .schedule import hmac256

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def order_hash_input(site_id: str, core: bytes) -> bytes:
    return b"hispos/1 order\0" + bytes([len(site_id)]) + site_id.encode() + core


def result_input(result: bytes) -> bytes:
    return b"\x20" * 64 + b"hispos/1 result\0" + result


def order_number(secret: bytes, kind: int, key: bytes, generation: int) -> tuple[str, bytes, bytes]:
    """The number, what goes into the MAC, and the MAC."""
    hashed = b"hispos/1 order number\0" + bytes([kind]) + len(key).to_bytes(2, "big") + key
    hashed += generation.to_bytes(4, "big")
    mac = hmac256(secret, hashed)
    bits = int.from_bytes(mac, "big") >> (256 - 95)
    return "B" + "".join(DIGITS[bits >> shift & 31] for shift in range(90, -1, -5)), hashed, mac


def refund_key(original: str, channel: int, item: str) -> bytes:
    return bytes([len(original)]) + original.encode() + bytes([channel]) + item.encode()


LETTERS = {"W": 1, "A": 2, "R": None}
AMOUNT_MAX = 9_999_999_999


def read_platform_number(number: str) -> tuple[str, str, str] | None:
    """Site code, order number and letter, or None."""
    if not re.fullmatch(r"[0-9A-Z]{4}[0-9A-Z]{1,24}[WAR]", number):
        return None
    return number[:4], number[4:-1], number[-1]


def amount_of(text: str) -> int | None:
    """Fen of what a person types, or None."""
    found = re.fullmatch(r"([+-])([0-9]+)(?:\.([0-9]{1,2}))?", text, re.ASCII)
    if not found:
        return None
    fen = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    if not 1 <= fen <= AMOUNT_MAX:
        return None
    return fen if found[1] == "+" else -fen


def is_date(day: int) -> bool:
    if not 10000101 <= day <= 99991231:
        return False
    try:
        datetime.date(day // 10000, day // 100 % 100, day % 100)
    except ValueError:
        return False
    return True


def core_fault(core: bytes) -> int:
    """The code with which a core is rejected, 0 if it is an order."""
    if failing_step("OrderCore", core):
        return 501
    said = decode("OrderCore", core)
    kind, amount = said["kind"], said["amount"]
    if kind not in (1, 2):
        return 501
    if abs(amount) > AMOUNT_MAX or (amount > 0) != (kind == 1):
        return 504
    refund = said.get("refund_of")
    if not is_date(said["business_day"]) or (refund is not None) != (kind == 2):
        return 501
    if refund and (refund["operator"] == refund["approver"] or refund["channel"] not in (1, 2)):
        return 501
    if refund and not -amount <= refund["amount"] <= AMOUNT_MAX:
        return 501
    return 0


GROUPS = {1: range(100, 110), 3: range(110, 200), 2: range(200, 300), 5: range(300, 400), 4: range(400, 500)}


def result_fault(result: bytes, statuses: set[int]) -> str:
    """The requirement by which bytes are no result; empty if they are one. `statuses` are those that are known."""
    if failing_step("ResultCore", result):
        return "ENC-2"
    said = decode("ResultCore", result)
    outcome, status, amount = said["outcome"], said["status"], said["amount"]
    found = said.get("found", [])
    channels = [said["channel"]] if "channel" in said else []
    channels += [capture["channel"] for capture in found]
    if outcome not in GROUPS or abs(amount) > AMOUNT_MAX or not set(channels) <= {1, 2}:
        return "ORD-42"
    if (outcome in (1, 2) and amount < 0) or (outcome in (3, 4) and amount > 0):
        return "ORD-42"
    if status in statuses and status not in GROUPS[outcome]:
        return "ORD-43"
    wrong = (
        (outcome in (1, 3) and not {"channel", "payment_no"} <= set(said))
        or ("payment_no" in said and "channel" not in said)
        or ("refund_id" in said and amount > 0)
        or (outcome == 1 and "provider_code" in said)
        or (found and outcome != 5)
        or any(not 0 <= capture["amount"] <= AMOUNT_MAX for capture in found)
    )
    return "ORD-45" if wrong else ""
