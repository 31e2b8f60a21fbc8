"""A cashier's window: collects and refunds over a line, with a ledger in a file.

    python -m examples.window --home DIR --line tcp:127.0.0.1:7000 collect --bill B-1 +12.34
    cat bills | python -m examples.window --home DIR --line LINE collect --bill - +12.34
    python -m examples.window --home DIR --line serial:/dev/ttyUSB0 refund ORDER -5.00 --operator 1001 --approver 2001
    python -m examples.window --home DIR --line tcp:127.0.0.1:7000 cancel --bill B-1 +12.34
    python -m examples.window --home DIR --line tcp:127.0.0.1:7000 look ORDER

`cancel` collects, and thinks better of it once the terminal waits for a code. `look` ends an order that an earlier run,
which was killed, left open: by a signed result, as every end.

DIR holds `terminal.key` and `site.secret` (32 bytes each), `terminal.id`, `device.id`, and the signed files
`agreement.hispos` and `devices.hispos`. The ledger is made there.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from hispos_client import orders, provisioning
from hispos_client.book import Book, FileStorage
from hispos_client.crypto import Standard
from hispos_client.handshake import End
from hispos_client.his_link import HisLink, LinkEvent, OrderEnded, Progress, Ready
from hispos_client.his_session import HisSession
from hispos_client.ledger import Ledger, Refund, Refusal, Site
from hispos_client.ledger_index import ATTENTION, PAID, REFUNDED
from hispos_client.messages.agreement_pb2 import DeviceManifest
from hispos_client.messages.book_pb2 import HisOrder
from hispos_client.session import Terms
from hispos_client.tables import STATUS_MEANINGS, FileKind, Stage
from hispos_client.transport import Line, boot_clock, open_line

DONE, USAGE, REFUSED, UNKNOWN, NOT_REACHABLE = 0, 2, 3, 4, 5


class Window:
    """One window and its device."""

    def __init__(self, home: Path, line: str) -> None:
        """Verifies the files of `home`, loads the ledger, and opens the line."""
        crypto = Standard()
        agreement, agreement_hash = provisioning.read_agreement(
            crypto, (home / "agreement.hispos").read_bytes()
        )
        if not agreement.simulated:
            raise Refusal("this example takes simulated agreements only")
        manifest = provisioning.read_manifest(
            crypto, (home / "devices.hispos").read_bytes(), FileKind.DEVICE_MANIFEST, agreement
        )
        assert isinstance(manifest, DeviceManifest)
        site = Site([agreement], manifest, (home / "site.secret").read_bytes())
        book = Book(FileStorage(home / "ledger.jsonl"))
        self.ledger = Ledger(book, site, crypto, lambda: int(time.time()), os.urandom(8))
        self.ledger.begin_run(boot_clock())
        terminal, device = (
            (home / "terminal.id").read_text().strip(),
            (home / "device.id").read_text().strip(),
        )
        key = (home / "terminal.key").read_bytes()
        end = End(crypto, terminal.encode(), key, provisioning.registry(manifest))
        terms = Terms(agreement_hash, tuple(agreement.versions), tuple(agreement.suites))
        session = HisSession(end, device.encode(), [terms], os.urandom)
        self.link = HisLink(session, self.ledger, terminal, device)
        self._name = line
        self._line: Line | None = open_line(line)
        self.link.opened(boot_clock())

    def run(
        self, until: Callable[[LinkEvent], bool], seconds: float, tell: Callable[[LinkEvent], None]
    ) -> bool:
        """The whole driver: bytes in, bytes out, events, time. Whether `until` came within the time."""
        end = boot_clock() + int(seconds * 1000)
        while (now := boot_clock()) < end:
            self.link.on_timer(now)
            self._flush()
            while (event := self.link.poll_event()) is not None:
                tell(event)
                if until(event):
                    self._flush()
                    return True
            due = self.link.next_timer()
            wait = 0.5 if due is None else min(0.5, max(0.0, (due - boot_clock()) / 1000))
            if self._line is None:
                self._open_again()
            elif (received := self._line.read(wait)) is None:
                self._lost()
            elif received:
                self.link.feed(received, boot_clock())
        return False

    def _flush(self) -> None:
        while (data := self.link.poll_transmit()) is not None:
            try:
                if self._line is not None:
                    self._line.write(data)
            except OSError:
                self._lost()

    def _lost(self) -> None:
        """The line is gone: the session with it, and no order."""
        self.link.closed(boot_clock())
        if self._line is not None:
            self._line.close()
            self._line = None

    def _open_again(self) -> None:
        """Once a second, until the line stands."""
        time.sleep(1)
        try:
            self._line = open_line(self._name)
        except OSError:
            return
        self.link.opened(boot_clock())

    def pay(
        self, make: Callable[[int], str], seconds: float, tell: Callable[[LinkEvent], None]
    ) -> tuple[int, str]:
        """Makes or names an order once the link is ready: its end as an exit code, and what the cashier reads."""
        if not self.link.is_ready and not self.run(lambda event: isinstance(event, Ready), 30, tell):
            return NOT_REACHABLE, "the terminal does not answer"
        order_no = make(boot_clock())
        unknown = UNKNOWN, f"{order_no}: unknown. Do not take or give the money again."
        try:
            is_open = any(number == order_no for number, _, _ in self.ledger.open_orders())
            if is_open and not self.run(lambda event: event == OrderEnded(order_no), seconds, tell):
                return unknown
        except (OSError, ValueError) as error:
            # What breaks behind the making of an order says nothing about its money.
            print(error, file=sys.stderr)
            return unknown
        order = self.ledger.order(order_no)
        assert order is not None
        return end_of(order_no, order)

    def look(self, order_no: str) -> tuple[int, str]:
        """Asks about an order that an earlier run left open."""
        if self.ledger.order(order_no) is None:
            raise Refusal(f"{order_no} is no order of this ledger")

        def ask(now: int) -> str:
            self.link.ask(order_no, now)
            return order_no

        return self.pay(ask, 300, print)

    def cancel_at_code(self, event: LinkEvent) -> None:
        """A cashier who thinks better of it once the terminal waits for a code."""
        print(event)
        if isinstance(event, Progress) and event.stage == Stage.WAIT_CODE:
            self.link.cancel(event.order_no, boot_clock())

    def close(self) -> None:
        """Ends the session in order; what breaks in it says nothing about an order."""
        try:
            self.link.close(boot_clock())
            self._flush()
            self._lost()
        except OSError as error:
            print(error, file=sys.stderr)
        finally:
            self.ledger.book.close()


def end_of(order_no: str, order: HisOrder) -> tuple[int, str]:
    """The exit code of an order that has ended, and what the cashier reads; its row decides, and not its result alone."""
    if order.state == ATTENTION:
        return UNKNOWN, f"{order_no}: people have to look at it. Do not take or give the money again."
    meaning = STATUS_MEANINGS[int(orders.read_result(order.result).status)]
    return (DONE if order.state in (PAID, REFUNDED) else REFUSED), f"{order_no}: {meaning.cashier_en}"


def _collect(window: Window, bill: str, fen: int) -> tuple[int, str]:
    """Collects a bill; with `-` each that a line of the standard input names, until one's end is not known."""
    if bill != "-":
        return window.pay(lambda now: window.link.collect(bill, fen, now), 300, print)
    worst = DONE
    for line in sys.stdin:
        code, text = _collect(window, line.strip(), fen)
        print(text, flush=True)
        worst = max(worst, code)
        if code >= UNKNOWN:
            break
    return worst, "no more bills"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--line", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("collect", "cancel"):
        collect = commands.add_parser(name)
        collect.add_argument("--bill", required=True)
        collect.add_argument("amount")
    commands.add_parser("look").add_argument("order")
    refund = commands.add_parser("refund")
    refund.add_argument("order")
    refund.add_argument("amount")
    refund.add_argument("--item", default="")
    refund.add_argument("--operator", required=True)
    refund.add_argument("--approver", required=True)
    refund.add_argument("--reason", default="refund")
    given = parser.parse_args()
    try:
        fen = 0 if given.command == "look" else orders.parse_amount(given.amount)
        with closing(Window(given.home, given.line)) as window:
            if given.command == "look":
                code, text = window.look(given.order)
            elif given.command == "cancel":
                code, text = window.pay(
                    lambda now: window.link.collect(given.bill, fen, now), 300, window.cancel_at_code
                )
            elif given.command == "collect":
                code, text = _collect(window, given.bill, fen)
            else:
                people = (given.operator, given.approver, given.reason)
                wanted = Refund(given.order, fen, given.item, *people)
                code, text = window.pay(lambda now: window.link.refund(wanted, now), 300, print)
    except Refusal as refusal:
        code, text = REFUSED, str(refusal)
    except ValueError as error:
        code, text = USAGE, str(error)
    except OSError as error:
        code, text = NOT_REACHABLE, str(error)
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
