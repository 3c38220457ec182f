"""`Optimizer`: from estimates to an allocation, by the method that was configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from agents.estimates.psd import nearest_psd
from agents.optimizer.allocation import Allocation, PortfolioSolver
from agents.optimizer.clusters import ClusterSolver
from agents.optimizer.configured import check_steps
from agents.optimizer.encoding import CIRCUITS
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem, check_estimates
from agents.optimizer.settings import SIMULATOR, VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.training import Watch
from agents.optimizer.variational import QuantumSolver, VariationalSolver
from agents.optimizer.warm_start import WarmStart
from market.bars import Floats
from market.errors import ConfigError, InvalidError, nearest

METHODS = ("exact", *CIRCUITS)
BLOCK_QUBITS = 14


class Optimizer:
    """Divides a budget of lots between assets.

    method: one of METHODS. q: risk aversion, see `PortfolioProblem`. bits_per_asset: 1 selects
    assets; more give weights in steps of 1 / budget. settings: of the quantum methods.
    deadline_s: a quantum answer that takes longer is given up for the classical one; None (as in
    replay) waits. backend: "simulator" (the project's own) or a name that `backends.backend` knows.
    timer: seconds from any origin. solver: in place of the method's own. watch: told the trained
    objective, in units of f, at every call of the circuit; it cannot change the answer.

    The same settings, warm starts and inputs give the same bits. Raises ConfigError for an
    unknown method.
    """

    def __init__(
        self,
        *,
        method: str = "exact",
        q: float = 0.5,
        bits_per_asset: int = 1,
        settings: VariationalSettings | None = None,
        deadline_s: float | None = None,
        backend: str = SIMULATOR,
        timer: Callable[[], float] = time.perf_counter,
        solver: QuantumSolver | None = None,
        watch: Watch | None = None,
    ) -> None:
        if method not in METHODS:
            raise ConfigError(
                f"optimizer: unknown method {method!r}{nearest(method, METHODS)} "
                f"(expected one of {', '.join(METHODS)})"
            )
        self.method = method
        self.q = q
        self.bits_per_asset = bits_per_asset
        self._deadline_s = deadline_s
        self._timer = timer
        self._classical = ExactSolver()
        self._quantum = solver
        if solver is None and method != "exact":
            self._quantum = quantum_solver(
                method, settings or VariationalSettings(), self._classical, backend, watch
            )

    @property
    def max_lots(self) -> int:
        """The most lots that one asset can hold."""
        return int((1 << self.bits_per_asset) - 1)

    @property
    def max_qubits(self) -> int | None:
        """What one circuit holds; None for a classical method."""
        return None if self._quantum is None else self._quantum.settings.max_qubits

    @property
    def warm_starts(self) -> Mapping[int, WarmStart]:
        """What the next quantum answer begins with, by number of angles; journal it to resume
        with the same bits after a restart."""
        return {} if self._quantum is None else dict(self._quantum.warm)

    def resume(self, warm_starts: Mapping[int, WarmStart]) -> None:
        """Continue from the warm starts of an earlier optimizer."""
        if self._quantum is not None:
            self._quantum.restore(warm_starts)

    def allocate(self, expected_returns: Floats, covariance: Floats, budget: int) -> Allocation:
        """The allocation for μ (N,) and Σ (N, N) per period, with Σ lots = budget.

        A covariance that is not symmetric or indefinite is repaired to the nearest valid one with
        a warning in the answer, and refused where that is far. Where the quantum method fails or
        is late, the classical answer comes with `fallback_reason`. Raises DataError for estimates
        that cannot be used, ConfigError for a budget outside 1 … N·max_lots or a problem that the
        circuit cannot hold.
        """
        stopwatch = Stopwatch(self._deadline_s, self._timer)
        problem, repair = self._problem(expected_returns, covariance, budget)
        if self._quantum is None or problem.feasible_states() == 1:
            allocation = self._classical.solve(problem, stopwatch)
        else:
            allocation = self._quantum_or_classical(self._quantum, problem, stopwatch)
        return replace(allocation, warnings=(*repair, *allocation.warnings))

    def _quantum_or_classical(
        self, quantum: QuantumSolver, problem: PortfolioProblem, stopwatch: Stopwatch
    ) -> Allocation:
        warm = dict(quantum.warm)
        solver: PortfolioSolver = quantum
        most = quantum.settings.max_qubits
        check_steps(
            method=self.method,
            bits_per_asset=problem.bits_per_asset,
            assets=problem.assets,
            max_qubits=most,
        )
        if problem.qubits > most:
            most = min(BLOCK_QUBITS, most)
            solver = ClusterSolver(quantum.unpolished(), self._classical, most_assets=most)
        try:
            return solver.solve(problem, stopwatch)
        except InvalidError:
            quantum.restore(warm)
            raise
        except Exception as error:
            # Whatever a simulator or a remote backend throws, the desk needs an answer; the
            # reason travels with it, and the caller raises the alert.
            quantum.restore(warm)
            allocation = self._classical.solve(problem, stopwatch)
            return replace(
                allocation,
                fallback_reason=f"{self.method}: {type(error).__name__}: {error}",
                wall_s=stopwatch.elapsed_s,
            )

    def _problem(
        self, expected_returns: Floats, covariance: Floats, budget: int
    ) -> tuple[PortfolioProblem, tuple[str, ...]]:
        means = np.array(expected_returns, dtype=np.float64)
        matrix = np.array(covariance, dtype=np.float64)
        check_estimates(means, matrix)
        matrix, repair = nearest_psd(matrix)
        problem = PortfolioProblem(
            expected_returns=means,
            covariance=matrix,
            budget=budget,
            q=self.q,
            bits_per_asset=self.bits_per_asset,
        )
        return problem, (repair,) if repair else ()


def quantum_solver(
    method: str,
    settings: VariationalSettings,
    classical: PortfolioSolver,
    backend: str,
    watch: Watch | None = None,
) -> QuantumSolver:
    """The solver of a circuit on a backend. Raises ConfigError for an unknown backend."""
    if backend == SIMULATOR:
        return VariationalSolver(method, settings, classical, watch)
    # Qiskit takes half a second to import, and the simulator never needs it.
    from agents.optimizer import backends, primitives  # noqa: PLC0415

    opened = backends.backend(backend, shots=settings.shots, seed=settings.seed)
    return primitives.PrimitiveSolver(method, settings, classical, opened, watch)
