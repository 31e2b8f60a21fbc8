"""What all files together have to hold: enough cases of every code and of every requirement, and no more than is true."""

import re
from collections import Counter
from pathlib import Path

from hispos_wire.schema import PROTO_DIR

from .tally import SPEC, Tally

AT_LEAST = 3
CASES_AT_LEAST = 1_000
# Step 8 cannot fail in version 1, whose messages do not nest that deep.
STEPS = [f"step {step}" for step in (1, 2, 3, 4, 5, 6, 7, 9, 10)]
# Why vectors do not test a requirement.
KINDS = {
    "operator": "a person or an organisation has to do it",
    "storage or power": "what survives, and how a book is kept",
    "clock or draws": "the machine's clock and its random numbers",
    "memory": "what is erased or never kept, seen by no peer",
    "line": "how bytes get to the port or the stream",
    "program": "a program around the link does it",
    "screen": "what people are shown and told",
    "platform connection": "how the adapter speaks with a platform",
    "driver": "orders over time, which a driver tests with whole programs and nine checks",
    "not in version 1": "nothing that version 1 sends can show it",
    "process": "how an implementation is built, claimed or tested",
}


def check_coverage(directory: Path, tallies: list[Tally]) -> list[str]:
    """What is wrong with the files as a whole, one line each."""
    counts, told, named = Counter(), Counter(), Counter()
    for tally in tallies:
        counts.update(tally.counts)
        told.update(tally.told)
        named.update(tally.cited)
    wrong = [f"only {n} {result} cases" for result, n in counts.items() if n < CASES_AT_LEAST]
    wrong += [f"{what}: only {told[what]} cases" for what in [*STEPS, *codes()] if told[what] < AT_LEAST]
    return wrong + _untested(directory / "untested.tsv", named)


def codes() -> list[str]:
    """Every alert and reject of the schemas."""
    tables = (PROTO_DIR / "tables.proto").read_text(encoding="utf-8")
    found = []
    for enum, name in (("AlertCode", "alert"), ("RejectCode", "rejected")):
        body = re.search(rf"^enum {enum} \{{$(.*?)^\}}$", tables, re.MULTILINE | re.DOTALL)[1]
        numbers = re.findall(r"^  [A-Z_]+ = (\d+)", body, re.MULTILINE)
        found += [f"{name} {number}" for number in numbers if name == "alert" or number != "0"]
    return found


def musts() -> set[str]:
    """The ids of the requirements that say MUST."""
    found = set()
    for path in SPEC.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        for id_, said in re.findall(r"^\*\*([A-Z]{3}-\d+)\*\* (.*?)(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL):
            if re.search(r"\bMUST\b", said):
                found.add(id_)
    return found


def _untested(path: Path, named: Counter) -> list[str]:
    """Every MUST is named by three cases or listed with a reason, never both."""
    listed, wrong = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        id_, kind, reason, *more = [*line.split("\t"), "", ""]
        if id_ in listed:
            wrong.append(f"{path.name}: {id_} is listed twice")
        if kind not in KINDS or not reason or any(more):
            wrong.append(f"{path.name}: {id_} has no known kind, or no reason")
        listed[id_] = kind
    required = musts()
    wrong += [f"{path.name}: {id_} is no requirement with MUST" for id_ in sorted(set(listed) - required)]
    for id_ in sorted(required):
        if id_ in listed and named[id_] >= AT_LEAST:
            wrong.append(f"{id_} is listed in {path.name} and named by {named[id_]} cases")
        elif id_ not in listed and named[id_] < AT_LEAST:
            wrong.append(f"{id_} is named by {named[id_]} cases only")
    return wrong
