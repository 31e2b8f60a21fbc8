"""Both ends of the site of the vectors, whose questions to platforms are answered at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from hispos_client.book import Book, Storage
from hispos_client.handshake import End
from hispos_client.his_link import HisLink, serving
from hispos_client.his_session import HisSession
from hispos_client.ledger import Ledger, Site
from hispos_client.messages.agreement_pb2 import DeviceManifest
from hispos_client.payment import Answered, Capture, Proof, Proven, Question, recognise
from hispos_client.pos_context import Accepted, MerchantVerified
from hispos_client.pos_link import PosLink
from hispos_client.provisioning import registry
from hispos_client.tables import PlatformCall

from .book_vectors import Memory
from .business_vectors import CRYPTO
from .pos_vectors import site_of
from .vectors import hexes, load

UNIX: Final = 1_795_486_400


class Ends:
    """A HIS and a POS."""

    def __init__(
        self, clock: Callable[[], int], unix: Callable[[], int] = lambda: UNIX, ledger: Storage | None = None
    ) -> None:
        """Both begin a new book; `clock` is the boot clock."""
        self.site, self._clock, self._unix, self.verified = load("conversations.json")["site"], clock, unix, 0
        device, provision = site_of(self.site)
        journal = Book(Memory())
        journal.begin(os.urandom(8), unix())
        self.pos = PosLink(device, provision, journal, os.urandom, unix, clock())
        self._manifest = DeviceManifest.FromString(hexes(self.site["device_manifest"]))
        self._of_site = Site(list(provision.agreements), self._manifest, hexes(self.site["site_secret"]))
        self.begin(ledger or Memory())

    def begin(self, storage: Storage) -> None:
        """The program of the HIS starts, from what the storage has."""
        self.ledger = Ledger(Book(storage), self._of_site, CRYPTO, self._unix, os.urandom(8))
        self.ledger.begin_run(self._clock())
        terminal, device = self.site["terminal_id"], self.site["device_id"]
        end = End(CRYPTO, terminal.encode(), hexes(self.site["terminal_seed"]), registry(self._manifest))
        session = HisSession(end, device.encode(), serving(self._of_site), os.urandom)
        self.his = HisLink(session, self.ledger, terminal, device)

    def of_pos(self) -> None:
        """Answers each question at once, and shows a code."""
        while (question := self.pos.poll_question()) is not None:
            self.pos.answer(self._verdict(question), self._clock())
        while (event := self.pos.poll_event()) is not None:
            self.verified += isinstance(event, MerchantVerified)
            if isinstance(event, Accepted):
                self.pos.scan(recognise("134567890123456789"), self._clock())
                self.of_pos()

    def _verdict(self, question: Question) -> Answered:
        now = self._clock()
        proven = Proven(Proof.ABSENT)
        if question.call == PlatformCall.VERIFY:
            proven = Proven(Proof.VERIFIED)
        elif question.call == PlatformCall.PAY:
            proven = Proven(Proof.CAPTURED, Capture(f"42{question.number}", question.total, self._unix()))
        return Answered(question.id, proven, now, now, date=self._unix(), is_trusted=True)
