"""One order at a POS: facts come in, decisions go out (orders, "States of an order at the POS").

An event only records a fact; `step` then looks at the facts and the clock. So the same facts give the same decision in
whatever order they came, and a restart needs nothing but the stored row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from . import orders
from .book import Key
from .evidence import Entry
from .messages import book_pb2, message_pb2
from .messages.book_pb2 import PosOrder
from .messages.order_pb2 import FoundCapture, OrderCore, ResultCore
from .payment import Answered, Capture, Merchant, Question
from .pos_context import Context, Effects, Ended, Report, Stage
from .tables import Channel, Kind, Limits, Outcome, PlatformCall, RejectCode, StageMoney, Status, Timers
from .tables import Stage as StageCode

WAIT_CODE: Final = book_pb2.POS_STATE_WAIT_CODE
PAYING: Final = book_pb2.POS_STATE_PAYING
REVERSING: Final = book_pb2.POS_STATE_REVERSING
REFUNDING: Final = book_pb2.POS_STATE_REFUNDING
ASKING: Final = book_pb2.POS_STATE_ASKING
ENDED: Final = book_pb2.POS_STATE_ENDED
"""It has a result."""

_STAGES: Final = {
    WAIT_CODE: StageCode.WAIT_CODE,
    PAYING: StageCode.PAYING,
    REVERSING: StageCode.REVERSING,
    REFUNDING: StageCode.REFUNDING,
    ASKING: StageCode.ASKING,
}


class PosOrderLife:
    """What collects and refunds share: the row, its writing, the result, what HIS is told."""

    def __init__(self, core: OrderCore, row: PosOrder, context: Context, now: int) -> None:
        """`row.core` holds the core's bytes as they came."""
        self.core, self.row, self.context = core, row, context
        self.order_no: str = core.order_no
        self.hash = orders.order_hash(context.site_id, row.core)
        self.is_looking = False
        self.is_restarted = False
        self.entered = self.next_query = now
        self.entries: list[Entry] = []
        self.moving: int | None = None
        """The question in flight that moves money."""
        self.provider_code = ""
        self.is_confirming = False
        self.is_alarmed = False
        self._told: tuple[tuple[int, int], int] | None = None

    # Facts.

    @property
    def state(self) -> book_pb2.PosState:
        """The stored state."""
        return self.row.state

    @property
    def is_intact(self) -> bool:
        """Whether the journal can prove what did not happen (ORD-58)."""
        row, context = self.row, self.context
        is_of_boot = row.boot == context.boot and context.is_anchored
        return not row.not_intact and (row.run == context.run or is_of_boot)

    @property
    def is_acting(self) -> bool:
        """Whether the order may still act or prove by its own record: it is no look and intact."""
        return self.is_intact and not self.is_looking

    @property
    def is_open(self) -> bool:
        """Whether a program that starts loads it (BOK-24)."""
        return self.state != ENDED or self.row.answered == 0

    @property
    def alarm_at(self) -> int | None:
        """When an unanswered result raises an alarm (ORD-153)."""
        waits = self.state == ENDED and self.row.answered == 0 and not self.is_alarmed
        return self.entered + Timers.UNCONFIRMED_ALARM if waits else None

    # Writing.

    def write(self, effects: Effects) -> None:
        """The row as it is now."""
        key: Key = (book_pb2.TABLE_ORDER, self.order_no)
        effects.write(key, self.row.SerializeToString())

    def enter(self, state: book_pb2.PosState, now: int, effects: Effects) -> None:
        """Enters a state, stored."""
        self.row.state = state
        self.entered = self.next_query = now
        self.write(effects)

    def ask(self, question: Question, effects: Effects) -> int:
        """Asks a platform, once what the step wrote is durable."""
        effects.then.append(question)
        return question.id

    def move(
        self,
        account: Merchant,
        number: str,
        call: PlatformCall,
        not_after: int,
        effects: Effects,
        **more: object,
    ) -> None:
        """Writes a request that moves money, never from `not_after` on (ORD-54)."""
        timers = self.context.timers(self.core)
        question = self.context.question(timers, account, call, number, self.total)
        question = replace(question, not_after=not_after, **more)  # type: ignore[arg-type]
        self.moving = self.ask(question, effects)

    @property
    def total(self) -> int:
        """The total of every question (PAY-1)."""
        is_refund = int(self.core.kind) == Kind.REFUND
        return self.core.refund_of.amount if is_refund else abs(self.core.amount)

    # Steps.

    def step(self, now: int, effects: Effects) -> None:
        """Applies the rules of the state until nothing more is to be decided (ORD-81)."""
        while True:
            before = (self.state, self.moving)
            if self.state == ENDED and not self.is_looking:
                return
            self._decide(now, effects)
            if (self.state, self.moving) == before or self.moving is not None:
                return

    def _decide(self, now: int, effects: Effects) -> None:
        raise NotImplementedError

    def answered(self, answered: Answered, now: int, effects: Effects) -> None:
        """Takes a verdict in, and steps."""
        self.provider_code = answered.provider_code or self.provider_code
        self._take(answered, now, effects)
        self.step(now, effects)

    def _take(self, answered: Answered, now: int, effects: Effects) -> None:
        raise NotImplementedError

    def channel_asked(self, question: int) -> Channel | None:
        """The channel of a question of this order that is in flight."""
        if not self.entries:
            return None
        asked = (entry for entry in self.entries if entry.in_flight == question)
        return next(asked, self.entries[0]).merchant.channel

    def start_asking(self, now: int, effects: Effects) -> None:
        """Enters Asking."""
        raise NotImplementedError

    def next_timer(self, now: int) -> int | None:
        """The next instant that a rule names."""
        if self.state == ENDED and not self.is_looking:
            return None
        marks = [self.next_query, *self._marks()]
        if not self.is_looking:
            is_before = self.state in (WAIT_CODE, REFUNDING)
            marks.append(self.row.start_by if is_before else self.row.act_by)
        if self._told:
            marks.append(self._told[1] + Timers.PROGRESS_EVERY)
        return min((at for at in marks if at > now), default=None)

    def _marks(self) -> list[int]:
        return []

    # The end.

    def end(
        self,
        status: Status,
        now: int,
        effects: Effects,
        capture: Capture | None = None,
        refund_id: str = "",
        refunded_at: int | None = None,
    ) -> None:
        """Signs the result, stores it, and reports it (ORD-34 to ORD-41)."""
        result = self._result(status, capture)
        result.refund_id = refund_id
        captured_at = capture.captured_at if capture else refunded_at
        result.captured_at = captured_at or 0
        row = self.row
        row.result = result.SerializeToString()
        row.signature = self.context.sign(row.result)
        row.answered = message_pb2.DISPOSITION_UNSPECIFIED
        self._forget_code()
        self.is_looking = False
        self.enter(ENDED, now, effects)
        effects.then.append(Ended(self.order_no, int(result.outcome), int(status), self.core.amount))
        effects.then.append(Report(self.order_no))

    def _forget_code(self) -> None:
        """A refund has none."""

    def _result(self, status: Status, capture: Capture | None) -> ResultCore:
        outcome = orders.outcome_of(status)
        result = ResultCore(
            order_hash=self.hash,
            order_no=self.order_no,
            device_id=self.context.device_id,
            outcome=int(outcome),  # type: ignore[arg-type]
            status=int(status),  # type: ignore[arg-type]
            amount=self.core.amount,
            decided_at=self.context.unix(),
        )
        if outcome != Outcome.PAID:
            result.provider_code = self.provider_code[: Limits.PROVIDER_CODE_BYTES_MAX]
        if outcome == Outcome.ATTENTION:
            result.found.extend(self._found())
        if int(self.core.kind) == Kind.REFUND:
            result.channel = self.core.refund_of.channel
            result.payment_no = self.core.refund_of.payment_no
            return result
        result.channel = self.row.attempt.channel
        if capture:
            result.payment_no = capture.payment_no
            of_money = (entry.merchant.channel for entry in self.entries if entry.money)
            result.channel = int(next(of_money, result.channel))  # type: ignore[assignment]
        return result

    def _found(self) -> list[FoundCapture]:
        """The first two captures that are known (ORD-41)."""
        found = []
        for entry in self.entries:
            if entry.money:
                found.append(
                    FoundCapture(
                        channel=int(entry.merchant.channel),  # type: ignore[arg-type]
                        payment_no=entry.money.payment_no,
                        amount=entry.money.fen,
                        captured_at=entry.money.captured_at or 0,
                    )
                )
        return found[:2]

    # What is told.

    def stage(self, now: int) -> Stage | None:
        """How far the order is; None once it has ended (ORD-84 to ORD-86)."""
        if self.is_looking:
            code = StageCode.LOOKING
        elif self.state == PAYING and self.is_confirming:
            code = StageCode.USER_CONFIRMING
        elif self.state in _STAGES:
            code = _STAGES[self.state]
        else:
            return None
        is_waiting = code == StageCode.WAIT_CODE
        is_none = is_waiting or (code == StageCode.REFUNDING and not self.row.refund_started_at)
        left = -(-max(self.row.start_by - now, 0) // 1000) if is_waiting else 0
        return Stage(self.order_no, int(code), int(self.row.attempt.channel), not is_none, left)

    def answer(self, now: int) -> message_pb2.Message:
        """What a request about the order is answered with (ORD-90)."""
        stage = self.stage(now)
        if stage is not None:
            return message_pb2.Message(order_state=state_message(stage))
        signed = message_pb2.SignedResult(result=self.row.result, signature=self.row.signature)
        return message_pb2.Message(signed_result=signed)

    def conflict(self) -> message_pb2.Message:
        """The order that is held under a number in question (MSG-33)."""
        stage = self.stage(self.entered)
        rejected = message_pb2.Rejected(
            code=int(RejectCode.CONFLICT),  # type: ignore[arg-type]
            order_no=self.order_no,
            core=self.row.core,
            result=self.row.result,
            signature=self.row.signature,
            stage=stage.stage if stage else 0,  # type: ignore[arg-type]
        )
        return message_pb2.Message(rejected=rejected)

    def tell(self, now: int, effects: Effects) -> None:
        """The notice of an order that has not ended (ORD-83)."""
        stage = self.stage(now)
        if stage is None:
            return
        key = (stage.stage, stage.channel)
        if self._told and self._told[0] == key and now < self._told[1] + Timers.PROGRESS_EVERY:
            return
        self._told = (key, now)
        effects.then += [state_message(stage), stage]

    def follow(self, earlier: PosOrder) -> None:
        """A look keeps what the order's row says already (ORD-101 to ORD-103)."""
        state = self.row.state
        recorded = earlier.recorded_result or (earlier.result if earlier.recorded else b"")
        self.row.CopyFrom(earlier)
        self.row.state, self.row.recorded_result = state, recorded
        del self.row.search[:]


def state_message(stage: Stage) -> message_pb2.OrderState:
    """A stage as it is told to HIS."""
    money = StageMoney.UNKNOWN if stage.is_money_unknown else StageMoney.NONE
    return message_pb2.OrderState(
        order_no=stage.order_no,
        stage=stage.stage,  # type: ignore[arg-type]
        channel=stage.channel,  # type: ignore[arg-type]
        money=int(money),  # type: ignore[arg-type]
        seconds_left=stage.seconds_left,
    )


def stage_of(state: book_pb2.PosState) -> int:
    """The stage of a stored state, 0 for one that has ended."""
    return int(_STAGES.get(state, 0))
