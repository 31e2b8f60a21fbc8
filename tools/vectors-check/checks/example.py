"""The worked example: from seeds, draws and payloads everything else follows."""

from hispos_wire import exchange, frame, record
from hispos_wire.book import head_input
from hispos_wire.message import decode, encode
from hispos_wire.order import order_hash_input, order_number, result_input
from hispos_wire.schedule import hmac256, sha256, verify

from .tally import Tally, hexes

KINDS = {"his": frame.RECORD_HIS, "pos": frame.RECORD_POS}
GROUPS = ("elements", "transcript", "secrets", "messages")


def check_example(file: dict, tally: Tally):
    tally.open({"tc_id": "exchange", "requirements": ["KEX-8", "KEX-9", "KEX-17"]})
    site = file["site"]
    for name in ("agreement", "device_manifest", "terminal_manifest"):
        check_message(site[name], tally)
    tally.expect("agreement_hash", site["agreement_hash"], sha256(hexes(site["agreement"]["bytes"])).hex())
    his = check_exchange(file, tally)
    check_records(file["records"], his, tally)
    check_order(file, tally)
    check_result(file, tally)
    for book in ("journal", "ledger"):
        check_book(file[book], book, tally)


def check_message(given: dict, tally: Tally):
    tally.expect(f"{given['message']} says", given["decoded"], decode(given["message"], hexes(given["bytes"])))
    tally.expect(f"{given['message']} bytes", given["bytes"], encode(given["message"], given["decoded"]).hex())


def check_exchange(file: dict, tally: Tally) -> exchange.His:
    site, draws = file["site"], {end: [hexes(draw) for draw in drawn] for end, drawn in file["draws"].items()}
    tally.expect("run", file["draws"]["pos"][0], file["records"][0]["plaintext"]["decoded"]["ready"]["run"])

    def party(ident: str, seed: str, drawn: list[bytes]) -> exchange.Party:
        return exchange.Party(site[ident].encode(), hexes(site[seed]), drawn[0], drawn[1], [1], [1])

    own = party("terminal_id", "terminal_seed", draws["his"])
    other = party("device_id", "device_seed", draws["pos"][1:])
    agreement = hexes(site["agreement"]["bytes"])
    his = exchange.His(own, other.id, other.public_key, agreement)
    pos = exchange.Pos(other, own.id, own.public_key, agreement)
    m1 = his.make_m1()
    m2 = pos.take_m1(m1)
    m3 = his.take_m2(m2)
    pos.take_m3(m3)
    tally.expect("terminal_key", site["terminal_key"], own.public_key.hex())
    tally.expect("device_key", site["device_key"], other.public_key.hex())
    for group in GROUPS:
        for name, value in file["handshake"][group].items():
            for side in (his, pos):
                tally.expect(f"{group}.{name}", value, {"m2": m2, **side.values}[name].hex())
    for name, kind, body in (("m1", frame.M1, m1), ("m2", frame.M2, m2), ("m3", frame.M3, m3)):
        tally.expect(f"frames.{name}", file["handshake"]["frames"][name], frame.encode(kind, body).hex())
    return his


def check_records(records: list, his: exchange.His, tally: Tally):
    tag = his.values["tag"][0]
    sealers = {
        end: record.Sealer(kind, tag, his.values["ap_h" if end == "his" else "ap_p"]) for end, kind in KINDS.items()
    }
    counters = {"his": 0, "pos": 0}
    for case in records:
        tally.open(case, "record ")
        check_message(case["plaintext"], tally)
        sender, plaintext = case["sender"], hexes(case["plaintext"]["bytes"])
        tally.expect("counter", case["counter"], counters[sender])
        counters[sender] += 1
        body, key, iv, nonce, aad = sealers[sender].seal(case["counter"], plaintext)
        whole = bytes([KINDS[sender]]) + body
        checksum = frame.crc32c(whole).to_bytes(4, "big")
        derived = {
            "type": KINDS[sender],
            "tag": tag,
            "key": key.hex(),
            "iv": iv.hex(),
            "nonce": nonce.hex(),
            "aad": aad.hex(),
            "ciphertext": body[5:-16].hex(),
            "aead_tag": body[-16:].hex(),
            "record": body.hex(),
            "checksum": checksum.hex(),
            "frame": (whole + checksum).hex(),
            "wire": frame.encode(KINDS[sender], body).hex(),
            "body": next(name for name in case["plaintext"]["decoded"] if name not in ("call", "reply_to")),
        }
        for name, value in derived.items():
            tally.expect(name, case[name], value)


def sent(file: dict, body: str) -> dict:
    return next(case["plaintext"]["decoded"][body] for case in file["records"] if case["body"] == body)


def check_order(file: dict, tally: Tally):
    order, site = tally.open({"tc_id": "order", **file["order"]}), file["site"]
    check_message(order["core"], tally)
    core = hexes(order["core"]["bytes"])
    tally.expect("the core that was sent", order["core"]["bytes"], sent(file, "submit_order")["core"])
    hashed = order_hash_input(site["site_id"], core)
    tally.expect("hash_input", order["hash_input"], hashed.hex())
    tally.expect("hash", order["hash"], sha256(hashed).hex())
    number, hashed, mac = order_number(hexes(site["site_secret"]), 1, order["bill"].encode(), order["generation"])
    tally.expect("number_input", order["number_input"], hashed.hex())
    tally.expect("number_mac", order["number_mac"], mac.hex())
    tally.expect("order_no", order["core"]["decoded"]["order_no"], number)
    code = tally.open({"tc_id": "code", **file["code"]})
    hashed = b"hispos/1 payment code\0" + code["digits"].encode()
    tally.expect("code.hash_input", code["hash_input"], hashed.hex())
    tally.expect("code.hash", code["hash"], hmac256(hexes(site["device_seed"]), hashed).hex())
    attempts = [kept["row"]["decoded"].get("attempt") for kept in file["journal"]]
    attempts = [attempt for attempt in attempts if attempt]
    tally.expect("code_hash", {attempt["code_hash"] for attempt in attempts}, {code["hash"]})
    tally.expect("code_last", {attempt["code_last"] for attempt in attempts}, {code["digits"][-4:]})


def check_result(file: dict, tally: Tally):
    result = file["result"]
    tally.open({"tc_id": "result", "requirements": result["requirements"]})
    check_message(result["result"], tally)
    data = hexes(result["result"]["bytes"])
    report, confirm = sent(file, "report_result"), sent(file, "confirm_result")
    tally.expect("the result that was sent", result["result"]["bytes"], report["result"])
    tally.expect("the signature that was sent", result["signature"], report["signature"])
    tally.expect("signature_input", result["signature_input"], result_input(data).hex())
    key = hexes(file["site"]["device_key"])
    tally.expect("the signature verifies", True, verify(key, result_input(data), hexes(result["signature"])))
    tally.expect("result_hash", result["result_hash"], sha256(data)[:16].hex())
    tally.expect("the result that was confirmed", confirm["result_hash"], result["result_hash"])
    tally.expect("order_hash", result["result"]["decoded"]["order_hash"], file["order"]["hash"])


ROWS = {1: "BookStart", 3: "BillRow", 4: "CaptureRow", 5: "PeerRow", 6: "SiteRow"}


def check_book(records: list, book: str, tally: Tally):
    head, anchors = bytes(32), set()
    for at, case in enumerate(records):
        tally.open({"tc_id": at + 1, **case}, f"{book} ")
        check_message(case["record"], tally)
        check_message(case["row"], tally)
        said = case["record"]["decoded"]
        tally.expect("seq", said["seq"], at + 1)
        tally.expect("row", said["row"], case["row"]["bytes"])
        order = "PosOrder" if book == "journal" else "HisOrder"
        tally.expect("table", ROWS.get(said["table"], order), case["row"]["message"])
        hashed = head_input(head, hexes(case["record"]["bytes"]))
        tally.expect("head_input", case["head_input"], hashed.hex())
        head = sha256(hashed)
        tally.expect("head", case["head"], head.hex())
        ident = hexes(records[0]["row"]["decoded"]["book"])
        anchor = ident + (at + 1).to_bytes(8, "big") + head[:8]
        tally.expect("anchor", case["anchor"], anchor.hex())
        anchors.add(anchor)
