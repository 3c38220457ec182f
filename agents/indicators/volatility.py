"""Volatility of returns per bar, decimal, not annualised.

Both measures are taken about zero, not about the sample mean: over short windows the mean of
returns is noise (RiskMetrics Technical Document, 4th ed. 1996, chapter 5).

Series, panels, `out` and `work` as in `averages`.
"""

from __future__ import annotations

import numpy as np

from agents.indicators.averages import fill_sum, whole_weight
from agents.indicators.panel import by_series
from market.bars import Floats
from market.compiled import kernel

MEAN_SQUARE_WORK = 3


@kernel
def fill_mean_square(returns: Floats, decay: float, taps: int, out: Floats, work: Floats) -> None:
    """Exponentially weighted mean square of the last `taps` returns. work: 3 rows."""
    squares = work[2][: min(out.size + taps - 1, returns.size)]
    needed = returns[returns.size - squares.size :]
    for i in range(squares.size):
        squares[i] = needed[i] * needed[i]
    fill_sum(squares, decay, taps, out, work)
    share = 1.0 / whole_weight(decay, taps)
    for i in range(out.size):
        out[i] = share * out[i]


def ewma_volatility(returns: Floats, decay: float, taps: int) -> Floats:
    """Root of the exponentially weighted mean square of the last `taps` returns.

    RiskMetrics (1996), chapter 5; weights decay**age, normalised over the taps.
    """

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_mean_square(series, decay, taps, out, work)

    return np.sqrt(by_series(returns, MEAN_SQUARE_WORK, fill))


def realised_volatility(returns: Floats, window: int) -> Floats:
    """Root of the mean square of the last `window` returns (Andersen and Bollerslev 1998)."""
    return ewma_volatility(returns, 1.0, window)
