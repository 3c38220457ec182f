"""Whether the losses beyond VaR were as many, and as far apart, as they should be.

An exception is a period whose loss exceeded the VaR announced for it; `hits` (T,) is True there.
Statistics are likelihood ratios, asymptotically χ² under a right model; a small p-value speaks
against it. With few expected exceptions (99 %, 250 days: 2.5) the asymptotics are rough and the
power is low: what is not rejected is not proved.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, chdtrc, xlogy

from agents.guardian.measures.tail import check_confidence
from market.errors import InvalidError

Hits = NDArray[np.bool_]

MULTIPLIERS = (3.0, 3.0, 3.0, 3.0, 3.0, 3.40, 3.50, 3.65, 3.75, 3.85, 4.0)
"""By exceptions in 250 days at 99 %, 10 and more alike (Basel Committee 1996, Supervisory framework
for the use of backtesting, table 2)."""
YELLOW, RED = 0.95, 0.9999
"""Cumulative probabilities at which the zones begin (the same, paragraphs on their definition)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """statistic: likelihood ratio, 0 or more. p_value: chance of more than it, by its χ²."""

    statistic: float
    p_value: float


class Zone(StrEnum):
    """Of the Basel traffic light."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficLight:
    """multiplier: of the capital for market risk, 3 to 4. cumulative_probability: of so many
    exceptions or fewer under a right model."""

    zone: Zone
    multiplier: float
    cumulative_probability: float


def kupiec(exceptions: int, observations: int, confidence: float) -> TestResult:
    """Proportion of failures: are there as many exceptions as the confidence promises? χ²(1).

    Two-sided: too few are a fault too (Kupiec 1995, Journal of Derivatives 3). Raises InvalidError
    unless 0 ≤ exceptions ≤ observations, observations ≥ 1, confidence in (0.5, 1).
    """
    _check(exceptions, observations, confidence)
    calm, rate = observations - exceptions, exceptions / observations
    promised = xlogy(calm, confidence) + xlogy(exceptions, 1.0 - confidence)
    found = xlogy(calm, 1.0 - rate) + xlogy(exceptions, rate)
    return _ratio(float(promised), float(found), 1)


def christoffersen_independence(hits: Hits) -> TestResult:
    """Does an exception make another likelier the next period? χ²(1).

    First-order Markov against independence over the T − 1 transitions (Christoffersen 1998,
    International Economic Review 39, section 3.2); 0 log 0 is 0. Without any exception it says
    nothing: 0, with a p-value of 1. Raises InvalidError unless hits are bool of shape (T ≥ 2,).
    """
    _check_hits(hits)
    before, after = hits[:-1], hits[1:]
    n11 = int(np.count_nonzero(before & after))
    n01 = int(np.count_nonzero(after)) - n11
    n10 = int(np.count_nonzero(before)) - n11
    n00 = after.size - n01 - n10 - n11
    alone = _log_likelihood(n00 + n10, n01 + n11)
    return _ratio(alone, _log_likelihood(n00, n01) + _log_likelihood(n10, n11), 1)


def christoffersen_joint(hits: Hits, confidence: float) -> TestResult:
    """Conditional coverage: as many as promised, and independent. χ²(2).

    The sum of `kupiec` over all T periods and of `christoffersen_independence`, as Jorion (2007,
    chapter 6) has it; Christoffersen (1998, section 3.3) leaves the first period out of the
    former. Raises InvalidError as these two.
    """
    _check_hits(hits)
    coverage = kupiec(int(np.count_nonzero(hits)), hits.size, confidence)
    statistic = coverage.statistic + christoffersen_independence(hits).statistic
    return TestResult(statistic=statistic, p_value=float(chdtrc(2, statistic)))


def traffic_light(
    exceptions: int, observations: int = 250, confidence: float = 0.99
) -> TrafficLight:
    """The zone and multiplier of the Basel Committee's framework of 1996.

    Yellow from a cumulative binomial probability of 95 %, red from 99.99 %. The multipliers are
    table 2's for 250 days at 99 %. For other samples the framework gives zones but no factors: here
    the multiplier is that of the first row of the table that is at least as improbable, the
    stricter one. (MAR32 of 2019 has factors of its own, 1.5 to 2, on another base.) Raises
    InvalidError as `kupiec`.
    """
    _check(exceptions, observations, confidence)
    probability = float(bdtr(exceptions, observations, 1.0 - confidence))
    zone = Zone.RED if probability >= RED else Zone.YELLOW if probability >= YELLOW else Zone.GREEN
    rows = [float(bdtr(row, 250, 0.01)) for row in range(len(MULTIPLIERS))]
    row = len(rows) - 1 if zone is Zone.RED else bisect_left(rows, probability * (1.0 - 1e-12))
    return TrafficLight(
        zone=zone,
        multiplier=MULTIPLIERS[0] if zone is Zone.GREEN else MULTIPLIERS[row],
        cumulative_probability=probability,
    )


def _log_likelihood(calm: int, exceptions: int) -> float:
    """Of the best constant rate; 0 for no observation."""
    count = max(calm + exceptions, 1)
    return float(xlogy(calm, calm / count) + xlogy(exceptions, exceptions / count))


def _ratio(restricted: float, free: float, degrees: int) -> TestResult:
    statistic = max(0.0, 2.0 * (free - restricted))
    return TestResult(statistic=statistic, p_value=float(chdtrc(degrees, statistic)))


def _check(exceptions: int, observations: int, confidence: float) -> None:
    check_confidence(confidence)
    if not 0 <= exceptions <= observations or observations < 1:
        raise InvalidError(
            "back-test: expected 1 observation or more and at most as many exceptions, found "
            f"{exceptions} exceptions in {observations} observations"
        )


def _check_hits(hits: Hits) -> None:
    if hits.ndim != 1 or hits.dtype != np.bool_ or hits.size < 2:
        raise InvalidError(
            "back-test: expected hits as booleans of shape (times,), 2 or more, found "
            f"{hits.dtype} of shape {hits.shape}. Compare losses with the VaR announced: "
            "losses > value_at_risk."
        )
