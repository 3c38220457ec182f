"""Highest and lowest value of a window, exact: (T, N) float64, oldest row first.

Doubling over halves that may overlap: a maximum does not round, so the overlap does no harm. A
window that is not full, or that holds a NaN, gives NaN.
"""

from __future__ import annotations

import numpy as np

from agents.indicators.panel import flat_copy
from market.bars import Floats
from market.compiled import kernel


@kernel
def join_highest(level: Floats, out: Floats, offset: int) -> None:
    """out[i] = the larger of level[i] and level[i - offset] on flat arrays; NaN before offset."""
    offset = min(offset, level.size)
    near, far, target = level[offset:], level[: level.size - offset], out[offset:]
    for i in range(target.size):
        # A comparison with NaN is false, so a NaN needs a way through of its own.
        target[i] = near[i] if near[i] > far[i] or np.isnan(near[i]) else far[i]
    for i in range(offset):
        out[i] = np.nan


def moving_maximum(values: Floats, window: int) -> Floats:
    """Largest of the last `window` bars."""
    level = flat_copy(values)
    spare = np.empty(level.size)
    covered = 1
    while covered < window:
        step = min(covered, window - covered)
        join_highest(level, spare, step * values.shape[1])
        level, spare = spare, level
        covered += step
    return level.reshape(values.shape)


def moving_minimum(values: Floats, window: int) -> Floats:
    """Smallest of the last `window` bars."""
    return -moving_maximum(-values, window)
