"""The HIS end of a link: calls, Sync, orders, lists and pings over one session and one ledger (messages, orders)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Union

from google.protobuf.message import Message as AnyMessage

from . import orders
from .his_session import HisSession
from .ledger import Ledger, Refund, Refusal, Window
from .messages import book_pb2, message_pb2
from .messages.message_pb2 import Message
from .session import Ended, Notice, Received, Started
from .tables import AlertCode, Limits, RejectCode, Timers

_GAPS: Final = (
    Timers.REQUEST_REPEAT_1,
    Timers.REQUEST_REPEAT_2,
    Timers.REQUEST_REPEAT_3,
    Timers.REQUEST_REPEAT_4,
)
_ASK_AGAIN: Final = 60_000
_ABOUT_ORDERS: Final = ("submit_order", "query_order", "cancel_order", "look_up")
_ENDED: Final = (
    book_pb2.HIS_STATE_PAID,
    book_pb2.HIS_STATE_NOT_PAID,
    book_pb2.HIS_STATE_REFUNDED,
    book_pb2.HIS_STATE_NOT_REFUNDED,
    book_pb2.HIS_STATE_ATTENTION,
)


@dataclass(frozen=True)
class Ready:
    """The session is past Sync: orders can be made."""


@dataclass(frozen=True)
class Progress:
    """How far an order is; never its end (MSG-32)."""

    order_no: str
    stage: int
    seconds_left: int


@dataclass(frozen=True)
class OrderEnded:
    """An order has ended, and its result is durable. Its row says how."""

    order_no: str


@dataclass(frozen=True)
class Rejected:
    """The POS refused a request about an order. The order has not ended."""

    order_no: str
    code: int


@dataclass(frozen=True)
class Down:
    """There is no session: open orders are unknown, never failed (ORD-79)."""


LinkEvent = Union[Ready, Progress, OrderEnded, Rejected, Down, Notice]


@dataclass
class _Call:
    """An open request."""

    number: int
    name: str
    body: AnyMessage
    order_no: str
    first_sent: int
    due: int
    gaps: int = 0
    dropped_at: int | None = None


class HisLink:
    """One terminal of the HIS and its device. Feed bytes, poll bytes and events, give commands and the time."""

    def __init__(self, session: HisSession, ledger: Ledger, terminal_id: str, device_id: str) -> None:
        """The ledger's `begin_run` was called at the start of the program (ORD-182)."""
        self._session, self.ledger = session, ledger
        self._terminal_id, self._device_id = terminal_id, device_id
        self._events: deque[LinkEvent] = deque()
        self._anchor_pinged: int | None = None
        self._forget()

    def _forget(self) -> None:
        """What a session leaves behind: nothing but what is stored (MSG-14)."""
        self._calls: dict[int, _Call] = {}
        self._waiting: deque[tuple[str, AnyMessage, str]] = deque()
        self._next_call = 1
        self._run: bytes | None = None
        self._zero = 0
        self._is_synced = False
        self._sent_at = 0
        self._made_here: set[str] = set()
        self._told: set[str] = set()
        self._ask_from: dict[str, int] = {}

    # The line.

    def opened(self, now: int) -> None:
        """A stream is open; a serial line has settled."""
        self._session.opened(now)

    def closed(self, now: int) -> None:
        """The stream is gone."""
        self._session.closed(now)
        self._work(now)

    def feed(self, data: bytes, now: int) -> None:
        """Takes bytes of the line."""
        self._session.feed(data, now)
        self._work(now)

    def on_timer(self, now: int) -> None:
        """Does what is due."""
        self._session.on_timer(now)
        self._work(now)

    def poll_transmit(self) -> bytes | None:
        """The next bytes for the line."""
        return self._session.poll_transmit()

    def poll_event(self) -> LinkEvent | None:
        """The next event."""
        return self._events.popleft() if self._events else None

    def next_timer(self) -> int | None:
        """The instant at which `on_timer` has something to do."""
        times = [call.due for call in self._calls.values() if call.dropped_at is None]
        times += [at for at in self._ask_from.values()]
        times += [
            call.dropped_at + Timers.SILENT for call in self._calls.values() if call.dropped_at is not None
        ]
        times += [row.leased_until for _, row in self._open() if row.state != book_pb2.HIS_STATE_ASKING]
        if self._is_synced:
            times.append(self._sent_at + Timers.PING_AFTER)
        session = self._session.next_timer()
        return min([*times, session] if session is not None else times, default=None)

    # Commands.

    @property
    def is_ready(self) -> bool:
        """Whether orders can be made (ORD-68)."""
        return self._is_synced and self._run is not None and not self.ledger.is_halted

    def is_line_up(self, now: int) -> bool:
        """Whether the line is shown as up; while it is down, open orders are shown as unknown (REC-42, ORD-79)."""
        return self._session.has_heard(now)

    def _window(self, now: int) -> Window:
        if not self.is_ready or self._run is None:
            raise Refusal("there is no session past Sync with the terminal")
        return Window(self._device_id, self._terminal_id, self._run, self._zero, now)

    def collect(self, bill: str, fen: int, now: int) -> str:
        """Makes a collect, stores it, sends it, and gives its number. Raises ledger.Refusal."""
        order_no = self.ledger.make_collect(bill, fen, self._window(now))
        return self._made(order_no, now)

    def refund(self, wanted: Refund, now: int) -> str:
        """Makes a refund, stores it, sends it, and gives its number. Raises ledger.Refusal."""
        order_no = self.ledger.make_refund(wanted, self._window(now))
        return self._made(order_no, now)

    def _made(self, order_no: str, now: int) -> str:
        self._made_here.add(order_no)
        self._work(now)
        return order_no

    def cancel(self, order_no: str, now: int) -> None:
        """Cancels an order that has not ended; its result says what became of it (ORD-177, ORD-179)."""
        order = self.ledger.order(order_no)
        if order is None or order.state in _ENDED:
            raise Refusal(f"{order_no} is no open order")
        if order.state == book_pb2.HIS_STATE_SENT:
            self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now)
        self._work(now)

    def ask(self, order_no: str, now: int) -> None:
        """Asks about an open order again because a person wants it (ORD-72)."""
        self._told.discard(order_no)
        self._ask_from.pop(order_no, None)
        self._work(now)

    def close(self, now: int) -> None:
        """Ends the session in order."""
        self._session.end(AlertCode.UNSPECIFIED, now)
        self._work(now)

    # What happens.

    def _open(self) -> list[tuple[str, book_pb2.HisOrder]]:
        return [both for both in self.ledger.open_orders() if self._device_of(both[1]) == self._device_id]

    @staticmethod
    def _device_of(order: book_pb2.HisOrder) -> str:
        return orders.read_core(order.core).device_id

    def _work(self, now: int) -> None:
        while (event := self._session.poll_event()) is not None:
            if isinstance(event, Started):
                self._forget()
                self._zero, self._sent_at = event.zero, now
                self._send_sync(now)
            elif isinstance(event, Ended):
                self._forget()
                self._events.append(Down())
            elif isinstance(event, Received):
                self._take(event.message, now)
            else:
                self._events.append(event)
        self._pass_deadlines(now)
        if self._session.is_live:
            self._repeat(now)
            if self._is_synced and not self.ledger.is_halted:
                self._ask_about_orders(now)
                self._ping(now)

    def _enter(self, order_no: str, state: book_pb2.HisState, now: int, rejected: int = 0) -> None:
        """An order enters another state: its open call is dropped, and it is asked about anew (ORD-74)."""
        self.ledger.set_state(order_no, state, rejected)
        self._drop_calls(order_no, now)

    def _drop_calls(self, order_no: str, now: int) -> None:
        for call in self._calls.values():
            if call.order_no == order_no and call.dropped_at is None:
                call.dropped_at = now
        self._waiting = deque(item for item in self._waiting if item[2] != order_no)
        self._told.discard(order_no)
        self._ask_from.pop(order_no, None)

    def _pass_deadlines(self, now: int) -> None:
        """Lease ends, and submits that come too late (ORD-178, ORD-180)."""
        for order_no, order in self._open():
            if order.state == book_pb2.HIS_STATE_ASKING:
                continue
            if now >= order.leased_until:
                self._enter(order_no, book_pb2.HIS_STATE_ASKING, now)
            elif (
                order.state == book_pb2.HIS_STATE_SENT
                and now >= order.start_by
                and self._would_submit(order_no, now)
            ):
                self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now)

    def _would_submit(self, order_no: str, now: int) -> bool:
        """Whether its SubmitOrder is due, or waits for a free call."""
        is_due = any(
            call.name == "submit_order"
            and call.order_no == order_no
            and call.dropped_at is None
            and now >= call.due
            for call in self._calls.values()
        )
        return is_due or any(item[0] == "submit_order" and item[2] == order_no for item in self._waiting)

    # Calls (messages, sections "Call numbers", "Open calls" and "Repeats").

    def _request(self, name: str, body: AnyMessage, order_no: str, now: int) -> None:
        self._forget_lost(now)
        if len(self._calls) >= Limits.OPEN_CALLS_MAX:
            self._waiting.append((name, body, order_no))
            return
        call = _Call(self._next_call, name, body, order_no, now, now + _GAPS[0])
        self._next_call += 1
        self._calls[call.number] = call
        self._send_call(call, now)

    def _send_call(self, call: _Call, now: int) -> None:
        message = Message(call=call.number)
        getattr(message, call.name).CopyFrom(call.body)
        self._say(message, now)

    def _say(self, message: Message, now: int) -> None:
        if self._session.send(message.SerializeToString(), now):
            self._sent_at = now

    def _repeat(self, now: int) -> None:
        for call in list(self._calls.values()):
            if call.dropped_at is None and now >= call.due:
                call.gaps = min(call.gaps + 1, len(_GAPS) - 1)
                call.due = now + _GAPS[call.gaps]
                self._send_call(call, now)
        self._forget_lost(now)
        while self._waiting and len(self._calls) < Limits.OPEN_CALLS_MAX:
            self._request(*self._waiting.popleft(), now)

    def _forget_lost(self, now: int) -> None:
        """A dropped call whose answer does not come for 25 s is taken for lost."""
        for number, call in list(self._calls.items()):
            if call.dropped_at is not None and now >= call.dropped_at + Timers.SILENT:
                del self._calls[number]

    def _answered(self, number: int) -> _Call | None:
        """The call that an answer ends; dropped ones that were handled before it end with it."""
        call = self._calls.pop(number, None)
        if call is None:
            return None
        for earlier, other in list(self._calls.items()):
            if other.dropped_at is not None and call.first_sent >= other.dropped_at:
                del self._calls[earlier]
        return None if call.dropped_at is not None else call

    def _is_asked(self, order_no: str) -> bool:
        waits = any(item[2] == order_no for item in self._waiting)
        return waits or any(
            call.order_no == order_no and call.dropped_at is None for call in self._calls.values()
        )

    # What HIS asks.

    def _send_sync(self, now: int) -> None:
        peer = self.ledger.peer(self._device_id)
        sync = message_pb2.Sync(ledger=self.ledger.book.anchor, journal_seen=peer.anchor)
        self._request("sync", sync, "", now)

    def _list(self, now: int) -> None:
        peer = self.ledger.peer(self._device_id)
        request = message_pb2.ListOrders(book=peer.pulled_book, seq=peer.pulled_seq)
        self._request("list_orders", request, "", now)

    def _ask_about_orders(self, now: int) -> None:
        """One request for each open order, by its stored state (ORD-70, ORD-71)."""
        for order_no, order in self._open():
            if self._is_asked(order_no) or order_no in self._told or now < self._ask_from.get(order_no, 0):
                continue
            self._ask_from.pop(order_no, None)
            self._ask_about(order_no, order, now)

    def _ask_about(self, order_no: str, order: book_pb2.HisOrder, now: int) -> None:
        core, run, search = order.core, order.run, order.search
        if order.state == book_pb2.HIS_STATE_CANCELLING:
            self._request(
                "cancel_order", message_pb2.CancelOrder(core=core, run=run, search=search), order_no, now
            )
        elif order.state == book_pb2.HIS_STATE_ASKING:
            self._request("look_up", message_pb2.LookUp(core=core), order_no, now)
        elif order_no in self._made_here and now < order.start_by:
            submit = message_pb2.SubmitOrder(
                core=core,
                terminal_id=order.terminal_id,
                start_by=max(order.start_by - self._zero, 0) // 1000,
                run=run,
                search=search,
            )
            self._request("submit_order", submit, order_no, now)
        else:
            hashed = orders.order_hash(self.ledger.site.agreement.site_id, core)
            query = message_pb2.QueryOrder(order_no=order_no, order_hash=hashed)
            self._request("query_order", query, order_no, now)

    def _ping(self, now: int) -> None:
        """When nothing was sent for 10 s (ORD-76, ORD-77)."""
        is_open = any(call.name == "ping" for call in self._calls.values())
        if is_open or now < self._sent_at + Timers.PING_AFTER:
            return
        ping = message_pb2.Ping()
        if self._anchor_pinged is None or now >= self._anchor_pinged + Timers.PING_ANCHOR_GAP:
            ping.ledger, self._anchor_pinged = self.ledger.book.anchor, now
        self._request("ping", ping, "", now)

    # What comes.

    def _take(self, message: Message, now: int) -> None:
        body = message.WhichOneof("body") or ""
        if message.reply_to:
            call = self._answered(message.reply_to)
            if call is not None:
                self._take_answer(call, body, message, now)
        elif body in ("ready", "order_state", "device_event"):
            self._take_notice(body, message, now)
        elif message.call and body == "report_result":
            self._take_report(message, now)
        elif message.call:
            self._say(Message(reply_to=message.call, unsupported=message_pb2.Unsupported()), now)

    def _take_notice(self, body: str, message: Message, now: int) -> None:
        if body == "ready":
            if message.ready.simulated != self.ledger.site.agreement.simulated:
                self._session.end(AlertCode.UNSPECIFIED, now)
                return
            self._run = message.ready.run
        elif body == "order_state":
            self._progress(message.order_state)
        else:
            self._events.append(Notice(f"the device says: {message.device_event.text}"))

    def _progress(self, state: message_pb2.OrderState) -> None:
        order = self.ledger.order(state.order_no)
        if order is not None and order.state not in _ENDED:
            self._events.append(Progress(state.order_no, int(state.stage), state.seconds_left))

    def _take_report(self, message: Message, now: int) -> None:
        report = message.report_result
        disposition = self._take_result(report.result, report.signature, now, report.journal)
        if disposition is None:
            return
        confirm = message_pb2.ConfirmResult(
            order_no=orders.read_result(report.result).order_no,
            result_hash=orders.result_hash(report.result),
            disposition=disposition,
            ledger=self.ledger.book.anchor,
        )
        self._say(Message(reply_to=message.call, confirm_result=confirm), now)

    def _take_result(
        self, result: bytes, signature: bytes, now: int, journal: bytes = b""
    ) -> message_pb2.Disposition | None:
        before = {order_no for order_no, _ in self.ledger.open_orders()}
        disposition = self.ledger.take_result(self._device_id, result, signature, journal=journal)
        self._tell_alarms()
        if disposition is None:
            return None
        order_no = orders.read_result(result).order_no
        order = self.ledger.order(order_no)
        if order_no in before and order is not None and order.state in _ENDED:
            self._drop_calls(order_no, now)
            self._events.append(OrderEnded(order_no))
        return disposition

    def _tell_alarms(self) -> None:
        while self.ledger.alarms:
            self._events.append(Notice(f"alarm: {self.ledger.alarms.pop(0)}"))

    def _take_answer(self, call: _Call, body: str, message: Message, now: int) -> None:
        if call.name == "sync":
            if body == "sync_reply":
                self._take_sync(message.sync_reply, now)
        elif call.name == "list_orders":
            if body == "order_list":
                self._take_list(message.order_list, now)
        elif call.name == "ping":
            if body == "pong":
                self.ledger.store_anchor(self._device_id, message.pong.journal)
        elif call.name in _ABOUT_ORDERS:
            self._take_order_answer(call, body, message, now)

    def _take_sync(self, reply: message_pb2.SyncReply, now: int) -> None:
        if self.ledger.book.containment(reply.ledger_seen) == "missing":
            self.ledger.is_halted = True
            self._events.append(
                Notice("alarm: the ledger went back; nothing is made or asked until that is declared")
            )
            return
        self.ledger.store_anchor(self._device_id, reply.journal)
        self._is_synced = True
        self._ask_about_orders(now)
        self._list(now)
        self._events.append(Ready())

    def _take_list(self, page: message_pb2.OrderList, now: int) -> None:
        for item in page.items:
            try:
                self.ledger.take_item(self._device_id, item, now)
            except orders.Malformed:
                continue
        self._tell_alarms()
        self.ledger.store_pull(self._device_id, page.book, page.items[-1].seq if page.items else 0)
        if page.more:
            self._list(now)

    def _take_order_answer(self, call: _Call, body: str, message: Message, now: int) -> None:
        order = self.ledger.order(call.order_no)
        if order is None or order.state in _ENDED:
            return
        if body == "order_state" and message.order_state.order_no == call.order_no:
            self._told.add(call.order_no)
            self._progress(message.order_state)
        elif body == "signed_result":
            signed = message.signed_result
            if self._take_result(signed.result, signed.signature, now) is None:
                self._ask_from[call.order_no] = now + _ASK_AGAIN
        elif body == "no_record" and call.name == "query_order":
            self._take_no_record(call.order_no, order, message.no_record.run, now)
        elif body == "rejected":
            self._take_rejected(call, order, message.rejected, now)
        else:
            self._ask_from[call.order_no] = now + _ASK_AGAIN

    def _take_no_record(self, order_no: str, order: book_pb2.HisOrder, run: bytes, now: int) -> None:
        """The order was never accepted, if it is of its own run (ORD-94, ORD-178, ORD-180, ORD-181)."""
        if order.state != book_pb2.HIS_STATE_SENT:
            self._ask_from[order_no] = now + _ASK_AGAIN
        elif run != order.run:
            self._enter(order_no, book_pb2.HIS_STATE_ASKING, now)
        elif now >= order.start_by:
            self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now)
        else:
            self._made_here.add(order_no)

    def _take_rejected(
        self, call: _Call, order: book_pb2.HisOrder, said: message_pb2.Rejected, now: int
    ) -> None:
        """What follows from a Rejected (ORD-178, ORD-180, ORD-183, ORD-184)."""
        code, order_no = int(said.code), call.order_no
        self._events.append(Rejected(order_no, code))
        if code in (RejectCode.MALFORMED, RejectCode.WRONG_DEVICE):
            self._events.append(Notice(f"alarm: {order_no} was rejected with {code}, which was checked here"))
        if code == RejectCode.CONFLICT:
            # ORD-185 is not here yet: the order stays unknown, and nothing of its bill is made.
            self._events.append(
                Notice(f"alarm: the terminal holds another order under {order_no}; people are needed")
            )
            self._told.add(order_no)
        elif call.name == "submit_order":
            self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now, rejected=code)
        elif call.name == "cancel_order":
            self._enter(order_no, book_pb2.HIS_STATE_ASKING, now, rejected=code)
        else:
            self._ask_from[order_no] = now + _ASK_AGAIN
