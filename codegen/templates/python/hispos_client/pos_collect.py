"""A collect at a POS: the code, the pay, the reverse, and asking what became of it (orders, payment)."""

from __future__ import annotations

from typing import Final

from .evidence import Death, Entry, Latest, Money, Rules, death_status
from .messages.book_pb2 import PayAttempt, PosOrder
from .messages.order_pb2 import OrderCore
from .payment import CHANNELS, Answered, Capture, PaymentCode, Proof
from .pos_context import Alarm, Context, Effects
from .pos_order import ASKING, PAYING, REVERSING, WAIT_CODE, PosOrderLife
from .tables import Channel, PlatformCall, Status, Timers

_REVERSE_AFTER_QUERY: Final = 2_000
_REVERSE_GAPS: Final = (2_000, 4_000, 8_000, 15_000, 30_000)
_ASK_AT: Final = (0, 1, 2, 6, 30)
_ASK_AFTER_FENCE: Final = 7
_ASK_EVERY: Final = 1_800_000


class Collect(PosOrderLife):
    """An order that takes money."""

    def __init__(self, core: OrderCore, row: PosOrder, context: Context, now: int) -> None:
        """`row.attempt` is that of an earlier run, if there is one."""
        super().__init__(core, row, context, now)
        self.code: PaymentCode | None = None
        self._shown: PaymentCode | None = None
        """The code of the pay that is being written."""
        self._paid_from = row.attempt.at if row.HasField("attempt") else now
        self._reverses_ended = 0
        self._next_reverse = now

    def loaded_at_start(self) -> None:
        """The instant of an earlier run's pay is not known: it is taken for late (ORD-118)."""
        self.is_restarted = True
        if self.row.HasField("attempt"):
            timers = self.context.timers(self.core)
            self._paid_from += timers.connect + timers.http

    def list_numbers(self, fence: int) -> None:
        """Sets the list of the order's numbers up (PAY-37)."""
        self.entries = []
        others = [number for number in self.row.search if number != self.order_no]
        for order_no in [self.order_no, *others]:
            for channel in CHANNELS:
                for place, account in enumerate(self.context.accounts(self.core, channel)):
                    is_own = order_no == self.order_no and place == 0
                    number = self.context.number(self.core, order_no, channel)
                    self.entries.append(Entry(is_own, number, account, fence))

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

    def _rules(self, now: int) -> Rules:
        """PAY-44, PAY-46, PAY-52."""
        timers, row = self.context.timers(self.core), self.row
        has_attempt = row.HasField("attempt")
        may_reverse = self.is_acting and has_attempt and now < row.act_by
        if self.is_looking:
            expired_from = 0
        elif self.is_acting and has_attempt:
            expired_from = row.attempt.at + timers.connect + timers.expiry + timers.fence
        else:
            expired_from = self.context.started + timers.expiry + timers.fence
        is_reversed = row.reverses > 0
        return Rules(
            is_reversed,
            is_reversed or not self.is_acting,
            None if may_reverse else expired_from,
            timers.absence_gap,
        )

    def _ask_about(self, entry: Entry, effects: Effects) -> None:
        """At most one query of an entry is in flight (PAY-57)."""
        if entry.in_flight is None:
            timers = self.context.timers(self.core)
            question = self.context.question(
                timers, entry.merchant, PlatformCall.QUERY, entry.number, self.total
            )
            entry.in_flight = self.ask(question, effects)

    def _forget_code(self) -> None:
        if self.code:
            self.code.erase()
        self.code = None

    def _marks(self) -> list[int]:
        marks = [self._next_reverse]
        if self.row.HasField("attempt"):
            timers = self.context.timers(self.core)
            marks += [self._paid_from + timers.reverse_min, self._paid_from + self._poll]
        return marks

    @property
    def _poll(self) -> int:
        """T_POLL of the attempt's channel."""
        timers = self.context.timers(self.core)
        is_alipay = int(self.row.attempt.channel) == Channel.ALIPAY
        return timers.poll_alipay if is_alipay else timers.poll_wechat

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

    @property
    def _attempted(self) -> Entry | None:
        """The entry of the attempt's number."""
        channel = int(self.row.attempt.channel)
        found = (entry for entry in self.entries if entry.is_own and int(entry.merchant.channel) == channel)
        return next(found, None)

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

    def _captured(self, capture: Capture, now: int, effects: Effects) -> None:
        """PAY-75."""
        attempt, expiry = self.row.attempt, self.context.timers(self.core).expiry
        written = max(attempt.expires_at - -(-expiry // 1000), 0)
        is_earlier = capture.captured_at is not None and capture.captured_at + 1 < written
        if attempt.number_known or is_earlier:
            self.end(Status.NUMBER_USED, now, effects)
        else:
            self.end(self._paid_status, now, effects, capture)

    @property
    def _paid_status(self) -> Status:
        is_late = not self.is_looking and (self.row.cancel_wanted or self.row.reverses > 0)
        return Status.PAID_AFTER_CANCEL if is_late else Status.PAID

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

    def _query_attempt(self, now: int, effects: Effects) -> None:
        if now < self.next_query:
            return
        self.next_query = now + self.context.timers(self.core).query
        own = next((entry for entry in self.entries if entry.is_own), None)
        if own is not None:
            self._ask_about(own, effects)

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
        is_awaited = latest == Latest.ALIVE or is_first
        if is_awaited and is_gap_over and self.next_query > now + _REVERSE_AFTER_QUERY:
            self.next_query = now
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

    # Asking, and looks (ORD-123 to ORD-132).

    def start_asking(self, now: int, effects: Effects) -> None:
        """Enters Asking."""
        self.list_for_the_end()
        self._forget_code()
        self.enter(ASKING, now, effects)

    def list_for_the_end(self) -> None:
        """Sets the list up anew (PAY-40, PAY-55)."""
        fences = [entry.fence for entry in self.entries]
        if self.is_looking:
            fence = 0
        elif self.row.run == self.context.run and not self.row.not_intact:
            fence = max(fences, default=0)
        else:
            since_start = self.context.started + self.context.timers(self.core).fence
            fence = max([since_start, *fences])
        known = {(entry.number, entry.merchant): entry for entry in self.entries}
        self.list_numbers(fence)
        if self.row.HasField("attempt") and self.is_acting:
            attempted = self._attempted
            self.entries = [] if attempted is None else [attempted]
        for entry in self.entries:
            same = known.get((entry.number, entry.merchant))
            if same is not None:
                entry.finding, entry.in_flight = same.finding, same.in_flight

    def _step_asking(self, now: int, effects: Effects) -> None:
        if self.is_restarted:
            if not self.context.is_synced:
                return
            self.is_restarted = False
            self.list_for_the_end()
        if self._conclude(now, effects):
            return
        unix, accepted = self.context.unix(), self.row.accepted_unix
        is_old = unix and accepted and unix >= accepted + Timers.UNDECIDED_AFTER // 1000
        if is_old and not self.is_looking:
            self.end(Status.UNDECIDED, now, effects)
            return
        if self._may_reverse_again(now):
            self.row.reverses = max(self.row.reverses, 1)
            self._reverses_ended, self._next_reverse = 0, now
            self.enter(REVERSING, now, effects)
            return
        if now < self.next_query:
            return
        self._schedule(now)
        for entry in self.entries:
            if entry.finding is None:
                self._ask_about(entry, effects)

    def _may_reverse_again(self, now: int) -> bool:
        """ORD-130."""
        if not self.is_acting or not self.row.HasField("attempt") or now >= self.row.act_by:
            return False
        reverse_min = self.context.timers(self.core).reverse_min
        lives = self._attempted is not None and self._attempted.latest_answer == Latest.ALIVE
        return lives and now >= self._paid_from + max(self._poll, reverse_min)

    def _schedule(self, now: int) -> None:
        """PAY-61 and PAY-62."""
        timers = self.context.timers(self.core)
        if self.is_acting and self.row.HasField("attempt") and now < self.row.act_by:
            self.next_query = now + timers.query
            return
        gap, expired_from = timers.absence_gap, self._rules(now).expired_from
        fences = {entry.fence for entry in self.entries} | (
            {expired_from} if expired_from is not None else set()
        )
        times = [self.entered + nth * gap for nth in _ASK_AT] + [now + _ASK_EVERY]
        for fence in fences:
            if fence > self.entered:
                times += [fence + nth * gap for nth in range(_ASK_AFTER_FENCE)]
        self.next_query = min(at for at in times if at > now)

    def _keep_the_gap(self, gap: int) -> None:
        """PAY-63."""
        if self.is_looking or self.state == ASKING:
            counted = [entry.counted + gap for entry in self.entries if entry.counted is not None]
            self.next_query = max([self.next_query, *counted])

    def _conclude(self, now: int, effects: Effects) -> bool:
        """Goes through the list (ORD-125 to ORD-128)."""
        attempt = self.row.attempt
        is_unattempted = self.is_acting and not self.row.HasField("attempt")
        if is_unattempted and any(
            entry.money or entry.latest_answer == Latest.ALIVE for entry in self.entries
        ):
            self.end(Status.NUMBER_USED, now, effects)
            return True
        captures: list[Capture] = []
        deaths: list[Death] = []
        for entry in self.entries:
            finding = entry.finding
            if finding is None:
                return False
            if isinstance(finding, Death):
                deaths.append(finding)
            elif finding.status is not None:
                self.end(finding.status, now, effects)
                return True
            elif attempt.number_known or not entry.is_own:
                self.end(Status.NUMBER_USED, now, effects)
                return True
            else:
                captures.append(finding.capture)
        if len(captures) > 1:
            self.end(Status.CAPTURED_TWICE, now, effects)
        elif captures:
            self.end(self._paid_status, now, effects, captures[0])
        elif not deaths:
            return False
        elif is_unattempted and self.row.cancel_wanted:
            is_tombstone = self.row.start_by == 0
            self.end(Status.NEVER_SEEN if is_tombstone else Status.CANCELLED, now, effects)
        else:
            self.end(death_status(max(deaths), attempt.payer_refused), now, effects)
        return True
