"""Both links over asyncio lines: they come to a session, and a collect is paid by verdicts that are given at once."""

from __future__ import annotations

import asyncio
import os
import unittest

from hispos_client.aio import AsyncSerialLine, AsyncTcpLine, Pump
from hispos_client.book import Book
from hispos_client.handshake import End
from hispos_client.his_link import HisLink, OrderEnded, Ready, serving
from hispos_client.his_session import HisSession
from hispos_client.ledger import Ledger, Site
from hispos_client.messages.agreement_pb2 import DeviceManifest
from hispos_client.payment import Answered, Capture, Proof, Proven, Question, recognise
from hispos_client.pos_context import Accepted, MerchantVerified
from hispos_client.pos_link import PosLink
from hispos_client.provisioning import registry
from hispos_client.tables import PlatformCall
from hispos_client.transport import SerialLine, boot_clock

from .book_vectors import Memory
from .business_vectors import CRYPTO
from .pos_vectors import site_of
from .vectors import hexes, load

_UNIX = 1_795_486_400


class Ends:
    """A HIS and a POS of the site of the vectors."""

    def __init__(self) -> None:
        """Both begin a new book."""
        site = load("conversations.json")["site"]
        device, provision = site_of(site)
        journal = Book(Memory())
        journal.begin(os.urandom(8), _UNIX)
        self.pos = PosLink(device, provision, journal, os.urandom, lambda: _UNIX, boot_clock())
        manifest = DeviceManifest.FromString(hexes(site["device_manifest"]))
        of_site = Site(list(provision.agreements), manifest, hexes(site["site_secret"]))
        self.ledger = Ledger(Book(Memory()), of_site, CRYPTO, lambda: _UNIX, os.urandom(8))
        self.ledger.begin_run(boot_clock())
        terminal = site["terminal_id"]
        end = End(CRYPTO, terminal.encode(), hexes(site["terminal_seed"]), registry(manifest))
        session = HisSession(end, site["device_id"].encode(), serving(of_site), os.urandom)
        self.his = HisLink(session, self.ledger, terminal, site["device_id"])
        self.ended = asyncio.Event()
        self.verified = 0
        self.is_ready = self.is_made = False

    def of_his(self) -> None:
        """Collects once both sides are ready."""
        while (event := self.his.poll_event()) is not None:
            self.is_ready = self.is_ready or isinstance(event, Ready)
            if isinstance(event, OrderEnded):
                self.order_no = event.order_no
                self.ended.set()
        if self.is_ready and self.verified == 2 and not self.is_made:
            self.is_made = True
            self.his.collect("bill-1", 1234, boot_clock())

    def of_pos(self) -> None:
        """Answers each question at once, and shows a code."""
        while (question := self.pos.poll_question()) is not None:
            self.pos.answer(self._verdict(question), boot_clock())
        while (event := self.pos.poll_event()) is not None:
            self.verified += isinstance(event, MerchantVerified)
            if isinstance(event, Accepted):
                self.pos.scan(recognise("134567890123456789"), boot_clock())
                self.of_pos()

    def _verdict(self, question: Question) -> Answered:
        now = boot_clock()
        proven = Proven(Proof.ABSENT)
        if question.call == PlatformCall.VERIFY:
            proven = Proven(Proof.VERIFIED)
        elif question.call == PlatformCall.PAY:
            proven = Proven(Proof.CAPTURED, Capture("4200001", question.total, _UNIX))
        return Answered(question.id, proven, now, now, date=_UNIX, is_trusted=True)


class Asyncio(unittest.TestCase):
    """Each kind of line."""

    async def _live(self, ends: Ends, pos: Pump, his: Pump) -> None:
        running = [asyncio.ensure_future(one.run()) for one in (pos, his)]
        try:
            while not ends.ended.is_set():
                his.wake()
                await asyncio.wait([asyncio.ensure_future(ends.ended.wait())], timeout=0.1)
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        order = ends.ledger.order(ends.order_no)
        self.assertEqual(ends.ledger.unposted(), [ends.order_no])
        self.assertIsNotNone(order)

    async def _over_tcp(self) -> None:
        ends = Ends()
        accepted: asyncio.Future[AsyncTcpLine] = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(
            lambda reader, writer: accepted.set_result(AsyncTcpLine(reader, writer)), "127.0.0.1", 0
        )
        line = await AsyncTcpLine.dial("127.0.0.1", server.sockets[0].getsockname()[1])
        await self._live(ends, Pump(ends.pos, await accepted, ends.of_pos), Pump(ends.his, line, ends.of_his))
        server.close()

    def test_over_tcp(self) -> None:
        """Dialled by the HIS."""
        asyncio.run(asyncio.wait_for(self._over_tcp(), 60))

    async def _over_serial(self) -> None:
        near, far = os.openpty()
        ends = Ends()
        his = await AsyncSerialLine.open(os.ttyname(far))
        pos = AsyncSerialLine(_Master(near))
        await self._live(ends, Pump(ends.pos, pos, ends.of_pos), Pump(ends.his, his, ends.of_his))
        os.close(far)

    def test_over_a_pseudo_terminal(self) -> None:
        """The HIS opens the port, the POS holds the other end."""
        asyncio.run(asyncio.wait_for(self._over_serial(), 60))


class _Master(SerialLine):
    """The other end of a pseudo-terminal, which is no port to open."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
