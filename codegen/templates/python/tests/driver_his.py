"""The driver interface: a program run of a HIS."""

from __future__ import annotations

from typing import Final

from hispos_client.handshake import Draw, End
from hispos_client.his_link import HisLink, OrderEnded, Pulled, Ready, serving
from hispos_client.his_session import HisSession
from hispos_client.ledger import Alarm, Ledger, Refund, Refusal, Site
from hispos_client.ledger_index import ENDED
from hispos_client.ledger_people import EVIDENCE, KEEP, RETURNED, UNPAID
from hispos_client.ledger_rows import declare_restore
from hispos_client.messages.agreement_pb2 import DeviceManifest
from hispos_client.provisioning import registry

from .driver_program import CRYPTO, Kind, Line, Program, Stream, agreements_of, event_of, is_of_line, transmit

_CAN: Final = (
    "collect refund cancel query look_up pull totals refresh posted adopt decide go_on_without".split()
)
_DECISIONS: Final = {"evidence": EVIDENCE, "not_paid": UNPAID, "keep": KEEP, "returned": RETURNED}


class HisSide:
    """A HIS: one ledger, and a link for each desk."""

    def __init__(self, program: Program, start: Line) -> None:
        """Goes on from the durable records."""
        self._program = program
        self._links: list[HisLink] = []
        devices = DeviceManifest.FromString(bytes.fromhex(start["devices"]))
        site = Site(agreements_of(start), devices, bytes.fromhex(start["site_secret"]))
        book = program.book(start)
        if start.get("restored"):
            declare_restore(book, site, bytes.fromhex(start["restored"]), program.unix, program.now)
        book_id = bytes.fromhex(start["book"]["id"])
        self._ledger = Ledger(book, site, CRYPTO, lambda: program.unix, book_id)
        self._ledger.begin_run(program.now)
        for desk in start["desks"]:
            draw: Draw = Stream(bytes.fromhex(desk["random"]))
            seed, terminal = bytes.fromhex(desk["seed"]), desk["terminal_id"]
            end = End(CRYPTO, terminal.encode(), seed, registry(devices))
            session = HisSession(end, desk["device_id"].encode(), serving(site), draw)
            self._links.append(HisLink(session, self._ledger, terminal, desk["device_id"]))

    is_halted = False

    def ticks(self) -> list[int | None]:
        """When each link has something to do."""
        return [link.next_timer() for link in self._links]

    def take(self, line: Line) -> str:
        """One input; why a command was not begun."""
        link = self._links[line.get("desk", 0)]
        if is_of_line(link, line):
            return ""
        try:
            self._command(link, line)
        except Refusal as refusal:
            return refusal.reason
        return ""

    def _command(self, link: HisLink, line: Line) -> None:
        name, now = line["do"], line["now"]
        if name in ("collect", "refund"):
            self._make(link, line, now)
        elif name == "cancel":
            link.cancel(line["order_no"], now)
        elif name == "query":
            link.ask(line["order_no"], now)
        elif name == "look_up":
            link.look_up(line["order_no"], now)
        elif name == "pull":
            link.pull(now)
        elif name == "totals":
            link.totals(line["business_day"], now)
        else:
            self._decide(line, now)

    def _make(self, link: HisLink, line: Line, now: int) -> None:
        day = line.get("business_day")
        if line["do"] == "collect":
            order_no = link.collect(line["bill"], line["fen"], now, day)
        else:
            people = (line["operator"], line["approver"], line["reason"])
            wanted = Refund(line["order_no"], -line["fen"], line["item"], *people)
            order_no = link.refund(wanted, now, day)
        made = event_of("made", desk=line["desk"], ticket=line["ticket"], order_no=order_no)
        self._program.out.append(made)

    def _decide(self, line: Line, now: int) -> None:
        name = line["do"]
        if name == "posted":
            self._ledger.mark_posted(line["order_no"])
        elif name == "adopt":
            self._ledger.adopt(line["order_no"], line["bill"])
        elif name == "decide":
            kind = _DECISIONS[line["kind"]]
            self._ledger.decide(line["order_no"], kind, line["first"], line["second"])
        elif name == "go_on_without":
            self._ledger.go_on_without(line["device_id"], line["first"], line["second"])
        order = self._ledger.order(line["order_no"]) if name in ("adopt", "decide") else None
        if order is not None and order.state in ENDED:
            self._program.out.append(event_of("ended", desk=0, order_no=line["order_no"]))
        for link in self._links:
            link.on_timer(now)

    def collect(self, out: list[Line]) -> None:
        """What the links say."""
        for desk, link in enumerate(self._links):
            transmit(link, desk, out)
            while (event := link.poll_event()) is not None:
                told: Line | None = None
                if isinstance(event, OrderEnded):
                    told = event_of("ended", order_no=event.order_no)
                elif isinstance(event, Alarm):
                    told = event_of("alarm", alarm=event.name, order_no=event.order_no or None)
                elif isinstance(event, (Ready, Pulled)):
                    told = event_of("ready" if isinstance(event, Ready) else "pulled")
                if told is not None:
                    out.append({**told, "desk": desk})


HIS: Final = Kind(_CAN, HisSide)
