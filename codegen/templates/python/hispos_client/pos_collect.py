"""A collect at a POS: the code, the pay, the reverse (orders, payment)."""

from __future__ import annotations

from typing import Final

from .evidence import Entry, Latest, Money, death_status
from .messages.book_pb2 import PayAttempt
from .payment import Answered, PaymentCode, Proof
from .pos_asking import CollectAsking
from .pos_context import Alarm, Effects
from .pos_order import ASKING, PAYING, REVERSING, WAIT_CODE
from .tables import PlatformCall, Status, Timers

_REVERSE_AFTER_QUERY: Final = 2_000
_REVERSE_GAPS: Final = (2_000, 4_000, 8_000, 15_000, 30_000)


class Collect(CollectAsking):
    """An order that takes money."""

    def _decide(self, now: int, effects: Effects) -> None:
        if self.is_looking or self.state == ASKING:
            self._step_asking(now, effects)
        elif self.state == WAIT_CODE:
            self._step_wait_code(now, effects)
        elif self.state == PAYING:
            self._step_paying(now, effects)
        elif self.state == REVERSING:
            self._step_reversing(now, effects)

    def _take(self, answered: Answered, now: int, effects: Effects) -> None:
        if self.moving == answered.id:
            self.moving = None
            if self.state == PAYING:
                self._pay_answered(answered, now, effects)
            else:
                self._reverse_answered(answered)
            return
        rules = self._rules(now)
        entry = next((entry for entry in self.entries if entry.in_flight == answered.id), None)
        if entry is not None:
            entry.in_flight = None
            entry.judge(answered, rules)
            self.is_confirming |= answered.proven.proof == Proof.ALIVE
        self._keep_the_gap(rules.gap)

    # WaitCode (ORD-104 to ORD-113).

    def scan(self, code: PaymentCode) -> None:
        """A good code for the order that waits; it replaces one that waits already."""
        self._forget_code()
        self.code = code

    def _step_wait_code(self, now: int, effects: Effects) -> None:
        if self.is_restarted:
            if self.context.is_synced:
                self.leave_wait_code(Status.RESTARTED, now, effects)
            return
        answers = [entry.latest_answer for entry in self.entries]
        is_answered = None not in answers
        if Latest.ALIVE in answers or Latest.MONEY in answers:
            self.end(Status.NUMBER_USED, now, effects)
        elif is_answered and Latest.CLOSED in answers:
            self.end(Status.NUMBER_CLOSED, now, effects)
        elif self.row.cancel_wanted:
            self.leave_wait_code(Status.CANCELLED, now, effects)
        elif now >= self.row.start_by:
            self.leave_wait_code(Status.PLATFORM_DOWN if self.code else Status.NO_CODE, now, effects)
        elif not self._pay(is_answered, now, effects) and now >= self.next_query:
            self._ask_while_waiting(now, effects)

    def leave_wait_code(self, status: Status, now: int, effects: Effects) -> None:
        """Nothing was shown: not paid, if that can be known (ORD-110)."""
        if not self.row.search and self.is_intact:
            self.end(status, now, effects)
        else:
            self.start_asking(now, effects)

    def _ask_while_waiting(self, now: int, effects: Effects) -> None:
        self.next_query = now + Timers.CODE_ERROR_RETRY
        channel = self.code.channel if self.code else None
        is_undated = channel is not None and self.context.platform_time(channel, now) is None
        for entry in self.entries:
            is_clock = is_undated and entry.is_own and entry.merchant.channel == channel
            if entry.latest is None or is_clock:
                self._ask_about(entry, effects)

    def _pay(self, is_answered: bool, now: int, effects: Effects) -> bool:
        """Writes the one pay, if everything of PAY-67 is there."""
        code = self.code
        if code is None:
            return False
        date = self.context.platform_time(code.channel, now)
        own = next(
            (entry for entry in self.entries if entry.is_own and entry.merchant.channel == code.channel), None
        )
        if date is None or own is None or own.latest_answer != Latest.ABSENT:
            return False
        if self.row.search and not is_answered:
            return False
        timers = self.context.timers(self.core)
        expires_at = date + -(-timers.expiry // 1000)
        self.row.attempt.CopyFrom(
            PayAttempt(
                channel=int(code.channel),  # type: ignore[arg-type]
                code_hash=self.context.code_hash(code),
                code_last=code.digits[-4:],
                at=now,
                expires_at=expires_at,
            )
        )
        self.entries = [Entry(True, own.number, own.merchant, own.fence)]
        self._paid_from = now
        self.code, self._shown = None, code
        self.enter(PAYING, now, effects)
        self.move(
            own.merchant,
            own.number,
            PlatformCall.PAY,
            self.row.start_by,
            effects,
            code=code,
            expires_at=expires_at,
        )
        return True

    # Paying (ORD-114 to ORD-118, PAY-74 to PAY-77).

    def _pay_answered(self, answered: Answered, now: int, effects: Effects) -> None:
        if self._shown:
            self._shown.erase()
        if answered.first_byte is None:
            self.end(Status.PLATFORM_DOWN, now, effects)
            return
        timers, proven = self.context.timers(self.core), answered.proven
        self._paid_from = answered.first_byte
        entry = self._attempted
        if entry is not None:
            entry.move_fence(answered.ended, timers.fence)
        first = Timers.QUERY_FIRST if answered.is_trusted else Timers.QUERY_FIRST_AFTER_LOSS
        self.next_query = answered.ended + min(first, timers.query)
        if proven.proof == Proof.CAPTURED and proven.capture is not None:
            if entry is not None:
                entry.finding = Money(proven.capture, None)
            self._captured(proven.capture, now, effects)
        elif proven.proof == Proof.REFUSED:
            self.end(Status.CODE_REFUSED, now, effects)
        elif proven.proof == Proof.MERCHANT_REFUSED:
            self.end(Status.MERCHANT_REFUSED, now, effects)
        elif proven.proof == Proof.PAYER_REFUSED:
            self.row.attempt.payer_refused = True
            self.write(effects)
            self.next_query = now
        elif proven.proof == Proof.NUMBER_KNOWN:
            self.row.attempt.number_known = True
            self.write(effects)
            effects.then.append(Alarm("number_known", self.order_no))
        else:
            self.is_confirming = True

    def _conclude_attempt(self, now: int, effects: Effects) -> bool:
        """PAY-76."""
        entry, attempt = self._attempted, self.row.attempt
        if entry is None:
            return False
        finding = entry.finding
        if isinstance(finding, Money):
            if finding.status is None:
                self._captured(finding.capture, now, effects)
            else:
                self.end(finding.status, now, effects)
            return True
        is_refused = attempt.payer_refused
        if finding is not None:
            self.end(death_status(finding, is_refused), now, effects)
            return True
        if is_refused and entry.latest_answer == Latest.ABSENT and self.state == PAYING:
            self.end(Status.PAYER_REFUSED_ABSENT, now, effects)
            return True
        return False

    def _step_paying(self, now: int, effects: Effects) -> None:
        if self.moving is not None or self._conclude_attempt(now, effects):
            return
        if now >= self.row.act_by or self.is_restarted:
            self.start_asking(now, effects)
        elif self._is_reverse_due(now):
            self.row.reverses = 1
            self.enter(REVERSING, now, effects)
        else:
            self._query_attempt(now, effects)

    def _is_reverse_due(self, now: int) -> bool:
        """ORD-117."""
        is_refused = self.row.attempt.payer_refused
        latest = self._attempted.latest_answer if self._attempted else None
        is_wanted = now >= self._paid_from + self._poll or self.row.cancel_wanted or is_refused
        lives = latest == Latest.ALIVE or (latest == Latest.ABSENT and not is_refused)
        is_old = now >= self._paid_from + self.context.timers(self.core).reverse_min
        return is_wanted and lives and is_old and now < self.row.act_by

    # Reversing (ORD-119 to ORD-122, PAY-78 to PAY-82).

    def _step_reversing(self, now: int, effects: Effects) -> None:
        if self.moving is not None or self._conclude_attempt(now, effects):
            return
        if now >= self.row.act_by or self.is_restarted:
            self.start_asking(now, effects)
            return
        entry, is_first, is_gap_over = self._attempted, self._reverses_ended == 0, now >= self._next_reverse
        if entry is None:
            return
        is_fresh = entry.latest is not None and now < entry.latest[1] + _REVERSE_AFTER_QUERY
        latest = entry.latest_answer
        lives = latest == Latest.ALIVE or (is_first and latest == Latest.ABSENT)
        if is_fresh and lives and is_gap_over:
            self.move(entry.merchant, entry.number, PlatformCall.REVERSE, self.row.act_by, effects)
            return
        is_awaited = (latest == Latest.ALIVE or is_first) and entry.in_flight is None
        due = max(self._next_reverse, self._asked + _REVERSE_AFTER_QUERY)
        if is_awaited and self.next_query > due + _REVERSE_AFTER_QUERY:
            self.next_query = due
        self._query_attempt(now, effects)

    def _reverse_answered(self, answered: Answered) -> None:
        """Its answer proves nothing; the query after it counts (PAY-79 to PAY-81)."""
        timers = self.context.timers(self.core)
        gap = _REVERSE_GAPS[min(self._reverses_ended, len(_REVERSE_GAPS) - 1)]
        self.next_query = answered.ended
        self._next_reverse = answered.ended + min(gap, 6 * timers.query)
        if answered.first_byte is None:
            return
        self._reverses_ended += 1
        self.row.reversed_at = answered.ended
        if self._attempted is not None:
            self._attempted.move_fence(answered.ended, timers.fence)
