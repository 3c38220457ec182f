"""`Step`: one step of a decision's way, in a sentence and a small table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coordinator.report.grid import Grid
from market.bars import utc

NO_ROWS = Grid((), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """title: its name. says: what happened, in words. grid: the numbers, when there are some."""

    title: str
    says: str
    grid: Grid = NO_ROWS


def figure(value: float, digits: int = 6) -> str:
    """So many significant digits, thousands separated, a true minus sign; 'unknown' for NaN."""
    if np.isnan(value):
        return "unknown"
    text = f"{value:,.0f}" if abs(value) >= 10.0 ** (digits - 1) else f"{value:,.{digits}g}"
    return text.replace("-", "−")


def size(units: float) -> str:
    """A signed number of units in words: long 12,000, short 500, flat."""
    if units == 0.0:
        return "flat"
    return f"{'long' if units > 0.0 else 'short'} {figure(abs(units))}"


def order(units: float) -> str:
    """A signed order in words: buy 12,000."""
    return f"{'buy' if units > 0.0 else 'sell'} {figure(abs(units))}"


def minute(time: int) -> str:
    """UTC nanoseconds as 2001-03-05 14:00, with seconds where there are some."""
    at = utc(time)
    return f"{at:%Y-%m-%d %H:%M:%S}" if at.second else f"{at:%Y-%m-%d %H:%M}"
