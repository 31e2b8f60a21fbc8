"""A collect, a refund and a cancel against the reference terminal, over a pseudo-terminal and over TCP.

    HISPOS_POS=…/hispos-pos PROVIDER_SIM=…/provider-sim python -m tests.live

Both programs have to be built: `cargo build -p hispos-pos -p hispos-provider-sim`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from examples.window import DONE, REFUSED, Window
from hispos_client import orders, provisioning
from hispos_client.crypto import Standard, signed_message
from hispos_client.his_link import LinkEvent, OrderEnded, Progress
from hispos_client.ledger import Refund, Refusal
from hispos_client.messages import agreement_pb2 as pb
from hispos_client.messages.book_pb2 import HIS_STATE_ASKING, HIS_STATE_NOT_PAID
from hispos_client.tables import Labels, Stage, Status
from hispos_client.transport import boot_clock

CRYPTO = Standard()
SITE, DEVICE, TERMINAL = "hospital-1", "POS-0001", "HIS-W01"
MERCHANTS = ("1900000001", "2021000000000001", "2088000000000001")


def signed(kind: pb.FileKind, context: bytes, payload: bytes, *keys: bytes) -> bytes:
    """A signed file (PRV-8, PRV-10)."""
    signatures = []
    for key in keys:
        name = provisioning.key_id(CRYPTO.ed25519_public(key))
        signatures.append((name, CRYPTO.sign(key, signed_message(context, payload))))
    rows = [pb.FileSignature(key_id=name, signature=value) for name, value in sorted(signatures)]
    return pb.SignedFile(kind=kind, payload=payload, signatures=rows).SerializeToString()


def agreement_of(his: bytes, pos: bytes) -> bytes:
    """The agreement of a simulated site: its timers are short, which a production agreement's may not be."""
    timers = pb.AgreedTimers(
        start=60000,
        act=60000,
        drift=2000,
        connect=1000,
        http=4000,
        poll_wechat=10000,
        poll_alipay=10000,
        reverse_min=1000,
        fence=12000,
        quiet=16000,
        expiry=8000,
        query=1000,
        absence_gap=1000,
    )
    return pb.Agreement(
        agreement_no=1,
        site_id=SITE,
        site_code="SIM1",
        versions=[1],
        suites=[1],
        his_organisation_key=his,
        pos_organisation_key=pos,
        currency="CNY",
        amounts=pb.AmountLimits(collect_max=5000000, refund_max=1000000, refund_day_max=5000000),
        timers=timers,
        business_day=pb.BusinessDay(utc_offset_minutes=480),
        wechat=pb.WechatMerchant(mch_id=MERCHANTS[0]),
        alipay=pb.AlipayMerchant(app_id=MERCHANTS[1], seller_id=MERCHANTS[2]),
        simulated=True,
    ).SerializeToString()


# only: his
class Site:
    """Both organisations, one device, one window, the platform."""

    def __init__(self, root: Path) -> None:
        """Makes everything below `root`."""
        self.root = root
        self.pos_program, self.platform_program = os.environ["HISPOS_POS"], os.environ["PROVIDER_SIM"]
        self.his_key, self.pos_key = os.urandom(32), os.urandom(32)
        self.home = root / "window"
        self.home.mkdir()
        self.programs: list[subprocess.Popen[str]] = []
        self._agree()
        self._register()

    def pos(self, *words: str) -> None:
        """A command of the terminal."""
        done = subprocess.run([*self._pos_words(), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"hispos-pos {' '.join(words)}: {done.stdout}{done.stderr}")

    def _pos_words(self) -> list[str]:
        return [self.pos_program, "--home", str(self.root / "pos"), "--json", "--lang", "en"]

    def _agree(self) -> None:
        his, pos = CRYPTO.ed25519_public(self.his_key), CRYPTO.ed25519_public(self.pos_key)
        agreement = agreement_of(his, pos)
        path = self.home / "agreement.hispos"
        path.write_bytes(
            signed(pb.FILE_KIND_AGREEMENT, Labels.AGREEMENT, agreement, self.his_key, self.pos_key)
        )
        self.pos("device", "init", "--id", DEVICE, "--serial-no", "SN-1")
        prints = (provisioning.fingerprint(his), provisioning.fingerprint(pos))
        compared = ("--his-organisation", prints[0], "--pos-organisation", prints[1])
        self.pos("agreement", "import", str(path), *compared)

    def _register(self) -> None:
        request = self.root / "request.json"
        self.pos("device", "request", "--out", str(request))
        begin, end = int(time.time()) - 60, int(time.time()) + 86400 * 365
        public_key = bytes.fromhex(json.loads(request.read_text())["public_key"])
        device = pb.Device(
            device_id=DEVICE, serial_no="SN-1", public_key=public_key, valid_from=begin, valid_until=end
        )
        devices = pb.DeviceManifest(serial=1, site_id=SITE, devices=[device]).SerializeToString()
        file = signed(pb.FILE_KIND_DEVICE_MANIFEST, Labels.DEVICE_MANIFEST, devices, self.pos_key)
        (self.home / "devices.hispos").write_bytes(file)
        key = os.urandom(32)
        terminal = pb.Terminal(
            terminal_id=TERMINAL,
            window_name="Cashier 1",
            public_key=CRYPTO.ed25519_public(key),
            valid_from=begin,
            valid_until=end,
        )
        terminals = pb.TerminalManifest(serial=1, site_id=SITE, terminals=[terminal]).SerializeToString()
        path = self.root / "terminals.hispos"
        path.write_bytes(
            signed(pb.FILE_KIND_TERMINAL_MANIFEST, Labels.TERMINAL_MANIFEST, terminals, self.his_key)
        )
        self.pos("terminals", "import", str(path))
        for name, content in (
            ("terminal.key", key),
            ("site.secret", os.urandom(32)),
            ("terminal.id", TERMINAL.encode()),
            ("device.id", DEVICE.encode()),
        ):
            (self.home / name).write_bytes(content)

    def start_platform(self) -> str:
        """The platform's address."""
        folder = str(self.root / "bank")
        merchants = (f"wechat:{MERCHANTS[0]}", f"alipay:{MERCHANTS[1]}:{MERCHANTS[2]}")
        words = [word for merchant in merchants for word in ("--merchant", merchant)]
        subprocess.run(
            [self.platform_program, "init", "--dir", folder, *words], check=True, capture_output=True
        )
        program = self._start([self.platform_program, "serve", "--dir", folder, "--scale", "0.1"])
        assert program.stdout is not None
        line: dict[str, Any] = json.loads(program.stdout.readline())
        return str(line["url"])

    def start_pos(self, url: str, *line: str) -> subprocess.Popen[str]:
        """The terminal, once it is ready."""
        credentials = str(self.root / "bank" / "credentials.json")
        words = [*self._pos_words(), "serve", *line, "--credentials", credentials, "--platform", url]
        program = self._start(words)
        assert program.stdout is not None
        for text in program.stdout:
            if '"ready"' in text:
                return program
        raise SystemExit("hispos-pos is not ready")

    def _start(self, words: list[str]) -> subprocess.Popen[str]:
        with (self.root / "log").open("a") as log:
            program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=log, text=True)
        self.programs.append(program)
        return program

    def stop(self) -> None:
        """Ends what was started here."""
        for program in self.programs:
            program.kill()
            program.wait()


def story(site: Site, line: str, name: str, codes: list[str]) -> None:
    """A collect, a refund of a part of it, and a collect that is cancelled while a code is awaited."""
    window = Window(site.home, line)
    scanned: list[str] = []

    def tell(event: LinkEvent) -> None:
        print(f"    {event}")
        if isinstance(event, Progress) and event.stage == Stage.WAIT_CODE and event.order_no not in scanned:
            scanned.append(event.order_no)
            if codes:
                site.pos("scan", codes.pop())
            else:
                window.link.cancel(event.order_no, boot_clock())

    code, text = window.pay(lambda now: window.link.collect(f"{name}-1", 1234, now), 60, tell)
    print(f"  {text}")
    assert code == DONE, code
    wanted = Refund(scanned[0], -500, "item-1", "1001", "2001", "wrong item")
    code, text = window.pay(lambda now: window.link.refund(wanted, now), 90, tell)
    print(f"  {text}")
    assert code == DONE, code
    code, text = window.pay(lambda now: window.link.collect(f"{name}-2", 350, now), 60, tell)
    print(f"  {text}")
    cancelled = window.ledger.order(scanned[1])
    assert code == REFUSED and cancelled is not None, code
    assert int(orders.read_result(cancelled.result).status) == Status.CANCELLED
    try:
        window.link.collect(f"{name}-1", 1234, boot_clock())
        raise AssertionError("a paid bill is collected again")
    except Refusal as refusal:
        print(f"  refused: {refusal}")
    window.close()
    window.ledger.book.close()


def killed(site: Site, line: str, name: str) -> None:
    """A window that is killed while a code is awaited: the next one asks, and ends the order by a signed result."""
    words = [sys.executable, "-u", "-m", "examples.window", "--home", str(site.home), "--line", line]
    program = subprocess.Popen(
        [*words, "collect", "--bill", f"{name}-3", "+2.00"], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    for text in program.stdout:
        if "Progress" in text:
            break
    program.kill()
    program.wait()
    window = Window(site.home, line)
    ((order_no, order, _),) = window.ledger.open_orders()
    assert order.state == HIS_STATE_ASKING, order.state
    assert window.run(lambda event: event == OrderEnded(order_no), 60, lambda event: print(f"    {event}"))
    ended = window.ledger.order(order_no)
    assert ended is not None and ended.state == HIS_STATE_NOT_PAID
    print(f"  killed and looked up: {order_no} is not paid")
    window.close()
    window.ledger.book.close()


def main() -> int:
    """Both lines, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        try:
            url = site.start_platform()
            pty = str(Path(folder) / "pos.pty")
            print("over a pseudo-terminal")
            pos = site.start_pos(url, "--pty", "--pty-link", pty)
            story(site, f"serial:{pty}", "pty", ["134567890123456700"])
            killed(site, f"serial:{pty}", "pty")
            pos.terminate()
            pos.wait()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            print("over TCP")
            site.start_pos(url, "--listen", f"127.0.0.1:{port}")
            story(site, f"tcp:127.0.0.1:{port}", "tcp", ["281234567890123400"])
        finally:
            site.stop()
    print("window: over a pseudo-terminal and over TCP: a collect, a refund, a cancel; a killed window")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# only: end
