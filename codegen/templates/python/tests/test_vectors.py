"""Replays every vector file and prints what was replayed, what was not, and what differs."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Callable

from . import (
    book_vectors,
    business_vectors,
    example_vectors,
    his_vectors,
    link_vectors,
    message_vectors,
    payment_vectors,
    pos_vectors,
    session_vectors,
)
from .vectors import Case, Tally, folder, load

CONVERSATIONS: dict[str, Callable[[Case, Case], None]] = {
    # only: his
    "his": lambda site, case: his_vectors.Conversation(site, case).play(),
    # only: end
    # only: pos
    "pos": lambda site, case: pos_vectors.Conversation(site, case).play(),
    # only: end
}


def replay_conversations(file: Case, tally: Tally) -> None:
    """`conversations.json`: those of the ends that this client plays."""
    for case in file["cases"]:
        if play := CONVERSATIONS.get(case["side"]):
            tally.run(case, functools.partial(play, file["site"]))


REPLAYS: dict[str, Callable[[Case, Tally], None]] = {
    "frames.json": link_vectors.replay_frames,
    "validator.json": link_vectors.replay_validator,
    "key_schedule.json": link_vectors.replay_key_schedule,
    "handshake.json": link_vectors.replay_handshake,
    "records.json": link_vectors.replay_records,
    "signed_files.json": business_vectors.replay_signed_files,
    "orders.json": business_vectors.replay_orders,
    "conversations.json": replay_conversations,
    "books.json": book_vectors.replay_books,
    "messages.json": message_vectors.replay_messages,
    "example.json": example_vectors.replay_example,
    "wire-trace.json": example_vectors.replay_trace,
    "codes.json": payment_vectors.replay_codes,
    "verdicts.json": payment_vectors.replay_verdicts,
}


LAYERS: dict[str, tuple[str, Callable[[Case, Tally], None]]] = {
    # only: both
    "conversations: session": ("conversations.json", session_vectors.replay_conversations),
    # only: end
}
"""A layer of cases that are not all replayed whole."""


def replay_layer(name: str) -> Tally:
    """Replays one layer of every case of a file."""
    source, work = LAYERS[name]
    tally = Tally(name)
    work(load(source), tally)
    return tally


def replay(name: str) -> Tally:
    """Replays one file; one that no layer of this client can replay counts as unimplemented."""
    file, tally = load(name), Tally(name)
    if name in REPLAYS:
        REPLAYS[name](file, tally)
    else:
        tally.unimplemented = sum(len(file.get(part, [])) for part in ("cases", "refusals")) or 1
    return tally


class Vectors(unittest.TestCase):
    """All files of the folder."""

    def test_every_vector_gives_what_the_file_has(self) -> None:
        """Prints a line for each file, and the sum."""
        tallies = [replay(path.name) for path in sorted(folder().glob("*.json"))]
        tallies += [replay_layer(name) for name in LAYERS]
        print(f"\n{'vectors':<24}{'replayed':>10}{'failed':>8}{'unimplemented':>15}")
        for tally in tallies:
            print(f"{tally.name:<24}{tally.replayed:>10}{len(tally.failures):>8}{tally.unimplemented:>15}")
        failures = [failure for tally in tallies for failure in tally.failures]
        replayed, missing = (
            sum(getattr(tally, name) for tally in tallies) for name in ("replayed", "unimplemented")
        )
        print(f"{'all':<24}{replayed:>10}{len(failures):>8}{missing:>15}")
        self.assertEqual(failures[:20], [])
        self.assertGreater(replayed, 4000)


if __name__ == "__main__":
    unittest.main()
