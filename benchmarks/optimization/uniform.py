"""The control of every circuit: as many shots, drawn uniformly from the states it can reach."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from agents.optimizer.allocation import Allocation
from agents.optimizer.answering import answer
from agents.optimizer.encoding import encode
from agents.optimizer.exact import ExactSolver
from agents.optimizer.measuring import draw, generator_for
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch


@dataclass(slots=True)
class Untrained:
    """No training: nothing was called."""

    value: float = float("nan")
    evaluations: int = 0
    gradients: int = 0
    course: list[float] = field(default_factory=list)


class UniformSolver:
    """The best of `settings.shots` uniform draws that keep the budget."""

    method = "uniform"

    def __init__(self, settings: VariationalSettings) -> None:
        self._settings = settings

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        """As the circuits answer, from a distribution that knows nothing."""
        encoding = encode(problem, "qaoa-xy", max_qubits=self._settings.max_qubits)
        states = encoding.states()
        costs = encoding.costs(states)
        even = np.full(states.shape[0], 1.0 / states.shape[0])
        rng = generator_for(problem, self._settings.seed)
        shots = draw(even, states, self._settings.shots, rng)
        classical = ExactSolver().solve(problem, stopwatch)
        return answer(encoding, self._settings, classical, Untrained(), shots, states, costs, even)
