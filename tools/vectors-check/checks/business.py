"""Orders, results, payment codes and the answers of platforms."""

from hispos_wire import order, payment, schema
from hispos_wire.message import decode, encode
from hispos_wire.schedule import sha256, verify

from .tally import Tally, hexes


def check_orders(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        ABOUT[case["about"]](case, tally)


def _verdict(tally: Tally, case: dict, good: bool):
    tally.expect("result", case["result"], "valid" if good else "invalid")


def _order_number(case: dict, tally: Tally):
    refund, key = case.get("refund"), hexes(case["key"])
    if refund:
        derived = order.refund_key(refund["original"], refund["channel"], refund["item"])
        tally.expect("key", case["key"], derived.hex())
    number, _, _ = order.order_number(hexes(case["site_secret"]), case["kind"], key, case["generation"])
    tally.expect("number", case["number"], number)
    tally.expect("a refund has kind 2", case["kind"], 2 if refund else 1)


def _platform_number(case: dict, tally: Tally):
    read = order.read_platform_number(case["number"])
    _verdict(tally, case, read is not None)
    given = (case["site_code"], case["order_no"], case["letter"])
    tally.expect("what it reads back as", given, read or (case["site_code"], None, None))


def _amount(case: dict, tally: Tally):
    fen = order.amount_of(case["text"])
    tally.expect("fen", case["fen"], fen)
    _verdict(tally, case, fen is not None)


def _core(case: dict, tally: Tally):
    core = hexes(case["core"])
    code = order.core_fault(core)
    _verdict(tally, case, code == 0)
    tally.expect("reaction", case.get("reaction", ""), f"rejected {code}" if code else "")
    said = None if code else decode("OrderCore", core)
    tally.expect("decoded", case["decoded"], said)
    hashed = None if code else sha256(order.order_hash_input(case["site_id"], core)).hex()
    tally.expect("hash", case["hash"], hashed)
    if said:
        tally.expect("core", case["core"], encode("OrderCore", said).hex())


STATUSES = {number for number in schema.numbers("Status") if number}


def _result(case: dict, tally: Tally):
    result = hexes(case["result_core"])
    fault = order.result_fault(result, STATUSES)
    _verdict(tally, case, not fault)
    tally.expect("requirement", not fault or fault in case["requirements"], True)
    tally.expect("decoded", case["decoded"], None if fault else decode("ResultCore", result))
    tally.expect("reaction", case.get("reaction"), "no result" if fault else None)
    tally.expect("result_hash", case["result_hash"], None if fault else sha256(result)[:16].hex())
    if "money" in case or "retry" in case:
        known = decode("ResultCore", result)["status"] in STATUSES
        said = (case.get("money"), case.get("retry"))
        tally.expect("money and retry", said, None if known else ("unknown", "never"))


def _signature(case: dict, tally: Tally):
    message = order.result_input(hexes(case["result_core"]))
    _verdict(tally, case, verify(hexes(case["device_key"]), message, hexes(case["signature"])))


ABOUT = {
    "order_number": _order_number,
    "platform_number": _platform_number,
    "amount": _amount,
    "core": _core,
    "result": _result,
    "signature": _signature,
}


def check_codes(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        channel, what = payment.recognise(case["text"])
        _verdict(tally, case, channel is not None)
        tally.expect("channel", case.get("channel"), channel)
        tally.expect("digits", case.get("digits"), what if channel else None)
        tally.expect("reaction", case.get("reaction"), None if channel else what)


def check_verdicts(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        profile, call, reply = case["profile"], case["call"], case["reply"]
        untrusted, proof, listed = payment.judge(profile, call, reply)
        for name in ("proof", "capture", "refunded", "closed"):
            tally.expect(name, case.get(name), proof.get(name))
        _verdict(tally, case, not untrusted and listed)
        expected = "untrusted: proves open" if untrusted else None if listed else f"proves {proof['proof']}"
        tally.expect("reaction", case.get("reaction"), expected)
        code = "" if untrusted else payment.provider_code(profile, call, reply)
        tally.expect("provider_code", case["provider_code"], code)
