"""A budget of messages: never more than so many in any second, and in any minute.

What went out is counted by the seconds and the minutes of a clock, this one and the one before it.
Both together are held to the limit, so that no second and no minute holds more, wherever it begins:
the limit may bind early, and six numbers remember all of it.
"""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import lean_kernel

SECOND_NS = 1e9
LONG_AGO = -1e18
SECOND, MINUTE = 0, 1
"""Rows of what is spent."""


def unspent() -> Floats:
    """(2, 3), by second and by minute: which of them the newest is, how many in it, how many in
    the one before."""
    spent = np.zeros((2, 3))
    spent[:, 0] = LONG_AGO
    return spent


@lean_kernel
def period_of(row: int, time: float) -> float:
    """Which second, or minute, a time in nanoseconds lies in."""
    period: float = np.floor(time / (SECOND_NS if row == SECOND else 60.0 * SECOND_NS))
    return period


@lean_kernel
def spent_by(spent: Floats, row: int, time: float) -> float:
    """How many went out in the second (minute) of `time` and in the one before it."""
    period, newest = period_of(row, time), spent[row, 0]
    if period <= newest:  # a clock that steps back gives nothing back
        both: float = spent[row, 1] + spent[row, 2]
        return both
    last: float = spent[row, 1] if period == newest + 1.0 else 0.0
    return last


@lean_kernel
def spend(spent: Floats, time: float) -> None:
    """Count one message."""
    for row in range(spent.shape[0]):
        period, newest = period_of(row, time), spent[row, 0]
        if period > newest:
            spent[row, 2] = spent[row, 1] if period == newest + 1.0 else 0.0
            spent[row, 1] = 0.0
            spent[row, 0] = period
        spent[row, 1] += 1.0


@lean_kernel
def over_budget(
    spent: Floats, per_second: float, per_minute: float, time: float
) -> tuple[float, float]:
    """The limit that one more message would break and how many there would be; NaN for none."""
    if not spent_by(spent, SECOND, time) + 1.0 <= per_second:
        return per_second, spent_by(spent, SECOND, time) + 1.0
    if not spent_by(spent, MINUTE, time) + 1.0 <= per_minute:
        return per_minute, spent_by(spent, MINUTE, time) + 1.0
    return np.nan, np.nan
