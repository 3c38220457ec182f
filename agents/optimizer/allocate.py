"""`Optimizer`: from estimates to an allocation, by the method that was configured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from agents.optimizer.allocation import Allocation, PortfolioSolver
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem, check_estimates
from agents.optimizer.psd import nearest_psd
from market.bars import Floats
from market.errors import ConfigError, nearest

METHODS = ("exact",)


class Optimizer:
    """Divides a budget of lots between assets.

    q: risk aversion, see `PortfolioProblem`. method: one of METHODS. bits_per_asset: 1 selects
    assets; more give weights in steps of 1 / budget.

    The same inputs give the same bits. Raises ConfigError for an unknown method.
    """

    def __init__(self, *, q: float = 0.5, method: str = "exact", bits_per_asset: int = 1) -> None:
        self.q = q
        self.method = method
        self.bits_per_asset = bits_per_asset
        self._solver = solver_for(method)

    def allocate(self, expected_returns: Floats, covariance: Floats, budget: int) -> Allocation:
        """The allocation for μ (N,) and Σ (N, N) per period, with Σ lots = budget.

        An indefinite covariance is repaired to the nearest valid one with a warning in the
        answer. Raises DataError for estimates that cannot be used, ConfigError for a budget
        outside 1 … N (or N·max_lots).
        """
        problem, repair = self._problem(expected_returns, covariance, budget)
        allocation = self._solver.solve(problem)
        return replace(allocation, warnings=(*repair, *allocation.warnings))

    def _problem(
        self, expected_returns: Floats, covariance: Floats, budget: int
    ) -> tuple[PortfolioProblem, tuple[str, ...]]:
        means = np.array(expected_returns, dtype=np.float64)
        matrix = np.array(covariance, dtype=np.float64)
        check_estimates(means, matrix)
        matrix, repair = nearest_psd(0.5 * (matrix + matrix.T))
        problem = PortfolioProblem(
            expected_returns=means,
            covariance=matrix,
            budget=budget,
            q=self.q,
            bits_per_asset=self.bits_per_asset,
        )
        return problem, (repair,) if repair else ()


def solver_for(method: str) -> PortfolioSolver:
    """The solver of a method's name."""
    if method == "exact":
        return ExactSolver()
    raise ConfigError(
        f"optimizer: unknown method {method!r}{nearest(method, METHODS)}. "
        f"Expected one of {', '.join(METHODS)}."
    )
