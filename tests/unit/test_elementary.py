"""The portable logarithm and squashing function, and the yardstick of random walks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from agents.indicators import random_walk
from agents.indicators.averages import (
    moving_average,
    span_decay,
)
from agents.indicators.elementary import confidence, fill_logarithm, squash
from agents.indicators.oscillators import (
    macd_histogram,
    relative_strength_index,
)
from market.bars import Floats


def logarithm(values: Floats) -> Floats:
    out = np.empty(values.size)
    fill_logarithm(values, out)
    return out


def test_the_logarithm_is_within_two_units_in_the_last_place() -> None:
    rng = np.random.default_rng(5)
    for values in (
        np.exp(rng.uniform(-700.0, 700.0, 20_000)),
        1.0 + rng.uniform(-1e-6, 1e-6, 20_000),
        rng.uniform(0.5, 2.0, 20_000),
    ):
        exact = np.log(values.astype(np.longdouble))
        distance = np.abs(logarithm(values) - exact) / np.spacing(np.abs(exact.astype(float)))
        assert distance.max() <= 2.0
    assert logarithm(np.array([1.0]))[0] == 0.0
    refused = np.array([0.0, -0.0, -1.0, np.nan, np.inf, -np.inf, 5e-324])
    assert np.isnan(logarithm(refused)).all()


@given(st.floats(-50.0, 50.0))
def test_the_squashing_function_is_odd_bounded_and_near_tanh(value: float) -> None:
    assert squash(-value) == -squash(value)
    assert abs(squash(value)) <= 1.0
    assert squash(value) == pytest.approx(math.tanh(value), abs=0.024)
    assert squash(value) <= squash(np.nextafter(value, 100.0)) + 1e-15


def test_confidence_is_how_often_a_normal_variable_comes_out_smaller() -> None:
    for deviations in np.linspace(-5.0, 5.0, 201):
        expected = 2.0 * stats.norm.cdf(deviations) - 1.0
        assert confidence(deviations) == pytest.approx(expected, abs=0.013)
    assert math.isnan(confidence(math.nan))


def test_responses_give_the_deviations_of_a_simulated_random_walk() -> None:
    returns = np.random.default_rng(6).normal(size=(150_000, 2))
    walk = returns.cumsum(axis=0)
    spread = random_walk.difference(
        random_walk.average_response(20, 100), random_walk.average_response(50, 100)
    )
    simulated = moving_average(walk, 20) - moving_average(walk, 50)
    assert random_walk.norm(spread) == pytest.approx(np.nanstd(simulated), rel=0.05)
    fast, slow, signal = (span_decay(span) for span in (12, 26, 9))
    line = random_walk.difference(
        random_walk.exponential_response(fast, 400), random_walk.exponential_response(slow, 400)
    )
    histogram = random_walk.difference(line, random_walk.smoothed(line, signal))
    assert random_walk.norm(histogram) == pytest.approx(np.nanstd(macd_histogram(walk)), rel=0.05)
    strength = random_walk.norm(random_walk.net_strength_response(13.0 / 14.0, 400))
    assert 50.0 * strength == pytest.approx(np.nanstd(relative_strength_index(walk)), rel=0.05)
    assert random_walk.norm(random_walk.return_response(50, 100)) == pytest.approx(math.sqrt(50))
    mean = random_walk.mean([[1.0, 3.0], [3.0, 5.0]])
    assert mean == [2.0, 4.0]
    assert random_walk.norm(random_walk.unit(mean)) == pytest.approx(1.0)
