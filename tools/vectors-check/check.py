#!/usr/bin/env python3
"""Re-derives every frozen vector of a directory from the specification alone.

usage: check.py DIR        prints cases checked and failures per file, and what the files lack together; exit 1 on
                           any difference, missing file or gap
"""

import json
import sys
from pathlib import Path

from checks.business import check_codes, check_orders, check_verdicts
from checks.conversations import check_conversations
from checks.coverage import check_coverage
from checks.example import check_example
from checks.files import check_books, check_signed_files
from checks.link import (
    check_frames,
    check_handshake,
    check_key_schedule,
    check_records,
    check_trace,
    check_validator,
)
from checks.messages import check_messages
from checks.schemas import check_schemas
from checks.tally import Tally

CHECKS = {
    "books.json": check_books,
    "codes.json": check_codes,
    "conversations.json": check_conversations,
    "example.json": check_example,
    "frames.json": check_frames,
    "handshake.json": check_handshake,
    "key_schedule.json": check_key_schedule,
    "messages.json": check_messages,
    "orders.json": check_orders,
    "records.json": check_records,
    "signed_files.json": check_signed_files,
    "validator.json": check_validator,
    "verdicts.json": check_verdicts,
    "wire-trace.json": check_trace,
}


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    directory = Path(sys.argv[1])
    failed, tallies = False, []
    found = {path.name for path in directory.glob("*.json")}
    for name in sorted(found ^ set(CHECKS)):
        print(f"{name}: {'no check knows this file' if name in found else 'missing'}")
        failed = True
    for name in sorted(found & set(CHECKS)):
        tally = Tally(name)
        file = json.loads((directory / name).read_text(encoding="utf-8"))
        CHECKS[name](file, tally)
        counts = tally.counts
        print(f"{name}: {counts['valid']} valid and {counts['invalid']} invalid cases, {len(tally.failed)} failed")
        tallies.append(tally)
        failed |= bool(tally.failed) or tally.cases == 0
    totals = {result: sum(tally.counts[result] for tally in tallies) for result in ("valid", "invalid")}
    print(f"all files: {totals['valid']} valid and {totals['invalid']} invalid cases")
    lacking = check_schemas(directory) + check_coverage(directory, tallies)
    print("\n".join(lacking + [f"schemas and coverage: {len(lacking)} failed"]))
    failed |= bool(lacking)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
