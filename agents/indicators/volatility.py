"""Volatility of returns per bar, decimal, not annualised.

Both measures are taken about zero, not about the sample mean: over short windows the mean of
returns is noise (RiskMetrics Technical Document, 4th ed. 1996, chapter 5).

Panels are (T, N) float64, oldest row first. A window that is not full, or that holds a NaN,
gives NaN. The `fill_` kernels work as those of `averages`.
"""

from __future__ import annotations

import numpy as np

from agents.indicators.averages import fill_average
from agents.indicators.panel import flat_copy, scratch
from market.bars import Floats
from market.compiled import kernel

VOLATILITY_WORK = 4


@kernel
def fill_volatility(
    returns: Floats, columns: int, decay: float, taps: int, out: Floats, work: Floats
) -> None:
    """`ewma_volatility` of a flat panel. work: 4 rows."""
    squares = work[3][: returns.size]
    for i in range(returns.size):
        squares[i] = returns[i] * returns[i]
    fill_average(squares, columns, decay, taps, out, work)
    for i in range(returns.size):
        out[i] = np.sqrt(out[i])


def ewma_volatility(returns: Floats, decay: float, taps: int) -> Floats:
    """Root of the exponentially weighted mean square of the last `taps` returns.

    RiskMetrics (1996), chapter 5; weights decay**age, normalised over the taps.
    """
    flat, out = flat_copy(returns), np.empty(returns.shape)
    work = scratch(VOLATILITY_WORK, flat.size)
    fill_volatility(flat, returns.shape[1], decay, taps, out.reshape(-1), work)
    return out


def realised_volatility(returns: Floats, window: int) -> Floats:
    """Root of the mean square of the last `window` returns (Andersen and Bollerslev 1998)."""
    return ewma_volatility(returns, 1.0, window)
