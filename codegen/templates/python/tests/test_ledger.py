"""A ledger by itself: what it makes."""

from __future__ import annotations

import unittest
from typing import Final

from examples.window import DONE, UNKNOWN, end_of
from hispos_client import orders
from hispos_client.book import Book
from hispos_client.crypto import Standard
from hispos_client.ledger import Ledger, Site, Window
from hispos_client.ledger_index import ATTENTION, NOT_PAID, PAID
from hispos_client.messages import book_pb2, order_pb2
from hispos_client.messages.agreement_pb2 import Agreement, DeviceManifest
from hispos_client.messages.book_pb2 import HisOrder
from hispos_client.tables import Kind

from .book_vectors import Memory
from .vectors import hexes, load

_UNIX: Final = 1_795_486_400
_NOW: Final = 1_000_000
_BILL: Final = "bill-1"


class Making(unittest.TestCase):
    """Collects."""

    def setUp(self) -> None:
        """A new ledger of the site of the vectors: its orders carry a search."""
        site = load("conversations.json")["site"]
        agreement = Agreement.FromString(hexes(site["agreement"]))
        devices = DeviceManifest.FromString(hexes(site["device_manifest"]))
        self.site = Site([agreement], devices, hexes(site["site_secret"]))
        self.ledger = Ledger(Book(Memory()), self.site, Standard(), lambda: _UNIX, bytes(8))
        self.window = Window(site["device_id"], site["terminal_id"], bytes(4), _NOW, _NOW, agreement)

    def _number(self, generation: int) -> str:
        return orders.order_number(self.site.secret, Kind.COLLECT, _BILL.encode(), generation)

    def _hold(self, generation: int) -> None:
        """An orphan that the bill has adopted, and that was not paid."""
        core = order_pb2.OrderCore(
            order_no=self._number(generation), device_id=self.window.device_id, amount=100
        )
        row = HisOrder(core=core.SerializeToString(), state=NOT_PAID, bill=_BILL)
        key = (book_pb2.TABLE_ORDER, self._number(generation))
        self.ledger.book.commit({}, [(key, row.SerializeToString())], _UNIX)

    def test_number_and_search_of_a_collect_pass_over_what_adopted_orders_hold(self) -> None:
        """The own number and the next three that the bill would get (ORD-162, ORD-163)."""
        for generation in (0, 2, 3):
            self._hold(generation)
        order_no = self.ledger.make_collect(_BILL, 1234, self.window)
        order = self.ledger.order(order_no)
        assert order is not None
        self.assertEqual(order_no, self._number(1))
        self.assertEqual(list(order.search), [self._number(generation) for generation in (1, 4, 5, 6)])
        self.assertEqual(order.generation, 1)


class Ends(unittest.TestCase):
    """What the example window makes of an order that has ended."""

    def test_a_paid_result_whose_order_needs_people_is_not_told_as_paid(self) -> None:
        """A payment number of another order, for example (ORD-194)."""
        said = order_pb2.ResultCore(
            order_no="BJC5JZ2PTGSBF3G0WE87",
            order_hash=bytes(32),
            device_id="POS-0001",
            outcome=order_pb2.OUTCOME_PAID,
            status=100,  # type: ignore[arg-type]
            amount=100,
            channel=order_pb2.CHANNEL_WECHAT,
            payment_no="4200001",
            decided_at=1,
        )
        for state, code in ((PAID, DONE), (ATTENTION, UNKNOWN)):
            row = HisOrder(state=state, result=said.SerializeToString())
            told, text = end_of(said.order_no, row)
            self.assertEqual(told, code, text)
            self.assertEqual("Do not take" in text, state == ATTENTION)
