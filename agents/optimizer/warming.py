"""Loading, or compiling, what an answer runs, before anybody waits for one or times it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agents.optimizer.allocate import Optimizer
from agents.optimizer.local_search import local_search
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.relaxation import relax

ASSETS = 4


def load_kernels(build: Callable[[], Optimizer]) -> None:
    """Answer a small problem on an optimizer of its own that is thrown away."""
    optimizer = build()
    bits, most = optimizer.bits_per_asset, optimizer.max_qubits
    # Weights in steps are not split, so that fewer assets must do where bits are many.
    assets = ASSETS if bits == 1 or most is None else max(1, min(ASSETS, most // bits))
    problem = PortfolioProblem(
        expected_returns=np.array([3e-4, 1e-4, 2e-4, 0.0])[:assets],
        covariance=1e-5 * np.eye(assets),
        budget=2,
        bits_per_asset=bits,
    )
    optimizer.allocate(problem.expected_returns, problem.covariance, problem.budget)
    relax(problem)
    local_search(problem)
