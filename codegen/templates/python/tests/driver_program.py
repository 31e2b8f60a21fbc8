"""The driver interface, whatever the role: lines, the store that waits, the streams of random bytes, program runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TextIO

from hispos_client.aio import Link
from hispos_client.book import Book, Stored
from hispos_client.crypto import Standard, sha256
from hispos_client.messages.agreement_pb2 import Agreement

Line = dict[str, Any]
CRYPTO: Final = Standard()


class Side(Protocol):
    """A program run of either role."""

    @property
    def is_halted(self) -> bool:
        """Whether the book could not be written."""

    def ticks(self) -> list[int | None]:
        """When each link has something to do."""

    def take(self, line: Line) -> str:
        """One input; why a command was not begun, empty if it was."""

    def collect(self, out: list[Line]) -> None:
        """What the links say."""


@dataclass(frozen=True)
class Kind:
    """A role: the commands that it takes, and what makes a program run of it."""

    can: Sequence[str]
    make: Callable[[Program, Line], Side]


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

    def __init__(self, sides: Mapping[str, Kind], read: TextIO, write: TextIO) -> None:
        """Lines come from `read`; `sides` by the role that `hello` names."""
        self._sides, self._read, self._write = sides, read, write
        self.role = ""
        self.line: Line = {}
        self.out: list[Line] = []
        self._side: Side | None = None
        self._persists = 0
        self._is_halted = False
        self._refused = ""

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
            if self.line["driver"] != 1:
                more["error"] = "this program speaks version 1 of the driver"
            elif self.role not in self._sides:
                more["error"] = f"this program is no {self.role}"
            else:
                more["can"] = self._sides[self.role].can
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
            self._side = self._sides[self.role].make(self, line)
            self._side.collect(self.out)
            return
        side = self._side
        if side is None or self._is_halted:
            return
        try:
            self._refused = side.take(line)
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


def agreements_of(start: Line) -> list[Agreement]:
    """The agreements of a start, the newest first."""
    return [Agreement.FromString(bytes.fromhex(one)) for one in start["agreements"]]


def event_of(name: str, **members: object) -> Line:
    """An event, without the members that are absent."""
    return {
        "is": "event",
        "event": name,
        **{key: value for key, value in members.items() if value is not None},
    }


def transmit(link: Link, desk: int, out: list[Line]) -> None:
    """What a link has for its line."""
    while (data := link.poll_transmit()) is not None:
        out.append({"is": "transmit", "desk": desk, "bytes": data.hex()})


def is_of_line(link: Link, line: Line) -> bool:
    """Whether an input is about the line; the link has taken it then."""
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
