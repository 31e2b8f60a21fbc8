"""The POS end of a link: requests one after the other, reports in rounds, questions to platforms (messages, orders).

Feed bytes, poll bytes, events and questions, give verdicts, codes and the time. What a step writes goes to the book;
while the book is not durable, nothing about orders is handled, told or asked (ORD-7), and the key exchange goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Union

from .book import Book, Stale
from .handshake import Draw, End
from .messages import book_pb2, message_pb2
from .messages.book_pb2 import PosOrder
from .messages.message_pb2 import Message
from .payment import Answered, PaymentCode, Question
from .pos_context import Effect, Effects, OrderEvent, Report
from .pos_order import ENDED
from .pos_reports import Reports
from .pos_requests import Device, PosRequests, Provision, Session
from .pos_session import PosSession
from .provisioning import registry
from .session import Ended as SessionEnded
from .session import Notice, Received, Started, Terms
from .tables import AlertCode, Limits

__all__ = [
    "Device",
    "Down",
    "LinkEvent",
    "Notice",
    "PosLink",
    "Provision",
    "Refusal",
    "Stopped",
    "Up",
    "declare_restore",
]

_SOFTWARE_CHARACTERS_MAX: Final = 64
_TEXT_CHARACTERS_MAX: Final = 128


class Refusal(Exception):
    """A command that is not carried out; nothing was stored."""


@dataclass(frozen=True)
class Up:
    """A session with a terminal."""

    terminal_id: str


@dataclass(frozen=True)
class Down:
    """There is no session any more; `code` is that of the alert that ended it, None without one."""

    code: int | None = None
    by_peer: bool = False


@dataclass(frozen=True)
class Stopped:
    """The book could not be written: the program has to start again from it (ORD-10)."""


LinkEvent = Union[Up, Down, Stopped, Notice, OrderEvent]
"""What `PosLink.poll_event` gives."""


@dataclass(frozen=True)
class _Request:
    """A request, or a confirmation, that waits to be handled."""

    generation: int
    message: Message


@dataclass(frozen=True)
class _Tick:
    """An instant that came."""


_Work = Union[_Request, Answered, PaymentCode, _Tick]


class PosLink(PosRequests):
    """One device and its line."""

    def __init__(
        self, device: Device, provision: Provision, book: Book, draw: Draw, unix: Callable[[], int], now: int
    ) -> None:
        """`book` has begun; `unix` is the calendar clock, 0 without one. A new run is drawn (ORD-56)."""
        super().__init__(device, provision, book, draw(4), unix, now)
        end = End(device.crypto, device.device_id.encode(), device.seed, registry(provision.terminals))
        self._session = PosSession(end, self._terms(), draw, self._make_ready)
        self._generations = 0
        self._reports = Reports(now)
        self._work: deque[_Work] = deque([_Tick()])
        self._held: tuple[list[Effect], _Request | None] | None = None
        self._events: deque[LinkEvent] = deque()
        self._questions: deque[Question] = deque()
        self.is_stopped = False
        self._now = now
        self._run(now)

    def _terms(self) -> list[Terms]:
        return [
            Terms(held.hash, tuple(held.agreement.versions), tuple(held.agreement.suites))
            for held in self._context.serving
        ]

    def _make_ready(self, agreement_hash: bytes, now: int) -> bytes:
        of_session = (held.agreement for held in self._context.serving if held.hash == agreement_hash)
        ready = message_pb2.SessionReady(
            run=self._context.run,
            pos_time=self._unix(),
            software=self._device.software[:_SOFTWARE_CHARACTERS_MAX],
            simulated=next(of_session).simulated,
        )
        return Message(ready=ready).SerializeToString()

    # The line.

    def opened(self, now: int) -> None:
        """A stream is open; a serial line has settled."""
        self._session.opened(now)
        self._after(now)

    def closed(self, now: int) -> None:
        """The stream is gone."""
        self._session.closed(now)
        self._after(now)

    def feed(self, data: bytes, now: int) -> None:
        """Takes bytes of the line."""
        self._session.feed(data, now)
        self._after(now)

    def on_timer(self, now: int) -> None:
        """Does what is due."""
        self._session.on_timer(now)
        self._queue_tick()
        self._after(now)

    def poll_transmit(self) -> bytes | None:
        """The next bytes for the line."""
        return self._session.poll_transmit()

    def poll_event(self) -> LinkEvent | None:
        """The next event."""
        return self._events.popleft() if self._events else None

    def poll_question(self) -> Question | None:
        """The next question to a platform; each gets exactly one verdict."""
        return self._questions.popleft() if self._questions else None

    def next_timer(self) -> int | None:
        """The instant at which `on_timer` has something to do."""
        times = [self._session.next_timer(), self._flow.next_timer(self._now)]
        if self._may_report():
            times.append(self._reports.next_timer(self._flow.unanswered, self._now))
        return min((at for at in times if at is not None), default=None)

    # Commands.

    def answer(self, answered: Answered, now: int) -> None:
        """The verdict on a question."""
        self._work.append(answered)
        self._after(now)

    def scan(self, code: PaymentCode, now: int) -> None:
        """A payment code that was scanned. Raises Refusal: it is not kept, and the payer is told."""
        if not self._flow.takes(code):
            raise Refusal("no order waits for a code of this channel")
        self._work.append(code)
        self._after(now)

    def persisted(self, now: int) -> None:
        """The storage has made durable what it was given, and says so (`Storage.is_durable`)."""
        if self.book.is_durable and self._held is not None:
            effects, reply = self._held
            self._held = None
            self._carry_out(effects, reply, now)
        self._after(now)

    def persist_failed(self, now: int) -> None:
        """The storage cannot: nothing about orders is done any more, and a HIS that begins is told so (ORD-12)."""
        self.is_stopped = self._session.is_busy = True
        self._events.append(Stopped())
        self._after(now)

    def provision(self, provision: Provision, now: int) -> None:
        """Takes newer files or credentials over, also while a session lives (PRV-31, PRV-40)."""
        self._take_over(provision)
        known = registry(provision.terminals)
        if self._live and self._live.peer.encode() not in known:
            self.close(now)
        self._session.provision(known, self._terms())
        self._flow.provisioned(now)
        self._queue_tick()
        self._after(now)

    def notify(self, code: int, text: str, now: int) -> None:
        """Tells the cashier something about the device (DeviceEvent)."""
        event = message_pb2.DeviceEvent(code=code, text=text[:_TEXT_CHARACTERS_MAX])
        self._say(Message(device_event=event), now)

    def close(self, now: int) -> None:
        """Ends the session in order."""
        self._session.end(AlertCode.UNSPECIFIED, now)
        self._after(now)

    # What happens.

    def _queue_tick(self) -> None:
        if _Tick() not in self._work:
            self._work.append(_Tick())

    def _after(self, now: int) -> None:
        while (event := self._session.poll_event()) is not None:
            if isinstance(event, Started):
                self._generations += 1
                self._live = Session(event.peer.decode(), event.zero, self._generations)
                self._reports = Reports(now)
                self._events.append(Up(self._live.peer))
            elif isinstance(event, SessionEnded):
                self._live = None
                self._events.append(Down(event.code, event.by_peer))
            elif isinstance(event, Received):
                self._received(event.message, now)
            else:
                self._events.append(event)
        self._run(now)

    def _received(self, message: Message, now: int) -> None:
        live = self._live
        if live is None:
            return
        body = message.WhichOneof("body")
        request = _Request(live.generation, message)
        if message.reply_to:
            if body == "confirm_result":
                self._reports.answered(message.reply_to)
                self._work.append(request)
            return
        if not message.call:
            return
        if not live.is_synced and body != "sync":
            self._session.end(AlertCode.UNEXPECTED_MESSAGE, now)
            return
        of_session = [work.message for work in self._work if isinstance(work, _Request)]
        waiting = {one.call for one in of_session if not one.reply_to}
        if message.call in waiting:
            return
        if self._held and self._held[1] and self._held[1].generation == live.generation:
            waiting.add(self._held[1].message.reply_to)
        if message.call not in waiting and len(waiting) >= Limits.OPEN_CALLS_MAX:
            self._session.end(AlertCode.LIMIT, now)
            return
        live.is_synced = live.is_synced or body == "sync"
        self._work.append(request)

    @property
    def _is_free(self) -> bool:
        return self._held is None and self.book.is_durable and not self.is_stopped

    def _run(self, now: int) -> None:
        due = self._flow.next_timer(self._now)
        if due is not None and due <= now:
            self._queue_tick()
        self._now = now
        self._work = deque(work for work in self._work if self._is_wanted(work))
        while self._work and self._is_free:
            work = self._work.popleft()
            effects, reply = Effects(), None
            if isinstance(work, _Request):
                if self._is_wanted(work):
                    reply = self._handle(work.message, now, effects)
            elif isinstance(work, Answered):
                self._flow.answered(work, now, effects)
            elif isinstance(work, PaymentCode):
                self._flow.scan(work, now, effects)
            else:
                self._flow.tick(now, effects)
            self._finish(effects, reply, now)
        self._report(now)

    def _is_wanted(self, work: _Work) -> bool:
        """Whether a request's session still lives (MSG-13); a confirmation counts behind its end, too (MSG-35)."""
        if not isinstance(work, _Request) or work.message.reply_to:
            return True
        return self._live is not None and work.generation == self._live.generation

    def _finish(self, effects: Effects, reply: Message | None, now: int) -> None:
        """Stores what a step wrote, and carries it out once that is durable."""
        answer = _Request(self._live.generation, reply) if reply and self._live else None
        if effects.writes:
            try:
                self.book.commit({}, list(effects.writes.items()), self._unix())
            except (OSError, Stale):
                self.is_stopped = self._session.is_busy = True
                self._events.append(Stopped())
                return
            if not self.book.is_durable:
                self._held = (effects.then, answer)
                return
        self._carry_out(effects.then, answer, now)

    def _carry_out(self, then: Sequence[Effect], reply: _Request | None, now: int) -> None:
        if reply and self._live and reply.generation == self._live.generation:
            self._say(reply.message, now)
        for effect in then:
            if isinstance(effect, Question):
                self._questions.append(effect)
            elif isinstance(effect, message_pb2.OrderState):
                self._say(Message(order_state=effect), now)
            elif isinstance(effect, Report):
                self._reports.first(effect.order_no, now)
            else:
                self._events.append(effect)

    def _say(self, message: Message, now: int) -> None:
        if self._live:
            self._session.send(message.SerializeToString(), now)

    # Reports.

    def _may_report(self) -> bool:
        """ORD-145."""
        return self._live is not None and self._live.is_synced and self._is_free

    def _report(self, now: int) -> None:
        due = self._reports.next(self._flow.unanswered, now) if self._may_report() else None
        if due is None:
            return
        call, order_no = due
        row = self._flow.lives[order_no].row
        report = message_pb2.ReportResult(
            result=row.result, signature=row.signature, journal=self.book.anchor
        )
        self._say(Message(call=call, report_result=report), now)


def declare_restore(book: Book, book_id: bytes, unix: int) -> None:
    """A person declares that the journal went back, while no program serves from it (BOK-30, BOK-31)."""
    rows = []
    for key, row in book.rows(book_pb2.TABLE_ORDER):
        order = PosOrder.FromString(row)
        if order.state != ENDED and not order.not_intact:
            order.not_intact = True
            rows.append(((book_pb2.TABLE_ORDER, key), order.SerializeToString()))
    book.restart(book_id, rows, unix)
