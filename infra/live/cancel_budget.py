"""`CancelBudget`: how often a gateway may cancel; a flatten and an emergency stop always may."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from infra.logs import Tell
from market.budgets import over_budget, spend, unspent
from market.errors import TransientError

CODE = "CANCEL_RATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelLimits:
    """Cancels that may be sent in any second and in any minute of the machine's clock."""

    per_second: int = 1_000
    per_minute: int = 10_000


class CancelBudget:
    """Counts the cancels, and the orders of the gateway's own that close, at the broker's door.

    What a decision reduces is counted where it is approved, by the guardian. urgent: whether
    nothing may wait now; then all is counted and nothing held back. What is held back stays in the
    books, and is asked for again by whoever asked. clock: seconds that never step back. sent,
    deferred: cancels so far that went out, and that had to wait.
    """

    def __init__(
        self,
        limits: CancelLimits,
        *,
        urgent: Callable[[], bool],
        tell: Tell,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._urgent = urgent
        self._tell = tell
        self._clock = clock
        self._spent = unspent()
        self._over = False
        self.sent = 0
        self.deferred = 0

    def closing(self) -> None:
        """Count an order of the gateway's own that closes a position; it never waits."""
        spend(self._spent, self._clock() * 1e9)

    def cancelling(self) -> None:
        """Count a cancel. Raises TransientError where it must wait."""
        now = self._clock() * 1e9
        limits = self._limits
        allowed, found = over_budget(self._spent, limits.per_second, limits.per_minute, now)
        if np.isnan(found) or self._urgent():
            spend(self._spent, now)
            self.sent += 1
            self._over = False
            return
        self.deferred += 1
        why = f"{CODE}: {found:.0f} cancels, at most {allowed:.0f} may be sent; it is tried again"
        if not self._over:
            self._over = True
            self._tell(why, level="warning", limit=CODE)
        raise TransientError(why)

    def told(self) -> dict[str, Any]:
        """For a status."""
        return {
            "sent": self.sent,
            "deferred": self.deferred,
            "per_second": self._limits.per_second,
            "per_minute": self._limits.per_minute,
        }
