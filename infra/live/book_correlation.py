"""How much the positions of the book move together."""

from __future__ import annotations

import numpy as np

from market.bars import Floats

FEWEST_POSITIONS = 3
FEWEST_RETURNS = 10
NO_ROW = -1


def book_correlation(close: Floats, units: Floats, bars: int) -> float:
    """Mean correlation over the pairs of positions, each signed by the two sides.

    close: (T, M), of which the last `bars` returns are read; where a price is missing the one
    before stands, and nothing counts from before the first of every position. units: (M,) signed.
    0 with fewer than three positions; NaN with fewer than ten returns, or where one of them has no
    more than ten prices among those: what stands for long would correlate with nothing. A price
    that does not move correlates with none.
    """
    held = np.flatnonzero(units)
    if len(held) < FEWEST_POSITIONS:
        return 0.0
    prices = close[:, held]
    rows = np.where(prices > 0.0, np.arange(len(prices))[:, None], NO_ROW)
    newest = np.maximum.accumulate(rows, axis=0)
    begun = (newest != NO_ROW).all(axis=1)
    standing = np.take_along_axis(prices, newest, axis=0)[begun][-(bars + 1) :]
    priced = (rows[-(bars + 1) :] != NO_ROW).sum(axis=0)
    if len(standing) <= FEWEST_RETURNS or (priced <= FEWEST_RETURNS).any():
        return float("nan")
    returns = np.diff(np.log(standing), axis=0) * np.sign(units[held])
    off = returns - returns.mean(axis=0)
    size = np.sqrt((off * off).sum(axis=0))
    unit = np.divide(off, size, out=np.zeros_like(off), where=size != 0.0)
    total = float((unit.sum(axis=1) ** 2).sum() - (unit * unit).sum())
    return total / (len(held) * (len(held) - 1))
