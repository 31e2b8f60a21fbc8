"""Every truncation and every flipped bit of good bytes, at each decoder: only its own refusal may come of it."""

from __future__ import annotations

import json
import tempfile
import unittest
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from hispos_client import canonical, frames, handshake, orders, provisioning, records
from hispos_client.book import Book, Broken, FileStorage
from hispos_client.crypto import Standard
from hispos_client.messages import book_pb2
from hispos_client.payment import NoCode, Reply, Untrusted, judge, recognise
from hispos_client.session import parse, plain_alert
from hispos_client.tables import FileKind, PlatformCall, Profile

from .link_vectors import ends_of
from .payment_vectors import question_of
from .vectors import hexes, load

CRYPTO = Standard()


def damaged(data: bytes) -> Iterator[bytes]:
    """Every truncation, every flipped bit, and one byte more."""
    for end in range(len(data)):
        yield data[:end]
    for place in range(len(data)):
        for bit in range(8):
            yield data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
    yield data + b"\x00"


class BadInput(unittest.TestCase):
    """One test for each decoder."""

    def survive(
        self, samples: list[bytes], decode: Callable[[bytes], object], *refusals: type[Exception]
    ) -> None:
        """Decodes each damaged sample; another exception than its own is a failure."""
        self.assertTrue(samples)
        count = 0
        for sample in samples:
            decode(sample)
            for data in damaged(sample):
                count += 1
                try:
                    decode(data)
                except refusals:
                    continue
                except Exception as error:
                    self.fail(f"{data.hex()}: {type(error).__name__}: {error}")
        self.assertGreater(count, 8)

    def test_frames(self) -> None:
        """Streams, at both ends."""
        streams = [hexes(case["stream"]) for case in load("frames.json")["cases"]]
        samples = [stream for stream in streams if 8 < len(stream) < 120][:12]
        for side in ("his", "pos"):
            self.survive(samples, lambda data, side=side: frames.Decoder(side).feed(data))  # type: ignore[misc]

    def test_strict_messages(self) -> None:
        """The validator, and protobuf behind it, for a sample of each message."""
        cases = load("validator.json")["cases"]
        good = {case["message"]: hexes(case["bytes"]) for case in cases if case["step"] == 0}
        for name, data in good.items():
            if len(data) <= 700:
                self.survive([data], partial(canonical.validate, name), canonical.NotCanonical)

    def test_messages(self) -> None:
        """Plaintexts of records."""
        cases = load("messages.json")["cases"]
        samples = {
            case["comment"].split(" at ")[0]: hexes(case["plaintext"]) for case in cases if "decoded" in case
        }
        self.survive([one for one in samples.values() if len(one) < 300], parse, DecodeError)

    def test_cores_and_results(self) -> None:
        """What an order and its end say."""
        cases = load("orders.json")["cases"]
        cores = [
            hexes(case["core"]) for case in cases if case["about"] == "core" and case["result"] == "valid"
        ]
        results = [
            hexes(case["result_core"])
            for case in cases
            if case["about"] == "result" and case["result"] == "valid"
        ]
        self.survive(cores[:6], orders.read_core, orders.Malformed)
        self.survive(results[:6], orders.read_result, orders.NoResult)

    def test_signed_files_and_armour(self) -> None:
        """Agreements and manifests, and their text."""
        cases = load("signed_files.json")["cases"]
        good = [case for case in cases if case["about"] == "file" and case["result"] == "valid"][:3]
        for case in good:
            kind = FileKind(case["wanted"])
            self.survive(
                [hexes(case["file"])],
                lambda data, kind=kind: provisioning.read_file(data, kind),  # type: ignore[misc]
                provisioning.Refused,
            )
        text = next(c["text"] for c in cases if c["about"] == "armour" and c["result"] == "valid")
        self.survive(
            [text.encode()],
            lambda data: provisioning.read_armour(data.decode("utf-8", "replace")),
            provisioning.Refused,
        )

    def test_key_exchange(self) -> None:
        """M1, M2 and M3."""
        base = load("handshake.json")["cases"][0]
        initiator, responder, m1 = ends_of(base)
        m2 = responder.take_m1(m1)
        m3, _ = initiator.take_m2(m2)
        refusals = (handshake.Refused, handshake.Dropped)

        def take_m1(data: bytes) -> None:
            ends_of(base)[1].take_m1(data)

        def take_m2(data: bytes) -> None:
            fresh = ends_of(base)[0]
            fresh.take_m2(data)

        self.survive([m1], take_m1, *refusals)
        self.survive([m2], take_m2, *refusals)
        for data in damaged(m3):
            fresh = ends_of(base)
            fresh[1].take_m1(m1)
            with self.assertRaises(refusals):
                fresh[1].take_m3(data)

    def test_records(self) -> None:
        """Sealed records: none that is damaged opens."""
        secret = bytes(range(32))
        body = records.Sealer(CRYPTO, frames.RECORD_HIS, 7, secret).seal(b"\x08\x01")
        for data in damaged(body):
            with self.assertRaises(records.Dropped):
                records.Opener(CRYPTO, frames.RECORD_HIS, 7, secret).open(data)
        for data in damaged(bytes([72, 1, 2, 3, 4])):
            plain_alert(data)

    def test_answers_and_codes(self) -> None:
        """Platforms' answers as JSON, and scanned texts."""
        case: dict[str, Any] = {"profile": "wechat_v2", "call": "query"}
        reply = {
            "code": "SUCCESS",
            "trade_state": "SUCCESS",
            "total": 8800,
            "payment_no": "42",
            "currency": "CNY",
        }

        def answer(data: bytes) -> None:
            members = json.loads(data)
            if isinstance(members, dict):
                judge(Profile.WECHAT_V2, question_of(case), Reply.of(members))

        self.survive([json.dumps(reply).encode()], answer, ValueError, Untrusted)
        self.assertEqual(question_of(case).call, PlatformCall.QUERY)
        self.survive(
            [b"134567890123456789\r\n", b"281234567890123456"],
            lambda data: recognise(data.decode("utf-8", "replace")),
            NoCode,
        )

    def test_book_file(self) -> None:
        """A book in a file: a damaged one is refused, or ends before the damage."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "book.jsonl"
            book = Book(FileStorage(path))
            book.begin(bytes(8), 1)
            book.commit({}, [((book_pb2.TABLE_ORDER, "A"), b"1")], 2)
            book.close()
            whole = path.read_bytes()
            for data in damaged(whole):
                path.write_bytes(data)
                storage = FileStorage(path)
                try:
                    Book(storage)
                except Broken:
                    pass
                finally:
                    storage.close()
