"""VaR and ES of a book by simulation of returns that fall together."""

from __future__ import annotations

import math

import numpy as np

from agents.estimates.psd import cholesky
from agents.guardian.measures.tail import UNKNOWN_TAIL, TailRisk, check_confidence, tail_of_losses
from market.bars import Floats
from market.errors import InvalidError

RIDGE = 1e-12
"""Part of the largest variance added to every one: instruments may move as one."""


def monte_carlo_tail(
    values: Floats,
    mean: Floats,
    covariance: Floats,
    degrees: float,
    confidence: float,
    paths: int,
    rng: np.random.Generator,
) -> TailRisk:
    """Tail of the book's loss under multivariate Student t returns, in the currency of the values.

    values: (N,) signed, in account currency. mean, covariance: (N,), (N, N) of returns over the
    horizon. r = μ + √((ν − 2)/χ²ᵥ) L z with L Lᵀ = Σ: Σ is the covariance itself, one χ² is drawn
    a path, so that what is uncorrelated still falls together (McNeil, Frey and Embrechts 2005,
    §3.2). degrees: ν > 2, inf for the normal. The quantile is `tail_of_losses` of `paths` draws;
    its sampling error falls with their root.

    What is not held needs no moments; an empty book loses nothing. Unknown (NaN) where a moment
    of what is held is missing, Σ is not positive semidefinite, or paths < 1 / (1 − confidence).
    Raises InvalidError where shapes do not fit, for degrees of 2 or fewer or NaN, paths < 1,
    confidence outside (0.5, 1).
    """
    check_confidence(confidence)
    size = values.size
    if values.ndim != 1 or mean.shape != (size,) or covariance.shape != (size, size):
        raise InvalidError(
            "simulation: expected values and mean of shape (N,) and a covariance of shape (N, N), "
            f"found {values.shape}, {mean.shape} and {covariance.shape}"
        )
    if not (degrees > 2.0 and paths >= 1):
        raise InvalidError(
            f"simulation: expected more than 2 degrees of freedom and 1 path or more, found "
            f"{degrees} and {paths}"
        )
    held = values != 0.0
    positions, drift = values[held], mean[held]
    sigma = np.ascontiguousarray(covariance[np.ix_(held, held)])
    if not held.any():
        return tail_of_losses(np.zeros(paths), confidence)
    if not (np.isfinite(positions).all() and np.isfinite(drift).all() and np.isfinite(sigma).all()):
        return UNKNOWN_TAIL
    largest = float(sigma.diagonal().max())
    lower = np.zeros_like(sigma)
    if largest > 0.0 or sigma.any():
        lower, positive = cholesky(sigma, RIDGE * largest)
        if not positive:
            return UNKNOWN_TAIL
    # The book is linear: it weighs the factors once, not every path's returns.
    loadings = (lower * positions[:, None]).sum(axis=0)
    spread = rng.standard_normal((paths, positions.size)) @ loadings
    if not math.isinf(degrees):
        spread *= np.sqrt((degrees - 2.0) / rng.chisquare(degrees, paths))
    return tail_of_losses(-(float((positions * drift).sum()) + spread), confidence)
