"""All orders of one POS: what HIS asks and is answered, what platforms answer, and time (orders)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Union

from . import orders
from .book import Book
from .messages import book_pb2, message_pb2
from .messages.book_pb2 import PosOrder
from .messages.message_pb2 import Message
from .messages.order_pb2 import OrderCore
from .payment import Answered, Merchant, PaymentCode, Proof, Question, merchant
from .pos_collect import Collect
from .pos_context import Accepted, Alarm, Context, Effects, HisAnswered, MerchantVerified, Report
from .pos_order import ASKING, ENDED, PAYING, REFUNDING, REVERSING, WAIT_CODE
from .pos_refund import RefundOrder
from .tables import Disposition, Kind, Limits, PlatformCall, RejectCode, Status, Timers

Life = Union[Collect, RefundOrder]
"""An order at the POS."""


@dataclass(frozen=True)
class Asking:
    """The session in which a SubmitOrder came."""

    peer: str
    is_peer_active: bool
    zero: int
    has_room: bool


def rejected(code: RejectCode, order_no: str = "") -> Message:
    """A Rejected that names no order that is held (MSG-33)."""
    return Message(rejected=message_pb2.Rejected(code=int(code), order_no=order_no))  # type: ignore[arg-type]


def _is_search(search: Sequence[str]) -> bool:
    return len(search) <= Limits.SEARCH_MAX and all(map(orders.is_order_number, search))


class PosFlow:
    """The orders that have not ended or whose result is not answered, and looks; others are read when needed."""

    def __init__(self, context: Context, book: Book, now: int) -> None:
        """Loads what a program has to know at its start (BOK-24)."""
        self.context, self._book = context, book
        self.lives: dict[str, Life] = {}
        self.looks: dict[str, Life] = {}
        self.unanswered: deque[str] = deque()
        self._asked: dict[int, tuple[str, bool] | Merchant] = {}
        self._next_verify = now
        self._verifies_again = False
        found = [(key, PosOrder.FromString(row)) for key, row in book.rows(book_pb2.TABLE_ORDER)]
        found.sort(key=lambda both: book.version(book_pb2.TABLE_ORDER, both[0]))
        for _, row in found:
            if row.state != ENDED or not row.answered:
                self._load_at_start(row, now)

    def _load_at_start(self, row: PosOrder, now: int) -> None:
        life = self._make(row, now)
        self.lives[life.order_no] = life
        if life.state == ENDED:
            self.unanswered.append(life.order_no)
        else:
            life.loaded_at_start()

    def _make(self, row: PosOrder, now: int) -> Life:
        core = OrderCore.FromString(row.core)
        kind = RefundOrder if int(core.kind) == Kind.REFUND else Collect
        return kind(core, row, self.context, now)

    def _known(self, order_no: str, now: int) -> Life | None:
        """An order that the journal has, loaded now if it is not yet."""
        if order_no not in self.lives:
            row = self._book.get(book_pb2.TABLE_ORDER, order_no)
            if row is None:
                return None
            self.lives[order_no] = self._make(PosOrder.FromString(row), now)
        return self.lives[order_no]

    # What HIS asks.

    def submit(self, said: message_pb2.SubmitOrder, asking: Asking, now: int, effects: Effects) -> Message:
        """ORD-88 to ORD-92."""
        core = self._own_core(said.core)
        if isinstance(core, Message):
            return core
        known = self._known(core.order_no, now)
        if known is not None:
            return known.answer(now) if known.row.core == said.core else known.conflict()
        code = self._may_accept(core, said, asking, now)
        if code is not None:
            return rejected(code, core.order_no)
        active = next(
            (life for life in self.lives.values() if life.state in (WAIT_CODE, PAYING, REFUNDING)), None
        )
        if active is not None:
            return rejected(RejectCode.BUSY, active.order_no)
        life = self._new(said.core, said.search, now)
        life.row.start_by = asking.zero + 1000 * said.start_by
        life.row.act_by = life.row.start_by + self.context.timers(core).act
        if isinstance(life, Collect):
            life.list_numbers(0)
            life.enter(WAIT_CODE, now, effects)
        else:
            life.enter(REFUNDING, now, effects)
        effects.then.append(Accepted(life.order_no, core.amount))
        self.lives[life.order_no] = life
        self._step(life, now, effects)
        return life.answer(now)

    def _may_accept(
        self, core: OrderCore, said: message_pb2.SubmitOrder, asking: Asking, now: int
    ) -> RejectCode | None:
        agreement = self.context.agreement(core.agreement_no)
        serving = [held.agreement.agreement_no for held in self.context.serving]
        if said.terminal_id != asking.peer or not asking.is_peer_active:
            return RejectCode.WRONG_TERMINAL
        if said.run != self.context.run:
            return RejectCode.RUN_CHANGED
        if not _is_search(said.search):
            return RejectCode.MALFORMED
        is_served = core.agreement_no in serving and self.context.has(core, self.context.verified)
        if agreement is None or not is_served:
            return RejectCode.MERCHANT
        limits = agreement.amounts
        if abs(core.amount) > (limits.collect_max if core.amount > 0 else limits.refund_max):
            return RejectCode.AMOUNT
        start_by = asking.zero + 1000 * said.start_by
        if start_by <= now:
            return RejectCode.EXPIRED
        if start_by > now + agreement.timers.start + agreement.timers.drift:
            return RejectCode.MALFORMED
        return None if asking.has_room else RejectCode.STORAGE

    def query(self, said: message_pb2.QueryOrder, now: int) -> Message:
        """ORD-93."""
        if not orders.is_order_number(said.order_no):
            return rejected(RejectCode.MALFORMED)
        known = self._known(said.order_no, now)
        if known is None:
            return Message(no_record=message_pb2.NoRecord(run=self.context.run))
        return known.answer(now) if known.hash == said.order_hash else known.conflict()

    def cancel(self, said: message_pb2.CancelOrder, now: int, effects: Effects) -> Message:
        """ORD-95, ORD-96."""
        core = self._own_core(said.core)
        if isinstance(core, Message):
            return core
        life = self._known(core.order_no, now)
        if life is not None:
            if life.row.core != said.core:
                return life.conflict()
            can_want = life.state in (WAIT_CODE, PAYING, REVERSING, REFUNDING)
            if can_want and not life.row.cancel_wanted:
                life.row.cancel_wanted = True
                life.write(effects)
        elif said.run != self.context.run:
            return rejected(RejectCode.RUN_CHANGED, core.order_no)
        elif not _is_search(said.search):
            return rejected(RejectCode.MALFORMED, core.order_no)
        else:
            life = self._new(said.core, said.search, now)
            life.row.cancel_wanted = True
            self.lives[life.order_no] = life
            if said.search:
                life.start_asking(now, effects)
            else:
                is_refund = isinstance(life, RefundOrder)
                life.end(Status.REFUND_NEVER_SEEN if is_refund else Status.NEVER_SEEN, now, effects)
        self._step(life, now, effects)
        return life.answer(now)

    def look_up(self, said: message_pb2.LookUp, now: int, effects: Effects) -> Message:
        """ORD-97 to ORD-103."""
        try:
            core = orders.read_core(said.core)
        except orders.Malformed:
            return rejected(RejectCode.MALFORMED)
        life = self._known(core.order_no, now)
        if life is not None and life.row.core != said.core:
            return life.conflict()
        if not self.context.has(core, self.context.merchants):
            return rejected(RejectCode.MERCHANT, core.order_no)
        look = self.looks.get(core.order_no)
        is_own = core.device_id == self.context.device_id
        if life is not None and life.state == ENDED and not said.fresh and look is None:
            return life.answer(now)
        if is_own and (life is None or life.state != ENDED):
            life = self._look_at_own(life, said.core, now, effects)
            return life.answer(now)
        if look is None:
            look = self.looks[core.order_no] = self._new(said.core, (), now)
            if life is not None:
                look.follow(life.row)
            look.is_looking = True
            look.row.state = ASKING
            look.list_for_the_end()
        look.step(now, effects)
        self._settle(look, True, now, effects)
        return look.answer(now)

    def _look_at_own(self, life: Life | None, core: bytes, now: int, effects: Effects) -> Life:
        if life is None:
            life = self._new(core, (), now)
            life.row.not_intact = True
            self.lives[life.order_no] = life
            life.start_asking(now, effects)
        elif isinstance(life, Collect) and life.state == WAIT_CODE and not life.is_restarted:
            life.leave_wait_code(Status.RESTARTED, now, effects)
        self._step(life, now, effects)
        return life

    def _own_core(self, core: bytes) -> OrderCore | Message:
        try:
            said = orders.read_core(core)
        except orders.Malformed as error:
            return rejected(error.code)
        if said.device_id != self.context.device_id:
            return rejected(RejectCode.WRONG_DEVICE, said.order_no)
        return said

    def _new(self, core: bytes, search: Sequence[str], now: int) -> Life:
        """A row of this run and boot (ORD-89)."""
        row = PosOrder(
            core=core,
            run=self.context.run,
            boot=self.context.boot,
            accepted_at=now,
            accepted_unix=self.context.unix(),
            search=search,
        )
        return self._make(row, now)

    def confirm(self, said: message_pb2.ConfirmResult, now: int, effects: Effects) -> None:
        """ORD-151."""
        life = self._known(said.order_no, now) if orders.is_order_number(said.order_no) else None
        if life is None or int(said.disposition) not in (Disposition.RECORDED, Disposition.KEPT):
            return
        if not life.row.result or orders.result_hash(life.row.result) != said.result_hash:
            return
        life.row.answered = said.disposition
        if int(said.disposition) == Disposition.RECORDED:
            life.row.recorded = True
            life.row.recorded_result = b""
        look = self.looks.get(said.order_no)
        if look is not None:
            look.follow(life.row)
        life.write(effects)
        effects.then.append(HisAnswered(said.order_no, int(said.disposition)))
        if said.order_no in self.unanswered:
            self.unanswered.remove(said.order_no)
        if life.state == ENDED:
            del self.lives[said.order_no]

    def sync(self, is_contained: bool, now: int, effects: Effects) -> None:
        """What a Sync shows of the journal (ORD-60, ORD-61)."""
        is_first, self.context.is_synced = not self.context.is_synced, True
        if not is_contained:
            self.context.is_anchored = False
            self._mark(lambda life: True, effects)
            effects.then.append(Alarm("journal_went_back"))
        elif is_first:
            self._mark(lambda life: life.is_restarted and life.row.boot != self.context.boot, effects)
        self.tick(now, effects)

    def _mark(self, wanted: Callable[[Life], bool], effects: Effects) -> None:
        for _, life in sorted(self.lives.items()):
            if life.state != ENDED and not life.row.not_intact and wanted(life):
                life.row.not_intact = True
                life.write(effects)

    # What platforms answer.

    def answered(self, answered: Answered, now: int, effects: Effects) -> None:
        """Takes a verdict in; a second one on the same question is ignored."""
        asked = self._asked.pop(answered.id, None)
        if isinstance(asked, Merchant):
            self._merchant_answered(asked, answered, effects)
        elif asked is not None:
            order_no, is_look = asked
            life = (self.looks if is_look else self.lives).get(order_no)
            if life is None:
                return
            channel = life.channel_asked(answered.id)
            if answered.date is not None and channel is not None:
                self.context.dates[channel] = (answered.date, answered.ended)
            life.answered(answered, now, effects)
            self._settle(life, is_look, now, effects)

    def _merchant_answered(self, account: Merchant, answered: Answered, effects: Effects) -> None:
        """PAY-35."""
        if answered.date is not None:
            self.context.dates[account.channel] = (answered.date, answered.ended)
        verified, proof = self.context.verified, answered.proven.proof
        if proof == Proof.VERIFIED and account not in verified:
            verified.add(account)
            effects.then.append(MerchantVerified(account, True))
        elif proof == Proof.MERCHANT_REFUSED and account in verified:
            verified.remove(account)
            effects.then.append(MerchantVerified(account, False))

    def provisioned(self, now: int) -> None:
        """Agreements or credentials were imported: every merchant is verified again (PAY-33)."""
        self._next_verify, self._verifies_again = now, True

    def _verify(self, now: int, effects: Effects) -> None:
        in_flight = [asked for asked in self._asked.values() if isinstance(asked, Merchant)]
        missing = [
            account
            for account in self.context.merchants
            if self._verifies_again or (account not in self.context.verified and account not in in_flight)
        ]
        if not missing or now < self._next_verify:
            return
        self._verifies_again = False
        self._next_verify = now + Timers.VERIFY_RETRY
        for account in missing:
            named = (held.agreement for held in self.context.agreements)
            newest = next((one for one in named if merchant(one, account.channel) == account), None)
            timers = newest.timers if newest is not None else self.context.timers(OrderCore())
            question = self.context.question(timers, account, PlatformCall.VERIFY, "", 0)
            self._asked[question.id] = account
            effects.then.append(question)

    # Codes and time.

    def waiting(self) -> Collect | None:
        """The order that waits for a code of a payer (ORD-112)."""
        for life in self.lives.values():
            if isinstance(life, Collect) and life.state == WAIT_CODE and not life.is_restarted:
                return life
        return None

    def takes(self, code: PaymentCode) -> bool:
        """Whether a scanned code is taken now; every other one is not kept."""
        life = self.waiting()
        agreement = self.context.agreement(life.core.agreement_no) if life else None
        return agreement is not None and merchant(agreement, code.channel) is not None

    def scan(self, code: PaymentCode, now: int, effects: Effects) -> None:
        """A good code (ORD-113)."""
        life = self.waiting()
        if life is not None and self.takes(code):
            life.scan(code)
            self._step(life, now, effects)

    def tick(self, now: int, effects: Effects) -> None:
        """Does what is due, in the order of the order numbers."""
        for _, life in sorted(self.lives.items()):
            self._step(life, now, effects)
        for _, look in sorted(self.looks.items()):
            look.step(now, effects)
            self._settle(look, True, now, effects)
        for _, life in sorted(self.lives.items()):
            if life.alarm_at is not None and now >= life.alarm_at:
                life.is_alarmed = True
                effects.then.append(Alarm("unconfirmed", life.order_no))
        self._verify(now, effects)

    def _step(self, life: Life, now: int, effects: Effects) -> None:
        life.step(now, effects)
        self._settle(life, False, now, effects)

    def _settle(self, life: Life, is_look: bool, now: int, effects: Effects) -> None:
        for effect in effects.then:
            if isinstance(effect, Question) and effect.id not in self._asked:
                self._asked[effect.id] = (life.order_no, is_look)
            elif isinstance(effect, Report) and effect.order_no not in self.unanswered:
                self.unanswered.append(effect.order_no)
        if not is_look:
            life.tell(now, effects)
        elif not life.is_looking:
            self.looks.pop(life.order_no, None)
            self.lives[life.order_no] = life

    def next_timer(self, now: int) -> int | None:
        """The next instant that a rule names."""
        every = [*self.lives.values(), *self.looks.values()]
        times = [life.next_timer(now) for life in every]
        times += [life.alarm_at for life in self.lives.values()]
        if self._verifies_again or any(
            account not in self.context.verified for account in self.context.merchants
        ):
            times.append(self._next_verify)
        return min((at for at in times if at is not None and at > now), default=None)
