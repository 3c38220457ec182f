"""The volatility of one bar, for stops, sizes and collars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import AVERAGE_WORK, fill_average
from agents.indicators.panel import fill_blocks
from market.bars import Floats
from market.compiled import kernel

WORK_ROWS = 3 + AVERAGE_WORK


class VolatilityRules(NamedTuple):
    """taps: returns in the estimate. decay: weight of one bar over the next newer."""

    taps: int
    decay: float

    @property
    def lookback(self) -> int:
        """Rows that an estimate can depend on: its returns, and the price before the oldest."""
        return 2 * self.taps + 1


@kernel
def fill_square_returns(
    values: Floats, columns: int, longest: int, squares: Floats, known: Floats
) -> int:
    """Squared simple returns of a flat panel, and 1 where one is known, else 0 in both.

    A return spans a gap of up to `longest` rows. The first row has none. Returns the number of
    missing prices.
    """
    missing = 0
    for i in range(columns):
        squares[i] = 0.0
        known[i] = 0.0
    near, far, target = values[columns:], values[: values.size - columns], squares[columns:]
    for i in range(near.size):
        change = near[i] / far[i] - 1.0
        target[i] = change * change
    for i in range(values.size):
        missing += not values[i] > 0.0
    if missing == 0:
        return 0
    for i in range(columns, values.size):
        known[i] = 0.0
        squares[i] = 0.0
        back = 1
        while back <= longest and i >= back * columns:
            earlier = values[i - back * columns]
            if earlier > 0.0:
                if values[i] > 0.0:
                    change = values[i] / earlier - 1.0
                    squares[i] = change * change
                    known[i] = 1.0
                break
            back += 1
    return missing


@kernel
def fill_bar_volatility(
    values: Floats,
    columns: int,
    skip: int,
    place: int,
    plan: VolatilityRules,
    out: Floats,
    work: Floats,
) -> None:
    """`bar_volatility` of a block of a panel flattened row by row."""
    size = values.size
    squares, known, weight = work[0][:size], work[1][:size], work[2][:size]
    taps = plan.taps
    missing = fill_square_returns(values, columns, taps, squares, known)
    sigma = out[0][place : place + size - skip]
    # Of a panel shorter than its own window, the first row has no return to speak of.
    unknown = min(max(taps * columns - skip, 0), sigma.size)
    if missing == 0:
        # Every weight is there: dividing by their sum, exactly 1, would change no bit.
        fill_average(squares, columns, plan.decay, taps, weight, work[3:])
        for i in range(sigma.size):
            sigma[i] = np.sqrt(weight[i + skip])
    else:
        fill_average(known, columns, plan.decay, taps, weight, work[3:])
        for i in range(sigma.size):
            sigma[i] = weight[i + skip]
        fill_average(squares, columns, plan.decay, taps, weight, work[3:])
        for c in range(columns):
            count = 0
            for i in range(c, size, columns):
                count += known[i] > 0.0
                gone = i - taps * columns
                count -= gone >= 0 and known[gone] > 0.0
                if i >= skip:
                    enough = 2 * count >= taps
                    sigma[i - skip] = np.sqrt(weight[i] / sigma[i - skip]) if enough else np.nan
    for i in range(unknown):
        sigma[i] = np.nan


def bar_volatility(close: Floats, rules: VolatilityRules) -> Floats:
    """EWMA standard deviation of simple returns at every row of (T, N) mids: (T, N), decimal.

    Weights decay**age over the last `taps` returns, about zero, normalised over those at hand
    (RiskMetrics Technical Document, 1996, §5.2). A missing price is skipped: the next return
    spans the gap, up to one of `taps` rows. NaN in the first `taps` rows, and where fewer than
    half of the returns are at hand. A row depends on the last `rules.lookback` rows alone, to the
    last bit, wherever the panel starts.
    """
    sigma: Floats = fill_blocks(close, rules.lookback, 1, WORK_ROWS, fill_bar_volatility, rules)[0]
    return sigma
