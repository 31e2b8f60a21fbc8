"""Lines for asyncio: the same streams as `transport`, and a loop that keeps a link and its line going."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final, Protocol

from .transport import SerialLine, boot_clock

_PIECE: Final = 4096


class AsyncLine(Protocol):
    """One opening of a line."""

    async def read(self) -> bytes:
        """What has come; empty if the line is gone."""

    async def write(self, data: bytes) -> None:
        """Sends bytes. Raises OSError if the line is gone."""

    def close(self) -> None:
        """Closes the line."""


class AsyncTcpLine:
    """A TCP stream of asyncio, dialled or accepted by `asyncio.start_server`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Of a stream that stands."""
        self._reader, self._writer = reader, writer

    @classmethod
    async def dial(cls, host: str, port: int) -> AsyncTcpLine:
        """Dials. Raises OSError."""
        return cls(*await asyncio.open_connection(host, port))

    async def read(self) -> bytes:
        """What has come; empty if the line is gone."""
        try:
            return await self._reader.read(_PIECE)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        """Sends bytes."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Closes the stream."""
        self._writer.close()


class AsyncSerialLine:
    """A serial port or pseudo-terminal of a POSIX system."""

    def __init__(self, line: SerialLine) -> None:
        """Of a port that is open and has settled: open it in a thread, since that takes a moment."""
        self._line = line
        os.set_blocking(line.fileno(), False)

    @classmethod
    async def open(cls, path: str) -> AsyncSerialLine:
        """Opens a port, and lets it settle. Raises OSError."""
        return cls(await asyncio.get_running_loop().run_in_executor(None, SerialLine, path))

    async def read(self) -> bytes:
        """What has come; empty if the line is gone."""
        await self._ready(asyncio.get_running_loop().add_reader, asyncio.get_running_loop().remove_reader)
        try:
            return os.read(self._line.fileno(), _PIECE)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        """Sends bytes."""
        loop = asyncio.get_running_loop()
        while data:
            try:
                data = data[os.write(self._line.fileno(), data) :]
            except BlockingIOError:
                await self._ready(loop.add_writer, loop.remove_writer)

    async def _ready(self, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        add(self._line.fileno(), wake)
        try:
            await ready
        finally:
            remove(self._line.fileno())

    def close(self) -> None:
        """Closes the port."""
        self._line.close()


class Link(Protocol):
    """What a link of either side does with its line."""

    def opened(self, now: int) -> None:
        """A stream is open."""

    def closed(self, now: int) -> None:
        """The stream is gone."""

    def feed(self, data: bytes, now: int) -> None:
        """Takes bytes."""

    def on_timer(self, now: int) -> None:
        """Does what is due."""

    def poll_transmit(self) -> bytes | None:
        """The next bytes."""

    def next_timer(self) -> int | None:
        """When `on_timer` has something to do."""


class Pump:
    """Keeps one opening of a line and a link going. `wake` it behind each command that is given to the link."""

    def __init__(self, link: Link, line: AsyncLine, after: Callable[[], None]) -> None:
        """`after` is called behind every step: it polls events and questions of the link."""
        self._link, self._line, self._after = link, line, after
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was given to the link: what it has to send goes out."""
        self._wake.set()

    async def run(self) -> None:
        """Until the line is gone; the link is then told that it is closed."""
        self._link.opened(boot_clock())
        reading: asyncio.Task[bytes] | None = None
        try:
            while True:
                await self._carry_out()
                reading = reading or asyncio.ensure_future(self._line.read())
                data = await self._wait(reading)
                if data is None:
                    continue
                reading = None
                if not data:
                    return
                self._link.feed(data, boot_clock())
        except OSError:
            return
        finally:
            if reading is not None:
                reading.cancel()
            self._line.close()
            self._link.closed(boot_clock())
            self._after()

    async def _carry_out(self) -> None:
        self._link.on_timer(boot_clock())
        self._after()
        while (data := self._link.poll_transmit()) is not None:
            await self._line.write(data)

    async def _wait(self, reading: asyncio.Task[bytes]) -> bytes | None:
        """What was read, or None if the time has come or somebody woke."""
        due = self._link.next_timer()
        seconds = None if due is None else max(0.0, (due - boot_clock()) / 1000)
        waking = asyncio.ensure_future(self._wake.wait())
        await asyncio.wait({reading, waking}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        waking.cancel()
        self._wake.clear()
        return reading.result() if reading.done() else None
