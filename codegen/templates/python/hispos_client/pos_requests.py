"""What a POS answers to the requests of a HIS, from what is stored (messages, orders)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .book import Book
from .crypto import Crypto
from .messages import book_pb2, message_pb2
from .messages.agreement_pb2 import Agreement, TerminalManifest
from .messages.book_pb2 import PeerRow, PosOrder
from .messages.message_pb2 import Message
from .payment import Merchant
from .pos_context import Context, Effects, Held
from .pos_flow import Asking, PosFlow
from .pos_order import ENDED, stage_of
from .tables import Channel, Limits, Revocation
from .totals import of_journal


@dataclass(frozen=True)
class Device:
    """What a POS is."""

    crypto: Crypto
    device_id: str
    seed: bytes
    """The 32 bytes of its Ed25519 key."""
    boot: bytes
    """16 bytes that all programs of one boot of the machine share (ORD-57)."""
    software: str


@dataclass(frozen=True)
class Provision:
    """What a POS was told by signed files that were verified, and the merchants whose credentials it holds."""

    agreements: Sequence[Agreement]
    """Every agreement ever taken over, the newest first (PRV-30)."""
    terminals: TerminalManifest
    merchants: Sequence[Merchant]


@dataclass
class Session:
    """The live session."""

    peer: str
    zero: int
    generation: int
    is_synced: bool = False


class PosRequests:
    """The orders of a device, and the requests about them."""

    def __init__(
        self, device: Device, provision: Provision, book: Book, run: bytes, unix: Callable[[], int], now: int
    ) -> None:
        """`book` has begun; `unix` is the calendar clock, 0 without one; `run` was drawn for this run (ORD-56)."""
        self._device, self.book, self._unix = device, book, unix
        self._context = Context(device.crypto, device.device_id, device.seed, device.boot, run, now, unix)
        self._take_over(provision)
        self._flow = PosFlow(self._context, book, now)
        site_row = book.get(book_pb2.TABLE_PEER, self._context.site_id)
        self._ledger_seen = PeerRow.FromString(site_row or b"").anchor
        self._live: Session | None = None
        self.has_room = True
        """Whether the storage has room above its reserve (ORD-92)."""

    def _take_over(self, provision: Provision) -> None:
        held = [Held.of(agreement) for agreement in provision.agreements]
        self._context.provision(held, provision.merchants)
        self._terminals = provision.terminals

    def _handle(self, message: Message, now: int, effects: Effects) -> Message | None:
        """The answer to a request, from what is stored (MSG-11)."""
        body = message.WhichOneof("body")
        live = self._live
        if message.reply_to or live is None:
            confirm = message.confirm_result
            self._flow.confirm(confirm, now, effects)
            self._see_ledger(confirm.ledger, effects)
            return None
        if body == "sync":
            answer = self._sync(message.sync, now, effects)
        elif body == "submit_order":
            asking = Asking(live.peer, self._is_active(live.peer), live.zero, self.has_room)
            answer = self._flow.submit(message.submit_order, asking, now, effects)
        elif body == "query_order":
            answer = self._flow.query(message.query_order, now)
        elif body == "cancel_order":
            answer = self._flow.cancel(message.cancel_order, now, effects)
        elif body == "look_up":
            answer = self._flow.look_up(message.look_up, now, effects)
        elif body == "list_orders":
            answer = self._list(message.list_orders)
        elif body == "get_totals":
            answer = Message(totals=self._totals(message.get_totals.business_day))
        elif body == "ping":
            answer = self._pong(message.ping, effects)
        else:
            answer = Message(unsupported=message_pb2.Unsupported())
        answer.reply_to = message.call
        return answer

    def _is_active(self, peer: str) -> bool:
        """Whether a terminal may order: it is registered and not revoked (ORD-88)."""
        found = (item for item in self._terminals.terminals if item.terminal_id == peer)
        return any(int(item.revocation) == Revocation.UNSPECIFIED for item in found)

    def _sync(self, sync: message_pb2.Sync, now: int, effects: Effects) -> Message:
        journal = self.book.anchor
        seen = self._ledger_seen
        is_contained = self.book.containment(sync.journal_seen) != "missing"
        self._flow.sync(is_contained, now, effects)
        self._see_ledger(sync.ledger, effects)
        return Message(sync_reply=message_pb2.SyncReply(journal=journal, ledger_seen=seen))

    def _see_ledger(self, anchor: bytes, effects: Effects) -> None:
        """Stores a newer anchor of the ledger (ORD-69)."""
        seen = self._ledger_seen
        is_older = seen[:8] == anchor[:8] and anchor[8:16] <= seen[8:16]
        if len(anchor) == 24 and not is_older:
            self._ledger_seen = anchor
            effects.write(
                (book_pb2.TABLE_PEER, self._context.site_id), PeerRow(anchor=anchor).SerializeToString()
            )

    def _pong(self, ping: message_pb2.Ping, effects: Effects) -> Message:
        journal = self.book.anchor
        self._see_ledger(ping.ledger, effects)
        verified = {account.channel for account in self._context.verified}
        health = message_pb2.Health(
            wechat_verified=Channel.WECHAT in verified,
            alipay_verified=Channel.ALIPAY in verified,
            storage_low=not self.has_room,
            clock_missing=not self._unix(),
        )
        return Message(pong=message_pb2.Pong(journal=journal, health=health))

    def _list(self, asked: message_pb2.ListOrders) -> Message:
        """A page of the journal's orders (ORD-220 to ORD-222)."""
        book_id = self.book.anchor[:8]
        after = asked.seq if asked.book == book_id else 0
        versions = [(self.book.version(book_pb2.TABLE_ORDER, key), key) for key, _ in self._orders()]
        above = sorted(both for both in versions if both[0] > after)
        page = message_pb2.OrderList(book=book_id, more=len(above) > Limits.LIST_ITEMS_MAX)
        for seq, key in above[: Limits.LIST_ITEMS_MAX]:
            row = PosOrder.FromString(self.book.get(book_pb2.TABLE_ORDER, key) or b"")
            stage = 0 if row.state == ENDED else stage_of(row.state)
            page.items.add(
                seq=seq,
                core=row.core,
                result=row.result,
                signature=row.signature,
                disposition=row.answered,
                stage=stage,
            )
            size = len(Message(reply_to=2**32 - 1, order_list=page).SerializeToString())
            if size > Limits.PLAINTEXT_BYTES_MAX and len(page.items) > 1:
                del page.items[-1]
                page.more = True
                break
        return Message(order_list=page)

    def _orders(self) -> list[tuple[str, bytes]]:
        return self.book.rows(book_pb2.TABLE_ORDER)

    def _totals(self, day: int) -> message_pb2.Totals:
        rows = (PosOrder.FromString(row) for _, row in self._orders())
        return of_journal(self._device.device_id, rows, day)
