"""Random markets and random orders that a paper broker lives through."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from market.bars import Floats
from market.messages import Settlement
from market.orders import Fill
from tests.paper import Market

SYMBOLS = ("EUR_USD", "USD_JPY", "EUR_GBP", "GBP_USD")
LEVELS = dict(zip(SYMBOLS, (1.10, 150.0, 0.85, 1.25), strict=True))
CASH = 100_000.0
SPREAD = 2e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An order as a fraction of price, wished for after a bar."""

    units: float
    stop: float = math.nan
    take_profit: float = math.nan
    trailing: float | None = None
    reach: float = math.inf


@dataclass(slots=True)
class Story:
    """Bars (T, 4, N) of open, high, low, close, and per bar the orders placed after it."""

    symbols: tuple[str, ...]
    bars: Floats
    wishes: list[dict[str, Wish]]
    settled: list[Settlement] = field(default_factory=list)

    @property
    def fills(self) -> list[Fill]:
        return [fill for settlement in self.settled for fill in settlement.fills]

    def fills_of(self, symbol: str) -> list[Fill]:
        return [fill for fill in self.fills if fill.symbol == symbol]


def story(seed: int, symbols: tuple[str, ...] = SYMBOLS, *, rows: int = 25) -> Story:
    """Random walks with gaps between bars, brackets of every kind, sizes far from the margin."""
    rng = np.random.default_rng(seed)
    levels = np.array([LEVELS[symbol] for symbol in SYMBOLS])
    path = levels * np.exp(
        0.004 * rng.standard_normal((4 * rows, len(SYMBOLS))).cumsum(axis=0)
    )  # fmt: skip
    inside = path.reshape(rows, 4, len(SYMBOLS))
    bars = np.stack([inside[:, 0], inside.max(axis=1), inside.min(axis=1), inside[:, 3]], axis=1)
    wishes: list[dict[str, Wish]] = []
    for _ in range(rows):
        wish = {
            symbol: Wish(
                units=float(rng.integers(-9, 10) * 1_000 or 1_000),
                stop=rng.choice([math.nan, 0.003, 0.02]),
                take_profit=rng.choice([math.nan, 0.004, 0.03]),
                trailing=0.005 if rng.random() < 0.5 else None,
                reach=rng.choice([math.inf, 0.003]),
            )
            for symbol in SYMBOLS
            if rng.random() < 0.6
        }
        wishes.append(wish)
    columns = [SYMBOLS.index(symbol) for symbol in symbols]
    kept = [{s: wish[s] for s in symbols if s in wish} for wish in wishes]
    return Story(symbols, bars[:, :, columns], kept)


def told(tale: Story, *, spread: float = SPREAD, backwards: bool = False, **settings: object) -> (
    Story
):  # fmt: skip
    """The story after a paper broker has lived through it."""
    market = Market(*tale.symbols, cash=CASH, **settings)
    last = np.full(len(tale.symbols), np.nan)
    for bar, wish in zip(tale.bars, tale.wishes, strict=True):
        quads = [tuple(bar[:, column]) for column in range(len(tale.symbols))]
        tale.settled.append(market.bar(*quads, spread=spread))
        last = np.where(bar[3] > 0.0, bar[3], last)
        placed = sorted(wish.items(), reverse=backwards)
        for symbol, order in placed:
            price = float(last[tale.symbols.index(symbol)])
            market.order(
                symbol,
                order.units,
                stop=order.stop * price,
                take_profit=order.take_profit * price,
                trailing=None if order.trailing is None else order.trailing * price,
                bounds=(price * (1.0 - order.reach), price * (1.0 + order.reach)),
                reference=price,
            )
    return tale


def unrealised(fills: list[Fill], settlement: Settlement, column: int) -> float:
    """Worth of the position that the fills left at its closing price, by average cost."""
    units, average = 0.0, 0.0
    for fill in fills:
        after = units + fill.units
        if units == 0.0 or units * after < 0.0:
            average = fill.price
        elif abs(after) > abs(units):
            average = (units * average + fill.units * fill.price) / after
        units = after
    if units == 0.0:
        return 0.0
    closing = settlement.mid[column] - math.copysign(settlement.spread[column] / 2.0, units)
    return float(units * (closing - average) * settlement.rate[column])
