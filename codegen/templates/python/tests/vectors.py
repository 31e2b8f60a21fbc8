"""Finds the vector files, reads them, and counts what was replayed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hispos_client.book import Stored
from hispos_client.messages.book_pb2 import BookRecord

Case = dict[str, Any]


def folder() -> Path:
    """The folder of the vectors: `HISPOS_VECTORS`, or `spec-crate/vectors` in a folder above this one."""
    named = os.environ.get("HISPOS_VECTORS")
    if named:
        return Path(named)
    for above in Path(__file__).resolve().parents:
        if (above / "spec-crate" / "vectors").is_dir():
            return above / "spec-crate" / "vectors"
    raise FileNotFoundError("no vectors: set HISPOS_VECTORS to the folder spec-crate/vectors of hispos")


def load(name: str) -> Case:
    """One file."""
    found: Case = json.loads((folder() / name).read_text(encoding="utf-8"))
    return found


def hexes(text: str) -> bytes:
    """Hexadecimal; in words, `HHxN` repeats the bytes HH."""
    out = b""
    for word in text.split():
        digits, _, times = word.partition("x")
        out += bytes.fromhex(digits) * int(times or 1)
    return out


@dataclass
class Tally:
    """What of one file was replayed."""

    name: str
    replayed: int = 0
    unimplemented: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, case: Case, replay: Callable[[Case], None]) -> None:
        """Replays one case. `NotImplementedError` counts for itself, everything else that is raised is a failure."""
        try:
            replay(case)
        except NotImplementedError:
            self.unimplemented += 1
            return
        except Exception as error:
            self.failures.append(f"{self.name} case {case.get('tc_id')}: {type(error).__name__}: {error}")
        self.replayed += 1


def same(what: str, committed: object, derived: object) -> None:
    """Raises if a value is not what the file has."""
    if committed != derived:
        raise AssertionError(f"{what}: the file has {committed!r}, this client gives {derived!r}")


def rows_of(taken: Sequence[Stored]) -> list[tuple[int, str, str]]:
    """Table, key and bytes of each record."""
    records = [BookRecord.FromString(stored.record) for stored in taken]
    return [(int(record.table), record.key, record.row.hex()) for record in records]


ANSWERS: Final = ("loaded", "persisted", "persist_failed")
"""What a book says."""


def name_of(happening: Case) -> str:
    """What happens."""
    ((name, _),) = (happening["in"] if "in" in happening else happening["out"]).items()
    return str(name)


def late_loads(happenings: list[Case]) -> dict[int, int]:
    """The inputs whose load is answered when more has come in, or never, and the places of the answers.

    This client asks for no rows: its book is late from the input on, as with a batch that it has not stored yet.
    """
    found: dict[int, int] = {}
    asked_by: int | None = None
    place_of_input = 0
    for place, happening in enumerate(happenings):
        name = name_of(happening)
        if name in ANSWERS:
            if asked_by in found:
                found[asked_by] = place
            asked_by = None
        elif name == "load":
            asked_by = place_of_input
        elif "in" in happening:
            place_of_input = place
            if asked_by is not None:
                found.setdefault(asked_by, len(happenings))
    if asked_by is not None:
        found.setdefault(asked_by, len(happenings))
    return found
