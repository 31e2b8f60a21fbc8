"""Replays the vectors of books."""

from __future__ import annotations

from collections.abc import Sequence

from hispos_client.book import Book, Broken, Stored, verify

from .vectors import Case, Tally, hexes, same


class Memory:
    """A storage that is gone with the program."""

    def __init__(self, stored: Sequence[Stored] = ()) -> None:
        """`stored` is what it holds already."""
        self.stored = list(stored)
        self.is_durable = True

    def load(self) -> list[Stored]:
        """Every record."""
        return list(self.stored)

    def append(self, batch: Sequence[Stored]) -> None:
        """Keeps a batch."""
        self.stored += batch

    def close(self) -> None:
        """Nobody else has it."""


def replay_books(file: Case, tally: Tally) -> None:
    """`books.json`: chains, and whether a book contains an anchor."""
    for case in file["cases"]:
        tally.run(case, _book)


def _book(case: Case) -> None:
    export = [Stored(hexes(line["record"]), hexes(line["head"])) for line in case["export"]]
    if case["about"] == "containment":
        same("containment", case["containment"], Book(Memory(export)).containment(hexes(case["anchor"])))
        return
    fails_at, reason = None, ""
    try:
        verify(export)
    except Broken as error:
        fails_at, reason = error.seq, error.reason
    same("fails_at", case["fails_at"], fails_at)
    same("reason", case["reason"], reason)
