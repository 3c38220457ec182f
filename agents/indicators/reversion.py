"""First-order autoregression over a window and the half-life of mean reversion.

Panels are (T, N) float64, oldest row first. A window that is not full, or that holds a NaN,
gives NaN. The `fill_` kernels work as those of `averages`.
"""

from __future__ import annotations

import numpy as np

from agents.indicators.averages import copy_values, join_average
from agents.indicators.elementary import fill_logarithm
from agents.indicators.moments import double_squares, extend_moments
from agents.indicators.panel import flat_copy, scratch
from market.bars import Floats
from market.compiled import kernel

LN2 = 0.6931471805599453
AUTOREGRESSION_WORK = 8


@kernel
def double_products(
    products: Floats, mean: Floats, out: Floats, offset: int, columns: int, weight: float
) -> None:
    """Merge sums of products of the deviations of a value and of the value one row before.

    As `moments.double_squares`; the mean of the lagged values stands `columns` places before
    the mean of the values. NaN before offset + columns.
    """
    size = products.size
    start = min(offset + columns, size)
    near, far, target = products[start:], products[columns:], out[start:]
    near_mean, far_mean = mean[start:], mean[columns:]
    near_lagged, far_lagged = mean[offset:], mean
    for i in range(size - start):
        difference = near_mean[i] - far_mean[i]
        lagged = near_lagged[i] - far_lagged[i]
        target[i] = (near[i] + far[i]) + weight * (difference * lagged)
    for i in range(start):
        out[i] = np.nan


@kernel
def extend_products(
    products: Floats,
    mean: Floats,
    older: Floats,
    older_mean: Floats,
    offset: int,
    columns: int,
    weight: float,
) -> None:
    """Merge older sums of products, `offset` places before, into `products`, as doubling does.

    mean: of the windows of `products`, not yet extended.
    """
    size = products.size
    start = min(offset + columns, size)
    near, far = products[start:], older[columns:]
    near_mean, far_mean = mean[start:], older_mean[columns:]
    near_lagged, far_lagged = mean[start - columns :], older_mean
    for i in range(size - start):
        difference = near_mean[i] - far_mean[i]
        lagged = near_lagged[i] - far_lagged[i]
        near[i] = (near[i] + far[i]) + weight * (difference * lagged)
    for i in range(start):
        products[i] = np.nan


@kernel
def fill_autoregression(
    values: Floats, columns: int, window: int, out: Floats, work: Floats
) -> None:
    """`autoregression` of a flat panel. work: 8 rows."""
    size = values.size
    mean, spare_mean = work[0][:size], work[1][:size]
    squares, spare_squares = work[2][:size], work[3][:size]
    products, spare_products = work[4][:size], work[5][:size]
    total_mean, total_squares = work[6][:size], work[7][:size]
    for i in range(size):
        mean[i] = values[i]
        squares[i] = values[i] - values[i]  # zero, and NaN where the value is
        products[i] = squares[i]
    covered = 0
    step = 1
    remaining = window - 1
    while True:
        if remaining & 1:
            if covered == 0:
                copy_values(mean, total_mean)
                copy_values(squares, total_squares)
                copy_values(products, out)
            else:
                offset, share = covered * columns, step / (covered + step)
                extend_products(out, total_mean, products, mean, offset, columns, covered * share)
                extend_moments(
                    total_mean, total_squares, mean, squares, offset, share, covered * share
                )
            covered += step
        remaining >>= 1
        if remaining == 0:
            break
        offset, weight = step * columns, 0.5 * step
        double_products(products, mean, spare_products, offset, columns, weight)
        double_squares(squares, mean, spare_squares, offset, weight)
        join_average(mean, mean, spare_mean, offset, 0.5)
        mean, spare_mean = spare_mean, mean
        squares, spare_squares = spare_squares, squares
        products, spare_products = spare_products, products
        step *= 2
    covariation = out[min(columns, size) :]
    for i in range(covariation.size):
        variation = total_squares[i]
        covariation[i] = covariation[i] / (variation if variation > 0.0 else np.nan)


@kernel
def fill_half_life(slope: Floats, out: Floats) -> None:
    """`half_life` of a flat panel."""
    fill_logarithm(slope, out)
    for i in range(slope.size):
        bars = -LN2 / out[i] if slope[i] < 1.0 else np.nan
        out[i] = 0.0 if slope[i] <= 0.0 else bars


def autoregression(values: Floats, window: int) -> Floats:
    """Least-squares slope of each value on the one before it, over the last `window` values.

    window - 1 pairs, with an intercept: 1 for a random walk, below 1 for a series that reverts
    to a mean. NaN where the series did not move. window ≥ 3.
    """
    flat, out = flat_copy(values), np.empty(values.shape)
    work = scratch(AUTOREGRESSION_WORK, flat.size)
    fill_autoregression(flat, values.shape[1], window, out.reshape(-1), work)
    return out


def half_life(slope: Floats) -> Floats:
    """Bars in which half of a deviation from the mean fades: ln(1/2)/ln(slope).

    For the slope of an autoregression of order 1, the Ornstein-Uhlenbeck process seen once a
    bar. 0 where the slope is not positive (a deviation is gone within a bar), NaN where it is 1
    or more (there is no reversion) or unknown.
    """
    out = np.empty(slope.shape)
    fill_half_life(flat_copy(slope), out.reshape(-1))
    return out
