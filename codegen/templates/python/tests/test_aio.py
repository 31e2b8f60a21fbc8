"""Both links over asyncio lines: they come to a session, and a collect is paid by verdicts that are given at once."""

from __future__ import annotations

import asyncio
import os
import unittest

from hispos_client.aio import AsyncSerialLine, AsyncTcpLine, Pump
from hispos_client.his_link import OrderEnded, Ready
from hispos_client.transport import SerialLine, boot_clock

from .ends import Ends


class Window(Ends):
    """A HIS that collects once both sides are ready."""

    def __init__(self) -> None:
        """By the clock of the machine."""
        super().__init__(boot_clock)
        self.ended = asyncio.Event()
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


class Asyncio(unittest.TestCase):
    """Each kind of line."""

    async def _live(self, ends: Window, pos: Pump, his: Pump) -> None:
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
        ends = Window()
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
        ends = Window()
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
