"""When a POS reports which result (orders)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from .tables import Timers


class Reports:
    """Rounds of reports (ORD-146 to ORD-149)."""

    def __init__(self, now: int) -> None:
        """Of a session that begins."""
        self._round: deque[str] = deque()
        self._next_round = now
        self._gap: int = Timers.RESULT_REPEAT_FIRST
        self._open: tuple[int, int] | None = None
        self._calls: dict[str, int] = {}

    def first(self, order_no: str, now: int) -> None:
        """A result was just signed."""
        self._gap = Timers.RESULT_REPEAT_FIRST
        self._next_round = now + self._gap
        self._round.appendleft(order_no)

    def answered(self, call: int) -> None:
        """The open report is answered."""
        if self._open and self._open[0] == call:
            self._open = None

    def next_timer(self, unanswered: Sequence[str], now: int) -> int | None:
        """When the next report is due."""
        if self._open:
            return max(self._open[1], now)
        if not unanswered:
            return None
        return now if self._round else self._next_round

    def next(self, unanswered: Sequence[str], now: int) -> tuple[int, str] | None:
        """The number and the order of a report that is due."""
        if self._open and now < self._open[1]:
            return None
        self._open = None
        self._round = deque(order_no for order_no in self._round if order_no in unanswered)
        if not self._round and now >= self._next_round:
            self._round.extend(unanswered)
            self._next_round = now + self._gap
            self._gap = min(2 * self._gap, Timers.RESULT_REPEAT_LAST)
        if not self._round:
            return None
        order_no = self._round.popleft()
        call = self._calls.setdefault(order_no, len(self._calls) + 1)
        self._open = (call, now + Timers.RESULT_REPEAT_FIRST)
        return call, order_no
