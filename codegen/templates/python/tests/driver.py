"""The driver interface: the simulator of hispos lives this client as HIS or as POS (clients/driver of hispos).

    hispos-sim lives 500 --his "python -m tests.driver"

One JSON object a line comes in, one goes out. Clock, randomness, line, store, platforms and people are the simulator's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TextIO

from hispos_client.book import Book, Stored
from hispos_client.crypto import Standard, sha256
from hispos_client.handshake import Draw, End
from hispos_client.his_link import HisLink, OrderEnded, Pulled, Ready, serving
from hispos_client.his_session import HisSession
from hispos_client.ledger import Alarm, Ledger, Refund, Refusal, Site
from hispos_client.ledger_index import ENDED
from hispos_client.ledger_people import EVIDENCE, KEEP, RETURNED, UNPAID
from hispos_client.ledger_rows import declare_restore
from hispos_client.messages.agreement_pb2 import Agreement, DeviceManifest, TerminalManifest
from hispos_client.payment import Merchant, PaymentCode, Question
from hispos_client.pos_context import Accepted
from hispos_client.pos_context import Alarm as PosAlarm
from hispos_client.pos_link import Device, PosLink, Provision
from hispos_client.pos_link import Refusal as PosRefusal
from hispos_client.pos_link import declare_restore as declare_journal_restore
from hispos_client.provisioning import registry
from hispos_client.tables import Channel, PlatformCall

from .pos_vectors import answered_of

Line = dict[str, Any]
CRYPTO: Final = Standard()
# only: his
_HIS_CAN: Final = (
    "collect refund cancel query look_up pull totals refresh posted adopt decide go_on_without".split()
)
_DECISIONS: Final = {"evidence": EVIDENCE, "not_paid": UNPAID, "keep": KEEP, "returned": RETURNED}
# only: end


REFUSALS: Final[tuple[type[Exception], ...]] = (
    # only: his
    Refusal,
    # only: end
    # only: pos
    PosRefusal,
    # only: end
)


class Link(Protocol):
    """What lines do to links of either side."""

    def opened(self, now: int) -> None:
        """A stream is open."""

    def closed(self, now: int) -> None:
        """The stream is gone."""

    def feed(self, data: bytes, now: int) -> None:
        """Bytes of the line."""

    def on_timer(self, now: int) -> None:
        """Time passed."""

    def poll_transmit(self) -> bytes | None:
        """Bytes for the line."""


class Side(Protocol):
    """A program run of either role."""

    @property
    def is_halted(self) -> bool:
        """Whether the book could not be written."""

    def ticks(self) -> list[int | None]:
        """When each link has something to do."""

    def take(self, line: Line) -> None:
        """One input."""

    def collect(self, out: list[Line]) -> None:
        """What the links say."""


class Restart(Exception):
    """A line that came instead of what a step waited for: the program run is over."""

    def __init__(self, line: Line) -> None:
        """`line` is a `start` or an `end`."""
        super().__init__("restart")
        self.line = line


class Stream:
    """The random bytes of one link."""

    def __init__(self, seed: bytes) -> None:
        """SHA-256 over the seed and a counter."""
        self._seed, self._counter, self._left = seed, 0, b""

    def __call__(self, length: int) -> bytes:
        """The next bytes."""
        while len(self._left) < length:
            self._left += sha256(self._seed + self._counter.to_bytes(8, "big"))
            self._counter += 1
        drawn, self._left = self._left[:length], self._left[length:]
        return drawn


class Store:
    """The simulator's store: `append` gives what was said so far and the records, and waits for the answer."""

    def __init__(self, stored: Sequence[Stored], persist: Callable[[Sequence[Line]], None]) -> None:
        """`stored` is what is durable."""
        self._stored, self._persist, self._next = list(stored), persist, len(stored) + 1

    @property
    def is_durable(self) -> bool:
        """`append` waits."""
        return True

    def load(self) -> list[Stored]:
        """Every record."""
        return list(self._stored)

    def append(self, batch: Sequence[Stored]) -> None:
        """Makes a batch durable; raises OSError if it could not be stored."""
        lines = [
            {"seq": self._next + place, "head": one.head.hex(), "record": one.record.hex()}
            for place, one in enumerate(batch)
        ]
        self._persist(lines)
        self._next += len(batch)

    def close(self) -> None:
        """There is nothing to close."""


class Program:
    """One process: it lives through many program runs."""

    def __init__(self, read: TextIO, write: TextIO) -> None:
        """Lines come from `read`."""
        self._read, self._write = read, write
        self.role = ""
        self.line: Line = {}
        self.out: list[Line] = []
        self._side: Side | None = None
        self._persists = 0
        self._is_halted = False

    @property
    def unix(self) -> int:
        """The calendar clock, 0 without one."""
        return int(self.line.get("unix") or 0)

    @property
    def now(self) -> int:
        """The boot clock."""
        return int(self.line.get("now") or 0)

    def run(self) -> int:
        """Until `end`, or the end of the input."""
        line = self._next()
        while line is not None and line["do"] != "end":
            self.line, self.out = line, []
            try:
                self._take(line)
                self._say({"out": self.out, **self._more()})
                line = self._next()
            except Restart as restart:
                line = restart.line
        return 0

    def _next(self) -> Line | None:
        text = self._read.readline()
        found: Line | None = json.loads(text) if text else None
        return found

    def _say(self, answer: Line) -> None:
        self._write.write(json.dumps({"n": self.line["n"], **answer}, separators=(",", ":")) + "\n")
        self._write.flush()

    def _more(self) -> Line:
        more: Line = {}
        if self.line["do"] == "hello":
            more = {"driver": 1, "name": "hispos Python client", "role": self.role, "book": "own"}
            more["can"] = _SIDES[self.role][0]
            if self.line["driver"] != 1:
                more["error"] = "this program speaks version 1 of the driver"
        elif self._side is not None:
            self._is_halted = self._is_halted or self._side.is_halted
            more["ticks"] = self._side.ticks()
            if self._refused:
                more["refused"] = self._refused
            if self._is_halted:
                more["halted"] = True
        return more

    def _take(self, line: Line) -> None:
        self._refused = ""
        if line["do"] == "hello":
            self.role = line["role"]
            return
        if line["do"] == "start":
            self._is_halted = False
            self._persists = 0
            self._side = None
            self._side = _SIDES[self.role][1](self, line)
            self._side.collect(self.out)
            return
        side = self._side
        if side is None or self._is_halted:
            return
        try:
            side.take(line)
        except REFUSALS as refusal:
            self._refused = getattr(refusal, "reason", "no_order_waits")
        except OSError:
            self._is_halted = True
            return
        side.collect(self.out)

    def persist(self, records: Sequence[Line]) -> None:
        """Answers with what was said so far and these records, and waits."""
        if self._side is not None:
            self._side.collect(self.out)
        self._persists += 1
        persist: Line = {"is": "persist", "id": self._persists, "records": records}
        if "desk" in self.line:
            persist["desk"] = self.line["desk"]
        self._say({"out": [*self.out, persist]})
        self.out = []
        line = self._next()
        if line is None:
            raise Restart({"do": "end"})
        if line["do"] not in ("persisted", "persist_failed") or line["id"] != self._persists:
            raise Restart(line)
        self.line = {**self.line, "n": line["n"]}
        if line["do"] == "persist_failed":
            raise OSError("the store could not")

    def book(self, start: Line) -> Book:
        """The book of a program run, begun if it is new."""
        stored = [
            Stored(bytes.fromhex(one["record"]), bytes.fromhex(one["head"]))
            for one in start["book"]["records"]
        ]
        return Book(Store(stored, self.persist))


def _agreements(start: Line) -> list[Agreement]:
    return [Agreement.FromString(bytes.fromhex(one)) for one in start["agreements"]]


def _transmits(link: Link, desk: int, out: list[Line]) -> None:
    while (data := link.poll_transmit()) is not None:
        out.append({"is": "transmit", "desk": desk, "bytes": data.hex()})


def _line_of(link: Link, line: Line) -> bool:
    name, now = line["do"], line["now"]
    if name == "opened":
        link.opened(now)
    elif name == "closed":
        link.closed(now)
    elif name == "bytes":
        link.feed(bytes.fromhex(line["bytes"]), now)
    elif name == "tick":
        link.on_timer(now)
    else:
        return False
    return True


# only: pos
class PosSide:
    """A POS."""

    def __init__(self, program: Program, start: Line) -> None:
        """Goes on from the durable records."""
        desk = start["desks"][0]
        book = program.book(start)
        if book.is_new:
            book.begin(bytes.fromhex(start["book"]["id"]), program.unix)
        if start.get("restored"):
            declare_journal_restore(book, bytes.fromhex(start["restored"]), program.unix)
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
        provision = Provision(_agreements(start), terminals, merchants)
        draw = Stream(bytes.fromhex(desk["random"]))
        self._link = PosLink(device, provision, book, draw, lambda: program.unix, program.now)

    @property
    def is_halted(self) -> bool:
        """Whether the book could not be written."""
        return self._link.is_stopped

    def ticks(self) -> list[int | None]:
        """When the link has something to do."""
        return [self._link.next_timer()]

    def take(self, line: Line) -> None:
        """One input."""
        if _line_of(self._link, line):
            return
        if line["do"] == "verdict":
            optional = {"date": None, "first_byte": None, "provider_code": "", "answered": False}
            self._link.answer(answered_of({**optional, **line}), line["now"])
        elif line["do"] == "scan":
            self._link.scan(PaymentCode(Channel(line["channel"]), line["code"]), line["now"])

    def collect(self, out: list[Line]) -> None:
        """What the link says."""
        _transmits(self._link, 0, out)
        while (question := self._link.poll_question()) is not None:
            out.append(_asked(question))
        while (event := self._link.poll_event()) is not None:
            if isinstance(event, Accepted):
                out.append(_event("accepted", desk=0, order_no=event.order_no, amount=event.fen))
            elif isinstance(event, PosAlarm):
                out.append(_event("alarm", desk=0, alarm=event.name, order_no=event.order_no or None))

# only: end


def _event(name: str, **members: object) -> Line:
    return {
        "is": "event",
        "event": name,
        **{key: value for key, value in members.items() if value is not None},
    }


# only: pos
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

# only: end
# only: his


class HisSide:
    """A HIS: one ledger, and a link for each desk."""

    def __init__(self, program: Program, start: Line) -> None:
        """Goes on from the durable records."""
        self._program = program
        self._links: list[HisLink] = []
        devices = DeviceManifest.FromString(bytes.fromhex(start["devices"]))
        site = Site(_agreements(start), devices, bytes.fromhex(start["site_secret"]))
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

    def take(self, line: Line) -> None:
        """One input. Raises Refusal."""
        link = self._links[line.get("desk", 0)]
        if _line_of(link, line):
            return
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
        made = _event("made", desk=line["desk"], ticket=line["ticket"], order_no=order_no)
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
            self._program.out.append(_event("ended", desk=0, order_no=line["order_no"]))
        for link in self._links:
            link.on_timer(now)

    def collect(self, out: list[Line]) -> None:
        """What the links say."""
        for desk, link in enumerate(self._links):
            _transmits(link, desk, out)
            while (event := link.poll_event()) is not None:
                told: Line | None = None
                if isinstance(event, OrderEnded):
                    told = _event("ended", order_no=event.order_no)
                elif isinstance(event, Alarm):
                    told = _event("alarm", alarm=event.name, order_no=event.order_no or None)
                elif isinstance(event, (Ready, Pulled)):
                    told = _event("ready" if isinstance(event, Ready) else "pulled")
                if told is not None:
                    out.append({**told, "desk": desk})

# only: end


_SIDES: Final[dict[str, tuple[Sequence[str], Callable[[Program, Line], Side]]]] = {
    # only: his
    "his": (_HIS_CAN, HisSide),
    # only: end
    # only: pos
    "pos": (["scan"], PosSide),
    # only: end
}

if __name__ == "__main__":
    sys.exit(Program(sys.stdin, sys.stdout).run())
