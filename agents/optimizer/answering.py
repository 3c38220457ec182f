"""From shots to an allocation: the best string measured, polished, and compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.allocation import Allocation, allocation_of
from agents.optimizer.encoding import Encoding
from agents.optimizer.honesty import compare, with_distribution
from agents.optimizer.local_search import polish
from agents.optimizer.measuring import Shots, best_measured, measurement_of
from agents.optimizer.settings import VariationalSettings
from market.bars import Floats


class Trained(Protocol):
    """What training leaves behind: its last value, its calls, and the course of the objective."""

    @property
    def value(self) -> float: ...

    @property
    def evaluations(self) -> int: ...

    @property
    def gradients(self) -> int: ...

    @property
    def course(self) -> list[float]: ...


def answer(
    encoding: Encoding,
    settings: VariationalSettings,
    classical: Allocation,
    trained: Trained,
    shots: Shots,
    states: NDArray[np.int64],
    costs: Floats,
    probabilities: Floats,
) -> Allocation:
    """The allocation with its honesty block; `wall_s` is left to the caller.

    states, costs, probabilities: (D,) over all that the circuit reaches; the probabilities are
    those of the simulated state, or the measured frequencies. Raises BudgetNeverHeld.
    """
    problem = encoding.problem
    measurement = measurement_of(encoding, shots, trained.course)
    measured = best_measured(measurement)
    bits = polish(problem, measured) if settings.polish else measured
    allocation = allocation_of(problem, bits, method=encoding.circuit, proven_optimal=False)
    honesty = with_distribution(
        compare(classical, allocation.objective, problem.objective(measured)),
        probabilities,
        encoding.unit * costs,
        encoding.feasible(states),
        int(shots.counts.sum()),
    )
    return replace(
        allocation,
        energy=encoding.unit * trained.value,
        layers=settings.layers,
        evaluations=trained.evaluations,
        gradients=trained.gradients,
        honesty=honesty,
        measurement=measurement,
    )
