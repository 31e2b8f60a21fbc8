"""Payment codes, and what a platform's answer proves: the tables are read from the schemas."""

import re

from .schema import PROTO_DIR

TABLES = (PROTO_DIR / "tables.proto").read_text(encoding="utf-8")


def _rows(option: str) -> list[dict]:
    found = re.findall(rf"^option \({option}\) = \{{(.*)\}};$", TABLES, re.MULTILINE)
    return [{k: v.strip('"') for k, v in re.findall(r'(\w+): ("[^"]*"|\w+)', row)} for row in found]


def _word(row: dict, name: str, prefix: str) -> str:
    return row[name].removeprefix(prefix).lower()


RANGES = _rows("code_range")
ANSWERS = {
    (_word(r, "profile", "PROFILE_"), _word(r, "call", "PLATFORM_CALL_"), r["code"]): _word(r, "verdict", "VERDICT_")
    for r in _rows("answer")
}
CONTROLS = "".join(map(chr, range(33))) + "\x7f"


def recognise(text: str) -> tuple[int | None, str]:
    """Channel and digits, or None and what was shown instead."""
    code = text.strip(CONTROLS)
    if not code:
        return None, "empty"
    if not re.fullmatch("[0-9]+", code):
        if re.fullmatch("[0-9\uff10-\uff19]+", code):
            return None, "full_width"
        if "://" in code or code.lower().startswith(("wxp:", "www.")):
            return None, "link"
        if len(code.encode()) == 28 and code.lower().startswith("opc"):
            return None, "insurance"
        return None, "not_digits"
    if len(code) == 28:
        return None, "insurance"
    for row in RANGES:
        if row["first"] <= code[: len(row["first"])] <= row["last"]:
            fits = int(row["length_min"]) <= len(code) <= int(row["length_max"])
            channel = {"wechat": 1, "alipay": 2}.get(_word(row, "kind", "CODE_KIND_"))
            if channel:
                return (channel, code) if fits else (None, "length")
            return None, "unionpay" if fits and row["kind"] == "CODE_KIND_UNIONPAY" else "unknown"
    return None, "unknown"


ASKED = {
    "number": "SIM1BR816CGQ7VC793192XF6W",
    "refund_number": "SIM1BAAAAAAAAAAAAAAAAAAAR",
    "refund_amount": 800,
    "total": 8800,
    "account": "1900000109",
    "sub_account": "1900000110",
    "currency": "CNY",
}
PAID_STATES = ("SUCCESS", "TRADE_SUCCESS", "TRADE_FINISHED")


def asked(call: str) -> dict:
    given = dict(ASKED)
    if call == "verify":
        given |= {"number": None, "total": 0}
    if call not in ("refund", "query_refund"):
        given |= {"refund_number": None, "refund_amount": None}
    return given


def word(profile: str, call: str, reply: dict) -> tuple[str, bool]:
    """The word of an answer, and whether a call that succeeded told it as a state."""
    alipay = profile == "alipay"
    if reply["code"] != ("10000" if alipay else "SUCCESS"):
        told_apart = alipay and reply["code"] == "40004"
        return (reply.get("sub_code", "").removeprefix("ACQ.") if told_apart else reply["code"]), False
    state, refund = reply.get("trade_state", ""), reply.get("refund_status", "")
    if call == "pay" and state and state not in PAID_STATES:
        return "", True
    if call == "query":
        return state, True
    if call == "refund" and alipay:
        change = reply.get("fund_change")
        return (f"FUND_CHANGE_{change}" if change in ("Y", "N") else ""), True
    if call == "query_refund" and alipay and not refund:
        return "NO_REFUND_STATUS", False
    if call in ("refund", "query_refund"):
        return refund, True
    return reply["code"], False


def look_up(profile: str, call: str, reply: dict) -> str | None:
    said, is_state = word(profile, call, reply)
    if is_state and call == "refund" and profile != "alipay":
        call = "query_refund"
    verdict = ANSWERS.get((profile, call, said))
    if is_state:
        return None if verdict == "absent" else verdict
    if call in ("query", "query_refund"):
        return verdict if verdict == "absent" else None
    return verdict


def money(verdict: str | None, reply: dict) -> dict | None:
    """The capture that an answer tells of."""
    told = verdict in ("captured", "captured_and_refunded")
    if reply.get("trade_state") == "TRADE_CLOSED" and ("captured_at" in reply or reply.get("refunded", 0) > 0):
        told = told or verdict == "closed"
    number = reply.get("payment_no", "")
    if not told or "total" not in reply or not re.fullmatch(r"[\x21-\x7e]{1,64}", number):
        return None
    capture = {"payment_no": number, "fen": reply["total"], "captured_at": reply.get("captured_at")}
    return {name: value for name, value in capture.items() if value is not None}


def judge(profile: str, call: str, reply: dict) -> tuple[bool, dict, bool]:
    """Whether the answer is untrusted, what it proves, and whether a row of the tables names it."""
    given = asked(call)

    def differs(*names: str) -> bool:
        return any(name in reply and reply[name] != given[name] for name in names)

    nothing = {"proof": "open"}
    other_amount = call in ("refund", "query_refund") and differs("refund_amount")
    if differs("number", "refund_number") or other_amount:
        return True, nothing, False
    verdict = look_up(profile, call, reply)
    capture = money(verdict, reply)
    if differs("account", "sub_account", "currency", "total"):
        if call == "query" and capture:
            return False, {"proof": "mismatch", "capture": capture}, True
        return True, nothing, False
    return False, _proof(call, verdict, capture, reply), verdict is not None


def _proof(call: str, verdict: str | None, capture: dict | None, reply: dict) -> dict:
    if verdict is None:
        return {"proof": "merchant_refused" if call == "verify" else "open"}
    if verdict == "captured":
        return {"proof": "captured", "capture": capture} if capture else {"proof": "open"}
    if verdict == "captured_and_refunded" and not capture:
        return {"proof": "open"}
    if verdict in ("captured_and_refunded", "closed") and capture:
        return {"proof": "captured_and_refunded", "capture": capture, "refunded": reply.get("refunded", 0)}
    if verdict == "not_refunded":
        return {"proof": "not_refunded", "closed": "refund_status" in reply}
    return {"proof": "refused" if verdict == "dead" else verdict}


def provider_code(profile: str, call: str, reply: dict) -> str:
    said, _ = word(profile, call, reply)
    return re.sub(r"[^\x21-\x7e]", "", said or reply["code"])[:64]
