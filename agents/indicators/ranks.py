"""Where a value stands in its own recent history."""

from __future__ import annotations

import numpy as np

from agents.indicators.panel import flat_copy, scratch
from market.bars import Floats
from market.compiled import kernel


@kernel
def fill_percentile_rank(
    values: Floats, columns: int, window: int, out: Floats, work: Floats
) -> None:
    """`percentile_rank` of a flat panel. work: 1 row."""
    rows = values.size // columns
    column = work[0][:rows]
    for c in range(columns):
        for t in range(rows):
            column[t] = values[t * columns + c]
        known = 0
        for t in range(rows):
            value = column[t]
            known = 0 if np.isnan(value) else known + 1
            rank = np.nan
            if known >= window:
                history = column[t + 1 - window : t + 1]
                below = 0
                for k in range(history.size):
                    below += history[k] < value
                rank = below / (window - 1.0)
            out[t * columns + c] = rank


def percentile_rank(values: Floats, window: int) -> Floats:
    """Share of the other values of the last `window` bars that lie strictly below, in [0, 1].

    (T, N) float64, oldest row first. Excel's PERCENTRANK.INC; ties do not count, so a series
    that stands still has rank 0. NaN while the window is not full or holds a NaN. window ≥ 2;
    multiples of 32 run fastest.
    """
    flat, out = flat_copy(values), np.empty(values.shape)
    fill_percentile_rank(flat, values.shape[1], window, out.reshape(-1), scratch(1, flat.size))
    return out
