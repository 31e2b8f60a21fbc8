"""Taking results in: what ends an order, what is evidence, what is booked (orders, "Accepting a result")."""

from __future__ import annotations

from typing import Final

from . import orders
from .ledger_index import (
    ASKING,
    ATTENTION,
    ENDED,
    NOT_PAID,
    NOT_REFUNDED,
    PAID,
    REFUNDED,
    core_of,
    look_due,
    rests_on_absence,
)
from .ledger_rows import NO_LOOKS, Alarm, Batch, LedgerRows
from .messages import book_pb2, message_pb2, order_pb2
from .messages.book_pb2 import CaptureRow, HisOrder, Reservation
from .messages.order_pb2 import ResultCore
from .tables import Outcome

_NAMES: Final = {order_pb2.CHANNEL_WECHAT: "wechat", order_pb2.CHANNEL_ALIPAY: "alipay"}
STATE_OF: Final = {
    order_pb2.OUTCOME_PAID: PAID,
    order_pb2.OUTCOME_NOT_PAID: NOT_PAID,
    order_pb2.OUTCOME_REFUNDED: REFUNDED,
    order_pb2.OUTCOME_NOT_REFUNDED: NOT_REFUNDED,
    order_pb2.OUTCOME_ATTENTION: ATTENTION,
}


class LedgerResults(LedgerRows):
    """A ledger that takes results in."""

    def _authentic(self, device_id: str, result: bytes, signature: bytes) -> ResultCore | None:
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
        self,
        device_id: str,
        result: bytes,
        signature: bytes,
        journal: bytes = b"",
        is_look: bool = False,
    ) -> message_pb2.Disposition | None:
        """Takes a result in that its signer told in a session; None if it is not authentic, or no row knows its order.

        ORD-189 to ORD-200, ORD-226.

        `journal` is the anchor that came with a report; it is stored in the same transaction. `is_look` says that a fresh
        LookUp about the order was answered by OrderState in this session (ORD-213).
        """
        said = self._authentic(device_id, result, signature)
        if said is None:
            self.alarms.append(Alarm("not_authentic"))
            self.store_anchor(device_id, journal)
            return None
        batch = Batch(self.book)
        order = batch.order(said.order_no)
        if order is None:
            # Its row comes with the list of its device, which has the core, too (ORD-226).
            self.alarms.append(Alarm("orphan", said.order_no))
            self.store_anchor(device_id, journal)
            return None
        disposition = self._judge_result(batch, order, said, result, signature, is_look)
        self._put_anchor(batch, device_id, journal)
        self._commit(batch)
        return disposition

    def _judge_result(
        self,
        batch: Batch,
        order: HisOrder,
        said: ResultCore,
        result: bytes,
        signature: bytes,
        is_look: bool,
    ) -> message_pb2.Disposition:
        """Ends the order, keeps the result as evidence, or knows it already."""
        is_end = order.result == result
        if is_end or any(item.result == result for item in order.evidence):
            if is_look and self._count_look(order):
                self._release_after_last_look(batch, said.order_no, order)
                batch.put_order(said.order_no, order)
            return message_pb2.DISPOSITION_RECORDED if is_end else message_pb2.DISPOSITION_KEPT
        may_end = not order.orphan and order.state not in ENDED
        ends = may_end and self._is_of(order, said) and not self._is_evidence_only(said.device_id)
        if ends:
            self._end(batch, order, said, result, signature)
        else:
            self._keep(batch, order, said, result, signature)
        batch.put_order(said.order_no, order)
        return message_pb2.DISPOSITION_RECORDED if ends else message_pb2.DISPOSITION_KEPT

    def _has_own_hash(self, order: HisOrder, said: ResultCore) -> bool:
        return bool(order.core) and said.order_hash == orders.order_hash(self.site.site_id, order.core)

    def _is_of(self, order: HisOrder, said: ResultCore) -> bool:
        core = core_of(order)
        signer = said.device_id == core.device_id or said.device_id in order.devices
        return signer and self._has_own_hash(order, said) and said.amount == core.amount

    def _is_evidence_only(self, device_id: str) -> bool:
        """Whether a compromised device's results count as evidence alone (ORD-190)."""
        unix = self._unix()
        found = (item for item in self.site.devices.devices if item.device_id == device_id)
        return any(item.compromised_since and (not unix or unix >= item.compromised_since) for item in found)

    def _kept(self, order: HisOrder) -> list[tuple[book_pb2.Evidence, ResultCore]]:
        return [(item, orders.read_result(item.result)) for item in order.evidence]

    def _ends_as(self, batch: Batch, order: HisOrder, said: ResultCore) -> book_pb2.HisState:
        """The state that a result leads to, but for what is known otherwise (ORD-186, ORD-194)."""
        kept = self._kept(order)
        outcome = int(said.outcome)
        is_other = outcome == Outcome.PAID and (order.other_amount or self._is_foreign(batch, said))
        was_paid = outcome == Outcome.NOT_PAID and any(int(one.outcome) == Outcome.PAID for _, one in kept)
        was_refunded = outcome == Outcome.NOT_REFUNDED and any(
            int(one.outcome) == Outcome.REFUNDED and self._has_own_hash(order, one) for _, one in kept
        )
        return ATTENTION if is_other or was_paid or was_refunded else STATE_OF[said.outcome]

    def _is_foreign(self, batch: Batch, said: ResultCore) -> bool:
        """Whether a payment number in it belongs to another order."""
        return any(_is_of_another(batch, row, said.order_no) for row in _told(said))

    def _end(self, batch: Batch, order: HisOrder, said: ResultCore, result: bytes, signature: bytes) -> None:
        """Ends an order by a result (ORD-193, ORD-194, ORD-241)."""
        state, is_foreign = self._ends_as(batch, order, said), self._is_foreign(batch, said)
        order.result, order.signature, order.ended_at = result, signature, self._unix()
        order.leased_until, order.state = 0, state
        self._to_post(order)
        self._open_captures(batch, order, said)
        if is_foreign or (state == ATTENTION and int(said.outcome) != Outcome.ATTENTION):
            self.alarms.append(Alarm("contradiction", said.order_no))
        if state != ATTENTION:
            self._settle_refund(batch, said.order_no, order, said)

    @staticmethod
    def _to_post(order: HisOrder) -> None:
        """ORD-241."""
        if order.state in (PAID, REFUNDED) and order.posting != book_pb2.POSTING_NOT_TO_POST:
            order.posting = book_pb2.POSTING_UNPOSTED

    def _keep(self, batch: Batch, order: HisOrder, said: ResultCore, result: bytes, signature: bytes) -> None:
        """Keeps a result as evidence (ORD-196 to ORD-200)."""
        was_booked = order.state == REFUNDED or any(
            int(one.outcome) == Outcome.REFUNDED
            and self._has_own_hash(order, one)
            and item.at >= order.ended_at
            for item, one in self._kept(order)
        )
        order.evidence.add(result=result, signature=signature, at=self._unix())
        self._count_look(order)
        is_own = self._has_own_hash(order, said)
        is_new = is_own and self._open_captures(batch, order, said)
        is_late = (
            is_own
            and int(said.outcome) == Outcome.REFUNDED
            and order.state in (NOT_REFUNDED, ATTENTION)
            and not was_booked
            and not order.orphan
        )
        if is_late:
            self._settle_refund(batch, said.order_no, order, said)
        else:
            self._release_after_last_look(batch, said.order_no, order)
        differs = (
            order.state in ENDED
            and STATE_OF[said.outcome] != order.state
            and int(said.outcome) != Outcome.ATTENTION
        )
        if order.core and (not is_own or is_new or is_late or differs):
            self.alarms.append(Alarm("contradiction", said.order_no))

    # Later looks.

    def _count_look(self, order: HisOrder) -> bool:
        """ORD-213."""
        due = look_due(order)
        if due is None or due > self._unix():
            return False
        order.looked_again += 1
        return True

    def _release_after_last_look(self, batch: Batch, order_no: str, order: HisOrder) -> None:
        """The third look proved no refund (ORD-208)."""
        if order.state != NOT_REFUNDED or not order.result or look_due(order) is not None:
            return
        if rests_on_absence(int(orders.read_result(order.result).status)) and order.looked_again:
            self._release(batch, order_no, order)

    # Captures (BOK-26, ORD-195, ORD-202 to ORD-209).

    def _open_captures(self, batch: Batch, order: HisOrder, said: ResultCore) -> bool:
        """Opens the rows of what a result tells of; whether it tells of money that had none."""
        core, is_new = core_of(order), False
        if not order.core or core.amount < 0:
            return False
        for row in _told(said):
            key = self.capture_key(core.agreement_no, core.order_no, row.channel)
            held = batch.capture(key)
            if held is not None and held.payment_no != row.payment_no:
                key = f"{key}-{row.payment_no}"
                held = batch.capture(key)
            if held is not None:
                continue
            is_new = True
            if _is_of_another(batch, row, core.order_no):
                continue
            row.order_no, row.bill, row.agreement_no = core.order_no, order.bill, core.agreement_no
            batch.put_capture(key, row)
            _put_finder(batch, row)
        return is_new

    def _original(self, batch: Batch, order: HisOrder) -> tuple[str, CaptureRow] | None:
        """The capture row that a refund gives back."""
        core = core_of(order)
        if core.amount >= 0:
            return None
        refund = core.refund_of
        key = self.capture_key(refund.agreement_no, refund.order_no, int(refund.channel))
        row = batch.capture(key)
        return None if row is None else (key, row)

    def _settle_refund(self, batch: Batch, order_no: str, order: HisOrder, said: ResultCore) -> None:
        """Books a refund or releases its reservation (ORD-206, ORD-207)."""
        original = self._original(batch, order)
        if original is None:
            return
        key, capture = original
        if int(said.outcome) == Outcome.REFUNDED:
            capture.refunded += -said.amount
            capture.refunds += 1
            capture.returned = capture.refunded >= capture.amount
            _remove_reservation(capture, order_no)
            batch.put_capture(key, capture)
        elif int(said.outcome) == Outcome.NOT_REFUNDED and not rests_on_absence(int(said.status)):
            self._release(batch, order_no, order)

    def _release(self, batch: Batch, order_no: str, order: HisOrder) -> None:
        """Removes a reservation without a booking, and gives the payment back to posting (ORD-240)."""
        original = self._original(batch, order)
        if original is None or not _remove_reservation(original[1], order_no):
            return
        batch.put_capture(*original)
        of = core_of(order).refund_of.order_no
        paid = batch.order(of)
        is_back = order.posting == book_pb2.POSTING_NOT_TO_POST
        if is_back and paid is not None and paid.posting == book_pb2.POSTING_NOT_TO_POST:
            paid.posting = book_pb2.POSTING_UNPOSTED
            batch.put_order(of, paid)

    # Orphans (ORD-224 to ORD-229).

    def take_item(self, device_id: str, order_no: str, item: message_pb2.OrderItem, now: int) -> None:
        """Takes an item of a device's list in; `order_no` is that of its core."""
        batch = Batch(self.book)
        order = batch.order(order_no)
        if order is not None:
            if item.result:
                self.take_result(device_id, item.result, item.signature)
            return
        order = HisOrder(core=item.core, orphan=True, state=ASKING, made_at=self._unix())
        order.leased_until = now + self.site.full_lease
        said = self._authentic(device_id, item.result, item.signature) if item.result else None
        if said is not None and self._has_own_hash(order, said):
            order.evidence.add(result=item.result, signature=item.signature, at=self._unix())
        self._reserve_orphan(batch, order)
        for _, kept in self._kept(order):
            self._open_captures(batch, order, kept)
        if order.evidence:
            order.state, order.leased_until = ATTENTION, 0
            order.ended_at, order.looked_again = self._unix(), NO_LOOKS
        batch.put_order(order_no, order)
        self._commit(batch)
        self.alarms.append(Alarm("orphan", order_no))

    def _reserve_orphan(self, batch: Batch, order: HisOrder) -> None:
        """Reserves an orphan refund in the row of its original, opened from what the refund says of it (ORD-229)."""
        core, kept = core_of(order), self._kept(order)
        if core.amount >= 0 or (kept and int(kept[-1][1].outcome) == Outcome.NOT_REFUNDED):
            return
        of, original = core.refund_of, self._original(batch, order)
        if original is None:
            paid = batch.order(of.order_no)
            row = CaptureRow(
                order_no=of.order_no,
                bill="" if paid is None else paid.bill,
                channel=of.channel,
                payment_no=of.payment_no,
                amount=of.amount,
                agreement_no=of.agreement_no,
            )
            if _is_of_another(batch, row, of.order_no):
                return
            _put_finder(batch, row)
            original = self.capture_key(of.agreement_no, of.order_no, int(of.channel)), row
        original[1].reservations.append(
            Reservation(order_no=core.order_no, amount=-core.amount, item=order.item)
        )
        batch.put_capture(*original)


def _finder_key(row: CaptureRow) -> str:
    """The row that finds a capture by its payment number."""
    return f"{_NAMES[row.channel]}/{row.payment_no}"


def _is_of_another(batch: Batch, row: CaptureRow, order_no: str) -> bool:
    """Whether the payment number of a capture belongs to another order."""
    finder = batch.capture(_finder_key(row))
    return finder is not None and finder.order_no != order_no


def _put_finder(batch: Batch, row: CaptureRow) -> None:
    if batch.capture(_finder_key(row)) is None:
        batch.put_capture(_finder_key(row), CaptureRow(order_no=row.order_no))


def _told(said: ResultCore) -> list[CaptureRow]:
    """Channel, payment number, amount and time of each capture that a result tells of (ORD-203)."""
    told: list[ResultCore | order_pb2.FoundCapture] = [said] if int(said.outcome) == Outcome.PAID else [*said.found]
    return [
        CaptureRow(
            channel=one.channel, payment_no=one.payment_no, amount=one.amount, captured_at=one.captured_at
        )
        for one in told
    ]


def _remove_reservation(capture: CaptureRow, order_no: str) -> bool:
    kept = [item for item in capture.reservations if item.order_no != order_no]
    is_there = len(kept) != len(capture.reservations)
    del capture.reservations[:]
    capture.reservations.extend(kept)
    return is_there
