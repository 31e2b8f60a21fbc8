"""Replays the conversations of the POS whole.

Every frame, every question to a platform and every batch of the journal has to be that of the file, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from hispos_client.book import Book, Staging
from hispos_client.crypto import Standard
from hispos_client.messages.agreement_pb2 import Agreement, TerminalManifest
from hispos_client.payment import CHANNELS, Answered, Capture, PaymentCode, Proof, Proven, Question, merchant
from hispos_client.pos_link import Device, PosLink, Provision, Refusal
from hispos_client.tables import Channel

from .link_vectors import Draws
from .vectors import ANSWERS, Case, hexes, late_loads, rows_of, same

CRYPTO = Standard()
_BEGIN = 1_000_000


def site_of(site: Case, newer: Sequence[str] = ()) -> tuple[Device, Provision]:
    """The device and what it was told, of a file's site; `newer` are agreements beside that of the site."""
    agreements = [Agreement.FromString(hexes(payload)) for payload in [*newer, site["agreement"]]]
    terminals = TerminalManifest.FromString(hexes(site["terminal_manifest"]))
    device = Device(
        CRYPTO, site["device_id"], hexes(site["device_seed"]), hexes(site["boot"]), site["software"]
    )
    accounts = [merchant(agreement, channel) for agreement in agreements for channel in CHANNELS]
    return device, Provision(agreements, terminals, [one for one in accounts if one is not None])


class Conversation:
    """One case of the POS."""

    def __init__(self, site: Case, case: Case) -> None:
        """The journal has its first record."""
        self._site, self._case, self._now = site, case, _BEGIN
        self._draws = [[hexes(draw) for draw in start] for start in case["draws"]]
        self._storage = Staging()
        first = next(h["in"]["loaded"] for h in case["happenings"] if "loaded" in h.get("in", {}))
        Book(self._storage).begin(hexes(first["anchor"])[:8], self._unix())
        self._storage.acknowledge()
        self._link: PosLink | None = None

    def _unix(self) -> int:
        return int(self._site["unix"]) + (self._now - _BEGIN) // 1000

    def play(self) -> None:
        """Gives the link what comes in, and compares everything that goes out."""
        happenings = self._case["happenings"]
        late, until = late_loads(happenings), None
        for place, happening in enumerate(happenings):
            self._now = happening["at"]
            if "out" in happening:
                ((name, value),) = happening["out"].items()
                self._expect(name, value)
                continue
            ((name, value),) = happening["in"].items()
            if name not in ANSWERS:
                self._nothing_more()
            if place in late:
                self._storage.is_stalled, until = True, late[place]
            self._take(name, value)
            if place == until and self._link is not None:
                self._storage.is_stalled = False
                self._link.persisted(self._now)
        self._nothing_more()

    def _nothing_more(self) -> None:
        link = self._link
        more = link.poll_transmit() if link else None
        same(f"what else goes out before {self._now}", None, more.hex() if more else None)
        same(f"what else is asked before {self._now}", None, link.poll_question() if link else None)

    def _expect(self, name: str, value: Case) -> None:
        link = self._link
        assert link is not None
        if name == "transmit":
            sent = link.poll_transmit()
            same(f"at {self._now}", value, sent.hex() if sent else None)
        elif name == "ask":
            asked = link.poll_question()
            same(f"asked at {self._now}", value, asked and _as_asked(asked, self._site))
        elif name == "persist":
            wanted = [(row["table"], row["key"], row["row"]) for row in value["write"]]
            same(f"stored at {self._now}", wanted, rows_of(self._storage.taken))

    def _take(self, name: str, value: Case) -> None:
        link = self._link
        if name == "start":
            self._storage = Staging(self._storage.load())
            device, provision = site_of({**self._site, **value}, self._case.get("agreements", ()))
            draws = Draws(*self._draws.pop(0))
            self._link = PosLink(device, provision, Book(self._storage), draws, self._unix, self._now)
        elif link is None or name == "loaded":
            return
        elif name == "opened":
            link.opened(self._now)
        elif name == "bytes":
            link.feed(hexes(str(value)), self._now)
        elif name == "tick":
            link.on_timer(self._now)
        elif name == "scan":
            # A code that nobody wants is kept nowhere.
            with suppress(Refusal):
                link.scan(PaymentCode(Channel(value["channel"]), value["code"]), self._now)
        elif name == "verdict":
            link.answer(answered_of(value), self._now)
        elif name == "close":
            link.close(self._now)
        elif name == "persist_failed":
            link.persist_failed(self._now)
        elif name == "persisted":
            self._storage.acknowledge()
            same("anchor", value["anchor"], link.book.anchor.hex())
            link.persisted(self._now)


def _as_asked(question: Question, site: Case) -> Case:
    asked: Case = {
        "id": question.id,
        "channel": int(question.merchant.channel),
        "request": question.call.name.lower(),
        "number": question.number,
        "total": question.total,
        "not_after": question.not_after,
        "expires_at": question.expires_at or None,
    }
    if question.refund_number:
        asked |= {"refund": question.refund_number, "fen": question.refund_amount}
    agreement = Agreement.FromString(hexes(site["agreement"]))
    if question.merchant != merchant(agreement, question.merchant.channel):
        asked["merchant"] = question.merchant.account
    return asked


def answered_of(value: Case) -> Answered:
    """A verdict as the files write it."""
    told = value["proof"]
    capture = None
    if "payment_no" in told:
        capture = Capture(told["payment_no"], told["fen"], told.get("captured_at"))
    proven = Proven(
        Proof(told["name"]),
        capture,
        refunded=told.get("refunded", 0),
        refund_id=told.get("refund_id", ""),
        refunded_at=told.get("at"),
        is_closed=told.get("closed", False),
    )
    return Answered(
        value["id"],
        proven,
        value["ended"],
        value["first_byte"],
        value["provider_code"],
        value["date"],
        value["answered"],
    )
