"""The HIS end of a link: calls, Sync, orders, lists and pings over one session and one ledger (messages, orders)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Union

from google.protobuf.message import Message as AnyMessage

from . import orders
from .crypto import sha256
from .his_session import HisSession
from .ledger import Alarm, Ledger, Refund, Refusal, Site, Window
from .ledger_index import ENDED, Order
from .messages import book_pb2, message_pb2
from .messages.agreement_pb2 import Agreement
from .messages.message_pb2 import Message
from .provisioning import registry
from .session import Ended, Notice, Received, Started, Terms
from .tables import AlertCode, Limits, RejectCode, Timers

_GAPS: Final = (
    Timers.REQUEST_REPEAT_1,
    Timers.REQUEST_REPEAT_2,
    Timers.REQUEST_REPEAT_3,
    Timers.REQUEST_REPEAT_4,
)
_ASK_AGAIN: Final = 60_000
_ABOUT_ORDERS: Final = ("submit_order", "query_order", "cancel_order", "look_up")


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


@dataclass(frozen=True)
class Pulled:
    """The device's list was pulled to its end."""


@dataclass(frozen=True)
class TotalsTold:
    """What the device counts for a business day (ORD-246)."""

    business_day: int
    totals: message_pb2.Totals


LinkEvent = Union[Ready, Progress, OrderEnded, Rejected, Down, Pulled, TotalsTold, Alarm, Notice]

SERVING_MAX: Final = 2


def serving(site: Site) -> list[Terms]:
    """The two newest agreements, for new sessions (PRV-31)."""
    return [
        Terms(sha256(one.SerializeToString()), tuple(one.versions), tuple(one.suites))
        for one in site.agreements[:SERVING_MAX]
    ]


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
    state: book_pb2.HisState | None = None
    """The state of the order that it asks about."""


class HisLink:
    """One terminal of the HIS and its device. Feed bytes, poll bytes and events, give commands and the time."""

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
        self._calls: dict[int, _Call] = {}
        self._waiting: deque[tuple[str, AnyMessage, str]] = deque()
        self._next_call = 1
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

    def persisted(self, now: int) -> None:
        """The storage has made durable what it was given, and says so (`Storage.is_durable`)."""
        self._work(now)

    def poll_transmit(self) -> bytes | None:
        """The next bytes for the line."""
        return self._session.poll_transmit()

    def poll_event(self) -> LinkEvent | None:
        """The next event; none while the ledger is not durable (ORD-8)."""
        return self._events.popleft() if self._events and self.ledger.book.is_durable else None

    def next_timer(self) -> int | None:
        """The instant at which `on_timer` has something to do."""
        times = [call.due for call in self._calls.values() if call.dropped_at is None]
        times += [
            call.dropped_at + Timers.SILENT for call in self._calls.values() if call.dropped_at is not None
        ]
        times += [
            order.row.leased_until for order in self._open() if order.row.state != book_pb2.HIS_STATE_ASKING
        ]
        if self.ledger.wait_ends is not None:
            times.append(self.ledger.wait_ends)
        if self._is_synced and not self.ledger.is_halted:
            times.append(self._sent_at + Timers.PING_AFTER)
            times += self._ask_from.values()
            times += self._elsewhere_due()
            times += self._look_due_at()
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

    def _window(self, now: int, day: int | None) -> Window:
        if self.ledger.is_halted:
            raise Refusal("the ledger went back: a person has to declare the restore", "restoring")
        if not self.is_ready or self._run is None:
            raise Refusal("there is no session past Sync with the terminal", "no_session")
        if self._agreement is None:
            raise Refusal("the agreement of the session is not held")
        return Window(self._device_id, self._terminal_id, self._run, self._zero, now, self._agreement, day)

    def collect(self, bill: str, fen: int, now: int, day: int | None = None) -> str:
        """Makes a collect, stores it, sends it, and gives its number. Raises ledger.Refusal.

        `day` is the business day from a person, needed where there is no calendar clock (ORD-164).
        """
        order_no = self.ledger.make_collect(bill, fen, self._window(now, day))
        return self._made(order_no, now)

    def refund(self, wanted: Refund, now: int, day: int | None = None) -> str:
        """Makes a refund, stores it, sends it, and gives its number. Raises ledger.Refusal."""
        order_no = self.ledger.make_refund(wanted, self._window(now, day))
        return self._made(order_no, now)

    def _made(self, order_no: str, now: int) -> str:
        self._made_here.add(order_no)
        self._work(now)
        return order_no

    def cancel(self, order_no: str, now: int) -> None:
        """Cancels an order that has not ended; its result says what became of it (ORD-177, ORD-179)."""
        order = self.ledger.order(order_no)
        if order is None or order.state in ENDED:
            raise Refusal(f"{order_no} is no open order", "unknown_order")
        if order.state == book_pb2.HIS_STATE_SENT:
            self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now)
        self._work(now)

    def ask(self, order_no: str, now: int) -> None:
        """Asks about an open order again because a person wants it (ORD-72)."""
        self._told.discard(order_no)
        self._ask_from.pop(order_no, None)
        self._work(now)

    def look_up(self, order_no: str, now: int) -> None:
        """Has this device look up an order of another device (ORD-215 to ORD-217). Raises ledger.Refusal."""
        self._needs_session()
        self.ledger.ask_elsewhere(order_no, self._device_id, now)
        self.ask(order_no, now)

    def pull(self, now: int) -> None:
        """Pulls the device's list of orders. Raises ledger.Refusal."""
        self._needs_session()
        self._begin_pull(now)
        self._work(now)

    def totals(self, day: int, now: int) -> None:
        """Asks what the device counts for a business day; TotalsTold comes. Raises ledger.Refusal."""
        self._needs_session()
        self._request("get_totals", message_pb2.GetTotals(business_day=day), "", now)

    def _needs_session(self) -> None:
        if not self._is_synced:
            raise Refusal("there is no session past Sync with the terminal", "no_session")

    def provision(self, site: Site, now: int) -> None:
        """Takes newer agreements and manifests over for new sessions and orders (PRV-31, PRV-40)."""
        self.ledger.site = site
        self._session.provision(registry(site.devices), serving(site))
        self._work(now)

    def close(self, now: int) -> None:
        """Ends the session in order."""
        self._session.end(AlertCode.UNSPECIFIED, now)
        self._work(now)

    # What happens.

    def _open(self) -> list[Order]:
        """The open orders of this device, and those that it is asked about beside their own (ORD-71)."""
        return self.ledger.index.open_at(self._device_id)

    def _work(self, now: int) -> None:
        while (event := self._session.poll_event()) is not None:
            if isinstance(event, Started):
                self._forget()
                self._zero, self._sent_at = event.zero, now
                held = self.ledger.site.agreements[:SERVING_MAX]
                of_session = (one for one in held if sha256(one.SerializeToString()) == event.agreement_hash)
                self._agreement = next(of_session, None)
                self._send_sync(now)
            elif isinstance(event, Ended):
                self._forget()
                self._events.append(Down())
            elif isinstance(event, Received):
                self._receive(event.message, now)
            else:
                self._events.append(event)
        self._now = now
        if not self.ledger.book.is_durable:
            return
        while self._held:
            self._say(self._held.popleft(), now)
        while self._inbox and self.ledger.book.is_durable:
            self._take(self._inbox.popleft(), now)
        if not self.ledger.book.is_durable:
            return
        self._pass_deadlines(now)
        self.ledger.end_waiting(now)
        if self._session.is_live:
            self._drop_stale(now)
            self._repeat(now)
            if self._is_synced and not self.ledger.is_halted:
                self._pull_after_wait(now)
                self._look_elsewhere(now)
                self._ask_about_orders(now)
                self._look_again(now)
                self._ping(now)

    def _receive(self, message: Message, now: int) -> None:
        """Messages are handled in their order, and wait for the ledger; at most 8 requests wait (MSG-9, MSG-19)."""
        waiting = {one.call for one in self._inbox if one.call and not one.reply_to}
        is_request = message.call and not message.reply_to
        if is_request and message.call not in waiting and len(waiting) >= Limits.OPEN_CALLS_MAX:
            self._session.end(AlertCode.LIMIT, now)
            return
        self._inbox.append(message)

    def _drop_stale(self, now: int) -> None:
        """Another link, or people, changed an order: its open call is dropped (ORD-74)."""
        for call in list(self._calls.values()):
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
        self._waiting = deque(item for item in self._waiting if item[2] != order_no)
        self._told.discard(order_no)
        self._ask_from.pop(order_no, None)

    def _pass_deadlines(self, now: int) -> None:
        """Lease ends, and submits that come too late (ORD-178, ORD-180)."""
        for order_no, order, _ in self._open():
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
        order = self.ledger.order(order_no) if order_no else None
        call.state = None if order is None else order.state
        self._next_call += 1
        self._calls[call.number] = call
        self._send_call(call, now)

    def _send_call(self, call: _Call, now: int) -> None:
        message = Message(call=call.number)
        getattr(message, call.name).CopyFrom(call.body)
        self._say(message, now)

    def _say(self, message: Message, now: int) -> None:
        """Sends, once what the message rests on is durable (ORD-8)."""
        if not self.ledger.book.is_durable:
            self._held.append(message)
        elif self._session.send(message.SerializeToString(), now):
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

    def _begin_pull(self, now: int) -> None:
        if not any(call.name == "list_orders" for call in self._calls.values()):
            self._pull_counts = not self.ledger.site_row.waiting
            self._list(now)

    def _pull_after_wait(self, now: int) -> None:
        """Begins the pull that counts, once the wait after a step back is over (BOK-39)."""
        if self.ledger.needs_pull(self._device_id):
            self._begin_pull(now)

    def _is_quiet(self, order: book_pb2.HisOrder, now: int) -> bool:
        """Whether another device may be asked about it (ORD-215)."""
        return now >= order.leased_until + self.ledger.site.quiet

    def _waits_elsewhere(self) -> list[Order]:
        """Orders in Asking whose own device is revoked, which no device in use is asked about yet (ORD-218)."""
        if not self.ledger.site.may_order(self._device_id):
            return []
        found = []
        for order in self.ledger.open_orders():
            devices = [order.core.device_id, *order.row.devices]
            is_asking = order.row.state == book_pb2.HIS_STATE_ASKING
            if is_asking and not any(self.ledger.site.may_order(device) for device in devices):
                found.append(order)
        return found

    def _look_elsewhere(self, now: int) -> None:
        for order_no, order, _ in self._waits_elsewhere():
            if self._is_quiet(order, now):
                self.ledger.ask_elsewhere(order_no, self._device_id, now)

    def _elsewhere_due(self) -> list[int]:
        named = [order for order in self._open() if order.core.device_id != self._device_id]
        due = [order.row.leased_until + self.ledger.site.quiet for order in self._waits_elsewhere() + named]
        return [at for at in due if at > self._now]

    def _look_again(self, now: int) -> None:
        """Later looks (ORD-211, ORD-212, ORD-214)."""
        for order_no, order, _ in self.ledger.index.looks_due(self._device_id, self.ledger.unix):
            if self._looked.get(order_no) != order.looked_again:
                self._looked[order_no] = order.looked_again
                self._looks_told.discard(order_no)
                look = message_pb2.LookUp(core=order.core, fresh=True)
                self._request("look_up", look, order_no, now)

    def _look_due_at(self) -> list[int]:
        unix = self.ledger.unix
        due = self.ledger.index.next_look(self._device_id, unix) if unix else None
        return [] if due is None else [self._now + 1000 * (due - unix)]

    def _list(self, now: int) -> None:
        peer = self.ledger.peer(self._device_id)
        request = message_pb2.ListOrders(book=peer.pulled_book, seq=peer.pulled_seq)
        self._request("list_orders", request, "", now)

    def _ask_about_orders(self, now: int) -> None:
        """One request for each open order, by its stored state (ORD-70, ORD-71)."""
        for order_no, order, core in self._open():
            if self._is_asked(order_no) or order_no in self._told or now < self._ask_from.get(order_no, 0):
                continue
            if core.device_id != self._device_id and not self._is_quiet(order, now):
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
            hashed = orders.order_hash(self.ledger.site.site_id, core)
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
            if self._agreement is None or message.ready.simulated != self._agreement.simulated:
                self._session.end(AlertCode.UNSPECIFIED, now)
                return
            self._run = message.ready.run if len(message.ready.run) == 4 else None
        elif body == "order_state":
            self._progress(message.order_state)
        else:
            self._events.append(Notice(f"the device says: {message.device_event.text}"))

    def _progress(self, state: message_pb2.OrderState) -> None:
        order = self.ledger.order(state.order_no)
        if order is not None and order.state not in ENDED:
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
        before = {order.order_no for order in self.ledger.open_orders()}
        try:
            is_look = orders.read_result(result).order_no in self._looks_told
        except orders.NoResult:
            is_look = False
        disposition = self.ledger.take_result(self._device_id, result, signature, journal, is_look)
        self._tell_alarms()
        if disposition is None:
            return None
        order_no = orders.read_result(result).order_no
        if order_no in before:
            self._tell_end(order_no, now)
        return disposition

    def _tell_alarms(self) -> None:
        while self.ledger.alarms:
            self._events.append(self.ledger.alarms.pop(0))

    def _take_answer(self, call: _Call, body: str, message: Message, now: int) -> None:
        if call.name == "sync":
            if body == "sync_reply":
                self._take_sync(message.sync_reply, now)
        elif call.name == "list_orders":
            if body == "order_list":
                self._take_list(message.order_list, now)
        elif call.name == "get_totals":
            if body == "totals":
                asked = message_pb2.GetTotals.FromString(call.body.SerializeToString())
                self._events.append(TotalsTold(asked.business_day, message.totals))
        elif call.name == "ping":
            if body == "pong":
                self.ledger.store_anchor(self._device_id, message.pong.journal)
        elif call.name in _ABOUT_ORDERS:
            self._take_order_answer(call, body, message, now)

    def _take_sync(self, reply: message_pb2.SyncReply, now: int) -> None:
        if self.ledger.book.containment(reply.ledger_seen) == "missing":
            self.ledger.is_halted = True
            self._events.append(Alarm("ledger_went_back"))
            return
        self.ledger.store_anchor(self._device_id, reply.journal)
        self._is_synced = True
        self._ask_about_orders(now)
        self._begin_pull(now)
        self._events.append(Ready())

    def _take_list(self, page: message_pb2.OrderList, now: int) -> None:
        for item in page.items:
            self._take_item(item, now)
        self._tell_alarms()
        is_whole = self._pull_counts and not page.more
        self.ledger.store_pull(self._device_id, page.book, page.items[-1].seq if page.items else 0, is_whole)
        if page.more:
            self._list(now)
        else:
            self._events.append(Pulled())

    def _take_item(self, item: message_pb2.OrderItem, now: int) -> None:
        before = {order.order_no for order in self.ledger.open_orders()}
        self.ledger.take_item(self._device_id, item, now)
        for order_no in before:
            self._tell_end(order_no, now)

    def _tell_end(self, order_no: str, now: int) -> None:
        order = self.ledger.order(order_no)
        if order is not None and order.state in ENDED:
            self._drop_calls(order_no, now)
            self._events.append(OrderEnded(order_no))

    def _take_order_answer(self, call: _Call, body: str, message: Message, now: int) -> None:
        order = self.ledger.order(call.order_no)
        if order is None or order.state in ENDED:
            self._take_look_answer(call.order_no, body, message, now)
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

    def _take_look_answer(self, order_no: str, body: str, message: Message, now: int) -> None:
        """What a later look brings at once; OrderState says that the device really looks (ORD-213)."""
        if body == "order_state" and message.order_state.order_no == order_no:
            self._looks_told.add(order_no)
        elif body == "signed_result":
            self._take_result(message.signed_result.result, message.signed_result.signature, now)

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
            self._events.append(Alarm("refused", order_no))
        if code == RejectCode.CONFLICT:
            self._take_conflict(order_no, said, now)
        elif call.name == "submit_order":
            self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now, rejected=code)
        elif call.name == "cancel_order":
            self._enter(order_no, book_pb2.HIS_STATE_ASKING, now, rejected=code)
        else:
            self._ask_from[order_no] = now + _ASK_AGAIN

    def _take_conflict(self, order_no: str, said: message_pb2.Rejected, now: int) -> None:
        """The core that the own device holds takes the place of ours, and its result is taken in (ORD-185, ORD-187)."""
        if not self.ledger.take_over(order_no, said, self._device_id, now):
            self._ask_from[order_no] = now + _ASK_AGAIN
            return
        self._events.append(Alarm("conflict", order_no))
        self._drop_calls(order_no, now)
        if said.result:
            self._take_result(said.result, said.signature, now)
