"""A refund at a POS: checking, the request, and asking what became of it (orders, payment)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .evidence import Entry, Latest
from .messages.book_pb2 import PosOrder
from .messages.order_pb2 import OrderCore
from .payment import Answered, Proof
from .pos_context import Context, Effects
from .pos_order import ASKING, REFUNDING, PosOrderLife
from .tables import PlatformCall, Status, Timers

_ABSENT_NEEDED: Final = 3
_GAPS: Final = (1, 1, 3, 6, 30)
_ASK_EVERY: Final = 1_800_000
_ASK_AFTER_FENCE: Final = 7


class RefundOrder(PosOrderLife):
    """An order that gives money back."""

    def __init__(self, core: OrderCore, row: PosOrder, context: Context, now: int) -> None:
        """Nothing was asked about it yet in this run."""
        super().__init__(core, row, context, now)
        self._asked: int | None = None
        self._is_absent = False
        self._absents = 0
        self._absent_at: int | None = None
        self._fence = 0
        self._requests = 0
        self._is_original_right: bool | None = None
        self._questions = 0

    def loaded_at_start(self) -> None:
        """An earlier run accepted it."""
        self.is_restarted = True

    def _decide(self, now: int, effects: Effects) -> None:
        if self.is_looking or self.state == ASKING:
            self._step_asking(now, effects)
        elif self.state == REFUNDING:
            self._step_refunding(now, effects)

    def _take(self, answered: Answered, now: int, effects: Effects) -> None:
        if self.moving == answered.id:
            self.moving = None
            self._request_answered(answered, now, effects)
        elif self._asked == answered.id:
            self._asked = None
            self._question_answered(answered, now, effects)

    # Refunding (ORD-133 to ORD-140).

    def _step_refunding(self, now: int, effects: Effects) -> None:
        is_allowed = self.row.refund_started_at != 0
        if self.is_restarted:
            if not self.context.is_synced:
                return
            if not is_allowed and self.is_intact:
                self.end(Status.NEVER_SENT, now, effects)
            else:
                self.start_asking(now, effects)
        elif self.moving is not None or self._asked is not None:
            return
        elif is_allowed:
            self.start_asking(now, effects)
        elif self.row.cancel_wanted:
            self.end(Status.NEVER_SENT, now, effects)
        elif now >= self.row.start_by:
            self.end(Status.REFUND_PLATFORM_DOWN, now, effects)
        elif self._is_original_right is not None:
            if not self._is_original_right:
                self.end(Status.ORIGINAL, now, effects)
                return
            self.row.refund_started_at = max(now, 1)
            self.enter(REFUNDING, now, effects)
            self._request(self.row.start_by, effects)
        elif now >= self.next_query:
            self.next_query = now + Timers.CODE_ERROR_RETRY
            if self._is_absent:
                self._ask(PlatformCall.QUERY, effects)
            else:
                self._ask(PlatformCall.QUERY_REFUND, effects)

    def _ask(self, call: PlatformCall, effects: Effects) -> None:
        original = self.context.original(self.core)
        if original is None:
            return
        timers = self.context.timers(self.core)
        question = self.context.question(timers, original[0], call, original[1], self.total)
        if call == PlatformCall.QUERY_REFUND:
            number, amount = self.context.refund_number(self.core), -self.core.amount
            question = replace(question, refund_number=number, refund_amount=amount)
        self._asked = self.ask(question, effects)

    def _request(self, not_after: int, effects: Effects) -> None:
        """PAY-83."""
        original = self.context.original(self.core)
        if original is None:
            return
        number, amount = self.context.refund_number(self.core), -self.core.amount
        self.move(
            *original, PlatformCall.REFUND, not_after, effects, refund_number=number, refund_amount=amount
        )

    # Answers.

    def _request_answered(self, answered: Answered, now: int, effects: Effects) -> None:
        """PAY-56, PAY-84, PAY-85, PAY-87."""
        timers = self.context.timers(self.core)
        is_first = self._requests == 0 and self.state == REFUNDING
        if answered.first_byte is not None:
            self._requests += 1
            self._fence = max(self._fence, answered.ended + timers.fence)
            self._absents, self._absent_at = 0, None
        if is_first or answered.proven.proof != Proof.NOT_REFUNDED:
            self._conclude(answered, now, effects)
        if self.state == REFUNDING:
            self.start_asking(now, effects)
            self.next_query = now + timers.absence_gap

    def _question_answered(self, answered: Answered, now: int, effects: Effects) -> None:
        is_before = self.state == REFUNDING and not self.is_looking
        if is_before and self._is_absent:
            self._judge_original(answered)
            return
        proof = answered.proven.proof
        if proof != Proof.ABSENT:
            if proof == Proof.REFUND_PENDING:
                self._is_absent, self._absents, self._absent_at = False, 0, None
            self._conclude(answered, now, effects)
            if is_before and proof == Proof.REFUND_PENDING:
                self.start_asking(now, effects)
            return
        self._is_absent = True
        if is_before:
            self.next_query = now
        asked, gap = answered.first_byte, self.context.timers(self.core).absence_gap
        if asked is None:
            return
        if self._absent_at is None or asked >= self._absent_at + gap:
            self._absents, self._absent_at = self._absents + 1, asked
            if not is_before:
                self.next_query = max(self.next_query, asked + gap)
        is_leased = self.is_acting and now < self.row.act_by
        is_fenced = self.is_looking or asked >= self._fence
        if self.state != REFUNDING and not is_leased and is_fenced and self._absents >= _ABSENT_NEEDED:
            self.end(Status.REFUND_ABSENT, now, effects)

    def _judge_original(self, answered: Answered) -> None:
        """ORD-138."""
        proven, refund = answered.proven, self.core.refund_of
        if proven.proof in (Proof.CAPTURED, Proof.CAPTURED_AND_REFUNDED) and proven.capture:
            held = (proven.capture.fen, proven.capture.payment_no)
            self._is_original_right = held == (refund.amount, refund.payment_no)
        elif proven.proof in (Proof.MISMATCH, Proof.CLOSED, Proof.ALIVE, Proof.ABSENT):
            self._is_original_right = False
        original = self.context.original(self.core)
        if self._is_original_right and original is not None:
            self.entries = [Entry(True, original[1], original[0], 0, latest=(Latest.MONEY, answered.ended))]

    def _conclude(self, answered: Answered, now: int, effects: Effects) -> None:
        """PAY-84."""
        proven = answered.proven
        if proven.proof == Proof.REFUNDED:
            self.end(
                Status.REFUNDED,
                now,
                effects,
                refund_id=proven.refund_id,
                refunded_at=proven.refunded_at,
            )
        elif proven.proof == Proof.NOT_REFUNDED:
            self.end(Status.REFUND_CLOSED if proven.is_closed else Status.REFUND_REFUSED, now, effects)
        elif proven.proof == Proof.REFUND_ABNORMAL:
            self.end(Status.REFUND_ABNORMAL, now, effects)
        elif proven.proof == Proof.NUMBER_KNOWN:
            self.end(Status.NUMBER_USED, now, effects)

    # Asking, and looks (ORD-141, ORD-142).

    def start_asking(self, now: int, effects: Effects) -> None:
        """Enters Asking."""
        if self.row.run != self.context.run or self.row.not_intact:
            self._fence_by_start()
        self.is_restarted = self._is_absent = False
        self._questions = 0
        self.enter(ASKING, now, effects)

    def list_for_the_end(self) -> None:
        """A look at a refund has no list."""

    def _fence_by_start(self) -> None:
        self._fence = max(self._fence, self.context.started + self.context.timers(self.core).fence)

    def _step_asking(self, now: int, effects: Effects) -> None:
        if self.is_restarted:
            if not self.context.is_synced:
                return
            self._fence_by_start()
            self.is_restarted = False
        if self.moving is not None or self._asked is not None:
            return
        is_leased = self.is_acting and now < self.row.act_by
        if is_leased and self._is_absent and self.row.refund_started_at:
            self._is_absent = False
            self._request(self.row.act_by, effects)
        elif now >= self.next_query:
            self._schedule(now)
            self._ask(PlatformCall.QUERY_REFUND, effects)

    def _schedule(self, now: int) -> None:
        """PAY-64."""
        gap = self.context.timers(self.core).absence_gap
        wait = gap * _GAPS[self._questions] if self._questions < len(_GAPS) else _ASK_EVERY
        self._questions += 1
        times = [now + wait]
        if self._fence > self.entered:
            times += [self._fence + nth * gap for nth in range(_ASK_AFTER_FENCE)]
        self.next_query = min(at for at in times if at > now)
