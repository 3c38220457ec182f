"""How far equity has fallen from its best."""

from __future__ import annotations

import math

import numpy as np

from market.bars import Floats
from market.errors import InvalidError


def drawdown_curve(equity: Floats, start: float) -> Floats:
    """1 − equity / running peak of equity (T,), decimals: 0 at a peak, above 1 in debt.

    start: equity before the first row, which is the first peak: a loss on the first day is one.
    NaN from the first equity that is NaN on: the peak is unknown from there. Raises InvalidError
    for another shape or a start that is not positive.
    """
    if equity.ndim != 1:
        raise InvalidError(f"equity: expected shape (times,), found {equity.shape}")
    if not start > 0.0:
        raise InvalidError(f"start: expected a positive equity to begin with, found {start}")
    peak = np.maximum(np.maximum.accumulate(equity), start)
    drawdown: Floats = 1.0 - equity / peak
    return drawdown


def maximum_drawdown(equity: Floats, start: float) -> float:
    """The largest of `drawdown_curve`; NaN where one is, or where there is no equity."""
    return float(drawdown_curve(equity, start).max()) if equity.size else math.nan
