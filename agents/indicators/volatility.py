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

SQUARE_SUM_WORK = 3


@kernel
def fill_square_sum(returns: Floats, decay: float, taps: int, out: Floats, work: Floats) -> None:
    """Sum of the squares of the last `taps` returns with weights decay**age. work: 3 rows."""
    squares = work[2][: min(out.size + taps - 1, returns.size)]
    needed = returns[returns.size - squares.size :]
    for i in range(squares.size):
        squares[i] = needed[i] * needed[i]
    fill_sum(squares, decay, taps, out, work)


def ewma_volatility(returns: Floats, decay: float, taps: int) -> Floats:
    """Root of the exponentially weighted mean square of the last `taps` returns.

    RiskMetrics (1996), chapter 5; weights decay**age, normalised over the taps.
    """

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_square_sum(series, decay, taps, out, work)

    return np.sqrt(by_series(returns, SQUARE_SUM_WORK, fill) / whole_weight(decay, taps))


def realised_volatility(returns: Floats, window: int) -> Floats:
    """Root of the mean square of the last `window` returns (Andersen and Bollerslev 1998)."""
    return ewma_volatility(returns, 1.0, window)
