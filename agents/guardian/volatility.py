"""The volatility of one bar, for stops, sizes and collars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fill_sum, whole_weight
from agents.indicators.panel import GROUP, fill_strips, put_columns, take_columns
from agents.indicators.rolling import RollingRow, ring_row, ring_rows, roll_sum, window_rows
from market.bars import Floats
from market.compiled import kernel

SERIES_WORK = 5
WORK_ROWS = 2 * GROUP + SERIES_WORK


class VolatilityRules(NamedTuple):
    """taps: returns in the estimate. decay: weight of one bar over the next newer."""

    taps: int
    decay: float

    @property
    def lookback(self) -> int:
        """Rows that an estimate can depend on: its returns, and the price before the oldest."""
        return 2 * self.taps + 1


@kernel
def fill_square_returns(prices: Floats, longest: int, squares: Floats, known: Floats) -> int:
    """Squared simple returns of a series, and 1 where one is known, else 0 in both.

    A return spans a gap of up to `longest` rows. The first price has none. Returns the number of
    missing prices.
    """
    missing = 0
    near, far, target = prices[1:], prices[:-1], squares[1:]
    for i in range(near.size):
        change = near[i] / far[i] - 1.0
        target[i] = change * change
    for i in range(prices.size):
        missing += not prices[i] > 0.0
        known[i] = 1.0
    squares[0] = known[0] = 0.0
    last = 0
    for i in range(prices.size if missing > 0 else 0):
        squares[i] = known[i] = 0.0
        if prices[i] > 0.0:
            if prices[last] > 0.0 and 0 < i - last <= longest:
                change = prices[i] / prices[last] - 1.0
                squares[i] = change * change
                known[i] = 1.0
            last = i
    return missing


@kernel
def fill_series(prices: Floats, plan: VolatilityRules, out: Floats, work: Floats) -> None:
    """`bar_volatility` of the last prices of a series, as many as `out` is long. work: 5 rows."""
    size, taps = prices.size, plan.taps
    squares, known, weight = work[0][:size], work[1][:size], work[2][: out.size]
    missing = fill_square_returns(prices, taps, squares, known)
    fill_sum(squares, plan.decay, taps, out, work[3:])
    if missing == 0:
        whole = whole_weight(plan.decay, taps)
        for i in range(out.size):
            out[i] = np.sqrt(out[i] / whole)
        return
    # Where a window has no gap its weights add up to `whole_weight`, to the last bit.
    fill_sum(known, plan.decay, taps, weight, work[3:])
    for i in range(out.size):
        out[i] = np.sqrt(out[i] / weight[i])
    count = 0
    for i in range(size):
        count += known[i] > 0.0
        count -= i >= taps and known[i - taps] > 0.0
        place = i - size + out.size
        if place >= 0 and 2 * count < taps:
            out[place] = np.nan


@kernel
def fill_strip(
    values: Floats,
    columns: int,
    count: int,
    place: int,
    plan: VolatilityRules,
    out: Floats,
    work: Floats,
) -> None:
    """`fill_series` of every instrument of a strip of a panel."""
    rows = values.size // columns
    found, spare = work[GROUP:], work[2 * GROUP :]
    for column in range(0, columns, GROUP):
        width = take_columns(values, columns, column, work)
        for c in range(width):
            fill_series(work[c][:rows], plan, found[c][:count], spare)
        put_columns(found, count, width, columns, place + column, out)


def bar_volatility(close: Floats, rules: VolatilityRules) -> Floats:
    """EWMA standard deviation of simple returns at every row of (T, N) mids: (T, N), decimal.

    Weights decay**age over the last `taps` returns, about zero, normalised over those at hand
    (RiskMetrics Technical Document, 1996, §5.2). A missing price is skipped: the next return
    spans the gap, up to one of `taps` rows. NaN where fewer than half of the returns are at hand,
    and in the first rows, up to `rules.lookback` of them: a row depends on so many rows and on
    nothing else, to the last bit, wherever the panel starts.
    """
    sigma: Floats = fill_strips(close, rules.lookback, 1, WORK_ROWS, fill_strip, rules)[0]
    return sigma


SPARE_ROWS = 5
"""Of `roll_volatility`: its sums on the newest row, the last price known and its age in bars."""


@kernel
def rolling_rows(plan: VolatilityRules) -> int:
    """Rows of memory that `roll_volatility` lays out."""
    return 2 * ring_rows(plan.taps) + SPARE_ROWS + 3 * window_rows(plan.taps)


@kernel
def roll_volatility(
    values: Floats, first: int, plan: VolatilityRules, memory: Floats, out: Floats
) -> int:
    """`fill_series` of the last of some rows (R, N); `agents.indicators.rolling` says how."""
    taps, rows, at = plan.taps, ring_rows(plan.taps), 0
    squares, known, spare = 0, rows, 2 * rows
    total, weight, count = memory[spare], memory[spare + 1], memory[spare + 2]
    price, age = memory[spare + 3], memory[spare + 4]
    for row in range(values.shape[0]):
        newest, t, at = values[row], first + row, spare + SPARE_ROWS
        square, at_hand = ring_row(memory, squares, rows, t), ring_row(memory, known, rows, t)
        for i in range(newest.size):
            age[i] += 1.0
            change = newest[i] / price[i] - 1.0
            near = newest[i] > 0.0 and age[i] <= taps
            square[i] = change * change if near else 0.0
            at_hand[i] = 1.0 if near else 0.0
            price[i] = newest[i] if newest[i] > 0.0 else price[i]
            age[i] = 0.0 if newest[i] > 0.0 else age[i]
        at = roll_sum(memory, squares, rows, at, t, plan.decay, taps, total)
        at = roll_sum(memory, known, rows, at, t, plan.decay, taps, weight)
        at = roll_sum(memory, known, rows, at, t, 1.0, taps, count)
    for i in range(total.size):
        out[0, i] = np.nan if 2.0 * count[i] < taps else np.sqrt(total[i] / weight[i])
    return at


def newest_volatility(rules: VolatilityRules) -> RollingRow[VolatilityRules]:
    """What gives the last row of `bar_volatility`, (1, N), to the last bit, asked bar by bar."""
    return RollingRow(rules.lookback, 1, lambda _: rules, rolling_rows, roll_volatility)
