"""Laws of the classical solvers, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.optimizer.exact import ExactSolver
from agents.optimizer.local_search import local_search, polish
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.stopwatch import Stopwatch
from tests.portfolios import best_by_brute_force


@st.composite
def problems(draw: st.DrawFn, most_bits: int = 2, most_assets: int = 6) -> PortfolioProblem:
    """Random problems, some with equal assets or none of the risk."""
    assets = draw(st.integers(1, most_assets))
    bits_per_asset = draw(st.integers(1, most_bits))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    factor = rng.normal(size=(assets, draw(st.integers(1, assets))))
    scale = draw(st.sampled_from([1e-5, 1.0, 1e4]))
    return PortfolioProblem(
        expected_returns=scale * rng.normal(size=assets) * draw(st.sampled_from([0.0, 1.0, 10.0])),
        covariance=scale * factor @ factor.T,
        budget=draw(st.integers(1, assets * ((1 << bits_per_asset) - 1))),
        q=draw(st.sampled_from([0.0, 0.5, 3.0])),
        bits_per_asset=bits_per_asset,
    )


@settings(max_examples=150, deadline=None)
@given(problems())
def test_enumeration_finds_what_brute_force_finds(problem: PortfolioProblem) -> None:
    answer = ExactSolver().solve(problem, Stopwatch())
    scale = np.abs(problem.covariance).max() + np.abs(problem.expected_returns).max()
    assert problem.holds_budget(answer.bits)
    assert abs(answer.objective - best_by_brute_force(problem)) <= 1e-11 * scale * problem.budget**2


@settings(max_examples=50, deadline=None)
@given(problems())
def test_the_same_problem_gives_the_same_bits(problem: PortfolioProblem) -> None:
    first, second = (
        ExactSolver().solve(problem, Stopwatch()),
        ExactSolver().solve(problem, Stopwatch()),
    )
    assert first.bits == second.bits
    assert first.objective == second.objective
    assert first.weights.tobytes() == second.weights.tobytes()


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 2**32 - 1))
def test_no_single_move_improves_a_polished_answer(problem: PortfolioProblem, seed: int) -> None:
    rng = np.random.default_rng(seed)
    slots = np.repeat(np.arange(problem.assets), problem.max_lots)
    start = np.bincount(rng.permutation(slots)[: problem.budget], minlength=problem.assets)
    before = problem.objective_of_lots(start.astype(np.float64))
    lots = problem.lots(polish(problem, problem.bits(start.tolist())))
    value = problem.objective_of_lots(lots)
    scale = np.abs(problem.covariance).max() + np.abs(problem.expected_returns).max()
    rounding = 1e-10 * scale * problem.budget**2
    assert value <= before + rounding
    for source, target in itertools.permutations(range(problem.assets), 2):
        if lots[source] > 0 and lots[target] < problem.max_lots:
            moved = lots.copy()
            moved[source] -= 1
            moved[target] += 1
            assert problem.objective_of_lots(moved) >= value - rounding


@settings(max_examples=100, deadline=None)
@given(problems())
def test_local_search_keeps_the_budget_and_never_beats_the_certificate(
    problem: PortfolioProblem,
) -> None:
    found = local_search(problem)
    scale = np.abs(problem.covariance).max() + np.abs(problem.expected_returns).max()
    assert problem.holds_budget(found)
    certified = ExactSolver().solve(problem, Stopwatch()).objective
    assert problem.objective(found) >= certified - 1e-11 * scale * problem.budget**2
