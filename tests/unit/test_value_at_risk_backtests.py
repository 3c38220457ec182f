"""Kupiec, Christoffersen and the Basel traffic light against published numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from agents.guardian.measures import backtests
from agents.guardian.measures.backtests import Hits, Zone
from market.errors import InvalidError

JORION = "Jorion 2007, Value at Risk, 3rd ed., chapter 6"
MATHWORKS = "MathWorks Risk Management Toolbox, varbacktest, Normal95"


def hits_of(calm: int, starts: int, repeats: int) -> Hits:
    """Exceptions with these transitions: none to none, none to one, one to one.

    The first exceptions come in one run, the others alone; the last period has none, so that as
    many runs end as start.
    """
    runs = [[True] * (repeats + 1), *[[True]] * (starts - 1)] if starts else []
    spaced = [False]
    for run in runs:
        spaced += [*run, False]
    return np.array(spaced + [False] * calm)


@pytest.mark.parametrize(
    ("exceptions", "observations", "confidence", "statistic", "printed"),
    [
        pytest.param(20, 252, 0.95, 3.91, 0.005, id=f"J.P. Morgan 1998; {JORION}"),
        # Printed with its further digits cut off.
        pytest.param(6, 252, 0.99, 3.498, 1e-3, id=f"question 10; {JORION}"),
        pytest.param(57, 1043, 0.95, 0.46147, 5e-6, id=f"pof; {MATHWORKS}"),
        pytest.param(0, 250, 0.99, -500.0 * math.log(0.99), 1e-12, id="by independent computation"),
    ],
)
def test_kupiec_is_as_published(
    exceptions: int, observations: int, confidence: float, statistic: float, printed: float
) -> None:
    found = backtests.kupiec(exceptions, observations, confidence)
    assert found.statistic == pytest.approx(statistic, abs=printed)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1), rel=1e-9)


# Kupiec 1995, table 3, as Jorion 2007 prints it in table 6-2: numbers of exceptions strictly
# between these are not rejected at 95 %. For 99 % and 255 days only the upper bound is printed.
NOT_REJECTED = {
    (0.99, 255): (0, 7), (0.99, 510): (1, 11), (0.99, 1000): (4, 17),
    (0.975, 255): (2, 12), (0.975, 510): (6, 21), (0.975, 1000): (15, 36),
    (0.95, 255): (6, 21), (0.95, 510): (16, 36), (0.95, 1000): (37, 65),
    (0.925, 255): (11, 28), (0.925, 510): (27, 51), (0.925, 1000): (59, 92),
    (0.90, 255): (16, 36), (0.90, 510): (38, 65), (0.90, 1000): (81, 120),
}  # fmt: skip


@pytest.mark.parametrize(("confidence", "observations"), NOT_REJECTED)
def test_kupiec_rejects_outside_of_the_published_regions(
    confidence: float, observations: int
) -> None:
    kept = [
        exceptions
        for exceptions in range(observations + 1)
        if backtests.kupiec(exceptions, observations, confidence).p_value > 0.05
    ]
    low, high = NOT_REJECTED[confidence, observations]
    assert kept == list(range(low + 1, high))


@pytest.mark.parametrize(
    ("calm", "starts", "repeats", "statistic", "printed"),
    [
        pytest.param(218, 14, 6, 9.53, 0.005, id=f"J.P. Morgan 1998; {JORION}"),
        pytest.param(244, 2, 4, 25.837, 5e-4, id=f"question 10; {JORION}"),
        pytest.param(932, 53, 4, 0.25866, 5e-6, id=f"cci; {MATHWORKS}"),
    ],
)
def test_independence_is_as_published(
    calm: int, starts: int, repeats: int, statistic: float, printed: float
) -> None:
    # The builder writes one calm period of its own after every run: none of them is counted twice.
    hits = hits_of(calm, starts, repeats)
    assert np.count_nonzero(~hits[:-1] & ~hits[1:]) == calm
    found = backtests.christoffersen_independence(hits)
    assert found.statistic == pytest.approx(statistic, abs=printed)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1), rel=1e-9)


def test_conditional_coverage_is_as_published_by_mathworks() -> None:
    hits = hits_of(932, 53, 4)
    assert hits.size == 1043
    found = backtests.christoffersen_joint(hits, 0.95)
    assert found.statistic == pytest.approx(0.72013, abs=5e-6)
    assert found.p_value == pytest.approx(0.69763, abs=5e-6)


def test_independence_is_the_likelihood_ratio_of_the_transition_table() -> None:
    # G of scipy's contingency table is the same ratio, computed by other people.
    hits = np.random.default_rng(3).random(500) < 0.1
    table = [[np.sum((hits[:-1] == i) & (hits[1:] == j)) for j in (0, 1)] for i in (0, 1)]
    oracle = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    found = backtests.christoffersen_independence(hits)
    assert found.statistic == pytest.approx(oracle.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-9)


def test_clustered_exceptions_are_rejected_where_as_many_spread_ones_are_not() -> None:
    spread, clustered = np.zeros(1000, np.bool_), np.zeros(1000, np.bool_)
    spread[::100] = True
    clustered[500:510] = True
    assert backtests.christoffersen_independence(spread).p_value > 0.5
    assert backtests.christoffersen_independence(clustered).p_value < 1e-6
    assert backtests.kupiec(10, 1000, 0.99).p_value > 0.99
    assert backtests.christoffersen_joint(spread, 0.99).p_value > 0.5
    assert backtests.christoffersen_joint(clustered, 0.99).p_value < 1e-6


def test_no_exception_says_nothing_of_independence_but_too_many_quiet_days_speak_of_coverage() -> (
    None
):
    quiet = np.zeros(1000, np.bool_)
    alone = backtests.christoffersen_independence(quiet)
    assert (alone.statistic, alone.p_value) == (0.0, 1.0)
    assert backtests.christoffersen_joint(quiet, 0.99).p_value < 1e-4


def test_p_values_are_about_uniform_under_the_null() -> None:
    rng = np.random.default_rng(20)
    rounds, found = 1000, []
    for _ in range(rounds):
        hits = rng.random(2000) < 0.1
        found.append(
            (
                backtests.kupiec(int(hits.sum()), hits.size, 0.9).p_value,
                backtests.christoffersen_independence(hits).p_value,
                backtests.christoffersen_joint(hits, 0.9).p_value,
            )
        )
    for p_values in np.array(found).T:
        # Kolmogorov's 0.1 % bound is 1.95/√1000 = 0.062.
        assert stats.kstest(p_values, "uniform").statistic < 0.062


@pytest.mark.parametrize(
    ("exceptions", "zone", "multiplier", "printed_percent"),
    # Basel Committee 1996, Supervisory framework for the use of backtesting, table 2.
    [
        (0, "green", 3.00, 8.11), (1, "green", 3.00, 28.58), (2, "green", 3.00, 54.32),
        (3, "green", 3.00, 75.81), (4, "green", 3.00, 89.22), (5, "yellow", 3.40, 95.88),
        (6, "yellow", 3.50, 98.63), (7, "yellow", 3.65, 99.60), (8, "yellow", 3.75, 99.89),
        (9, "yellow", 3.85, 99.97), (10, "red", 4.00, 99.99), (11, "red", 4.00, 100.00),
        (250, "red", 4.00, 100.00),
    ],
)  # fmt: skip
def test_the_traffic_light_is_the_basel_table(
    exceptions: int, zone: str, multiplier: float, printed_percent: float
) -> None:
    found = backtests.traffic_light(exceptions)
    assert (found.zone, found.multiplier) == (zone, multiplier)
    assert 100.0 * found.cumulative_probability == pytest.approx(printed_percent, abs=0.0101)


@pytest.mark.parametrize(("observations", "confidence"), [(500, 0.99), (1000, 0.99), (250, 0.95)])
def test_zones_of_other_samples_begin_at_95_and_at_9999_per_cent(
    observations: int, confidence: float
) -> None:
    before = 3.0
    for exceptions in range(observations // 5):
        found = backtests.traffic_light(exceptions, observations, confidence)
        cumulative = stats.binom.cdf(exceptions, observations, 1.0 - confidence)
        zone = Zone.GREEN if cumulative < 0.95 else Zone.YELLOW if cumulative < 0.9999 else Zone.RED
        assert found.zone is zone
        assert found.multiplier >= before
        assert (found.multiplier == 3.0) == (zone is Zone.GREEN)
        before = found.multiplier
    assert before == 4.0


@pytest.mark.parametrize(
    ("exceptions", "observations", "confidence"),
    [(-1, 250, 0.99), (251, 250, 0.99), (0, 0, 0.99), (1, 250, 0.01), (1, 250, 1.0)],
)
def test_impossible_counts_and_confidences_are_refused(
    exceptions: int, observations: int, confidence: float
) -> None:
    with pytest.raises(InvalidError, match="found"):
        backtests.kupiec(exceptions, observations, confidence)
    with pytest.raises(InvalidError, match="found"):
        backtests.traffic_light(exceptions, observations, confidence)


@pytest.mark.parametrize("hits", [np.zeros(1, np.bool_), np.zeros((4, 2), np.bool_), np.zeros(10)])
def test_hits_that_are_no_series_of_booleans_are_refused(hits: Hits) -> None:
    with pytest.raises(InvalidError, match="losses > value_at_risk"):
        backtests.christoffersen_joint(hits, 0.99)
