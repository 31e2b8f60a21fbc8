"""The open calls of a HIS link: their numbers, their repeats, and what drops them (messages)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import Message as AnyMessage

from .his_events import LinkEvent
from .his_session import HisSession
from .ledger import Ledger
from .messages import book_pb2
from .messages.agreement_pb2 import Agreement
from .messages.message_pb2 import Message
from .tables import Limits, Timers

_GAPS: Final = (
    Timers.REQUEST_REPEAT_1,
    Timers.REQUEST_REPEAT_2,
    Timers.REQUEST_REPEAT_3,
    Timers.REQUEST_REPEAT_4,
)


@dataclass
class Call:
    """A request: it waits, is open, or is dropped."""

    name: str
    body: AnyMessage
    order_no: str
    state: book_pb2.HisState | None
    """The state of the order that it asks about."""
    number: int = 0
    """0 while it waits."""
    first_sent: int = 0
    due: int = 0
    gaps: int = 0
    dropped_at: int | None = None


class HisCalls:
    """One session's calls, over a ledger."""

    def __init__(self, session: HisSession, ledger: Ledger, terminal_id: str, device_id: str) -> None:
        """The ledger's `begin_run` was called at the start of the program (ORD-182)."""
        self._session, self.ledger = session, ledger
        self._terminal_id, self._device_id = terminal_id, device_id
        self._events: deque[LinkEvent] = deque()
        self._anchor_pinged: int | None = None
        self._now = 0
        self._forget()

    def _forget(self) -> None:
        """What a session leaves behind: nothing but what is stored (MSG-14)."""
        self._calls: dict[int, Call] = {}
        self._waiting: deque[Call] = deque()
        self._next_call = 1
        self._wants_sync = False
        self._run: bytes | None = None
        self._zero = 0
        self._is_synced = False
        self._sent_at = 0
        self._made_here: set[str] = set()
        self._told: set[str] = set()
        self._inbox: deque[Message] = deque()
        self._held: deque[Message] = deque()
        self._looked: dict[str, int] = {}
        self._looks_told: set[str] = set()
        self._pull_counts = False
        self._agreement: Agreement | None = None
        self._ask_from: dict[str, int] = {}

    # Calls (messages, sections "Call numbers", "Open calls" and "Repeats").

    def _request(self, name: str, body: AnyMessage, order_no: str, now: int) -> None:
        order = self.ledger.order(order_no) if order_no else None
        call = Call(name, body, order_no, None if order is None else order.state)
        # What rests on nothing goes before what waits for the ledger.
        (self._waiting.appendleft if name == "ping" else self._waiting.append)(call)
        self._send_waiting(now)

    def _send_waiting(self, now: int) -> None:
        """Opens calls; 8 at most are open, and each waits until what it rests on is durable (ORD-8)."""
        self._forget_lost(now)
        while self._waiting and len(self._calls) < Limits.OPEN_CALLS_MAX:
            call = self._waiting[0]
            if not self._may_send(call):
                return
            self._waiting.popleft()
            call.number, call.first_sent, call.due = self._next_call, now, now + _GAPS[0]
            self._next_call += 1
            self._calls[call.number] = call
            self._send_call(call, now)

    def _may_send(self, call: Call) -> bool:
        """Whether what it rests on is durable; a ping rests on nothing."""
        return call.name == "ping" or self.ledger.book.is_durable

    def _send_call(self, call: Call, now: int) -> None:
        message = Message(call=call.number)
        getattr(message, call.name).CopyFrom(call.body)
        self._transmit(message, now)

    def _reply(self, message: Message, now: int) -> None:
        """Answers, once what the answer rests on is durable (ORD-8)."""
        if not self.ledger.book.is_durable:
            self._held.append(message)
            return
        if message.HasField("confirm_result"):
            message.confirm_result.ledger = self.ledger.book.anchor
        self._transmit(message, now)

    def _answer_held(self, now: int) -> None:
        while self._held and self.ledger.book.is_durable:
            self._reply(self._held.popleft(), now)

    def _transmit(self, message: Message, now: int) -> None:
        if self._session.send(message.SerializeToString(), now):
            self._sent_at = now

    def _repeat(self, now: int) -> None:
        for call in list(self._calls.values()):
            if call.dropped_at is None and now >= call.due:
                call.gaps = min(call.gaps + 1, len(_GAPS) - 1)
                call.due = now + _GAPS[call.gaps]
                self._send_call(call, now)
        self._send_waiting(now)

    def _forget_lost(self, now: int) -> None:
        """A dropped call whose answer does not come for 25 s is taken for lost."""
        for number, call in list(self._calls.items()):
            if call.dropped_at is not None and now >= call.dropped_at + Timers.SILENT:
                del self._calls[number]

    def _answered(self, number: int) -> Call | None:
        """The call that an answer ends; dropped ones that were handled before it end with it."""
        call = self._calls.pop(number, None)
        if call is None:
            return None
        for earlier, other in list(self._calls.items()):
            if other.dropped_at is not None and call.first_sent >= other.dropped_at:
                del self._calls[earlier]
        return None if call.dropped_at is not None else call

    def _is_asked(self, order_no: str) -> bool:
        return any(call.order_no == order_no and call.dropped_at is None for call in self._every_call())

    def _every_call(self) -> list[Call]:
        """Those that are open or dropped, and those that wait."""
        return [*self._calls.values(), *self._waiting]

    # What drops them.

    def _drop_stale(self, now: int) -> None:
        """Another link, or people, changed an order: its open call is dropped (ORD-74)."""
        for call in self._every_call():
            if not call.order_no or call.dropped_at is not None or call.state is None:
                continue
            order = self.ledger.order(call.order_no)
            if order is None or order.state != call.state:
                self._drop_calls(call.order_no, now)

    def _enter(self, order_no: str, state: book_pb2.HisState, now: int, rejected: int = 0) -> None:
        """An order enters another state: its open call is dropped, and it is asked about anew (ORD-74)."""
        self.ledger.set_state(order_no, state, rejected)
        self._drop_calls(order_no, now)

    def _drop_calls(self, order_no: str, now: int) -> None:
        for call in self._calls.values():
            if call.order_no == order_no and call.dropped_at is None:
                call.dropped_at = now
        self._waiting = deque(call for call in self._waiting if call.order_no != order_no)
        self._told.discard(order_no)
        self._ask_from.pop(order_no, None)

    def _would_submit(self, order_no: str, now: int) -> bool:
        """Whether its SubmitOrder is due, or waits for a free call."""
        return any(
            call.name == "submit_order"
            and call.order_no == order_no
            and call.dropped_at is None
            and now >= call.due
            for call in self._every_call()
        )

    def _calls_due(self) -> list[int]:
        """When a call is repeated, or taken for lost."""
        return [
            call.due if call.dropped_at is None else call.dropped_at + Timers.SILENT
            for call in self._calls.values()
        ]
