"""Replays the conversations of the HIS whole.

Every frame has to be that of the file, and every anchor: the ledger's rows are the same bytes in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from hispos_client.book import Book, Key, Staging, Stored, head
from hispos_client.crypto import Standard, sha256
from hispos_client.handshake import End
from hispos_client.his_link import HisLink
from hispos_client.his_session import HisSession
from hispos_client.ledger import Ledger, Refund, Refusal, Site
from hispos_client.messages import book_pb2
from hispos_client.messages.agreement_pb2 import Agreement, DeviceManifest
from hispos_client.messages.book_pb2 import BookRecord, SiteRow
from hispos_client.provisioning import registry
from hispos_client.session import Terms

from .link_vectors import Draws
from .vectors import ANSWERS, Case, hexes, late_loads, rows_of, same

CRYPTO = Standard()
_BEGIN = 1_000_000


class Recorded(Staging):
    """It remembers what the file has not named yet: two batches of the file may come at once."""

    def __init__(self, stored: Sequence[Stored] = ()) -> None:
        """`stored` is what is durable already."""
        super().__init__(stored)
        self.unseen: list[Stored] = []

    def append(self, batch: Sequence[Stored]) -> None:
        """Takes a batch."""
        super().append(batch)
        self.unseen += batch


class Conversation:
    """One case of the HIS."""

    def __init__(self, site: Case, case: Case) -> None:
        """The ledger is empty."""
        self._site, self._case, self._now = site, case, _BEGIN
        self._draws = [[hexes(draw) for draw in start] for start in case["draws"]]
        self._storage = Recorded()
        self._link: HisLink | None = None
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
        self._storage = Recorded(self._storage.load())
        book = Book(self._storage)
        if book.is_new:
            book.begin(self._book_id, self._unix())
            for key, row in self._first_rows():
                book.commit({}, [(key, row)], self._unix())
        ledger = Ledger(book, site, CRYPTO, self._unix, self._book_id)
        ledger.begin_run(self._now)
        self._storage.acknowledge()
        self._storage.unseen.clear()
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
        more = self._link.poll_transmit() if self._link else None
        same(f"what else goes out before {self._now}", None, more.hex() if more else None)
        same(f"what else is stored before {self._now}", [], rows_of(self._storage.unseen))

    def _expect(self, name: str, value: Case) -> None:
        link = self._link
        assert link is not None
        if name == "transmit":
            sent = link.poll_transmit()
            same(f"at {self._now}", value, sent.hex() if sent else None)
        elif name == "persist":
            wanted = [(row["table"], row["key"], row["row"]) for row in value["write"]]
            unseen = self._storage.unseen
            same(f"stored at {self._now}", wanted, rows_of(unseen[: len(wanted)]))
            del unseen[: len(wanted)]

    def _take(self, name: str, value: Case) -> None:
        link = self._link
        if name == "start":
            self._link = self._start()
        elif link is None:
            return
        elif name == "opened":
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
            self._persisted(link, value["anchor"])

    def _persisted(self, link: HisLink, anchor: str) -> None:
        book = link.ledger.book
        self._stamp(book)
        self._storage.acknowledge()
        is_there = self._storage.unseen and book.containment(hexes(anchor)) == "contained"
        same("anchor", anchor, anchor if is_there else book.anchor.hex())
        link.persisted(self._now)

    def _stamp(self, book: Book) -> None:
        """The book of the file notes when it has stored, this one when it was given."""
        first = book.length - len(self._storage.taken)
        for place, stored in enumerate(self._storage.taken):
            record = BookRecord.FromString(stored.record)
            record.at = self._unix()
            data = record.SerializeToString()
            book._heads[first + place] = head(book._heads[first + place - 1], data)
            self._storage.taken[place] = Stored(data, book._heads[first + place])
