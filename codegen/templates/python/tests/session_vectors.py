"""Replays the conversations at the session's own layer.

What the order flow says is taken out of the file: the record that has to go out is opened with the session's own keys,
and its plaintext is given to the session. When frames go out, which, and in what order is this client's.
"""

from __future__ import annotations

from hispos_client import frames, records
from hispos_client.crypto import Standard, sha256
from hispos_client.handshake import End
from hispos_client.his_session import HisSession
from hispos_client.messages.agreement_pb2 import Agreement, DeviceManifest, TerminalManifest
from hispos_client.messages.message_pb2 import Message, SessionReady
from hispos_client.pos_session import PosSession
from hispos_client.provisioning import registry
from hispos_client.session import Terms, parse
from hispos_client.tables import AlertCode

from .link_vectors import Draws
from .vectors import Case, Tally, hexes, same

CRYPTO = Standard()
_BEGIN = 1_000_000


def replay_conversations(file: Case, tally: Tally) -> None:
    """`conversations.json`, the session's layer of every case."""
    for case in file["cases"]:
        tally.run(case, lambda conversation: _Conversation(file["site"], conversation).play())


class _Conversation:
    def __init__(self, site: Case, case: Case) -> None:
        self._site, self._case = site, case
        self._draws = [[hexes(draw) for draw in start] for start in case["draws"]]
        self._session: HisSession | PosSession | None = None

    def _start(self) -> HisSession | PosSession:
        site, draws = self._site, self._draws.pop(0)
        payload = hexes(site["agreement"])
        agreement = Agreement.FromString(payload)
        terms = [Terms(sha256(payload), tuple(agreement.versions), tuple(agreement.suites))]
        if self._case["side"] == "his":
            known = registry(DeviceManifest.FromString(hexes(site["device_manifest"])))
            end = End(CRYPTO, site["terminal_id"].encode(), hexes(site["terminal_seed"]), known)
            return HisSession(end, site["device_id"].encode(), terms, Draws(*draws))
        known = registry(TerminalManifest.FromString(hexes(site["terminal_manifest"])))
        end = End(CRYPTO, site["device_id"].encode(), hexes(site["device_seed"]), known)
        run = draws.pop(0)
        return PosSession(end, terms, Draws(*draws), lambda _, now: self._ready(run, now))

    def _ready(self, run: bytes, now: int) -> bytes:
        unix = self._site["unix"] + (now - _BEGIN) // 1000
        ready = SessionReady(run=run, pos_time=unix, software=self._site["software"], simulated=True)
        return Message(ready=ready).SerializeToString()

    def play(self) -> None:
        """Gives the session what comes in, and compares everything that goes out."""
        for happening in self._case["happenings"]:
            at = happening["at"]
            if "in" in happening:
                self._nothing_more(at)
                ((name, value),) = happening["in"].items()
                self._take(name, value, at)
            elif "transmit" in happening["out"]:
                self._expect(hexes(happening["out"]["transmit"]), at)
        self._nothing_more(at)

    def _take(self, name: str, value: str, at: int) -> None:
        if name == "start":
            self._session = self._start()
            return
        session = self._session
        assert session is not None
        if name == "opened":
            session.opened(at)
        elif name == "bytes":
            session.feed(hexes(value), at)
        elif name == "tick":
            session.on_timer(at)
        elif name == "persist_failed" and isinstance(session, PosSession):
            session.is_busy = True

    def _nothing_more(self, at: int) -> None:
        more = self._session.poll_transmit() if self._session else None
        same(f"what else goes out before {at}", None, more.hex() if more else None)

    def _expect(self, expected: bytes, at: int) -> None:
        session = self._session
        assert session is not None
        sent = session.poll_transmit()
        if sent is None:
            self._say(session, expected, at)
            sent = session.poll_transmit()
        same(f"at {at}", expected.hex(), sent.hex() if sent else None)

    def _say(self, session: HisSession | PosSession, expected: bytes, at: int) -> None:
        """Has the session seal what the order flow says in the record that is expected."""
        (frame,) = frames.Decoder("pos" if self._case["side"] == "his" else "his").feed(expected)
        assert isinstance(frame, frames.Frame), frame
        live = session._live
        if live is None or frame.kind != live.kind:
            raise AssertionError(f"at {at}: the file has a frame of type {frame.kind}, this client has none")
        secret = live.keys.ap_his if self._case["side"] == "his" else live.keys.ap_pos
        plaintext = records.Opener(CRYPTO, live.kind, live.keys.tag, secret).open(frame.body)
        _, alert = parse(plaintext)
        if alert is None:
            session.send(plaintext, at)
        else:
            session.end(AlertCode(alert), at)
