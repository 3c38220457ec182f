"""Short gaps in prices, bridged by the last price known."""

from __future__ import annotations

import numpy as np

from agents.indicators.panel import by_series
from market.bars import Floats
from market.compiled import kernel


@kernel
def bridged(values: Floats, longest: int, spare: Floats) -> Floats:
    """`bridge_gaps` of a series: the values themselves where there is no gap, else `spare`."""
    missing = 0
    for i in range(values.size):
        missing += np.isnan(values[i])
    if missing == 0 or longest == 0:
        return values
    filled = spare[: values.size]
    for i in range(values.size):
        filled[i] = values[i]
        age = 1
        while np.isnan(filled[i]) and age <= longest and i >= age:
            filled[i] = values[i - age]
            age += 1
    return filled


def bridge_gaps(values: Floats, longest: int) -> Floats:
    """Values (T, N), oldest row first, with gaps of up to `longest` rows filled from before.

    A row further from the last known value stays NaN: what it holds depends on itself and the
    `longest` rows before it, on nothing else.
    """

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        out[:] = bridged(series, longest, work[0])

    return by_series(values, 1, fill)
