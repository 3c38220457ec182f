"""How much a new position repeats what the book holds already."""

from __future__ import annotations

import numpy as np

from agents.guardian.limits import RiskLimits
from agents.indicators.correlation import correlation_beside, sums_with
from market.bars import Floats
from market.compiled import lean_kernel


@lean_kernel
def largest_correlation(
    returns: Floats, row: int, units: Floats, limits: RiskLimits, column: int, side: float
) -> float:
    """Largest correlation of a position in `column` on `side` with any held in another instrument.

    returns: (T, N), of which the window that ends at `row` is read. units: (M,) of the book.
    Signed by the two directions, so that what offsets is negative; 0 where nothing else is held.
    NaN where one cannot be measured.
    """
    largest, total, square = 0.0, 0.0, 0.0
    summed = False
    window = limits.correlation_window
    start = row + 1 - window
    for other in range(returns.shape[1]):
        if other == column or units[other] == 0.0:
            continue
        if start < 0:
            return np.nan
        if not summed:
            total, square, _ = sums_with(returns, start, row + 1, column, column)
            summed = True
        rho = correlation_beside(returns, row, column, other, window, total, square)
        if np.isnan(rho):
            return np.nan
        largest = max(largest, rho * side * (1.0 if units[other] > 0.0 else -1.0))
    return largest


@lean_kernel
def size_kept(correlated: float, threshold: float) -> float:
    """Part of a size that a largest correlation leaves: 1 up to the threshold, then falling in a
    line to 0 at perfect correlation; 0 where it is unknown."""
    if correlated <= threshold:
        return 1.0
    return (1.0 - correlated) / (1.0 - threshold) if correlated <= 1.0 else 0.0
