"""QAOA and VQE end to end: answers, honesty, warm starts, fallbacks, clusters."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Mapping

import numpy as np
import pytest

from agents.optimizer.allocate import Optimizer
from agents.optimizer.allocation import Allocation, Honesty
from agents.optimizer.encoding import CIRCUITS
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.warm_start import WarmStart
from market.errors import ConfigError, DataError, TransientError
from tests.portfolios import random_problem


def allocate(optimizer: Optimizer, problem: PortfolioProblem) -> Allocation:
    return optimizer.allocate(problem.expected_returns, problem.covariance, problem.budget)


def honesty_of(answer: Allocation) -> Honesty:
    assert answer.honesty is not None
    return answer.honesty


@pytest.mark.parametrize("method", CIRCUITS)
@pytest.mark.parametrize("trainer", ["gradient", "cobyla", "spsa"])
def test_every_circuit_and_trainer_allocates_beside_the_classical_answer(
    method: str, trainer: str
) -> None:
    problem = random_problem(6, 3, seed=11)
    settings = VariationalSettings(layers=2, trainer=trainer)
    answer = allocate(Optimizer(method=method, settings=settings), problem)
    honesty = honesty_of(answer)
    certified = allocate(Optimizer(), problem)
    assert answer.fallback_reason is None
    assert answer.method == method
    assert answer.budget_holds
    assert not answer.proven_optimal
    assert answer.weights.sum() == pytest.approx(1.0)
    assert honesty.classical_objective == certified.objective
    assert honesty.classical_proven
    assert 0.0 <= honesty.gap <= honesty.gap_before_polish
    assert (answer.gradients > 0) == (trainer == "gradient")


@pytest.mark.parametrize("method", ["qaoa-x", "vqe"])
def test_weights_in_steps_are_allocated_by_circuits_that_can_hold_them(method: str) -> None:
    problem = random_problem(3, 4, seed=1, bits_per_asset=2)
    answer = allocate(Optimizer(method=method, bits_per_asset=2), problem)
    assert answer.budget_holds
    assert len(answer.bits) == 6
    assert (answer.weights * 4).tolist() == [int(lots) for lots in answer.weights * 4]


def test_the_xy_mixer_never_misses_the_budget_and_beats_uniform_sampling() -> None:
    problem = random_problem(8, 4, seed=5)
    settings = VariationalSettings(layers=6, cvar_alpha=1.0)
    answer = allocate(Optimizer(method="qaoa-xy", settings=settings), problem)
    honesty = honesty_of(answer)
    assert answer.measurement is not None
    assert answer.measurement.holds_budget.all()
    assert honesty.feasible_probability == pytest.approx(1.0)
    assert honesty.approximation_ratio is not None
    assert honesty.approximation_ratio > 0.8
    assert honesty.uniform_gain is not None
    assert honesty.uniform_gain > 10.0


def test_a_small_tail_trades_the_mean_for_the_optimum() -> None:
    problem = random_problem(10, 5, seed=3)

    def probability(alpha: float) -> float:
        settings = VariationalSettings(layers=4, cvar_alpha=alpha)
        found = honesty_of(allocate(Optimizer(method="qaoa-xy", settings=settings), problem))
        assert found.optimum_probability is not None
        return found.optimum_probability

    assert probability(0.1) > probability(1.0)


def test_the_honesty_block_describes_the_measured_distribution() -> None:
    problem = random_problem(6, 3, seed=11)
    settings = VariationalSettings(layers=1, shots=200_000, cvar_alpha=1.0)
    answer = allocate(Optimizer(method="qaoa-x", settings=settings), problem)
    honesty, measured = honesty_of(answer), answer.measurement
    assert measured is not None
    share = measured.counts / measured.counts.sum()
    kept = measured.holds_budget
    optimal = kept & np.isclose(measured.objectives, honesty.classical_objective, rtol=1e-12)
    assert share[kept].sum() == pytest.approx(honesty.feasible_probability, abs=0.01)
    assert share[optimal].sum() == pytest.approx(honesty.optimum_probability, abs=0.01)
    assert honesty.uniform_gain == pytest.approx((honesty.optimum_probability or 0.0) * 20)
    worst = allocate(Optimizer(q=0.5), random_problem(6, 3, seed=11))
    assert worst.objective <= measured.objectives[kept].min() + 1e-15
    assert honesty.uniform_shots_probability == pytest.approx(1.0)
    assert measured.counts.tolist() == sorted(measured.counts.tolist(), reverse=True)


def test_the_chance_of_uniform_shots_is_told_where_it_is_small() -> None:
    problem = random_problem(10, 5, seed=3)
    settings = VariationalSettings(layers=1, shots=10)
    honesty = honesty_of(allocate(Optimizer(method="qaoa-xy", settings=settings), problem))
    assert honesty.uniform_shots_probability == pytest.approx(1.0 - (1.0 - 1.0 / 252.0) ** 10)


@pytest.mark.parametrize("method", CIRCUITS)
def test_the_same_settings_and_inputs_give_the_same_bits(method: str) -> None:
    problem = random_problem(6, 3, seed=2)
    first, second = (
        allocate(Optimizer(method=method, settings=VariationalSettings(seed=5)), problem)
        for _ in range(2)
    )
    assert first.bits == second.bits
    assert first.energy == second.energy
    assert first.measurement is not None
    assert second.measurement is not None
    assert first.measurement.counts.tolist() == second.measurement.counts.tolist()
    assert first.measurement.course.tolist() == second.measurement.course.tolist()


@pytest.mark.parametrize("method", CIRCUITS)
def test_a_restarted_optimizer_resumes_with_the_same_bits(method: str) -> None:
    first, second = random_problem(6, 3, seed=2), random_problem(6, 3, seed=3)
    through = Optimizer(method=method)
    allocate(through, first)
    journaled = pickle.dumps(dict(through.warm_starts))
    restarted = Optimizer(method=method)
    restarted.resume(pickle.loads(journaled))
    expected, found = allocate(through, second), allocate(restarted, second)
    assert found.bits == expected.bits
    assert found.energy == expected.energy


def test_a_warm_start_needs_a_fraction_of_the_gradients_for_the_same_quality() -> None:
    problem = random_problem(9, 4, seed=6)
    rng = np.random.default_rng(0)
    settings = VariationalSettings(layers=4, cvar_alpha=1.0)
    warm = Optimizer(method="qaoa-xy", settings=settings)
    allocate(warm, problem)
    cold_gradients = warm_gradients = 0
    for _ in range(5):
        means = problem.expected_returns + 2e-5 * rng.normal(size=9)
        cold = Optimizer(method="qaoa-xy", settings=settings)
        fresh = cold.allocate(means, problem.covariance, 4)
        refit = warm.allocate(means, problem.covariance, 4)
        cold_gradients += fresh.gradients
        warm_gradients += refit.gradients
        assert honesty_of(refit).approximation_ratio == pytest.approx(
            honesty_of(fresh).approximation_ratio, abs=0.01
        )
    assert warm_gradients < 0.4 * cold_gradients


def test_a_warm_start_of_a_market_that_turned_around_is_given_up() -> None:
    problem = random_problem(8, 3, seed=6)
    settings = VariationalSettings(layers=3, cvar_alpha=1.0)
    fresh = Optimizer(method="qaoa-xy", settings=settings)
    stale = Optimizer(method="qaoa-xy", settings=settings)
    elsewhere = np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.2])
    stale.resume({6: WarmStart(angles=elsewhere, depth=1.9)})
    found, expected = allocate(stale, problem), allocate(fresh, problem)
    assert found.energy is not None
    assert expected.energy is not None
    assert found.energy <= expected.energy + 1e-3 * abs(expected.energy)


def test_vqe_is_not_held_by_the_basis_state_it_collapsed_onto() -> None:
    problem = random_problem(5, 2, seed=8)
    optimizer = Optimizer(method="vqe", settings=VariationalSettings(cvar_alpha=1.0, polish=False))
    allocate(optimizer, problem)
    reversed_market = optimizer.allocate(-problem.expected_returns * 20, problem.covariance, 2)
    certified = Optimizer().allocate(-problem.expected_returns * 20, problem.covariance, 2)
    assert reversed_market.gradients > 2
    assert reversed_market.objective <= 0.5 * certified.objective


def test_a_late_answer_is_the_classical_one_marked_with_the_deadline() -> None:
    problem = random_problem(6, 3)
    ticks = itertools.count()
    optimizer = Optimizer(method="qaoa-xy", deadline_s=20.0, timer=lambda: float(next(ticks)))
    answer = allocate(optimizer, problem)
    assert answer.fallback_reason == "qaoa-xy: DeadlinePassed: no answer within 20 s"
    assert answer.method == "exact"
    assert answer.proven_optimal
    assert answer.bits == allocate(Optimizer(), problem).bits
    assert not optimizer.warm_starts


class BrokenSolver:
    """A quantum solver that fails as it is told to."""

    method = "qaoa-xy"
    settings = VariationalSettings()

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.warm: dict[int, WarmStart] = {}

    def restore(self, warm: Mapping[int, WarmStart]) -> None:
        self.warm = dict(warm)

    def unpolished(self) -> BrokenSolver:
        return self

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        stopwatch.check()
        assert problem.feasible_states() > 1
        raise self._error


@pytest.mark.parametrize("error", [RuntimeError("out of qubits"), TransientError("queue closed")])
@pytest.mark.parametrize("assets", [6, 24])
def test_any_failure_gives_the_classical_answer_with_the_reason(
    error: Exception, assets: int
) -> None:
    problem = random_problem(assets, 3)
    answer = allocate(Optimizer(method="qaoa-xy", solver=BrokenSolver(error)), problem)
    assert answer.fallback_reason == f"qaoa-xy: {type(error).__name__}: {error}"
    assert answer.bits == allocate(Optimizer(), problem).bits


def test_an_energy_that_is_not_a_number_is_a_fallback() -> None:
    problem = random_problem(6, 3)
    optimizer = Optimizer(method="qaoa-xy", settings=VariationalSettings(layers=1))
    optimizer.resume({2: WarmStart(angles=np.array([np.nan, 0.1]))})
    answer = allocate(optimizer, problem)
    assert answer.fallback_reason is not None
    assert "TrainingFailed: the circuit's energy became nan" in answer.fallback_reason


def test_a_circuit_whose_shots_all_miss_the_budget_is_a_fallback() -> None:
    problem = random_problem(8, 1, seed=1)
    answers = [
        allocate(
            Optimizer(
                method="qaoa-x",
                settings=VariationalSettings(layers=1, shots=1, cvar_alpha=1.0, seed=seed),
            ),
            problem,
        )
        for seed in range(20)
    ]
    missed = [answer for answer in answers if answer.fallback_reason is not None]
    assert missed
    assert all("kept the budget" in str(answer.fallback_reason) for answer in missed)


def test_bad_estimates_are_refused_and_not_fallen_back_on() -> None:
    with pytest.raises(DataError, match="must be finite"):
        Optimizer(method="qaoa-xy").allocate(np.array([np.nan, 0.0]), np.eye(2), 1)
    with pytest.raises(ConfigError, match="budget"):
        Optimizer(method="qaoa-xy").allocate(np.zeros(2), np.eye(2), 3)


def test_where_only_one_selection_keeps_the_budget_nothing_is_trained() -> None:
    answer = allocate(Optimizer(method="qaoa-xy"), random_problem(4, 4))
    assert (answer.method, answer.proven_optimal, answer.gradients) == ("exact", True, 0)


def test_more_assets_than_qubits_are_solved_in_clusters_with_the_polish_apart() -> None:
    problem = random_problem(24, 11, seed=4, q=10.0)
    answer = allocate(Optimizer(method="qaoa-xy", q=10.0), problem)
    honesty = honesty_of(answer)
    assert answer.fallback_reason is None
    assert answer.budget_holds
    assert answer.gradients > 0
    assert 0.0 <= honesty.gap <= honesty.gap_before_polish
    assert honesty.approximation_ratio is not None
    assert 0.0 <= honesty.approximation_ratio <= 1.0, "the mean over the blocks"
    assert honesty.optimum_probability is None
    assert honesty.gap <= 0.01 * abs(honesty.classical_objective)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 0}, "layers must be at least 1, found 0"),
        ({"shots": 0}, "shots must be at least 1"),
        ({"cvar_alpha": 0.0}, r"cvar_alpha must lie in \(0, 1\]"),
        ({"trainer": "gradiant"}, "did you mean 'gradient'"),
        ({"max_qubits": 30}, "max_qubits must be at most 24"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        VariationalSettings(**settings)  # type: ignore[arg-type]
