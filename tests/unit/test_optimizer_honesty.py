"""What is said of a quantum answer does not depend on the unit of the objective."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from agents.optimizer.honesty import with_distribution
from tests.portfolios import plain_honesty


@pytest.mark.parametrize("scale", [1e-13, 1e-9, 1.0, 1e4])
def test_the_unit_of_the_objective_does_not_count(scale: float) -> None:
    rng = np.random.default_rng(5)
    costs = rng.normal(size=64)
    probabilities = rng.random(64)
    probabilities /= probabilities.sum()
    feasible = rng.random(64) < 0.5
    told = [
        with_distribution(plain_honesty(), probabilities, unit * costs, feasible, 100)
        for unit in (1.0, scale)
    ]
    assert told[1].optimum_probability == told[0].optimum_probability
    assert told[1].uniform_gain == told[0].uniform_gain
    assert told[1].approximation_ratio == pytest.approx(told[0].approximation_ratio, rel=1e-9)


def test_states_that_tie_within_rounding_all_count_as_the_optimum() -> None:
    costs = np.array([1.0, 1.0 + 1e-15, 2.0, 3.0])
    told = with_distribution(
        plain_honesty(), np.array([0.2, 0.3, 0.4, 0.1]), costs, np.ones(4, dtype=np.bool_), 10
    )
    assert told.optimum_probability == pytest.approx(0.5)
    assert told.uniform_gain == pytest.approx(0.5 * 4 / 2)
    assert dataclasses.asdict(told)["gap"] == 0.0
