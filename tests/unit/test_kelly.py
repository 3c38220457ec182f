"""Kelly stakes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from agents.guardian.calibration.kelly import (
    StakeReason,
    kelly_fraction_at_risk,
    kelly_fraction_of_capital,
    sized_by_kelly,
)
from agents.guardian.calibration.table import uncalibrated
from tests.calibration import table


def growth(fraction: float, probability: float, gain: float, loss: float) -> float:
    """Mean logarithm of capital after one bet of that fraction of it."""
    won, lost = math.log1p(fraction * gain), math.log1p(-fraction * loss)
    return probability * won + (1.0 - probability) * lost


def test_thorps_biased_coin() -> None:
    """Thorp 2006, example 2.1: even money at p = 0.53 is 6 % of capital and grows by 0.001801."""
    fraction = kelly_fraction_of_capital(0.53, 1.0, 1.0)
    assert fraction == pytest.approx(0.06)
    assert growth(fraction, 0.53, 1.0, 1.0) == pytest.approx(0.001801, abs=5e-7)


@pytest.mark.parametrize("probability", [0.55, 0.75, 0.9, 0.999])
def test_the_gambler_with_a_private_wire_grows_at_the_rate_of_its_channel(
    probability: float,
) -> None:
    """Kelly 1956, section 1: f = p − q, and G = 1 + p·log₂p + q·log₂q, the capacity in bits."""
    q = 1.0 - probability
    fraction = kelly_fraction_of_capital(probability, 1.0, 1.0)
    capacity = 1.0 + probability * math.log2(probability) + q * math.log2(q)
    assert fraction == pytest.approx(probability - q)
    assert growth(fraction, probability, 1.0, 1.0) / math.log(2.0) == pytest.approx(capacity)


@pytest.mark.parametrize(
    ("probability", "odds", "expected"), [(0.5, 2.0, 0.25), (0.4, 2.0, 0.1), (0.6, 0.5, 0.0)]
)
def test_at_odds_the_fraction_is_edge_over_odds(
    probability: float, odds: float, expected: float
) -> None:
    """Thorp 2006, section 2: f = (b·p − q)/b; nothing where that is below zero."""
    assert kelly_fraction_of_capital(probability, odds, 1.0) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("probability", "gain", "loss"), [(0.53, 0.01, 0.01), (0.4, 0.03, 0.01), (0.9, 0.002, 0.01)]
)
def test_no_other_fraction_grows_faster(probability: float, gain: float, loss: float) -> None:
    best = optimize.minimize_scalar(
        lambda fraction: -growth(fraction, probability, gain, loss),
        bounds=(0.0, 0.999 / loss),
        method="bounded",
        options={"xatol": 1e-9},
    )
    found = kelly_fraction_of_capital(probability, gain, loss)
    assert found == pytest.approx(float(best.x), rel=1e-5)


def test_of_capital_and_at_risk_are_different_units() -> None:
    """A bet that wins or loses 1 % at p = 0.53: six times the equity, 6 % of it at risk."""
    assert kelly_fraction_of_capital(0.53, 0.01, 0.01) == pytest.approx(6.0)
    assert kelly_fraction_at_risk(0.53, 0.01, 0.01, 1.0, math.inf) == pytest.approx(0.06)
    assert kelly_fraction_at_risk(0.53, 0.01, 0.01, 0.5, math.inf) == pytest.approx(0.03)
    assert kelly_fraction_at_risk(0.53, 0.01, 0.01, 0.5, 0.02) == 0.02


@pytest.mark.parametrize("bad", [math.nan, -0.1, math.inf, -math.inf])
@pytest.mark.parametrize("place", range(5))
def test_what_is_no_bet_has_no_stake(bad: float, place: int) -> None:
    numbers = [0.6, 0.01, 0.01, 0.5, 0.02]
    numbers[place] = bad
    if (place, bad) not in {(3, math.inf), (4, math.inf)}:
        assert kelly_fraction_at_risk(*numbers) == 0.0
    if place < 3:
        assert kelly_fraction_of_capital(*numbers[:3]) == 0.0


def test_a_stake_follows_the_probability_and_its_cap() -> None:
    free = sized_by_kelly(table(0.56, 0.52), 0, 0.9, 0.5, 0.10)
    assert free.reason == StakeReason.KELLY
    assert (free.at_risk, free.of_capital) == pytest.approx((0.06, 6.0))
    capped = sized_by_kelly(table(0.56, 0.52), 0, 0.9, 0.5, 0.02)
    assert capped.reason == StakeReason.KELLY_CAP
    assert (capped.at_risk, capped.of_capital) == pytest.approx((0.02, 2.0))


@pytest.mark.parametrize(
    ("lower_bound", "payoff_ratio"), [(0.5, 1.0), (0.49, 1.0), (0.39, 1.5), (0.6, 0.66)]
)
def test_an_edge_whose_lower_bound_is_not_above_zero_has_no_stake(
    lower_bound: float, payoff_ratio: float
) -> None:
    found = sized_by_kelly(table(0.75, lower_bound, payoff_ratio=payoff_ratio), 0, 0.9, 0.5, 0.02)
    assert (found.at_risk, found.of_capital, found.reason) == (0.0, 0.0, StakeReason.NO_EDGE)


def test_without_calibration_no_confidence_is_a_win_rate() -> None:
    for confidence in np.linspace(0.0, 1.0, 11):
        found = sized_by_kelly(uncalibrated(1, 4), 0, float(confidence), 0.5, 0.02)
        assert found.at_risk == found.of_capital == 0.0
        assert found.reason == StakeReason.NOT_CALIBRATED


@pytest.mark.parametrize(
    ("group", "confidence", "part", "cap"),
    [
        (-1, 0.5, 0.5, 0.02),
        (1, 0.5, 0.5, 0.02),
        (0, math.nan, 0.5, 0.02),
        (0, math.inf, 0.5, 0.02),
        (0, -0.1, 0.5, 0.02),
        (0, 0.5, math.nan, 0.02),
        (0, 0.5, -0.5, -0.02),
        (0, 0.5, 0.5, 0.0),
    ],
)
def test_a_stake_without_all_its_numbers_is_none(
    group: int, confidence: float, part: float, cap: float
) -> None:
    found = sized_by_kelly(table(0.56, 0.52), group, confidence, part, cap)
    assert (found.at_risk, found.of_capital, found.reason) == (0.0, 0.0, StakeReason.INVALID_INPUT)


@pytest.mark.parametrize("field", ["probability", "lower_bound", "payoff_ratio", "loss"])
def test_a_table_with_a_hole_gives_no_stake(field: str) -> None:
    holed = table(0.56, 0.52)
    getattr(holed, field)[:] = math.nan
    found = sized_by_kelly(holed, 0, 0.5, 0.5, 0.02)
    assert (found.at_risk, found.reason) == (0.0, StakeReason.INVALID_INPUT)


@pytest.mark.parametrize("payoff_ratio", [1.0, 1e300, math.nan])
def test_a_gain_that_is_not_sure_at_all_has_no_stake_whatever_it_would_pay(
    payoff_ratio: float,
) -> None:
    found = sized_by_kelly(table(0.75, 0.0, payoff_ratio=payoff_ratio), 0, 0.9, 0.5, 0.02)
    assert found == (0.0, 0.0, StakeReason.NO_EDGE)


def test_rounding_above_one_is_the_highest_confidence() -> None:
    assert sized_by_kelly(table(0.56, 0.52), 0, 1.0 + 1e-15, 0.5, 0.1).at_risk > 0.0
