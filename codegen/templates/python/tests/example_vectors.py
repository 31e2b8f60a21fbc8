"""Replays the worked example whole, and the trace of two early readers."""

from __future__ import annotations

from typing import Any

from hispos_client import frames, handshake, orders, records
from hispos_client.book import Book, Stored, verify
from hispos_client.crypto import Standard, hmac256, sha256
from hispos_client.messages import agreement_pb2, book_pb2, handshake_pb2, message_pb2, order_pb2
from hispos_client.tables import Kind, Labels

from .book_vectors import Memory
from .business_vectors import as_dict
from .link_vectors import Draws
from .vectors import Case, Tally, hexes, same

CRYPTO = Standard()
_MODULES = (agreement_pb2, book_pb2, handshake_pb2, message_pb2, order_pb2)


def _said(case: Case) -> None:
    """A message's bytes say what is decoded, and it is written as these bytes again."""
    kind: Any = next(
        getattr(module, case["message"]) for module in _MODULES if hasattr(module, case["message"])
    )
    message = kind.FromString(hexes(case["bytes"]))
    same(case["message"], case["decoded"], as_dict(message))
    same(f"{case['message']} again", case["bytes"], message.SerializeToString().hex())


def replay_example(file: Case, tally: Tally) -> None:
    """`example.json`: a whole collect, as one case."""
    tally.run({"tc_id": 1, **file}, _example)


def _example(file: Case) -> None:
    site = file["site"]
    for name in ("agreement", "device_manifest", "terminal_manifest"):
        _said(site[name])
    agreement_hash = sha256(hexes(site["agreement"]["bytes"]))
    same("agreement_hash", site["agreement_hash"], agreement_hash.hex())
    ends = [
        handshake.End(CRYPTO, site[own].encode(), hexes(site[seed]), {site[peer].encode(): hexes(site[key])})
        for own, seed, peer, key in (
            ("terminal_id", "terminal_seed", "device_id", "device_key"),
            ("device_id", "device_seed", "terminal_id", "terminal_key"),
        )
    ]
    his, pos = ([hexes(draw) for draw in file["draws"][side]] for side in ("his", "pos"))
    initiator = handshake.Initiator(ends[0], site["device_id"].encode(), agreement_hash, Draws(*his))
    responder = handshake.Responder(ends[1], [agreement_hash], Draws(*pos[1:]))
    keys = _exchange(file["handshake"], initiator, responder)
    _records(file, keys)
    _order(file)
    for name in ("journal", "ledger"):
        _book(file[name])


def _exchange(case: Case, initiator: handshake.Initiator, responder: handshake.Responder) -> handshake.Keys:
    m1 = initiator.m1
    m2 = responder.take_m1(m1)
    m3, keys = initiator.take_m2(m2)
    responder.take_m3(m3)
    for kind, name, body in ((frames.M1, "m1", m1), (frames.M2, "m2", m2), (frames.M3, "m3", m3)):
        same(name, case["frames"][name], frames.encode(kind, body).hex())
    schedule = initiator.schedule
    assert schedule is not None
    for name, value in case["secrets"].items():
        same(f"secrets.{name}", value, schedule.secrets[name].hex())
    for number, hashed in enumerate(schedule.transcript.hashes):
        same(f"transcript {number}", case["transcript"][f"th{number}" if number else "t0"], hashed.hex())
    return keys


def _records(file: Case, keys: handshake.Keys) -> None:
    sealers = {
        "his": records.Sealer(CRYPTO, frames.RECORD_HIS, keys.tag, keys.ap_his),
        "pos": records.Sealer(CRYPTO, frames.RECORD_POS, keys.tag, keys.ap_pos),
    }
    for case in file["records"]:
        _said(case["plaintext"])
        sealer = sealers[case["sender"]]
        same("counter", case["counter"], sealer.counter)
        record = sealer.seal(hexes(case["plaintext"]["bytes"]))
        same("record", case["record"], record.hex())
        same("wire", case["wire"], frames.encode(case["type"], record).hex())


def _order(file: Case) -> None:
    site, order, result, code = file["site"], file["order"], file["result"], file["code"]
    _said(order["core"])
    core, secret = hexes(order["core"]["bytes"]), hexes(site["site_secret"])
    number = orders.order_number(secret, Kind.COLLECT, order["bill"].encode(), order["generation"])
    same("number", order["core"]["decoded"]["order_no"], number)
    same("order hash", order["hash"], orders.order_hash(site["site_id"], core).hex())
    hashed = hmac256(hexes(site["device_seed"]), Labels.PAYMENT_CODE + b"\x00" + code["digits"].encode())
    same("code hash", code["hash"], hashed.hex())
    _said(result["result"])
    said, signature = hexes(result["result"]["bytes"]), hexes(result["signature"])
    same("signed", True, orders.is_signed_by(CRYPTO, hexes(site["device_key"]), said, signature))
    same("signature", result["signature"], orders.sign_result(CRYPTO, hexes(site["device_seed"]), said).hex())
    same("result hash", result["result_hash"], orders.result_hash(said).hex())


def _book(lines: list[Case]) -> None:
    stored = []
    for line in lines:
        _said(line["record"])
        _said(line["row"])
        stored.append(Stored(hexes(line["record"]["bytes"]), hexes(line["head"])))
        same("anchor", line["anchor"], Book(Memory(stored)).anchor.hex())
    verify(stored)


def replay_trace(file: Case, tally: Tally) -> None:
    """`wire-trace.json`: one exchange and its first records, as one case."""
    tally.run({"tc_id": 1, **file}, _trace)


def _trace(file: Case) -> None:
    given, told = file["input"], file["output"]
    sides = [given["his"], given["pos"]]
    keys = [CRYPTO.ed25519_public(hexes(side["sk_hex"])) for side in sides]
    ends = [
        handshake.End(
            CRYPTO,
            own["id"].encode(),
            hexes(own["sk_hex"]),
            {peer["id"].encode(): key},
            given["versions"],
            given["suites"],
        )
        for own, peer, key in ((sides[0], sides[1], keys[1]), (sides[1], sides[0], keys[0]))
    ]
    draws = [Draws(hexes(side["nonce_hex"]), hexes(side["x25519_hex"])) for side in sides]
    agreement_hash = sha256(hexes(given["agreement_hex"]))
    initiator = handshake.Initiator(ends[0], sides[1]["id"].encode(), agreement_hash, draws[0])
    responder = handshake.Responder(ends[1], [agreement_hash], draws[1])
    names = [name for name in told if name not in ("th", "T0") and not name.endswith(("frame", "frames"))]
    renamed = {"T0": "t0", "confirm_p": "", "confirm_h": "", "sig_p": "", "sig_h": ""}
    case = {
        "frames": {name: told[f"{name}_frame"] for name in ("m1", "m2", "m3")},
        "secrets": {name: told[name] for name in names if renamed.get(name, name)},
        "transcript": {"t0": told["T0"], **{f"th{number}": value for number, value in told["th"].items()}},
    }
    session = _exchange(case, initiator, responder)
    plaintexts = {
        "his": [hexes(one) for one in given["his_records"]],
        "pos": [hexes(given["ready_hex"]), *(hexes(one) for one in given.get("pos_records", []))],
    }
    for side, kind, secret in (
        ("his", frames.RECORD_HIS, session.ap_his),
        ("pos", frames.RECORD_POS, session.ap_pos),
    ):
        sealer = records.Sealer(CRYPTO, kind, session.tag, secret)
        sealed = [frames.encode(kind, sealer.seal(one)).hex() for one in plaintexts[side]]
        same(f"records of {side}", told[f"{side}_record_frames"], sealed)
