"""The same circuits through Qiskit's primitives: any SamplerV2, simulated, noisy or real."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.allocation import Allocation, PortfolioSolver
from agents.optimizer.answering import Trained, answer
from agents.optimizer.circuits import circuit_of, cost_operator
from agents.optimizer.cvar import TailObjective
from agents.optimizer.derivative_free import minimize_by_values
from agents.optimizer.encoding import Encoding, check_memory, encode
from agents.optimizer.measuring import Shots, generator_for
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.ramp import near_uniform, ramps
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.training import Watch, depth_of
from agents.optimizer.variational import VariationalSolver, in_units_of
from agents.optimizer.waiting import result_within
from agents.optimizer.warm_start import WarmStart, warm_start_of
from market.bars import Floats

if TYPE_CHECKING:
    from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2
    from qiskit.transpiler import PassManager

REMOTE_EVALUATIONS = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Primitives:
    """Where circuits run. pass_manager: turns a circuit into the backend's own gates; without it
    some samplers refuse and others take a hundred times as long. estimator: used, where given,
    for expectations (α = 1) of circuits that carry the penalty; everything else is sampled. On a
    noisy device ⟨C⟩ without a penalty would count states that leave the budget as cheap."""

    sampler: BaseSamplerV2
    pass_manager: PassManager
    estimator: BaseEstimatorV2 | None = None


@dataclass(slots=True)
class RemoteTraining:
    """Training by values measured on the backend; see `answering.Trained`."""

    value: float = np.inf
    evaluations: int = 0
    gradients: int = 0
    course: list[float] = field(default_factory=list)


class PrimitiveSolver:
    """QAOA or VQE on a backend.

    With the trainer "gradient" the angles are trained in the project's simulator and only the
    trained circuit is run; with "cobyla" or "spsa" every evaluation runs on the backend. `open`
    makes the primitives at the first answer, so that a backend that is down fails an answer
    (which the optimizer replaces by the classical one) and not the desk's start. The deadline binds
    the backend too: a job that is late is cancelled and not waited for.
    """

    def __init__(
        self,
        circuit: str,
        settings: VariationalSettings,
        classical: PortfolioSolver,
        open_primitives: Callable[[], Primitives],
        watch: Watch | None = None,
    ) -> None:
        self._simulated = VariationalSolver(circuit, settings, classical, watch)
        self.method = circuit
        self.settings = settings
        self._classical = classical
        self._open = open_primitives
        self._primitives: Primitives | None = None

    @property
    def warm(self) -> Mapping[int, WarmStart]:
        """Warm starts by number of angles."""
        return self._simulated.warm

    def restore(self, warm: Mapping[int, WarmStart]) -> None:
        """Take over the warm starts of another solver."""
        self._simulated.restore(warm)

    def unpolished(self) -> PrimitiveSolver:
        """The same solver, sharing its warm starts, that leaves its answers as measured."""
        settings = replace(self.settings, polish=False)
        plain = PrimitiveSolver(
            self.method, settings, self._classical, self._open, self._simulated.watch
        )
        plain._simulated = self._simulated.unpolished()
        plain._primitives = self._primitives
        return plain

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        """Train, run, compare. Raises what the backend raises, besides what the simulated
        solver does."""
        begun = stopwatch.elapsed_s
        settings = self.settings
        if self._primitives is None:
            self._primitives = self._open()
            stopwatch.check()
        encoding = encode(problem, self.method, max_qubits=settings.max_qubits)
        check_memory(encoding, settings.layers)
        classical = self._classical.solve(problem, stopwatch)
        states = encoding.states()
        costs = encoding.costs(states)
        rng = generator_for(problem, settings.seed)
        runner = CircuitRunner(encoding, settings, self._primitives, stopwatch)
        if settings.trainer == "gradient":
            training = self._simulated.train(encoding, states, costs, rng, stopwatch)[1]
            angles, trained = training.angles, cast(Trained, training)
        else:
            watch = in_units_of(encoding.unit, self._simulated.watch)
            warm = self._simulated.warm.get(runner.angles)
            angles, trained = train_remotely(runner, states, costs, rng, warm, watch)
            self._simulated.warm[runner.angles] = warm_start_of(
                angles, None, depth_of(trained.value, costs)
            )
        shots = runner.measure(angles)
        frequencies = frequencies_of(shots, states)
        allocation = answer(
            encoding, settings, classical, trained, shots, states, costs, frequencies
        )
        stopwatch.check()
        return replace(allocation, wall_s=stopwatch.elapsed_s - begun)


class CircuitRunner:
    """One circuit, transpiled once, run at any angles."""

    def __init__(
        self,
        encoding: Encoding,
        settings: VariationalSettings,
        primitives: Primitives,
        stopwatch: Stopwatch,
    ) -> None:
        ansatz = circuit_of(encoding, settings.layers)
        self.encoding = encoding
        self.settings = settings
        self.angles = ansatz.num_parameters
        self._stopwatch = stopwatch
        self._sampler = primitives.sampler
        self._estimator = primitives.estimator if encoding.penalised else None
        self._measured = primitives.pass_manager.run(ansatz.measure_all(inplace=False))
        if self._estimator is not None:
            self._bare = primitives.pass_manager.run(ansatz)
            self._cost = cost_operator(encoding).apply_layout(self._bare.layout)

    def measure(self, angles: Floats) -> Shots:
        """`settings.shots` measurements. Raises DeadlinePassed for a job that is late."""
        job = self._sampler.run([(self._measured, angles)], shots=self.settings.shots)
        result = result_within(self._stopwatch, job)
        counted = result[0].data.meas.get_int_counts()
        states = np.array(sorted(counted), dtype=np.int64)
        return Shots(states=states, counts=np.array([counted[int(state)] for state in states]))

    def expectation(self, angles: Floats) -> float | None:
        """⟨C⟩ by the estimator; None where there is none, or where it would mislead."""
        if self._estimator is None:
            return None
        job = self._estimator.run([(self._bare, self._cost, angles)])
        result = result_within(self._stopwatch, job)
        return float(result[0].data.evs)


def frequencies_of(shots: Shots, states: NDArray[np.int64]) -> Floats:
    """(D,) share of all shots in each of `states`; noise can put the rest outside them."""
    frequencies = np.zeros(states.shape[0])
    positions = np.searchsorted(states, shots.states)
    inside = positions < states.shape[0]
    inside[inside] = states[positions[inside]] == shots.states[inside]
    frequencies[positions[inside]] = shots.counts[inside]
    return frequencies / int(shots.counts.sum())


def train_remotely(
    runner: CircuitRunner,
    states: NDArray[np.int64],
    costs: Floats,
    rng: np.random.Generator,
    warm: WarmStart | None = None,
    watch: Watch | None = None,
) -> tuple[Floats, RemoteTraining]:
    """COBYLA or SPSA on measured values, from the last angles, a ramp or a near-uniform ansatz."""
    settings, encoding = runner.settings, runner.encoding
    trained = RemoteTraining()
    objective = TailObjective(costs, settings.cvar_alpha)

    def measured(angles: Floats) -> float:
        trained.evaluations += 1
        value = runner.expectation(angles) if settings.cvar_alpha >= 1.0 else None
        if value is None:
            frequencies = frequencies_of(runner.measure(angles), states)
            inside = float(frequencies.sum())
            # Noise can drive every shot out of the subspace; nothing is worse than that.
            value = objective(frequencies / inside)[0] if inside else float(costs.max())
        trained.course.append(value)
        if watch is not None:
            watch(value)
        return value

    if warm is not None:
        start = warm.angles
    elif encoding.circuit == "vqe":
        start = near_uniform(encoding.qubits, settings.layers, 1, rng)[0]
    else:
        candidates = ramps(settings.layers, float(costs.std()))
        start = candidates[len(candidates) // 2]
    trained.value, angles = minimize_by_values(
        measured, start, settings.trainer, settings.seed, evaluations=REMOTE_EVALUATIONS
    )
    return angles, trained
