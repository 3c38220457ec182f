"""A deadline binds the classical answer too."""

from __future__ import annotations

import itertools

import numpy as np

from agents.optimizer.allocate import Optimizer
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.stopwatch import Stopwatch


def hard(assets: int) -> PortfolioProblem:
    """No returns, three factors: number partitioning, which branch and bound cannot prove."""
    loadings = np.random.default_rng(3).normal(size=(assets, 3))
    covariance = loadings @ loadings.T + 1e-6 * np.eye(assets)
    return PortfolioProblem(
        expected_returns=np.zeros(assets),
        covariance=covariance,
        budget=assets // 2,
        q=0.5,
        bits_per_asset=1,
    )


def test_a_classical_answer_without_time_left_is_local_search_and_not_called_proven() -> None:
    seconds = itertools.count(0.0, 10.0)
    late = Stopwatch(5.0, lambda: next(seconds))
    answer = ExactSolver(states=10).solve(hard(12), late)
    assert answer.method == "local-search"
    assert not answer.proven_optimal
    assert answer.budget_holds


def test_with_time_the_same_problem_goes_to_branch_and_bound() -> None:
    seconds = itertools.count(0.0, 0.001)
    answer = ExactSolver(states=10).solve(hard(8), Stopwatch(60.0, lambda: next(seconds)))
    assert answer.method == "mip"
    assert answer.proven_optimal


def test_a_late_quantum_answer_falls_back_without_another_search_for_a_proof() -> None:
    problem = hard(12)
    seconds = itertools.count(0.0, 10.0)
    answer = Optimizer(method="qaoa-xy", deadline_s=5.0, timer=lambda: next(seconds)).allocate(
        problem.expected_returns, problem.covariance, problem.budget
    )
    assert answer.fallback_reason is not None
    assert "DeadlinePassed" in answer.fallback_reason
    assert answer.budget_holds
