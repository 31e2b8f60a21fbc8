"""Replays the messages in a session, at either end: what each says, and what the receiver sends."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from hispos_client.book import Book, Key
from hispos_client.crypto import sha256
from hispos_client.handshake import End
from hispos_client.his_link import HisLink
from hispos_client.his_session import HisSession
from hispos_client.ledger import Ledger, Site
from hispos_client.messages import book_pb2, message_pb2
from hispos_client.messages.agreement_pb2 import Agreement, DeviceManifest
from hispos_client.messages.message_pb2 import Message
from hispos_client.payment import Answered, Proof, Proven
from hispos_client.pos_link import PosLink
from hispos_client.provisioning import registry
from hispos_client.session import Ended, Event, Received, Started, Terms, parse
from hispos_client.tables import AlertCode, PlatformCall

from .book_vectors import Memory
from .business_vectors import CRYPTO, as_dict
from .link_vectors import Draws
from .pos_vectors import site_of
from .vectors import Case, Tally, hexes, load, same

_NOW = 1_010_000


class _Line:
    """Stands where a session is: what is received is put in, and what is sent is kept."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.sent: list[Case] = []
        self.is_live = self.is_busy = False

    def begin(self, peer: str, agreement_hash: bytes, zero: int) -> None:
        self.is_live = True
        self.events.append(Started(peer.encode(), agreement_hash, zero))

    def poll_event(self) -> Event | None:
        return self.events.popleft() if self.events else None

    def send(self, plaintext: bytes, now: int) -> bool:
        if self.is_live:
            self.sent.append(as_dict(Message.FromString(plaintext)))
        return self.is_live

    def end(self, code: AlertCode, now: int) -> None:
        self.sent.append({"alert": {"code": int(code)} if code else {}})
        self.is_live = False
        self.events.append(Ended(int(code), False))

    def on_timer(self, now: int) -> None:
        """No time passes."""

    def next_timer(self) -> int | None:
        return None


class _Journal(Book):
    """A book whose anchor is the file's until something is written."""

    named, length = b"", 0

    @property
    def anchor(self) -> bytes:
        """The file's, or the own one."""
        return self.named if len(self._heads) == self.length else super().anchor

    @classmethod
    def at(cls, named: bytes, rows: dict[int, tuple[Key, bytes]]) -> _Journal:
        """A book of so many records, with rows at their places."""
        book = cls(Memory())
        book.begin(named[:8], 1)
        for seq in range(2, int.from_bytes(named[8:16], "big") + 1):
            key, row = rows.get(seq, ((book_pb2.TABLE_PROGRAM, "x"), b"x"))
            book.commit({}, [(key, row)], 1)
        book.named, book.length = named, len(book._heads)
        return book


def replay_messages(file: Case, tally: Tally) -> None:
    """`messages.json`: what each plaintext says, and what the receiver sends because of it."""
    site = {**load("conversations.json")["site"], **file["site"]}
    for case in file["cases"]:
        if case["receiver"] in RECEIVERS:
            tally.run(case, lambda one: _message(file, site, one))


def _message(file: Case, site: Case, case: Case) -> None:
    plaintext = hexes(case["plaintext"])
    try:
        message, alert = parse(plaintext)
    except DecodeError:
        same("decoded", case.get("decoded"), None)
        same("sent and stands", (case["sent"], case["stands"]), ([{"alert": {"code": 50}}], False))
        return
    same("decoded", case.get("decoded"), as_dict(message))
    if alert is not None:
        same("nothing answers an alert", (case["sent"], case["stands"]), ([], False))
        return
    line = _Line()
    link: Any = RECEIVERS[case["receiver"]](file, site, case["state"], line)
    line.sent.clear()
    line.events.append(Received(message))
    link.on_timer(_NOW)
    for told in (*case["sent"], *line.sent):
        told.get("confirm_result", {}).pop("ledger", None)
        if "report_result" in told:
            # The result is signed at an instant that the file does not tell.
            same("length of the anchor", 48, len(told["report_result"].pop("journal")))
    same("sent", _without_times(case["sent"]), _without_times(line.sent))
    same("stands", case["stands"], line.is_live)


def _without_times(sent: list[Case]) -> list[Case]:
    """A fresh result tells the device's clock, and so does its signature; an instant of the file's own clock."""
    out: list[Case] = []
    for message in sent:
        copy = dict(message)
        for name in ("signed_result", "report_result"):
            if name in copy:
                result = message_pb2.SignedResult(result=hexes(copy[name]["result"]))
                said = _result(result.result)
                said.pop("decided_at", None)
                copy[name] = said
        out.append(copy)
    return out


def _result(result: bytes) -> Case:
    from hispos_client.messages.order_pb2 import ResultCore

    return as_dict(ResultCore.FromString(result))


# only: pos
def _pos(file: Case, site: Case, state_name: str, line: _Line) -> PosLink:
    state = file["states"][state_name]
    device, provision = site_of(site)
    zero = _NOW - state["session_ms"]
    rows: dict[int, tuple[Key, bytes]] = {}
    if state["order"]:
        core = hexes(state["order"]["core"])
        start_by = zero + state["order"]["start_by_ms"]
        row = book_pb2.PosOrder(
            core=core,
            run=hexes(state["run"]),
            boot=device.boot,
            start_by=start_by,
            act_by=start_by + provision.agreements[0].timers.act,
            state=book_pb2.POS_STATE_WAIT_CODE,
        )
        if state["order"]["result"]:
            row.state = book_pb2.POS_STATE_ENDED
            row.result, row.signature = (hexes(state["order"][name]) for name in ("result", "signature"))
            row.answered, row.recorded = message_pb2.DISPOSITION_RECORDED, True
        order_no = as_dict(provision_core(core))["order_no"]
        rows[state["order_seq"]] = ((book_pb2.TABLE_ORDER, order_no), row.SerializeToString())
    if state["ledger_seen"]:
        seen = book_pb2.PeerRow(anchor=hexes(state["ledger_seen"])).SerializeToString()
        rows[2] = ((book_pb2.TABLE_PEER, site["site_id"]), seen)
    book = _Journal.at(hexes(state["journal"]), rows)
    link = PosLink(device, provision, book, Draws(hexes(state["run"])), lambda: int(site["unix"]), _NOW)
    link.has_room = state["room"]
    for life in link._flow.lives.values():
        # The present run accepted it.
        life.is_restarted = False
        if life.core.amount > 0:
            life.list_numbers(0)  # type: ignore[union-attr]
    link._session = line  # type: ignore[assignment]
    line.begin(site["terminal_id"], sha256(hexes(site["agreement"])), zero)
    if state_name != "committed":
        line.events.append(Received(Message(call=1, sync=message_pb2.Sync())))
    link.on_timer(_NOW)
    while (question := link.poll_question()) is not None:
        is_verify = question.call == PlatformCall.VERIFY
        proof, code = (Proof.VERIFIED, "SUCCESS") if is_verify else (Proof.ABSENT, "ORDERNOTEXIST")
        if state["verified"] or not is_verify:
            link.answer(Answered(question.id, Proven(proof), _NOW, _NOW, code, is_trusted=True), _NOW)
    return link


def provision_core(core: bytes) -> Any:
    """A core's message."""
    from hispos_client.messages.order_pb2 import OrderCore

    return OrderCore.FromString(core)


# only: end
# only: his
def _his(file: Case, site: Case, state_name: str, line: _Line) -> HisLink:
    state = file["states"][state_name]
    payload = hexes(site["agreement"])
    agreement, manifest = (
        Agreement.FromString(payload),
        DeviceManifest.FromString(hexes(site["device_manifest"])),
    )
    book = Book(Memory())
    book.begin(hexes(state["ledger_seen"] or "e723e17f3ee6c156")[:8], 1)
    key: Key = (book_pb2.TABLE_SITE, site["site_id"])
    book.commit({}, [(key, book_pb2.SiteRow(search_until=1).SerializeToString())], 1)
    ledger = Ledger(
        book,
        Site([agreement], manifest, hexes(site["site_secret"])),
        CRYPTO,
        lambda: int(site["unix"]),
        bytes(8),
    )
    ledger.begin_run(_NOW)
    end = End(CRYPTO, site["terminal_id"].encode(), hexes(site["terminal_seed"]), registry(manifest))
    terms = Terms(sha256(payload), tuple(agreement.versions), tuple(agreement.suites))
    session = HisSession(end, site["device_id"].encode(), [terms], Draws())
    link = HisLink(session, ledger, site["terminal_id"], site["device_id"])
    link._session = line  # type: ignore[assignment]
    line.begin(site["device_id"], sha256(payload), _NOW - state["session_ms"])
    ready = message_pb2.SessionReady(run=hexes(state["run"]), simulated=True)
    line.events.append(Received(Message(ready=ready)))
    reply = message_pb2.SyncReply(journal=hexes(state["journal"]))
    line.events.append(Received(Message(reply_to=1, sync_reply=reply)))
    link.on_timer(_NOW)
    if state_name == "sent":
        order_no = link.collect("bill-2026-0001", 8800, _NOW)
        order = ledger.order(order_no)
        same("the order", file["sent_order"], order.core.hex() if order else None)
    return link


# only: end

RECEIVERS: dict[str, Callable[[Case, Case, str, _Line], Any]] = {
    # only: his
    "his": _his,
    # only: end
    # only: pos
    "pos": _pos,
    # only: end
}
