"""Correlation of columns of returns over the window that ends at a row.

Sums are taken in one pass, not about the mean: returns are small beside their deviations, so that
nothing of what matters cancels; where too much does, the answer is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from market.bars import Floats
from market.compiled import lean_kernel

STILL = 1e-12
"""A column stands still where its variance is no more than this part of its mean square."""


class PairSums(NamedTuple):
    """Working memory of `fill_correlations`, (N,) each: sums of every column, of its squares, and
    of its products with one column."""

    total: Floats
    square: Floats
    product: Floats


def pair_sums(columns: int) -> PairSums:
    """Empty sums of N columns."""
    return PairSums(*np.zeros((3, columns)))


@lean_kernel
def correlation_of_sums(
    count: float, total_i: float, total_j: float, square_i: float, square_j: float, product: float
) -> float:
    """Pearson correlation from the sums of `count` pairs; NaN where a column stands still."""
    variance_i = square_i - total_i * total_i / count
    variance_j = square_j - total_j * total_j / count
    if not (variance_i > STILL * square_i and variance_j > STILL * square_j):
        return np.nan
    covariance = product - total_i * total_j / count
    ratio: float = covariance / (np.sqrt(variance_i) * np.sqrt(variance_j))
    return min(1.0, max(-1.0, ratio))


@lean_kernel
def correlation(returns: Floats, row: int, i: int, j: int, window: int) -> float:
    """Pearson correlation of columns i and j of (T, N) returns over rows row - window + 1 to row.

    Rows where either return is missing are left out of both. NaN when the window begins before
    the first row, when fewer than half of its rows are complete, or when a column stands still.
    """
    start = row - window + 1
    if start < 0:
        return np.nan
    count = 0
    total_i, total_j, square_i, square_j, product = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(start, row + 1):
        a, b = returns[t, i], returns[t, j]
        if not (np.isnan(a) or np.isnan(b)):
            count += 1
            total_i += a
            total_j += b
            square_i += a * a
            square_j += b * b
            product += a * b
    if 2 * count < window:
        return np.nan
    return correlation_of_sums(count, total_i, total_j, square_i, square_j, product)


@lean_kernel
def fill_pair_sums(returns: Floats, start: int, stop: int, column: int, sums: PairSums) -> None:
    """Sums over rows `start` up to, not including, `stop`, four rows at a time."""
    total, square, product = sums.total, sums.square, sums.product
    for j in range(total.shape[0]):
        total[j] = 0.0
        square[j] = 0.0
        product[j] = 0.0
    t = start
    while t + 4 <= stop:
        first, second, third, fourth = returns[t], returns[t + 1], returns[t + 2], returns[t + 3]
        x1, x2, x3, x4 = first[column], second[column], third[column], fourth[column]
        for j in range(total.shape[0]):
            a, b, c, d = first[j], second[j], third[j], fourth[j]
            total[j] += (a + b) + (c + d)
            square[j] += (a * a + b * b) + (c * c + d * d)
            product[j] += (x1 * a + x2 * b) + (x3 * c + x4 * d)
        t += 4
    while t < stop:
        x = returns[t, column]
        for j in range(total.shape[0]):
            a = returns[t, j]
            total[j] += a
            square[j] += a * a
            product[j] += x * a
        t += 1


@lean_kernel
def correlation_from(
    sums: PairSums, returns: Floats, row: int, i: int, j: int, window: int
) -> float:
    """`correlation` of column i with j, from the sums of its window over every column.

    A missing return leaves no sum but its own pair's complete rows to go by.
    """
    known = sums.product[j] + sums.total[j]
    if np.isnan(known) or row - window + 1 < 0:
        return correlation(returns, row, i, j, window)
    return correlation_of_sums(
        window, sums.total[i], sums.total[j], sums.square[i], sums.square[j], sums.product[j]
    )
