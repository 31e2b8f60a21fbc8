"""Orders without a link: numbers, amounts, cores, results (orders)."""

from __future__ import annotations

import datetime
import re
from typing import Final

from .canonical import NotCanonical, validate
from .crypto import Crypto, hmac256, sha256, signed_message
from .messages.order_pb2 import OrderCore, ResultCore
from .tables import Channel, Kind, Labels, Limits, Outcome, RejectCode, Status

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS: Final = {
    Outcome.PAID: range(100, 110),
    Outcome.REFUNDED: range(110, 200),
    Outcome.NOT_PAID: range(200, 300),
    Outcome.ATTENTION: range(300, 400),
    Outcome.NOT_REFUNDED: range(400, 500),
}
_CHANNELS: Final = (Channel.WECHAT, Channel.ALIPAY)
_KNOWN_STATUSES: Final = frozenset(int(status) for status in Status if status)


class Malformed(Exception):
    """Bytes that are no order, with the code of Rejected."""

    def __init__(self, code: RejectCode, why: str) -> None:
        """`code` is 501 or 504."""
        super().__init__(why)
        self.code = code


class NoResult(Exception):
    """Bytes that are no result; `requirement` is the one that they break."""

    def __init__(self, requirement: str) -> None:
        """`requirement` is ENC-2 or one of ORD-42 to ORD-45."""
        super().__init__(f"no result ({requirement})")
        self.requirement = requirement


def is_order_number(text: str) -> bool:
    """Whether a text is an order number (ORD-18)."""
    return re.fullmatch(r"[0-9A-Z]{1,24}", text, re.ASCII) is not None


def outcome_of(status: Status) -> Outcome:
    """The outcome whose group a known status belongs to (ORD-43)."""
    return next(outcome for outcome, group in _GROUPS.items() if status in group)


def parse_amount(text: str) -> int:
    """Fen of what a person types, sign included (ORD-15). Raises ValueError."""
    found = re.fullmatch(r"([+-])([0-9]+)(?:\.([0-9]{1,2}))?", text, re.ASCII)
    if not found:
        raise ValueError("an amount is a sign, digits, and at most two decimals behind a point")
    fen = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
    if not 1 <= fen <= Limits.AMOUNT_FEN_MAX:
        raise ValueError("an amount out of range")
    return fen if found[1] == "+" else -fen


def show_amount(fen: int) -> str:
    """An amount as a person types it."""
    return f"{'-' if fen < 0 else '+'}{abs(fen) // 100}.{abs(fen) % 100:02}"


def order_number(site_secret: bytes, kind: Kind, key: bytes, generation: int) -> str:
    """A derived order number (ORD-22)."""
    hashed = Labels.ORDER_NUMBER + b"\x00" + bytes([kind]) + len(key).to_bytes(2, "big") + key
    mac = hmac256(site_secret, hashed + generation.to_bytes(4, "big"))
    bits = int.from_bytes(mac, "big") >> 256 - 95
    return "B" + "".join(_DIGITS[bits >> shift & 31] for shift in range(90, -1, -5))


def refund_key(original: str, channel: Channel, item: str) -> bytes:
    """The key of a refund's derived number (ORD-22)."""
    return bytes([len(original)]) + original.encode() + bytes([channel]) + item.encode()


def platform_number(site_code: str, order_no: str, letter: str) -> str:
    """The number at a platform: letter W, A or R (ORD-25)."""
    return site_code + order_no + letter


def split_platform_number(number: str) -> tuple[str, str, str]:
    """Site code, order number and letter. Raises ValueError."""
    if not re.fullmatch(r"[0-9A-Z]{4}[0-9A-Z]{1,24}[WAR]", number, re.ASCII):
        raise ValueError("no platform number")
    return number[:4], number[4:-1], number[-1]


def read_core(core: bytes) -> OrderCore:
    """An order's core, judged as a receiver does (ORD-28 to ORD-30). Raises Malformed."""
    try:
        validate("OrderCore", core)
    except NotCanonical as error:
        raise Malformed(RejectCode.MALFORMED, str(error)) from error
    order = OrderCore.FromString(core)
    if int(order.kind) not in (Kind.COLLECT, Kind.REFUND):
        raise Malformed(RejectCode.MALFORMED, "kind")
    is_collect = int(order.kind) == Kind.COLLECT
    if abs(order.amount) > Limits.AMOUNT_FEN_MAX or (order.amount > 0) != is_collect:
        raise Malformed(RejectCode.AMOUNT, "amount")
    if not _is_day(order.business_day) or order.HasField("refund_of") == is_collect:
        raise Malformed(RejectCode.MALFORMED, "business day, or what is refunded")
    if not is_collect:
        refund = order.refund_of
        if refund.operator == refund.approver or int(refund.channel) not in _CHANNELS:
            raise Malformed(RejectCode.MALFORMED, "operator, approver or channel")
        if not -order.amount <= refund.amount <= Limits.AMOUNT_FEN_MAX:
            raise Malformed(RejectCode.MALFORMED, "the original's amount")
    return order


def _is_day(day: int) -> bool:
    try:
        datetime.date(day // 10000, day // 100 % 100, day % 100)
    except ValueError:
        return False
    return day >= 10000101


def order_hash(site_id: str, core: bytes) -> bytes:
    """The hash of an order, over the core's bytes as they were first made (ORD-31)."""
    return sha256(Labels.ORDER + b"\x00" + bytes([len(site_id)]) + site_id.encode() + core)


def read_result(result: bytes) -> ResultCore:
    """A result, judged as a receiver does (ORD-42 to ORD-45). Raises NoResult."""
    try:
        validate("ResultCore", result)
    except NotCanonical as error:
        raise NoResult("ENC-2") from error
    said = ResultCore.FromString(result)
    channels = [capture.channel for capture in said.found] + ([said.channel] if said.channel else [])
    if int(said.outcome) not in tuple(_GROUPS) or abs(said.amount) > Limits.AMOUNT_FEN_MAX:
        raise NoResult("ORD-42")
    outcome = Outcome(int(said.outcome))
    is_collect = outcome in (Outcome.PAID, Outcome.NOT_PAID)
    is_refund = outcome in (Outcome.REFUNDED, Outcome.NOT_REFUNDED)
    if (is_collect and said.amount < 0) or (is_refund and said.amount > 0):
        raise NoResult("ORD-42")
    if any(int(channel) not in _CHANNELS for channel in channels):
        raise NoResult("ORD-42")
    if said.status in _KNOWN_STATUSES and said.status not in _GROUPS[outcome]:
        raise NoResult("ORD-43")
    if _is_inconsistent(said, outcome):
        raise NoResult("ORD-45")
    return said


def _is_inconsistent(said: ResultCore, outcome: Outcome) -> bool:
    moved = outcome in (Outcome.PAID, Outcome.REFUNDED)
    return (
        (moved and not (said.channel and said.payment_no))
        or (said.payment_no != "" and not said.channel)
        or (said.refund_id != "" and said.amount > 0)
        or (outcome == Outcome.PAID and said.provider_code != "")
        or (len(said.found) > 0 and outcome != Outcome.ATTENTION)
        or any(not 0 <= capture.amount <= Limits.AMOUNT_FEN_MAX for capture in said.found)
    )


def result_hash(result: bytes) -> bytes:
    """What names a result in a confirmation (ORD-46)."""
    return sha256(result)[:16]


def is_signed_by(crypto: Crypto, device_key: bytes, result: bytes, signature: bytes) -> bool:
    """Whether a device signed a result (ORD-34)."""
    return crypto.verify(device_key, signed_message(Labels.RESULT, result), signature)


def sign_result(crypto: Crypto, device_key: bytes, result: bytes) -> bytes:
    """A device's signature of a result (ORD-34)."""
    return crypto.sign(device_key, signed_message(Labels.RESULT, result))
