"""`Measuring`: what a gateway does, told to meters and logs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from infra.logs import Tell
from infra.metrics import (
    DRAWDOWN,
    EQUITY,
    FILLS,
    MISSED_BARS,
    ORDERS,
    SKIPPED_QUOTES,
    SLIPPAGE_BPS,
    Meters,
)
from market.events import Event, OrderFilled
from market.orders import Fill, OrderRequest


class Measuring:
    """balance: account currency, of the session's start; the first peak of the drawdown."""

    def __init__(self, meters: Meters, tell: Tell, balance: float) -> None:
        self._meters = meters
        self._tell = tell
        self._peak = balance

    def account(self, equity: float) -> None:
        """The account at new prices; NaN where a position has none, and then nothing is shown."""
        if not equity > 0.0:
            return
        self._peak = max(self._peak, equity)
        self._meters.show(EQUITY, equity)
        self._meters.show(DRAWDOWN, 1.0 - equity / self._peak)

    def bar(self, skipped: int) -> None:
        """A bar closed. skipped: quotes that nobody looked at."""
        self._meters.count(SKIPPED_QUOTES, skipped)

    def missed(self) -> None:
        """Nobody will decide on a bar."""
        self._meters.count(MISSED_BARS)

    def sent(self, decision: int, orders: Sequence[OrderRequest]) -> None:
        """Orders of one decision left for the broker."""
        self._meters.count(ORDERS, len(orders))
        if orders:
            self._tell(
                f"{len(orders)} orders sent on bar {decision}",
                decision=decision,
                orders=[order.client_order_id for order in orders],
            )

    def booked(self, events: Sequence[Event]) -> None:
        """What the broker's transactions were."""
        fills = [event.fill for event in events if isinstance(event, OrderFilled)]
        for fill in fills:
            self._meters.count(FILLS, of=fill.reason)
            if math.isfinite(fill.slippage_bps):
                self._meters.observe(SLIPPAGE_BPS, fill.slippage_bps)
        if fills:
            self._tell(f"{len(fills)} fills booked", fills=[_told(fill) for fill in fills])


def _told(fill: Fill) -> dict[str, object]:
    return {
        "order": fill.client_order_id,
        "units": fill.units,
        "price": fill.price,
        "reason": fill.reason,
        "realised": fill.realised,
    }
