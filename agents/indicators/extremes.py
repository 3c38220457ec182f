"""Highest and lowest value of a window, exact: (T, N) float64, oldest row first.

Doubling over halves that may overlap: a maximum does not round, so the overlap does no harm. A
window that is not full, or that holds a NaN, gives NaN.
"""

from __future__ import annotations

import numpy as np

from agents.indicators.averages import fill_unknown
from agents.indicators.panel import by_series
from market.bars import Floats
from market.compiled import kernel

MAXIMUM_WORK = 2


@kernel
def join_highest(level: Floats, offset: int, out: Floats) -> None:
    """out[i] = the larger of level[i + offset] and level[i]."""
    newer, older = level[offset:], level
    for i in range(out.size):
        # A comparison with NaN is false, so a NaN needs a way through of its own.
        out[i] = newer[i] if newer[i] > older[i] or np.isnan(newer[i]) else older[i]


@kernel
def fill_maximum(values: Floats, window: int, out: Floats, work: Floats) -> None:
    """`moving_maximum` of a series. work: 2 rows."""
    level, spare, idle = values, work[0], work[1]
    covered = 1
    full = fill_unknown(values.size, window, out)
    while covered < window and full < values.size:
        step = min(covered, window - covered)
        target = spare[: level.size - step]
        join_highest(level, step, target)
        level, spare, idle = target, idle, spare
        covered += step
    target = out[full:]
    for i in range(target.size):
        target[i] = level[i]


def moving_maximum(values: Floats, window: int) -> Floats:
    """Largest of the last `window` bars."""

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_maximum(series, window, out, work)

    return by_series(values, MAXIMUM_WORK, fill)


def moving_minimum(values: Floats, window: int) -> Floats:
    """Smallest of the last `window` bars."""
    return -moving_maximum(-values, window)
