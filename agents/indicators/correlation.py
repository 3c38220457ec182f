"""Correlation of two columns of returns over the window that ends at a row.

Sums are taken in one pass, not about the mean: returns are small beside their deviations, so that
nothing of what matters cancels; where too much does, the answer is NaN.
"""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import lean_kernel

STILL = 1e-12
"""A column stands still where its variance is no more than this part of its mean square."""


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
def sums_with(returns: Floats, start: int, stop: int, i: int, j: int) -> tuple[float, float, float]:
    """Sums over rows `start` up to, not including, `stop`: of column j, of its squares, and of its
    products with column i.

    Even and odd rows apart: one sum would wait for itself.
    """
    total, square, product = 0.0, 0.0, 0.0
    odd_total, odd_square, odd_product = 0.0, 0.0, 0.0
    even = start + (stop - start) // 2 * 2
    for t in range(start, even, 2):
        a = returns[t, j]
        total += a
        square += a * a
        product += a * returns[t, i]
        a = returns[t + 1, j]
        odd_total += a
        odd_square += a * a
        odd_product += a * returns[t + 1, i]
    if even < stop:
        a = returns[even, j]
        total += a
        square += a * a
        product += a * returns[even, i]
    return total + odd_total, square + odd_square, product + odd_product


@lean_kernel
def correlation_of_known(returns: Floats, start: int, stop: int, i: int, j: int) -> float:
    """The correlation over those of the rows that are complete; NaN with fewer than half."""
    count = 0
    total_i, total_j, square_i, square_j, product = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(start, stop):
        a, b = returns[t, i], returns[t, j]
        if not np.isnan(a + b):
            count += 1
            total_i += a
            total_j += b
            square_i += a * a
            square_j += b * b
            product += a * b
    if 2 * count < stop - start:
        return np.nan
    return correlation_of_sums(count, total_i, total_j, square_i, square_j, product)


@lean_kernel
def correlation_beside(
    returns: Floats, row: int, i: int, j: int, window: int, total_i: float, square_i: float
) -> float:
    """`correlation`, given the sums of column i and of its squares over the window."""
    start = row - window + 1
    total_j, square_j, product = sums_with(returns, start, row + 1, i, j)
    if np.isnan(product):
        return correlation_of_known(returns, start, row + 1, i, j)
    return correlation_of_sums(window, total_i, total_j, square_i, square_j, product)


@lean_kernel
def correlation(returns: Floats, row: int, i: int, j: int, window: int) -> float:
    """Pearson correlation of columns i and j of (T, N) returns over rows row - window + 1 to row.

    Rows where either return is missing are left out of both. NaN when the window begins before
    the first row, when fewer than half of its rows are complete, or when a column stands still.
    """
    start = row - window + 1
    if start < 0:
        return np.nan
    total_i, square_i, _ = sums_with(returns, start, row + 1, i, i)
    return correlation_beside(returns, row, i, j, window, total_i, square_i)
