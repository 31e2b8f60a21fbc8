"""Counts the cases of one file, and says what differs in which."""

import re
from collections import Counter
from pathlib import Path

SPEC = Path(__file__).resolve().parents[3] / "spec-crate" / "spec"


def requirements() -> set[str]:
    """The ids of every requirement of the text."""
    found = set()
    for path in SPEC.glob("*.md"):
        found |= set(re.findall(r"^\*\*([A-Z]{3}-\d+)\*\*", path.read_text(encoding="utf-8"), re.MULTILINE))
    return found


class Tally:
    known = requirements()

    def __init__(self, name: str):
        self.name, self.failed, self.seen, self.mutations = name, set(), set(), {}
        self.counts = {"valid": 0, "invalid": 0}
        self.cited, self.told = Counter(), Counter()
        self.told_now = set()

    @property
    def cases(self) -> int:
        return sum(self.counts.values())

    def open(self, case: dict, part: str = "") -> dict:
        """Every case has a number, a result, a reason if it is invalid, and the requirements that it shows."""
        self.case = f"{part}{case['tc_id']}"
        self.expect("tc_id is new", self.case in self.seen, False)
        self.seen.add(self.case)
        result = case.get("result", "valid")
        self.expect("result", result in ("valid", "invalid"), True)
        self.counts[result] = self.counts.get(result, 0) + 1
        self.expect("an invalid case has a reason", bool(case.get("reason")), result == "invalid")
        cited = case.get("requirements", [])
        self.expect("requirements", bool(cited), True)
        self.expect("unknown requirements", sorted(set(cited) - self.known), [])
        self.cited.update(set(cited))
        self.told_now = set()
        if result == "invalid":
            mutation = case.get("mutation", {})
            key = tuple(mutation.get(name) for name in ("message", "field", "kind"))
            self.expect("message and kind of the mutation", bool(key[0] and key[2]), True)
            self.expect("another case with this mutation", self.mutations.get(key), None)
            self.mutations[key] = self.case
            reacts = any(case.get(name) for name in ("reaction", "outcomes", "step")) or "alert" in case
            self.expect("an invalid case has a reaction", reacts, True)
        return case

    def tell(self, what: str):
        """The present case has this code, sent or received."""
        if what not in self.told_now:
            self.told_now.add(what)
            self.told[what] += 1

    def expect(self, what: str, committed, derived):
        if committed != derived:
            self.failed.add(self.case)
            print(f"{self.name} case {self.case}: {what}: file has {committed}, specification gives {derived}")


def hexes(text: str) -> bytes:
    """Hexadecimal; in words, `HHxN` repeats the bytes HH."""
    out = b""
    for word in text.split():
        digits, _, times = word.partition("x")
        assert digits, f"not hexadecimal: {word}"
        out += bytes.fromhex(digits) * int(times or 1)
    return out
