"""Signed files and books."""

from hispos_wire import provisioning
from hispos_wire.book import containment, verify_chain

from .tally import Tally, hexes


def check_signed_files(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        if case["about"] == "file":
            his, pos = hexes(case["his_organisation"]), hexes(case["pos_organisation"])
            faults = provisioning.file_faults(case["wanted"], hexes(case["file"]), his, pos, case["site_id"])
        elif case["about"] == "succession":
            held, newer = hexes(case["held"]), hexes(case["newer"])
            faults = provisioning.succession_faults(case["kind"], held, newer)
        else:
            data, fault = provisioning.read_armour(case["text"])
            tally.expect("file", case["file"], data.hex() if data else None)
            faults = {fault} - {""}
            if faults:
                tally.expect("what the armour breaks", case["requirements"], [fault])
        tally.expect("result", case["result"], "invalid" if faults else "valid")
        if faults:
            tally.expect("requirement", bool(faults & set(case["requirements"])), True)
            tally.expect("reaction", case["reaction"], "refused")


def check_books(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        export = [(hexes(line["record"]), hexes(line["head"])) for line in case["export"]]
        if case["about"] == "chain":
            place, reason = verify_chain(export)
            tally.expect("seq", [line["seq"] for line in case["export"]], list(range(1, len(export) + 1)))
            tally.expect("fails_at", case["fails_at"], place)
            tally.expect("reason", case["reason"], reason)
            tally.expect("result", case["result"], "invalid" if place else "valid")
        else:
            said = containment(export, hexes(case["anchor"]))
            tally.expect("containment", case["containment"], said)
            tally.expect("result", case["result"], "invalid" if said == "missing" else "valid")
            alarm = "alarm: the book went back" if said == "missing" else None
            tally.expect("reaction", case.get("reaction"), alarm)
