"""Finds the vector files, reads them, and counts what was replayed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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


def unanswered_load(happenings: list[Case]) -> int | None:
    """The place of the input whose load is never answered."""
    asked = None
    for place, happening in enumerate(happenings):
        if "load" in happening.get("out", {}):
            asked = place
        elif "loaded" in happening.get("in", {}):
            asked = None
    if asked is None:
        return None
    return max(place for place in range(asked) if "in" in happenings[place])


def is_answered_late(happenings: list[Case]) -> bool:
    """Whether a book answers when more has come in: those of this client answer before."""
    waits = late = False
    for happening in happenings:
        ((name, _),) = (happening["in"] if "in" in happening else happening["out"]).items()
        if name in ("loaded", "persisted", "persist_failed"):
            if late:
                return True
            waits = False
        elif name in ("load", "persist"):
            waits = True
        elif "in" in happening:
            late = waits
    return False
