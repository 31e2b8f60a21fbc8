"""The rows of a ledger, and the small steps that change one of them (orders, books).

Every step reads rows, decides, and commits what it writes as one batch before anybody is told (ORD-8, ORD-9).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from . import orders
from .book import Book, Key
from .crypto import Crypto
from .ledger_index import ASKING, ENDED, LedgerIndex, Order, core_of
from .messages import book_pb2
from .messages.agreement_pb2 import Agreement, DeviceManifest
from .messages.book_pb2 import CaptureRow, DayRow, DayState, HisOrder, PeerRow, SiteRow
from .payment import LETTERS
from .provisioning import business_day
from .tables import Channel, Limits
from .totals import of_ledger

_DAY: Final = 86_400
NO_LOOKS: Final = 2**32 - 1
"""Of an orphan: nobody looks at it later (ORD-212)."""
_FOREVER: Final = 2**64 - 1
_NO_BOOK: Final = bytes(8)


class Refusal(Exception):
    """An order or a decision that is not made; nothing was stored."""

    def __init__(self, text: str, reason: str = "other") -> None:
        """`reason` is that of the driver interface, such as `bill_busy` or `too_soon`."""
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Alarm:
    """A person has to look: `ledger_went_back`, `not_authentic`, `orphan`, `contradiction`, `refused`, `conflict` or `unposted`."""

    name: str
    order_no: str = ""


@dataclass(frozen=True)
class Site:
    """What a ledger has to know of its site."""

    agreements: Sequence[Agreement]
    """Every agreement ever taken over, the newest first (PRV-30)."""
    devices: DeviceManifest
    secret: bytes
    """The site secret of derived order numbers, 32 bytes (ORD-22)."""

    @property
    def agreement(self) -> Agreement:
        """The newest one."""
        return self.agreements[0]

    @property
    def site_id(self) -> str:
        """The site."""
        return self.agreement.site_id

    def numbered(self, agreement_no: int) -> Agreement:
        """The agreement of a number; the newest one for a number that was never held."""
        found = (one for one in self.agreements if one.agreement_no == agreement_no)
        return next(found, self.agreement)

    @property
    def full_lease(self) -> int:
        """The largest lease of all agreements, in milliseconds."""
        return max(one.timers.start + one.timers.act + one.timers.drift for one in self.agreements)

    @property
    def quiet(self) -> int:
        """The largest T_QUIET of all agreements (ORD-215)."""
        return max(one.timers.quiet for one in self.agreements)

    def device_key(self, device_id: str) -> bytes | None:
        """The registered key of a device."""
        found = (item.public_key for item in self.devices.devices if item.device_id == device_id)
        return next(found, None)

    def may_order(self, device_id: str) -> bool:
        """Whether a device takes new orders: it is registered and not revoked."""
        return any(item.device_id == device_id and not item.revocation for item in self.devices.devices)


@dataclass
class Batch:
    """The rows that one step has read, and those that it writes."""

    book: Book
    reads: dict[Key, int] = field(default_factory=dict)
    writes: dict[Key, bytes] = field(default_factory=dict)

    def get(self, table: book_pb2.Table, key: str) -> bytes | None:
        """A row as the step sees it."""
        self.reads.setdefault((table, key), self.book.version(table, key))
        return self.writes.get((table, key), self.book.get(table, key))

    def put(self, table: book_pb2.Table, key: str, row: bytes) -> None:
        """A row that the step writes."""
        self.writes[(table, key)] = row

    def capture(self, key: str) -> CaptureRow | None:
        """A capture row, or one that finds a capture."""
        row = self.get(book_pb2.TABLE_CAPTURE, key)
        return None if row is None else CaptureRow.FromString(row)

    def put_capture(self, key: str, row: CaptureRow) -> None:
        """Writes a capture row."""
        self.put(book_pb2.TABLE_CAPTURE, key, row.SerializeToString())

    def order(self, order_no: str) -> HisOrder | None:
        """An order's row."""
        row = self.get(book_pb2.TABLE_ORDER, order_no)
        return None if row is None else HisOrder.FromString(row)

    def put_order(self, order_no: str, order: HisOrder) -> None:
        """Writes an order's row."""
        self.put(book_pb2.TABLE_ORDER, order_no, order.SerializeToString())


class LedgerRows:
    """The book of a site, and what is read of it."""

    def __init__(
        self, book: Book, site: Site, crypto: Crypto, unix: Callable[[], int], book_id: bytes
    ) -> None:
        """Begins a new book under `book_id`, or goes on with one.

        `unix` is the calendar clock in seconds, 0 where the machine has none.
        """
        self.book, self.site, self._crypto, self._unix = book, site, crypto, unix
        self.alarms: list[Alarm] = []
        self.is_halted = False
        self.index = LedgerIndex(book)
        self._wait_until: int | None = None
        if book.is_new:
            book.begin(book_id, unix())
            row = SiteRow(search_until=search_until(unix()))
            batch = Batch(book)
            batch.put(book_pb2.TABLE_SITE, site.site_id, row.SerializeToString())
            self._commit(batch)

    @property
    def unix(self) -> int:
        """The calendar clock in seconds, 0 without one."""
        return self._unix()

    def begin_run(self, now: int) -> None:
        """At each start of the program, before any link runs: what is open is asked about (ORD-182, BOK-27)."""
        batch = Batch(self.book)
        for one in self.open_orders():
            order = HisOrder()
            order.CopyFrom(one.row)
            order.state, order.start_by = ASKING, 0
            order.leased_until = now + self.site.full_lease
            batch.put_order(one.order_no, order)
        self._commit(batch)
        self._wait_until = now + self.site.full_lease + self.site.quiet

    def _commit(self, batch: Batch) -> None:
        if batch.writes:
            self._revise_days(batch)
            self.book.commit(batch.reads, list(batch.writes.items()), self._unix())

    # Reading.

    def order(self, order_no: str) -> HisOrder | None:
        """An order's row, as a copy."""
        row = self.book.get(book_pb2.TABLE_ORDER, order_no)
        return None if row is None else HisOrder.FromString(row)

    def is_open(self, order_no: str) -> bool:
        """Whether an order is known and has not ended."""
        order = self.order(order_no)
        return order is not None and order.state not in ENDED

    def open_orders(self) -> list[Order]:
        """Orders that have not ended, by the time at which they were made and then by number (ORD-70)."""
        return self.index.open_orders()

    def captures_of(self, order_no: str) -> list[tuple[str, CaptureRow]]:
        """The captures of an order."""
        keys = self.index.captures_of_order(order_no)
        return [
            (key, CaptureRow.FromString(self.book.get(book_pb2.TABLE_CAPTURE, key) or b"")) for key in keys
        ]

    def peer(self, device_id: str) -> PeerRow:
        """What is known of a device's journal."""
        return PeerRow.FromString(self.book.get(book_pb2.TABLE_PEER, device_id) or b"")

    @property
    def site_row(self) -> SiteRow:
        """The row of the site."""
        return SiteRow.FromString(self.book.get(book_pb2.TABLE_SITE, self.site.site_id) or b"")

    def unposted(self) -> list[str]:
        """Orders to hand over to the bill database (ORD-242, ORD-244)."""
        return self.index.unposted()

    def watch_unposted(self) -> None:
        """Raises an alarm for each order that is unposted for too long, once in a program run (ORD-245)."""
        unix = self._unix()
        if unix:
            self.alarms += [Alarm("unposted", order_no) for order_no in self.index.overdue(unix)]

    def capture_key(self, agreement_no: int, order_no: str, channel: int) -> str:
        """The platform number under which a capture is kept (BOK-26)."""
        site_code = self.site.numbered(agreement_no).site_code
        return orders.platform_number(site_code, order_no, LETTERS[Channel(channel)])

    # Small steps.

    def store_anchor(self, device_id: str, anchor: bytes) -> None:
        """Stores a newer anchor of a device's journal (ORD-69)."""
        batch = Batch(self.book)
        self._put_anchor(batch, device_id, anchor)
        self._commit(batch)

    def _put_anchor(self, batch: Batch, device_id: str, anchor: bytes) -> None:
        peer = PeerRow.FromString(batch.get(book_pb2.TABLE_PEER, device_id) or b"")
        is_older = peer.anchor[:8] == anchor[:8] and anchor[8:16] <= peer.anchor[8:16]
        if len(anchor) == 24 and not is_older:
            peer.anchor = anchor
            batch.put(book_pb2.TABLE_PEER, device_id, peer.SerializeToString())

    def store_pull(self, device_id: str, book_id: bytes, seq: int, is_whole: bool) -> None:
        """Stores how far a device's list was pulled (ORD-223); `is_whole` if this ended a pull that counts (BOK-39)."""
        batch = Batch(self.book)
        peer = PeerRow.FromString(batch.get(book_pb2.TABLE_PEER, device_id) or b"")
        if not seq:
            seq = peer.pulled_seq if peer.pulled_book == book_id else 0
        peer.pulled_book, peer.pulled_seq, peer.pulled = book_id, seq, peer.pulled or is_whole
        self._put_peer(batch, device_id, peer)
        self._commit(batch)

    def _put_peer(self, batch: Batch, device_id: str, peer: PeerRow) -> None:
        if not peer.ByteSize():
            peer.pulled_book = _NO_BOOK
        batch.put(book_pb2.TABLE_PEER, device_id, peer.SerializeToString())

    def set_state(self, order_no: str, state: book_pb2.HisState, rejected: int = 0) -> None:
        """Moves an order that has not ended to Cancelling or Asking."""
        batch = Batch(self.book)
        order = batch.order(order_no) or HisOrder()
        order.state = state
        order.rejected = rejected or order.rejected
        batch.put_order(order_no, order)
        self._commit(batch)

    def ask_elsewhere(self, order_no: str, device_id: str, now: int) -> None:
        """Another device is to be asked about an order (ORD-215, ORD-216). Raises Refusal."""
        batch = Batch(self.book)
        order = batch.order(order_no)
        if order is None or order.state != ASKING:
            raise Refusal("only an order that is asked about is looked up elsewhere", "unknown_order")
        if now < order.leased_until + self.site.quiet:
            raise Refusal("its own device may still act on it", "leased")
        if device_id not in order.devices:
            order.devices.append(device_id)
            batch.put_order(order_no, order)
            self._commit(batch)

    def end_waiting(self, now: int) -> None:
        """The wait after a step back is over once; it begins anew at each start until then (BOK-37, BOK-38)."""
        site = self.site_row
        if site.waiting and self.wait_ends is not None and now >= self.wait_ends:
            batch = Batch(self.book)
            batch.get(book_pb2.TABLE_SITE, self.site.site_id)
            site.waiting = False
            batch.put(book_pb2.TABLE_SITE, self.site.site_id, site.SerializeToString())
            self._commit(batch)

    @property
    def wait_ends(self) -> int | None:
        """The instant at which the wait after a step back is over."""
        return self._wait_until if self.site_row.waiting else None

    def needs_pull(self, device_id: str) -> bool:
        """Whether a list has to be pulled to its end before an order is made (BOK-39)."""
        site = self.site_row
        return site.pulling and not site.waiting and not self.peer(device_id).pulled

    # Business days (ORD-251 to ORD-253).

    def day(self, day: int) -> DayRow:
        """A closed day; empty if it is not closed."""
        return DayRow.FromString(self.book.get(book_pb2.TABLE_DAY, str(day)) or b"")

    def close_day(self, day: int, by: str) -> DayRow:
        """Closes a day, with the list of the orders that have not ended. Raises Refusal."""
        batch = Batch(self.book)
        site = SiteRow.FromString(batch.get(book_pb2.TABLE_SITE, self.site.site_id) or b"")
        if day in site.closed_days:
            raise Refusal("the business day is closed")
        site.closed_days.append(day)
        state = self._day_state(batch, day)
        state.by = by
        batch.put(book_pb2.TABLE_SITE, self.site.site_id, site.SerializeToString())
        batch.put(book_pb2.TABLE_DAY, str(day), DayRow(revision=1, closed=state).SerializeToString())
        self._commit(batch)
        return self.day(day)

    def _day_state(self, batch: Batch, day: int) -> DayState:
        of_day = []
        of_index = [one.order_no for one in self.index.of_day(day)]
        written = [key for table, key in batch.writes if table == book_pb2.TABLE_ORDER]
        for key in dict.fromkeys(of_index + written):
            order = batch.order(key)
            if order is not None and core_of(order).business_day == day:
                of_day.append((key, order))
        totals = of_ledger([order for _, order in of_day])
        is_open = sorted(key for key, order in of_day if order.state not in ENDED)
        return DayState(at=self._unix(), rows=totals.rows, open=is_open, digest=totals.digest)

    def _revise_days(self, batch: Batch) -> None:
        """A change to a closed day is a new revision of it, in the same transaction."""
        closed = set(self.site_row.closed_days)
        if not closed:
            return
        written = [
            HisOrder.FromString(row) for key, row in batch.writes.items() if key[0] == book_pb2.TABLE_ORDER
        ]
        for day in sorted({core_of(order).business_day for order in written} & closed):
            row, state = self.day(day), self._day_state(batch, day)
            latest = row.latest if row.HasField("latest") else row.closed
            if (state.rows, state.open, state.digest) != (latest.rows, latest.open, latest.digest):
                row.revision += 1
                row.latest.CopyFrom(state)
                batch.put(book_pb2.TABLE_DAY, str(day), row.SerializeToString())

    def _today(self) -> int:
        return business_day(self.site.agreement, self._unix())


def search_until(unix: int) -> int:
    """Until when orders of a new or restored ledger carry a search (BOK-28)."""
    return unix + Limits.SEARCH_DAYS * _DAY if unix else _FOREVER


def declare_restore(book: Book, site: Site, book_id: bytes, unix: int, now: int) -> None:
    """A person declares that the ledger went back, while no program serves from it (BOK-34 to BOK-36)."""
    rows: list[tuple[Key, bytes]] = []
    for key, row in book.rows(book_pb2.TABLE_ORDER):
        order = HisOrder.FromString(row)
        if order.state not in ENDED:
            order.state, order.start_by, order.leased_until = ASKING, 0, now + site.full_lease
            rows.append(((book_pb2.TABLE_ORDER, key), order.SerializeToString()))
    of_site = SiteRow.FromString(book.get(book_pb2.TABLE_SITE, site.site_id) or b"")
    of_site.waiting = of_site.pulling = True
    of_site.search_until = search_until(unix)
    rows.append(((book_pb2.TABLE_SITE, site.site_id), of_site.SerializeToString()))
    for key, row in book.rows(book_pb2.TABLE_PEER):
        peer = PeerRow.FromString(row)
        peer.pulled = False
        if not peer.ByteSize():
            peer.pulled_book = _NO_BOOK
        rows.append(((book_pb2.TABLE_PEER, key), peer.SerializeToString()))
    book.restart(book_id, rows, unix)
