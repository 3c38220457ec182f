"""Clusters: what the circuit chose, what the relaxation had settled, and what polish added."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.optimizer.allocate import Optimizer
from agents.optimizer.allocation import Allocation, allocation_of
from agents.optimizer.clusters import ClusterSolver, whole_lots
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.relaxation import relax
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from tests.portfolios import best_by_brute_force, random_problem


class Worst:
    """Answers every block with its worst selection."""

    method = "worst"

    def __init__(self) -> None:
        self.asked = 0

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        stopwatch.check()
        self.asked += 1
        chosen = max(
            (
                tuple(int(asset in members) for asset in range(problem.assets))
                for members in itertools.combinations(range(problem.assets), problem.budget)
            ),
            key=problem.objective,
        )
        return allocation_of(problem, chosen, method=self.method, proven_optimal=False)


def whole_relaxation() -> PortfolioProblem:
    """Twelve independent assets of risk so small that the relaxation takes whole lots."""
    return PortfolioProblem(
        expected_returns=np.linspace(1.0, 0.0, 12),
        covariance=1e-6 * (np.eye(12) + 0.1),
        budget=6,
        q=0.5,
    )


def test_a_bad_inner_solver_is_not_hidden_by_a_relaxation_that_is_already_whole() -> None:
    problem = whole_relaxation()
    assert np.array_equal(relax(problem).lots, np.round(relax(problem).lots))
    inner = Worst()
    answer = ClusterSolver(inner, ExactSolver(), most_assets=4).solve(problem, Stopwatch())
    assert inner.asked
    assert answer.honesty is not None
    assert answer.honesty.gap_of_relaxation == pytest.approx(0.0, abs=1e-12)
    assert answer.honesty.gap_before_polish > 0.05
    assert answer.honesty.gap == pytest.approx(0.0, abs=1e-12)
    assert answer.honesty.approximation_ratio is None, "the inner solver measured nothing"


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_inner_solver_gives_a_bad_gap_before_polish(seed: int) -> None:
    problem = random_problem(12, 6, seed=seed)
    good = ClusterSolver(ExactSolver(), ExactSolver(), most_assets=5).solve(problem, Stopwatch())
    bad = ClusterSolver(Worst(), ExactSolver(), most_assets=5).solve(problem, Stopwatch())
    assert good.honesty is not None
    assert bad.honesty is not None
    assert bad.honesty.gap_before_polish > good.honesty.gap_before_polish >= good.honesty.gap
    assert bad.honesty.gap_of_relaxation == good.honesty.gap_of_relaxation


def test_where_no_block_has_a_choice_the_answer_is_the_relaxations_and_says_so() -> None:
    means = np.array([1.0, 1.0, 0.9, 0.0, 0.0, 0.0])
    covariance = 1e-6 * np.eye(6)
    for block in (slice(0, 3), slice(3, 6)):
        covariance[block, block] += 9e-6
    problem = PortfolioProblem(expected_returns=means, covariance=covariance, budget=3, q=0.5)
    inner = Worst()
    answer = ClusterSolver(inner, ExactSolver(), most_assets=3).solve(problem, Stopwatch())
    assert inner.asked == 0
    assert answer.method == "relaxation"
    assert answer.honesty is None
    assert answer.selected == (0, 1, 2)
    assert answer.warnings == (
        "no circuit ran: the relaxation spends all or nothing in each of 2 clusters; the answer "
        "is classical, not worst's",
    )


def test_an_answer_in_clusters_says_in_how_many_the_circuit_chose() -> None:
    problem = random_problem(9, 4, seed=2)
    settings = VariationalSettings(layers=2, max_qubits=5, shots=64)
    answer = Optimizer(method="qaoa-xy", settings=settings).allocate(
        problem.expected_returns, problem.covariance, problem.budget
    )
    assert answer.method == "qaoa-xy"
    (note,) = answer.warnings
    assert note.startswith("in clusters of ")
    assert note.endswith(" of them")
    honesty = answer.honesty
    assert honesty is not None
    assert honesty.approximation_ratio is not None
    assert 0.0 <= honesty.approximation_ratio <= 1.0
    assert honesty.uniform_shots_probability is not None
    assert honesty.optimum_probability is honesty.uniform_gain is None
    assert honesty.classical_bound == honesty.classical_objective, "enumeration is a proof"


def test_where_nothing_is_proven_the_relaxations_bound_is_told() -> None:
    problem = random_problem(10, 4, seed=3)
    unproven = ExactSolver(states=1, bits=1)
    answer = ClusterSolver(ExactSolver(), unproven, most_assets=5).solve(problem, Stopwatch())
    honesty = answer.honesty
    assert honesty is not None
    assert not honesty.classical_proven
    assert honesty.classical_bound == relax(problem).bound
    assert honesty.classical_bound <= best_by_brute_force(problem) <= honesty.classical_objective


@given(
    shares=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=8), off=st.integers(-1, 1)
)  # fmt: skip
def test_whole_lots_spend_the_total_within_bounds_and_stay_near(
    shares: list[float], off: int
) -> None:
    total = min(max(round(sum(shares)) + off, 0), 3 * len(shares))
    lots = whole_lots(np.array(shares), total, 3)
    assert lots.sum() == total
    assert ((lots >= 0.0) & (lots <= 3.0) & (lots == np.round(lots))).all()
    assert np.abs(lots - np.array(shares)).max() < 3.0
