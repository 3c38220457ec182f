"""The relaxation's bound, the certificate, and clusters."""

from __future__ import annotations

import numpy as np
import pytest

from agents.optimizer.clusters import clusters, given_the_rest, split_budget
from agents.optimizer.exact import ExactSolver, enumerate_lots
from agents.optimizer.local_search import local_search
from agents.optimizer.mip import certify
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.relaxation import relax
from agents.optimizer.stopwatch import Stopwatch
from tests.portfolios import random_problem


@pytest.mark.parametrize("bits", [1, 2])
def test_the_certificate_is_what_enumeration_finds(bits: int) -> None:
    for seed in range(5):
        problem = random_problem(7, 5, seed=seed, bits_per_asset=bits, q=3.0)
        best = problem.objective(enumerate_lots(problem))
        certificate = certify(problem)
        assert certificate.proven
        assert certificate.bits is not None
        assert problem.holds_budget(certificate.bits)
        assert problem.objective(certificate.bits) == pytest.approx(best, rel=1e-9)


def test_too_many_states_to_enumerate_are_certified_by_branch_and_bound() -> None:
    problem = random_problem(12, 6)
    enumerated = ExactSolver().solve(problem, Stopwatch())
    certified = ExactSolver(states=100).solve(problem, Stopwatch())
    assert (certified.method, certified.proven_optimal) == ("mip", True)
    assert certified.objective == pytest.approx(enumerated.objective, rel=1e-9)


def partition_problem() -> PortfolioProblem:
    """No returns and three factors: as hard as partitioning numbers; local search misses it."""
    factors = np.random.default_rng(0).normal(size=(14, 3))
    return PortfolioProblem(expected_returns=np.zeros(14), covariance=factors @ factors.T, budget=7)


def test_a_branch_and_bound_cut_short_gives_the_best_known_without_proof() -> None:
    problem = partition_problem()
    answer = ExactSolver(states=100, nodes=1).solve(problem, Stopwatch())
    assert (answer.method, answer.proven_optimal) == ("local-search", False)
    assert answer.objective == problem.objective(local_search(problem))


def test_branch_and_bound_finds_what_local_search_misses() -> None:
    problem = partition_problem()
    answer = ExactSolver(states=100).solve(problem, Stopwatch())
    assert answer.proven_optimal
    assert answer.objective < 0.9 * problem.objective(local_search(problem))


def test_the_relaxation_spends_the_budget_and_bounds_every_selection() -> None:
    for seed in range(10):
        problem = random_problem(9, 4, seed=seed, q=20.0)
        relaxed = relax(problem)
        best = problem.objective(enumerate_lots(problem))
        assert relaxed.lots.sum() == pytest.approx(4.0)
        assert relaxed.lots.min() >= 0.0
        assert relaxed.lots.max() <= 1.0
        assert relaxed.bound <= relaxed.objective
        assert relaxed.bound <= best
        assert relaxed.objective == pytest.approx(problem.objective_of_lots(relaxed.lots))
        assert relaxed.objective - relaxed.bound <= 1e-6 * abs(relaxed.objective)


def test_assets_that_move_together_share_a_cluster_of_bounded_size() -> None:
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(500, 3))
    group = np.repeat([0, 1, 2], 4)[rng.permutation(12)]
    returns = factors[:, group] + 0.3 * rng.normal(size=(500, 12))
    found = clusters(np.cov(returns.T), 5)
    assert sorted(asset for block in found for asset in block) == list(range(12))
    assert {frozenset(block) for block in found} == {
        frozenset(np.flatnonzero(group == index).tolist()) for index in range(3)
    }
    assert max(len(block) for block in clusters(np.cov(returns.T), 3)) <= 3


def test_the_budget_is_split_into_whole_parts_near_the_relaxation() -> None:
    problem = random_problem(10, 5, seed=1)
    blocks = [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9]]
    relaxed = relax(problem).lots
    budgets = split_budget(problem, blocks, relaxed)
    assert sum(budgets) == 5
    for block, budget in zip(blocks, budgets, strict=True):
        assert abs(budget - relaxed[block].sum()) < 1.0
        assert 0 <= budget <= len(block)


def test_a_block_given_the_rest_differs_from_the_whole_by_a_constant() -> None:
    problem = random_problem(6, 3, q=4.0)
    lots = np.array([1.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    block = [1, 2, 4]
    part = given_the_rest(problem, block, 1, lots)
    differences = []
    for chosen in range(3):
        trial = lots.copy()
        trial[block] = 0.0
        trial[block[chosen]] = 1.0
        whole = problem.objective_of_lots(trial)
        differences.append(whole - part.objective_of_lots(trial[block]))
    assert np.ptp(differences) == pytest.approx(0.0, abs=1e-15)
