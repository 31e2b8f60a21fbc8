"""Conversations of one end: everything on the line is derived again, and its order is that of the text."""

from hispos_wire import exchange, frame, record
from hispos_wire.book import head_input
from hispos_wire.message import decode, encode
from hispos_wire.schedule import sha256

from .tally import Tally, hexes

SENT = {"his": (frame.M1, frame.M3, frame.RECORD_HIS), "pos": (frame.M2, frame.RECORD_POS)}
BUSY, BUSY_WAIT = 91, 5_000
GAPS = (1_000, 2_000, 4_000, 5_000)
M2S_MAX = 16
# What names the site and the order, and the messages that carry the own book's anchor.
OWN_ANCHORS = (("sync", "ledger"), ("ping", "ledger"), ("confirm_result", "ledger"))
OWN_ANCHORS += (("sync_reply", "journal"), ("pong", "journal"), ("report_result", "journal"))


class Line:
    """What one start of a program sees: the exchanges it takes part in, and the records of its sessions."""

    def __init__(self, site: dict, side: str, draws: list[bytes], tally: Tally):
        self.side, self.tally = side, tally
        self.draws = draws[1:] if side == "pos" else draws[:]
        self.run = draws[0].hex() if side == "pos" else None
        own, peer = ("terminal", "device") if side == "his" else ("device", "terminal")
        self.ids = {name: site[f"{name}_id"].encode() for name in ("terminal", "device")}
        self.seeds = {name: hexes(site[f"{name}_seed"]) for name in ("terminal", "device")}
        self.own, self.peer, self.agreement = own, peer, hexes(site["agreement"])
        self.reader = frame.Reader(side)
        self.exchange = self.m1 = self.m3 = None
        self.coming = []  # keys of sessions, newest first: (opener, sealer)
        self.m2s, self.last_m1, self.repeats, self.held_until = {}, 0, 0, 0
        self.calls, self.counters = {}, {}
        self.secrets = {site[name].encode() for name in ("site_id", "terminal_id", "device_id")}
        self.durable, self.body = [], ""

    def party(self) -> exchange.Party:
        nonce, private = self.draws.pop(0), self.draws.pop(0)
        return exchange.Party(self.ids[self.own], self.seeds[self.own], nonce, private, [1], [1])

    def peer_key(self) -> bytes:
        return exchange.ed25519_public(self.seeds[self.peer])

    def keys(self, values: dict):
        tag = values["tag"][0]
        ours, theirs = ("ap_h", "ap_p") if self.side == "his" else ("ap_p", "ap_h")
        mine, other = (frame.RECORD_HIS, frame.RECORD_POS) if self.side == "his" else (frame.RECORD_POS, frame.RECORD_HIS)
        pair = (record.Opener(other, tag, values[theirs]), record.Sealer(mine, tag, values[ours]), values)
        self.coming.insert(0, pair)

    # What comes.

    def bytes_in(self, at: int, data: bytes):
        for event in self.reader.push(data):
            if event[0] == "frame":
                self.take(at, event[1], event[2])

    def take(self, at: int, kind: int, body: bytes):
        if kind == frame.PLAIN_ALERT and len(body) == 5:
            self.tally.tell(f"alert {body[0]}")
        elif kind in (frame.RECORD_HIS, frame.RECORD_POS):
            self.opened(body)
        if kind == frame.M1 and body != self.m1:
            pos = exchange.Pos(self.peek(), self.ids[self.peer], self.peer_key(), self.agreement)
            try:
                self.expected_m2, self.candidate = pos.take_m1(body), pos
            except exchange.Alert:
                self.expected_m2 = None
            self.new_m1 = body
        elif kind == frame.M2 and self.exchange and body not in self.m2s and len(self.m2s) < M2S_MAX:
            try:
                self.m2s[body] = self.exchange.take_m2(body)
                self.keys(dict(self.exchange.values))
            except exchange.Drop:
                pass
            except exchange.Alert:
                self.tally.expect("an M2 that fails comes behind M3", bool(self.m2s), True)
        elif kind == frame.M3 and getattr(self, "candidate", None):
            try:
                self.candidate.take_m3(body)
                self.keys(dict(self.candidate.values))
                self.candidate = None
            except exchange.Drop:
                pass
        elif kind == frame.PLAIN_ALERT and body[0] == BUSY and body[1:] == getattr(self, "checksum", None):
            self.held_until = at + BUSY_WAIT

    def opened(self, body: bytes):
        for opener, _, _ in self.coming:
            verdict, plaintext = opener.open(body)
            if verdict == "open":
                self.tell(decode("Message", plaintext))
                return

    def tell(self, said: dict):
        for name in ("alert", "rejected"):
            if name in said:
                self.tally.tell(f"{name} {said[name].get('code', 0)}")

    def peek(self) -> exchange.Party:
        nonce, private = (self.draws + [bytes(16), bytes(32)])[:2]
        return exchange.Party(self.ids[self.own], self.seeds[self.own], nonce, private, [1], [1])

    # What goes out.

    def bytes_out(self, at: int, data: bytes):
        if data == b"\0":
            return
        events = frame.Reader("pos" if self.side == "his" else "his").push(data)
        self.tally.expect("one frame in each transmit", [e[0] for e in events], ["frame"])
        _, kind, body = events[0]
        self.tally.expect("the frame", data.hex(), frame.encode(kind, body).hex())
        self.tally.expect("ids outside of sealed bytes", [i for i in self.secrets if i in body], [])
        if kind == frame.M1:
            self.sent_m1(at, body)
        elif kind == frame.M2:
            if body == getattr(self, "expected_m2", None):
                self.draws, self.m1, self.expected_m2, self.m2 = self.draws[2:], self.new_m1, None, body
            else:
                self.tally.expect("a repeated M2", body.hex(), self.m2.hex())
        elif kind == frame.M3:
            self.tally.expect("an M3 that follows", body in self.m2s.values(), True)
        elif kind == frame.PLAIN_ALERT:
            self.tally.tell(f"alert {body[0]}")
        elif kind in (frame.RECORD_HIS, frame.RECORD_POS):
            self.sent_record(body)

    def sent_m1(self, at: int, body: bytes):
        if body != self.m1:
            his = exchange.His(self.party(), self.ids[self.peer], self.peer_key(), self.agreement)
            self.m1, self.exchange, self.m2s, self.repeats = his.make_m1(), his, {}, 0
            self.last_m1, self.checksum = at, frame.crc32c(bytes([frame.M1]) + self.m1).to_bytes(4, "big")
            self.tally.expect("a new M1", body.hex(), self.m1.hex())
            return
        due = self.last_m1 + GAPS[min(self.repeats, 3)]
        self.tally.expect("when M1 is repeated", at, max(due, self.held_until))
        self.last_m1, self.repeats = at, self.repeats + 1

    def sent_record(self, body: bytes):
        counter = int.from_bytes(body[1:5], "big")
        for opener, sealer, values in self.coming:
            check = record.Opener(sealer.kind, sealer.tag, values["ap_h" if self.side == "his" else "ap_p"])
            verdict, plaintext = check.open(body)
            if verdict != "open":
                continue
            key = values["th8"]
            self.tally.expect("counter", counter, self.counters.get(key, 0))
            self.counters[key] = counter + 1
            self.tally.expect("the record", body.hex(), sealer.seal(counter, plaintext)[0].hex())
            self.said(key, counter, plaintext)
            return
        self.tally.expect("a record of a session", False, True)

    def said(self, session: bytes, counter: int, plaintext: bytes):
        said = decode("Message", plaintext)
        self.body = next((name for name in said if name not in ("call", "reply_to")), "")
        self.tell(said)
        self.tally.expect("the plaintext", plaintext.hex(), encode("Message", said).hex())
        for name, field in OWN_ANCHORS:
            if said.get(name, {}).get(field):
                # SyncReply and Pong tell the latest one when the request was taken up, before what it changed was stored.
                known = self.durable if name in ("sync_reply", "pong") else self.durable[-1:]
                self.tally.expect("the anchor of a durable record", said[name][field] in known, True)
        first = "ready" if self.side == "pos" else "sync"
        if counter == 0:
            self.tally.expect(f"{first} comes first", first in said, True)
        if "ready" in said:
            self.tally.expect("run", said["ready"]["run"], self.run)
        if "call" in said:
            last = self.calls.get(session, 0)
            self.tally.expect("the next call, or an earlier one", said["call"] <= last + 1, True)
            self.calls[session] = max(last, said["call"])
            self.tally.expect("call or reply_to", "reply_to" in said, False)


class Journal:
    """The chain of a journal: everything in it was written here."""

    def __init__(self, unix: int):
        self.unix, self.records = unix, []

    def write(self, at: int, rows: list):
        seconds = self.unix + (at - 1_000_000) // 1000
        self.records += [{**row, "at": seconds} for row in rows]

    def anchor(self, given: str) -> str:
        """The latest anchor of a book with the id that is given."""
        start = encode("BookStart", {"book": given[:16]}).hex()
        head, first = bytes(32), {"table": 1, "key": "start", "row": start, "at": self.unix}
        for seq, row in enumerate([first, *self.records], 1):
            said = {"seq": seq, "table": row["table"], "key": row["key"], "row": row["row"], "at": row["at"]}
            head = sha256(head_input(head, encode("BookRecord", said)))
        return given[:16] + (len(self.records) + 1).to_bytes(8, "big").hex() + head[:8].hex()


def check_conversations(file: dict, tally: Tally):
    for case in map(tally.open, file["cases"]):
        draws = [[hexes(draw) for draw in start] for start in case["draws"]]
        line, waits, last = None, False, 0
        book = Journal(file["site"]["unix"])
        for happening in case["happenings"]:
            at = happening["at"]
            tally.expect("time goes on", at >= last, True)
            last = at
            name, value = next(iter(happening.get("in", happening.get("out")).items()))
            if name == "start":
                line, waits = Line(file["site"], case["side"], draws.pop(0), tally), False
            elif name == "opened":
                line.reader = frame.Reader(case["side"])
            elif name == "bytes":
                line.bytes_in(at, hexes(value))
            elif name == "persist":
                waits = True
                book.write(at, value["write"])
            elif name == "loaded":
                line.durable.append(value["anchor"])
            elif name in ("persisted", "persist_failed"):
                waits = False
                line.durable += [value["anchor"]] if name == "persisted" else []
                if name == "persisted" and case["side"] == "pos":
                    tally.expect("anchor of the journal", value["anchor"], book.anchor(value["anchor"]))
            elif name == "ask" and value["request"] in ("pay", "reverse"):
                tally.expect("money moves at a merchant of the order's agreement", value.get("merchant"), None)
            elif name == "transmit":
                told = hexes(value)
                line.body = ""
                line.bytes_out(at, told)
                # A ping says nothing of the step that is not yet durable.
                early = waits and told != b"\0" and line.body != "ping"
                tally.expect("nothing is sent before it is durable", early, False)
        tally.expect("every start has its draws", draws, [])
