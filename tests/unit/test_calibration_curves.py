"""Curves from confidence to probability."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.isotonic import IsotonicRegression

from agents.guardian.calibration.curves import (
    isotonic_curve,
    platt_curve,
    pooled,
    wilson_lower,
)
from market.bars import Floats

Z90 = float(special.ndtri(0.90))
Z975 = float(special.ndtri(0.975))


@pytest.mark.parametrize(
    ("wins", "trials", "expected"),
    [(81, 263, 0.2553), (15, 148, 0.0624), (0, 20, 0.0), (1, 29, 0.0061)],
)
def test_wilsons_lower_limit_is_that_of_newcombes_table(
    wins: int, trials: int, expected: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3: two-sided 95 % intervals."""
    found = wilson_lower(np.array([wins / trials]), np.array([float(trials)]), Z975)
    assert found[0] == pytest.approx(expected, abs=5e-5)


def counts(seed: int, bins: int = 30, most: int = 40) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    count = rng.integers(0, most, bins).astype(np.float64)
    wins = rng.binomial(count.astype(np.int64), np.linspace(0.3, 0.7, bins)).astype(np.float64)
    return count, wins


@pytest.mark.parametrize("seed", range(5))
def test_unpooled_the_rising_curve_is_scikit_learns(seed: int) -> None:
    count, wins = counts(seed)
    seen = count > 0.0
    found = isotonic_curve(count, wins, 1.0, 1.0, Z90).probability[seen]
    places = np.arange(len(count))[seen]
    oracle = IsotonicRegression().fit(places, wins[seen] / count[seen], sample_weight=count[seen])
    np.testing.assert_allclose(found, oracle.predict(places), rtol=1e-12)


def test_a_falling_record_is_one_level() -> None:
    found = isotonic_curve(np.full(4, 50.0), np.array([40.0, 30.0, 20.0, 10.0]), 1.0, 10.0, Z90)
    np.testing.assert_allclose(found.probability, 0.5)
    np.testing.assert_allclose(found.lower_bound, wilson_lower(np.array(0.5), np.array(200.0), Z90))


def test_bins_with_few_outcomes_speak_with_their_neighbours() -> None:
    count = np.array([0.0, 3.0, 9.0, 0.0, 12.0, 1.0, 4.0, 0.0])
    assert list(pooled(count, 10.0)) == [0, 0, 0, 1, 1, 1, 1, 1]
    assert list(pooled(count, 100.0)) == [0] * 8
    assert list(pooled(np.array([0.0, 2.0, 0.0, 5.0, 0.0]), 0.0)) == [0, 0, 1, 1, 1]


def test_a_single_lucky_outcome_at_the_top_has_no_step_of_its_own() -> None:
    count = np.array([100.0, 100.0, 1.0])
    found = isotonic_curve(count, np.array([50.0, 50.0, 1.0]), 1.0, 10.0, Z90)
    assert found.probability[2] == found.probability[1] < 0.51


@pytest.mark.parametrize("curve", ["isotonic", "platt"])
def test_outcomes_that_overlap_are_worth_fewer_and_lower_the_bound(curve: str) -> None:
    count, wins = counts(7, most=400)

    def bound(effect: float) -> Floats:
        if curve == "platt":
            places = count * (np.arange(len(count)) + 0.5) / len(count)
            return platt_curve(count, wins, places, effect, Z90).lower_bound
        return isotonic_curve(count, wins, effect, 0.0, Z90).lower_bound

    assert (bound(10.0) < bound(1.0)).all()


def rated(n: Floats, won: Floats) -> Floats:
    """Platt's smoothed targets by the definition, one rate a place."""
    high, low = (won.sum() + 1.0) / (won.sum() + 2.0), 1.0 / ((n - won).sum() + 2.0)
    rates: Floats = (won * high + (n - won) * low) / n
    return rates


@pytest.mark.parametrize("seed", range(3))
def test_platts_curve_minimises_the_cross_entropy_with_his_targets(seed: int) -> None:
    count, wins = counts(seed)
    x = (np.arange(len(count)) + 0.5) / len(count)
    seen = count > 0.0
    target = rated(count[seen], wins[seen])

    def loss(parts: Floats) -> float:
        odds = parts[0] * x[seen] + parts[1]
        return float((count[seen] * (np.logaddexp(0.0, odds) - target * odds)).sum())

    best = optimize.minimize(loss, np.zeros(2), tol=1e-12).x
    found = platt_curve(count, wins, x * count, 1.0, Z90).probability[seen]
    np.testing.assert_allclose(found, special.expit(best[0] * x[seen] + best[1]), atol=1e-6)


def test_platts_curve_claims_nothing_beyond_the_confidences_seen() -> None:
    count = np.array([0.0, 0.0, 50.0, 50.0, 0.0, 0.0])
    wins = np.array([0.0, 0.0, 20.0, 35.0, 0.0, 0.0])
    found = platt_curve(count, wins, count * np.array([0.0, 0.0, 0.4, 0.6, 0.0, 0.0]), 1.0, Z90)
    for part in found:
        assert part[0] == part[1] == part[2] < part[3] == part[4] == part[5]


def test_platts_curve_over_one_confidence_is_its_rate() -> None:
    count, wins = np.array([0.0, 200.0, 0.0]), np.array([0.0, 120.0, 0.0])
    found = platt_curve(count, wins, 0.5 * count, 1.0, Z90)
    error = 1.0 / np.sqrt(200.0 * 0.6 * 0.4)
    smoothed = (120.0 * 121.0 / 122.0 + 80.0 / 82.0) / 200.0
    np.testing.assert_allclose(found.probability, smoothed, rtol=1e-9)
    np.testing.assert_allclose(
        found.lower_bound, special.expit(special.logit(smoothed) - Z90 * error), atol=1e-4
    )
