"""The example terminal against the reference HIS: collect, refund, cancel, a pulled cable, a kill of either side.

HISPOS_HIS=…/hispos-his PROVIDER_SIM=…/provider-sim python -m tests.live_pos
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from hispos_client import provisioning
from hispos_client.messages import agreement_pb2 as pb
from hispos_client.tables import Labels

from .live import CRYPTO, DEVICE, MERCHANTS, SITE, TERMINAL, agreement_of, signed

_WITHIN = 120


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cable:
    """A TCP line between the two that can be pulled: it takes the HIS's streams on to the terminal."""

    def __init__(self, to_port: int) -> None:
        """Plugged in."""
        self._to_port, self._is_pulled = to_port, False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._server.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self._to_port), 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            if self._is_pulled:
                near.close()
                far.close()
                continue
            self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(4096):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def pull(self) -> None:
        """Breaks what stands, and takes nothing new."""
        self._is_pulled = True
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._ends.clear()

    def plug(self) -> None:
        """Lets streams through again."""
        self._is_pulled = False


class Place:
    """A site with the reference HIS, the example terminal and the simulated platform."""

    def __init__(self, root: Path) -> None:
        """Makes everything below `root`."""
        self.root, self.his_program, self.platform = (
            root,
            os.environ["HISPOS_HIS"],
            os.environ["PROVIDER_SIM"],
        )
        self.home = root / "terminal"
        self.home.mkdir()
        self.port = free_port()
        self.cable = Cable(self.port)
        self.programs: list[subprocess.Popen[str]] = []
        self.url = ""
        self.since = 0
        self.work = threading.Thread()
        self._provide()

    def his(self, *words: str, expect: tuple[int, ...] = (0,)) -> list[dict[str, Any]]:
        """A command of the HIS."""
        done = subprocess.run(
            [self.his_program, "--home", str(self.root / "his"), "--json", "--lang", "en", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=_WITHIN,
        )
        if done.returncode not in expect:
            raise SystemExit(f"hispos-his {' '.join(words)}: {done.returncode} {done.stdout}{done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    def _provide(self) -> None:
        his_key, pos_key, device_key = os.urandom(32), os.urandom(32), os.urandom(32)
        his, pos = CRYPTO.ed25519_public(his_key), CRYPTO.ed25519_public(pos_key)
        begin, end = int(time.time()) - 60, int(time.time()) + 86400 * 365
        device = pb.Device(
            device_id=DEVICE,
            serial_no="SN-1",
            public_key=CRYPTO.ed25519_public(device_key),
            valid_from=begin,
            valid_until=end,
        )
        devices = pb.DeviceManifest(serial=1, site_id=SITE, devices=[device]).SerializeToString()
        link, manifest = self.home / "agreement.hispos", self.root / "devices.hispos"
        link.write_bytes(
            signed(pb.FILE_KIND_AGREEMENT, Labels.AGREEMENT, agreement_of(his, pos), his_key, pos_key)
        )
        manifest.write_bytes(signed(pb.FILE_KIND_DEVICE_MANIFEST, Labels.DEVICE_MANIFEST, devices, pos_key))
        prints = [provisioning.fingerprint(his), provisioning.fingerprint(pos)]
        compared = ("--his-organisation", prints[0], "--pos-organisation", prints[1])
        self.his("agreement", "import", str(link), *compared)
        self.his("devices", "import", str(manifest))
        request = self.root / "terminal.json"
        self.his("terminal", "init", TERMINAL)
        self.his("terminal", "request", TERMINAL, "--window-name", "Cashier 1", "--out", str(request))
        terminal = pb.Terminal(
            terminal_id=TERMINAL,
            window_name="Cashier 1",
            public_key=bytes.fromhex(json.loads(request.read_text())["public_key"]),
            valid_from=begin,
            valid_until=end,
        )
        terminals = pb.TerminalManifest(serial=1, site_id=SITE, terminals=[terminal]).SerializeToString()
        file = signed(pb.FILE_KIND_TERMINAL_MANIFEST, Labels.TERMINAL_MANIFEST, terminals, his_key)
        (self.home / "terminals.hispos").write_bytes(file)
        (self.home / "device.key").write_bytes(device_key)
        (self.home / "device.id").write_text(DEVICE)
        line = f"dial:127.0.0.1:{self.cable.port}"
        self.his("devices", "bind", DEVICE, "--terminal", TERMINAL, "--line", line)

    def start_platform(self) -> None:
        """The simulated platform, ten times as fast."""
        folder = str(self.root / "bank")
        merchants = (f"wechat:{MERCHANTS[0]}", f"alipay:{MERCHANTS[1]}:{MERCHANTS[2]}")
        words = [word for merchant in merchants for word in ("--merchant", merchant)]
        subprocess.run([self.platform, "init", "--dir", folder, *words], check=True, capture_output=True)
        program = self._start([self.platform, "serve", "--dir", folder, "--scale", "0.1"])
        assert program.stdout is not None
        self.url = str(json.loads(program.stdout.readline())["url"])

    def start_his(self) -> subprocess.Popen[str]:
        """The HIS's server."""
        listen = f"127.0.0.1:{free_port()}"
        words = [self.his_program, "--home", str(self.root / "his"), "--json", "--lang", "en", "serve"]
        program = self._start([*words, "--listen", listen])
        assert program.stdout is not None
        for line in program.stdout:
            if "address" in line:
                threading.Thread(target=program.stdout.read, daemon=True).start()
                return program
        raise SystemExit("hispos-his does not serve")

    def start_terminal(self, *codes: str) -> Running:
        """The example terminal, with a payer who shows these codes."""
        words = [sys.executable, "-u", "-m", "examples.terminal", "--home", str(self.home)]
        words += ["--line", f"tcp:127.0.0.1:{self.port}", "--platform", self.url]
        words += ["--credentials", str(self.root / "bank" / "credentials.json"), "--codes", *codes]
        terminal = Running(self._start(words))
        for text in ("channel=<Channel.WECHAT", "channel=<Channel.ALIPAY", "Up("):
            terminal.wait(text, 0)
        return terminal

    def _start(self, words: list[str]) -> subprocess.Popen[str]:
        with (self.root / "log").open("a") as log:
            program = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self.programs.append(program)
        return program

    def collect(self, bill: str, *more: str, expect: tuple[int, ...] = (0,)) -> dict[str, Any]:
        """Collects to the end, and gives the last line."""
        words = ("collect", "--bill", bill, "+12.34", "--window", TERMINAL, "--patience", "90", *more)
        return self.his(*words, expect=expect)[-1]

    def begin(self, terminal: Running, bill: str, is_paid: bool = False) -> str:
        """Collects beside what comes next, up to the terminal's acceptance; gives the order number."""
        self.since = len(terminal.lines)
        words = (
            "collect",
            "--bill",
            bill,
            "+2.00",
            "--window",
            TERMINAL,
            "--seconds",
            "1",
            "--patience",
            "1",
        )
        self.work = threading.Thread(target=lambda: self.his(*words, expect=tuple(range(8))), daemon=True)
        self.work.start()
        return _order_of(terminal.wait("Stage(" if is_paid else "Accepted(", self.since))

    def expect(self, bill: str, state: str) -> None:
        """Waits until no order is open, and reads how the bill's order ended."""
        self.wait_until_ended()
        self.work.join(_WITHIN)
        said = json.dumps(self.his("bill", bill)).replace(": ", ":")
        assert f'"state":"{state}"' in said, said
        print(f"  {bill}: {state}")

    def wait_until_ended(self) -> None:
        """Until no order is open."""
        end = time.monotonic() + _WITHIN
        while any("order_no" in line for line in self.his("open")):
            if time.monotonic() > end:
                raise SystemExit(f"still open: {self.his('open')}")
            time.sleep(0.5)

    def stop(self) -> None:
        """Ends what was started here."""
        for program in self.programs:
            program.kill()
            program.wait()


class Running:
    """A program and what it has said."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        """Reads along."""
        self.program = program
        self.lines: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.program.stdout is not None
        for line in self.program.stdout:
            print(f"    {line.rstrip()}")
            self.lines.append(line)

    def wait(self, text: str, since: int) -> str:
        """The first line with a text behind a place."""
        end = time.monotonic() + _WITHIN
        while time.monotonic() < end:
            found = next((line for line in self.lines[since:] if text in line), None)
            if found is not None:
                return found
            time.sleep(0.02)
        raise SystemExit(f"the terminal does not say {text}")

    def kill(self) -> None:
        """SIGKILL."""
        self.program.kill()
        self.program.wait()


def _order_of(line: str) -> str:
    return line.split("order_no='")[1].split("'")[0]


def stories(place: Place) -> None:
    """One after the other, over one site."""
    his = place.start_his()
    terminal = place.start_terminal("134567890123456700", "281234567890123400")
    order_no = _find(place.collect("b-1"), "order_no")
    print(f"  collected: {order_no}")
    people = ("--operator", "1001", "--approver", "2001", "--reason", "wrong item", "--window", TERMINAL)
    place.his("refund", order_no, "-5.00", *people)
    print(f"  refunded a part of {order_no}")

    place.begin(terminal, "b-2")
    place.cable.pull()
    terminal.wait("Ended(", place.since)
    print("  the cable is pulled, and the payer has paid")
    place.cable.plug()
    place.expect("b-2", "paid")

    cancelled = place.begin(terminal, "b-3")
    place.his("cancel", cancelled)
    place.expect("b-3", "not_paid")

    place.begin(terminal, "b-4")
    terminal.kill()
    print("  killed the terminal")
    terminal = place.start_terminal("134567890123456800")
    place.expect("b-4", "not_paid")

    place.begin(terminal, "b-5", is_paid=True)
    his.kill()
    his.wait()
    print("  killed the HIS")
    terminal.wait("Ended(", place.since)
    place.start_his()
    place.expect("b-5", "paid")


def _find(value: Any, name: str) -> str:
    if isinstance(value, dict):
        if isinstance(value.get(name), str):
            return str(value[name])
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        found = _find(item, name)
        if found:
            return found
    return ""


def main() -> int:
    """All stories."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        try:
            place.start_platform()
            stories(place)
        finally:
            place.stop()
    print(
        "live: a window and a terminal: collect, refund, cancel, pulled cable, kill of either side, look-up"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
