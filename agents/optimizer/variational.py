"""The variational solver: a circuit trained in simulation, measured, and compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.allocation import Allocation, PortfolioSolver
from agents.optimizer.answering import answer
from agents.optimizer.cvar import TailObjective, annealing
from agents.optimizer.encoding import Encoding, check_circuit, check_memory, encode
from agents.optimizer.measuring import draw, generator_for
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.ramp import near_uniform, ramps
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.simulator import Simulator
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.training import Training, Watch
from agents.optimizer.warm_start import WarmStart
from market.bars import Floats

KEPT_DEPTH = 0.95


class QuantumSolver(PortfolioSolver, Protocol):
    """A solver that trains a circuit and remembers how.

    warm: warm starts by number of angles.
    """

    @property
    def settings(self) -> VariationalSettings: ...

    @property
    def warm(self) -> Mapping[int, WarmStart]: ...

    def restore(self, warm: Mapping[int, WarmStart]) -> None:
        """Take over the warm starts of another solver."""
        ...

    def unpolished(self) -> PortfolioSolver:
        """The same solver, sharing its warm starts, that leaves its answers as measured."""
        ...


class VariationalSolver:
    """QAOA or VQE on the project's own simulators, with a warm start from the last answer.

    The answer is the best measured string that keeps the budget, improved by swap descent where
    `polish` is set. A warm start is used where a circuit of as many angles was trained before.
    watch: told the objective, in units of f, at every call of the circuit in training.
    """

    def __init__(
        self,
        circuit: str,
        settings: VariationalSettings,
        classical: PortfolioSolver,
        watch: Watch | None = None,
    ) -> None:
        check_circuit(circuit)
        self.method = circuit
        self.settings = settings
        self.warm: dict[int, WarmStart] = {}
        self.watch = watch
        self._classical = classical

    def restore(self, warm: Mapping[int, WarmStart]) -> None:
        """Take over the warm starts of another solver, by number of angles."""
        self.warm = dict(warm)

    def unpolished(self) -> VariationalSolver:
        """The same solver, sharing its warm starts, that leaves its answers as measured."""
        plain = VariationalSolver(
            self.method, replace(self.settings, polish=False), self._classical, self.watch
        )
        plain.warm = self.warm
        return plain

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        """Train, measure, compare. Raises ConfigError for a problem that does not fit,
        DeadlinePassed, TrainingFailed, or BudgetNeverHeld."""
        begun = stopwatch.elapsed_s
        settings = self.settings
        encoding = encode(problem, self.method, max_qubits=settings.max_qubits)
        check_memory(encoding, settings.layers)
        classical = self._classical.solve(problem, stopwatch)
        states = encoding.states()
        costs = encoding.costs(states)
        rng = generator_for(problem, settings.seed)
        simulator, training = self.train(encoding, states, costs, rng, stopwatch)
        probabilities = simulator.probabilities(training.angles)
        shots = draw(probabilities, states, settings.shots, rng)
        allocation = answer(
            encoding, settings, classical, training, shots, states, costs, probabilities
        )
        stopwatch.check()
        return replace(allocation, wall_s=stopwatch.elapsed_s - begun)

    def train(
        self,
        encoding: Encoding,
        states: NDArray[np.int64],
        costs: Floats,
        rng: np.random.Generator,
        stopwatch: Stopwatch,
    ) -> tuple[Simulator, Training]:
        """The simulated circuit and its training, which becomes the next warm start."""
        settings = self.settings
        simulator = encoding.simulator(settings.layers, states, costs)
        training = Training(simulator, costs, stopwatch, in_units_of(encoding.unit, self.watch))
        warm = self.warm.get(simulator.angles)
        if encoding.circuit == "vqe":
            starts = near_uniform(encoding.qubits, settings.layers, settings.starts, rng)
            train_ansatz(training, starts, warm, settings)
        else:
            train_layers(training, costs, warm, settings)
        self.warm[simulator.angles] = training.warm_start
        return simulator, training


def in_units_of(unit: float, watch: Watch | None) -> Watch | None:
    """The same watch for values at unit size."""
    return None if watch is None else lambda value: watch(unit * value)


def train_layers(
    training: Training, costs: Floats, warm: WarmStart | None, settings: VariationalSettings
) -> None:
    """QAOA: from the last angles, or from the best of nine ramps with α annealed."""
    alpha = settings.cvar_alpha
    if warm is not None:
        again(training, warm, settings)
        # The market can move the old valley up: then it is left, and training begins afresh.
        if training.depth >= KEPT_DEPTH * warm.depth:
            training.reference_depth = warm.depth
            return
    expectation = TailObjective(costs, 1.0)
    candidates = ramps(settings.layers, float(costs.std()))
    energies = [training.energy(candidate, expectation) for candidate in candidates]
    best = candidates[int(np.argmin(energies))]
    training.anneal(best, annealing(alpha), settings.trainer, settings.seed)


def again(training: Training, warm: WarmStart, settings: VariationalSettings) -> None:
    """Train from the last angles; by values alone where the trainer takes no gradients."""
    if settings.trainer == "gradient":
        training.refine(warm, settings.cvar_alpha)
    else:
        training.search(warm.angles, settings.cvar_alpha, settings.trainer, settings.seed)


def train_ansatz(
    training: Training,
    starts: list[Floats],
    warm: WarmStart | None,
    settings: VariationalSettings,
) -> None:
    """VQE: the best of several starts, the last angles among them.

    At α = 1 the ansatz collapses onto one basis state, where every slope vanishes: last
    rebalance's state would be this one's whatever the market did. So a fresh start always runs
    beside the warm one.
    """
    found: list[tuple[float, Floats, Floats | None]] = []
    if warm is not None:
        again(training, warm, settings)
        found.append((training.value, training.angles, training.curvature))
        starts = starts[:1]
    for index, start in enumerate(starts):
        schedule = (settings.cvar_alpha,)
        training.anneal(start, schedule, settings.trainer, settings.seed + index)
        found.append((training.value, training.angles, training.curvature))
    value, angles, curvature = min(found, key=lambda entry: entry[0])
    training.keep(angles, value, curvature)
