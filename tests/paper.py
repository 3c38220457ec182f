"""A paper broker on hand-made bars, for hand-computed cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infra.brokers.paper.broker import PaperBroker
from market.bar_window import BarSlice
from market.bars import Floats, Times
from market.instruments import Registry
from market.messages import Settlement
from market.orders import Bracket, OrderRequest

HOUR_NS = 3_600_000_000_000
THURSDAY_NOON_NS = 1_735_819_200_000_000_000  # 2025-01-02 12:00 UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatRates:
    """The same interest for ever, by currency."""

    annual: dict[str, float]

    def on(self, times: Times, currencies: Sequence[str]) -> Floats:
        row = [self.annual.get(currency, np.nan) for currency in currencies]
        return np.tile(np.array(row), (times.shape[0], 1))

    @property
    def description(self) -> str:
        return "flat rates"


class Market:
    """Feeds a paper broker bar by bar and keeps what it settled."""

    def __init__(self, *symbols: str, cash: float = 100_000.0, **settings: object) -> None:
        registry = Registry()
        self.symbols = symbols
        self.broker = PaperBroker(
            [registry[symbol] for symbol in symbols],
            account_currency="USD",
            cash=cash,
            **{"slippage": 0.0, **settings},  # type: ignore[arg-type]
        )
        self.sequence = 0
        self.time = THURSDAY_NOON_NS

    def bar(
        self, *prices: float | tuple[float, float, float, float], spread: float = 0.0,
        hours: float = 1.0,
    ) -> Settlement:  # fmt: skip
        """One bar: per instrument a price, or open, high, low, close."""
        quads = [p if isinstance(p, tuple) else (p, p, p, p) for p in prices]
        values = np.full((6, len(quads)), np.nan)
        values[:4] = np.array(quads, dtype=np.float64).T
        values[4] = spread
        settlement = self.broker.settle(self.sequence, BarSlice(time=self.time, values=values))
        self.sequence += 1
        self.time += int(hours * HOUR_NS)
        return settlement

    def order(
        self,
        symbol: str,
        units: float,
        *,
        stop: float = np.nan,
        take_profit: float = np.nan,
        trailing: float | None = None,
        bounds: tuple[float, float] = (0.0, np.inf),
        reference: float = 1.0,
    ) -> None:
        """Place a market order for the next bar."""
        self.broker.place(
            OrderRequest(
                client_order_id=f"t-{self.sequence}-{symbol}",
                sequence=self.sequence,
                symbol=symbol,
                units=units,
                bracket=Bracket(stop=stop, take_profit=take_profit, trailing=trailing),
                lowest_price=bounds[0],
                highest_price=bounds[1],
                reference_price=reference,
            )
        )
