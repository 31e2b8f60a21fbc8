"""What all orders of a POS share: agreements, merchants, run and boot, the platforms' clocks, and effects (orders)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Union

from . import orders
from .book import Key
from .crypto import Crypto, hmac256, sha256
from .messages import message_pb2
from .messages.agreement_pb2 import AgreedTimers, Agreement
from .messages.order_pb2 import OrderCore
from .payment import CHANNELS, LETTERS, Merchant, PaymentCode, Question, merchant
from .provisioning import SERVING_MAX
from .tables import Channel, Kind, Labels, PlatformCall, Timers


@dataclass(frozen=True)
class Accepted:
    """An order was accepted: it waits for a payment code, or its refund is checked."""

    order_no: str
    fen: int


@dataclass(frozen=True)
class Stage:
    """How far an order is; `seconds_left` is 0 but for a code that is awaited."""

    order_no: str
    stage: int
    channel: int
    is_money_unknown: bool
    seconds_left: int


@dataclass(frozen=True)
class Ended:
    """An order or a look has ended by a signed result, which is durable and being reported."""

    order_no: str
    outcome: int
    status: int
    fen: int


@dataclass(frozen=True)
class HisAnswered:
    """HIS has answered a result: 1 recorded, 2 kept."""

    order_no: str
    disposition: int


@dataclass(frozen=True)
class MerchantVerified:
    """A merchant is verified, or no longer."""

    merchant: Merchant
    is_verified: bool


@dataclass(frozen=True)
class Alarm:
    """A person has to look: `name` is `number_known`, `unconfirmed` or `journal_went_back`."""

    name: str
    order_no: str = ""


OrderEvent = Union[Accepted, Stage, Ended, HisAnswered, MerchantVerified, Alarm]
"""What a terminal tells of its orders and merchants."""


@dataclass(frozen=True)
class Report:
    """A result is to be reported first (ORD-148)."""

    order_no: str


Effect = Union[Question, message_pb2.OrderState, OrderEvent, Report]
"""What follows from a step, behind its rows."""


@dataclass
class Effects:
    """What one step writes, and what it tells and asks once that is durable (ORD-7, ORD-9)."""

    writes: dict[Key, bytes] = field(default_factory=dict)
    then: list[Effect] = field(default_factory=list)

    def write(self, key: Key, row: bytes) -> None:
        """The newest state of a row; an earlier one of the same step is left out."""
        self.writes.pop(key, None)
        self.writes[key] = row


@dataclass(frozen=True)
class Held:
    """An agreement and its hash."""

    agreement: Agreement
    hash: bytes

    @classmethod
    def of(cls, agreement: Agreement) -> Held:
        """Of an agreement that was verified; its payload is canonical, so it serialises to the same bytes."""
        return cls(agreement, sha256(agreement.SerializeToString()))


_USUAL: Final = AgreedTimers(
    start=Timers.START,
    act=Timers.ACT,
    drift=Timers.DRIFT,
    connect=Timers.CONNECT,
    http=Timers.HTTP,
    poll_wechat=Timers.POLL_WECHAT,
    poll_alipay=Timers.POLL_ALIPAY,
    reverse_min=Timers.REVERSE_MIN,
    fence=Timers.FENCE,
    quiet=Timers.QUIET,
    expiry=Timers.EXPIRY,
    query=Timers.QUERY,
    absence_gap=Timers.ABSENCE_GAP,
)


class Context:
    """Shared by all orders of one program run."""

    def __init__(
        self,
        crypto: Crypto,
        device_id: str,
        seed: bytes,
        boot: bytes,
        run: bytes,
        started: int,
        unix: Callable[[], int],
    ) -> None:
        """`unix` is the calendar clock in seconds, 0 without a trustworthy one (ORD-2)."""
        self.crypto, self.device_id, self._seed = crypto, device_id, seed
        self.boot, self.run, self.started, self.unix = boot, run, started, unix
        self.agreements: list[Held] = []
        self.merchants: list[Merchant] = []
        self.verified: set[Merchant] = set()
        self.is_synced = False
        self.is_anchored = True
        self.dates: dict[Channel, tuple[int, int]] = {}
        """The platforms' clocks: Unix seconds, and when that connection had ended."""
        self._next_question = 1

    def provision(self, agreements: Sequence[Held], merchants: Sequence[Merchant]) -> None:
        """Takes over agreements, the newest first, and the merchants whose credentials are held."""
        self.agreements, self.merchants = list(agreements), list(merchants)

    @property
    def serving(self) -> list[Held]:
        """The two newest agreements, for new sessions and orders (PRV-31)."""
        return self.agreements[:SERVING_MAX]

    @property
    def site_id(self) -> str:
        """The site."""
        return self.agreements[0].agreement.site_id

    def agreement(self, number: int) -> Agreement | None:
        """An agreement by its number."""
        found = (held.agreement for held in self.agreements if held.agreement.agreement_no == number)
        return next(found, None)

    def timers(self, core: OrderCore) -> AgreedTimers:
        """The agreed timers of an order, for its whole life (ORD-6)."""
        agreement = self.agreement(core.agreement_no)
        return _USUAL if agreement is None else agreement.timers

    def number(self, core: OrderCore, order_no: str, channel: Channel) -> str:
        """A collect's platform number (ORD-25)."""
        agreement = self.agreement(core.agreement_no)
        site_code = "" if agreement is None else agreement.site_code
        return orders.platform_number(site_code, order_no, LETTERS[channel])

    def refund_number(self, core: OrderCore) -> str:
        """A refund's platform number (ORD-25)."""
        agreement = self.agreement(core.agreement_no)
        return orders.platform_number("" if agreement is None else agreement.site_code, core.order_no, "R")

    def accounts(self, core: OrderCore, channel: Channel) -> list[Merchant]:
        """Where a collect's numbers are asked about: the order's own merchant, then older ones (PAY-37)."""
        agreement = self.agreement(core.agreement_no)
        own = None if agreement is None else merchant(agreement, channel)
        if own is None:
            return []
        found = [own]
        for held in self.agreements:
            other = merchant(held.agreement, channel)
            if other is not None and other in self.merchants and other not in found:
                found.append(other)
        return found

    def original(self, core: OrderCore) -> tuple[Merchant, str] | None:
        """The merchant and platform number of a refund's original (ORD-26, ORD-33)."""
        refund = core.refund_of
        agreement = self.agreement(refund.agreement_no)
        if agreement is None:
            return None
        channel = Channel(int(refund.channel))
        account = merchant(agreement, channel)
        number = orders.platform_number(agreement.site_code, refund.order_no, LETTERS[channel])
        return None if account is None else (account, number)

    def needed(self, core: OrderCore) -> list[Merchant]:
        """The merchants that an order needs (PAY-32)."""
        if int(core.kind) == Kind.REFUND:
            original = self.original(core)
            return [] if original is None else [original[0]]
        agreement = self.agreement(core.agreement_no)
        if agreement is None:
            return []
        found = (merchant(agreement, channel) for channel in CHANNELS)
        return [account for account in found if account is not None]

    def has(self, core: OrderCore, accounts: Sequence[Merchant] | set[Merchant]) -> bool:
        """Whether every merchant that an order needs is among these."""
        needed = self.needed(core)
        return bool(needed) and all(account in accounts for account in needed)

    def question(
        self, timers: AgreedTimers, account: Merchant, call: PlatformCall, number: str, total: int
    ) -> Question:
        """A new question; what belongs to its call is put in by `dataclasses.replace`."""
        self._next_question += 1
        return Question(
            self._next_question - 1,
            account,
            call,
            number,
            total,
            connect_ms=timers.connect,
            http_ms=timers.http,
        )

    def platform_time(self, channel: Channel, now: int) -> int | None:
        """The platform's clock, in whole seconds rounded up (PAY-68)."""
        known = self.dates.get(channel)
        return None if known is None else known[0] + -(-max(now - known[1], 0) // 1000)

    def code_hash(self, code: PaymentCode) -> bytes:
        """What is kept of a payment code (PAY-69)."""
        return hmac256(self._seed, Labels.PAYMENT_CODE + b"\x00" + code.digits.encode())

    def sign(self, result: bytes) -> bytes:
        """The device's signature of a result (ORD-34)."""
        return orders.sign_result(self.crypto, self._seed, result)
