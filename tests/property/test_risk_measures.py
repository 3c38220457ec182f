"""Laws that every measure of a tail obeys."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.guardian.measures.components import component_value_at_risk
from agents.guardian.measures.cornish_fisher import cornish_fisher_is_valid, cornish_fisher_tail
from agents.guardian.measures.covariance import shrunk_correlation
from agents.guardian.measures.drawdown import drawdown_curve
from agents.guardian.measures.filtered import filtered_historical_tail
from agents.guardian.measures.historical import historical_tail
from agents.guardian.measures.monte_carlo import monte_carlo_tail
from agents.guardian.measures.parametric import normal_tail, student_tail
from agents.guardian.measures.tail import TailRisk
from market.bars import Floats

SEEDS = st.integers(0, 2**32 - 1)
CONFIDENCES = st.sampled_from([0.9, 0.95, 0.975, 0.99])
Measure = Callable[[Floats, float], TailRisk]


def moments(returns: Floats) -> tuple[float, float, float, float]:
    """Mean, deviation, and shape within the domain of Cornish and Fisher."""
    mean, sigma = float(returns.mean()), float(returns.std())
    skewness = float(((returns - mean) ** 3).mean() / sigma**3)
    return mean, sigma, float(np.clip(skewness, -0.5, 0.5)), 2.0


def simulated(returns: Floats, confidence: float) -> TailRisk:
    mean, variance = np.array([returns.mean()]), np.array([[returns.var()]])
    rng = np.random.default_rng(0)
    return monte_carlo_tail(np.ones(1), mean, variance, 4.0, confidence, 500, rng)


MEASURES: list[Measure] = [
    historical_tail,
    lambda returns, confidence: filtered_historical_tail(returns, confidence, taps=20),
    lambda returns, confidence: normal_tail(*moments(returns)[:2], confidence),
    lambda returns, confidence: student_tail(*moments(returns)[:2], 4.0, confidence),
    lambda returns, confidence: cornish_fisher_tail(*moments(returns), confidence),
    simulated,
]
NAMES = ["historical", "filtered", "normal", "student", "cornish-fisher", "simulated"]
every_measure = pytest.mark.parametrize("measure", MEASURES, ids=NAMES)
UNMOVED = [measure for measure, name in zip(MEASURES, NAMES, strict=True) if name != "filtered"]


def returns_of(seed: int) -> Floats:
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(150, 400))
    return 0.01 * rng.standard_t(3, rows) + 0.001 * rng.normal()


@every_measure
@given(seed=SEEDS, confidence=CONFIDENCES)
@settings(max_examples=30, deadline=None)
def test_shortfall_is_never_below_var_and_a_rarer_loss_never_smaller(
    measure: Measure, seed: int, confidence: float
) -> None:
    returns = returns_of(seed)
    found, rarer = measure(returns, confidence), measure(returns, 0.992)
    assert found.expected_shortfall >= found.value_at_risk
    assert rarer.value_at_risk >= found.value_at_risk
    assert rarer.expected_shortfall >= found.expected_shortfall - 1e-12


@every_measure
@given(seed=SEEDS, confidence=CONFIDENCES, scale=st.sampled_from([0.25, 2.0, 1024.0]))
@settings(max_examples=30, deadline=None)
def test_twice_the_book_has_twice_the_risk(
    measure: Measure, seed: int, confidence: float, scale: float
) -> None:
    returns = returns_of(seed)
    once, scaled = measure(returns, confidence), measure(scale * returns, confidence)
    assert scaled.value_at_risk == pytest.approx(scale * once.value_at_risk, rel=1e-9)
    assert scaled.expected_shortfall == pytest.approx(scale * once.expected_shortfall, rel=1e-9)


@pytest.mark.parametrize("measure", UNMOVED)
@given(seed=SEEDS, confidence=CONFIDENCES, gain=st.floats(-0.1, 0.1))
@settings(max_examples=30, deadline=None)
def test_a_sure_gain_lowers_the_risk_by_itself(
    measure: Measure, seed: int, confidence: float, gain: float
) -> None:
    returns = returns_of(seed)
    before, after = measure(returns, confidence), measure(returns + gain, confidence)
    assert after.value_at_risk == pytest.approx(before.value_at_risk - gain, abs=1e-9)
    assert after.expected_shortfall == pytest.approx(before.expected_shortfall - gain, abs=1e-9)


@given(seed=SEEDS, confidence=CONFIDENCES)
@settings(max_examples=50, deadline=None)
def test_the_shortfall_of_two_books_is_at_most_the_sum_of_theirs(
    seed: int, confidence: float
) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.standard_t(3, (2, int(rng.integers(100, 400))))
    together = historical_tail(one + other, confidence).expected_shortfall
    apart = sum(historical_tail(book, confidence).expected_shortfall for book in (one, other))
    assert together <= apart + 1e-9


@given(seed=SEEDS, confidence=CONFIDENCES)
@settings(max_examples=50, deadline=None)
def test_historical_var_does_not_know_the_order_of_days(seed: int, confidence: float) -> None:
    returns = returns_of(seed)
    shuffled = np.random.default_rng(seed).permutation(returns)
    assert historical_tail(shuffled, confidence) == historical_tail(returns, confidence)


@every_measure
@given(seed=SEEDS, place=st.integers(0, 149))
@settings(max_examples=20, deadline=None)
def test_a_missing_return_leaves_the_tail_unknown(measure: Measure, seed: int, place: int) -> None:
    returns = returns_of(seed)
    returns[place] = np.nan
    assert not measure(returns, 0.95).is_known


@given(skewness=st.floats(-3.0, 3.0), excess=st.floats(-1.0, 20.0), confidence=CONFIDENCES)
@settings(max_examples=200, deadline=None)
def test_cornish_fisher_answers_within_its_domain_and_nowhere_else(
    skewness: float, excess: float, confidence: float
) -> None:
    found = cornish_fisher_tail(0.0, 1.0, skewness, excess, confidence)
    assert found.is_known is cornish_fisher_is_valid(skewness, excess)
    assert not found.is_known or found.expected_shortfall >= found.value_at_risk


@given(seed=SEEDS, columns=st.integers(1, 8), confidence=CONFIDENCES)
@settings(max_examples=50, deadline=None)
def test_components_add_up_to_the_total(seed: int, columns: int, confidence: float) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(columns, columns))
    values = rng.normal(size=columns) * (rng.random(columns) < 0.8)
    assume(values.any())
    found = component_value_at_risk(values, factors @ factors.T, confidence)
    assert found.component.sum() == pytest.approx(found.total, rel=1e-9)
    assert found.component == pytest.approx(values * found.marginal)
    assert found.total > 0.0


@given(seed=SEEDS, columns=st.integers(1, 6), gaps=st.sampled_from([0.0, 0.05]))
@settings(max_examples=50, deadline=None)
def test_a_shrunk_correlation_is_a_correlation(seed: int, columns: int, gaps: float) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(4, (60, columns)) + rng.normal(size=(60, 1))
    returns[rng.random(returns.shape) < gaps] = np.nan
    found, intensity = shrunk_correlation(returns)
    assert 0.0 <= intensity <= 1.0
    assert (np.diag(found) == 1.0).all()
    np.testing.assert_array_equal(found, found.T)
    assert np.abs(found).max() <= 1.0
    assert np.linalg.eigvalsh(found).min() > -1e-9


@given(seed=SEEDS)
@settings(max_examples=50, deadline=None)
def test_drawdown_is_zero_at_a_peak_and_does_not_see_the_future(seed: int) -> None:
    rng = np.random.default_rng(seed)
    equity = 100.0 * np.exp(0.05 * rng.normal(size=40).cumsum())
    curve = drawdown_curve(equity, 100.0)
    assert (curve >= 0.0).all()
    peaks = equity >= np.maximum.accumulate(np.concatenate(([100.0], equity)))[1:]
    assert ((curve == 0.0) == peaks).all()
    equity[20:] = 1e6
    np.testing.assert_array_equal(drawdown_curve(equity, 100.0)[:20], curve[:20])
