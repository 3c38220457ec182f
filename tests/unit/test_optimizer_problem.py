"""The portfolio problem: what it means and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.estimates.psd import nearest_psd
from agents.optimizer.problem import PortfolioProblem
from market.errors import ConfigError, DataError

MEANS = np.array([0.002, 0.001, -0.001])
COVARIANCE = np.array([[4e-5, 1e-5, 0.0], [1e-5, 2e-5, -5e-6], [0.0, -5e-6, 3e-5]])


def problem(**changes: object) -> PortfolioProblem:
    settings: dict[str, object] = {
        "expected_returns": MEANS.copy(),
        "covariance": COVARIANCE.copy(),
        "budget": 2,
    }
    return PortfolioProblem(**(settings | changes))  # type: ignore[arg-type]


def test_the_objective_is_risk_times_aversion_minus_return() -> None:
    found = problem(q=0.5).objective((1, 1, 0))
    assert found == pytest.approx(0.5 * (4e-5 + 2e-5 + 2e-5) - 0.003, rel=1e-15)


def test_weights_expected_return_and_variance_are_those_of_the_portfolio() -> None:
    asked = problem()
    weights = asked.weights((1, 0, 1))
    assert weights.tolist() == [0.5, 0.0, 0.5]
    assert asked.expected_return(weights) == pytest.approx(0.0005)
    assert asked.variance(weights) == pytest.approx(0.25 * 7e-5)


def test_the_relative_risk_aversion_is_twice_q_times_the_budget() -> None:
    asked = problem(q=0.7)
    weights = asked.weights((0, 1, 1))
    aversion = 2 * 0.7 * 2
    markowitz = 0.5 * aversion * asked.variance(weights) - asked.expected_return(weights)
    assert asked.objective((0, 1, 1)) == pytest.approx(2 * markowitz)


def test_bits_count_lots_lowest_first() -> None:
    asked = problem(bits_per_asset=2, budget=4)
    assert asked.lots((1, 0, 0, 1, 1, 1)).tolist() == [1.0, 2.0, 3.0]
    assert asked.bits([1, 2, 3]) == (1, 0, 0, 1, 1, 1)
    assert not asked.holds_budget((1, 0, 0, 1, 1, 1))


def test_feasible_states_are_counted_with_and_without_steps() -> None:
    assert problem().feasible_states() == math.comb(3, 2)
    spent = sum(a + b + c == 4 for a in range(4) for b in range(4) for c in range(4))
    assert problem(bits_per_asset=2, budget=4).feasible_states() == spent


@pytest.mark.parametrize("budget", [0, -1, 4])
def test_a_budget_that_cannot_be_spent_is_refused_with_its_range(budget: int) -> None:
    with pytest.raises(ConfigError, match=rf"1 … 3 .* found {budget}"):
        problem(budget=budget)


@pytest.mark.parametrize("q", [-0.1, math.nan, math.inf])
def test_a_risk_aversion_that_is_no_number_or_negative_is_refused(q: float) -> None:
    with pytest.raises(ConfigError, match="q must be"):
        problem(q=q)


def test_estimates_that_are_not_finite_are_refused_with_their_place() -> None:
    holed = COVARIANCE.copy()
    holed[1, 2] = math.nan
    with pytest.raises(DataError, match=r"covariance must be finite, found nan at \[1, 2\]"):
        problem(covariance=holed)
    with pytest.raises(DataError, match=r"expected returns must be finite, found inf at \[0\]"):
        problem(expected_returns=np.array([math.inf, 0.0, 0.0]))


def test_a_covariance_that_is_not_symmetric_is_refused_with_its_place() -> None:
    skew = COVARIANCE.copy()
    skew[0, 1] *= 1.5
    with pytest.raises(DataError, match=r"symmetric, found 1.5e-05 at \[0, 1\] but 1e-05"):
        problem(covariance=skew)


def test_a_covariance_of_another_shape_is_refused() -> None:
    with pytest.raises(DataError, match=r"shape \(3, 3\)"):
        problem(covariance=COVARIANCE[:2, :2].copy())


def test_an_indefinite_covariance_is_refused_and_points_to_the_repair() -> None:
    with pytest.raises(DataError, match="nearest_psd"):
        problem(covariance=COVARIANCE - 2e-5 * np.eye(3))


def test_a_slightly_indefinite_matrix_is_repaired_and_says_so() -> None:
    broken = np.array([[1.0, 1.01], [1.01, 1.0]])
    repaired, warning = nearest_psd(broken)
    assert np.linalg.eigvalsh(repaired).min() >= -1e-15
    assert repaired == pytest.approx(np.full((2, 2), 1.005))
    assert warning is not None
    assert "smallest eigenvalue is -0.01" in warning


def test_a_matrix_far_from_positive_semidefinite_is_refused() -> None:
    with pytest.raises(DataError, match="far from positive semidefinite"):
        nearest_psd(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_a_singular_covariance_is_valid_and_stays_as_it_is() -> None:
    singular = np.full((3, 3), 2e-5)
    same, warning = nearest_psd(singular)
    np.testing.assert_array_equal(same, singular)
    assert warning is None
