"""Books: the chain, its verification, and anchors."""

from .canonical import failing_step
from .message import Malformed, decode
from .schedule import sha256

BOOK = 1


def head_input(before: bytes, record: bytes) -> bytes:
    return b"hispos/1 record\0" + before + record


def verify_chain(export: list[tuple[bytes, bytes]]) -> tuple[int | None, str]:
    """The first record that is wrong, and what of it; None if the book is right."""
    head = bytes(32)
    for place, (record, kept) in enumerate(export, 1):
        if failing_step("BookRecord", record):
            return place, "not canonical"
        said = decode("BookRecord", record)
        if said["seq"] != place:
            return place, "sequence number"
        head = sha256(head_input(head, record))
        if head != kept:
            return place, "head"
        is_start = said["table"] == BOOK
        if (is_start and not (said.get("key") == "start" and _start(said))) or (place == 1 and not is_start):
            return place, "no BookStart"
    return None, ""


def _start(said: dict) -> str | None:
    """The book id of a BookStart row."""
    try:
        book = decode("BookStart", bytes.fromhex(said["row"])).get("book", "")
    except Malformed:
        return None
    return book if len(book) == 16 else None


def containment(export: list[tuple[bytes, bytes]], anchor: bytes) -> str:
    """Whether a book contains an anchor, by BOK-22."""
    if len(anchor) != 24:
        return "contained"
    book, seq, head = anchor[:8].hex(), int.from_bytes(anchor[8:16], "big"), anchor[16:]
    records = [decode("BookRecord", record) for record, _ in export]
    starts = [(said["seq"], _start(said)) for said in records if said["table"] == BOOK]
    mine = [at for at, (_, ident) in enumerate(starts) if ident == book]
    if not mine:
        return "missing"
    if mine[0] + 1 < len(starts) and seq > starts[mine[0] + 1][0] - 1:
        return "declared"
    if 1 <= seq <= len(export) and export[seq - 1][1].startswith(head):
        return "contained"
    return "missing"
