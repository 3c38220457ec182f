"""Circuits through Qiskit's primitives, with qiskit-algorithms as the reference."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_algorithms import QAOA, NumPyMinimumEigensolver, SamplingVQE
from qiskit_algorithms.optimizers import COBYLA

from agents.optimizer.allocate import Optimizer
from agents.optimizer.backends import backend
from agents.optimizer.circuits import circuit_of, cost_operator
from agents.optimizer.cvar import TailObjective
from agents.optimizer.encoding import CIRCUITS, encode
from agents.optimizer.exact import ExactSolver, enumerate_lots
from agents.optimizer.measuring import Shots
from agents.optimizer.primitives import Primitives, PrimitiveSolver, frequencies_of
from agents.optimizer.settings import VariationalSettings
from market.errors import ConfigError
from tests.portfolios import random_problem


class SlowJob:
    """A job in a queue: not done until it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    def result(self) -> object:
        self.cancelled.wait()
        raise ConnectionError("cancelled")

    def cancel(self) -> None:
        self.cancelled.set()


class SlowSampler:
    """A SamplerV2 whose device never gets to the job."""

    def __init__(self) -> None:
        self.jobs: list[SlowJob] = []

    def run(self, *_pubs: object, **_options: object) -> SlowJob:
        self.jobs.append(SlowJob())
        return self.jobs[-1]


class NeverAsked:
    """An EstimatorV2 that must not be asked."""

    def run(self, *_pubs: object) -> object:
        raise AssertionError("the estimator was asked")


def opened(sampler: object, estimator: object = None) -> Callable[[], Primitives]:
    made = Primitives(
        sampler=cast(Any, sampler),
        pass_manager=generate_preset_pass_manager(optimization_level=1),
        estimator=cast(Any, estimator),
    )
    return lambda: made


@pytest.mark.parametrize("trainer", ["gradient", "cobyla"])
def test_a_job_that_waits_in_a_queue_is_cancelled_at_the_deadline(trainer: str) -> None:
    # The clock stands still, so that all of the limit is left to the job, however slow the rest.
    sampler = SlowSampler()
    settings = VariationalSettings(layers=1, trainer=trainer)
    solver = PrimitiveSolver("qaoa-xy", settings, ExactSolver(), opened(sampler))
    problem = random_problem(4, 2)
    optimizer = Optimizer(method="qaoa-xy", solver=solver, deadline_s=0.2, timer=lambda: 0.0)
    answer = optimizer.allocate(problem.expected_returns, problem.covariance, 2)
    assert answer.fallback_reason is not None
    assert "DeadlinePassed: the backend did not answer" in answer.fallback_reason
    assert answer.proven_optimal
    assert [job.cancelled.is_set() for job in sampler.jobs] == [True]


def test_a_backend_that_took_too_long_to_open_is_given_up() -> None:
    now = [0.0]
    ready = opened(SlowSampler())

    def slowly() -> Primitives:
        now[0] = 61.0
        return ready()

    solver = PrimitiveSolver("qaoa-xy", VariationalSettings(), ExactSolver(), slowly)
    problem = random_problem(4, 2)
    optimizer = Optimizer(method="qaoa-xy", solver=solver, deadline_s=60.0, timer=lambda: now[0])
    answer = optimizer.allocate(problem.expected_returns, problem.covariance, 2)
    assert answer.fallback_reason == "qaoa-xy: DeadlinePassed: no answer within 60 s"


def test_an_answer_that_ends_past_the_deadline_is_late_though_every_step_began_in_time() -> None:
    now = [0.0]

    class Slow:
        def run(self, pubs: Any, *, shots: int | None = None) -> Any:
            now[0] = 61.0
            return StatevectorSampler(seed=1).run(pubs, shots=shots)

    solver = PrimitiveSolver("qaoa-xy", VariationalSettings(), ExactSolver(), opened(Slow()))
    problem = random_problem(4, 2)
    optimizer = Optimizer(method="qaoa-xy", solver=solver, deadline_s=60.0, timer=lambda: now[0])
    answer = optimizer.allocate(problem.expected_returns, problem.covariance, 2)
    assert answer.fallback_reason == "qaoa-xy: DeadlinePassed: no answer within 60 s"


def test_what_a_sampler_raises_within_a_deadline_is_the_reason() -> None:
    class Broken:
        def run(self, *_pubs: object, **_options: object) -> object:
            raise ConnectionError("line cut")

    solver = PrimitiveSolver("qaoa-xy", VariationalSettings(), ExactSolver(), opened(Broken()))
    problem = random_problem(4, 2)
    optimizer = Optimizer(method="qaoa-xy", solver=solver, deadline_s=600.0)
    answer = optimizer.allocate(problem.expected_returns, problem.covariance, 2)
    assert answer.fallback_reason == "qaoa-xy: ConnectionError: line cut"


def test_a_circuit_without_the_penalty_is_sampled_and_never_estimated() -> None:
    settings = VariationalSettings(layers=1, trainer="cobyla", cvar_alpha=1.0, shots=64)
    primitives = opened(StatevectorSampler(seed=1), NeverAsked())
    problem = random_problem(3, 1, seed=5)
    for circuit, estimated in (("qaoa-xy", False), ("qaoa-x", True)):
        solver = PrimitiveSolver(circuit, settings, ExactSolver(), primitives)
        answer = Optimizer(method=circuit, solver=solver).allocate(
            problem.expected_returns, problem.covariance, 1
        )
        assert (answer.fallback_reason is not None) == estimated


@pytest.mark.parametrize("backend_name", ["simulator", "statevector"])
@pytest.mark.parametrize("trainer", ["cobyla", "spsa"])
def test_training_by_values_begins_where_the_last_one_ended(
    trainer: str, backend_name: str
) -> None:
    settings = VariationalSettings(layers=2, trainer=trainer, cvar_alpha=1.0)
    problem = random_problem(5, 2, seed=4)
    optimizer = Optimizer(method="qaoa-x", settings=settings, backend=backend_name)
    means, covariance = problem.expected_returns, problem.covariance
    optimizer.allocate(means, covariance, 2)
    (ended,) = optimizer.warm_starts.values()
    resumed = Optimizer(method="qaoa-x", settings=settings, backend=backend_name)
    resumed.resume(optimizer.warm_starts)
    again = resumed.allocate(means, covariance, 2)
    encoding = encode(problem, "qaoa-x")
    costs = encoding.costs(encoding.states())
    simulator = encoding.simulator(2, encoding.states(), costs)
    first = encoding.unit * float(simulator.probabilities(ended.angles) @ costs)
    assert again.measurement is not None
    if trainer == "cobyla":
        assert again.measurement.course[0] == pytest.approx(first, rel=1e-9)
    else:
        assert abs(again.measurement.course[0] - first) < 3.0 * encoding.unit
    assert again.energy is not None
    assert again.energy <= first + 1e-12 or trainer == "spsa"


@pytest.mark.parametrize("circuit", CIRCUITS)
@pytest.mark.parametrize("trainer", ["gradient", "cobyla"])
def test_a_sampler_answers_as_the_simulator_does(circuit: str, trainer: str) -> None:
    problem = random_problem(4, 2, seed=3)
    settings = VariationalSettings(layers=1, trainer=trainer)
    optimizer = Optimizer(method=circuit, settings=settings, backend="statevector")
    answer = optimizer.allocate(problem.expected_returns, problem.covariance, 2)
    assert answer.fallback_reason is None
    assert answer.method == circuit
    assert answer.honesty is not None
    assert answer.honesty.gap == pytest.approx(0.0, abs=1e-15)
    assert answer.measurement is not None
    assert int(answer.measurement.counts.sum()) == settings.shots


def test_sampled_frequencies_are_the_simulated_probabilities() -> None:
    problem = random_problem(5, 2, seed=4)
    shots = VariationalSettings(layers=2, shots=100_000, cvar_alpha=1.0)
    sampled = Optimizer(method="qaoa-xy", settings=shots, backend="statevector")
    simulated = Optimizer(method="qaoa-xy", settings=shots)
    means, covariance = problem.expected_returns, problem.covariance
    found = sampled.allocate(means, covariance, 2).honesty
    expected = simulated.allocate(means, covariance, 2).honesty
    assert found is not None
    assert expected is not None
    assert found.optimum_probability == pytest.approx(expected.optimum_probability, abs=0.01)
    assert found.approximation_ratio == pytest.approx(expected.approximation_ratio, abs=0.01)


def test_an_expectation_is_trained_through_the_estimator() -> None:
    problem = random_problem(3, 1, seed=5)
    settings = VariationalSettings(layers=1, trainer="cobyla", cvar_alpha=1.0)
    optimizer = Optimizer(method="vqe", settings=settings, backend="statevector")
    answer = optimizer.allocate(problem.expected_returns, problem.covariance, 1)
    encoding = encode(problem, "vqe")
    lowest = float(encoding.costs(encoding.states()).min()) * encoding.unit
    assert answer.fallback_reason is None
    assert answer.energy is not None
    assert answer.energy >= lowest - 1e-9


def test_a_backend_that_is_down_gives_the_classical_answer_with_the_reason() -> None:
    def refuse() -> Primitives:
        raise ConnectionError("no route to the quantum computer")

    problem = random_problem(5, 2)
    solver = PrimitiveSolver("qaoa-xy", VariationalSettings(), ExactSolver(), refuse)
    optimizer = Optimizer(method="qaoa-xy", solver=solver)
    answer = optimizer.allocate(problem.expected_returns, problem.covariance, 2)
    assert answer.fallback_reason == "qaoa-xy: ConnectionError: no route to the quantum computer"
    assert answer.proven_optimal


def test_an_unknown_backend_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(ConfigError, match="did you mean 'statevector'"):
        Optimizer(method="vqe", backend="state-vector")
    with pytest.raises(ConfigError, match="unknown backend 'aer:gpu'"):
        backend("aer:gpu")


def test_noise_is_refused_where_it_cannot_be_simulated() -> None:
    with pytest.raises(ConfigError, match="needs the aer backend"):
        backend("statevector", depolarizing=0.01)


def test_noise_on_aer_lets_shots_leave_the_budget() -> None:
    pytest.importorskip("qiskit_aer", reason="qiskit-aer is not installed")
    problem = random_problem(4, 2, seed=3)
    opened = backend("aer", seed=1, depolarizing=0.02)
    solver = PrimitiveSolver("qaoa-xy", VariationalSettings(layers=1), ExactSolver(), opened)
    answer = Optimizer(method="qaoa-xy", solver=solver).allocate(
        problem.expected_returns, problem.covariance, 2
    )
    assert answer.fallback_reason is None
    assert answer.honesty is not None
    assert answer.honesty.feasible_probability is not None
    assert 0.3 < answer.honesty.feasible_probability < 0.999
    assert answer.budget_holds


def test_shots_outside_the_subspace_are_nobodys_frequency() -> None:
    states = np.array([3, 5, 6])
    shots = Shots(states=np.array([0, 3, 6, 7]), counts=np.array([1, 4, 3, 2]))
    np.testing.assert_allclose(frequencies_of(shots, states), [0.4, 0.0, 0.3])


def test_the_ground_state_of_the_cost_operator_is_the_optimum() -> None:
    for problem in (random_problem(5, 2, seed=6), random_problem(2, 3, seed=7, bits_per_asset=2)):
        encoding = encode(problem, "qaoa-x")
        found = NumPyMinimumEigensolver().compute_minimum_eigenvalue(cost_operator(encoding))
        best = problem.objective(enumerate_lots(problem))
        assert encoding.unit * found.eigenvalue.real == pytest.approx(best, abs=1e-12)


def test_reference_qaoa_measures_the_energies_that_the_simulator_computes() -> None:
    encoding = encode(random_problem(3, 1, seed=8), "qaoa-x")
    states = encoding.states()
    costs = encoding.costs(states)
    simulator = encoding.simulator(1, states, costs)
    seen: list[tuple[np.ndarray, float]] = []
    reference = QAOA(
        StatevectorSampler(default_shots=20_000, seed=1),
        COBYLA(maxiter=6),
        reps=1,
        initial_point=np.array([-0.4, 0.3]),
        transpiler=generate_preset_pass_manager(
            optimization_level=1, basis_gates=["rx", "rz", "rzz", "h", "cx"]
        ),
        callback=lambda _count, angles, mean, _data: seen.append((np.array(angles), mean)),
    )
    reference.compute_minimum_eigenvalue(cost_operator(encoding))
    assert len(seen) >= 5
    for angles, mean in seen:
        # The reference takes β before γ.
        probabilities = simulator.probabilities(angles[::-1].copy())
        expected = probabilities @ costs
        spread = np.sqrt(probabilities @ (costs - expected) ** 2)
        assert mean == pytest.approx(expected, abs=5.0 * spread / np.sqrt(20_000))


def test_reference_sampling_vqe_measures_the_tails_that_the_objective_computes() -> None:
    encoding = encode(random_problem(3, 2, seed=9), "vqe")
    states = encoding.states()
    costs = encoding.costs(states)
    simulator = encoding.simulator(1, states, costs)
    objective = TailObjective(costs, 0.25)
    seen: list[tuple[np.ndarray, float]] = []
    reference = SamplingVQE(
        StatevectorSampler(default_shots=50_000, seed=1),
        generate_preset_pass_manager(optimization_level=1).run(circuit_of(encoding, 1)),
        COBYLA(maxiter=8),
        initial_point=np.full(6, 0.7),
        aggregation=0.25,
        callback=lambda _count, angles, mean, _data: seen.append((np.array(angles), mean)),
    )
    reference.compute_minimum_eigenvalue(cost_operator(encoding))
    assert len(seen) >= 5
    for angles, mean in seen:
        expected = objective(simulator.probabilities(angles))[0]
        assert mean == pytest.approx(expected, abs=0.05 * costs.std())
