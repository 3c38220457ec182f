"""Short gaps in prices, bridged by the last price known."""

from __future__ import annotations

import numpy as np

from agents.indicators.panel import flat_copy
from market.bars import Floats
from market.compiled import kernel


@kernel
def fill_bridged(values: Floats, columns: int, longest: int, out: Floats) -> None:
    """`bridge_gaps` of a flat panel."""
    missing = 0
    for i in range(values.size):
        out[i] = values[i]
        missing += np.isnan(values[i])
    if missing == 0 or longest == 0:
        return
    for i in range(values.size):
        age = 1
        while np.isnan(out[i]) and age <= longest and i >= age * columns:
            out[i] = values[i - age * columns]
            age += 1


def bridge_gaps(values: Floats, longest: int) -> Floats:
    """Values (T, N), oldest row first, with gaps of up to `longest` rows filled from before.

    A row further from the last known value stays NaN: what it holds depends on itself and the
    `longest` rows before it, on nothing else.
    """
    out = np.empty(values.shape)
    fill_bridged(flat_copy(values), values.shape[1], longest, out.reshape(-1))
    return out
