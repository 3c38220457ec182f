"""`Record`: what an account and its exits tell of what happened."""

from __future__ import annotations

from typing import Protocol

from market.accounts import TransactionKind
from market.orders import Fill


class Record(Protocol):
    """Takes down what happened to the account, in the order in which it happened."""

    def __call__(
        self,
        kind: TransactionKind,
        time: int,
        client_order_id: str,
        symbol: str,
        *,
        fill: Fill | None = None,
        amount: float = 0.0,
        reason: str = "",
        waits: bool = False,
    ) -> object:
        """waits: of a fill, whether the rest of its order waits on."""
        ...
