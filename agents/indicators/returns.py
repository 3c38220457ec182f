"""Returns of prices, decimal, one bar or several apart; (T, N) float64, oldest row first."""

from __future__ import annotations

import numpy as np

from agents.indicators.elementary import fill_logarithm
from agents.indicators.panel import flat_copy
from market.bars import Floats
from market.compiled import kernel


@kernel
def fill_change(values: Floats, offset: int, out: Floats) -> None:
    """out[i] = values[i] - values[i - offset] on flat arrays; NaN before offset."""
    offset = min(offset, values.size)
    near, far, target = values[offset:], values[: values.size - offset], out[offset:]
    for i in range(target.size):
        target[i] = near[i] - far[i]
    for i in range(offset):
        out[i] = np.nan


def simple_returns(prices: Floats, bars: int) -> Floats:
    """price / price `bars` rows before - 1; NaN in the first `bars` rows."""
    out = np.full(prices.shape, np.nan)
    out[bars:] = prices[bars:] / prices[: max(len(prices) - bars, 0)] - 1.0
    return out


def log_returns(prices: Floats, bars: int) -> Floats:
    """ln(price / price `bars` rows before); NaN where a price is missing or not positive."""
    flat, out = flat_copy(prices), np.empty(prices.shape)
    logs = np.empty(flat.size)
    fill_logarithm(flat, logs)
    fill_change(logs, bars * prices.shape[1], out.reshape(-1))
    return out
