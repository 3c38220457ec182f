"""The volatility of one bar, for stops, sizes and collars."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fill_sum, leading_digit, whole_weight
from agents.indicators.panel import GROUP, fill_strips, put_columns, scratch, take_columns
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


@kernel
def fill_whole(
    close: Floats, columns: int, plan: VolatilityRules, out: Floats, work: Floats
) -> None:
    """The newest volatility of instruments (N,) none of whose last prices is missing.

    close: (taps + 1, N), flat. work: 3 rows of `taps` times N. Row by row, for all instruments at
    once: what `fill_series` works out of each by itself, in the same order.
    """
    taps = plan.taps
    squares, level, idle = work[0], work[0], work[1]
    near, squared = close[columns:], squares[: taps * columns]
    for i in range(squared.size):
        change = near[i] / close[i] - 1.0
        squared[i] = change * change
    spare = work[2]
    covered, weight = 1, plan.decay
    digit = leading_digit(taps) // 2
    while digit > 0:
        both, both_weight, more = 2 * covered, weight * weight, 1 if taps & digit else 0
        target = idle[: (taps - both - more + 1) * columns]
        newer, older = level[(covered + more) * columns :], level[more * columns :]
        for i in range(target.size):
            target[i] = newer[i] + weight * older[i]
        if more:
            for i in range(target.size):
                target[i] += both_weight * squares[i]
            both_weight *= plan.decay
        covered, weight = both + more, both_weight
        level, idle, spare = target, spare, idle
        digit //= 2
    whole = whole_weight(plan.decay, taps)
    for c in range(columns):
        out[c] = np.sqrt(level[c] / whole)


@kernel
def fill_newest(
    close: Floats, columns: int, plan: VolatilityRules, out: Floats, work: Floats
) -> None:
    """The last row of `bar_volatility` of a panel of (`lookback`, N) prices, flat.

    out: (N,). work: 5 rows.
    """
    newest = close[plan.taps * columns :]
    fill_whole(newest, columns, plan, out, work)
    known = 0
    for i in range(newest.size):
        known += newest[i] > 0.0
    for c in range(columns if known < newest.size else 0):
        missing = 0
        for i in range(c, newest.size, columns):
            missing += not newest[i] > 0.0
        if missing > 0:
            series = work[SERIES_WORK][: close.size // columns]
            for t in range(series.size):
                series[t] = close[t * columns + c]
            fill_series(series, plan, out[c : c + 1], work)


class NewestVolatility:
    """`bar_volatility` of the newest bar alone, for whoever asks for it bar by bar.

    columns: N instruments.
    """

    def __init__(self, rules: VolatilityRules, columns: int) -> None:
        self._rules, self._columns = rules, columns
        self._work = scratch(SERIES_WORK + 1, max(rules.taps * columns, rules.lookback))

    def __call__(self, close: Floats) -> Floats:
        """close: the newest (lookback, N) mids, without a gap in memory. (N,), see there."""
        sigma = np.empty(self._columns)
        fill_newest(close.reshape(-1), self._columns, self._rules, sigma, self._work)
        return sigma
