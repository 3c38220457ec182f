"""Returns of prices, decimal, one bar or several apart; (T, N) float64, oldest row first."""

from __future__ import annotations

import numpy as np

from agents.indicators.averages import fill_unknown, history
from agents.indicators.elementary import fill_logarithm
from agents.indicators.panel import by_series
from market.bars import Floats
from market.compiled import kernel


@kernel
def fill_change(values: Floats, bars: int, out: Floats) -> None:
    """Each value of a series less the one `bars` before; `out` as in `averages`."""
    full = fill_unknown(values.size, bars + 1, out)
    older = history(values, out.size, full, out.size, bars + 1)
    newer, target = older[bars:], out[full:]
    for i in range(target.size):
        target[i] = newer[i] - older[i]


@kernel
def fill_squared_change(newer: Floats, older: Floats, out: Floats) -> None:
    """Squares of what values changed by, each from its older one."""
    for i in range(out.size):
        change = newer[i] - older[i]
        out[i] = change * change


def simple_returns(prices: Floats, bars: int) -> Floats:
    """price / price `bars` rows before - 1; NaN in the first `bars` rows."""
    out = np.full(prices.shape, np.nan)
    out[bars:] = prices[bars:] / prices[: max(len(prices) - bars, 0)] - 1.0
    return out


def log_returns(prices: Floats, bars: int) -> Floats:
    """ln(price / price `bars` rows before); NaN where a price is missing or not positive."""

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        logs = work[0][: series.size]
        fill_logarithm(series, logs)
        fill_change(logs, bars, out)

    return by_series(prices, 1, fill)
