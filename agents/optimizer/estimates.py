"""μ and Σ from a window of returns: both shrunk, gaps allowed, doubts said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.estimates.moments import shrunk_moments
from agents.estimates.psd import cholesky, inverse_quadratic_form, nearest_psd
from market.bars import Floats
from market.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What the window says about those instruments that it says enough about.

    included: (N,) bool, which columns of the window were estimated; M of them are True.
    expected_returns: (M,) shrunk means, per period.
    covariance: (M, M) shrunk, positive semidefinite, per period².
    mean_shrinkage, covariance_shrinkage: weight of the target in [0, 1]; 1 is the target alone.
    warnings: exclusions, repairs and doubts, one sentence each. repair: the one that tells how the
    covariance was repaired; None where it needed none.
    """

    included: NDArray[np.bool_]
    expected_returns: Floats
    covariance: Floats
    mean_shrinkage: float
    covariance_shrinkage: float
    warnings: tuple[str, ...]
    repair: str | None

    def on_all(self, values: Floats, otherwise: float) -> Floats:
        """(M,) values of the included instruments laid out on all N; `otherwise` elsewhere."""
        full = np.full(self.included.shape[0], otherwise)
        full[self.included] = values
        return full


def estimate(returns: Floats, *, min_observations: int = 60) -> Estimates:
    """Shrunk mean and covariance of returns (T, N), NaN where there was none.

    An instrument with fewer than `min_observations` returns, or whose returns never vary (an
    agent that always held), is left out. Raises DataError where no instrument remains, a return
    is infinite, or the gaps leave a covariance far from positive semidefinite.

    Mean: empirical Bayes towards zero. With the prior μ ~ N(0, τ²C), C the covariance of the
    sample means m, the posterior mean is (1 − s)·m with s = min(1, M / mᵀC⁻¹m), the moment
    estimate (Efron and Morris 1973, JASA 68, section 2). One instrument's mean vanishes when its
    t-statistic is below 1. For M ≥ 5 it dominates the sample mean (James and Stein 1961).

    Covariance: (1 − s)·S + s·(tr S / M)·I with the intensity of Ledoit and Wolf (2004, Journal of
    Multivariate Analysis 88, section 3.2). Without gaps this is scikit-learn's `LedoitWolf`. With
    gaps S is pairwise (each entry over the rows that hold both), the intensity is that of the
    rows with gaps at the mean, and the result goes through `nearest_psd`.
    """
    if returns.ndim != 2 or not returns.size:
        raise DataError(
            f"estimates: expected returns of shape (times, instruments), found {returns.shape}"
        )
    if np.isinf(returns).any():
        row, column = (int(index) for index in np.argwhere(np.isinf(returns))[0])
        raise DataError(f"estimates: infinite return in row {row} of column {column}")
    included, warnings = _estimable(returns, min_observations)
    window = np.ascontiguousarray(returns[:, included])
    means, sample, counts, shrinkage = shrunk_moments(window)
    covariance, repair = nearest_psd(sample)
    if repair:
        warnings.append(repair)
    means_covariance = covariance * counts / np.outer(counts.diagonal(), counts.diagonal())
    mean_shrinkage = _mean_shrinkage(means, means_covariance)
    rows, columns = window.shape
    if rows < columns:
        warnings.append(
            f"{rows} observations of {columns} instruments: the covariance is "
            f"{shrinkage:.0%} shrinkage target"
        )
    return Estimates(
        included=included,
        expected_returns=(1.0 - mean_shrinkage) * means,
        covariance=covariance,
        mean_shrinkage=mean_shrinkage,
        covariance_shrinkage=shrinkage,
        warnings=tuple(warnings),
        repair=repair,
    )


def _estimable(returns: Floats, min_observations: int) -> tuple[NDArray[np.bool_], list[str]]:
    seen = ~np.isnan(returns)
    enough = seen.sum(axis=0) >= max(2, min_observations)
    highest = np.where(seen, returns, -np.inf).max(axis=0)
    lowest = np.where(seen, returns, np.inf).min(axis=0)
    varies = highest > lowest
    warnings = [
        f"column {column} left out: {int(seen[:, column].sum())} returns, {min_observations} needed"
        for column in np.flatnonzero(~enough)
    ]
    warnings += [
        f"column {column} left out: its returns never vary"
        for column in np.flatnonzero(enough & ~varies)
    ]
    included = enough & varies
    if not included.any():
        raise DataError(
            f"estimates: no instrument has {min_observations} returns that vary: "
            + "; ".join(warnings)
        )
    return included, warnings


def _mean_shrinkage(means: Floats, means_covariance: Floats) -> float:
    lower, positive = cholesky(means_covariance, 0.0)
    if not positive:
        return 1.0
    strength = inverse_quadratic_form(lower, means)
    return min(1.0, means.shape[0] / strength) if strength > 0.0 else 1.0
