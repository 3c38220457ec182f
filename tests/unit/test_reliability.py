"""Scores of probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from agents.guardian.calibration.reliability import (
    brier_parts,
    brier_score,
    calibration_error,
    reliability_table,
)
from market.bars import Floats
from market.errors import InvalidError

# Ten forecasts of 0.2, two of which came true, and ten of 0.7, eight of which did.
FORECAST = np.repeat([0.2, 0.7], 10)
HAPPENED = np.array([1.0] * 2 + [0.0] * 8 + [1.0] * 8 + [0.0] * 2)


def test_the_parts_of_a_score_worked_by_hand() -> None:
    """Murphy's classes are the two forecasts: rates 0.2 and 0.8 about a mean of 0.5."""
    found = brier_parts(FORECAST, HAPPENED)
    assert found.count == 20
    assert found.reliability == pytest.approx(0.5 * 0.1**2)
    assert found.resolution == pytest.approx(0.3**2)
    assert found.uncertainty == pytest.approx(0.25)
    by_hand = (2 * 0.8**2 + 8 * 0.2**2 + 8 * 0.3**2 + 2 * 0.7**2) / 20
    assert found.score == pytest.approx(by_hand)
    assert found.skill == pytest.approx(1.0 - by_hand / 0.25)


def random_forecasts(seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    forecast = np.round(rng.random(500), 2)
    return forecast, (rng.random(500) < forecast).astype(np.float64)


@pytest.mark.parametrize("seed", range(3))
def test_the_parts_add_up_to_scikit_learns_score(seed: int) -> None:
    forecast, happened = random_forecasts(seed)
    found = brier_parts(forecast, happened)
    assert found.score == pytest.approx(brier_score_loss(happened, forecast))
    total = found.reliability - found.resolution + found.uncertainty
    assert found.score == pytest.approx(total, rel=1e-12)


def test_the_table_is_scikit_learns_reliability_curve() -> None:
    forecast, happened = random_forecasts(9)
    forecast = np.clip(forecast + 0.001, 0.0, 1.0)  # off the edges of the classes
    rows = reliability_table(forecast, happened)
    rates, means = calibration_curve(happened, forecast, n_bins=10)
    np.testing.assert_allclose([row.happened for row in rows], rates)
    np.testing.assert_allclose([row.forecast for row in rows], means)
    assert sum(row.count for row in rows) == 500


def test_the_calibration_error_is_the_mean_distance_of_rate_and_forecast() -> None:
    assert calibration_error(FORECAST, HAPPENED) == pytest.approx(0.5 * 0.0 + 0.5 * 0.1)


def test_a_coin_scores_a_quarter_and_certainty_nothing() -> None:
    happened = np.array([1.0, 0.0, 1.0])
    assert brier_score(np.full(3, 0.5), happened) == 0.25
    assert brier_score(happened, happened) == 0.0


def test_what_is_not_known_is_not_scored() -> None:
    forecast = np.append(FORECAST, [math.nan, 0.9])
    happened = np.append(HAPPENED, [1.0, math.nan])
    assert brier_parts(forecast, happened) == brier_parts(FORECAST, HAPPENED)


def test_without_forecasts_there_is_no_score() -> None:
    nothing = np.full(3, math.nan)
    assert math.isnan(brier_score(nothing, nothing))
    assert math.isnan(brier_parts(nothing, nothing).reliability)
    assert math.isnan(brier_parts(nothing, nothing).skill)
    assert reliability_table(nothing, nothing) == ()
    assert math.isnan(calibration_error(nothing, nothing))


@pytest.mark.parametrize(
    ("forecast", "happened"), [([0.5, 0.5], [1.0]), ([1.1], [1.0]), ([-0.1], [0.0]), ([0.5], [0.3])]
)
def test_what_is_no_forecast_or_no_outcome_is_refused(
    forecast: list[float], happened: list[float]
) -> None:
    with pytest.raises(InvalidError, match="reliability: expected"):
        brier_score(np.array(forecast), np.array(happened))
