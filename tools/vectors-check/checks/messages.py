"""Messages in a session: what each says, and what the receiver sends because of it."""

from hispos_wire import order, terminal
from hispos_wire.canonical import failing_step
from hispos_wire.message import decode, encode
from hispos_wire.order import order_hash_input, result_fault, result_input
from hispos_wire.schedule import sha256, verify

from .business import STATUSES
from .tally import Tally, hexes


def check_messages(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        said = terminal.parse(hexes(case["plaintext"]))
        tally.expect("decoded", case.get("decoded"), said)
        state = file["states"][case["state"]]
        for message in [*case["sent"], said or {}]:
            for name in ("alert", "rejected"):
                if name in message:
                    tally.tell(f"{name} {message[name].get('code', 0)}")
        react = _at_pos if case["receiver"] == "pos" else _at_his
        answers, stands = [m for m in case["sent"] if "reply_to" in m or "alert" in m], case["stands"]
        if said is None:
            _expect_alert(tally, answers, stands, 50)
        elif terminal.holds_alert(hexes(case["plaintext"])):
            tally.expect("nothing answers an alert", (case["sent"], stands), ([], False))
        else:
            react(file, state, case, said, answers, tally)
        if case["result"] == "invalid":
            tally.expect("reaction", case["reaction"], _reaction(answers, stands))
        _check_beside(case, answers, tally)
        for message in case["sent"]:
            tally.expect("a message that is sent", decode("Message", encode("Message", message)), message)


def _reaction(answers: list, stands: bool) -> str:
    """The answer in one word or two."""
    if not answers:
        return "no answer" if stands else "the session ends"
    name, body = next((n, b) for n, b in answers[0].items() if n != "reply_to")
    if name == "confirm_result":
        return {1: "recorded", 2: "kept"}[body["disposition"]]
    return f"{name} {body.get('code', 0)}" if name in ("alert", "rejected") else name


def _check_beside(case: dict, answers: list, tally: Tally):
    """What goes out beside the answer: the same stage as a notice, or the same result as a report."""
    beside = [message for message in case["sent"] if message not in answers]
    if case["receiver"] == "his":
        return tally.expect("nothing beside the answer", beside, [])
    for message in beside:
        if "order_state" in message:
            tally.expect("the notice", message["order_state"], answers[0].get("order_state"))
        else:
            report, signed = dict(message["report_result"]), answers[0].get("signed_result")
            tally.expect("a journal anchor", len(report.pop("journal")), 48)
            tally.expect("the report", report, signed)


def _expect_alert(tally: Tally, answers: list, stands: bool, code: int):
    alert = {"alert": {"code": code} if code else {}}
    tally.expect("answer and end", (answers, stands), ([alert], False))


def _at_pos(file: dict, state: dict, case: dict, said: dict, answers: list, tally: Tally):
    expected = terminal.Terminal(file["site"], state, case["state"] != "committed").answer(said)
    if expected == 10:
        return _expect_alert(tally, answers, case["stands"], 10)
    tally.expect("the session stands", case["stands"], True)
    if expected is None:
        return tally.expect("answers", answers, [])
    if isinstance(expected, str):
        return _ended(file, int(expected.split()[1]), said, answers, tally)
    tally.expect("answers", answers, [{"reply_to": said["call"], **expected}])


def _ended(file: dict, status: int, said: dict, answers: list, tally: Tally):
    """The order ends because of the request: the answer is its new result."""
    tally.expect("one answer", [list(answer) for answer in answers], [["reply_to", "signed_result"]])
    signed = answers[0]["signed_result"]
    result = hexes(signed["result"])
    key = hexes(file["site"]["device_key"])
    tally.expect("the signature verifies", verify(key, result_input(result), hexes(signed["signature"])), True)
    core = next(hexes(body["core"]) for body in said.values() if isinstance(body, dict))
    ended, held = decode("ResultCore", result), decode("OrderCore", core)
    hashed = sha256(order_hash_input(file["site"]["site_id"], core)).hex()
    given = {name: ended[name] for name in ("order_hash", "order_no", "device_id", "outcome", "status", "amount")}
    derived = {name: held[name] for name in ("order_no", "amount")}
    derived |= {"order_hash": hashed, "device_id": file["site"]["device_id"], "outcome": 2, "status": status}
    tally.expect("the result", given, derived)


NOTICES = ("ready", "order_state", "device_event")


def _at_his(file: dict, state: dict, case: dict, said: dict, answers: list, tally: Tally):
    body = next((name for name in said if name not in ("call", "reply_to")), None)
    if body == "ready" and "reply_to" not in said and not said["ready"].get("simulated"):
        return _expect_alert(tally, answers, case["stands"], 0)
    tally.expect("the session stands", case["stands"], True)
    if "reply_to" in said or "call" not in said or body in NOTICES:
        return tally.expect("answers", answers, [])
    if body != "report_result":
        return tally.expect("answers", answers, [{"reply_to": said["call"], "unsupported": {}}])
    disposition = _disposition(file, case, said[body])
    if not disposition:
        return tally.expect("answers", answers, [])
    result = hexes(said[body]["result"])
    tally.expect("a ledger anchor", len(answers[0]["confirm_result"].pop("ledger")), 48)
    confirm = {
        "order_no": decode("ResultCore", result)["order_no"],
        "result_hash": sha256(result)[:16].hex(),
        "disposition": disposition,
    }
    tally.expect("answers", answers, [{"reply_to": said["call"], "confirm_result": confirm}])


def _disposition(file: dict, case: dict, report: dict) -> int:
    """0: not authentic or of an unknown number, 1: recorded, 2: kept."""
    result, signature = hexes(report.get("result", "")), hexes(report.get("signature", ""))
    if failing_step("ResultCore", result) or result_fault(result, STATUSES):
        return 0
    said = decode("ResultCore", result)
    key = hexes(file["site"]["device_key"])
    if said["device_id"] != file["site"]["device_id"] or not verify(key, result_input(result), signature):
        return 0
    mine = file["sent_order"]
    core = decode("OrderCore", hexes(mine))
    if said["order_no"] != core["order_no"]:
        return 0
    hashed = sha256(order.order_hash_input(file["site"]["site_id"], hexes(mine))).hex()
    own = (said["order_no"], said["order_hash"], said["amount"])
    return 1 if case["state"] == "sent" and own == (core["order_no"], hashed, core["amount"]) else 2
