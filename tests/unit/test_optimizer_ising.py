"""The problem as bits, as spins, and with a penalty."""

from __future__ import annotations

import numpy as np
import pytest

from agents.optimizer.encoding import encode, ring_placement
from agents.optimizer.ising import binary_form, ising_form, penalty_weight
from agents.optimizer.problem import PortfolioProblem
from market.errors import ConfigError
from tests.portfolios import all_bits, best_by_brute_force, random_problem

PROBLEMS = [
    random_problem(4, 2),
    random_problem(5, 3, seed=1, q=5.0),
    random_problem(3, 4, seed=2, bits_per_asset=2),
    random_problem(2, 9, seed=3, bits_per_asset=3, q=2.0),
]


def penalised(problem: PortfolioProblem, bits: tuple[int, ...], weight: float) -> float:
    missed = problem.lots(bits).sum() - problem.budget
    return problem.objective(bits) + weight * float(missed**2)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_ising_form_is_the_penalised_objective_on_every_string(
    problem: PortfolioProblem,
) -> None:
    weight = penalty_weight(problem)
    form = binary_form(problem, weight)
    spins = ising_form(form)
    for bits in all_bits(problem.qubits):
        x = np.array(bits, dtype=np.float64)
        z = 1.0 - 2.0 * x
        expected = penalised(problem, bits, weight)
        as_bits = x @ form.quadratic @ x + form.linear @ x + form.constant
        as_spins = z @ spins.couplings @ z + spins.fields @ z + spins.constant
        assert as_bits == pytest.approx(expected, abs=1e-12)
        assert as_spins == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_penalty_makes_every_minimum_keep_the_budget(problem: PortfolioProblem) -> None:
    weight = penalty_weight(problem)
    best = min(all_bits(problem.qubits), key=lambda bits: penalised(problem, bits, weight))
    assert problem.holds_budget(best)
    assert problem.objective(best) == pytest.approx(best_by_brute_force(problem))


def test_the_penalty_of_a_selection_is_just_above_the_published_bound() -> None:
    problem = random_problem(6, 3)
    sigma, mu = problem.covariance, problem.expected_returns
    others = np.abs(sigma).sum(axis=1) - sigma.diagonal()
    bound = (np.abs(mu) + 0.5 * (sigma.diagonal() + 2.0 * others)).max()
    assert bound < penalty_weight(problem) < 1.02 * bound


@pytest.mark.parametrize("circuit", ["qaoa-xy", "qaoa-x", "vqe"])
def test_costs_are_the_objective_at_unit_size(circuit: str) -> None:
    problem = random_problem(5, 2, seed=4)
    encoding = encode(problem, circuit)
    states = encoding.states()
    costs = encoding.costs(states)
    kept = encoding.feasible(states)
    assert ising_form(encoding.form).size() == pytest.approx(1.0)
    assert int(kept.sum()) == problem.feasible_states()
    for state, cost in zip(states[kept], costs[kept], strict=True):
        bits = encoding.bits(int(state))
        assert problem.holds_budget(bits)
        assert encoding.unit * cost == pytest.approx(problem.objective(bits), abs=1e-12)


def test_the_ring_holds_every_asset_once_from_best_to_worst_and_back() -> None:
    problem = PortfolioProblem(
        expected_returns=np.array([5.0, 1.0, 4.0, 2.0, 3.0]), covariance=np.eye(5), budget=2
    )
    assert ring_placement(problem).tolist() == [0, 4, 1, 3, 2]


def test_more_qubits_than_allowed_are_refused_with_their_count() -> None:
    with pytest.raises(ConfigError, match="12 qubits, max_qubits is 10"):
        encode(random_problem(6, 3, bits_per_asset=2), "qaoa-x", max_qubits=10)


def test_weights_in_steps_are_refused_by_the_xy_mixer_which_counts_ones() -> None:
    with pytest.raises(ConfigError, match="qaoa-xy selects assets"):
        encode(random_problem(3, 3, bits_per_asset=2), "qaoa-xy")
