"""What comes to a HIS: answers, reports and notices, and what follows from them (messages, orders)."""

from __future__ import annotations

from typing import Final

from . import orders
from .his_asks import HisAsks
from .his_calls import Call
from .his_events import OrderEnded, Progress, Pulled, Ready, Rejected, TotalsTold
from .ledger_index import ENDED
from .ledger_rows import Alarm
from .messages import book_pb2, message_pb2
from .messages.message_pb2 import Message
from .session import Notice
from .tables import AlertCode, RejectCode

_ASK_AGAIN: Final = 60_000
_ABOUT_ORDERS: Final = ("submit_order", "query_order", "cancel_order", "look_up")


class HisAnswers(HisAsks):
    """A link that takes in what comes."""

    def _take(self, message: Message, now: int) -> None:
        body = message.WhichOneof("body") or ""
        if message.reply_to:
            call = self._answered(message.reply_to)
            if call is not None:
                self._take_answer(call, body, message, now)
        elif body in ("ready", "order_state", "device_event"):
            self._take_notice(body, message, now)
        elif message.call and body == "report_result":
            self._take_report(message, now)
        elif message.call:
            self._reply(Message(reply_to=message.call, unsupported=message_pb2.Unsupported()), now)

    def _take_notice(self, body: str, message: Message, now: int) -> None:
        if body == "ready":
            if self._agreement is None or message.ready.simulated != self._agreement.simulated:
                self._session.end(AlertCode.UNSPECIFIED, now)
                return
            self._run = message.ready.run if len(message.ready.run) == 4 else None
        elif body == "order_state":
            self._progress(message.order_state)
        else:
            self._events.append(Notice(f"the device says: {message.device_event.text}"))

    def _progress(self, state: message_pb2.OrderState) -> None:
        if self.ledger.is_open(state.order_no):
            self._events.append(Progress(state.order_no, int(state.stage), state.seconds_left))

    # Results.

    def _take_report(self, message: Message, now: int) -> None:
        report = message.report_result
        disposition = self._take_result(report.result, report.signature, now, report.journal)
        if disposition is None:
            return
        confirm = message_pb2.ConfirmResult(
            order_no=_order_of(report.result),
            result_hash=orders.result_hash(report.result),
            disposition=disposition,
        )
        self._reply(Message(reply_to=message.call, confirm_result=confirm), now)

    def _take_result(
        self, result: bytes, signature: bytes, now: int, journal: bytes = b""
    ) -> message_pb2.Disposition | None:
        order_no = _order_of(result)
        was_open = self.ledger.is_open(order_no)
        is_look = order_no in self._looks_told
        disposition = self.ledger.take_result(self._device_id, result, signature, journal, is_look)
        self._tell_alarms()
        if was_open:
            self._tell_end(order_no, now)
        return disposition

    def _tell_end(self, order_no: str, now: int) -> None:
        if not self.ledger.is_open(order_no):
            self._drop_calls(order_no, now)
            self._events.append(OrderEnded(order_no))

    def _tell_alarms(self) -> None:
        while self.ledger.alarms:
            self._events.append(self.ledger.alarms.pop(0))

    # Answers.

    def _take_answer(self, call: Call, body: str, message: Message, now: int) -> None:
        if call.name == "sync":
            if body == "sync_reply":
                self._take_sync(message.sync_reply, now)
        elif call.name == "list_orders":
            if body == "order_list":
                self._take_list(message.order_list, now)
        elif call.name == "get_totals":
            if body == "totals":
                asked = message_pb2.GetTotals.FromString(call.body.SerializeToString())
                self._events.append(TotalsTold(asked.business_day, message.totals))
        elif call.name == "ping":
            if body == "pong":
                self.ledger.store_anchor(self._device_id, message.pong.journal)
        elif call.name in _ABOUT_ORDERS:
            self._take_order_answer(call, body, message, now)

    def _take_sync(self, reply: message_pb2.SyncReply, now: int) -> None:
        if self.ledger.book.containment(reply.ledger_seen) == "missing":
            self.ledger.is_halted = True
            self._events.append(Alarm("ledger_went_back"))
            return
        self.ledger.store_anchor(self._device_id, reply.journal)
        self._is_synced = True
        self._ask_about_orders(now)
        self._begin_pull(now)
        self._events.append(Ready())

    def _take_list(self, page: message_pb2.OrderList, now: int) -> None:
        for item in page.items:
            self._take_item(item, now)
        self._tell_alarms()
        is_whole = self._pull_counts and not page.more
        self.ledger.store_pull(self._device_id, page.book, page.items[-1].seq if page.items else 0, is_whole)
        if page.more:
            self._list(now)
        else:
            self._events.append(Pulled())

    def _take_item(self, item: message_pb2.OrderItem, now: int) -> None:
        """One that is no order is ignored (ORD-224)."""
        try:
            order_no = orders.read_core(item.core).order_no
        except orders.Malformed:
            return
        of_item = sorted({order_no, _order_of(item.result)})
        were_open = [number for number in of_item if self.ledger.is_open(number)]
        self.ledger.take_item(self._device_id, order_no, item, now)
        for number in were_open:
            self._tell_end(number, now)

    # Answers about one order.

    def _take_order_answer(self, call: Call, body: str, message: Message, now: int) -> None:
        order = self.ledger.order(call.order_no)
        if order is None or order.state in ENDED:
            self._take_look_answer(call.order_no, body, message, now)
            return
        if body == "order_state" and message.order_state.order_no == call.order_no:
            self._told.add(call.order_no)
            self._progress(message.order_state)
        elif body == "signed_result":
            signed = message.signed_result
            # If it ends the order, nothing is asked any more.
            self._ask_from[call.order_no] = now + _ASK_AGAIN
            self._take_result(signed.result, signed.signature, now)
        elif body == "no_record" and call.name == "query_order":
            self._take_no_record(call.order_no, order, message.no_record.run, now)
        elif body == "rejected":
            self._take_rejected(call, order, message.rejected, now)
        else:
            self._ask_from[call.order_no] = now + _ASK_AGAIN

    def _take_look_answer(self, order_no: str, body: str, message: Message, now: int) -> None:
        """What a later look brings at once; OrderState says that the device really looks (ORD-213)."""
        if body == "order_state" and message.order_state.order_no == order_no:
            self._looks_told.add(order_no)
        elif body == "signed_result":
            self._take_result(message.signed_result.result, message.signed_result.signature, now)

    def _take_no_record(self, order_no: str, order: book_pb2.HisOrder, run: bytes, now: int) -> None:
        """The order was never accepted, if it is of its own run (ORD-94, ORD-178, ORD-180, ORD-181)."""
        if order.state != book_pb2.HIS_STATE_SENT:
            self._ask_from[order_no] = now + _ASK_AGAIN
        elif run != order.run:
            self._enter(order_no, book_pb2.HIS_STATE_ASKING, now)
        elif now >= order.start_by:
            self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now)
        else:
            self._made_here.add(order_no)

    def _take_rejected(
        self, call: Call, order: book_pb2.HisOrder, said: message_pb2.Rejected, now: int
    ) -> None:
        """What follows from a Rejected (ORD-178, ORD-180, ORD-183, ORD-184)."""
        code, order_no = int(said.code), call.order_no
        self._events.append(Rejected(order_no, code))
        if code in (RejectCode.MALFORMED, RejectCode.WRONG_DEVICE):
            self._events.append(Alarm("refused", order_no))
        if code == RejectCode.CONFLICT:
            self._take_conflict(order_no, said, now)
        elif call.name == "submit_order":
            self._enter(order_no, book_pb2.HIS_STATE_CANCELLING, now, rejected=code)
        elif call.name == "cancel_order":
            self._enter(order_no, book_pb2.HIS_STATE_ASKING, now, rejected=code)
        else:
            self._ask_from[order_no] = now + _ASK_AGAIN

    def _take_conflict(self, order_no: str, said: message_pb2.Rejected, now: int) -> None:
        """The core that the own device holds takes the place of ours, and its result is taken in (ORD-185, ORD-187)."""
        if not self.ledger.take_over(order_no, said, self._device_id, now):
            self._ask_from[order_no] = now + _ASK_AGAIN
            return
        self._events.append(Alarm("conflict", order_no))
        self._drop_calls(order_no, now)
        if said.result:
            self._take_result(said.result, said.signature, now)


def _order_of(result: bytes) -> str:
    """The order that a result is about; empty if it is none."""
    try:
        return orders.read_result(result).order_no
    except orders.NoResult:
        return ""
