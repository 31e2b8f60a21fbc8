"""The index of a ledger finds what going through every row would find."""

from __future__ import annotations

import random
import unittest

from hispos_client.book import Book, Staging
from hispos_client.ledger_index import (
    ASKING,
    ATTENTION,
    ENDED,
    NOT_PAID,
    PAID,
    LedgerIndex,
    Order,
    core_of,
    look_due,
)
from hispos_client.messages import book_pb2, order_pb2
from hispos_client.messages.book_pb2 import CaptureRow, HisOrder

_SENT = book_pb2.HIS_STATE_SENT
_BEGIN = 1_800_000_000
_ORDERS, _STEPS = 12, 400


def _row(draw: random.Random, number: str) -> HisOrder:
    refund = order_pb2.RefundOf(order_no=f"B{draw.randrange(3)}")
    is_refund = draw.random() < 0.3
    core = order_pb2.OrderCore(
        order_no=number,
        device_id=draw.choice(["POS-0", "POS-1"]),
        amount=-1 if is_refund else 1,
        business_day=20270101 + draw.randrange(3),
        refund_of=refund if is_refund else None,
    )
    result = order_pb2.ResultCore(
        order_no=number,
        order_hash=bytes(32),
        device_id="POS-0",
        outcome=order_pb2.OUTCOME_NOT_PAID,
        status=draw.choice([206, 230]),  # type: ignore[arg-type]
        amount=1,
        decided_at=1,
    )
    state = draw.choice([_SENT, ASKING, PAID, NOT_PAID, ATTENTION])
    return HisOrder(
        core=b"" if draw.random() < 0.1 else core.SerializeToString(),
        state=state,
        bill=draw.choice(["", "bill-1", "bill-2"]),
        orphan=draw.random() < 0.2,
        devices=draw.sample(["POS-1", "POS-2"], draw.randrange(2)),
        made_at=draw.randrange(3),
        ended_at=0 if draw.random() < 0.1 else _BEGIN + draw.randrange(100_000),
        looked_again=draw.randrange(4),
        result=result.SerializeToString() if state == NOT_PAID else b"",
        posting=draw.choice([book_pb2.POSTING_UNSPECIFIED, book_pb2.POSTING_UNPOSTED]),
    )


class TheIndex(unittest.TestCase):
    """Random ledgers, and the same questions by a walk through all rows."""

    def test_it_finds_what_going_through_all_rows_finds_after_every_write(self) -> None:
        """Its seed is printed where it differs."""
        seed = random.randrange(2**32)
        with self.subTest(seed=seed):
            draw, book = random.Random(seed), Book(Staging())
            book.begin(bytes(8), 0)
            index, self._told = LedgerIndex(book), set[str]()
            for _ in range(_STEPS):
                number = f"B{draw.randrange(_ORDERS)}"
                row = _row(draw, number).SerializeToString()
                writes = [((book_pb2.TABLE_ORDER, number), row)]
                if draw.random() < 0.3:
                    capture = CaptureRow(order_no=number, payment_no=draw.choice(["", "w1"]))
                    writes.append(((book_pb2.TABLE_CAPTURE, f"C{number}"), capture.SerializeToString()))
                book.commit({}, writes, 0)
                if draw.random() < 0.7:
                    self._compare(book, index, _BEGIN + draw.randrange(100_000))

    def _compare(self, book: Book, index: LedgerIndex, unix: int) -> None:
        every = []
        for key, data in book.rows(book_pb2.TABLE_ORDER):
            row = HisOrder.FromString(data)
            every.append(Order(key, row, core_of(row)))
        is_open = sorted(
            (order for order in every if order.row.state not in ENDED),
            key=lambda order: (order.row.made_at, order.order_no),
        )
        self.assertEqual(index.open_orders(), is_open)
        unposted = [one.order_no for one in every if one.row.posting == book_pb2.POSTING_UNPOSTED]
        self.assertEqual(index.unposted(), unposted)
        self._compare_overdue(every, index, unix - 90_000)
        for device_id in ("POS-0", "POS-1", "POS-2"):
            self._compare_device(device_id, every, is_open, index, unix)
        for bill in ("", "bill-1"):
            self.assertEqual(index.of_bill(bill), [one for one in every if one.row.bill == bill])
        of_day = [one for one in every if one.core.business_day == 20270102]
        self.assertEqual(index.of_day(20270102), of_day)
        refunds = [one for one in every if one.core.amount < 0 and one.core.refund_of.order_no == "B1"]
        self.assertEqual(index.refunds_of("B1"), refunds)

    def _compare_overdue(self, every: list[Order], index: LedgerIndex, unix: int) -> None:
        untold = {
            one.order_no: one.row.ended_at + 1_800
            for one in every
            if one.row.posting == book_pb2.POSTING_UNPOSTED and one.row.ended_at
            if one.order_no not in self._told
        }
        self.assertEqual(index.next_overdue(), min(untold.values(), default=None))
        late = sorted(order_no for order_no, due in untold.items() if due <= unix)
        self.assertEqual(sorted(index.overdue(unix)), late)
        self._told.update(late)

    def _compare_device(
        self, device_id: str, every: list[Order], is_open: list[Order], index: LedgerIndex, unix: int
    ) -> None:
        def is_at(order: Order, is_named: bool) -> bool:
            return order.core.device_id == device_id or (is_named and device_id in order.row.devices)

        at = [order for order in is_open if is_at(order, order.row.state == ASKING)]
        self.assertEqual(index.open_at(device_id), at)
        looks = {one.order_no: look_due(one.row) for one in every if one.row.core and is_at(one, True)}
        due = [one for one in every if (looks.get(one.order_no) or unix + 1) <= unix]
        self.assertEqual(index.looks_due(device_id, unix), due)
        later = [at for at in looks.values() if at is not None and at > unix]
        self.assertEqual(index.next_look(device_id, unix), min(later, default=None))

    def test_it_finds_the_captures_of_an_order_by_its_number(self) -> None:
        """A row that finds a capture is none."""
        book = Book(Staging())
        book.begin(bytes(8), 0)
        index = LedgerIndex(book)
        row = CaptureRow(order_no="B1", bill="bill-1", payment_no="w1")
        finder = CaptureRow(order_no="B1")
        writes = [("SIMB1W", row), ("wechat/w1", finder)]
        rows = [((book_pb2.TABLE_CAPTURE, key), one.SerializeToString()) for key, one in writes]
        book.commit({}, rows, 0)
        self.assertEqual(index.captures_of_order("B1"), ["SIMB1W"])
        self.assertEqual(index.captures_of_bill("bill-1"), ["SIMB1W"])
        self.assertEqual(book.written_since(book.length), [])
        self.assertEqual(book.written_since(1), [key for key, _ in rows])
