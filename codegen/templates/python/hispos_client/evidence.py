"""What is known of the numbers of a collect: latest answers, findings, counts, fences (payment)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final, Union

from .payment import Answered, Capture, Merchant, Proof, Proven
from .tables import Status

_ANSWERS_NEEDED: Final = 3


class Latest(Enum):
    """The latest answer about a number."""

    ALIVE = "alive"
    ABSENT = "absent"
    CLOSED = "closed"
    MONEY = "money"


class Death(IntEnum):
    """How a number died; the greater the stronger (ORD-128)."""

    ABSENT = 1
    EXPIRED = 2
    CLOSED = 3


_STATUS: Final = {
    (Death.CLOSED, False): Status.CLOSED,
    (Death.CLOSED, True): Status.PAYER_REFUSED,
    (Death.ABSENT, False): Status.ABSENT,
    (Death.ABSENT, True): Status.PAYER_REFUSED_ABSENT,
    (Death.EXPIRED, False): Status.EXPIRED,
    (Death.EXPIRED, True): Status.EXPIRED,
}


def death_status(death: Death, is_payer_refused: bool) -> Status:
    """The status of an order whose number is dead (PAY-77)."""
    return _STATUS[(death, is_payer_refused)]


@dataclass(frozen=True)
class Money:
    """A finding with money; `status` is that of attention, None if it is an ordinary capture."""

    capture: Capture
    status: Status | None


Finding = Union[Money, Death]
"""What an answer of a platform has proved."""


@dataclass(frozen=True)
class Rules:
    """What decides, at this moment, what an answer proves."""

    is_reversed: bool
    captures_after_fence: bool
    expired_from: int | None
    gap: int


class _Streak:
    """Equal answers in a row that counted (PAY-50)."""

    def __init__(self) -> None:
        self.count = 0
        self.last: int | None = None

    def take(self, asked: int, gap: int) -> bool:
        """Whether there are enough; an answer that comes too soon counts for nothing, not even as the third."""
        if self.last is not None and asked < self.last + gap:
            return False
        self.count, self.last = self.count + 1, asked
        return self.count >= _ANSWERS_NEEDED


@dataclass
class Entry:
    """One number at one merchant."""

    is_own: bool
    number: str
    merchant: Merchant
    fence: int
    in_flight: int | None = None
    latest: tuple[Latest, int] | None = None
    """The latest answer, and when its connection had ended."""
    finding: Finding | None = None
    _absent: _Streak = field(default_factory=_Streak)
    _alive: _Streak = field(default_factory=_Streak)

    def move_fence(self, ended: int, fence_ms: int) -> None:
        """A pay or reverse whose first byte was written has ended (PAY-51, PAY-54, PAY-80)."""
        self.fence = max(self.fence, ended + fence_ms)
        self._absent, self._alive = _Streak(), _Streak()
        self.latest = None

    @property
    def counted(self) -> int | None:
        """When the latest answer that counted was asked."""
        return max((at for at in (self._absent.last, self._alive.last) if at is not None), default=None)

    @property
    def latest_answer(self) -> Latest | None:
        """The latest answer alone."""
        return self.latest[0] if self.latest else None

    @property
    def money(self) -> Capture | None:
        """The money that was found."""
        return self.finding.capture if isinstance(self.finding, Money) else None

    def judge(self, answered: Answered, rules: Rules) -> None:
        """Takes an answer to a query in (PAY-41 to PAY-53)."""
        asked = answered.first_byte
        if asked is None:
            return
        judged = self._judged(answered.proven, asked, rules)
        if judged is None:
            return
        self.latest = (judged[0], answered.ended)
        self.finding = judged[1] or self.finding

    def _judged(self, proven: Proven, asked: int, rules: Rules) -> tuple[Latest, Finding | None] | None:
        proof, capture = proven.proof, proven.capture
        if proof == Proof.ALIVE:
            self._absent = _Streak()
            is_enough = self._alive.take(asked, rules.gap)
            is_late = rules.expired_from is not None and asked >= rules.expired_from
            return Latest.ALIVE, Death.EXPIRED if is_enough and is_late else None
        if proof == Proof.ABSENT:
            self._alive = _Streak()
            is_enough = self._absent.take(asked, rules.gap)
            return Latest.ABSENT, Death.ABSENT if is_enough and asked >= self.fence else None
        if proof == Proof.CLOSED:
            return Latest.CLOSED, Death.CLOSED
        if capture is None:
            return None
        if proof == Proof.CAPTURED:
            counts = asked >= self.fence or not rules.captures_after_fence
            return Latest.MONEY, Money(capture, None) if counts else None
        if proof == Proof.MISMATCH:
            return Latest.MONEY, Money(capture, Status.CAPTURE_MISMATCH)
        if proof == Proof.CAPTURED_AND_REFUNDED:
            return Latest.MONEY, _refunds_seen(capture, proven.refunded, rules)
        return None


def _refunds_seen(capture: Capture, refunded: int, rules: Rules) -> Finding:
    """Refunds on a capture: by others, or by our own reverse (PAY-46)."""
    if not rules.is_reversed:
        return Money(capture, Status.CAPTURED_AND_REFUNDED)
    return Death.CLOSED if refunded >= capture.fen else Money(capture, Status.REVERSED_IN_PART)
