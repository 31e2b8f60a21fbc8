"""Every truncation and every flipped bit of good bytes, at each decoder, and exactly what has to come of it."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any, Final

from google.protobuf.message import DecodeError

from hispos_client import canonical, frames, handshake, orders, provisioning, records
from hispos_client.book import Book, Broken, FileStorage
from hispos_client.messages import book_pb2
from hispos_client.messages.handshake_pb2 import HisHello
from hispos_client.messages.order_pb2 import OrderCore
from hispos_client.payment import CHANNELS, NoCode, Proof, Reply, Untrusted, judge, recognise
from hispos_client.session import parse, plain_alert
from hispos_client.tables import AlertCode, FileKind, Labels, Limits, Profile

from .business_vectors import CRYPTO, _import
from .damage import cut_step, damaged, frames_of, is_canonical, read_message, sampled
from .link_vectors import _message_class, ends_of
from .payment_vectors import question_of
from .vectors import Case, hexes, load

_SEED: Final = bytes(range(32))
_ALL_OF: Final = 2_000
"""Messages of more bytes are damaged at some places only."""


def _good(file: str, about: str) -> list[Case]:
    return [case for case in load(file)["cases"] if case["about"] == about and case["result"] == "valid"]


class Links(unittest.TestCase):
    """Frames, messages, key exchange, records."""

    def test_frames(self) -> None:
        """Streams at both ends, in one piece and byte by byte: the frames and drops of a second decoder."""
        streams = [hexes(case["stream"]) for case in load("frames.json")["cases"]]
        samples = [stream for stream in streams if 8 < len(stream) < 120][:12]
        self.assertEqual(len(samples), 12)
        for side in ("his", "pos"):
            for data in (data for sample in samples for data in (sample, *damaged(sample))):
                for pieces in ([data], [data[at : at + 1] for at in range(len(data))]):
                    decoder = frames.Decoder(side)
                    found = [one for piece in pieces for one in decoder.feed(piece)]
                    told = [
                        one.name if isinstance(one, frames.Drop) else (one.kind, one.body) for one in found
                    ]
                    self.assertEqual(told, frames_of(data, side), data.hex())

    def test_strict_messages(self) -> None:
        """The largest sample of each message, and the largest of all: what is accepted is canonical, and another one.

        A truncation fails at the step of its place.
        """
        samples: dict[str, list[bytes]] = {}
        for case in load("validator.json")["cases"]:
            if case["step"] == 0:
                samples.setdefault(case["message"], []).append(hexes(case["bytes"]))
        self.assertEqual(len(samples), 12)
        for name, every in samples.items():
            largest = max(every, key=len)
            usual = max((one for one in every if len(one) <= _ALL_OF), key=len)
            for data in damaged(usual):
                self._strict(name, usual, data)
            if largest is not usual:
                for data in sampled(largest):
                    self._strict(name, largest, data)

    def _strict(self, name: str, sample: bytes, data: bytes) -> None:
        step = canonical.failing_step(name, data)
        if data == sample[: len(data)] and len(data) < len(sample):
            self.assertIn(step, cut_step(sample, len(data)), f"{name} {len(data)} of {sample[:80].hex()}")
        if step == 0:
            message = _message_class(name)
            self.assertTrue(is_canonical(message, data), f"{name} {data[:80].hex()}")
            self.assertNotEqual(message.FromString(data), message.FromString(sample))

    def test_messages(self) -> None:
        """Plaintexts of records: a message as protobuf reads it, an alert if it has one whatever else it holds, or none."""
        cases = [case for case in load("messages.json")["cases"] if "decoded" in case]
        samples = {case["comment"].split(" at ")[0]: hexes(case["plaintext"]) for case in cases}
        for data in (data for sample in samples.values() for data in damaged(sample)):
            expected = read_message(data)
            if expected is None:
                with self.assertRaises(DecodeError, msg=data.hex()):
                    parse(data)
            else:
                self.assertEqual(parse(data), expected, data.hex())

    def test_m1(self) -> None:
        """The alert of the first step that fails; an M2 to an altered M1 is dropped by the HIS."""
        base = load("handshake.json")["cases"][0]
        initiator, responder, m1 = ends_of(base)
        good = HisHello.FromString(m1[len(m1) - len(_hello(m1)) :])
        self.assertIsNone(_alert_of_m1(m1, good))
        answered = 0
        responder.take_m1(m1)
        for data in damaged(m1):
            expected, fresh = _alert_of_m1(data, good), ends_of(base)[1]
            if expected is not None:
                with self.assertRaises(handshake.Refused, msg=data.hex()) as refused:
                    fresh.take_m1(data)
                self.assertEqual(refused.exception.code, expected, data.hex())
                continue
            answered += 1
            m2 = fresh.take_m1(data)
            with self.assertRaises(handshake.Dropped, msg=data.hex()):
                initiator.take_m2(m2)
        self.assertGreater(answered, 100)

    def test_m2_and_m3(self) -> None:
        """Whatever is damaged on the way is dropped; what was damaged before it was sealed is refused with alert 40."""
        base = load("handshake.json")["cases"][0]
        initiator, responder, m1 = ends_of(base)
        m2 = responder.take_m1(m1)
        m3, _ = initiator.take_m2(m2)
        for data in damaged(m2):
            with self.assertRaises(handshake.Dropped, msg=data.hex()):
                ends_of(base)[0].take_m2(data)
        for data in damaged(m3):
            with self.assertRaises(handshake.Dropped, msg=data.hex()):
                responder.take_m3(data)
        self._damaged_auth(base, m1, m3, initiator)
        responder.take_m3(m3)

    def _damaged_auth(self, base: Case, m1: bytes, m3: bytes, initiator: handshake.Initiator) -> None:
        assert initiator.schedule is not None
        secrets, hashes = initiator.schedule.secrets, initiator.schedule.transcript.hashes
        key, iv = secrets["key_h"], secrets["iv_h"]
        auth = CRYPTO.open(key, iv, hashes[5], m3)
        assert auth is not None
        for data in damaged(auth):
            responder = ends_of(base)[1]
            responder.take_m1(m1)
            with self.assertRaises(handshake.Refused, msg=data.hex()) as refused:
                responder.take_m3(CRYPTO.seal(key, iv, hashes[5], data))
            self.assertEqual(refused.exception.code, AlertCode.HANDSHAKE_FAILURE)

    def test_records(self) -> None:
        """Each damage has the name of the first check that it fails; the good record opens behind all of them."""
        sealer = records.Sealer(CRYPTO, frames.RECORD_HIS, 7, _SEED)
        opener = records.Opener(CRYPTO, frames.RECORD_HIS, 7, _SEED)
        for _ in range(6):
            opener.open(sealer.seal(b"\x08\x01"))
        body = sealer.seal(b"\x08\x01")
        for data in damaged(body):
            with self.assertRaises(records.Dropped, msg=data.hex()) as dropped:
                opener.open(data)
            is_short, counter = len(data) < 5 + 1 + 16, int.from_bytes(data[1:5], "big")
            name = (
                "size" if is_short else "stale" if data[0] != 7 else "replayed" if counter < 6 else "forged"
            )
            self.assertEqual(dropped.exception.name, name, data.hex())
        self.assertEqual(opener.open(body), b"\x08\x01")

    def test_plain_alerts(self) -> None:
        """Five bytes with a code of the list, or nothing."""
        codes = {40, 47, 50, 70, 71, 72, 91, 92, 93}
        for data in damaged(bytes([72, 1, 2, 3, 4])):
            expected = (data[0], data[1:]) if len(data) == 5 and data[0] in codes else None
            self.assertEqual(plain_alert(data), expected, data.hex())


def _hello(m1: bytes) -> bytes:
    return m1[len(Labels.M1_MAGIC) :]


def _alert_of_m1(data: bytes, good: HisHello) -> int | None:
    """What answers a damaged M1: the alert of the first step of "Receiving M1" that it fails."""
    magic = Labels.M1_MAGIC
    if data[: len(magic)] != magic or canonical.failing_step("HisHello", data[len(magic) :]):
        return 50
    hello = HisHello.FromString(data[len(magic) :])
    ids = [one.id for one in hello.extensions]
    if len({one.group for one in hello.shares}) < len(hello.shares) or ids != sorted(set(ids)):
        return 50
    if hello.agreement != good.agreement:
        return 72
    if not set(hello.versions) & set(good.versions):
        return 70
    if not set(hello.suites) & set(good.suites):
        return 71
    known = {one.group for one in good.shares}
    return None if any(one.group in known and len(one.key) == 32 for one in hello.shares) else 47


class Business(unittest.TestCase):
    """Orders, signed files, platforms, books."""

    def test_cores(self) -> None:
        """Malformed (501) unless it is canonical, 504 for the amount, or an order with another hash."""
        for core in [hexes(case["core"]) for case in _good("orders.json", "core")][:6]:
            orders.read_core(core)
            for data in damaged(core):
                try:
                    orders.read_core(data)
                except orders.Malformed as refused:
                    self.assertEqual(int(refused.code), _code_of(data), data.hex())
                    continue
                self.assertEqual(canonical.failing_step("OrderCore", data), 0)
                self.assertNotEqual(orders.order_hash("site", data), orders.order_hash("site", core))

    def test_results(self) -> None:
        """No result, or one that its device has not signed; nor does a damaged signature hold."""
        public = CRYPTO.ed25519_public(_SEED)
        for result in [hexes(case["result_core"]) for case in _good("orders.json", "result")][:6]:
            signature = orders.sign_result(CRYPTO, _SEED, result)
            self.assertTrue(orders.is_signed_by(CRYPTO, public, result, signature))
            for data in damaged(result):
                try:
                    orders.read_result(data)
                except orders.NoResult as refused:
                    is_form = canonical.failing_step("ResultCore", data) != 0
                    self.assertEqual(refused.requirement == "ENC-2", is_form, data.hex())
                self.assertFalse(orders.is_signed_by(CRYPTO, public, data, signature), data.hex())
            for data in damaged(signature):
                self.assertFalse(orders.is_signed_by(CRYPTO, public, result, data), data.hex())

    def test_signed_files(self) -> None:
        """A damaged file is refused: by its form, by what it says, or by its signatures, which it never passes."""
        cases = _good("signed_files.json", "file")
        samples = [next(case for case in cases if case["wanted"] == kind) for kind in (1, 2, 3)]
        for case in samples:
            _import(case)
            by_signature = 0
            for data in damaged(hexes(case["file"])):
                with self.assertRaises(provisioning.Refused, msg=data.hex()) as refused:
                    _import({**case, "file": data.hex()})
                requirement = refused.exception.requirement
                is_form = requirement == "PRV-12"
                self.assertEqual(is_form, _is_of_no_form(data, case["wanted"]), data.hex())
                by_signature += requirement == (
                    "PRV-25" if case["wanted"] == FileKind.AGREEMENT else "PRV-33"
                )
            self.assertGreater(by_signature, 1_000, case["comment"])

    def test_armour(self) -> None:
        """Damaged text is refused, gives the same file, or another one that is refused."""
        text = next(case for case in _good("signed_files.json", "armour") if "AGREEMENT" in case["text"])[
            "text"
        ]
        good = provisioning.read_armour(text)
        for data in damaged(text.encode()):
            try:
                found = provisioning.read_armour(data.decode("utf-8", "replace"))
            except provisioning.Refused:
                continue
            if found != good:
                with self.assertRaises(provisioning.Refused, msg=data.decode("utf-8", "replace")):
                    provisioning.read_agreement(CRYPTO, found)

    def test_answers(self) -> None:
        """No damaged answer proves that another amount, or an amount of another currency, was captured."""
        case: dict[str, Any] = {"profile": "wechat_v2", "call": "query"}
        reply = {
            "code": "SUCCESS",
            "trade_state": "SUCCESS",
            "total": 8800,
            "payment_no": "42",
            "currency": "CNY",
        }
        question, proofs = question_of(case), set()
        for data in [json.dumps(reply).encode(), *damaged(json.dumps(reply).encode())]:
            try:
                members = json.loads(data)
                proven, _ = judge(Profile.WECHAT_V2, question, Reply.of(members))
            except (ValueError, Untrusted):
                continue
            proofs.add(proven.proof)
            if proven.proof == Proof.CAPTURED:
                self.assertIsNotNone(proven.capture)
                self.assertEqual((members.get("total"), members.get("currency", "CNY")), (8800, "CNY"))
        self.assertLessEqual(proofs, {Proof.CAPTURED, Proof.MISMATCH, Proof.OPEN, Proof.ALIVE})

    def test_codes(self) -> None:
        """A damaged code is none, or its own digits of the channel that they begin like."""
        for text in (b"134567890123456789\r\n", b"281234567890123456"):
            for data in damaged(text):
                try:
                    code = recognise(data.decode("utf-8", "replace"))
                except NoCode:
                    continue
                digits = code.digits.encode()
                lead, is_wechat = int(digits[:2]), code.channel == CHANNELS[0]
                self.assertIn(digits, data)
                self.assertEqual(10 <= lead <= 15, is_wechat, data)
                self.assertTrue(len(digits) == 18 if is_wechat else 16 <= len(digits) <= 24, data)

    def test_book_file(self) -> None:
        """A cut leaves exactly the whole batches before it; each flipped bit and each surplus byte are told of."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "book.jsonl"
            book = Book(FileStorage(path))
            book.begin(bytes(8), 1)
            ends = [0, path.stat().st_size]
            table = book_pb2.TABLE_ORDER
            book.commit({}, [((table, "A"), b"1"), ((table, "B"), b"2")], 2)
            ends.append(path.stat().st_size)
            book.close()
            whole, lengths = path.read_bytes(), [0, 1, 3]
            for data in damaged(whole):
                path.write_bytes(data)
                storage = FileStorage(path)
                is_cut = len(data) < len(whole)
                try:
                    found = Book(storage).length
                    self.assertTrue(is_cut or data == whole + b"\x00", data)
                    batch = max(nth for nth, end in enumerate(ends) if end <= len(data))
                    self.assertEqual(found, lengths[batch], data)
                    self.assertEqual(path.read_bytes(), whole[: ends[batch]])
                except Broken:
                    self.assertFalse(is_cut, data)
                finally:
                    storage.close()


def _code_of(core: bytes) -> int:
    """The code of a core that is refused: 504 if it is canonical, and the amount is the first that is wrong."""
    if canonical.failing_step("OrderCore", core):
        return 501
    order = OrderCore.FromString(core)
    is_collect = int(order.kind) == 1
    is_wrong = abs(order.amount) > Limits.AMOUNT_FEN_MAX or (order.amount > 0) != is_collect
    return 504 if int(order.kind) in (1, 2) and is_wrong else 501


def _is_of_no_form(data: bytes, wanted: int) -> bool:
    try:
        provisioning.read_file(data, FileKind(wanted))
    except provisioning.Refused:
        return True
    return False
