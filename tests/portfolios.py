"""Random portfolio problems for the optimizer's tests."""

from __future__ import annotations

import itertools

import numpy as np

from agents.optimizer.allocation import Honesty
from agents.optimizer.problem import PortfolioProblem
from market.bars import Floats


def random_problem(
    assets: int, budget: int, *, seed: int = 0, bits_per_asset: int = 1, q: float = 0.5
) -> PortfolioProblem:
    """Returns and risks of the size of daily stock returns, one common factor."""
    rng = np.random.default_rng(seed)
    factor = 0.01 * rng.uniform(0.5, 1.5, assets)
    own = 0.01 * rng.uniform(0.5, 2.0, assets)
    return PortfolioProblem(
        expected_returns=0.001 * rng.normal(size=assets),
        covariance=np.outer(factor, factor) + np.diag(own**2),
        budget=budget,
        q=q,
        bits_per_asset=bits_per_asset,
    )


def all_bits(qubits: int) -> list[tuple[int, ...]]:
    """Every bit string, as integers count them: bit 0 first and fastest."""
    return [bits[::-1] for bits in itertools.product((0, 1), repeat=qubits)]


def best_by_brute_force(problem: PortfolioProblem) -> float:
    """The lowest objective over every lot vector that keeps the budget."""
    return min(
        problem.objective_of_lots(np.array(lots, dtype=np.float64))
        for lots in itertools.product(range(problem.max_lots + 1), repeat=problem.assets)
        if sum(lots) == problem.budget
    )


def finite_differences(function: object, at: Floats, step: float = 1e-5) -> Floats:
    """Central differences of a function of a vector."""
    slopes = np.empty_like(at)
    for index in range(at.shape[0]):
        shift = np.zeros_like(at)
        shift[index] = step
        slopes[index] = (function(at + shift) - function(at - shift)) / (2.0 * step)  # type: ignore[operator]
    return slopes


def plain_honesty() -> Honesty:
    """A comparison with a classical answer of the same objective; nothing measured yet."""
    return Honesty(
        classical_objective=1.0,
        classical_method="exact",
        classical_proven=True,
        classical_wall_s=0.0,
        gap=0.0,
        gap_before_polish=0.0,
    )
