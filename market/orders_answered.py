"""`OrdersAnswered`: orders that were sent, and whose end is known."""

from __future__ import annotations

from dataclasses import dataclass

from market.accounts import BrokerOrder
from market.errors import InvalidError, OutcomeUnknown, TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersAnswered:
    """`OrdersUnderWay` at their end. placed: what the broker answered. error: why it did not."""

    placed: tuple[BrokerOrder, ...] = ()
    error: TransientError | InvalidError | OutcomeUnknown | None = None

    @property
    def ready(self) -> bool:
        """Nothing is waited for."""
        return True

    def fileno(self) -> int:
        """None: nothing is waited for."""
        return -1

    def answers(self) -> tuple[BrokerOrder, ...]:
        """As of the port."""
        if self.error is not None:
            raise self.error
        return self.placed
