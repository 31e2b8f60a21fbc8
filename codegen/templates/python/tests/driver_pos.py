"""The driver interface: a program run of a POS."""

from __future__ import annotations

from typing import Final

from hispos_client.messages.agreement_pb2 import TerminalManifest
from hispos_client.payment import Merchant, PaymentCode, Question
from hispos_client.pos_context import Accepted, Alarm
from hispos_client.pos_link import Device, PosLink, Provision, Refusal, declare_restore
from hispos_client.tables import Channel, PlatformCall

from .driver_program import CRYPTO, Kind, Line, Program, Stream, agreements_of, event_of, is_of_line, transmit
from .pos_vectors import answered_of


class PosSide:
    """A POS."""

    def __init__(self, program: Program, start: Line) -> None:
        """Goes on from the durable records."""
        desk = start["desks"][0]
        book = program.book(start)
        if book.is_new:
            book.begin(bytes.fromhex(start["book"]["id"]), program.unix)
        if start.get("restored"):
            declare_restore(book, bytes.fromhex(start["restored"]), program.unix)
        device = Device(
            CRYPTO,
            desk["device_id"],
            bytes.fromhex(desk["seed"]),
            bytes.fromhex(start["boot"]),
            start["software"],
        )
        merchants = [
            Merchant(Channel(one["channel"]), one["account"], one["sub_account"], one["simulated"])
            for one in start["merchants"]
        ]
        terminals = TerminalManifest.FromString(bytes.fromhex(start["terminals"]))
        provision = Provision(agreements_of(start), terminals, merchants)
        draw = Stream(bytes.fromhex(desk["random"]))
        self._link = PosLink(device, provision, book, draw, lambda: program.unix, program.now)

    @property
    def is_halted(self) -> bool:
        """Whether the book could not be written."""
        return self._link.is_stopped

    def ticks(self) -> list[int | None]:
        """When the link has something to do."""
        return [self._link.next_timer()]

    def take(self, line: Line) -> str:
        """One input; why a command was not begun."""
        if is_of_line(self._link, line):
            return ""
        if line["do"] == "verdict":
            optional = {"date": None, "first_byte": None, "provider_code": "", "answered": False}
            self._link.answer(answered_of({**optional, **line}), line["now"])
        elif line["do"] == "scan":
            try:
                self._link.scan(PaymentCode(Channel(line["channel"]), line["code"]), line["now"])
            except Refusal:
                return "no_order_waits"
        return ""

    def collect(self, out: list[Line]) -> None:
        """What the link says."""
        transmit(self._link, 0, out)
        while (question := self._link.poll_question()) is not None:
            out.append(_asked(question))
        while (event := self._link.poll_event()) is not None:
            if isinstance(event, Accepted):
                out.append(event_of("accepted", desk=0, order_no=event.order_no, amount=event.fen))
            elif isinstance(event, Alarm):
                out.append(event_of("alarm", desk=0, alarm=event.name, order_no=event.order_no or None))


def _asked(question: Question) -> Line:
    asked: Line = {
        "is": "ask",
        "desk": 0,
        "id": question.id,
        "channel": int(question.merchant.channel),
        "request": question.call.name.lower(),
        "total": question.total,
        "account": question.merchant.account,
        "sub_account": question.merchant.sub_account,
        "http_ms": question.http_ms,
        "connect_ms": question.connect_ms,
    }
    if question.number:
        asked["number"] = question.number
    if question.not_after is not None:
        asked["not_after"] = question.not_after
    if question.code is not None:
        asked |= {"code": question.code.digits, "expires_at": question.expires_at}
    if question.call in (PlatformCall.REFUND, PlatformCall.QUERY_REFUND):
        asked |= {"refund_number": question.refund_number, "fen": question.refund_amount}
    return asked


POS: Final = Kind(("scan",), PosSide)
