"""What a HIS asks: Sync, its open orders, other devices' orders, later looks, lists, pings (messages, orders)."""

from __future__ import annotations

from . import orders
from .his_calls import HisCalls
from .ledger_index import Order
from .messages import book_pb2, message_pb2
from .tables import Timers


class HisAsks(HisCalls):
    """A link that asks."""

    def _send_sync(self, now: int) -> None:
        """The first request, with the anchors of what is durable (BOK-18)."""
        if not self._wants_sync or not self.ledger.book.is_durable:
            return
        self._wants_sync = False
        peer = self.ledger.peer(self._device_id)
        sync = message_pb2.Sync(ledger=self.ledger.book.anchor, journal_seen=peer.anchor)
        self._request("sync", sync, "", now)

    def _ping(self, now: int) -> None:
        """When nothing was sent for 10 s (ORD-76, ORD-77)."""
        if not any(now >= due for due in self._ping_due()):
            return
        ping = message_pb2.Ping()
        if self._anchor_pinged is None or now >= self._anchor_pinged + Timers.PING_ANCHOR_GAP:
            ping.ledger, self._anchor_pinged = self.ledger.book.anchor, now
        self._request("ping", ping, "", now)

    def _ping_due(self) -> list[int]:
        is_open = any(call.name == "ping" for call in self._every_call())
        pings = self._is_synced and not self.ledger.is_halted and not is_open
        return [self._sent_at + Timers.PING_AFTER] if pings else []

    # Open orders of the device, and those that it is asked about beside its own.

    def _open(self) -> list[Order]:
        """The open orders of this device, and those that it is asked about beside their own (ORD-71)."""
        return self.ledger.index.open_at(self._device_id)

    def _pass_deadlines(self, now: int) -> None:
        """Lease ends, and submits that come too late (ORD-178, ORD-180)."""
        for order_no, order, _ in self._open():
            if order.state == book_pb2.HIS_STATE_ASKING:
                continue
            if now >= order.leased_until:
                self._enter(order_no, book_pb2.HIS_STATE_ASKING, now)
            elif (
                order.state == book_pb2.HIS_STATE_SENT
                and now >= order.start_by
                and self._would_submit(order_no, now)
            ):
                self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now)

    def _ask_about_orders(self, now: int) -> None:
        """One request for each open order, by its stored state (ORD-70, ORD-71)."""
        for order in self._unasked():
            if now >= self._may_ask_from(order):
                self._ask_from.pop(order.order_no, None)
                self._ask_about(order.order_no, order.row, now)

    def _unasked(self) -> list[Order]:
        return [
            one for one in self._open() if one.order_no not in self._told and not self._is_asked(one.order_no)
        ]

    def _may_ask_from(self, order: Order) -> int:
        """The instant from which it may be asked about; 0 for at once."""
        at = self._ask_from.get(order.order_no, 0)
        return at if order.core.device_id == self._device_id else max(at, self._quiet_from(order.row))

    def _asks_due(self) -> list[int]:
        return [at for at in map(self._may_ask_from, self._unasked()) if at]

    def _ask_about(self, order_no: str, order: book_pb2.HisOrder, now: int) -> None:
        core, run, search = order.core, order.run, order.search
        if order.state == book_pb2.HIS_STATE_CANCELLING:
            self._request(
                "cancel_order", message_pb2.CancelOrder(core=core, run=run, search=search), order_no, now
            )
        elif order.state == book_pb2.HIS_STATE_ASKING:
            self._request("look_up", message_pb2.LookUp(core=core), order_no, now)
        elif order_no in self._made_here and now < order.start_by:
            submit = message_pb2.SubmitOrder(
                core=core,
                terminal_id=order.terminal_id,
                start_by=max(order.start_by - self._zero, 0) // 1000,
                run=run,
                search=search,
            )
            self._request("submit_order", submit, order_no, now)
        else:
            hashed = orders.order_hash(self.ledger.site.site_id, core)
            query = message_pb2.QueryOrder(order_no=order_no, order_hash=hashed)
            self._request("query_order", query, order_no, now)

    # Orders of another device.

    def _waits_elsewhere(self) -> list[Order]:
        """Orders in Asking whose own device is revoked, which no device in use is asked about yet (ORD-218)."""
        if not self.ledger.site.may_order(self._device_id):
            return []
        found = []
        for order in self.ledger.open_orders():
            devices = [order.core.device_id, *order.row.devices]
            is_asking = order.row.state == book_pb2.HIS_STATE_ASKING
            if is_asking and not any(self.ledger.site.may_order(device) for device in devices):
                found.append(order)
        return found

    def _look_elsewhere(self, now: int) -> None:
        for order_no, order, _ in self._waits_elsewhere():
            if now >= self._quiet_from(order):
                self.ledger.ask_elsewhere(order_no, self._device_id, now)

    def _elsewhere_due(self) -> list[int]:
        due = [self._quiet_from(order.row) for order in self._waits_elsewhere()]
        return [at for at in due if at > self._now]

    def _quiet_from(self, order: book_pb2.HisOrder) -> int:
        """The instant from which another device may be asked about it (ORD-215)."""
        return order.leased_until + self.ledger.site.quiet

    # Later looks.

    def _look_again(self, now: int) -> None:
        """Later looks (ORD-211, ORD-212, ORD-214)."""
        for order_no, order, _ in self.ledger.index.looks_due(self._device_id, self.ledger.unix):
            if self._looked.get(order_no) != order.looked_again:
                self._looked[order_no] = order.looked_again
                self._looks_told.discard(order_no)
                look = message_pb2.LookUp(core=order.core, fresh=True)
                self._request("look_up", look, order_no, now)

    def _look_due_at(self) -> list[int]:
        return self._at_unix(self.ledger.index.next_look(self._device_id, self.ledger.unix))

    def _at_unix(self, due: int | None) -> list[int]:
        """The instant of a time in Unix seconds; none without a calendar clock."""
        unix = self.ledger.unix
        return [] if due is None or not unix else [self._now + 1000 * (due - unix)]

    # Lists.

    def _begin_pull(self, now: int) -> None:
        if not any(call.name == "list_orders" for call in self._every_call()):
            self._pull_counts = not self.ledger.site_row.waiting
            self._list(now)

    def _pull_after_wait(self, now: int) -> None:
        """Begins the pull that counts, once the wait after a step back is over (BOK-39)."""
        if self.ledger.needs_pull(self._device_id):
            self._begin_pull(now)

    def _list(self, now: int) -> None:
        peer = self.ledger.peer(self._device_id)
        request = message_pb2.ListOrders(book=peer.pulled_book, seq=peer.pulled_seq)
        self._request("list_orders", request, "", now)
