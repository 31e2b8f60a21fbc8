"""The ledger's file: what a kill may leave of it."""

from __future__ import annotations

import resource
import tempfile
import unittest
from pathlib import Path

from hispos_client.book import Book, Broken, FileStorage, Stale
from hispos_client.messages import book_pb2


class Storage(unittest.TestCase):
    """A book in a file."""

    def setUp(self) -> None:
        """A book with three records, in two batches."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "ledger.jsonl"
        book = Book(FileStorage(self.path))
        book.begin(bytes(range(8)), 1)
        rows = [((book_pb2.TABLE_ORDER, "A"), b"1"), ((book_pb2.TABLE_ORDER, "B"), b"2")]
        book.commit({}, rows, 2)
        self.anchor = book.anchor
        book.close()

    def opened(self) -> Book:
        """The book again."""
        book = Book(FileStorage(self.path))
        self.addCleanup(book.close)
        return book

    def test_a_book_is_the_same_behind_a_restart(self) -> None:
        """Rows, versions and anchor."""
        book = self.opened()
        self.assertEqual(book.anchor, self.anchor)
        self.assertEqual(book.get(book_pb2.TABLE_ORDER, "B"), b"2")
        self.assertEqual(book.version(book_pb2.TABLE_ORDER, "B"), 3)

    def test_every_cut_of_the_last_batch_leaves_the_one_before(self) -> None:
        """A kill while a batch is written leaves all of it or none (BOK-5)."""
        whole = self.path.read_bytes()
        first = whole.index(b"\n") + 1
        for end in range(first, len(whole)):
            self.path.write_bytes(whole[:end])
            book = Book(FileStorage(self.path))
            self.assertEqual(book.version(book_pb2.TABLE_ORDER, "A"), 0, end)
            book.commit({}, [((book_pb2.TABLE_ORDER, "C"), b"3")], 3)
            book.close()
            again = Book(FileStorage(self.path))
            self.assertEqual(again.version(book_pb2.TABLE_ORDER, "C"), 2, end)
            again.close()

    def test_a_changed_record_is_found(self) -> None:
        """A whole line that is another one is no torn tail (BOK-47)."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        self.path.write_bytes(lines[0].replace(b'"record": "08', b'"record": "18') + b"".join(lines[1:]))
        with self.assertRaises(Broken):
            self.opened()
        self.path.write_bytes(b"x" + lines[0] + b"".join(lines[1:]))
        with self.assertRaises(Broken):
            self.opened()

    def test_a_step_over_a_changed_row_is_stale_and_writes_nothing(self) -> None:
        """The version of each row read is compared (BOK-6)."""
        book = self.opened()
        key = (book_pb2.TABLE_ORDER, "A")
        with self.assertRaises(Stale):
            book.commit({key: 1}, [(key, b"9")], 3)
        self.assertEqual(book.anchor, self.anchor)

    def test_two_programs_do_not_write_one_book(self) -> None:
        """The second one finds the lock (BOK-9)."""
        self.opened()
        with self.assertRaises(BlockingIOError):
            FileStorage(self.path)

    def test_a_batch_that_does_not_fit_leaves_nothing_of_itself(self) -> None:
        """The storage raises behind a part of the batch, and is as it was; once there is room, it goes on (BOK-5)."""
        whole, book = self.path.read_bytes(), self.opened()
        rows = [((book_pb2.TABLE_ORDER, "C"), b"3"), ((book_pb2.TABLE_ORDER, "D"), b"4" * 300)]
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        for room in (1, 100, 250, 600):
            resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + room, before[1]))
            try:
                with self.assertRaises(OSError):
                    book.commit({}, rows, 3)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
            self.assertEqual(self.path.read_bytes(), whole)
        book.commit({}, rows, 3)
        book.close()
        self.assertEqual(self.opened().version(book_pb2.TABLE_ORDER, "D"), 5)

    def test_a_storage_tells_its_room(self) -> None:
        """What is free where the book lies (ORD-92)."""
        storage = FileStorage(self.path.with_name("another.jsonl"))
        self.addCleanup(storage.close)
        self.assertGreater(storage.free_space(), 0)
