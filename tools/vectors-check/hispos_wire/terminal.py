"""What a POS answers to a request, from the state of its session: a dictionary, or the code of an alert."""

from . import fields
from .message import Malformed, decode
from .order import core_fault, order_hash_input, read_platform_number
from .schedule import sha256

START, DRIFT = 90_000, 20_000
BODIES = range(3, 25)
REQUESTS = ("sync", "submit_order", "query_order", "cancel_order", "look_up", "list_orders", "get_totals", "ping")
AT_HIS = ("ready", "order_state", "device_event")


def anchor(text: str) -> bool:
    return len(text) == 48


class Terminal:
    """`state` is that of the file; `site` what holds in every session."""

    def __init__(self, site: dict, state: dict, synced: bool):
        self.site, self.state, self.synced = site, state, synced
        self.agreement = decode("Agreement", bytes.fromhex(site["agreement"]))

    def known(self, core: bytes) -> str:
        """`same`, `other` or nothing."""
        order = self.state["order"]
        if not order or self.number(core) != self.number(bytes.fromhex(order["core"])):
            return ""
        return "same" if order["core"] == core.hex() else "other"

    def number(self, core: bytes) -> str:
        return decode("OrderCore", core)["order_no"]

    def held(self) -> dict:
        """What the POS says of the order that it holds."""
        order = self.state["order"]
        if order["result"]:
            return {"signed_result": {"result": order["result"], "signature": order["signature"]}}
        left = -(-(order["start_by_ms"] - self.state["session_ms"]) // 1000)
        core = bytes.fromhex(order["core"])
        return {"order_state": {"order_no": self.number(core), "stage": 1, "money": 1, "seconds_left": left}}

    def reject(self, code: int, number: str = "") -> dict:
        said = {"code": code}
        if number:
            said["order_no"] = number
        if code == 505:
            order = self.state["order"]
            said["core"] = order["core"]
            if order["result"]:
                said |= {"result": order["result"], "signature": order["signature"]}
            else:
                said["stage"] = 1
        return {"rejected": said}

    def answer(self, said: dict) -> dict | int | None:
        """To a request: its answer without `reply_to`; 10 for the alert; None if nothing is sent."""
        body = next((name for name in said if name not in ("call", "reply_to")), None)
        if "reply_to" in said or "call" not in said:
            return None
        if not self.synced and body != "sync":
            return 10
        if body not in REQUESTS:
            return {"unsupported": {}}
        return getattr(self, body)(said[body])

    def sync(self, said: dict) -> dict:
        reply = {"journal": self.state["journal"]}
        if self.state["ledger_seen"]:
            reply["ledger_seen"] = self.state["ledger_seen"]
        return {"sync_reply": reply}

    def ping(self, said: dict) -> dict:
        health = {}
        if self.state["verified"]:
            health = {"wechat_verified": True, "alipay_verified": True}
        if not self.state["room"]:
            health["storage_low"] = True
        return {"pong": {"journal": self.state["journal"], "health": health}}

    def list_orders(self, said: dict) -> dict:
        book, order = self.state["journal"][:16], self.state["order"]
        listed = {"book": book}
        if order:
            item = {"seq": self.state["order_seq"], "core": order["core"]}
            if order["result"]:
                item |= {"result": order["result"], "signature": order["signature"], "disposition": 1}
            else:
                item["stage"] = 1
            listed["items"] = [item]
        return {"order_list": listed}

    def get_totals(self, said: dict) -> dict:
        order, day = self.state["order"], said.get("business_day", 0)
        core = decode("OrderCore", bytes.fromhex(order["core"])) if order else {}
        if core.get("business_day") != day:
            return {"totals": {"digest": sha256(b"").hex()}}
        if not order["result"]:
            return {"totals": {"open": 1, "digest": sha256(b"").hex()}}
        result = decode("ResultCore", bytes.fromhex(order["result"]))
        number, amount = result["order_no"].encode(), result["amount"]
        entry = bytes([len(number)]) + number + bytes([result["outcome"]]) + amount.to_bytes(8, "big", signed=True)
        row = {"channel": result["channel"], "kind": core["kind"], "count": 1, "amount": amount}
        return {"totals": {"rows": [row], "digest": sha256(entry).hex()}}

    def _core_fault(self, core: bytes) -> dict | None:
        if code := core_fault(core):
            return self.reject(code)
        if decode("OrderCore", core)["device_id"] != self.site["device_id"]:
            return self.reject(503, self.number(core))
        return None

    def submit_order(self, said: dict) -> dict:
        core = bytes.fromhex(said.get("core", ""))
        if fault := self._core_fault(core):
            return fault
        number, order = self.number(core), decode("OrderCore", core)
        if known := self.known(core):
            return self.held() if known == "same" else self.reject(505, number)
        if said.get("terminal_id", "") != self.site["terminal_id"]:
            return self.reject(502, number)
        if said.get("run", "") != self.state["run"]:
            return self.reject(507, number)
        search = said.get("search", [])
        if len(search) > 4 or not all(map(is_order_number, search)):
            return self.reject(501, number)
        if order["agreement_no"] != self.agreement["agreement_no"] or not self.state["verified"]:
            return self.reject(509, number)
        limits = self.agreement["amounts"]
        if abs(order["amount"]) > limits["collect_max" if order["kind"] == 1 else "refund_max"]:
            return self.reject(504, number)
        now, start = self.state["session_ms"], said.get("start_by", 0) * 1000
        if start <= now:
            return self.reject(508, number)
        if start > now + START + DRIFT:
            return self.reject(501, number)
        if not self.state["room"]:
            return self.reject(510, number)
        held = self.state["order"]
        if held and not held["result"]:
            return self.reject(506, self.number(bytes.fromhex(held["core"])))
        stage = {"order_no": number, "stage": 1 if order["kind"] == 1 else 5, "money": 1}
        if order["kind"] == 1:
            stage["seconds_left"] = -(-(start - now) // 1000)
        return {"order_state": stage}

    def query_order(self, said: dict) -> dict:
        number = said.get("order_no", "")
        if not is_order_number(number):
            return self.reject(501)
        order = self.state["order"]
        if not order or self.number(bytes.fromhex(order["core"])) != number:
            return {"no_record": {"run": self.state["run"]}}
        hashed = sha256(order_hash_input(self.site["site_id"], bytes.fromhex(order["core"]))).hex()
        return self.held() if said.get("order_hash") == hashed else self.reject(505, number)

    def cancel_order(self, said: dict) -> dict | str:
        core = bytes.fromhex(said.get("core", ""))
        if fault := self._core_fault(core):
            return fault
        number = self.number(core)
        if known := self.known(core):
            if known == "other":
                return self.reject(505, number)
            return self.held() if self.state["order"]["result"] else "ends 210"
        return self.reject(507, number) if said.get("run", "") != self.state["run"] else "ends 222"

    def look_up(self, said: dict) -> dict | str:
        core = bytes.fromhex(said.get("core", ""))
        if core_fault(core):
            return self.reject(501)
        number, order = self.number(core), decode("OrderCore", core)
        known = self.known(core)
        if known == "other":
            return self.reject(505, number)
        if order["agreement_no"] != self.agreement["agreement_no"]:
            return self.reject(509, number)
        if known:
            return self.held() if self.state["order"]["result"] else "ends 201"
        own = order["device_id"] == self.site["device_id"]
        return {"order_state": {"order_no": number, "stage": 6 if own else 7, "money": 2}}


def is_order_number(text: str) -> bool:
    return read_platform_number(f"SIM1{text}W") is not None


def holds_alert(data: bytes) -> bool:
    """Whether there is an Alert at the top level, whatever else there is."""
    return 3 in fields.read(data)


def parse(data: bytes) -> dict | None:
    """What a plaintext says, or None if it is no Message; an alert beside another body is one."""
    try:
        said = decode("Message", data)
    except Malformed:
        return None
    bodies = [number for number, values in fields.read(data).items() if number in BODIES for _ in values]
    return said if len(bodies) < 2 or holds_alert(data) else None
