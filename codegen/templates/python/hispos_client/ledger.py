"""The ledger of a HIS: making collects and refunds (orders, "The ledger and the bill lock")."""

from __future__ import annotations

from dataclasses import dataclass

from . import orders
from .ledger_index import NOT_PAID, NOT_REFUNDED, PAID, REFUNDED, core_of
from .ledger_people import LedgerPeople
from .ledger_rows import Alarm, Batch, Refusal, Site
from .messages import book_pb2, order_pb2
from .messages.agreement_pb2 import Agreement
from .messages.book_pb2 import BillRow, CaptureRow, HisOrder, Reservation, SiteRow
from .payment import LETTERS
from .tables import Channel, Kind, Limits, Timers

__all__ = ["Alarm", "Ledger", "Refund", "Refusal", "Site", "Window"]


@dataclass(frozen=True)
class Window:
    """The session in which an order is made, at this instant."""

    device_id: str
    terminal_id: str
    run: bytes
    zero: int
    now: int
    agreement: Agreement
    """That of the session (ORD-159)."""
    day: int | None = None
    """The business day, from a person where there is no calendar clock (ORD-164)."""


@dataclass(frozen=True)
class Refund:
    """A refund that people ask for: the amount is negative, operator and approver are two people (ORD-174)."""

    order_no: str
    fen: int
    item: str
    operator: str
    approver: str
    reason: str
    is_not_to_post: bool = False
    """The payment is not posted and goes back whole: neither is posted (ORD-240)."""


class Ledger(LedgerPeople):
    """Orders, bills and captures of one site."""

    def _may_make(self, batch: Batch, device_id: str, day: int) -> SiteRow:
        """The reasons of ORD-161 that concern the day, the step back and the device."""
        site = SiteRow.FromString(batch.get(book_pb2.TABLE_SITE, self.site.site_id) or b"")
        if self.is_halted:
            raise Refusal("the ledger went back: a person has to declare the restore", "restoring")
        if day in site.closed_days:
            raise Refusal("the business day is closed")
        if site.waiting:
            raise Refusal("the ledger waits after a step back", "restoring")
        if site.pulling:
            missing = [
                item.device_id for item in self.site.devices.devices if not self.peer(item.device_id).pulled
            ]
            if missing:
                raise Refusal(f"the list of {missing[0]} was not pulled since a step back", "restoring")
        if not self.site.may_order(device_id):
            raise Refusal("the device takes no new orders")
        return site

    def _bill_number(self, bill: str, generation: int) -> str:
        return orders.order_number(self.site.secret, Kind.COLLECT, bill.encode(), generation)

    def make_collect(self, bill: str, fen: int, window: Window) -> str:
        """Makes and stores a collect, and gives its number (ORD-159 to ORD-167). Raises Refusal."""
        batch, day = Batch(self.book), window.day or self._today()
        site = self._may_make(batch, window.device_id, day)
        if not 1 <= len(bill.encode()) <= 64:
            raise Refusal("a bill key has 1 to 64 bytes")
        row = BillRow.FromString(batch.get(book_pb2.TABLE_BILL, bill) or b"")
        self._judge_bill(batch, bill)
        free = self._free_generations(batch, bill, row.orders)
        if not 0 < fen <= min(window.agreement.amounts.collect_max, Limits.AMOUNT_FEN_MAX):
            raise Refusal("the amount is not allowed", "exceeds")
        search = [self._bill_number(bill, generation) for generation in free[: Limits.SEARCH_MAX]]
        number, unix = search[0], self._unix()
        core = order_pb2.OrderCore(
            order_no=number,
            device_id=window.device_id,
            kind=order_pb2.KIND_COLLECT,
            amount=fen,
            business_day=day,
            agreement_no=window.agreement.agreement_no,
        )
        searches = not unix or unix < site.search_until
        order = self._new_order(core, window, search if searches else [])
        order.bill, order.generation = bill, free[0]
        row.present, row.orders = number, free[0] + 1
        batch.put_order(number, order)
        batch.put(book_pb2.TABLE_BILL, bill, row.SerializeToString())
        self._commit(batch)
        return number

    def _judge_bill(self, batch: Batch, bill: str) -> None:
        for key in self.index.captures_of_bill(bill):
            capture = batch.capture(key)
            if capture is not None and not capture.returned:
                raise Refusal(f"{capture.payment_no} of this bill is not returned", "bill_captured")
        for order_no, row, core in self.index.of_bill(bill):
            if core.amount < 0:
                continue
            batch.get(book_pb2.TABLE_ORDER, order_no)
            if row.state not in (NOT_PAID, PAID):
                raise Refusal(f"{order_no} of this bill has not ended, or needs people", "bill_busy")

    def _free_generations(self, batch: Batch, bill: str, made: int) -> list[int]:
        """Those of the bill's next numbers that no adopted order holds (ORD-162, ORD-163, ORD-230)."""
        free = []
        for generation in range(made, made + Limits.ORPHAN_NUMBERS):
            number = self._bill_number(bill, generation)
            held = batch.order(number)
            if held is None:
                free.append(generation)
            elif held.bill != bill:
                raise Refusal(f"no bill has adopted {number}, which is this bill's", "orphan")
        if not free:
            raise Refusal("none of the bill's next numbers is free")
        return free

    def _new_order(self, core: order_pb2.OrderCore, window: Window, search: list[str]) -> HisOrder:
        """The row of a new order (ORD-47, ORD-48, ORD-165)."""
        data = core.SerializeToString()
        try:
            orders.read_core(data)
        except orders.Malformed as error:
            raise Refusal(str(error)) from error
        timers = window.agreement.timers
        start_by = window.now + timers.start
        start_by -= (start_by - window.zero) % 1000
        return HisOrder(
            core=data,
            state=book_pb2.HIS_STATE_SENT,
            terminal_id=window.terminal_id,
            run=window.run,
            start_by=start_by,
            leased_until=start_by + timers.act + timers.drift,
            search=search,
            made_at=self._unix(),
        )

    def make_refund(self, wanted: Refund, window: Window) -> str:
        """Makes and stores a refund, reserves its amount, and gives its number (ORD-170 to ORD-176). Raises Refusal."""
        batch, day = Batch(self.book), window.day or self._today()
        original = batch.order(wanted.order_no)
        if original is None:
            raise Refusal("the ledger knows no such order", "unknown_order")
        if original.orphan:
            raise Refusal("no bill has adopted the order", "orphan")
        key, capture = self._capture_of(batch, wanted.order_no, core_of(original).agreement_no)
        site = self._may_make(batch, window.device_id, day)
        if wanted.fen >= 0:
            raise Refusal("the amount of a refund is negative")
        generation = self._judge_refund(wanted, capture)
        channel = Channel(int(capture.channel))
        name = orders.refund_key(wanted.order_no, channel, wanted.item)
        number = orders.order_number(self.site.secret, Kind.REFUND, name, generation)
        if batch.order(number) is not None:
            raise Refusal(f"the number {number} has a row", "orphan")
        self._judge_limits(window.agreement, -wanted.fen, day)
        core = order_pb2.OrderCore(
            order_no=number,
            device_id=window.device_id,
            kind=order_pb2.KIND_REFUND,
            amount=wanted.fen,
            business_day=day,
            agreement_no=window.agreement.agreement_no,
            refund_of=order_pb2.RefundOf(
                order_no=wanted.order_no,
                agreement_no=core_of(original).agreement_no,
                channel=capture.channel,
                amount=capture.amount,
                payment_no=capture.payment_no,
                operator=wanted.operator,
                approver=wanted.approver,
                reason=wanted.reason,
            ),
        )
        order = self._new_order(core, window, [])
        order.bill, order.item, order.generation = original.bill, wanted.item, generation
        if wanted.is_not_to_post:
            self._keep_from_posting(batch, wanted, original, capture)
            order.posting = book_pb2.POSTING_NOT_TO_POST
        capture.reservations.append(Reservation(order_no=number, amount=-wanted.fen, item=wanted.item))
        capture.refund_made_at = self._unix()
        batch.put_capture(key, capture)
        batch.put(book_pb2.TABLE_SITE, self.site.site_id, site.SerializeToString())
        batch.put_order(number, order)
        self._commit(batch)
        return number

    @staticmethod
    def _keep_from_posting(batch: Batch, wanted: Refund, original: HisOrder, capture: CaptureRow) -> None:
        """ORD-240."""
        paid = orders.read_result(original.result).payment_no if original.result else ""
        is_whole = -wanted.fen == capture.amount and capture.payment_no == paid
        if original.posting != book_pb2.POSTING_UNPOSTED or not is_whole:
            raise Refusal("only an unposted payment that goes back whole is not posted")
        original.posting = book_pb2.POSTING_NOT_TO_POST
        batch.put_order(wanted.order_no, original)

    def _capture_of(self, batch: Batch, order_no: str, agreement_no: int) -> tuple[str, CaptureRow]:
        """The capture that gives the money back: WeChat's first (ORD-176)."""
        for channel in LETTERS:
            key = self.capture_key(agreement_no, order_no, channel)
            row = batch.capture(key)
            if row is not None and not row.returned:
                return key, row
        raise Refusal("the ledger has no capture of this order that is not returned", "exceeds")

    def _judge_refund(self, wanted: Refund, capture: CaptureRow) -> int:
        """The reasons of ORD-171 about item, amount and time, and the generation of ORD-172."""
        amount, generation = -wanted.fen, 0
        channel = Channel(int(capture.channel))
        name = orders.refund_key(wanted.order_no, channel, wanted.item)
        own = {
            orders.order_number(self.site.secret, Kind.REFUND, name, nth)
            for nth in range(Limits.REFUNDS_PER_CAPTURE_MAX)
        }
        for order_no, row, _ in self.index.refunds_of(wanted.order_no):
            if row.orphan or (row.item != wanted.item and order_no not in own):
                continue
            generation += 1
            if row.state not in (REFUNDED, NOT_REFUNDED):
                raise Refusal("another refund of it has not ended, or needs people", "item_busy")
        reserved = sum(item.amount for item in capture.reservations)
        if any(item.item == wanted.item for item in capture.reservations):
            raise Refusal("another refund of it still has a reservation", "item_busy")
        if amount > capture.amount - capture.refunded - reserved:
            raise Refusal("more than what is left", "exceeds")
        if capture.refunds + len(capture.reservations) >= Limits.REFUNDS_PER_CAPTURE_MAX:
            raise Refusal("too many refunds of one payment", "exceeds")
        left = capture.refund_made_at + Timers.REFUND_GAP // 1000 - self._unix()
        if capture.refund_made_at and left > 0:
            raise Refusal(f"too soon after the last refund: {left} s are left", "too_soon")
        return generation

    def _judge_limits(self, agreement: Agreement, amount: int, day: int) -> None:
        """ORD-16, ORD-17."""
        of_day = sum(
            -core.amount
            for _, row, core in self.index.of_day(day)
            if core.amount < 0 and row.state != NOT_REFUNDED
        )
        limits = agreement.amounts
        if amount > limits.refund_max or of_day + amount > limits.refund_day_max:
            raise Refusal("above a limit of the agreement", "exceeds")
