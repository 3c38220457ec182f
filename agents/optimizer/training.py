"""Training a simulated circuit: gradients with L-BFGS or BFGS, COBYLA, SPSA."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agents.optimizer.cvar import TailObjective
from agents.optimizer.derivative_free import minimize_by_values
from agents.optimizer.simulator import Simulator
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.warm_start import WarmStart, warm_start_of
from market.bars import Floats
from market.errors import TransientError

TRAINERS = ("gradient", "cobyla", "spsa")
# Relative change of the objective that ends L-BFGS. Steps of the annealing before the last only
# prepare it: trained further, they cost three times the gradients for the same distribution.
TOLERANCE = 1e-6
PREPARING_TOLERANCE = 1e-3
SLOPE_TOLERANCE = 1e-2


Watch = Callable[[float], None]
"""Told the objective at every call of a circuit in training, so that a person can follow."""


class TrainingFailed(TransientError):
    """The circuit's energy is not a number."""


class Training:
    """One circuit being trained; counts its calls and keeps the course of the objective.

    angles, value: the best found so far under the objective last trained on.
    watch: told the objective call by call.
    """

    def __init__(
        self, simulator: Simulator, cost: Floats, stopwatch: Stopwatch, watch: Watch | None = None
    ) -> None:
        self.angles = np.zeros(simulator.angles)
        self.value = math.inf
        self.curvature: Floats | None = None
        self.reference_depth: float | None = None
        self.evaluations = 0
        self.gradients = 0
        self.course: list[float] = []
        self._simulator = simulator
        self._cost = cost
        self._stopwatch = stopwatch
        self._watch = watch

    @property
    def warm_start(self) -> WarmStart:
        """What the next training of a like circuit can begin with, to the digits that are kept."""
        depth = self.depth if self.reference_depth is None else self.reference_depth
        return warm_start_of(self.angles, self.curvature, depth)

    @property
    def depth(self) -> float:
        """How far the objective lies below the mean cost, in standard deviations of the cost."""
        return depth_of(self.value, self._cost)

    def energy(self, angles: Floats, objective: TailObjective) -> float:
        """The objective, without a gradient. Raises DeadlinePassed or TrainingFailed."""
        self._stopwatch.check()
        value = objective(self._simulator.probabilities(angles))[0]
        self.evaluations += 1
        return self._noted(value)

    def slope(self, angles: Floats, objective: TailObjective) -> tuple[float, Floats]:
        """The objective and its gradient."""
        self._stopwatch.check()
        value, observable = objective(self._simulator.probabilities(angles))
        self.gradients += 1
        return self._noted(value), self._simulator.gradient(observable)

    def _noted(self, value: float) -> float:
        if not math.isfinite(value):
            raise TrainingFailed(f"the circuit's energy became {value}")
        self.course.append(value)
        if self._watch is not None:
            self._watch(value)
        return value

    def descend(self, start: Floats, alpha: float, tolerance: float = TOLERANCE) -> None:
        """L-BFGS from `start` (Byrd, Lu, Nocedal and Zhu 1995)."""
        options = {"maxiter": 500, "ftol": tolerance, "gtol": 1e-9}
        found = self._minimize(start, alpha, "L-BFGS-B", options)
        self.keep(found.x, float(found.fun), found.hess_inv.todense())

    def refine(self, start: WarmStart, alpha: float) -> None:
        """BFGS that begins with the curvature of the last training: a handful of gradients."""
        options: dict[str, Any] = {"gtol": SLOPE_TOLERANCE}
        if start.curvature is not None:
            options["hess_inv0"] = start.curvature
        found = self._minimize(start.angles, alpha, "BFGS", options)
        self.keep(found.x, float(found.fun), found.hess_inv)

    def _minimize(self, start: Floats, alpha: float, method: str, options: dict[str, Any]) -> Any:
        from scipy import optimize  # noqa: PLC0415

        objective = TailObjective(self._cost, alpha)
        # SciPy's stubs ask for fixed one-dimensional shapes that numpy does not infer.
        minimize: Any = optimize.minimize
        return minimize(
            lambda angles: self.slope(angles, objective),
            start,
            jac=True,
            method=method,
            options=options,
        )

    def search(self, start: Floats, alpha: float, trainer: str, seed: int) -> None:
        """COBYLA (SciPy) or SPSA (qiskit-algorithms), from energies alone."""
        objective = TailObjective(self._cost, alpha)
        value, angles = minimize_by_values(
            lambda angles: self.energy(angles, objective), start, trainer, seed
        )
        self.keep(angles, value, None)

    def anneal(self, start: Floats, schedule: Sequence[float], trainer: str, seed: int) -> None:
        """Train by the named trainer through the values of α, each from the last one's angles."""
        self.angles = start
        for step, alpha in enumerate(schedule, start=1):
            if trainer == "gradient":
                last = step == len(schedule)
                self.descend(self.angles, alpha, TOLERANCE if last else PREPARING_TOLERANCE)
            else:
                self.search(self.angles, alpha, trainer, seed)

    def keep(self, angles: Floats, value: float, curvature: Floats | None) -> None:
        """Take these angles as the outcome."""
        self.angles, self.value, self.curvature = angles, value, curvature


def depth_of(value: float, cost: Floats) -> float:
    """How far a value lies below the mean of the costs (D,), in their standard deviations."""
    spread = float(cost.std())
    return (float(cost.mean()) - value) / spread if spread > 0.0 else 0.0
