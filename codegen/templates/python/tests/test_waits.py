"""What a HIS waits for: a ledger that answers late, and a bill database that does not post (ORD-8, ORD-245)."""

from __future__ import annotations

import unittest

from hispos_client.book import Staging, Storage
from hispos_client.his_link import Alarm, LinkEvent, OrderEnded, Ready
from hispos_client.messages.message_pb2 import Message

from .ends import UNIX, Ends

_BEGIN = 1_000_000


class Desk(Ends):
    """Both ends on one line, at a time that only the test lets pass."""

    def __init__(self) -> None:
        """A session past Sync, and both merchants verified."""
        self.now, self.is_late = _BEGIN, False
        self.sent: list[Message] = []
        self.storage = Staging()
        super().__init__(lambda: self.now, lambda: UNIX + (self.now - _BEGIN) // 1000, self.storage)
        self.join()
        self.steps(self.now + 2_000)
        assert self.his.is_ready and self.verified == 2

    def begin(self, storage: Storage) -> None:
        """The program of the HIS starts; what it says in its sessions is noted."""
        super().begin(storage)
        send = self.his._session.send

        def noted(plaintext: bytes, now: int) -> bool:
            self.sent.append(Message.FromString(plaintext))
            return send(plaintext, now)

        self.his._session.send = noted  # type: ignore[method-assign]

    def join(self) -> None:
        """A line is opened."""
        self.pos.opened(self.now)
        self.his.opened(self.now)
        self.settle()

    def collect(self, bill: str) -> str:
        """A collect, and the seconds in which it is paid."""
        order_no = self.his.collect(bill, 1234, self.now)
        self.steps(self.now + 10_000)
        return order_no

    def settle(self) -> None:
        """Until neither end has anything to say."""
        is_busy = True
        while is_busy:
            is_busy = not self.is_late and bool(self.storage.taken)
            if is_busy:
                self.storage.acknowledge()
                self.his.persisted(self.now)
            self.of_pos()
            while (data := self.his.poll_transmit()) is not None:
                self.pos.feed(data, self.now)
                is_busy = True
            while (data := self.pos.poll_transmit()) is not None:
                self.his.feed(data, self.now)
                is_busy = True

    def steps(self, until: int) -> int:
        """Lets time pass by what the ends ask for; how many steps that took."""
        taken = 0
        while True:
            self.settle()
            due = min(at for at in (self.his.next_timer(), self.pos.next_timer(), until) if at is not None)
            if due >= until:
                self.now = until
                return taken
            self.now, taken = max(due, self.now), taken + 1
            assert taken < 5_000, "an end asks for the same time again and again"
            self.his.on_timer(self.now)
            self.pos.on_timer(self.now)

    def events(self) -> list[LinkEvent]:
        """What the HIS tells."""
        found: list[LinkEvent] = []
        while (event := self.his.poll_event()) is not None:
            found.append(event)
        return found

    def bodies(self) -> list[str]:
        """What the HIS has said since the last call."""
        found = [message.WhichOneof("body") or "" for message in self.sent]
        self.sent.clear()
        return found


class LateLedger(unittest.TestCase):
    """A storage that does not wait for its disk."""

    def test_while_a_ledger_is_not_durable_nothing_but_pings_goes_out_and_no_time_is_asked_for_twice(
        self,
    ) -> None:
        """Behind it the order is submitted, paid, and told of."""
        desk = Desk()
        self.assertIn(Ready(), desk.events())
        desk.bodies()
        desk.is_late = True
        order_no = desk.collect("bill-1")
        self.assertLess(desk.steps(desk.now + 45_000), 60)
        self.assertEqual(set(desk.bodies()), {"ping"})
        self.assertEqual(desk.events(), [])
        desk.is_late = False
        desk.settle()
        self.assertEqual(desk.bodies()[0], "submit_order")
        self.assertIn(OrderEnded(order_no), desk.events())

    def test_a_session_begins_with_sync_once_the_ledger_is_durable(self) -> None:
        """Its anchor is that of the newest record (BOK-18); a cancel of meanwhile takes the place of the submit."""
        desk = Desk()
        desk.is_late = True
        order_no = desk.collect("bill-1")
        desk.bodies()
        desk.his.closed(desk.now)
        desk.pos.closed(desk.now)
        desk.now += 5_000
        desk.join()
        desk.steps(desk.now + 3_000)
        desk.his.cancel(order_no, desk.now)
        desk.steps(desk.now + 1_000)
        self.assertEqual(desk.bodies(), [])
        desk.storage.acknowledge()
        desk.is_late = False
        newest = desk.ledger.book.anchor
        desk.his.persisted(desk.now)
        self.assertEqual([message.sync.ledger for message in desk.sent], [newest])
        desk.settle()
        self.assertEqual(desk.bodies()[1], "cancel_order")
        desk.steps(desk.now + 60_000)
        self.assertIn(OrderEnded(order_no), desk.events())


class Unposted(unittest.TestCase):
    """A bill database that does not take an order over."""

    def test_an_order_that_is_unposted_for_1800_seconds_raises_one_alarm_in_each_run(self) -> None:
        """One that was posted raises none."""
        desk = Desk()
        late, posted = (desk.collect(bill) for bill in ("bill-1", "bill-2"))
        desk.ledger.mark_posted(posted)
        order = desk.ledger.order(late)
        assert order is not None
        self.assertEqual(desk.ledger.unposted(), [late])
        due = _BEGIN + 1_000 * (order.ended_at + 1_800 - UNIX)
        desk.steps(due - 1)
        self.assertNotIn(Alarm("unposted", late), desk.events())
        desk.steps(due + 1)
        self.assertIn(Alarm("unposted", late), desk.events())
        desk.steps(due + 600_000)
        self.assertEqual([event for event in desk.events() if isinstance(event, Alarm)], [])
        desk.storage = Staging(desk.storage.load())
        desk.begin(desk.storage)
        desk.settle()
        desk.his.on_timer(desk.now)
        self.assertEqual(desk.events(), [Alarm("unposted", late)])
