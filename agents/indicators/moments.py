"""Mean and variance over a window, and what is measured in standard deviations.

Two neighbouring windows are merged by the pairwise update of Chan, Golub and LeVeque
("Algorithms for computing the sample variance", The American Statistician 37, 1983),
which never subtracts large squares: a price of 150 that moves by 0.001 keeps its digits, and a
constant series has a variance of exactly zero.

Panels are (T, N) float64, oldest row first. A window that is not full, or that holds a NaN,
gives NaN. The `fill_` kernels work as those of `averages`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from agents.indicators.averages import copy_values, join_average
from agents.indicators.panel import flat_copy, scratch
from market.bars import Floats
from market.compiled import kernel

MOMENTS_WORK = 4
Z_SCORE_WORK = 6


class Moments(NamedTuple):
    """Mean and population variance (divided by the window, not by one less), (T, N) each."""

    mean: Floats
    variance: Floats


@kernel
def double_squares(squares: Floats, mean: Floats, out: Floats, offset: int, weight: float) -> None:
    """Merge each sum of squared deviations with the one `offset` places before; NaN before.

    mean: of the same windows. weight: n m / (n + m) of the two window lengths.
    """
    offset = min(offset, squares.size)
    near, far, target = squares[offset:], squares[: squares.size - offset], out[offset:]
    near_mean, far_mean = mean[offset:], mean[: squares.size - offset]
    for i in range(target.size):
        difference = near_mean[i] - far_mean[i]
        target[i] = (near[i] + far[i]) + weight * (difference * difference)
    for i in range(offset):
        out[i] = np.nan


@kernel
def extend_moments(
    mean: Floats,
    squares: Floats,
    older_mean: Floats,
    older_squares: Floats,
    offset: int,
    share: float,
    weight: float,
) -> None:
    """Merge older windows, `offset` places before, into `mean` and `squares`; NaN before.

    share: m / (n + m) with m the length of the older windows. weight: n m / (n + m).
    """
    offset = min(offset, mean.size)
    near_mean, far_mean = mean[offset:], older_mean[: mean.size - offset]
    near, far = squares[offset:], older_squares[: mean.size - offset]
    for i in range(near.size):
        difference = far_mean[i] - near_mean[i]
        near[i] = (near[i] + far[i]) + weight * (difference * difference)
        near_mean[i] = near_mean[i] + share * difference
    for i in range(offset):
        mean[i] = np.nan
        squares[i] = np.nan


@kernel
def fill_moments(
    values: Floats, columns: int, window: int, mean_out: Floats, variance_out: Floats, work: Floats
) -> None:
    """`moving_moments` of a flat panel. work: 4 rows."""
    size = values.size
    mean, spare_mean = work[0][:size], work[1][:size]
    squares, spare_squares = work[2][:size], work[3][:size]
    for i in range(size):
        mean[i] = values[i]
        squares[i] = values[i] - values[i]  # zero, and NaN where the value is
    covered = 0
    step = 1
    remaining = window
    while True:
        if remaining & 1:
            if covered == 0:
                copy_values(mean, mean_out)
                copy_values(squares, variance_out)
            else:
                share = step / (covered + step)
                extend_moments(
                    mean_out, variance_out, mean, squares, covered * columns, share, covered * share
                )
            covered += step
        remaining >>= 1
        if remaining == 0:
            break
        double_squares(squares, mean, spare_squares, step * columns, 0.5 * step)
        join_average(mean, mean, spare_mean, step * columns, 0.5)
        mean, spare_mean = spare_mean, mean
        squares, spare_squares = spare_squares, squares
        step *= 2
    for i in range(size):
        variance_out[i] = variance_out[i] / window


@kernel
def fill_z_score(values: Floats, columns: int, window: int, out: Floats, work: Floats) -> None:
    """`z_score` of a flat panel. work: 6 rows."""
    size = values.size
    mean, variance = work[4][:size], work[5][:size]
    fill_moments(values, columns, window, mean, variance, work)
    for i in range(size):
        deviation = np.sqrt(variance[i])
        out[i] = (values[i] - mean[i]) / (deviation if deviation > 0.0 else np.nan)


def moving_moments(values: Floats, window: int) -> Moments:
    """Mean and population variance of the last `window` bars."""
    mean, variance = np.empty(values.shape), np.empty(values.shape)
    flat, work = flat_copy(values), scratch(MOMENTS_WORK, values.size)
    fill_moments(flat, values.shape[1], window, mean.reshape(-1), variance.reshape(-1), work)
    return Moments(mean, variance)


def standard_deviation(values: Floats, window: int) -> Floats:
    """Population standard deviation of the last `window` bars."""
    return np.sqrt(moving_moments(values, window).variance)


def z_score(values: Floats, window: int) -> Floats:
    """(value - mean) / population standard deviation of the last `window` bars.

    NaN where the window stands still.
    """
    out, flat = np.empty(values.shape), flat_copy(values)
    fill_z_score(flat, values.shape[1], window, out.reshape(-1), scratch(Z_SCORE_WORK, flat.size))
    return out


def bollinger_position(prices: Floats, window: int, width: float) -> Floats:
    """Where the price stands in its bands: 0 on the average, ±1 on the upper and lower band.

    The bands lie `width` population standard deviations from the simple average (Bollinger on
    Bollinger Bands, 2002; TA-Lib BBANDS). NaN where the bands have no width.
    """
    return z_score(prices, window) / width
