"""How good probabilities were: scores of forecasts against what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierParts:
    """The Brier score and what it is made of: score = reliability − resolution + uncertainty.

    reliability: how far rates are from what was forecast; 0 is best. resolution: how far rates
    differ between forecasts; more is better. uncertainty: variance of what happened.
    count: forecasts. NaN throughout where there are none.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    count: int

    @property
    def skill(self) -> float:
        """1 − score / uncertainty: above 0 beats forecasting the mean rate; NaN if none varied."""
        return 1.0 - self.score / self.uncertainty if self.uncertainty > 0.0 else np.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityRow:
    """Forecasts from `lowest` to `highest`: how many, their mean, and the rate that came true."""

    lowest: float
    highest: float
    count: int
    forecast: float
    happened: float


def brier_score(probability: Floats, happened: Floats) -> float:
    """Mean squared difference of forecasts and outcomes (0 or 1): 0 is best, 0.25 a coin's.

    For an event and its opposite, half of Brier's own figure (1950, Monthly Weather Review 78,
    equation 2). Pairs with a NaN are left out; NaN where none is left. Raises InvalidError as
    `scored` does.
    """
    p, y = scored(probability, happened)
    return float(np.mean(np.square(p - y))) if p.size else np.nan


def brier_parts(probability: Floats, happened: Floats) -> BrierParts:
    """The Brier score in Murphy's parts (1973, Journal of Applied Meteorology 12, 595-600).

    Exact, as every distinct forecast is a class of its own; meant for a table's few levels.
    """
    p, y = scored(probability, happened)
    if not p.size:
        return BrierParts(
            score=np.nan, reliability=np.nan, resolution=np.nan, uncertainty=np.nan, count=0
        )
    levels, place = np.unique(p, return_inverse=True)
    count = np.bincount(place)
    rate = np.bincount(place, y) / count
    mean = float(y.mean())
    return BrierParts(
        score=brier_score(p, y),
        reliability=float((count * np.square(levels - rate)).sum() / p.size),
        resolution=float((count * np.square(rate - mean)).sum() / p.size),
        uncertainty=mean * (1.0 - mean),
        count=p.size,
    )


def reliability_table(
    probability: Floats, happened: Floats, bins: int = 10
) -> tuple[ReliabilityRow, ...]:
    """Forecasts in `bins` classes of equal width, those that hold any, lowest first."""
    p, y = scored(probability, happened)
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    return tuple(
        ReliabilityRow(
            lowest=float(k / bins),
            highest=float((k + 1) / bins),
            count=int(np.count_nonzero(place == k)),
            forecast=float(p[place == k].mean()),
            happened=float(y[place == k].mean()),
        )
        for k in np.unique(place)
    )


def calibration_error(probability: Floats, happened: Floats, bins: int = 10) -> float:
    """Expected calibration error: mean |forecast − rate| over the classes, by their counts.

    Naeini, Cooper and Hauskrecht 2015 (AAAI). It depends on `bins`; NaN without forecasts.
    """
    rows = reliability_table(probability, happened, bins)
    total = sum(row.count for row in rows)
    missed = sum(row.count * abs(row.forecast - row.happened) for row in rows)
    return missed / total if total else np.nan


def scored(probability: Floats, happened: Floats) -> tuple[Floats, Floats]:
    """The pairs without a NaN, flat. Raises InvalidError where shapes differ, a forecast is not
    in [0, 1] or an outcome is neither 0 nor 1."""
    if probability.shape != happened.shape:
        raise InvalidError(
            f"reliability: expected as many outcomes as forecasts, found {happened.shape} and "
            f"{probability.shape}"
        )
    known: NDArray[np.bool_] = ~(np.isnan(probability) | np.isnan(happened))
    p, y = probability[known], happened[known]
    if ((p < 0.0) | (p > 1.0)).any():
        raise InvalidError(
            f"reliability: expected forecasts from 0 to 1, found {p.min():g} to {p.max():g}"
        )
    if ((y != 0.0) & (y != 1.0)).any():
        raise InvalidError("reliability: expected outcomes of 0 or 1, found others")
    return p, y
