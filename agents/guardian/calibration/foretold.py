"""Forecasts against what happened, gathered in classes: small enough to record, exact to add."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.bars import Floats
from market.conversion import Indices

CLASSES = 10
COUNT, FORECAST, HAPPENED, SQUARED = range(4)
"""Rows of what is gathered: how many, Σ of probabilities, Σ of gains, Σ of squared errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityRow:
    """Forecasts from `lowest` to `highest`: how many, their mean, and the rate that came true."""

    lowest: float
    highest: float
    count: int
    forecast: float
    happened: float


def foretold(probability: Floats, outcome: Floats, leader: Indices, groups: int) -> Floats:
    """(4, G, C) of G agents in C equal classes of probability.

    probability: (T, N) given for each decision before its outcome (T, N) was known, NaN for none.
    leader: (T, N) who carried it. What is NaN in either, or carried by nobody, is left out.
    """
    known = ~np.isnan(probability) & ~np.isnan(outcome) & (leader >= 0) & (leader < groups)
    p, gained, group = probability[known], (outcome[known] > 0.0).astype(np.float64), leader[known]
    place = group * CLASSES + np.minimum((p * CLASSES).astype(np.int64), CLASSES - 1)
    sums = (None, p, gained, np.square(p - gained))
    size = groups * CLASSES
    gathered = [np.bincount(place, weights, minlength=size).astype(np.float64) for weights in sums]
    return np.stack(gathered).reshape(4, groups, CLASSES)


def brier_of(gathered: Floats) -> Floats:
    """(G,) Brier score of what was gathered, 0 is best, 0.25 a coin's; NaN without forecasts.

    For an event and its opposite, half of Brier's own figure (1950, Monthly Weather Review 78,
    equation 2).
    """
    count = gathered[COUNT].sum(axis=1)
    return _ratio(gathered[SQUARED].sum(axis=1), count)


def calibration_error_of(gathered: Floats) -> Floats:
    """(G,) mean |forecast − rate| over the classes by their counts; NaN without forecasts.

    Expected calibration error: Naeini, Cooper and Hauskrecht 2015 (AAAI).
    """
    missed = np.abs(gathered[FORECAST] - gathered[HAPPENED]).sum(axis=1)
    return _ratio(missed, gathered[COUNT].sum(axis=1))


def reliability_of(gathered: Floats, group: int) -> tuple[ReliabilityRow, ...]:
    """One agent's classes that hold any forecast, lowest first."""
    count, forecast, happened, _ = gathered[:, group]
    return tuple(
        ReliabilityRow(
            lowest=k / CLASSES,
            highest=(k + 1) / CLASSES,
            count=int(count[k]),
            forecast=float(forecast[k] / count[k]),
            happened=float(happened[k] / count[k]),
        )
        for k in np.flatnonzero(count).tolist()
    )


def _ratio(part: Floats, whole: Floats) -> Floats:
    ratio: Floats = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0.0)
    return ratio
