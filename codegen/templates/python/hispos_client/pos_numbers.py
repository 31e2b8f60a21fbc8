"""The numbers of a collect: which are asked about where, what is known of each, and what a capture says (payment)."""

from __future__ import annotations

from .evidence import Entry, Rules
from .messages.book_pb2 import PosOrder
from .messages.order_pb2 import OrderCore
from .payment import CHANNELS, Capture, PaymentCode
from .pos_context import Context, Effects
from .pos_order import ASKING, PosOrderLife
from .tables import Channel, PlatformCall, Status


class CollectNumbers(PosOrderLife):
    """A collect's list of numbers."""

    def __init__(self, core: OrderCore, row: PosOrder, context: Context, now: int) -> None:
        """`row.attempt` is that of an earlier run, if there is one."""
        super().__init__(core, row, context, now)
        self.code: PaymentCode | None = None
        self._shown: PaymentCode | None = None
        """The code of the pay that is being written."""
        self._paid_from = row.attempt.at if row.HasField("attempt") else now
        self._reverses_ended = 0
        self._next_reverse = now
        self._asked = 0
        """When the attempt's number was last asked about in Paying or Reversing."""

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

    @property
    def _attempted(self) -> Entry | None:
        """The entry of the attempt's number."""
        channel = int(self.row.attempt.channel)
        found = (entry for entry in self.entries if entry.is_own and int(entry.merchant.channel) == channel)
        return next(found, None)

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
            fence = max([self.context.started + timers.fence, *(entry.fence for entry in self.entries)])
            expired_from = fence + timers.expiry
        is_reversed = row.reverses > 0
        return Rules(
            is_reversed,
            is_reversed or not self.is_acting,
            None if may_reverse else expired_from,
            timers.absence_gap,
        )

    @property
    def _poll(self) -> int:
        """T_POLL of the attempt's channel."""
        timers = self.context.timers(self.core)
        is_alipay = int(self.row.attempt.channel) == Channel.ALIPAY
        return timers.poll_alipay if is_alipay else timers.poll_wechat

    def _marks(self) -> list[int]:
        marks = [self._next_reverse]
        if self.row.HasField("attempt"):
            timers = self.context.timers(self.core)
            marks += [self._paid_from + timers.reverse_min, self._paid_from + self._poll]
        return marks

    # Questions.

    def _ask_about(self, entry: Entry, effects: Effects) -> None:
        """At most one query of an entry is in flight (PAY-57)."""
        if entry.in_flight is None:
            timers = self.context.timers(self.core)
            question = self.context.question(
                timers, entry.merchant, PlatformCall.QUERY, entry.number, self.total
            )
            entry.in_flight = self.ask(question, effects)

    def _query_attempt(self, now: int, effects: Effects) -> None:
        if now < self.next_query:
            return
        self.next_query = now + self.context.timers(self.core).query
        own = next((entry for entry in self.entries if entry.is_own), None)
        if own is not None:
            if own.in_flight is None:
                self._asked = now
            self._ask_about(own, effects)

    def _keep_the_gap(self, gap: int) -> None:
        """PAY-63."""
        if self.is_looking or self.state == ASKING:
            counted = [entry.counted + gap for entry in self.entries if entry.counted is not None]
            self.next_query = max([self.next_query, *counted])

    # Money.

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

    def _forget_code(self) -> None:
        if self.code:
            self.code.erase()
        self.code = None
