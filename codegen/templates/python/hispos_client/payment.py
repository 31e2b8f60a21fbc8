"""Payment without a platform: payment codes, questions, and what a platform's answer proves (payment)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final

from .messages.agreement_pb2 import Agreement
from .tables import ANSWERS, CODE_RANGES, Channel, CodeKind, Limits, PlatformCall, Profile, Verdict

_CURRENCY: Final = "CNY"
_PAID_STATES: Final = ("SUCCESS", "TRADE_SUCCESS", "TRADE_FINISHED")
_INSURANCE_CHARACTERS: Final = 28
CHANNELS: Final = (Channel.WECHAT, Channel.ALIPAY)
"""Every channel, in the order of their questions."""
LETTERS: Final = {Channel.WECHAT: "W", Channel.ALIPAY: "A"}
"""The letters of platform numbers (ORD-25)."""
_CHANNELS: Final = {CodeKind.WECHAT: Channel.WECHAT, CodeKind.ALIPAY: Channel.ALIPAY}


class CodeRefusal(Enum):
    """Why a scanned text is no payment code; what the patient is told apart (PAY-94)."""

    EMPTY = "empty"
    INSURANCE = "insurance"
    UNIONPAY = "unionpay"
    LINK = "link"
    FULL_WIDTH = "full_width"
    NOT_DIGITS = "not_digits"
    LENGTH = "length"
    UNKNOWN = "unknown"


class NoCode(Exception):
    """A scanned text that is no payment code. Nothing of the text is kept."""

    def __init__(self, refusal: CodeRefusal) -> None:
        """`refusal` says which text the patient reads."""
        super().__init__(refusal.value)
        self.refusal = refusal


class PaymentCode:
    """A good payment code and its channel. It shows nothing of itself; `erase` forgets it (PAY-73)."""

    def __init__(self, channel: Channel, digits: str) -> None:
        """`digits` are what the platform gets."""
        self.channel = channel
        self.digits = digits

    def erase(self) -> None:
        """Forgets the digits."""
        self.digits = ""

    def __repr__(self) -> str:
        """The channel alone."""
        return f"PaymentCode({self.channel.name})"


def recognise(scanned: str) -> PaymentCode:
    """The payment code in a scanned text (PAY-89 to PAY-94). Raises NoCode."""
    text = scanned.strip("".join(map(chr, range(33))) + "\x7f")
    if not text:
        raise NoCode(CodeRefusal.EMPTY)
    if not re.fullmatch(r"[0-9]+", text, re.ASCII):
        raise NoCode(_not_digits(text))
    if len(text) == _INSURANCE_CHARACTERS:
        raise NoCode(CodeRefusal.INSURANCE)
    # Two ranges never share their leading digits, and both ends of one have the same number of them.
    found = next((row for row in CODE_RANGES if row.first <= text[: len(row.first)] <= row.last), None)
    if found is None or len(text) < len(found.first):
        raise NoCode(CodeRefusal.UNKNOWN)
    fits = found.length_min <= len(text) <= found.length_max
    channel = _CHANNELS.get(found.kind)
    if channel is None:
        is_unionpay = fits and found.kind == CodeKind.UNIONPAY
        raise NoCode(CodeRefusal.UNIONPAY if is_unionpay else CodeRefusal.UNKNOWN)
    if not fits:
        raise NoCode(CodeRefusal.LENGTH)
    return PaymentCode(channel, text)


def _not_digits(text: str) -> CodeRefusal:
    lead = text[:4].lower()
    if lead.startswith("opc") and len(text) == _INSURANCE_CHARACTERS:
        return CodeRefusal.INSURANCE
    if re.fullmatch(r"[0-9\uff10-\uff19]+", text):
        return CodeRefusal.FULL_WIDTH
    if "://" in text or lead in ("wxp:", "www."):
        return CodeRefusal.LINK
    return CodeRefusal.NOT_DIGITS


@dataclass(frozen=True)
class Merchant:
    """An account of the hospital at one platform."""

    channel: Channel
    account: str
    sub_account: str = ""
    is_simulated: bool = True
    """A merchant of a simulated agreement is another one than that of a production agreement (PAY-36)."""


def merchant(agreement: Agreement, channel: Channel) -> Merchant | None:
    """The merchant of a channel in an agreement, if it has one."""
    if channel == Channel.WECHAT:
        accounts = (agreement.wechat.mch_id, agreement.wechat.sub_mch_id)
        is_there = agreement.HasField("wechat")
    else:
        accounts = (agreement.alipay.app_id, agreement.alipay.seller_id)
        is_there = agreement.HasField("alipay")
    return Merchant(channel, *accounts, agreement.simulated) if is_there else None


@dataclass(frozen=True)
class Question:
    """One request to a platform: what a vendor's payment code is given (payment, section "Questions")."""

    id: int
    merchant: Merchant
    call: PlatformCall
    number: str
    """The platform number; for refunds that of the original; empty to verify."""
    total: int
    connect_ms: int
    http_ms: int
    not_after: int | None = None
    """The instant of the boot clock from which no byte may be written any more (PAY-5)."""
    code: PaymentCode | None = None
    expires_at: int = 0
    refund_number: str = ""
    refund_amount: int = 0


@dataclass(frozen=True)
class Reply:
    """A trusted answer of a platform, read into one shape. A part that it did not say is None."""

    code: str
    sub_code: str = ""
    account: str | None = None
    sub_account: str | None = None
    number: str | None = None
    trade_state: str | None = None
    total: int | None = None
    currency: str | None = None
    payment_no: str | None = None
    captured_at: int | None = None
    refunded: int | None = None
    refund_number: str | None = None
    refund_amount: int | None = None
    refund_id: str | None = None
    refund_status: str | None = None
    fund_change: str | None = None
    refunded_at: int | None = None

    @classmethod
    def of(cls, members: Mapping[str, object]) -> Reply:
        """Reads members; others are ignored. Raises Untrusted if one has another type than it should (PAY-15)."""
        numbers = {"total", "captured_at", "refunded", "refund_amount", "refunded_at"}
        found: dict[str, str | int] = {}
        for name in (item.name for item in fields(cls)):
            value = members.get(name)
            if value is None:
                continue
            is_number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
            if name in numbers and isinstance(value, int) and is_number:
                found[name] = value
            elif name not in numbers and isinstance(value, str):
                found[name] = value
            else:
                raise Untrusted(name)
        if "code" not in found:
            raise Untrusted("code")
        return cls(**found)  # type: ignore[arg-type]


class Untrusted(Exception):
    """An answer that is not one to the question: it proves nothing (PAY-13)."""


class Proof(Enum):
    """What an answer proves (payment, section "Verdicts")."""

    CAPTURED = "captured"
    MISMATCH = "mismatch"
    CAPTURED_AND_REFUNDED = "captured_and_refunded"
    CLOSED = "closed"
    REFUSED = "refused"
    MERCHANT_REFUSED = "merchant_refused"
    PAYER_REFUSED = "payer_refused"
    NUMBER_KNOWN = "number_known"
    ALIVE = "alive"
    ABSENT = "absent"
    REFUNDED = "refunded"
    REFUND_PENDING = "refund_pending"
    NOT_REFUNDED = "not_refunded"
    REFUND_ABNORMAL = "refund_abnormal"
    VERIFIED = "verified"
    OPEN = "open"


@dataclass(frozen=True)
class Capture:
    """Money that a platform took under one number."""

    payment_no: str
    fen: int
    captured_at: int | None = None


@dataclass(frozen=True)
class Proven:
    """A proof with what belongs to it."""

    proof: Proof
    capture: Capture | None = None
    refunded: int = 0
    """Fen of the refunds seen."""
    refund_id: str = ""
    refunded_at: int | None = None
    is_closed: bool = False
    """Of `not_refunded`: the refund was closed, not refused."""


@dataclass(frozen=True)
class Answered:
    """The verdict on a question: exactly one comes for each (PAY-10). Instants are of the boot clock."""

    id: int
    proven: Proven
    ended: int
    first_byte: int | None = None
    """None only if it is certain that no byte was handed to the network (PAY-12)."""
    provider_code: str = ""
    date: int | None = None
    """Unix seconds of the platform's clock, if a trusted answer told it."""
    is_trusted: bool = False


def judge(profile: Profile, question: Question, reply: Reply) -> tuple[Proven, str]:
    """What a trusted answer proves, and its code for support (PAY-16 to PAY-31). Raises Untrusted."""
    if reply.number is not None and reply.number != question.number:
        raise Untrusted("number")
    is_refund = question.call in (PlatformCall.REFUND, PlatformCall.QUERY_REFUND)
    asked_for = (question.refund_number, question.refund_amount) if is_refund else (None, None)
    if reply.refund_number is not None and reply.refund_number != asked_for[0]:
        raise Untrusted("refund number")
    if is_refund and reply.refund_amount is not None and reply.refund_amount != asked_for[1]:
        raise Untrusted("refund amount")
    word, is_state = _word(profile, question.call, reply)
    listed = _listed(profile, question.call, word, is_state)
    provider_code = "".join(c for c in word or reply.code if "!" <= c <= "~")[
        : Limits.PROVIDER_CODE_BYTES_MAX
    ]
    differing = _differing(question, reply)
    if differing:
        capture = _captured(listed, reply) if question.call == PlatformCall.QUERY else None
        if capture is None:
            raise Untrusted(differing)
        return Proven(Proof.MISMATCH, capture), provider_code
    if listed is None:
        is_verify = question.call == PlatformCall.VERIFY
        return Proven(Proof.MERCHANT_REFUSED if is_verify else Proof.OPEN), provider_code
    return _proven(listed, reply), provider_code


def _differing(question: Question, reply: Reply) -> str:
    told = (
        ("account", reply.account, question.merchant.account),
        ("sub-account", reply.sub_account, question.merchant.sub_account),
        ("currency", reply.currency, _CURRENCY),
        ("total", reply.total, question.total),
    )
    return next((name for name, said, asked in told if said is not None and said != asked), "")


def _word(profile: Profile, call: PlatformCall, reply: Reply) -> tuple[str, bool]:
    """The word of an answer, and whether it is a state that a successful call told (PAY-20)."""
    is_alipay = profile == Profile.ALIPAY
    if reply.code != ("10000" if is_alipay else "SUCCESS"):
        if is_alipay and reply.code == "40004":
            return reply.sub_code[4:] if reply.sub_code.startswith("ACQ.") else reply.sub_code, False
        return reply.code, False
    if call == PlatformCall.PAY and reply.trade_state and reply.trade_state not in _PAID_STATES:
        return "", True
    if call in (PlatformCall.PAY, PlatformCall.VERIFY, PlatformCall.REVERSE):
        return reply.code, False
    if call == PlatformCall.QUERY:
        return reply.trade_state or "", True
    if call == PlatformCall.REFUND and is_alipay:
        change = reply.fund_change
        return (f"FUND_CHANGE_{change}" if change in ("Y", "N") else ""), True
    if call == PlatformCall.QUERY_REFUND and is_alipay and not reply.refund_status:
        return "NO_REFUND_STATUS", False
    return reply.refund_status or "", True


def _listed(profile: Profile, call: PlatformCall, word: str, is_state: bool) -> Verdict | None:
    """The verdict of the row that names the word (PAY-21 to PAY-24)."""
    is_wechat_refund = is_state and call == PlatformCall.REFUND and profile != Profile.ALIPAY
    found = ANSWERS.get((profile, PlatformCall.QUERY_REFUND if is_wechat_refund else call, word))
    if is_state:
        return None if found == Verdict.ABSENT else found
    asks = call in (PlatformCall.QUERY, PlatformCall.QUERY_REFUND)
    return None if asks and found != Verdict.ABSENT else found


def _is_closed_after_payment(reply: Reply) -> bool:
    return reply.trade_state == "TRADE_CLOSED" and (reply.captured_at is not None or bool(reply.refunded))


def _usable(number: str | None) -> str:
    return number if number and re.fullmatch(r"[!-~]{1,64}", number) else ""


def _captured(verdict: Verdict | None, reply: Reply) -> Capture | None:
    """The money that an answer tells of (PAY-25)."""
    is_told = verdict in (Verdict.CAPTURED, Verdict.CAPTURED_AND_REFUNDED) or (
        verdict == Verdict.CLOSED and _is_closed_after_payment(reply)
    )
    payment_no = _usable(reply.payment_no)
    if not is_told or not payment_no or reply.total is None:
        return None
    return Capture(payment_no, reply.total, reply.captured_at)


_SAME: Final = {
    Verdict.DEAD: Proof.REFUSED,
    Verdict.PAYER_REFUSED: Proof.PAYER_REFUSED,
    Verdict.NUMBER_KNOWN: Proof.NUMBER_KNOWN,
    Verdict.ALIVE: Proof.ALIVE,
    Verdict.ABSENT: Proof.ABSENT,
    Verdict.REFUND_PENDING: Proof.REFUND_PENDING,
    Verdict.REFUND_ABNORMAL: Proof.REFUND_ABNORMAL,
    Verdict.VERIFIED: Proof.VERIFIED,
    Verdict.MERCHANT_REFUSED: Proof.MERCHANT_REFUSED,
}


def _proven(verdict: Verdict, reply: Reply) -> Proven:
    """The proof of a row (PAY-26 to PAY-30)."""
    capture = _captured(verdict, reply)
    if verdict == Verdict.CAPTURED:
        return Proven(Proof.CAPTURED, capture) if capture else Proven(Proof.OPEN)
    if verdict in (Verdict.CAPTURED_AND_REFUNDED, Verdict.CLOSED) and capture:
        return Proven(Proof.CAPTURED_AND_REFUNDED, capture, refunded=reply.refunded or 0)
    if verdict == Verdict.CLOSED and not _is_closed_after_payment(reply):
        return Proven(Proof.CLOSED)
    if verdict == Verdict.REFUNDED:
        return Proven(Proof.REFUNDED, refund_id=_usable(reply.refund_id), refunded_at=reply.refunded_at)
    if verdict == Verdict.NOT_REFUNDED:
        return Proven(Proof.NOT_REFUNDED, is_closed=reply.refund_status is not None)
    return Proven(_SAME.get(verdict, Proof.OPEN))
