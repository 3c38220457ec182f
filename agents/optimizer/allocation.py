"""`Allocation`: how capital is divided, how good that is, and what the answer is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.stopwatch import Stopwatch
from market.bars import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Honesty:
    """What a quantum answer is worth beside a classical one. None where it cannot be known.

    approximation_ratio: r = (f_max − ⟨f⟩) / (f_max − f_min) over the feasible states, ⟨f⟩ under
        the final distribution given that the budget holds; 1 is perfect.
    feasible_probability: how much of the distribution keeps the budget.
    optimum_probability: probability that one measurement gives the optimum.
    uniform_gain: that probability times the number of feasible states; uniform sampling of
        them scores 1.
    uniform_shots_probability: chance that as many uniform feasible samples as shots were taken
        hold the optimum. Where it is near 1, having found the optimum proves nothing.
        In clusters the ratio is the mean over blocks and this the chance that uniform shots hold
        every block's optimum, given the rest; the other three are unknown there.
    gap: objective of the answer minus that of the classical one (certified or best known).
    gap_before_polish: the same before any classical improvement of the measured answer.
    gap_of_relaxation: in clusters, the gap of the continuous relaxation rounded to whole lots,
        which splits the budget before any circuit runs.
    classical_bound: no allocation that keeps the budget has a lower objective; the classical one
        itself where it is proven, else the relaxation's bound.
    classical_objective, classical_method, classical_proven, classical_wall_s: that answer.
    """

    classical_objective: float
    classical_method: str
    classical_proven: bool
    classical_wall_s: float
    gap: float
    gap_before_polish: float
    approximation_ratio: float | None = None
    feasible_probability: float | None = None
    optimum_probability: float | None = None
    uniform_gain: float | None = None
    uniform_shots_probability: float | None = None
    gap_of_relaxation: float | None = None
    classical_bound: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What was measured and how training went, for plots and reports.

    bits: (S, n) the distinct bit strings, the most frequent first. counts: (S,) how often.
    objectives: (S,) f of each. holds_budget: (S,).
    course: (E,) the trained objective call by call, in units of f (with the penalty, where the
    circuit needs one).
    """

    bits: NDArray[np.int8]
    counts: NDArray[np.int64]
    objectives: Floats
    holds_budget: NDArray[np.bool_]
    course: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """One answer of the optimizer for N assets.

    weights: (N,) non-negative shares of capital, w = G·x / budget; they sum to 1.
    bits: the measured bit string x, `bits_per_asset` bits an asset, lowest first.
    expected_return, variance: μᵀw and wᵀΣw, per period of the estimates.
    objective: f(x) = q·yᵀΣy − μᵀy at the lots y = G·x.
    method: the solver that gave this answer; after a fallback the classical one.
    proven_optimal: True only where every other answer was ruled out.
    fallback_reason: why the asked method did not answer; None when it did.
    warnings: repairs and doubts that a person should read.
    energy: the final expectation (or CVaR) of the quantum objective, in units of f.
    layers, evaluations, gradients: depth of the circuit; calls of the quantum objective
        without and with a gradient.
    wall_s: seconds this answer took; stays outside every digest.
    budget_holds: whether the lots spend the budget exactly.
    honesty, measurement: set for quantum methods.
    """

    weights: Floats
    bits: tuple[int, ...]
    expected_return: float
    variance: float
    objective: float
    method: str
    proven_optimal: bool
    fallback_reason: str | None = None
    warnings: tuple[str, ...] = ()
    energy: float | None = None
    layers: int = 0
    evaluations: int = 0
    gradients: int = 0
    wall_s: float = 0.0
    budget_holds: bool = True
    honesty: Honesty | None = None
    measurement: Measurement | None = None

    def __post_init__(self) -> None:
        self.weights.flags.writeable = False

    @property
    def selected(self) -> tuple[int, ...]:
        """Indices of the assets that carry weight."""
        return tuple(int(asset) for asset in self.weights.nonzero()[0])


class PortfolioSolver(Protocol):
    """Solves a portfolio problem; the same problem and state give the same bits."""

    @property
    def method(self) -> str:
        """The name under which answers are marked."""
        ...

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        """The best allocation found, with what is known about it.

        Raises DeadlinePassed where the stopwatch runs out first.
        """
        ...


def allocation_of(
    problem: PortfolioProblem, bits: tuple[int, ...], *, method: str, proven_optimal: bool
) -> Allocation:
    """The allocation that a bit string which keeps the budget stands for."""
    weights = problem.weights(bits)
    return Allocation(
        weights=weights,
        bits=bits,
        expected_return=problem.expected_return(weights),
        variance=problem.variance(weights),
        objective=problem.objective(bits),
        method=method,
        proven_optimal=proven_optimal,
        budget_holds=problem.holds_budget(bits),
    )
