"""What is damaged on the wire, under a repaired checksum, and before it is sealed: a drop, a drop, and alert 50 (CON-15)."""

from __future__ import annotations

import unittest
from collections import Counter
from typing import Final, Union

from hispos_client import frames
from hispos_client.crypto import Standard, sha256
from hispos_client.handshake import End
from hispos_client.his_session import HisSession
from hispos_client.messages import message_pb2
from hispos_client.messages.agreement_pb2 import Agreement, DeviceManifest, TerminalManifest
from hispos_client.messages.message_pb2 import Message, SessionReady
from hispos_client.pos_session import PosSession
from hispos_client.provisioning import registry
from hispos_client.session import Ended, Received, Terms

from .damage import damaged, flipped, frames_of, read_message
from .driver_program import Stream
from .vectors import hexes, load

Session = Union[HisSession, PosSession]
CRYPTO: Final = Standard()
_ANCHOR: Final = bytes(range(24))
_SPOKEN: Final = {
    "his": Message(call=7, ping=message_pb2.Ping(ledger=_ANCHOR)),
    "pos": Message(reply_to=7, pong=message_pb2.Pong(journal=_ANCHOR)),
}
_PEER: Final = {"his": "pos", "pos": "his"}
_OWN_TYPES: Final = {"his": (1, 3, 0x10), "pos": (2, 0x11)}
_TYPES: Final = (1, 2, 3, 0x0F, 0x10, 0x11)


class Pair:
    """Both ends of a live session, at one instant; `speaker` has said something that has not arrived."""

    def __init__(self, speaker: str) -> None:
        """Exchanges keys."""
        site = load("conversations.json")["site"]
        payload = hexes(site["agreement"])
        agreement = Agreement.FromString(payload)
        terms = [Terms(sha256(payload), tuple(agreement.versions), tuple(agreement.suites))]
        devices = registry(DeviceManifest.FromString(hexes(site["device_manifest"])))
        terminals = registry(TerminalManifest.FromString(hexes(site["terminal_manifest"])))
        window = End(CRYPTO, site["terminal_id"].encode(), hexes(site["terminal_seed"]), devices)
        device = End(CRYPTO, site["device_id"].encode(), hexes(site["device_seed"]), terminals)
        his = HisSession(window, device.id, terms, Stream(b"his"))
        ready = Message(ready=SessionReady(run=bytes(4), pos_time=1, software="test", simulated=True))
        pos = PosSession(device, terms, Stream(b"pos"), lambda _, now: ready.SerializeToString())
        self.now = 1_000
        pos.opened(self.now)
        his.opened(self.now)
        self.ends: dict[str, Session] = {"his": his, "pos": pos}
        while any([self.carry("his"), self.carry("pos")]):
            pass
        self.speaker, self.listener = self.ends[speaker], self.ends[_PEER[speaker]]
        self.events(self.listener)
        assert his.is_live and pos.is_live
        self.say(_SPOKEN[speaker].SerializeToString())

    def carry(self, side: str) -> bool:
        """Gives what one end has for the line to the other one."""
        data = self.sent(self.ends[side])
        self.ends[_PEER[side]].feed(data, self.now)
        return bool(data)

    @staticmethod
    def sent(end: Session) -> bytes:
        """What an end has for the line."""
        found = b""
        while (data := end.poll_transmit()) is not None:
            found += data
        return found

    @staticmethod
    def events(end: Session) -> list[object]:
        """What an end tells."""
        found: list[object] = []
        while (event := end.poll_event()) is not None:
            found.append(event)
        return found

    def say(self, plaintext: bytes) -> None:
        """The speaker seals it."""
        self.speaker.send(plaintext, self.now)
        self.frame = self.sent(self.speaker)

    def fed(self, data: bytes) -> tuple[Counter[str], bytes, list[object]]:
        """The listener's drops by these bytes, what it answers, and what it tells."""
        before = Counter(self.listener.drops)
        self.listener.feed(data, self.now)
        drops = Counter(self.listener.drops)
        drops.subtract(before)
        return +drops, self.sent(self.listener), self.events(self.listener)


class OnTheWire(unittest.TestCase):
    """In both directions."""

    def _still_opens(self, pair: Pair, speaker: str) -> None:
        self.assertEqual(pair.fed(pair.frame), (Counter(), b"", [Received(_SPOKEN[speaker])]))

    def test_a_flip_on_the_wire_drops_the_frame_and_the_session_lives(self) -> None:
        """By the name that a second decoder finds; nothing is sent or told, and the good record opens behind it."""
        for speaker in ("his", "pos"):
            pair = Pair(speaker)
            for place in range(len(pair.frame)):
                for bit in range(8):
                    data = flipped(pair.frame, place, bit) + b"\x00"
                    names = frames_of(data, _PEER[speaker])
                    self.assertTrue(names)
                    self.assertEqual(pair.fed(data), (Counter(names), b"", []), data.hex())
            self._still_opens(pair, speaker)

    def test_a_damaged_frame_with_a_good_checksum_is_dropped_by_its_name_and_the_session_lives(self) -> None:
        """A POS answers what is stale, by plain alert 92 about the frame."""
        for speaker in ("his", "pos"):
            pair = Pair(speaker)
            (good,) = frames.Decoder(_PEER[speaker]).feed(pair.frame)
            assert isinstance(good, frames.Frame)
            for bit in range(8):
                kind = good.kind ^ 1 << bit
                name = "echo" if kind in _OWN_TYPES[_PEER[speaker]] else "type"
                if kind not in _TYPES or name == "echo":
                    self.assertEqual(pair.fed(frames.encode(kind, good.body)), (Counter([name]), b"", []))
            for body in damaged(good.body):
                self._of_name(pair, speaker, good, body)
            self._still_opens(pair, speaker)

    def _of_name(self, pair: Pair, speaker: str, good: frames.Frame, body: bytes) -> None:
        is_short, counter = len(body) < 22, body[1:5]
        is_stale = not is_short and body[0] != good.body[0]
        name = "size" if is_short else "stale" if is_stale else "forged"
        if name == "forged" and counter < good.body[1:5]:
            name = "replayed"
        answer = b""
        if is_stale and speaker == "his":
            pair.now += 1_000
            answer = frames.encode(
                frames.PLAIN_ALERT, bytes([92]) + frames.checksum(bytes([good.kind]) + body)
            )
        data = frames.encode(good.kind, body)
        self.assertEqual(pair.fed(data), (Counter([name]), answer, []), data.hex())

    def test_a_record_without_a_session_is_dropped_by_its_size_first(self) -> None:
        """Only one of the right size is stale, and only a POS answers that (REC-11 to REC-13)."""
        for listener, kind in (("his", frames.RECORD_POS), ("pos", frames.RECORD_HIS)):
            pair = Pair(_PEER[listener])
            pair.listener.closed(pair.now)
            pair.listener.opened(pair.now)
            pair.fed(b"\x00")
            for length in (0, 1, 21, 22, 1_045, 1_046):
                pair.now += 1_000
                frame = frames.Frame(kind, bytes(length))
                drops, sent, _ = pair.fed(frames.encode(kind, frame.body))
                self.assertEqual(drops, Counter(["stale" if 22 <= length <= 1_045 else "size"]), length)
                is_answered = listener == "pos" and "stale" in drops
                alert = frames.encode(frames.PLAIN_ALERT, bytes([92]) + frame.checksum)
                self.assertEqual(alert in sent, is_answered, length)

    def test_a_plaintext_damaged_before_it_was_sealed_is_told_or_ends_the_session_with_alert_50(self) -> None:
        """An alert in it ends the session, too, and is not answered."""
        ends = Counter[str]()
        for speaker in ("his", "pos"):
            pair = Pair(speaker)
            for plaintext in damaged(_SPOKEN[speaker].SerializeToString()):
                if not plaintext:
                    continue
                pair.say(plaintext)
                name = self._sealed(pair, plaintext)
                ends[name] += 1
                if name != "told":
                    pair = Pair(speaker)
        self.assertGreater(min(ends["told"], ends["alert 50"]), 40, ends)

    def _sealed(self, pair: Pair, plaintext: bytes) -> str:
        drops, answer, told = pair.fed(pair.frame)
        self.assertEqual(drops, Counter())
        expected = read_message(plaintext)
        if expected is None:
            self.assertEqual(told, [Ended(50, False)], plaintext.hex())
            pair.events(pair.speaker)
            pair.speaker.feed(answer, pair.now)
            self.assertEqual(pair.events(pair.speaker), [Ended(50, True)])
            return "alert 50"
        message, alert = expected
        self.assertEqual(answer, b"", plaintext.hex())
        self.assertEqual(told, [Received(message) if alert is None else Ended(alert, True)], plaintext.hex())
        return "told" if alert is None else "alert"
