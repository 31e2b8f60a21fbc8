#!/usr/bin/env python3
"""Writes fuzz/corpus from the frozen vectors. Names are numbers of cases, so a second run changes nothing."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VECTORS = ROOT.parent / "spec-crate" / "vectors"
# The order of `hispos::codec::Strict::ALL`.
STRICT = (
    "HisHello PosReply PosHello Auth Identity SignedFile Agreement DeviceManifest TerminalManifest OrderCore "
    "ResultCore BookRecord"
).split()


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def write(target, name, content):
    folder = ROOT / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


for case in load("frames")["cases"]:
    stream = bytes.fromhex(case["stream"])
    if len(stream) < 600:
        write("frame_reader", f"{case['tc_id']:02}", bytes([case["receiver"] == "pos"]) + stream)
for case in load("validator")["cases"]:
    write("validator", f"{case['tc_id']:02}", bytes([STRICT.index(case["message"])]) + bytes.fromhex(case["bytes"]))

handshake = load("handshake")
for case in handshake["cases"]:
    n, elements, messages = case["tc_id"], case["elements"], case["messages"]
    write("m1", f"hello-{n}", b"\1" + bytes.fromhex(elements["m1"])[4:])
    write("m2", f"body-{n}", b"\0" + bytes.fromhex(messages["m2"]))
    write("m2", f"auth-{n}", b"\2" + bytes.fromhex(messages["auth_p"]))
    write("m3", f"body-{n}", b"\0" + bytes.fromhex(messages["m3"]))
    write("m3", f"auth-{n}", b"\2" + bytes.fromhex(messages["auth_h"]))
# The honest message, and one edit of it.
for target, choices in (("m1", [0]), ("m2", [1, 3, 4]), ("m3", [1, 3])):
    for choice in choices:
        write(target, f"honest-{choice}", bytes([choice]))
        write(target, f"edited-{choice}", bytes([choice, 0, 40, 0, 1]))

plaintexts = [bytes.fromhex(c["opened"]["plaintext"]) for c in load("records")["cases"] if "opened" in c]
steps = [bytes([0, len(p)]) + p for p in plaintexts if len(p) < 256]
leap, again, damaged = b"\4\0", b"\2\0", b"\3\4\0\6\0\1"
write("record", "in-order", b"".join(steps))
write("record", "over-an-epoch", steps[0] + leap * 4 + steps[1] + again)
write("record", "damaged", steps[0] + damaged + steps[1] + again + damaged)
