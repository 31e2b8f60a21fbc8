"""A book: a chain of records that is only appended to, each holding the newest state of one row (books)."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from google.protobuf.message import DecodeError

from .canonical import NotCanonical, validate
from .crypto import sha256
from .messages import book_pb2
from .tables import Labels

Key = tuple["book_pb2.Table", str]
"""Table and key of a row."""

_START: Final[Key] = (book_pb2.TABLE_BOOK, "start")
_FIRST_HEAD: Final = bytes(32)
_ANCHOR_BYTES: Final = 24
_ID_BYTES: Final = 8


class Stale(Exception):
    """A row that a batch had read has changed: nothing was written, the step is to be run again (ORD-11)."""


class Broken(Exception):
    """A book that is not what it was; `seq` is the first record that fails (BOK-47)."""

    def __init__(self, seq: int, reason: str) -> None:
        """`reason` is `not canonical`, `sequence number`, `head` or `no BookStart`."""
        super().__init__(f"record {seq}: {reason}")
        self.seq, self.reason = seq, reason


@dataclass(frozen=True)
class Stored:
    """A record's bytes, and the head behind it."""

    record: bytes
    head: bytes


class Storage(Protocol):
    """Where a book lies. What it has appended survives a power cut once `is_durable` says so (BOK-7)."""

    @property
    def is_durable(self) -> bool:
        """Whether all that was appended is durable; always, for a storage whose `append` waits for the disk."""

    def load(self) -> list[Stored]:
        """Every record, from the first."""

    def append(self, batch: Sequence[Stored]) -> None:
        """Makes a batch durable as a whole, or raises and leaves none of it (BOK-5).

        A storage that is not `is_durable` behind it has only taken the batch, behind those that it had.
        """

    def close(self) -> None:
        """Gives the book up for others."""


def head(before: bytes, record: bytes) -> bytes:
    """The head behind a record (books, section "The chain")."""
    return sha256(Labels.RECORD + b"\x00" + before + record)


def verify(export: Iterable[Stored]) -> list[book_pb2.BookRecord]:
    """The records of a whole chain (BOK-47, BOK-48). Raises Broken."""
    before, found = _FIRST_HEAD, []
    for seq, stored in enumerate(export, 1):
        try:
            validate("BookRecord", stored.record)
        except NotCanonical as error:
            raise Broken(seq, "not canonical") from error
        record = book_pb2.BookRecord.FromString(stored.record)
        if record.seq != seq:
            raise Broken(seq, "sequence number")
        before = head(before, stored.record)
        if before != stored.head:
            raise Broken(seq, "head")
        is_start = record.table == book_pb2.TABLE_BOOK
        if (seq == 1 or is_start) and not (is_start and _book_id(record)):
            raise Broken(seq, "no BookStart")
        found.append(record)
    return found


def _book_id(record: book_pb2.BookRecord) -> bytes:
    """The book id of a BookStart row; empty if the record has none (BOK-48)."""
    try:
        book_id = book_pb2.BookStart.FromString(record.row).book
    except DecodeError:
        return b""
    return book_id if record.key == _START[1] and len(book_id) == _ID_BYTES else b""


class Book:
    """Rows and chain of one book, over a storage. One process writes (BOK-9)."""

    def __init__(self, storage: Storage) -> None:
        """Loads and verifies everything (BOK-51). Raises Broken; the storage is closed then."""
        self._storage, self._durable = storage, 0
        self._heads: list[bytes] = []
        self._written: list[Key] = []
        self._tables: dict[int, dict[str, tuple[int, bytes]]] = defaultdict(dict)
        self._starts: list[tuple[int, bytes]] = []
        try:
            stored = storage.load()
            records = verify(stored)
        except BaseException:
            storage.close()
            raise
        for record, line in zip(records, stored):
            self._take(record, line.head)
        self._durable = len(stored)

    def _take(self, record: book_pb2.BookRecord, after: bytes) -> None:
        key = (record.table, record.key)
        self._heads.append(after)
        self._written.append(key)
        self._tables[record.table][record.key] = (record.seq, record.row)
        if key == _START:
            self._starts.append((record.seq, book_pb2.BookStart.FromString(record.row).book))

    def close(self) -> None:
        """Gives the book up for others."""
        self._storage.close()

    @property
    def is_durable(self) -> bool:
        """Whether all that was committed is durable: a link tells nothing before (ORD-7, ORD-8)."""
        return self._storage.is_durable

    @property
    def is_new(self) -> bool:
        """Whether it has no record yet."""
        return not self._heads

    def begin(self, book_id: bytes, unix: int) -> None:
        """Writes the first record, under 8 random bytes (BOK-19, BOK-20)."""
        start = book_pb2.BookStart(book=book_id)
        self.commit({}, [(_START, start.SerializeToString())], unix)

    def restart(self, book_id: bytes, rows: Sequence[tuple[Key, bytes]], unix: int) -> None:
        """Writes what a declared restore writes, in one batch: a new start under a new id first (BOK-20, BOK-21)."""
        start = book_pb2.BookStart(
            book=book_id,
            predecessor=self._starts[-1][1],
            fork_seq=len(self._heads),
            fork_head=self._heads[-1][:_ID_BYTES],
        )
        self.commit({}, [(_START, start.SerializeToString()), *rows], unix)

    def get(self, table: book_pb2.Table, key: str) -> bytes | None:
        """The newest state of a row."""
        row = self._tables[table].get(key)
        return None if row is None else row[1]

    def version(self, table: book_pb2.Table, key: str) -> int:
        """The sequence number of a row's latest record, 0 if it was never written."""
        return self._tables[table].get(key, (0, b""))[0]

    def rows(self, table: book_pb2.Table) -> list[tuple[str, bytes]]:
        """The rows of a table in the order of their first records (BOK-10)."""
        return [(key, row) for key, (_, row) in self._tables[table].items()]

    @property
    def length(self) -> int:
        """The sequence number of the latest record, 0 for none."""
        return len(self._heads)

    def written_since(self, seq: int) -> list[Key]:
        """The rows that records behind `seq` have written, each once."""
        return list(dict.fromkeys(self._written[seq:]))

    def commit(self, reads: Mapping[Key, int], writes: Sequence[tuple[Key, bytes]], unix: int) -> None:
        """Appends a batch, durable as a whole. Raises Stale (BOK-6)."""
        if any(self.version(*key) != version for key, version in reads.items()):
            raise Stale
        before = self._heads[-1] if self._heads else _FIRST_HEAD
        batch: list[Stored] = []
        records: list[book_pb2.BookRecord] = []
        for (table, key), row in writes:
            seq = len(self._heads) + len(batch) + 1
            record = book_pb2.BookRecord(seq=seq, table=table, key=key, row=row, at=unix)
            data = record.SerializeToString()
            validate("BookRecord", data)
            before = head(before, data)
            batch.append(Stored(data, before))
            records.append(record)
        self._durable = self._durable_length
        self._storage.append(batch)
        for record, stored in zip(records, batch):
            self._take(record, stored.head)

    @property
    def _durable_length(self) -> int:
        return len(self._heads) if self._storage.is_durable else self._durable

    @property
    def anchor(self) -> bytes:
        """The anchor of the latest durable record; empty while there is none (BOK-17, BOK-18)."""
        length = self._durable_length
        if not length:
            return b""
        book_id = next(book_id for seq, book_id in reversed(self._starts) if seq <= length)
        return book_id + length.to_bytes(8, "big") + self._heads[length - 1][:8]

    def containment(self, anchor: bytes) -> str:
        """Whether an anchor is `contained`, `declared` or `missing` (BOK-22)."""
        if len(anchor) != _ANCHOR_BYTES:
            return "contained"
        seq = int.from_bytes(anchor[8:16], "big")
        place = next((at for at, (_, book_id) in enumerate(self._starts) if book_id == anchor[:8]), None)
        if place is None:
            return "missing"
        if place + 1 < len(self._starts) and seq > self._starts[place + 1][0] - 1:
            return "declared"
        is_there = 1 <= seq <= len(self._heads) and self._heads[seq - 1][:8] == anchor[16:]
        return "contained" if is_there else "missing"


class Staging:
    """A storage that hands batches on: take them from `taken`, make them durable, then say `acknowledge`."""

    def __init__(self, stored: Sequence[Stored] = ()) -> None:
        """`stored` is what is durable already."""
        self._stored = list(stored)
        self.taken: list[Stored] = []
        self.is_stalled = False
        """Whether the storage does not answer at all: links wait, as for a batch."""

    @property
    def is_durable(self) -> bool:
        """Whether everything was acknowledged."""
        return not self.taken and not self.is_stalled

    def load(self) -> list[Stored]:
        """Every durable record."""
        return list(self._stored)

    def append(self, batch: Sequence[Stored]) -> None:
        """Takes a batch; it is not durable yet."""
        self.taken += batch

    def acknowledge(self) -> None:
        """What was taken is durable: now tell the link, by `persisted`."""
        self._stored += self.taken
        self.taken = []

    def close(self) -> None:
        """There is nothing to give back."""


_WHOLE: Final = b', "whole": true}'
_LINE: Final = re.compile(
    rb'\{"seq": ([0-9]+), "head": "([0-9a-f]{64})", "record": "((?:[0-9a-f]{2})+)"(?:\}|(, "whole": true\}))'
)
"""What `append` writes, to the byte: a line that is anything else was damaged, and is never taken for a torn end."""


class FileStorage:
    """A book in one file, in the form of an export (BOK-52). The last record of a batch says that it is whole."""

    def __init__(self, path: Path) -> None:
        """Takes the lock of the file. Raises BlockingIOError if another process has it."""
        self._file = open(path, "a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise
        self._next = 1

    @property
    def is_durable(self) -> bool:
        """`append` waits for the disk."""
        return True

    def load(self) -> list[Stored]:
        """Every record of whole batches; what a kill left of an unfinished one is cut off. Raises Broken."""
        self._file.seek(0)
        data = self._file.read()
        *lines, torn = data.split(b"\n")
        whole: list[Stored] = []
        pending: list[Stored] = []
        end = at = 0
        for seq, line in enumerate(lines, 1):
            at += len(line) + 1
            found = _LINE.fullmatch(line)
            if found is None:
                raise Broken(seq, "not canonical")
            if int(found[1]) != seq:
                raise Broken(seq, "sequence number")
            pending.append(Stored(bytes.fromhex(found[3].decode()), bytes.fromhex(found[2].decode())))
            if found[4]:
                whole += pending
                pending, end = [], at
        if _WHOLE in torn and not torn.endswith(_WHOLE):
            raise Broken(len(lines) + 1, "not canonical")
        if end < len(data):
            self._file.truncate(end)
            os.fsync(self._file.fileno())
        self._next = len(whole) + 1
        return whole

    def append(self, batch: Sequence[Stored]) -> None:
        """Writes a batch and waits until the disk has it. Raises OSError, and nothing of the batch is left."""
        text = b""
        for seq, stored in enumerate(batch, self._next):
            members = {"seq": seq, "head": stored.head.hex(), "record": stored.record.hex()}
            is_last = stored is batch[-1]
            text += (json.dumps({**members, "whole": True} if is_last else members) + "\n").encode()
        end = self._file.seek(0, os.SEEK_END)
        try:
            while text:
                text = text[self._file.write(text) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(end)
            raise
        self._next += len(batch)

    def free_space(self) -> int:
        """The bytes that this program may still write where the book lies (ORD-92). Raises OSError."""
        found = os.statvfs(self._file.fileno())
        return found.f_bavail * found.f_frsize

    def close(self) -> None:
        """Gives the lock back."""
        self._file.close()
