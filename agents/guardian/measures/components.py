"""Which position a book's VaR comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from agents.guardian.measures.tail import check_confidence
from market.bars import Floats
from market.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """A normal VaR and its parts, in the currency of the values.

    total: of the book. marginal: (N,) what one more unit of value in an instrument adds, its sign
    that of a long position. component: (N,) value × marginal; they add up to the total, and one
    that hedges the rest is negative.
    """

    total: float
    marginal: Floats
    component: Floats


def component_value_at_risk(values: Floats, covariance: Floats, confidence: float) -> Components:
    """Euler's allocation of the normal VaR z √(vᵀΣv), without a mean.

    values: (N,) signed, in account currency. covariance: (N, N) of returns over the horizon.
    marginal = z Σv / √(vᵀΣv) (Garman 1996, Risk 9; Jorion 2007, Value at Risk, chapter 7).

    What is not held needs no covariance. Everything is NaN where one of what is held is missing or
    the variance is negative; the marginal of an instrument is NaN where its own is missing, and
    everywhere for a book without risk: there a long and a short both add. Raises InvalidError
    where shapes do not fit or confidence is outside (0.5, 1).
    """
    check_confidence(confidence)
    if values.ndim != 1 or covariance.shape != (values.size, values.size):
        raise InvalidError(
            "components: expected values of shape (N,) and a covariance of shape (N, N), found "
            f"{values.shape} and {covariance.shape}"
        )
    held = values != 0.0
    slope = (covariance[:, held] * values[held]).sum(axis=1)
    variance = float((values[held] * slope[held]).sum())
    if variance == 0.0:
        nothing = np.zeros_like(values)
        return Components(total=0.0, marginal=np.full_like(values, np.nan), component=nothing)
    if not 0.0 < variance < np.inf:
        unknown = np.full_like(values, np.nan)
        return Components(total=np.nan, marginal=unknown, component=unknown)
    deviation = float(np.sqrt(variance))
    marginal = float(ndtri(confidence)) / deviation * slope
    component = np.where(held, values * np.where(held, marginal, 0.0), 0.0)
    total = float(ndtri(confidence)) * deviation
    return Components(total=total, marginal=marginal, component=component)
