"""The deflated Sharpe ratio against the paper's own example, and against worthless strategies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from coordinator.sweep.luck import luck_of

DAYS, TRIALS, YEAR = 1250, 100, 250.0
NAN = math.nan


def crashing_returns() -> np.ndarray:
    """Daily returns of the paper's example: Sharpe 2.5 a year, skew −3, kurtosis 10.

    A kurtosis of skew² + 1 is the least there is: two values alone reach it, the lower one with
    the weight p that solves (1 − 2p)² = 9 p (1 − p).
    """
    share = (13.0 - math.sqrt(117.0)) / 26.0
    low = round(share * DAYS)
    shape = np.concatenate((np.full(low, -1.0), np.full(DAYS - low, 1.0)))
    standard = (shape - shape.mean()) / shape.std(ddof=1)
    return 0.01 * (standard + 2.5 / math.sqrt(YEAR))


def ratios_with_variance(variance: float, count: int) -> np.ndarray:
    raw = stats.norm.ppf((np.arange(count) + 0.5) / count)
    return raw / raw.std(ddof=1) * math.sqrt(variance)


def test_the_example_of_the_paper_is_met() -> None:
    luck = luck_of(crashing_returns(), ratios_with_variance(0.5, TRIALS), TRIALS, YEAR)
    assert luck.skew == pytest.approx(-3.0, abs=0.01)
    assert luck.kurtosis == pytest.approx(10.0, abs=0.1)
    assert luck.expected_best / math.sqrt(YEAR) == pytest.approx(0.1132, abs=5e-5)
    assert luck.deflated == pytest.approx(0.9004, abs=5e-4)


def test_the_example_with_46_trials_is_just_confident_as_the_paper_says() -> None:
    luck = luck_of(crashing_returns(), ratios_with_variance(0.5, 46), 46, YEAR)
    assert luck.deflated == pytest.approx(0.9505, abs=1e-3)


def test_one_trial_is_not_deflated() -> None:
    luck = luck_of(crashing_returns(), np.array([2.5]), 1, YEAR)
    assert luck.expected_best == 0.0
    assert luck.deflated == luck.probabilistic


def test_a_trial_that_never_traded_is_still_a_trial() -> None:
    traded = ratios_with_variance(0.5, 50)
    with_idle = luck_of(crashing_returns(), np.append(traded, [NAN] * 50), 100, YEAR)
    without = luck_of(crashing_returns(), traded, 50, YEAR)
    assert with_idle.spread_of_trials == pytest.approx(without.spread_of_trials)
    assert with_idle.deflated < without.deflated


def test_an_account_that_never_moved_has_no_ratio() -> None:
    luck = luck_of(np.zeros(100), np.array([NAN, NAN]), 2, YEAR)
    assert math.isnan(luck.sharpe_ratio)
    assert math.isnan(luck.deflated)
    assert luck.trials == 2


def test_the_best_of_fifty_worthless_strategies_fools_the_plain_ratio_and_not_the_deflated() -> (
    None
):
    rng = np.random.default_rng(20)
    plain, deflated, shown, expected = [], [], [], []
    for _ in range(300):
        returns = 0.01 * rng.standard_normal((50, 400))
        ratios = returns.mean(axis=1) / returns.std(axis=1, ddof=1) * math.sqrt(YEAR)
        luck = luck_of(returns[np.argmax(ratios)], ratios, 50, YEAR)
        plain.append(luck.probabilistic > 0.95)
        deflated.append(luck.deflated > 0.95)
        shown.append(luck.sharpe_ratio)
        expected.append(luck.expected_best)
    assert np.mean(plain) > 0.85, "chosen among fifty, luck looks like skill"
    assert np.mean(deflated) < 0.05
    assert np.mean(shown) == pytest.approx(np.mean(expected), rel=0.03)
