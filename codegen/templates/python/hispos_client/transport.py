"""Lines: TCP and serial streams with one blocking call each. They know nothing of the protocol (framing, "The line")."""

from __future__ import annotations

import os
import select
import socket
import time
from typing import Protocol

from .tables import Timers


class Line(Protocol):
    """One opening of a line."""

    def read(self, seconds: float) -> bytes | None:
        """What has come within a time; empty if nothing has, None if the line is gone."""

    def write(self, data: bytes) -> None:
        """Sends bytes. Raises OSError if the line is gone."""

    def close(self) -> None:
        """Closes the line."""


def boot_clock() -> int:
    """Milliseconds since the boot of the machine, running during sleep where the system has such a clock (ORD-1)."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    seconds = time.monotonic() if clock is None else time.clock_gettime(clock)
    return int(seconds * 1000)


class TcpLine:
    """A TCP stream."""

    def __init__(self, stream: socket.socket) -> None:
        """Of a stream that stands."""
        self._socket = stream
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def dial(cls, host: str, port: int, seconds: float = 10.0) -> TcpLine:
        """Dials. Raises OSError."""
        return cls(socket.create_connection((host, port), seconds))

    def read(self, seconds: float) -> bytes | None:
        """What has come within a time; empty if nothing has, None if the line is gone."""
        if not select.select([self._socket], [], [], max(seconds, 0))[0]:
            return b""
        try:
            return self._socket.recv(4096) or None
        except OSError:
            return None

    def write(self, data: bytes) -> None:
        """Sends bytes."""
        self._socket.sendall(data)

    def close(self) -> None:
        """Closes the stream."""
        self._socket.close()


class TcpListener:
    """Waits for a HIS that dials; one stream at a time."""

    def __init__(self, host: str, port: int) -> None:
        """Listens. Raises OSError."""
        self._socket = socket.create_server((host, port))

    def accept(self, seconds: float) -> TcpLine | None:
        """The next stream, or None if none came within the time."""
        if not select.select([self._socket], [], [], max(seconds, 0))[0]:
            return None
        return TcpLine(self._socket.accept()[0])

    def close(self) -> None:
        """Listens no more."""
        self._socket.close()


class SerialLine:
    """A serial port or pseudo-terminal of a POSIX system, by its path."""

    def __init__(self, path: str, baud: int = 115_200) -> None:
        """Opens the port raw, 8 data bits, no parity, 1 stop bit, and lets it settle (FRM-1 to FRM-4)."""
        import termios
        import tty

        self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._descriptor, termios.TCSANOW)
        settings = termios.tcgetattr(self._descriptor)
        settings[2] = settings[2] & ~termios.CSTOPB & ~termios.PARENB & ~termios.CSIZE | termios.CS8
        settings[2] |= termios.CLOCAL | termios.CREAD
        settings[4] = settings[5] = getattr(termios, f"B{baud}")
        termios.tcsetattr(self._descriptor, termios.TCSANOW, settings)
        time.sleep(Timers.LINE_SETTLE / 1000)

    def fileno(self) -> int:
        """The port's descriptor."""
        return self._descriptor

    def read(self, seconds: float) -> bytes | None:
        """What has come within a time; empty if nothing has, None if the line is gone."""
        if not select.select([self._descriptor], [], [], max(seconds, 0))[0]:
            return b""
        try:
            return os.read(self._descriptor, 4096) or None
        except OSError:
            return None

    def write(self, data: bytes) -> None:
        """Sends bytes."""
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> None:
        """Closes the port."""
        os.close(self._descriptor)


def open_line(name: str) -> Line:
    """`tcp:HOST:PORT` or `serial:PATH`. Raises OSError, or ValueError for another name."""
    kind, _, place = name.partition(":")
    if kind == "serial":
        return SerialLine(place)
    host, _, port = place.rpartition(":")
    if kind != "tcp" or not port.isdigit():
        raise ValueError("a line is tcp:HOST:PORT or serial:PATH")
    return TcpLine.dial(host, int(port))
