"""Replays the vectors of frames, validator, key schedule, handshake and records."""

from __future__ import annotations

from typing import Any

from hispos_client import frames, handshake, key_schedule, records
from hispos_client.canonical import failing_step
from hispos_client.crypto import Standard, is_usable_key, sha256, signed_message

from .vectors import Case, Tally, hexes, same

CRYPTO = Standard()
_KINDS = {"m1": frames.M1, "m2": frames.M2, "m3": frames.M3}
_DIRECTIONS = {
    "his_to_pos": (frames.RECORD_HIS, "ap_h", "pos"),
    "pos_to_his": (frames.RECORD_POS, "ap_p", "his"),
}


def replay_frames(file: Case, tally: Tally) -> None:
    """`frames.json`: every stream at once and byte by byte, and the frames of good ones encoded again."""
    for case in file["cases"]:
        tally.run(case, _stream)


def _stream(case: Case) -> None:
    stream = hexes(case["stream"])
    for pieces in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        decoder = frames.Decoder(case["receiver"])
        found: list[dict[str, object]] = []
        for outcome in (item for piece in pieces for item in decoder.feed(piece)):
            if isinstance(outcome, frames.Drop):
                found.append({"drop": outcome.name})
            else:
                found.append({"type": outcome.kind, "body": outcome.body.hex()})
                again = frames.Decoder(case["receiver"]).feed(frames.encode(outcome.kind, outcome.body))
                same("the frame again", again, [outcome])
        same("outcomes", case["outcomes"], found)


def replay_validator(file: Case, tally: Tally) -> None:
    """`validator.json`: the reason, and what a canonical message is when protobuf writes it again."""
    for case in file["cases"]:
        tally.run(case, _validated)


def _validated(case: Case) -> None:
    data = hexes(case["bytes"])
    same("step", case["step"], failing_step(case["message"], data))
    if case["step"] == 0:
        message = _message_class(case["message"])
        same("protobuf's encoding", data.hex(), message.FromString(data).SerializeToString().hex())


def _message_class(name: str) -> Any:
    from hispos_client.messages import agreement_pb2, book_pb2, handshake_pb2, order_pb2

    for module in (agreement_pb2, book_pb2, handshake_pb2, order_pb2):
        if hasattr(module, name):
            return getattr(module, name)
    raise AssertionError(f"no message class {name}")


def replay_key_schedule(file: Case, tally: Tally) -> None:
    """`key_schedule.json`: each function alone."""
    for case in file["cases"]:
        tally.run(case, _function)


def _function(case: Case) -> None:
    about, good = case["about"], True
    if about == "extract":
        same("prk", case["prk"], key_schedule.extract(hexes(case["salt"]), hexes(case["ikm"])).hex())
    elif about == "label":
        label, context, length = case["label"].encode(), hexes(case["context"]), case["length"]
        same("info", case["info"], key_schedule.label_info(label, context, length).hex())
        out = key_schedule.expand_label(hexes(case["secret"]), label, context, length)
        same("out", case["out"], out.hex())
    elif about == "shared":
        shared = CRYPTO.x25519(hexes(case["private"]), hexes(case["public"]))
        same("shared", case["shared"], shared.hex() if shared else None)
        good = shared is not None
    elif about == "epoch":
        keys = records.EpochKeys(0, hexes(case["first"]))
        for _ in range(case["epoch"]):
            keys = keys.next()
        given = (case["secret"], case["key"], case["iv"])
        same("secret, key and iv", given, (keys.secret.hex(), keys.key.hex(), keys.iv.hex()))
    elif about == "record":
        same("nonce", case["nonce"], records.record_nonce(hexes(case["iv"]), case["counter"]).hex())
        same("aad", case["aad"], records.record_aad(case["type"], case["tag"], case["counter"]).hex())
    elif about == "public_key":
        good = is_usable_key(hexes(case["key"]))
    elif about == "signature":
        message = signed_message(case["context"].encode(), hexes(case["payload"]))
        good = CRYPTO.verify(hexes(case["key"]), message, hexes(case["signature"]))
    else:
        raise NotImplementedError(about)
    same("result", case["result"], "valid" if good else "invalid")


class Draws:
    """Random bytes given from outside, in the order of the draws."""

    def __init__(self, *draws: bytes) -> None:
        """What is drawn, one after the other."""
        self._draws = list(draws)

    def __call__(self, length: int) -> bytes:
        """The next draw."""
        drawn = self._draws.pop(0)
        same("length of the draw", length, len(drawn))
        return drawn


def _end(own: Case, peer: Case) -> handshake.End:
    registry = {peer["id"].encode(): hexes(peer["public_key"])}
    seed = hexes(own["signing_seed"])
    return handshake.End(CRYPTO, own["id"].encode(), seed, registry, own["versions"], own["suites"])


def ends_of(case: Case) -> tuple[handshake.Initiator, handshake.Responder, bytes]:
    """Both ends of a case, and M1."""
    his, pos, agreement = case["his"], case["pos"], sha256(hexes(case["agreement"]))
    draws = [Draws(hexes(side["nonce"]), hexes(side["x25519_private"])) for side in (his, pos)]
    initiator = handshake.Initiator(_end(his, pos), pos["id"].encode(), agreement, draws[0])
    shares = [(share["group"], hexes(share["key"])) for share in his["shares"]]
    m1 = initiator.offer(shares, [(item["id"], hexes(item["data"])) for item in his["extensions"]])
    return initiator, handshake.Responder(_end(pos, his), [agreement], draws[1]), m1


def _pos_extensions(case: Case) -> list[tuple[int, bytes]]:
    return [(item["id"], hexes(item["data"])) for item in case["pos"]["extensions"]]


def replay_handshake(file: Case, tally: Tally) -> None:
    """`handshake.json`: whole exchanges in both roles, and every refused message."""
    bases = {case["tc_id"]: case for case in file["cases"]}
    for case in file["cases"]:
        tally.run(case, _exchange)
    for case in file["refusals"]:
        tally.run(case, lambda refusal: _refusal(refusal, bases[refusal["base"]]))


def _exchange(case: Case) -> None:
    initiator, responder, m1 = ends_of(case)
    m2 = responder.take_m1(m1, _pos_extensions(case))
    m3, his_keys = initiator.take_m2(m2)
    pos_keys = responder.take_m3(m3)
    same(
        "keys",
        (his_keys.ap_his, his_keys.ap_pos, his_keys.tag),
        (pos_keys.ap_his, pos_keys.ap_pos, pos_keys.tag),
    )
    for schedule in (initiator.schedule, responder.schedule):
        assert schedule is not None
        for name, value in case["secrets"].items():
            same(f"secrets.{name}", value, schedule.secrets[name].hex())
        for number, hashed in enumerate(schedule.transcript.hashes):
            same(f"transcript {number}", case["transcript"][f"th{number}" if number else "t0"], hashed.hex())
    for name, body in (("m1", m1), ("m2", m2), ("m3", m3)):
        same(f"frames.{name}", case["frames"][name], frames.encode(_KINDS[name], body).hex())


def _refusal(case: Case, base: Case) -> None:
    initiator, responder, m1 = ends_of(base)
    step = case["message"]
    if step == "m3":
        responder.take_m1(m1, _pos_extensions(base))
    (frame,) = frames.Decoder("his" if step == "m2" else "pos").feed(hexes(case["frame"]))
    assert isinstance(frame, frames.Frame), frame
    alert: int | None = None
    try:
        if step == "m1":
            responder.take_m1(frame.body)
        elif step == "m2":
            initiator.take_m2(frame.body)
        else:
            responder.take_m3(frame.body)
        raise AssertionError("it is accepted")
    except handshake.Dropped:
        pass
    except handshake.Refused as refused:
        alert = int(refused.code)
    same("alert", case["alert"], alert)
    answer = frames.encode(frames.PLAIN_ALERT, bytes([alert]) + frame.checksum).hex() if alert else None
    same("answer", case["answer"], answer)


def replay_records(file: Case, tally: Tally) -> None:
    """`records.json`: one session in both directions, opened and sealed again."""
    session = file["session"]
    tag = hexes(session["tag"])[0]
    openers, sealers = {}, {}
    for direction, (kind, secret, _) in _DIRECTIONS.items():
        openers[direction] = records.Opener(CRYPTO, kind, tag, hexes(session[secret]))
        sealers[direction] = records.Sealer(CRYPTO, kind, tag, hexes(session[secret]))
    for case in file["cases"]:
        tally.run(case, lambda c: _record(c, openers[c["direction"]], sealers[c["direction"]]))


def _record(case: Case, opener: records.Opener, sealer: records.Sealer) -> None:
    kind, _, receiver = _DIRECTIONS[case["direction"]]
    (frame,) = frames.Decoder(receiver).feed(hexes(case["frame"]))
    assert isinstance(frame, frames.Frame), frame
    try:
        plaintext = opener.open(frame.body)
    except records.Dropped as drop:
        same("reason", case["reason"], drop.name)
        return
    same("result", case["result"], "valid")
    same("plaintext", case["opened"]["plaintext"], plaintext.hex())
    sealer.counter = case["opened"]["counter"]
    same("frame", case["frame"], frames.encode(kind, sealer.seal(plaintext)).hex())
