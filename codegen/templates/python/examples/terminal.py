"""A payment terminal: takes orders from a HIS over a line, with a journal in a file and the simulated platform.

    python -m examples.terminal --home DIR --line tcp:127.0.0.1:7000 --credentials FILE --platform http://…

DIR holds `device.key` (32 bytes), `device.id`, and the signed files `agreement.hispos` and `terminals.hispos`. The
journal is made there. A line is `tcp:HOST:PORT`, where it listens, or `serial:PATH`. A code is what a payer shows: a line of
the standard input, or with `--codes` the next one of a list for each order that waits.
"""

from __future__ import annotations

import argparse
import os
import queue
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from hispos_client import provisioning
from hispos_client.adapter import Adapter, carry_out
from hispos_client.book import Book, FileStorage
from hispos_client.crypto import Standard
from hispos_client.messages.agreement_pb2 import TerminalManifest
from hispos_client.payment import Answered, Merchant, NoCode, Question, recognise
from hispos_client.pos_context import Accepted, Ended
from hispos_client.pos_link import Device, LinkEvent, PosLink, Provision, Refusal, Stopped
from hispos_client.tables import STATUS_MEANINGS, FileKind
from hispos_client.transport import Line, SerialLine, TcpListener, boot_clock

from .simulated import platforms

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LOOK, _SOON = 0.05, 0.002
"""Seconds between two looks for a code, and for a verdict that is awaited."""
_RESERVE = 16 << 20
"""Room for the end of every order that has not ended (ORD-92)."""


def boot() -> bytes:
    """16 bytes that all programs of one boot share, or fresh ones where the system has none (ORD-57)."""
    try:
        return bytes.fromhex(_BOOT_ID.read_text().strip().replace("-", ""))
    except OSError:
        return os.urandom(16)


class Terminal:
    """One terminal, its line, and its payment code."""

    def __init__(
        self, home: Path, line: str, adapters: dict[Merchant, Adapter], codes: Sequence[str]
    ) -> None:
        """Verifies the files of `home`, loads the journal, and opens the line."""
        crypto = Standard()
        agreement, _ = provisioning.read_agreement(crypto, (home / "agreement.hispos").read_bytes())
        if not agreement.simulated:
            raise Refusal("this example takes simulated agreements only")
        terminals = provisioning.read_manifest(
            crypto, (home / "terminals.hispos").read_bytes(), FileKind.TERMINAL_MANIFEST, agreement
        )
        assert isinstance(terminals, TerminalManifest)
        device_id = (home / "device.id").read_text().strip()
        device = Device(crypto, device_id, (home / "device.key").read_bytes(), boot(), "hispos example 1")
        self._storage = FileStorage(home / "journal.jsonl")
        book = Book(self._storage)
        if book.is_new:
            book.begin(os.urandom(8), int(time.time()))
        self._adapters, self._codes = adapters, deque(codes)
        self._verdicts: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        self._awaited = 0
        held = [account for account in adapters if account.is_simulated == agreement.simulated]
        provision = Provision([agreement], terminals, held)
        self.link = PosLink(device, provision, book, os.urandom, lambda: int(time.time()), boot_clock())
        self._is_stopped = False
        self._line: Line | None = None
        kind, _, place = line.partition(":")
        self._serial = place if kind == "serial" else ""
        host, _, port = place.rpartition(":")
        self._listener = TcpListener(host, int(port)) if kind == "tcp" else None

    def serve(self) -> None:
        """Serves until the book cannot be written."""
        while not self._is_stopped:
            self._open()
            self.link.has_room = self._has_room()
            now = boot_clock()
            self.link.on_timer(now)
            self._carry_out()
            due = self.link.next_timer()
            # A verdict comes from a thread, and a code from a person: neither wakes the line.
            most = _SOON if self._awaited else _LOOK
            wait = most if due is None else min(most, max(0.0, (due - now) / 1000))
            if self._line is not None:
                self._read(self._line, wait)
            while not self._verdicts.empty():
                self.link.answer(self._verdicts.get(), boot_clock())
                self._awaited -= 1
            self._scan()

    def _has_room(self) -> bool:
        try:
            return self._storage.free_space() >= _RESERVE
        except OSError:
            return False

    def _open(self) -> None:
        if self._listener is not None:
            stream = self._listener.accept(0 if self._line else 0.05)
            if stream is None:
                return
            self._close()
            self._line = stream
        elif self._line is None:
            try:
                self._line = SerialLine(self._serial)
            except OSError:
                time.sleep(0.2)
                return
        else:
            return
        self.link.opened(boot_clock())

    def _close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
            self.link.closed(boot_clock())

    def _read(self, line: Line, wait: float) -> None:
        received = line.read(wait)
        if received is None:
            self._close()
        elif received:
            self.link.feed(received, boot_clock())

    def _carry_out(self) -> None:
        while (question := self.link.poll_question()) is not None:
            self._awaited += 1
            threading.Thread(target=self._ask, args=(question,), daemon=True).start()
        while (event := self.link.poll_event()) is not None:
            self._tell(event)
        while (data := self.link.poll_transmit()) is not None:
            try:
                if self._line is not None:
                    self._line.write(data)
            except OSError:
                self._close()

    def _ask(self, question: Question) -> None:
        adapter = self._adapters[question.merchant]
        self._verdicts.put(carry_out(adapter, question, boot_clock))

    def _tell(self, event: LinkEvent) -> None:
        print(event, flush=True)
        if isinstance(event, Ended):
            print(f"  {STATUS_MEANINGS[event.status].patient_zh}", flush=True)
        self._is_stopped = self._is_stopped or isinstance(event, Stopped)
        if isinstance(event, Accepted) and event.fen > 0 and self._codes:
            self._show(self._codes.popleft())

    def _scan(self) -> None:
        if not sys.stdin.closed and select.select([sys.stdin], [], [], 0)[0]:
            text = sys.stdin.readline()
            if text:
                self._show(text)
            else:
                sys.stdin.close()

    def _show(self, text: str) -> None:
        try:
            self.link.scan(recognise(text), boot_clock())
        except NoCode as refused:
            print(f"no payment code: {refused}", flush=True)
        except Refusal as refusal:
            print(refusal, flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--line", required=True)
    parser.add_argument("--credentials", type=Path, required=True)
    parser.add_argument("--platform", required=True)
    parser.add_argument("--codes", nargs="*", default=[])
    given = parser.parse_args()
    try:
        adapters: dict[Merchant, Adapter] = {
            one.merchant: one for one in platforms(given.credentials, given.platform)
        }
        terminal = Terminal(given.home, given.line, adapters, given.codes)
    except (OSError, ValueError, Refusal, provisioning.Refused) as error:
        print(error, file=sys.stderr)
        return 5
    print("ready", flush=True)
    terminal.serve()
    return 5


if __name__ == "__main__":
    sys.exit(main())
