"""The ledger of a HIS: making orders, taking results in, booking refunds (orders, books).

Every step reads rows, decides, and commits what it writes as one batch before anybody is told (ORD-8, ORD-9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from . import orders
from .book import Book, Key
from .crypto import Crypto
from .messages import book_pb2, message_pb2, order_pb2
from .messages.agreement_pb2 import Agreement, DeviceManifest
from .messages.book_pb2 import BillRow, CaptureRow, HisOrder, PeerRow, Reservation, SiteRow
from .provisioning import business_day
from .tables import STATUS_MEANINGS, Channel, Kind, Limits, Timers

_NEW_LEDGER_SEARCH = 345_600
_ENDED = (
    book_pb2.HIS_STATE_PAID,
    book_pb2.HIS_STATE_NOT_PAID,
    book_pb2.HIS_STATE_REFUNDED,
    book_pb2.HIS_STATE_NOT_REFUNDED,
    book_pb2.HIS_STATE_ATTENTION,
)
_STATE_OF = {
    order_pb2.OUTCOME_PAID: book_pb2.HIS_STATE_PAID,
    order_pb2.OUTCOME_NOT_PAID: book_pb2.HIS_STATE_NOT_PAID,
    order_pb2.OUTCOME_REFUNDED: book_pb2.HIS_STATE_REFUNDED,
    order_pb2.OUTCOME_NOT_REFUNDED: book_pb2.HIS_STATE_NOT_REFUNDED,
    order_pb2.OUTCOME_ATTENTION: book_pb2.HIS_STATE_ATTENTION,
}
_LETTERS = {order_pb2.CHANNEL_WECHAT: "W", order_pb2.CHANNEL_ALIPAY: "A"}
_NAMES = {order_pb2.CHANNEL_WECHAT: "wechat", order_pb2.CHANNEL_ALIPAY: "alipay"}


class Refusal(Exception):
    """An order that is not made; nothing was stored."""


@dataclass(frozen=True)
class Site:
    """What a ledger has to know of its site. The agreement is the newest one, and must be simulated for now."""

    agreement: Agreement
    devices: DeviceManifest
    secret: bytes
    """The site secret of derived order numbers, 32 bytes (ORD-22)."""

    @property
    def full_lease(self) -> int:
        """The largest lease, in milliseconds."""
        timers = self.agreement.timers
        return timers.start + timers.act + timers.drift

    def device_key(self, device_id: str) -> bytes | None:
        """The registered key of a device."""
        found = (item.public_key for item in self.devices.devices if item.device_id == device_id)
        return next(found, None)

    def may_order(self, device_id: str) -> bool:
        """Whether a device takes new orders."""
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


class Ledger:
    """Orders, bills and captures of one site."""

    def __init__(
        self, book: Book, site: Site, crypto: Crypto, unix: Callable[[], int], book_id: bytes
    ) -> None:
        """Begins a new book under `book_id`, or goes on with one. `unix` is the calendar clock in seconds."""
        self.book, self.site, self._crypto, self._unix = book, site, crypto, unix
        self.alarms: list[str] = []
        self.is_halted = False
        if book.is_new:
            book.begin(book_id, unix())
            row = SiteRow(search_until=unix() + _NEW_LEDGER_SEARCH)
            batch = Batch(book)
            batch.put(book_pb2.TABLE_SITE, site.agreement.site_id, row.SerializeToString())
            self._commit(batch)

    def begin_run(self, now: int) -> None:
        """At each start of the program, before any link runs: what is open is asked about (ORD-182, BOK-27)."""
        batch = Batch(self.book)
        for order_no, order in self.open_orders():
            order.state, order.start_by = book_pb2.HIS_STATE_ASKING, 0
            order.leased_until = now + self.site.full_lease
            self._put_order(batch, order_no, order)
        self._commit(batch)

    def _commit(self, batch: Batch) -> None:
        if batch.writes:
            self.book.commit(batch.reads, list(batch.writes.items()), self._unix())

    # Reading.

    def order(self, order_no: str) -> HisOrder | None:
        """An order's row."""
        row = self.book.get(book_pb2.TABLE_ORDER, order_no)
        return None if row is None else HisOrder.FromString(row)

    def open_orders(self) -> list[tuple[str, HisOrder]]:
        """Orders that have not ended, by the time at which they were made and then by number (ORD-70)."""
        found = [(key, HisOrder.FromString(row)) for key, row in self.book.rows(book_pb2.TABLE_ORDER)]
        return sorted(
            ((key, row) for key, row in found if row.state not in _ENDED),
            key=lambda both: (both[1].made_at, both[0]),
        )

    def peer(self, device_id: str) -> PeerRow:
        """What is known of a device's journal."""
        return PeerRow.FromString(self.book.get(book_pb2.TABLE_PEER, device_id) or b"")

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

    def store_pull(self, device_id: str, book_id: bytes, seq: int) -> None:
        """Stores how far a device's list was pulled (ORD-223)."""
        peer = self.peer(device_id)
        if not seq:
            seq = peer.pulled_seq if peer.pulled_book == book_id else 0
        peer.pulled_book, peer.pulled_seq, peer.pulled = book_id, seq, True
        self._store_peer(device_id, peer)

    def _store_peer(self, device_id: str, peer: PeerRow) -> None:
        batch = Batch(self.book)
        batch.get(book_pb2.TABLE_PEER, device_id)
        batch.put(book_pb2.TABLE_PEER, device_id, peer.SerializeToString())
        self._commit(batch)

    def set_state(self, order_no: str, state: book_pb2.HisState, rejected: int = 0) -> None:
        """Moves an order that has not ended to Cancelling or Asking."""
        batch = Batch(self.book)
        row = batch.get(book_pb2.TABLE_ORDER, order_no)
        order = HisOrder.FromString(row or b"")
        order.state = state
        order.rejected = rejected or order.rejected
        self._put_order(batch, order_no, order)
        self._commit(batch)

    def mark_posted(self, order_no: str) -> None:
        """The bill database has made an order durable (ORD-243)."""
        batch = Batch(self.book)
        order = HisOrder.FromString(batch.get(book_pb2.TABLE_ORDER, order_no) or b"")
        if order.posting != book_pb2.POSTING_UNPOSTED:
            raise Refusal(f"{order_no} is not to be posted")
        order.posting = book_pb2.POSTING_POSTED
        self._put_order(batch, order_no, order)
        self._commit(batch)

    def unposted(self) -> list[str]:
        """Orders to hand over to the bill database (ORD-242, ORD-244)."""
        found = ((key, HisOrder.FromString(row)) for key, row in self.book.rows(book_pb2.TABLE_ORDER))
        return [key for key, order in found if order.posting == book_pb2.POSTING_UNPOSTED]

    @staticmethod
    def _put_order(batch: Batch, order_no: str, order: HisOrder) -> None:
        batch.put(book_pb2.TABLE_ORDER, order_no, order.SerializeToString())

    # Making orders.

    def _may_make(self, batch: Batch, device_id: str, day: int) -> SiteRow:
        """The reasons of ORD-161 that concern the day, the step back and the device."""
        site = SiteRow.FromString(batch.get(book_pb2.TABLE_SITE, self.site.agreement.site_id) or b"")
        if self.is_halted:
            raise Refusal("the ledger went back: a person has to declare the restore")
        if day in site.closed_days:
            raise Refusal("the business day is closed")
        if site.waiting or site.pulling:
            raise Refusal("the ledger waits after a step back")
        if not self.site.may_order(device_id):
            raise Refusal("the device takes no new orders")
        return site

    def _day(self) -> int:
        return business_day(self.site.agreement, self._unix())

    def _bill_number(self, bill: str, generation: int) -> str:
        return orders.order_number(self.site.secret, Kind.COLLECT, bill.encode(), generation)

    def make_collect(self, bill: str, fen: int, window: Window) -> str:
        """Makes and stores a collect, and gives its number (ORD-159 to ORD-167). Raises Refusal."""
        batch, day = Batch(self.book), self._day()
        site = self._may_make(batch, window.device_id, day)
        if not 1 <= len(bill.encode()) <= 64:
            raise Refusal("a bill key has 1 to 64 bytes")
        row = BillRow.FromString(batch.get(book_pb2.TABLE_BILL, bill) or b"")
        self._judge_bill(batch, bill)
        numbers = [self._bill_number(bill, row.orders + place) for place in range(Limits.ORPHAN_NUMBERS)]
        taken = [number for number in numbers if batch.get(book_pb2.TABLE_ORDER, number) is not None]
        if taken:
            raise Refusal(f"the terminal holds an order of this bill that no bill has adopted: {taken[0]}")
        if not 0 < fen <= min(self.site.agreement.amounts.collect_max, Limits.AMOUNT_FEN_MAX):
            raise Refusal("the amount is not allowed")
        core = order_pb2.OrderCore(
            order_no=numbers[0],
            device_id=window.device_id,
            kind=order_pb2.KIND_COLLECT,
            amount=fen,
            business_day=day,
            agreement_no=self.site.agreement.agreement_no,
        )
        search = numbers[: Limits.SEARCH_MAX] if self._unix() < site.search_until else []
        order = self._new_order(core, window, search)
        order.bill, order.generation = bill, row.orders
        row.present, row.orders = numbers[0], row.orders + 1
        self._put_order(batch, numbers[0], order)
        batch.put(book_pb2.TABLE_BILL, bill, row.SerializeToString())
        self._commit(batch)
        return numbers[0]

    def _judge_bill(self, batch: Batch, bill: str) -> None:
        for key, row in self.book.rows(book_pb2.TABLE_CAPTURE):
            capture = CaptureRow.FromString(row)
            if capture.bill == bill and not capture.returned:
                raise Refusal(f"{capture.payment_no} of this bill is not returned")
            batch.reads[(book_pb2.TABLE_CAPTURE, key)] = self.book.version(book_pb2.TABLE_CAPTURE, key)
        for key, row in self.book.rows(book_pb2.TABLE_ORDER):
            order = HisOrder.FromString(row)
            if order.bill != bill or orders.read_core(order.core).amount < 0:
                continue
            batch.reads[(book_pb2.TABLE_ORDER, key)] = self.book.version(book_pb2.TABLE_ORDER, key)
            if order.state not in (book_pb2.HIS_STATE_NOT_PAID, book_pb2.HIS_STATE_PAID):
                raise Refusal(f"{key} of this bill has not ended, or needs people")

    def _new_order(self, core: order_pb2.OrderCore, window: Window, search: list[str]) -> HisOrder:
        """The row of a new order (ORD-47, ORD-48, ORD-165)."""
        data = core.SerializeToString()
        try:
            orders.read_core(data)
        except orders.Malformed as error:
            raise Refusal(str(error)) from error
        timers = self.site.agreement.timers
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
        batch, day = Batch(self.book), self._day()
        site = self._may_make(batch, window.device_id, day)
        original = HisOrder.FromString(batch.get(book_pb2.TABLE_ORDER, wanted.order_no) or b"")
        key, capture = self._capture_of(wanted.order_no)
        batch.get(book_pb2.TABLE_CAPTURE, key)
        if wanted.fen >= 0:
            raise Refusal("the amount of a refund is negative")
        generation = self._judge_refund(wanted, capture, day)
        channel = Channel(int(capture.channel))
        name = orders.refund_key(wanted.order_no, channel, wanted.item)
        number = orders.order_number(self.site.secret, Kind.REFUND, name, generation)
        if batch.get(book_pb2.TABLE_ORDER, number) is not None:
            raise Refusal(f"the number {number} has a row")
        core = order_pb2.OrderCore(
            order_no=number,
            device_id=window.device_id,
            kind=order_pb2.KIND_REFUND,
            amount=wanted.fen,
            business_day=day,
            agreement_no=self.site.agreement.agreement_no,
            refund_of=order_pb2.RefundOf(
                order_no=wanted.order_no,
                agreement_no=orders.read_core(original.core).agreement_no,
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
        capture.reservations.append(Reservation(order_no=number, amount=-wanted.fen, item=wanted.item))
        capture.refund_made_at = self._unix()
        batch.put(book_pb2.TABLE_CAPTURE, key, capture.SerializeToString())
        batch.put(book_pb2.TABLE_SITE, self.site.agreement.site_id, site.SerializeToString())
        self._put_order(batch, number, order)
        self._commit(batch)
        return number

    def _capture_of(self, order_no: str) -> tuple[str, CaptureRow]:
        """The capture that gives the money back: WeChat's first (ORD-176)."""
        for letter in ("W", "A"):
            key = orders.platform_number(self.site.agreement.site_code, order_no, letter)
            row = self.book.get(book_pb2.TABLE_CAPTURE, key)
            if row is not None and not CaptureRow.FromString(row).returned:
                return key, CaptureRow.FromString(row)
        raise Refusal("the ledger has no capture of this order that is not returned")

    def _judge_refund(self, wanted: Refund, capture: CaptureRow, day: int) -> int:
        """The reasons of ORD-171 and ORD-17, and the generation of ORD-172."""
        amount, limits = -wanted.fen, self.site.agreement.amounts
        generation = of_day = 0
        for _, row in self.book.rows(book_pb2.TABLE_ORDER):
            order = HisOrder.FromString(row)
            core = orders.read_core(order.core) if order.core else order_pb2.OrderCore()
            if core.amount >= 0:
                continue
            if core.business_day == day and order.state != book_pb2.HIS_STATE_NOT_REFUNDED:
                of_day -= core.amount
            if core.refund_of.order_no != wanted.order_no:
                continue
            if order.orphan:
                raise Refusal("a terminal holds a refund of it that no bill has adopted")
            if order.item != wanted.item:
                continue
            generation += 1
            if order.state not in (book_pb2.HIS_STATE_REFUNDED, book_pb2.HIS_STATE_NOT_REFUNDED):
                raise Refusal("another refund of it has not ended, or needs people")
        reserved = sum(item.amount for item in capture.reservations)
        if any(item.item == wanted.item for item in capture.reservations):
            raise Refusal("another refund of it still has a reservation")
        if amount > capture.amount - capture.refunded - reserved:
            raise Refusal("more than what is left")
        if capture.refunds + len(capture.reservations) >= Limits.REFUNDS_PER_CAPTURE_MAX:
            raise Refusal("too many refunds of one payment")
        left = capture.refund_made_at + Timers.REFUND_GAP // 1000 - self._unix()
        if left > 0:
            raise Refusal(f"too soon after the last refund: {left} s are left")
        if amount > limits.refund_max or of_day + amount > limits.refund_day_max:
            raise Refusal("above a limit of the agreement")
        return generation

    # Results (orders, section "Accepting a result").

    def _authentic(self, device_id: str, result: bytes, signature: bytes) -> order_pb2.ResultCore | None:
        """What a device says, if it is authentic (ORD-189)."""
        key = self.site.device_key(device_id)
        try:
            said = orders.read_result(result)
        except orders.NoResult:
            return None
        if key is None or said.device_id != device_id:
            return None
        return said if orders.is_signed_by(self._crypto, key, result, signature) else None

    def take_result(
        self, device_id: str, result: bytes, signature: bytes, core: bytes = b"", journal: bytes = b""
    ) -> message_pb2.Disposition | None:
        """Takes a result in that its signer told in a session; None if it is not authentic (ORD-189 to ORD-200).

        `core` is that of a list's item: an orphan's row is made with it, or gets it (ORD-225 to ORD-227). `journal` is
        the anchor that came with a report; it is stored in the same transaction.
        """
        said = self._authentic(device_id, result, signature)
        if said is None:
            self.alarms.append("a result that is not authentic")
            self.store_anchor(device_id, journal)
            return None
        batch = Batch(self.book)
        row = batch.get(book_pb2.TABLE_ORDER, said.order_no)
        if row is None and not core:
            self.alarms.append(f"a result of {said.order_no}, which no row knows")
        order = HisOrder(orphan=True, state=book_pb2.HIS_STATE_ATTENTION, made_at=self._unix())
        if row is not None:
            order = HisOrder.FromString(row)
        if order.orphan and not order.core:
            order.core = core
        disposition = self._judge_result(batch, order, said, device_id, result, signature)
        self._put_anchor(batch, device_id, journal)
        self._commit(batch)
        return disposition

    def _judge_result(
        self,
        batch: Batch,
        order: HisOrder,
        said: order_pb2.ResultCore,
        device_id: str,
        result: bytes,
        signature: bytes,
    ) -> message_pb2.Disposition:
        """Ends the order, keeps the result as evidence, or knows it already."""
        if order.result == result:
            return message_pb2.DISPOSITION_RECORDED
        if any(item.result == result for item in order.evidence):
            return message_pb2.DISPOSITION_KEPT
        may_end = not order.orphan and order.state not in _ENDED
        ends = may_end and self._is_of(order, said) and not self._is_evidence_only(device_id)
        if ends:
            self._end(batch, order, said, result, signature)
        else:
            self._keep(batch, order, said, result, signature)
        self._put_order(batch, said.order_no, order)
        return message_pb2.DISPOSITION_RECORDED if ends else message_pb2.DISPOSITION_KEPT

    def _is_of(self, order: HisOrder, said: order_pb2.ResultCore) -> bool:
        core = orders.read_core(order.core)
        hashed = orders.order_hash(self.site.agreement.site_id, order.core)
        signer = said.device_id == core.device_id or said.device_id in order.devices
        return signer and (said.order_hash, said.amount) == (hashed, core.amount)

    def _is_evidence_only(self, device_id: str) -> bool:
        """Whether a compromised device's results count as evidence alone (ORD-190)."""
        found = (item for item in self.site.devices.devices if item.device_id == device_id)
        return any(item.compromised_since and self._unix() >= item.compromised_since for item in found)

    def _end(
        self, batch: Batch, order: HisOrder, said: order_pb2.ResultCore, result: bytes, signature: bytes
    ) -> None:
        """Ends an order by a result (ORD-193, ORD-194, ORD-241)."""
        order.result, order.signature, order.ended_at = result, signature, self._unix()
        order.leased_until = 0
        state = _STATE_OF[said.outcome]
        foreign = self._open_captures(batch, order, said)
        was_paid = any(
            orders.read_result(item.result).outcome == order_pb2.OUTCOME_PAID for item in order.evidence
        )
        if foreign or (said.outcome == order_pb2.OUTCOME_NOT_PAID and was_paid):
            state = book_pb2.HIS_STATE_ATTENTION
            self.alarms.append(f"{said.order_no}: its result does not fit what is known")
        if order.other_amount and said.outcome == order_pb2.OUTCOME_PAID:
            state = book_pb2.HIS_STATE_ATTENTION
        order.state = state
        if state in (book_pb2.HIS_STATE_PAID, book_pb2.HIS_STATE_REFUNDED):
            order.posting = book_pb2.POSTING_UNPOSTED
        if said.amount < 0:
            self._book_refund(batch, order, said)

    def _keep(
        self, batch: Batch, order: HisOrder, said: order_pb2.ResultCore, result: bytes, signature: bytes
    ) -> None:
        """Keeps a result as evidence (ORD-196 to ORD-200)."""
        was_booked = any(
            orders.read_result(item.result).outcome == order_pb2.OUTCOME_REFUNDED for item in order.evidence
        )
        order.evidence.add(result=result, signature=signature, at=self._unix())
        if not order.core:
            return
        hashed = orders.order_hash(self.site.agreement.site_id, order.core)
        if said.order_hash != hashed:
            self.alarms.append(f"{said.order_no}: evidence about another order")
            return
        before = len(batch.writes)
        self._open_captures(batch, order, said)
        if len(batch.writes) > before:
            self.alarms.append(f"{said.order_no}: evidence tells of money that nobody knew")
        is_called_failed = order.state in (book_pb2.HIS_STATE_NOT_REFUNDED, book_pb2.HIS_STATE_ATTENTION)
        if (
            said.outcome == order_pb2.OUTCOME_REFUNDED
            and is_called_failed
            and not was_booked
            and not order.orphan
        ):
            self.alarms.append(f"{said.order_no}: a refund that was called failed was carried out")
            self._book_refund(batch, order, said)

    def _open_captures(self, batch: Batch, order: HisOrder, said: order_pb2.ResultCore) -> bool:
        """Opens the rows of what a result tells of (ORD-195, ORD-203, ORD-204). Whether one is another order's."""
        told = [(item.channel, item.payment_no, item.amount, item.captured_at) for item in said.found]
        if said.outcome == order_pb2.OUTCOME_PAID:
            told = [(said.channel, said.payment_no, said.amount, said.captured_at)]
        core, is_foreign = orders.read_core(order.core), False
        for channel, payment_no, amount, captured_at in told:
            number = orders.platform_number(self.site.agreement.site_code, said.order_no, _LETTERS[channel])
            finder = f"{_NAMES[channel]}/{payment_no}"
            known = CaptureRow.FromString(batch.get(book_pb2.TABLE_CAPTURE, finder) or b"").order_no
            if known and known != said.order_no:
                is_foreign = True
                continue
            if batch.get(book_pb2.TABLE_CAPTURE, number) is not None:
                continue
            row = CaptureRow(
                order_no=said.order_no,
                bill=order.bill,
                channel=channel,
                payment_no=payment_no,
                amount=amount,
                agreement_no=core.agreement_no,
                captured_at=captured_at,
            )
            batch.put(book_pb2.TABLE_CAPTURE, number, row.SerializeToString())
            batch.put(book_pb2.TABLE_CAPTURE, finder, CaptureRow(order_no=said.order_no).SerializeToString())
        return is_foreign

    def _book_refund(self, batch: Batch, order: HisOrder, said: order_pb2.ResultCore) -> None:
        """Books a refund or releases its reservation (ORD-206, ORD-207)."""
        refund = orders.read_core(order.core).refund_of
        site_code = self.site.agreement.site_code
        key = orders.platform_number(site_code, refund.order_no, _LETTERS[refund.channel])
        capture = CaptureRow.FromString(batch.get(book_pb2.TABLE_CAPTURE, key) or b"")
        meaning = STATUS_MEANINGS.get(int(said.status))
        rests_on_absence = meaning is None or meaning.rests_on_absence
        is_refunded = said.outcome == order_pb2.OUTCOME_REFUNDED
        if is_refunded:
            capture.refunded += -said.amount
            capture.refunds += 1
            capture.returned = capture.refunded >= capture.amount
        if is_refunded or (said.outcome == order_pb2.OUTCOME_NOT_REFUNDED and not rests_on_absence):
            kept = [item for item in capture.reservations if item.order_no != said.order_no]
            del capture.reservations[:]
            capture.reservations.extend(kept)
        batch.put(book_pb2.TABLE_CAPTURE, key, capture.SerializeToString())

    def take_item(self, device_id: str, item: message_pb2.OrderItem, now: int) -> None:
        """Takes an item of a device's list in (ORD-224 to ORD-228)."""
        order_no = orders.read_core(item.core).order_no
        row = self.order(order_no)
        if row is None and self._authentic(device_id, item.result, item.signature) is None:
            batch = Batch(self.book)
            batch.get(book_pb2.TABLE_ORDER, order_no)
            orphan = HisOrder(
                core=item.core, orphan=True, state=book_pb2.HIS_STATE_ASKING, made_at=self._unix()
            )
            orphan.leased_until = now + self.site.full_lease
            self._put_order(batch, order_no, orphan)
            self._commit(batch)
        elif item.result:
            self.take_result(device_id, item.result, item.signature, item.core)


@dataclass(frozen=True)
class Window:
    """The session in which an order is made, at this instant."""

    device_id: str
    terminal_id: str
    run: bytes
    zero: int
    now: int


@dataclass(frozen=True)
class Refund:
    """A refund that people ask for: the amount is negative, operator and approver are two people (ORD-174)."""

    order_no: str
    fen: int
    item: str
    operator: str
    approver: str
    reason: str
