"""Quotes, and ticks in memory, for tests of live prices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from infra.feeds.series import Ticks
from market.quotes import Quote

SECOND = 1_000_000_000
MINUTE = 60 * SECOND


def quote(seconds: float, bid: float, ask: float, symbol: str = "EUR_USD") -> Quote:
    """A quote so many seconds after 1970 began."""
    return Quote(symbol=symbol, time=round(seconds * SECOND), bid=bid, ask=ask)


def ticks_in_memory(symbol: str, quotes: Iterable[Quote]) -> Ticks:
    """The quotes of one instrument as a file would hold them."""
    own = [one for one in quotes if one.symbol == symbol]
    return Ticks(
        symbol=symbol,
        time=np.array([one.time for one in own], dtype=np.int64),
        bid=np.array([one.bid for one in own], dtype=np.float64),
        ask=np.array([one.ask for one in own], dtype=np.float64),
    )


def seeded_quotes(symbols: Sequence[str], seconds: int, seed: int, start: int = 0) -> list[Quote]:
    """Random quotes in order, some at the same time, with pauses of a few minutes. start: ns."""
    rng = np.random.default_rng(seed)
    found: list[Quote] = []
    time = start
    while time < start + seconds * SECOND:
        bid = 1.0 + round(float(rng.normal()) / 100.0, 5)
        symbol = symbols[int(rng.integers(len(symbols)))]
        found.append(Quote(symbol=symbol, time=time, bid=bid, ask=bid + 0.0001))
        if rng.random() < 0.8:
            pause = 200.0 if rng.random() < 0.03 else 2.0
            time += int(rng.exponential(pause) * SECOND)
    return found
