"""The totals of a business day, counted alike at both ends (orders, section "Totals")."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from . import orders
from .crypto import sha256
from .messages.book_pb2 import HisOrder, PosOrder
from .messages.message_pb2 import Totals, TotalsRow
from .messages.order_pb2 import ResultCore
from .tables import Kind, Outcome


@dataclass(frozen=True)
class Moved:
    """Money that a result tells of: a payment by its number, a refund by its order."""

    channel: int
    kind: int
    number: str
    fen: int


def moved(said: ResultCore) -> list[Moved]:
    """The money that a result tells of."""
    outcome = int(said.outcome)
    if outcome == Outcome.PAID:
        return [Moved(int(said.channel), Kind.COLLECT, said.payment_no, said.amount)]
    if outcome == Outcome.REFUNDED:
        return [Moved(int(said.channel), Kind.REFUND, said.order_no, said.amount)]
    return [Moved(int(item.channel), Kind.COLLECT, item.payment_no, item.amount) for item in said.found]


class Count:
    """Sums, open orders and digest of one day and device."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._sums: dict[tuple[bool, int, int], list[int]] = defaultdict(lambda: [0, 0])
        self._ends: dict[str, bytes] = {}
        self.open = 0

    def recorded(self, said: ResultCore) -> list[Moved]:
        """A result that ended its order at HIS; gives the money that it accounts for (ORD-246, ORD-250)."""
        name = said.order_no.encode()
        signed = said.amount.to_bytes(8, "big", signed=True)
        self._ends[said.order_no] = bytes([len(name)]) + name + bytes([int(said.outcome)]) + signed
        if int(said.outcome) not in (Outcome.PAID, Outcome.REFUNDED):
            return []
        for one in moved(said):
            self._add(False, one)
        return moved(said)

    def beyond(self, one: Moved) -> None:
        """Money that no recorded result accounts for (ORD-248)."""
        self._add(True, one)

    def _add(self, is_beyond: bool, one: Moved) -> None:
        row = self._sums[(is_beyond, one.channel, one.kind)]
        row[0], row[1] = row[0] + 1, row[1] + one.fen

    def totals(self) -> Totals:
        """The rows in their order, and the digest."""
        rows = [
            TotalsRow(channel=channel, kind=kind, count=count, amount=fen, beyond=beyond)  # type: ignore[arg-type]
            for (beyond, channel, kind), (count, fen) in sorted(self._sums.items())
        ]
        ends = b"".join(self._ends[name] for name in sorted(self._ends))
        return Totals(rows=rows, open=self.open, digest=sha256(ends))


def of_journal(device_id: str, rows: Iterable[PosOrder], day: int) -> Totals:
    """What a POS counts for a day (ORD-246 to ORD-250)."""
    count = Count()
    for row in rows:
        core = orders.read_core(row.core)
        if core.business_day != day:
            continue
        latest = orders.read_result(row.result) if row.result else None
        recorded = latest if row.recorded else None
        if row.recorded and row.recorded_result:
            recorded = orders.read_result(row.recorded_result)
        if core.device_id == device_id and recorded is None and not row.answered:
            count.open += 1
        accounted = count.recorded(recorded) if recorded else []
        for one in moved(latest) if latest else []:
            if one not in accounted:
                count.beyond(one)
    return count.totals()


def of_ledger(rows: Iterable[HisOrder], device_id: str = "") -> Totals:
    """What a HIS counts: every accepted result, or those that one device signed (ORD-251).

    A result by which people or an adoption ended an order stands in its evidence, too: the device knows it as kept.
    """
    count = Count()
    for row in rows:
        kept = any(item.result == row.result for item in row.evidence)
        said = orders.read_result(row.result) if row.result and not kept else None
        if said is not None and device_id in ("", said.device_id):
            count.recorded(said)
    return count.totals()
