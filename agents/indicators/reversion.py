"""First-order autoregression over a window and the half-life of mean reversion.

Series, panels, `out` and `work` as in `averages`.
"""

from __future__ import annotations

import numpy as np

from agents.indicators.averages import fill_unknown, history, sum_tile
from agents.indicators.elementary import fill_logarithm
from agents.indicators.moments import MOMENTS_WORK, moments_tile
from agents.indicators.panel import by_series, tile_size
from agents.indicators.returns import fill_squared_change
from market.bars import Floats
from market.compiled import kernel

LN2 = 0.6931471805599453
AUTOREGRESSION_WORK = MOMENTS_WORK + 4


@kernel
def fill_slope(
    newest: Floats, oldest: Floats, mean: Floats, variation: Floats, changes: Floats, out: Floats
) -> None:
    """Slopes from both ends of a window, mean and Σ (x - m)² of all but the newest, and Σ r²."""
    for i in range(out.size):
        about_mean = (newest[i] - mean[i]) + (oldest[i] - mean[i])
        twice = (newest[i] - oldest[i]) * about_mean - changes[i]
        out[i] = 1.0 + 0.5 * twice / (variation[i] if variation[i] > 0.0 else np.nan)


@kernel
def fill_autoregression(values: Floats, window: int, out: Floats, work: Floats) -> None:
    """`autoregression` of a series. work: 8 rows.

    With x the lagged values, m their mean and r the change to the next, the slope is
    1 + Σ (x - m) r / Σ (x - m)². As (x + r - m)² - (x - m)² = 2 (x - m) r + r², the numerator
    telescopes: 2 Σ (x - m) r = (newest - m)² - (oldest - m)² - Σ r².
    """
    pairs = window - 1
    full = fill_unknown(values.size, window, out)
    tile = tile_size(out.size - full)
    for start in range(full, out.size, tile):
        stop = min(start + tile, out.size)
        count = stop - start
        oldest = history(values, out.size, start, stop, window)
        following, newest, target = oldest[1:], oldest[pairs:], out[start:stop]
        squares, changes = work[4][: following.size], work[5][:count]
        fill_squared_change(following, oldest, squares)
        sum_tile(squares, 1.0, pairs, changes, work)
        mean, variation = work[6][:count], work[7][:count]
        moments_tile(oldest[: oldest.size - 1], pairs, mean, variation, work)
        fill_slope(newest, oldest, mean, variation, changes, target)


@kernel
def fill_half_life(slope: Floats, out: Floats) -> None:
    """`half_life` of a series."""
    fill_logarithm(slope, out)
    for i in range(slope.size):
        bars = -LN2 / out[i] if slope[i] < 1.0 else np.nan
        out[i] = 0.0 if slope[i] <= 0.0 else bars


def autoregression(values: Floats, window: int) -> Floats:
    """Least-squares slope of each value on the one before it, over the last `window` values.

    window - 1 pairs, with an intercept: 1 for a random walk, below 1 for a series that reverts
    to a mean. NaN where the series did not move. window ≥ 3.
    """

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_autoregression(series, window, out, work)

    return by_series(values, AUTOREGRESSION_WORK, fill)


def half_life(slope: Floats) -> Floats:
    """Bars in which half of a deviation from the mean fades: ln(1/2)/ln(slope).

    For the slope of an autoregression of order 1, the Ornstein-Uhlenbeck process seen once a
    bar. 0 where the slope is not positive (a deviation is gone within a bar), NaN where it is 1
    or more (there is no reversion) or unknown.
    """
    out = np.empty(slope.shape)
    fill_half_life(np.array(slope, dtype=np.float64, order="C").reshape(-1), out.reshape(-1))
    return out
