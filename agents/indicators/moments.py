"""Mean and variance over a window, and what is measured in standard deviations.

Two neighbouring windows are merged by the pairwise update of Chan, Golub and LeVeque
("Algorithms for computing the sample variance", The American Statistician 37, 1983),
which never subtracts large squares: a price of 150 that moves by 0.001 keeps its digits, and a
constant series has a variance of exactly zero.

Series, panels, `out` and `work` as in `averages`, whose digits the windows follow too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import fill_unknown, history, leading_digit
from agents.indicators.elementary import inverse_root
from agents.indicators.panel import by_series, tile_size
from market.bars import Floats
from market.compiled import kernel

MOMENTS_WORK = 4
Z_SCORE_WORK = 6


class Moments(NamedTuple):
    """Mean and population variance (divided by the window, not by one less), (T, N) each."""

    mean: Floats
    variance: Floats


@kernel
def moments_of_two(newer: Floats, older: Floats, mean: Floats, squares: Floats) -> None:
    """Means of two neighbouring values and the sums of their squared deviations."""
    for i in range(mean.size):
        difference = older[i] - newer[i]
        mean[i] = newer[i] + 0.5 * difference
        squares[i] = 0.5 * (difference * difference)


@kernel
def moments_of_three(
    newer: Floats, older: Floats, last: Floats, mean: Floats, squares: Floats
) -> None:
    """Means of three values in a row and the sums of their squared deviations."""
    share = 1.0 / 3.0
    for i in range(mean.size):
        difference = older[i] - newer[i]
        both = newer[i] + 0.5 * difference
        apart = last[i] - both
        mean[i] = both + share * apart
        squares[i] = 0.5 * (difference * difference) + 2.0 * share * (apart * apart)


@kernel
def join_moments(
    newer: Floats,
    older: Floats,
    newer_squares: Floats,
    older_squares: Floats,
    covered: int,
    mean: Floats,
    squares: Floats,
) -> None:
    """Moments of two windows of `covered` bars that follow each other."""
    weight = 0.5 * covered
    for i in range(mean.size):
        difference = older[i] - newer[i]
        mean[i] = newer[i] + 0.5 * difference
        both = newer_squares[i] + older_squares[i]
        squares[i] = both + weight * (difference * difference)


@kernel
def join_moments_and_one(
    newer: Floats,
    older: Floats,
    newer_squares: Floats,
    older_squares: Floats,
    last: Floats,
    covered: int,
    mean: Floats,
    squares: Floats,
) -> None:
    """As `join_moments`, and the one value before those."""
    weight, share = 0.5 * covered, 1.0 / (2.0 * covered + 1.0)
    last_weight = 2.0 * covered * share
    for i in range(mean.size):
        difference = older[i] - newer[i]
        both = newer[i] + 0.5 * difference
        sum_of_both = newer_squares[i] + older_squares[i]
        both_squares = sum_of_both + weight * (difference * difference)
        apart = last[i] - both
        mean[i] = both + share * apart
        squares[i] = both_squares + last_weight * (apart * apart)


@kernel
def moments_tile(
    values: Floats, window: int, mean_out: Floats, squares_out: Floats, work: Floats
) -> None:
    """Means and sums of squared deviations for the last values; all windows are full. work: 4."""
    mean, squares = values, values
    spare, idle = work[0:2], work[2:4]
    covered = min(window, 1)  # a literal would have the callees compiled once more
    digit = leading_digit(window) // 2
    if digit == 0:
        for i in range(mean_out.size):
            mean_out[i] = values[i]
            squares_out[i] = values[i] - values[i]  # zero, and NaN where the value is
    while digit > 0:
        one = 1 if window & digit else 0
        count = values.size - 2 * covered + 1 - one
        if digit == 1:
            target, target_squares = mean_out, squares_out
        else:
            target, target_squares = spare[0][:count], spare[1][:count]
        if covered == 1 and one == 1:
            moments_of_three(values[2:], values[1:], values, target, target_squares)
        elif covered == 1:
            moments_of_two(values[1:], values, target, target_squares)
        elif one == 1:
            join_moments_and_one(
                mean[covered + 1 :], mean[1:], squares[covered + 1 :], squares[1:], values,
                covered, target, target_squares,
            )  # fmt: skip
        else:
            join_moments(
                mean[covered:], mean, squares[covered:], squares, covered, target, target_squares
            )
        mean, squares = target, target_squares
        covered = 2 * covered + one
        spare, idle = idle, spare
        digit //= 2


@kernel
def fill_moments(values: Floats, window: int, mean: Floats, variance: Floats, work: Floats) -> None:
    """`moving_moments` of a series. work: 4 rows."""
    fill_unknown(values.size, window, mean)
    full = fill_unknown(values.size, window, variance)
    tile = tile_size(values.size - full)
    for start in range(full, values.size, tile):
        stop = min(start + tile, values.size)
        needed = history(values, values.size, start, stop, window)
        moments_tile(needed, window, mean[start:stop], variance[start:stop], work)
    for i in range(variance.size):
        variance[i] = variance[i] / window


@kernel
def fill_deviations(
    newest: Floats, mean: Floats, squares: Floats, window: int, out: Floats
) -> None:
    """Distances from the mean in standard deviations. squares: sums of squared deviations."""
    share = 1.0 / window
    for i in range(out.size):
        out[i] = (newest[i] - mean[i]) * inverse_root(share * squares[i])


@kernel
def fill_z_score(values: Floats, window: int, out: Floats, work: Floats) -> None:
    """`z_score` of a series. work: 6 rows."""
    full = fill_unknown(values.size, window, out)
    tile = tile_size(out.size - full)
    for start in range(full, out.size, tile):
        stop = min(start + tile, out.size)
        mean, squares = work[4][: stop - start], work[5][: stop - start]
        needed = history(values, out.size, start, stop, window)
        moments_tile(needed, window, mean, squares, work)
        fill_deviations(needed[window - 1 :], mean, squares, window, out[start:stop])


def moving_moments(values: Floats, window: int) -> Moments:
    """Mean and population variance of the last `window` bars."""

    def fill_mean(series: Floats, out: Floats, work: Floats) -> None:
        fill_moments(series, window, out, work[MOMENTS_WORK][: out.size], work)

    def fill_variance(series: Floats, out: Floats, work: Floats) -> None:
        fill_moments(series, window, work[MOMENTS_WORK][: out.size], out, work)

    rows = MOMENTS_WORK + 1
    return Moments(by_series(values, rows, fill_mean), by_series(values, rows, fill_variance))


def standard_deviation(values: Floats, window: int) -> Floats:
    """Population standard deviation of the last `window` bars."""
    return np.sqrt(moving_moments(values, window).variance)


def z_score(values: Floats, window: int) -> Floats:
    """(value - mean) / population standard deviation of the last `window` bars.

    NaN where the window stands still.
    """

    def fill(series: Floats, out: Floats, work: Floats) -> None:
        fill_z_score(series, window, out, work)

    return by_series(values, Z_SCORE_WORK, fill)


def bollinger_position(prices: Floats, window: int, width: float) -> Floats:
    """Where the price stands in its bands: 0 on the average, ±1 on the upper and lower band.

    The bands lie `width` population standard deviations from the simple average (Bollinger on
    Bollinger Bands, 2002; TA-Lib BBANDS). NaN where the bands have no width.
    """
    return z_score(prices, window) / width
