"""Covariance and correlation that a short window can carry."""

from __future__ import annotations

import numpy as np

from agents.estimates.moments import shrunk_moments
from agents.estimates.psd import nearest_psd
from market.bars import Floats
from market.errors import DataError, InvalidError


def shrunk_correlation(returns: Floats) -> tuple[Floats, float]:
    """Correlation (N, N) of returns (T, N), shrunk towards none, and the intensity in [0, 1].

    (1 − s)·R + s·I, with the intensity of Ledoit and Wolf (2004, Journal of Multivariate Analysis
    88) of the returns in units of their deviations: 1 is a sample that says nothing.

    Gaps: each sample entry is taken over the rows that hold both, the intensity with gaps at the
    mean; an indefinite result becomes the nearest that is not. An instrument with fewer than two
    or fewer than half of its returns, or whose returns never vary, has NaN in its row and column
    and is left out of the rest. All NaN where none remains, or where the gaps leave what is far
    from a correlation. Raises InvalidError for another shape.
    """
    correlation, _, intensity = _shrunk(returns)
    return correlation, intensity


def shrunk_covariance(returns: Floats) -> tuple[Floats, float]:
    """Covariance (N, N) of returns (T, N) per period², and the intensity of its shrinkage.

    The sample's own variances (about the mean, divided by the number of returns) with
    `shrunk_correlation` between them. Shrinking towards one variance for all, as the optimizer
    does, would here lend the risk of one instrument to another. NaN rule and errors as there.
    """
    correlation, deviation, intensity = _shrunk(returns)
    return correlation * np.outer(deviation, deviation), intensity


def rolling_correlation(returns: Floats, window: int) -> Floats:
    """`shrunk_correlation` (T, N, N) of the `window` rows that end at each; NaN before the first.

    A row depends on its window alone. Raises InvalidError for another shape or a window below 2.
    """
    if window < 2:
        raise InvalidError(f"window: expected 2 rows or more, found {window}")
    _check(returns)
    rows, columns = returns.shape
    found = np.full((rows, columns, columns), np.nan)
    for row in range(window - 1, rows):
        found[row] = shrunk_correlation(returns[row - window + 1 : row + 1])[0]
    return found


def _check(returns: Floats) -> None:
    if returns.ndim != 2:
        raise InvalidError(f"returns: expected shape (times, instruments), found {returns.shape}")


def _shrunk(returns: Floats) -> tuple[Floats, Floats, float]:
    """Correlation (N, N), deviations (N,), intensity."""
    _check(returns)
    rows, columns = returns.shape
    correlation, deviation = np.full((columns, columns), np.nan), np.full(columns, np.nan)
    finite = np.isfinite(returns)
    known = finite.sum(axis=0)
    highest = np.where(finite, returns, -np.inf).max(axis=0, initial=-np.inf)
    lowest = np.where(finite, returns, np.inf).min(axis=0, initial=np.inf)
    usable = (known >= 2) & (2 * known >= rows) & (highest > lowest)
    if not usable.any():
        return correlation, deviation, np.nan
    window = np.where(finite, returns, np.nan)[:, usable]
    spread = np.nanstd(window, axis=0)
    deviation[usable] = spread
    _, sample, _, intensity = shrunk_moments(np.ascontiguousarray(window / spread))
    try:
        repaired, _ = nearest_psd(sample)
    except DataError:
        return correlation, np.full(columns, np.nan), np.nan
    scale = np.sqrt(repaired.diagonal())
    matrix = np.clip(repaired / np.outer(scale, scale), -1.0, 1.0)
    np.fill_diagonal(matrix, 1.0)
    correlation[np.ix_(usable, usable)] = matrix
    return correlation, deviation, intensity
