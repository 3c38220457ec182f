"""Correlation of two columns of returns over the window that ends at a row."""

from __future__ import annotations

import math

import numpy as np

from market.bars import Floats
from market.compiled import kernel


@kernel
def correlation(returns: Floats, row: int, i: int, j: int, window: int) -> float:
    """Pearson correlation of columns i and j of (T, N) returns over rows row - window + 1 to row.

    Rows where either return is missing are left out of both. NaN when the window begins before
    the first row, when fewer than half of its rows are complete, or when a column stands still.
    """
    start = row - window + 1
    if start < 0:
        return np.nan
    count = 0
    sum_i, sum_j = 0.0, 0.0
    low_i, high_i, low_j, high_j = np.inf, -np.inf, np.inf, -np.inf
    for t in range(start, row + 1):
        a, b = returns[t, i], returns[t, j]
        if not (np.isnan(a) or np.isnan(b)):
            count += 1
            sum_i += a
            sum_j += b
            low_i, high_i = min(low_i, a), max(high_i, a)
            low_j, high_j = min(low_j, b), max(high_j, b)
    # The sums of squares of a constant column need not round to zero: compare its extremes.
    if 2 * count < window or not (low_i < high_i and low_j < high_j):
        return np.nan
    mean_i, mean_j = sum_i / count, sum_j / count
    square_i, square_j, product = 0.0, 0.0, 0.0
    for t in range(start, row + 1):
        a, b = returns[t, i] - mean_i, returns[t, j] - mean_j
        if not (np.isnan(a) or np.isnan(b)):
            square_i += a * a
            square_j += b * b
            product += a * b
    ratio = product / math.sqrt(square_i * square_j)
    return min(1.0, max(-1.0, ratio))
