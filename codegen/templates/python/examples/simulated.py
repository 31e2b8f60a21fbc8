"""Payment code for the simulated platform of hispos, as a vendor writes it for his: a dialect, and no money rule."""

from __future__ import annotations

import email.utils
import hashlib
import hmac
import json
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hispos_client.adapter import Answer, NoAnswer
from hispos_client.payment import Merchant, Question, Reply, Untrusted
from hispos_client.tables import Channel, Profile
from hispos_client.transport import boot_clock

_ANSWER_BYTES_MAX = 65_536
_SUBJECT = "医院缴费"


class SimulatedPlatform:
    """One merchant of the simulated platform."""

    def __init__(self, url: str, credential: Mapping[str, str]) -> None:
        """A row of its `credentials.json`."""
        host, _, port = url.removeprefix("http://").strip("/").partition(":")
        self._place = (host, int(port))
        channel = Channel[credential["channel"].upper()]
        self.merchant = Merchant(channel, credential["account"], credential["sub_account"], True)
        self.profile = Profile.ALIPAY if channel == Channel.ALIPAY else Profile.WECHAT_V2
        self._secret = bytes.fromhex(credential["secret_hex"])
        self._reversal = bytes.fromhex(credential["reversal_secret_hex"])

    def verify(self, question: Question) -> Answer:
        """The credentials, also those of reverses and refunds."""
        return self._call("/v1/verify", question, {"reversal": True}, is_reversal=True)

    def query(self, question: Question) -> Answer:
        """An order."""
        return self._call("/v1/query", question, {})

    def pay(self, question: Question) -> Answer:
        """A pay by a code, until an absolute instant."""
        assert question.code is not None
        more = {"total": question.total, "expires_at": question.expires_at, "subject": _SUBJECT}
        return self._call("/v1/pay", question, {**more, "code": question.code.digits})

    def reverse(self, question: Question) -> Answer:
        """Closes, or gives back."""
        return self._call("/v1/reverse", question, {}, is_reversal=True)

    def refund(self, question: Question) -> Answer:
        """Gives a part back."""
        more = {"refund_number": question.refund_number, "amount": question.refund_amount}
        return self._call("/v1/refund", question, {**more, "total": question.total}, is_reversal=True)

    def query_refund(self, question: Question) -> Answer:
        """A refund."""
        return self._call("/v1/refund-query", question, {"refund_number": question.refund_number})

    def _call(
        self, path: str, question: Question, more: Mapping[str, Any], is_reversal: bool = False
    ) -> Answer:
        body = json.dumps(
            {
                "channel": self.merchant.channel.name.lower(),
                "account": self.merchant.account,
                "sub_account": self.merchant.sub_account,
                "nonce": os.urandom(16).hex(),
                **({"number": question.number} if question.number else {}),
                **more,
            }
        ).encode()
        signed = b"POST\n" + path.encode() + b"\n" + body
        signature = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
        head = [f"POST {path} HTTP/1.1", f"Host: {self._place[0]}", f"Hispos-Sim-Signature: {signature}"]
        if is_reversal:
            reversal = hmac.new(self._reversal, signed, hashlib.sha256).hexdigest()
            head.append(f"Hispos-Sim-Reversal-Signature: {reversal}")
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}", "Connection: close"]
        request = "\r\n".join([*head, "", ""]).encode() + body
        answer, first_byte, ended = self._exchange(request, question)
        try:
            return self._read(answer, signature, first_byte, ended)
        except (ValueError, KeyError, Untrusted) as error:
            raise NoAnswer(first_byte, ended, f"an answer that proves nothing: {error}") from error

    def _exchange(self, request: bytes, question: Question) -> tuple[bytes, int, int]:
        """One request on one connection (PAY-3 to PAY-8)."""
        try:
            line = socket.create_connection(self._place, question.connect_ms / 1000)
        except OSError as error:
            raise NoAnswer(None, boot_clock(), str(error)) from error
        with line:
            first_byte = boot_clock()
            if question.not_after is not None and first_byte >= question.not_after:
                raise NoAnswer(None, first_byte, "too late to write")
            answer = b""
            try:
                line.settimeout(question.http_ms / 1000)
                line.sendall(request)
                while left := first_byte + question.http_ms - boot_clock():
                    line.settimeout(max(left, 1) / 1000)
                    piece = line.recv(4096)
                    answer += piece
                    if not piece:
                        return answer, first_byte, boot_clock()
                    if left < 0 or len(answer) > _ANSWER_BYTES_MAX:
                        raise OSError("no whole answer in time")
                raise OSError("no whole answer in time")
            except OSError as error:
                # The end is a reset: nothing more of the request is sent (PAY-8).
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.close()
                raise NoAnswer(first_byte, boot_clock(), str(error)) from error

    def _read(self, answer: bytes, signature: str, first_byte: int, ended: int) -> Answer:
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode("ascii").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        status = lines[0].split(" ")[1]
        if status != "200" or len(body) != int(headers["content-length"]):
            raise ValueError(f"status {status}, {len(body)} bytes")
        expected = hmac.new(self._secret, f"200\n{signature}\n".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, headers["hispos-sim-signature"]):
            raise ValueError("signature")
        members = json.loads(body)
        if members.get("simulated") is not True:
            raise ValueError("not simulated")
        members["refund_amount"] = members.pop("amount", None)
        date = email.utils.parsedate_to_datetime(headers["date"])
        return Answer(Reply.of(members), int(date.timestamp()), first_byte, ended)


def platforms(credentials: Path, url: str) -> list[SimulatedPlatform]:
    """The merchants of a `credentials.json`."""
    rows = json.loads(credentials.read_text())["merchants"]
    return [SimulatedPlatform(url, row) for row in rows]
