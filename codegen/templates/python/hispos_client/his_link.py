"""The HIS end of a link over one session and one ledger: the line, commands, and the order of its work (messages, orders)."""

from __future__ import annotations

from .crypto import sha256
from .his_answers import HisAnswers
from .his_events import Down, LinkEvent, OrderEnded, Progress, Pulled, Ready, Rejected, TotalsTold
from .ledger import Alarm, Refund, Refusal, Site, Window
from .ledger_index import ENDED
from .messages import book_pb2, message_pb2
from .messages.message_pb2 import Message
from .provisioning import SERVING_MAX, registry
from .session import Ended, Notice, Received, Started, Terms
from .tables import AlertCode, Limits

__all__ = [
    "Alarm",
    "Down",
    "HisLink",
    "LinkEvent",
    "Notice",
    "OrderEnded",
    "Progress",
    "Pulled",
    "Ready",
    "Rejected",
    "TotalsTold",
    "serving",
]

def serving(site: Site) -> list[Terms]:
    """The two newest agreements, for new sessions (PRV-31)."""
    return [
        Terms(sha256(one.SerializeToString()), tuple(one.versions), tuple(one.suites))
        for one in site.agreements[:SERVING_MAX]
    ]


class HisLink(HisAnswers):
    """One terminal of the HIS and its device. Feed bytes, poll bytes and events, give commands and the time."""

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
        # What waited goes out before the messages that came meanwhile are handled.
        self._answer_held(now)
        if self._is_synced and not self.ledger.is_halted and self.ledger.book.is_durable:
            self._ask_about_orders(now)
        self._work(now)

    def poll_transmit(self) -> bytes | None:
        """The next bytes for the line."""
        return self._session.poll_transmit()

    def poll_event(self) -> LinkEvent | None:
        """The next event; none while the ledger is not durable (ORD-8)."""
        return self._events.popleft() if self._events and self.ledger.book.is_durable else None

    def next_timer(self) -> int | None:
        """The instant at which `on_timer` has something to do; while the ledger is not durable, few things are."""
        times, session = self._ping_due(), self._session.next_timer()
        if session is not None:
            times.append(session)
        if self.ledger.book.is_durable:
            times += self._due()
        return min(times, default=None)

    def _due(self) -> list[int]:
        """When something is due that rests on the ledger."""
        times = self._calls_due()
        times += [
            order.row.leased_until for order in self._open() if order.row.state != book_pb2.HIS_STATE_ASKING
        ]
        if self.ledger.wait_ends is not None:
            times.append(self.ledger.wait_ends)
        times += self._at_unix(self.ledger.index.next_overdue())
        if self._is_synced and not self.ledger.is_halted:
            times += self._asks_due()
            times += self._elsewhere_due()
            times += self._look_due_at()
        return times

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

    def _work(self, now: int) -> None:
        while (event := self._session.poll_event()) is not None:
            if isinstance(event, Started):
                self._forget()
                self._zero, self._sent_at = event.zero, now
                held = self.ledger.site.agreements[:SERVING_MAX]
                of_session = (one for one in held if sha256(one.SerializeToString()) == event.agreement_hash)
                self._agreement = next(of_session, None)
                self._wants_sync = True
                self._send_sync(now)
            elif isinstance(event, Ended):
                self._forget()
                self._events.append(Down())
            elif isinstance(event, Received):
                self._receive(event.message, now)
            else:
                self._events.append(event)
        self._now = now
        self._answer_held(now)
        while self._inbox and self.ledger.book.is_durable:
            self._take(self._inbox.popleft(), now)
        if self.ledger.book.is_durable:
            self._go_on(now)
        if self._session.is_live and self._is_synced and not self.ledger.is_halted:
            self._ping(now)

    def _go_on(self, now: int) -> None:
        """What is due and rests on the ledger."""
        self._pass_deadlines(now)
        self.ledger.end_waiting(now)
        self.ledger.watch_unposted()
        self._tell_alarms()
        if not self._session.is_live:
            return
        self._send_sync(now)
        self._drop_stale(now)
        self._repeat(now)
        if self._is_synced and not self.ledger.is_halted:
            self._pull_after_wait(now)
            self._look_elsewhere(now)
            self._ask_about_orders(now)
            self._look_again(now)

    def _receive(self, message: Message, now: int) -> None:
        """Messages are handled in their order, and wait for the ledger; at most 8 requests wait (MSG-9, MSG-19).

        A repeat whose earlier copy waits is left out (MSG-10).
        """
        if message.call and not message.reply_to:
            waiting = {one.call for one in self._inbox if one.call and not one.reply_to}
            if message.call in waiting:
                return
            if len(waiting) >= Limits.OPEN_CALLS_MAX:
                self._session.end(AlertCode.LIMIT, now)
                return
        self._inbox.append(message)
