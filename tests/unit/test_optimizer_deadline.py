"""A deadline binds the classical answer too."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from agents.optimizer.allocate import Optimizer
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import DeadlinePassed, Stopwatch
from agents.optimizer.variational import VariationalSolver


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


def test_an_answer_whose_last_step_began_in_time_and_ended_late_is_late() -> None:
    problem = hard(8)
    calls: list[float] = []
    settings = VariationalSettings(layers=1)
    VariationalSolver("qaoa-xy", settings, ExactSolver(), calls.append).solve(problem, Stopwatch())
    now, left = [0.0], [len(calls)]

    def slow_at_last(_value: float) -> None:
        left[0] -= 1
        now[0] = 0.0 if left[0] else 61.0

    solver = VariationalSolver("qaoa-xy", settings, ExactSolver(), slow_at_last)
    with pytest.raises(DeadlinePassed, match="no answer within 60 s"):
        solver.solve(problem, Stopwatch(60.0, lambda: now[0]))
    assert left == [0]
