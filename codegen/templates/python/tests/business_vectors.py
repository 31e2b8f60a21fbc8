"""Replays the vectors of signed files and orders."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from hispos_client import orders, provisioning
from hispos_client.crypto import Standard
from hispos_client.tables import FileKind, Kind

from .vectors import Case, Tally, hexes, same

CRYPTO = Standard()


def as_dict(message: Message) -> dict[str, Any]:
    """A message as the vectors write it: absent fields left out, bytes in hexadecimal."""
    return {field.name: _value(value) for field, value in message.ListFields()}


def _value(value: Any) -> Any:
    if isinstance(value, Message):
        return as_dict(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (bool, int, str)):
        return value
    return [_value(item) for item in value]


def replay_signed_files(file: Case, tally: Tally) -> None:
    """`signed_files.json`: files, armour, and what may follow what."""
    for case in file["cases"]:
        tally.run(case, _signed_file)


def _signed_file(case: Case) -> None:
    broken = None
    try:
        if case["about"] == "file":
            _import(case)
        elif case["about"] == "armour":
            same("file", case["file"], provisioning.read_armour(case["text"]).hex())
        else:
            _succession(case)
    except provisioning.Refused as refused:
        broken = refused.requirement
    same("result", case["result"], "valid" if broken is None else "invalid")
    # Damaged armour may hold whole base64 of what is no file: then the file inside is refused, and not the armour.
    if broken is not None and (case["about"], broken) != ("armour", "PRV-12"):
        same("requirement", True, broken in case["requirements"])


def _import(case: Case) -> None:
    data, wanted = hexes(case["file"]), FileKind(case["wanted"])
    if wanted == FileKind.AGREEMENT:
        provisioning.read_agreement(CRYPTO, data)
        return
    organisation = case["pos_organisation" if wanted == FileKind.DEVICE_MANIFEST else "his_organisation"]
    provisioning.verify_manifest(CRYPTO, data, wanted, hexes(organisation), case["site_id"])


def _succession(case: Case) -> None:
    kind, held, newer = FileKind(case["kind"]), hexes(case["held"]), hexes(case["newer"])
    if kind == FileKind.AGREEMENT:
        provisioning.check_agreement_succession(held, newer)
    else:
        provisioning.check_manifest_succession(kind, held, newer)


def replay_orders(file: Case, tally: Tally) -> None:
    """`orders.json`: numbers, amounts, cores, results and signatures."""
    for case in file["cases"]:
        tally.run(case, _ABOUT[case["about"]])


def _order_number(case: Case) -> None:
    refund, key = case.get("refund"), hexes(case["key"])
    if refund:
        derived = orders.refund_key(refund["original"], refund["channel"], refund["item"])
        same("key", case["key"], derived.hex())
    number = orders.order_number(hexes(case["site_secret"]), Kind(case["kind"]), key, case["generation"])
    same("number", case["number"], number)


def _platform_number(case: Case) -> None:
    try:
        read = orders.split_platform_number(case["number"])
    except ValueError:
        same("result", case["result"], "invalid")
        return
    same("what it reads back as", (case["site_code"], case["order_no"], case["letter"]), read)
    same("number", case["number"], orders.platform_number(*read))
    same("result", case["result"], "valid")


def _amount(case: Case) -> None:
    try:
        fen = orders.parse_amount(case["text"])
    except ValueError:
        same("result", case["result"], "invalid")
        return
    same("fen", case["fen"], fen)
    same("what is shown reads back", fen, orders.parse_amount(orders.show_amount(fen)))


def _core(case: Case) -> None:
    core = hexes(case["core"])
    try:
        said = orders.read_core(core)
    except orders.Malformed as error:
        same("reaction", case.get("reaction"), f"rejected {int(error.code)}")
        return
    same("result", case["result"], "valid")
    same("decoded", case["decoded"], as_dict(said))
    same("hash", case["hash"], orders.order_hash(case["site_id"], core).hex())
    same("core", case["core"], said.SerializeToString().hex())


def _result(case: Case) -> None:
    result = hexes(case["result_core"])
    try:
        said = orders.read_result(result)
    except orders.NoResult as error:
        same("result", case["result"], "invalid")
        same("requirement", True, error.requirement in case["requirements"])
        return
    same("result", case["result"], "valid")
    same("decoded", case["decoded"], as_dict(said))
    same("result_hash", case["result_hash"], orders.result_hash(result).hex())


def _signature(case: Case) -> None:
    good = orders.is_signed_by(
        CRYPTO, hexes(case["device_key"]), hexes(case["result_core"]), hexes(case["signature"])
    )
    same("result", case["result"], "valid" if good else "invalid")


_ABOUT = {
    "order_number": _order_number,
    "platform_number": _platform_number,
    "amount": _amount,
    "core": _core,
    "result": _result,
    "signature": _signature,
}
