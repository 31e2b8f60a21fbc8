"""What people decide: adopting orphans, two people's decisions, posting, going on without a list (orders, books)."""

from __future__ import annotations

import json

from . import orders
from .ledger_index import ASKING, ATTENTION, ENDED, NOT_PAID, core_of
from .ledger_results import LedgerResults
from .ledger_rows import Batch, Refusal
from .messages import book_pb2, message_pb2
from .messages.book_pb2 import BillRow, Decision, HisOrder, PeerRow

EVIDENCE = book_pb2.DECISION_KIND_EVIDENCE
"""The newest signed evidence ends the order."""
UNPAID = book_pb2.DECISION_KIND_NOT_PAID
"""Nothing was paid."""
KEEP = book_pb2.DECISION_KIND_KEEP
"""It needs people still."""
RETURNED = book_pb2.DECISION_KIND_RETURNED
"""Its money was given back outside of hispos."""


class LedgerPeople(LedgerResults):
    """A ledger in which people decide."""

    def mark_posted(self, order_no: str) -> None:
        """The bill database has made an order durable (ORD-243). Raises Refusal."""
        batch = Batch(self.book)
        order = batch.order(order_no)
        if order is None:
            raise Refusal("the ledger knows no such order", "unknown_order")
        if order.posting == book_pb2.POSTING_POSTED:
            return
        if order.posting != book_pb2.POSTING_UNPOSTED:
            raise Refusal(f"{order_no} is not to be posted")
        order.posting = book_pb2.POSTING_POSTED
        batch.put_order(order_no, order)
        self._commit(batch)

    def adopt(self, order_no: str, bill: str) -> None:
        """A bill adopts an orphan, because a person or the bill database says so (ORD-232, ORD-233). Raises Refusal."""
        batch = Batch(self.book)
        order = batch.order(order_no)
        if order is None or not order.orphan or not order.core:
            raise Refusal("no orphan of this number", "unknown_order")
        if not 1 <= len(bill.encode()) <= 64:
            raise Refusal("a bill key has 1 to 64 bytes")
        order.orphan, order.bill, order.looked_again = False, bill, 0
        if not self._end_by_evidence(batch, order):
            order.state = ASKING
        if core_of(order).amount > 0:
            row = BillRow.FromString(batch.get(book_pb2.TABLE_BILL, bill) or b"")
            order.generation = row.orders
            row.present, row.orders = order_no, row.orders + 1
            batch.put(book_pb2.TABLE_BILL, bill, row.SerializeToString())
        for key, capture in self.captures_of(order_no):
            batch.capture(key)
            capture.bill = bill
            batch.put_capture(key, capture)
        self._settle_by_evidence(batch, order_no, order, is_adopted=True)
        batch.put_order(order_no, order)
        self._commit(batch)

    def _end_by_evidence(self, batch: Batch, order: HisOrder) -> bool:
        """Ends an order by its newest own evidence (ORD-194, ORD-241)."""
        core = core_of(order)
        own = [
            (item, said)
            for item, said in self._kept(order)
            if self._has_own_hash(order, said) and said.amount == core.amount
        ]
        if not own:
            return False
        newest, said = own[-1]
        earlier = HisOrder()
        earlier.CopyFrom(order)
        del earlier.evidence[:]
        earlier.evidence.extend(item for item in order.evidence if item.result != newest.result)
        order.state = self._ends_as(batch, earlier, said)
        order.result, order.signature = newest.result, newest.signature
        if order.state != ATTENTION:
            order.looked_again = 0
        if not order.ended_at:
            order.ended_at = self._unix()
        order.leased_until = 0
        self._to_post(order)
        return True

    def _settle_by_evidence(self, batch: Batch, order_no: str, order: HisOrder, is_adopted: bool) -> None:
        """Books or releases a refund that is not booked yet (ORD-206, ORD-207)."""
        original = self._original(batch, order)
        if original is None or order.state == ATTENTION or not order.result:
            return
        has_reservation = any(item.order_no == order_no for item in original[1].reservations)
        if has_reservation or is_adopted:
            self._settle_refund(batch, order_no, order, orders.read_result(order.result))

    def decide(self, order_no: str, kind: book_pb2.DecisionKind, first: str, second: str) -> None:
        """Two different people decide about an order (ORD-234 to ORD-239). Raises Refusal."""
        batch = Batch(self.book)
        order = batch.order(order_no)
        if not first or not second or first == second:
            raise Refusal("a decision needs two different people")
        if order is None:
            raise Refusal("the ledger knows no such order", "unknown_order")
        if kind != RETURNED and order.state not in (ASKING, ATTENTION):
            raise Refusal("only what is asked about or needs attention is decided")
        captures = self.captures_of(order_no)
        if kind == EVIDENCE:
            if order.orphan:
                raise Refusal("no bill has adopted the order: let one adopt it first", "orphan")
            if not self._end_by_evidence(batch, order):
                raise Refusal("no signed evidence is kept")
            self._settle_by_evidence(batch, order_no, order, is_adopted=False)
        elif kind == UNPAID:
            self._judge_unpaid(order, captures)
            order.state, order.leased_until = NOT_PAID, 0
        elif kind == KEEP:
            order.state, order.leased_until = ATTENTION, 0
        elif kind == RETURNED:
            for key, capture in captures:
                batch.capture(key)
                capture.returned = True
                batch.put_capture(key, capture)
        else:
            raise Refusal("no such decision")
        if order.state in ENDED and not order.ended_at:
            order.ended_at = self._unix()
        at = self._unix()
        order.decision.CopyFrom(Decision(kind=kind, by_first=first, by_second=second, at=at))
        batch.put_order(order_no, order)
        self._commit(batch)

    @staticmethod
    def _judge_unpaid(order: HisOrder, captures: list[tuple[str, book_pb2.CaptureRow]]) -> None:
        if core_of(order).amount < 0:
            raise Refusal("a refund is not decided as unpaid")
        left = next((key for key, capture in captures if not capture.returned), None)
        if left is not None:
            raise Refusal(f"{left} is not returned", "bill_captured")

    def go_on_without(self, device_id: str, first: str, second: str) -> None:
        """Two people go on without the list of a device that cannot answer (BOK-41, BOK-42). Raises Refusal."""
        if not first or not second or first == second:
            raise Refusal("a decision needs two different people")
        batch = Batch(self.book)
        peer = PeerRow.FromString(batch.get(book_pb2.TABLE_PEER, device_id) or b"")
        peer.pulled = True
        self._put_peer(batch, device_id, peer)
        record = json.dumps({"by": [first, second], "at": self._unix() or None}).encode()
        batch.get(book_pb2.TABLE_PROGRAM, f"without_list/{device_id}")
        batch.put(book_pb2.TABLE_PROGRAM, f"without_list/{device_id}", record)
        self._commit(batch)

    def take_over(self, order_no: str, said: message_pb2.Rejected, device_id: str, now: int) -> bool:
        """The order's own device holds another core of its number: that takes the place of ours (ORD-185, ORD-186).

        Whether it did; the result that came with it is then treated as reported.
        """
        batch = Batch(self.book)
        order = batch.order(order_no)
        try:
            core = orders.read_core(said.core)
        except orders.Malformed:
            return False
        if order is None or order.state in ENDED or order.core == said.core:
            return False
        ours = core_of(order)
        if device_id != ours.device_id or (core.order_no, core.device_id) != (order_no, device_id):
            return False
        order.other_amount = order.other_amount or ours.amount != core.amount
        order.core, order.state = said.core, ASKING
        order.leased_until = now + self.site.full_lease
        original = self._original(batch, order)
        if original is not None:
            for item in original[1].reservations:
                if item.order_no == order_no and item.amount < -core.amount:
                    item.amount = -core.amount
                    batch.put_capture(*original)
        batch.put_order(order_no, order)
        self._commit(batch)
        return True
