"""CVaR as a training objective."""

from __future__ import annotations

import numpy as np
import pytest

from agents.optimizer.cvar import TailObjective, annealing
from tests.portfolios import finite_differences

COST = np.array([3.0, -1.0, 2.0, 0.0])
PROBABILITIES = np.array([0.1, 0.2, 0.3, 0.4])


def test_alpha_one_is_the_expectation() -> None:
    value, observable = TailObjective(COST, 1.0)(PROBABILITIES)
    assert value == pytest.approx(PROBABILITIES @ COST)
    np.testing.assert_array_equal(observable, COST)


def test_a_tail_is_the_mean_of_the_cheapest_part_with_its_last_state_split() -> None:
    value, _ = TailObjective(COST, 0.5)(PROBABILITIES)
    assert value == pytest.approx((0.2 * -1.0 + 0.3 * 0.0) / 0.5)
    value, _ = TailObjective(COST, 0.1)(PROBABILITIES)
    assert value == pytest.approx(-1.0)


def test_the_observable_has_the_slope_of_the_tail() -> None:
    objective = TailObjective(COST, 0.35)
    rng = np.random.default_rng(0)
    direction = rng.normal(size=(4, 2))
    direction -= direction.mean(axis=0)

    def value_at(step: np.ndarray) -> float:
        return objective(PROBABILITIES + 0.05 * direction @ step)[0]

    expected = finite_differences(value_at, np.zeros(2))
    _, observable = objective(PROBABILITIES)
    np.testing.assert_allclose(0.05 * direction.T @ observable, expected, atol=1e-8)


def test_once_the_tail_holds_the_optimum_alone_nothing_pulls_any_more() -> None:
    value, observable = TailObjective(COST, 0.1)(np.array([0.0, 0.6, 0.2, 0.2]))
    assert value == -1.0
    assert not observable.any()


def test_alpha_is_annealed_from_one_to_its_target() -> None:
    assert annealing(0.1) == (1.0, 0.5, 0.25, 0.1)
    assert annealing(0.3) == (1.0, 0.5, 0.3)
    assert annealing(1.0) == (1.0,)
