"""What a HIS link tells its program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from .ledger_rows import Alarm
from .messages import message_pb2
from .session import Notice


@dataclass(frozen=True)
class Ready:
    """The session is past Sync: orders can be made."""


@dataclass(frozen=True)
class Progress:
    """How far an order is; never its end (MSG-32)."""

    order_no: str
    stage: int
    seconds_left: int


@dataclass(frozen=True)
class OrderEnded:
    """An order has ended, and its result is durable. Its row says how."""

    order_no: str


@dataclass(frozen=True)
class Rejected:
    """The POS refused a request about an order. The order has not ended."""

    order_no: str
    code: int


@dataclass(frozen=True)
class Down:
    """There is no session: open orders are unknown, never failed (ORD-79)."""


@dataclass(frozen=True)
class Pulled:
    """The device's list was pulled to its end."""


@dataclass(frozen=True)
class TotalsTold:
    """What the device counts for a business day (ORD-246)."""

    business_day: int
    totals: message_pb2.Totals


LinkEvent = Union[Ready, Progress, OrderEnded, Rejected, Down, Pulled, TotalsTold, Alarm, Notice]
"""What `HisLink.poll_event` gives."""
