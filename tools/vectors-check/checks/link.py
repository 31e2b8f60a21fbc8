"""Frames, the validator, the key exchange and its records."""

from hispos_wire import exchange, frame, record, schedule
from hispos_wire.canonical import failing_step

from .tally import Tally, hexes

ELEMENTS = ["m1", "hello", "identity_p", "signature_p", "confirm_p", "identity_h", "signature_h", "confirm_h"]
TRANSCRIPT = ["t0", "th1", "th2", "th3", "th4", "th5", "th6", "th7", "th8"]
SECRETS = ["ss", "prk1", "hs_p", "hs_h", "key_p", "iv_p", "key_h", "iv_h", "prk2", "ap_h", "ap_p", "tag"]
MESSAGES = ["auth_p", "m2", "auth_h", "m3"]
GROUPS = {"elements": ELEMENTS, "transcript": TRANSCRIPT, "secrets": SECRETS, "messages": MESSAGES}
CODES = {"m1": frame.M1, "m2": frame.M2, "m3": frame.M3}
KINDS = {"his_to_pos": frame.RECORD_HIS, "pos_to_his": frame.RECORD_POS}
RECEIVER = {"his_to_pos": "pos", "pos_to_his": "his"}


def check_frames(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        stream = hexes(case["stream"])
        for pieces in ([stream], [stream[i : i + 1] for i in range(len(stream))]):
            reader = frame.Reader(case["receiver"])
            derived = []
            for kind, *what in (event for piece in pieces for event in reader.push(piece)):
                if kind == "drop":
                    derived.append({"drop": what[0]})
                else:
                    derived.append({"type": what[0], "body": what[1].hex()})
            tally.expect("outcomes", case["outcomes"], derived)
        drops = [o["drop"] for o in derived if "drop" in o]
        tally.expect("result", case["result"], "invalid" if drops else "valid")
        tally.expect("reason", case["reason"], ", ".join(drops))


def check_validator(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        step = failing_step(case["message"], hexes(case["bytes"]))
        tally.expect("step", case["step"], step)
        tally.tell(f"step {step}")
        tally.expect("result", case["result"], "invalid" if step else "valid")


def check_records(file: dict, tally: Tally):
    session = file["session"]
    tag = hexes(session["tag"])[0]
    secrets = {"his_to_pos": hexes(session["ap_h"]), "pos_to_his": hexes(session["ap_p"])}
    openers = {d: record.Opener(KINDS[d], tag, secret) for d, secret in secrets.items()}
    sealers = {d: record.Sealer(KINDS[d], tag, secret) for d, secret in secrets.items()}
    for case in map(tally.open, file["cases"]):
        direction = case["direction"]
        events = frame.Reader(RECEIVER[direction]).push(hexes(case["frame"]))
        tally.expect("the frame is good", [e[:2] for e in events], [("frame", KINDS[direction])])
        verdict, what = openers[direction].open(events[0][2])
        tally.expect("result", case["result"], "valid" if verdict == "open" else "invalid")
        tally.expect("reason", case["reason"], "" if verdict == "open" else what)
        tally.expect("opened is there", "opened" in case, verdict == "open")
        if verdict == "open":
            tally.expect("plaintext", case["opened"]["plaintext"], what.hex())
            check_sealing(case, sealers[direction], tally)


def check_sealing(case: dict, sealer: record.Sealer, tally: Tally):
    """The same record, sealed by the other side."""
    opened = case["opened"]
    counter = opened["counter"]
    body, key, iv, nonce, aad = sealer.seal(counter, hexes(opened["plaintext"]))
    derived = {
        "epoch": counter >> 16,
        "secret": sealer.ratchet.secret.hex(),
        "key": key.hex(),
        "iv": iv.hex(),
        "nonce": nonce.hex(),
        "aad": aad.hex(),
    }
    for name, value in derived.items():
        tally.expect(name, opened[name], value)
    tally.expect("frame", case["frame"], frame.encode(sealer.kind, body).hex())


def party(given: dict) -> exchange.Party:
    return exchange.Party(
        id=given["id"].encode(),
        signing_seed=hexes(given["signing_seed"]),
        nonce=hexes(given["nonce"]),
        x25519_private=hexes(given["x25519_private"]),
        versions=given["versions"],
        suites=given["suites"],
        extensions=[(e["id"], hexes(e["data"])) for e in given["extensions"]],
    )


def sides(case: dict) -> tuple[exchange.His, exchange.Pos]:
    his, pos, agreement = party(case["his"]), party(case["pos"]), hexes(case["agreement"])
    return (
        exchange.His(his, pos.id, pos.public_key, agreement),
        exchange.Pos(pos, his.id, his.public_key, agreement),
    )


def run(case: dict) -> tuple[exchange.His, exchange.Pos, dict[str, bytes]]:
    """The whole exchange of a valid case, and its three bodies."""
    his, pos = sides(case)
    m1 = his.make_m1([(s["group"], hexes(s["key"])) for s in case["his"]["shares"]])
    m2 = pos.take_m1(m1)
    m3 = his.take_m2(m2)
    pos.take_m3(m3)
    return his, pos, {"m1": m1, "m2": m2, "m3": m3}


def check_handshake(file: dict, tally: Tally):
    bases = {case["tc_id"]: case for case in file["cases"]}
    for case in map(tally.open, file["cases"]):
        his, pos, bodies = run(case)
        for name, side in (("his", his), ("pos", pos)):
            tally.expect(f"{name} public_key", case[name]["public_key"], side.own.public_key.hex())
            public = exchange.x25519_public(side.own.x25519_private)
            tally.expect(f"{name} x25519_public", case[name]["x25519_public"], public.hex())
        for role in (pos, his):
            values = {"m2": bodies["m2"], **role.values}
            for group, names in GROUPS.items():
                derived = {name: values[name].hex() for name in names}
                tally.expect(f"names of {group}", sorted(case[group]), sorted(names))
                for name in names:
                    tally.expect(f"{group}.{name}", case[group].get(name), derived[name])
        for name, body in bodies.items():
            tally.expect(f"frames.{name}", case["frames"][name], frame.encode(CODES[name], body).hex())
    for case in map(tally.open, file["refusals"]):
        check_refusal(case, bases[case["base"]], tally)


def check_refusal(case: dict, base: dict, tally: Tally):
    """The exchange of the base case up to the message that is replaced, then the replacement."""
    his, pos = sides(base)
    m1 = his.make_m1([(s["group"], hexes(s["key"])) for s in base["his"]["shares"]])
    step = case["message"]
    receiver = his if step == "m2" else pos
    if step == "m3":
        pos.take_m1(m1)
    received = hexes(case["frame"])
    events = frame.Reader("his" if step == "m2" else "pos").push(received)
    tally.expect("the frame is good", [e[:2] for e in events], [("frame", CODES[step])])
    try:
        getattr(receiver, f"take_{step}")(events[0][2])
        alert, why = "accepted", ""
    except exchange.Drop as drop:
        alert, why = None, str(drop)
    except exchange.Alert as refused:
        alert, why = refused.code, refused.why
    tally.expect(f"alert ({why})", case["alert"], alert)
    answer = None
    if isinstance(alert, int):
        tally.tell(f"alert {alert}")
        crc = frame.cobs_decode(received[:-1])[-4:]
        answer = frame.encode(frame.PLAIN_ALERT, bytes([alert]) + crc).hex()
    tally.expect("answer", case["answer"], answer)


def check_trace(file: dict, tally: Tally):
    """One exchange and its first records, in a form older than the other files."""
    given, made = file["input"], file["output"]
    tally.open({"tc_id": 1, "requirements": ["KEX-17", "REC-8"]})
    parties = {
        name: exchange.Party(
            id=given[name]["id"].encode(),
            signing_seed=hexes(given[name]["sk_hex"]),
            nonce=hexes(given[name]["nonce_hex"]),
            x25519_private=hexes(given[name]["x25519_hex"]),
            versions=given["versions"],
            suites=given["suites"],
        )
        for name in ("his", "pos")
    }
    his_party, pos_party, agreement = parties["his"], parties["pos"], hexes(given["agreement_hex"])
    his = exchange.His(his_party, pos_party.id, pos_party.public_key, agreement)
    pos = exchange.Pos(pos_party, his_party.id, his_party.public_key, agreement)
    m1 = his.make_m1()
    m2 = pos.take_m1(m1)
    m3 = his.take_m2(m2)
    pos.take_m3(m3)
    for name, body in (("m1", m1), ("m2", m2), ("m3", m3)):
        tally.expect(f"{name}_frame", made[f"{name}_frame"], frame.encode(CODES[name], body).hex())
    names = {"T0": "t0", "sig_p": "signature_p", "sig_h": "signature_h"}
    flat = {f"th{n}": value for n, value in made["th"].items()}
    flat |= {names.get(k, k): v for k, v in made.items() if k != "th" and not k.endswith(("_frame", "_frames"))}
    for role in (his, pos):
        for name, value in flat.items():
            tally.expect(name, value, role.values[name].hex())
    tag = his.values["tag"][0]
    for side, kind, secret in (("his", frame.RECORD_HIS, "ap_h"), ("pos", frame.RECORD_POS, "ap_p")):
        plaintexts = ([given["ready_hex"]] if side == "pos" else []) + given[f"{side}_records"]
        sealer = record.Sealer(kind, tag, his.values[secret])
        derived = [frame.encode(kind, sealer.seal(n, hexes(p))[0]).hex() for n, p in enumerate(plaintexts)]
        tally.expect(f"{side}_record_frames", made[f"{side}_record_frames"], derived)


def check_key_schedule(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        good = FUNCTIONS[case["about"]](case, tally)
        tally.expect("result", case["result"], "invalid" if good is False else "valid")


def _extract(case: dict, tally: Tally):
    tally.expect("prk", case["prk"], schedule.extract(hexes(case["salt"]), hexes(case["ikm"])).hex())


def _label(case: dict, tally: Tally):
    secret, context, length = hexes(case["secret"]), hexes(case["context"]), case["length"]
    tally.expect("out", case["out"], schedule.label(secret, case["label"], context, length).hex())
    name = b"hispos1 " + case["label"].encode()
    info = length.to_bytes(2, "big") + bytes([len(name)]) + name + bytes([len(context)]) + context
    tally.expect("info", case["info"], info.hex())


def _shared(case: dict, tally: Tally) -> bool:
    shared = schedule.x25519(hexes(case["private"]), hexes(case["public"]))
    tally.expect("shared", case["shared"], shared.hex() if shared else None)
    return shared is not None


def _epoch(case: dict, tally: Tally):
    ratchet = record.Ratchet(hexes(case["first"]))
    for _ in range(case["epoch"]):
        ratchet = ratchet.next()
    key, iv, _ = ratchet.key_and_nonce(0)
    given = (case["secret"], case["key"], case["iv"])
    tally.expect("secret, key and iv", given, (ratchet.secret.hex(), key.hex(), iv.hex()))


def _record(case: dict, tally: Tally):
    counter = case["counter"].to_bytes(4, "big")
    nonce = int.from_bytes(hexes(case["iv"]), "big") ^ case["counter"]
    tally.expect("nonce", case["nonce"], nonce.to_bytes(12, "big").hex())
    tally.expect("aad", case["aad"], (bytes([case["type"], case["tag"]]) + counter).hex())


def _signature(case: dict, tally: Tally) -> bool:
    message = schedule.auth_message(case["context"], hexes(case["payload"]))
    return schedule.verify(hexes(case["key"]), message, hexes(case["signature"]))


FUNCTIONS = {
    "extract": _extract,
    "label": _label,
    "shared": _shared,
    "epoch": _epoch,
    "record": _record,
    "public_key": lambda case, tally: schedule.is_usable_key(hexes(case["key"])),
    "signature": _signature,
}
