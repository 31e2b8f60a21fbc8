"""Replays the conversations of the HIS whole.

Every frame has to be that of the file, and every anchor: the ledger's rows are the same bytes in the same order.
"""

from __future__ import annotations

from contextlib import suppress

from hispos_client.book import Book, Key
from hispos_client.crypto import Standard, sha256
from hispos_client.handshake import End
from hispos_client.his_link import HisLink
from hispos_client.his_session import HisSession
from hispos_client.ledger import Ledger, Refund, Refusal, Site
from hispos_client.messages import book_pb2
from hispos_client.messages.agreement_pb2 import Agreement, DeviceManifest
from hispos_client.messages.book_pb2 import SiteRow
from hispos_client.provisioning import registry
from hispos_client.session import Terms

from .book_vectors import Memory
from .link_vectors import Draws
from .vectors import Case, hexes, same, unanswered_load

CRYPTO = Standard()
_BEGIN = 1_000_000


class Conversation:
    """One case of the HIS."""

    def __init__(self, site: Case, case: Case) -> None:
        """The ledger is empty."""
        self._site, self._case, self._now = site, case, _BEGIN
        self._draws = [[hexes(draw) for draw in start] for start in case["draws"]]
        self._storage = Memory()
        self._stalls_at = unanswered_load(case["happenings"])
        payload = hexes(site["agreement"])
        self._agreement_hash = sha256(payload)
        self._agreement = Agreement.FromString(payload)
        self._manifest = DeviceManifest.FromString(hexes({**site, **case}["device_manifest"]))
        self._book_id = self._first_anchor()[:8]

    def _first_anchor(self) -> bytes:
        for happening in self._case["happenings"]:
            if "loaded" in happening.get("in", {}):
                return hexes(happening["in"]["loaded"]["anchor"])
        raise AssertionError("no anchor")

    def _unix(self) -> int:
        return int(self._site["unix"]) + (self._now - _BEGIN) // 1000

    def _start(self) -> HisLink:
        site = Site([self._agreement], self._manifest, hexes(self._site["site_secret"]))
        book = Book(self._storage)
        if book.is_new:
            book.begin(self._book_id, self._unix())
            for key, row in self._first_rows():
                book.commit({}, [(key, row)], self._unix())
        ledger = Ledger(book, site, CRYPTO, self._unix, self._book_id)
        ledger.begin_run(self._now)
        end = End(
            CRYPTO,
            self._site["terminal_id"].encode(),
            hexes(self._site["terminal_seed"]),
            registry(self._manifest),
        )
        agreement = self._agreement
        terms = Terms(self._agreement_hash, tuple(agreement.versions), tuple(agreement.suites))
        draws = Draws(*self._draws.pop(0))
        session = HisSession(end, self._site["device_id"].encode(), [terms], draws)
        return HisLink(session, ledger, self._site["terminal_id"], self._site["device_id"])

    def _first_rows(self) -> list[tuple[Key, bytes]]:
        if "ledger" in self._case:
            return [((row["table"], row["key"]), hexes(row["row"])) for row in self._case["ledger"]]
        row = SiteRow(search_until=self._unix() - 518_400).SerializeToString()
        return [((book_pb2.TABLE_SITE, self._site["site_id"]), row)]

    def play(self) -> None:
        """Gives the link what comes in, and compares everything that goes out."""
        link: HisLink | None = None
        stored = [at for at, h in enumerate(self._case["happenings"]) if "persisted" in h.get("in", {})]
        stored_last = stored[-1] if stored else None
        for place, happening in enumerate(self._case["happenings"]):
            self._now = happening["at"]
            if place == self._stalls_at:
                self._storage.is_durable = False
            if "out" in happening:
                if "transmit" in happening["out"] and link is not None:
                    sent = link.poll_transmit()
                    same(f"at {self._now}", happening["out"]["transmit"], sent.hex() if sent else None)
                continue
            if link is not None and "in" in happening and not {"persisted", "loaded"} & set(happening["in"]):
                more = link.poll_transmit()
                same(f"what else goes out before {self._now}", None, more.hex() if more else None)
            ((name, value),) = happening["in"].items()
            if name == "start":
                link = self._start()
            elif link is not None:
                self._take(link, name, value, place == stored_last)

    def _take(self, link: HisLink, name: str, value: Case, is_last: bool) -> None:
        if name == "opened":
            link.opened(self._now)
        elif name == "bytes":
            link.feed(hexes(str(value)), self._now)
        elif name == "tick":
            link.on_timer(self._now)
        elif name == "collect":
            # A refused one stores and sends nothing.
            with suppress(Refusal):
                link.collect(value["bill"], value["fen"], self._now)
        elif name == "refund":
            names = ("order_no", "fen", "item", "operator", "approver", "reason")
            with suppress(Refusal):
                link.refund(Refund(*(value[name] for name in names)), self._now)
        elif name == "cancel":
            link.cancel(value["order_no"], self._now)
        elif name == "close":
            link.close(self._now)
        elif name == "persisted":
            book = link.ledger.book
            # Two transactions of the file may be one of this client; the last one is exact.
            is_there = book.containment(hexes(value["anchor"])) == "contained" and not is_last
            same("anchor", value["anchor"], value["anchor"] if is_there else book.anchor.hex())
