"""A collect of which the end is not known: asking until its numbers say it, and looks (orders, payment)."""

from __future__ import annotations

from typing import Final

from .evidence import Death, Latest, death_status
from .payment import Capture
from .pos_context import Effects
from .pos_numbers import CollectNumbers
from .pos_order import ASKING, REVERSING
from .tables import Status, Timers

_ASK_AT: Final = (0, 1, 2, 6, 30)
_ASK_AFTER_FENCE: Final = 7
_ASK_EVERY: Final = 1_800_000


class CollectAsking(CollectNumbers):
    """Asking, and looks (ORD-123 to ORD-132)."""

    def start_asking(self, now: int, effects: Effects) -> None:
        """Enters Asking."""
        self.list_for_the_end()
        self._forget_code()
        self.enter(ASKING, now, effects)

    def _step_asking(self, now: int, effects: Effects) -> None:
        if self.is_restarted:
            if not self.context.is_synced:
                return
            self.is_restarted = False
            self.list_for_the_end()
        if self._conclude(now, effects):
            return
        unix, accepted = self.context.unix(), self.row.accepted_unix
        is_old = unix and accepted and unix >= accepted + Timers.UNDECIDED_AFTER // 1000
        if is_old and not self.is_looking:
            self.end(Status.UNDECIDED, now, effects)
            return
        if self._may_reverse_again(now):
            self.row.reverses = max(self.row.reverses, 1)
            self._reverses_ended, self._next_reverse = 0, now
            self.enter(REVERSING, now, effects)
            return
        if now < self.next_query:
            return
        self._schedule(now)
        for entry in self.entries:
            if entry.finding is None:
                self._ask_about(entry, effects)

    def _may_reverse_again(self, now: int) -> bool:
        """ORD-130."""
        if not self.is_acting or not self.row.HasField("attempt") or now >= self.row.act_by:
            return False
        reverse_min = self.context.timers(self.core).reverse_min
        lives = self._attempted is not None and self._attempted.latest_answer == Latest.ALIVE
        return lives and now >= self._paid_from + max(self._poll, reverse_min)

    def _schedule(self, now: int) -> None:
        """PAY-61 and PAY-62."""
        timers = self.context.timers(self.core)
        if self.is_acting and self.row.HasField("attempt") and now < self.row.act_by:
            self.next_query = now + timers.query
            return
        gap, expired_from = timers.absence_gap, self._rules(now).expired_from
        fences = {entry.fence for entry in self.entries} | (
            {expired_from} if expired_from is not None else set()
        )
        times = [self.entered + nth * gap for nth in _ASK_AT] + [now + _ASK_EVERY]
        for fence in fences:
            if fence > self.entered:
                times += [fence + nth * gap for nth in range(_ASK_AFTER_FENCE)]
        self.next_query = min(at for at in times if at > now)

    def _conclude(self, now: int, effects: Effects) -> bool:
        """Goes through the list (ORD-125 to ORD-128)."""
        attempt = self.row.attempt
        is_unattempted = self.is_acting and not self.row.HasField("attempt")
        if is_unattempted and any(
            entry.money or entry.latest_answer == Latest.ALIVE for entry in self.entries
        ):
            self.end(Status.NUMBER_USED, now, effects)
            return True
        captures: list[Capture] = []
        deaths: list[Death] = []
        for entry in self.entries:
            finding = entry.finding
            if finding is None:
                return False
            if isinstance(finding, Death):
                deaths.append(finding)
            elif finding.status is not None:
                self.end(finding.status, now, effects)
                return True
            elif attempt.number_known or not entry.is_own:
                self.end(Status.NUMBER_USED, now, effects)
                return True
            else:
                captures.append(finding.capture)
        if len(captures) > 1:
            self.end(Status.CAPTURED_TWICE, now, effects)
        elif captures:
            self.end(self._paid_status, now, effects, captures[0])
        elif not deaths:
            return False
        elif is_unattempted and self.row.cancel_wanted:
            is_tombstone = self.row.start_by == 0
            self.end(Status.NEVER_SEEN if is_tombstone else Status.CANCELLED, now, effects)
        else:
            self.end(death_status(max(deaths), attempt.payer_refused), now, effects)
        return True
