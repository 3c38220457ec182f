"""Where a value stands in its own recent history."""

from __future__ import annotations

import numpy as np

from agents.indicators.panel import by_series
from market.bars import Floats
from market.compiled import kernel


@kernel
def fill_percentile_rank(values: Floats, window: int, out: Floats) -> None:
    """`percentile_rank` of a series; `out` as in `averages`."""
    first = values.size - out.size
    known = 0
    for t in range(max(first - window + 1, 0), values.size):
        known = 0 if np.isnan(values[t]) else known + 1
        if t >= first:
            rank = np.nan
            if known >= window:
                history = values[t + 1 - window : t + 1]
                value, below = values[t], 0
                for k in range(history.size):
                    below += history[k] < value
                rank = below / (window - 1.0)
            out[t - first] = rank


def percentile_rank(values: Floats, window: int) -> Floats:
    """Share of the other values of the last `window` bars that lie strictly below, in [0, 1].

    (T, N) float64, oldest row first. Excel's PERCENTRANK.INC; ties do not count, so a series
    that stands still has rank 0. NaN while the window is not full or holds a NaN. window ≥ 2;
    multiples of 64 run fastest.
    """

    def fill(series: Floats, out: Floats, _: Floats) -> None:
        fill_percentile_rank(series, window, out)

    return by_series(values, 0, fill)
