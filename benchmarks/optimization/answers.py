"""Answers of the optimizer's solvers, cold, with their honesty."""

from __future__ import annotations

from agents.optimizer.allocation import Allocation, Honesty
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.variational import VariationalSolver
from market.errors import DataError


def honest(answer: Allocation) -> Honesty:
    """The honesty block of an answer that did not fall back."""
    if answer.honesty is None:
        raise DataError(f"a classical answer stood in: {answer.fallback_reason}")
    return answer.honesty


def ratio(answer: Allocation) -> float:
    """The approximation ratio r."""
    return honest(answer).approximation_ratio or 0.0


def gain(answer: Allocation) -> float:
    """P(optimum) times the number of states that keep the budget."""
    return honest(answer).uniform_gain or 0.0


def solver(circuit: str = "qaoa-xy", **settings: object) -> VariationalSolver:
    """A solver that has not trained yet."""
    return VariationalSolver(circuit, VariationalSettings(**settings), ExactSolver())  # type: ignore[arg-type]


def solve(problem: PortfolioProblem, circuit: str = "qaoa-xy", **settings: object) -> Allocation:
    """A cold answer."""
    return solver(circuit, **settings).solve(problem, Stopwatch())
