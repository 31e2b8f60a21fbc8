"""What finds the rows that a step of a ledger needs, so that none of them goes through the whole ledger."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from . import orders
from .book import Book
from .messages import book_pb2
from .messages.book_pb2 import CaptureRow, HisOrder
from .messages.order_pb2 import OrderCore
from .tables import STATUS_MEANINGS, Timers

PAID: Final = book_pb2.HIS_STATE_PAID
NOT_PAID: Final = book_pb2.HIS_STATE_NOT_PAID
REFUNDED: Final = book_pb2.HIS_STATE_REFUNDED
NOT_REFUNDED: Final = book_pb2.HIS_STATE_NOT_REFUNDED
ATTENTION: Final = book_pb2.HIS_STATE_ATTENTION
ASKING: Final = book_pb2.HIS_STATE_ASKING
ENDED: Final = (PAID, NOT_PAID, REFUNDED, NOT_REFUNDED, ATTENTION)
"""The states of an order that has ended."""

_DAY: Final = 86_400
_LOOKS: Final = (600, 3_600, _DAY)
_ATTENTION_DAYS: Final = 30
_EVER: Final = float("inf")

_UNPOSTED_MAX: Final = Timers.UNPOSTED_ALARM // 1_000

_Due = tuple[float, int, str]
"""When it is due, the place of its order, and its number."""


class Order(NamedTuple):
    """An order as its row stands; shared, and not to be changed."""

    order_no: str
    row: HisOrder
    core: OrderCore
    """That of the row; an empty one for an orphan that has none yet."""


def core_of(order: HisOrder) -> OrderCore:
    """The core of a row; an empty one for an orphan that has none yet."""
    return OrderCore.FromString(order.core)


def rests_on_absence(status: int) -> bool:
    """Whether a status may be refuted by a later look; an unknown one is unknown, too (ORD-44)."""
    meaning = STATUS_MEANINGS.get(status)
    return meaning is None or meaning.rests_on_absence


def look_due(order: HisOrder) -> int | None:
    """The Unix seconds from which the next later look is due (ORD-211, ORD-212)."""
    nth = order.looked_again
    if order.state == ATTENTION and not order.orphan and nth < _ATTENTION_DAYS:
        return order.ended_at + _DAY * (nth + 1)
    if order.state in (NOT_PAID, NOT_REFUNDED) and order.result and nth < len(_LOOKS):
        status = int(orders.read_result(order.result).status)
        return (
            order.ended_at + _LOOKS[nth] if status in STATUS_MEANINGS and rests_on_absence(status) else None
        )
    return None


class LedgerIndex:
    """The orders and captures of a book by what steps ask for, in the order of their first records (BOK-10).

    It follows the book by itself: each question first takes in what was written since the last one.
    """

    def __init__(self, book: Book) -> None:
        """Reads the whole book, once."""
        self._book, self._seen = book, 0
        self._orders: dict[str, Order] = {}
        self._places: dict[str, int] = {}
        self._open: set[str] = set()
        self._unposted: set[str] = set()
        self._overdue: list[_Due] = []
        self._told_overdue: set[str] = set()
        self._looks: dict[str, list[_Due]] = defaultdict(list)
        self._of_bill: dict[str, set[str]] = defaultdict(set)
        self._of_day: dict[int, set[str]] = defaultdict(set)
        self._refunds: dict[str, set[str]] = defaultdict(set)
        self._bill_captures: dict[str, dict[str, None]] = defaultdict(dict)
        self._order_captures: dict[str, dict[str, None]] = defaultdict(dict)
        self._open_sorted: list[Order] | None = None
        self._open_at: dict[str, list[Order]] = {}

    # What is asked.

    def open_orders(self) -> list[Order]:
        """Orders that have not ended, by the time at which they were made and then by number (ORD-70)."""
        self._follow()
        if self._open_sorted is None:
            found = (self._orders[order_no] for order_no in self._open)
            self._open_sorted = sorted(found, key=lambda order: (order.row.made_at, order.order_no))
        return self._open_sorted

    def open_at(self, device_id: str) -> list[Order]:
        """The open orders of a device, and those that it is asked about beside their own (ORD-71)."""
        every = self.open_orders()
        if device_id not in self._open_at:
            self._open_at[device_id] = [
                order
                for order in every
                if order.core.device_id == device_id
                or (order.row.state == ASKING and device_id in order.row.devices)
            ]
        return self._open_at[device_id]

    def looks_due(self, device_id: str, unix: int) -> list[Order]:
        """Ended orders that a device may look at again now (ORD-211, ORD-212, ORD-214)."""
        self._follow()
        looks = self._looks[device_id]
        return self._found(order_no for _, _, order_no in looks[: bisect_right(looks, (unix, _EVER, ""))])

    def next_look(self, device_id: str, unix: int) -> int | None:
        """The Unix seconds of the first look of a device that is not due yet."""
        self._follow()
        looks = self._looks[device_id]
        place = bisect_right(looks, (unix, _EVER, ""))
        return int(looks[place][0]) if place < len(looks) else None

    def unposted(self) -> list[str]:
        """Orders to hand over to the bill database."""
        self._follow()
        return [order.order_no for order in self._found(self._unposted)]

    def overdue(self, unix: int) -> list[str]:
        """Orders that have been unposted for too long, each given once (ORD-245)."""
        self._follow()
        place = bisect_right(self._overdue, (unix, _EVER, ""))
        found = [order_no for _, _, order_no in self._overdue[:place]]
        del self._overdue[:place]
        self._told_overdue.update(found)
        return found

    def next_overdue(self) -> int | None:
        """The Unix seconds from which an order is unposted for too long."""
        self._follow()
        return int(self._overdue[0][0]) if self._overdue else None

    def of_bill(self, bill: str) -> list[Order]:
        """Orders of a bill."""
        self._follow()
        return self._found(self._of_bill.get(bill, ()))

    def of_day(self, day: int) -> list[Order]:
        """Orders of a business day."""
        self._follow()
        return self._found(self._of_day.get(day, ()))

    def refunds_of(self, order_no: str) -> list[Order]:
        """Refunds of an order."""
        self._follow()
        return self._found(self._refunds.get(order_no, ()))

    def captures_of_bill(self, bill: str) -> list[str]:
        """Keys of the captures of a bill."""
        self._follow()
        return list(self._bill_captures.get(bill, ()))

    def captures_of_order(self, order_no: str) -> list[str]:
        """Keys of the captures of an order."""
        self._follow()
        return list(self._order_captures.get(order_no, ()))

    def _found(self, numbers: Iterable[str]) -> list[Order]:
        return [self._orders[order_no] for order_no in sorted(numbers, key=self._places.__getitem__)]

    # What is written.

    def _follow(self) -> None:
        if self._seen == self._book.length:
            return
        for table, key in self._book.written_since(self._seen):
            row = self._book.get(table, key) or b""
            if table == book_pb2.TABLE_ORDER:
                self._take_order(key, HisOrder.FromString(row))
            elif table == book_pb2.TABLE_CAPTURE:
                self._take_capture(key, CaptureRow.FromString(row))
        self._seen = self._book.length

    def _take_capture(self, key: str, row: CaptureRow) -> None:
        if row.payment_no:
            self._bill_captures[row.bill][key] = None
            self._order_captures[row.order_no][key] = None

    def _take_order(self, order_no: str, row: HisOrder) -> None:
        self._places.setdefault(order_no, len(self._places))
        if order_no in self._orders:
            self._note(self._orders[order_no], is_there=False)
        self._orders[order_no] = Order(order_no, row, core_of(row))
        self._note(self._orders[order_no], is_there=True)
        self._open_sorted = None
        self._open_at.clear()

    def _note(self, order: Order, is_there: bool) -> None:
        """Puts an order into the lists that it belongs to, or takes it out of them."""
        order_no, row, core = order
        lists = [self._of_bill[row.bill], self._of_day[core.business_day]]
        if row.state not in ENDED:
            lists.append(self._open)
        if row.posting == book_pb2.POSTING_UNPOSTED:
            lists.append(self._unposted)
            if row.ended_at and order_no not in self._told_overdue:
                late = (row.ended_at + _UNPOSTED_MAX, self._places[order_no], order_no)
                _note_due(self._overdue, late, is_there)
        if core.amount < 0:
            lists.append(self._refunds[core.refund_of.order_no])
        for one in lists:
            (one.add if is_there else one.discard)(order_no)
        due = look_due(row) if row.core else None
        if due is not None:
            for device_id in {core.device_id, *row.devices}:
                _note_due(self._looks[device_id], (due, self._places[order_no], order_no), is_there)


def _note_due(sorted_by_time: list[_Due], due: _Due, is_there: bool) -> None:
    if is_there:
        insort(sorted_by_time, due)
    else:
        del sorted_by_time[bisect_left(sorted_by_time, due)]
