"""The interface for a vendor's own payment code: answers come in, verdicts go out (payment).

A vendor writes one `Adapter` for each platform. It knows the platform's dialect and no money rule: when to ask, whether
to reverse and what a result says is decided by the link. `carry_out` asks one question of it and gives exactly one
verdict, whatever happens (PAY-10). It blocks, so call it in a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from .payment import Answered, Proof, Proven, Question, Reply, Untrusted, judge
from .tables import PlatformCall, Profile


@dataclass(frozen=True)
class Answer:
    """A whole answer whose signature and binding to its request were checked."""

    reply: Reply
    date: int | None
    """Unix seconds of the platform's clock."""
    first_byte: int
    ended: int


class NoAnswer(Exception):
    """No answer that can be trusted: the connection failed, was cut off, came too late, or was signed by nobody."""

    def __init__(self, first_byte: int | None, ended: int, why: str) -> None:
        """`first_byte` is None only if it is certain that no byte was handed to the network (PAY-12)."""
        super().__init__(why)
        self.first_byte, self.ended = first_byte, ended


class Adapter(Protocol):
    """One platform.

    Each call writes one request on a connection of its own, at most once, and none from `question.not_after` on; it
    gives the connection up after `connect_ms` and `http_ms` (PAY-3 to PAY-9). Each gives an Answer or raises NoAnswer.
    """

    profile: Profile

    def verify(self, question: Question) -> Answer:
        """Tells whether the credentials are right, also those of reverses and refunds (PAY-34)."""

    def query(self, question: Question) -> Answer:
        """Tells what became of `number`."""

    def pay(self, question: Question) -> Answer:
        """Takes `total` with `code`, until `expires_at` (PAY-71)."""

    def reverse(self, question: Question) -> Answer:
        """Closes `number`, or gives everything back."""

    def refund(self, question: Question) -> Answer:
        """Gives `refund_amount` of `number` back, under `refund_number`."""

    def query_refund(self, question: Question) -> Answer:
        """Tells what became of `refund_number`."""


def carry_out(adapter: Adapter, question: Question, clock: Callable[[], int]) -> Answered:
    """Asks a question, and gives its verdict. `clock` is the boot clock."""
    calls = {
        PlatformCall.VERIFY: adapter.verify,
        PlatformCall.QUERY: adapter.query,
        PlatformCall.PAY: adapter.pay,
        PlatformCall.REVERSE: adapter.reverse,
        PlatformCall.REFUND: adapter.refund,
        PlatformCall.QUERY_REFUND: adapter.query_refund,
    }
    began = clock()
    try:
        answer = calls[question.call](question)
        proven, provider_code = judge(adapter.profile, question, answer.reply)
    except NoAnswer as failed:
        return Answered(question.id, Proven(Proof.OPEN), failed.ended, failed.first_byte)
    except Untrusted:
        return Answered(question.id, Proven(Proof.OPEN), answer.ended, answer.first_byte)
    except Exception:
        # What a program with a fault has written is not known: the earliest instant stands for the first byte.
        return Answered(question.id, Proven(Proof.OPEN), clock(), began)
    finally:
        if question.code is not None:
            question.code.erase()
    return Answered(
        question.id, proven, answer.ended, answer.first_byte, provider_code, answer.date, is_trusted=True
    )
