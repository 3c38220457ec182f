"""The optimizer from estimates to allocation, with the exact method."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from agents.optimizer.allocate import Optimizer
from agents.optimizer.exact import ExactSolver
from agents.optimizer.stopwatch import Stopwatch
from market.errors import ConfigError, DataError
from tests.portfolios import random_problem


def test_the_best_two_of_three_uncorrelated_assets_are_those_of_highest_utility() -> None:
    means = np.array([0.001, 0.003, 0.002])
    answer = Optimizer().allocate(means, np.diag([1e-5, 1e-5, 1e-5]), 2)
    assert answer.weights.tolist() == [0.0, 0.5, 0.5]
    assert answer.bits == (0, 1, 1)
    assert answer.selected == (1, 2)
    assert answer.expected_return == pytest.approx(0.0025)
    assert answer.variance == pytest.approx(0.5e-5)
    assert answer.objective == pytest.approx(0.5 * 2e-5 - 0.005)
    assert answer.method == "exact"
    assert answer.proven_optimal
    assert answer.fallback_reason is None


def test_two_assets_that_move_together_are_not_both_chosen() -> None:
    covariance = 1e-4 * np.array([[1.0, 0.99, 0.0], [0.99, 1.0, 0.0], [0.0, 0.0, 1.0]])
    answer = Optimizer(q=10.0).allocate(np.array([2e-3, 2e-3, 1.9e-3]), covariance, 2)
    assert answer.bits == (1, 0, 1)


def test_among_equals_the_first_assets_are_chosen() -> None:
    answer = Optimizer().allocate(np.zeros(4), np.eye(4), 2)
    assert answer.bits == (1, 1, 0, 0)


def test_the_selection_does_not_depend_on_the_length_of_the_period() -> None:
    rng = np.random.default_rng(1)
    factor = rng.normal(size=(8, 8))
    means, covariance = 1e-3 * rng.normal(size=8), 1e-5 * factor @ factor.T
    daily = Optimizer().allocate(means, covariance, 4)
    yearly = Optimizer().allocate(252 * means, 252 * covariance, 4)
    assert daily.bits == yearly.bits


def test_weights_in_steps_spend_the_budget_in_lots() -> None:
    means = np.array([0.01, 0.001, 0.0])
    answer = Optimizer(bits_per_asset=2).allocate(means, np.diag([1e-3, 1e-3, 1e-3]), 4)
    assert answer.weights.sum() == pytest.approx(1.0)
    assert answer.weights.tolist() == [0.75, 0.25, 0.0]


def test_a_slightly_indefinite_covariance_is_repaired_with_a_warning() -> None:
    covariance = 1e-5 * np.array([[1.0, 1.01, 0.0], [1.01, 1.0, 0.0], [0.0, 0.0, 1.0]])
    answer = Optimizer().allocate(np.array([1e-3, 2e-3, 3e-3]), covariance, 1)
    assert answer.bits == (0, 0, 1)
    assert "repaired" in answer.warnings[0]


def test_a_covariance_that_is_not_quite_symmetric_is_repaired_with_a_warning() -> None:
    means, covariance = np.array([1e-3, 2e-3, 3e-3]), 1e-5 * np.eye(3)
    covariance[0, 1] = 2e-7
    answer = Optimizer().allocate(means, covariance, 1)
    (warning,) = answer.warnings
    assert "repaired to the nearest positive semidefinite matrix: it is not symmetric" in warning
    assert Optimizer().allocate(means, 1e-5 * np.eye(3), 1).warnings == ()
    covariance[0, 1] = 9e-6
    with pytest.raises(DataError, match="it is not symmetric; the nearest valid matrix is"):
        Optimizer().allocate(means, covariance, 1)


def test_a_covariance_that_is_far_from_valid_is_refused() -> None:
    with pytest.raises(DataError, match="far from positive semidefinite"):
        Optimizer().allocate(np.zeros(2), np.array([[1.0, 3.0], [3.0, 1.0]]), 1)


def test_the_inputs_are_left_as_they_were() -> None:
    means, covariance = np.array([1e-3, 2e-3]), np.eye(2)
    Optimizer().allocate(means, covariance, 1)
    means[0], covariance[0, 0] = 5.0, 5.0
    assert means[0] == covariance[0, 0] == 5.0


def test_an_unknown_method_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'exact'"):
        Optimizer(method="exakt")


def test_an_allocation_travels_between_processes() -> None:
    answer = Optimizer().allocate(np.array([1e-3, 2e-3]), np.eye(2), 1)
    copy = pickle.loads(pickle.dumps(answer))
    assert copy.bits == answer.bits
    assert copy.weights.tolist() == answer.weights.tolist()


def test_beyond_every_limit_local_search_answers_and_claims_no_proof() -> None:
    problem = random_problem(12, 6, seed=2)
    certified = ExactSolver().solve(problem, Stopwatch())
    searched = ExactSolver(states=100, bits=10).solve(problem, Stopwatch())
    assert searched.method == "local-search"
    assert not searched.proven_optimal
    assert problem.holds_budget(searched.bits)
    assert certified.proven_optimal
    assert searched.objective >= certified.objective
