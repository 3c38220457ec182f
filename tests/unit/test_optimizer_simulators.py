"""The simulators against Qiskit, linear algebra and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from agents.optimizer.circuits import circuit_of, cost_operator
from agents.optimizer.dicke import dicke_circuit
from agents.optimizer.encoding import CIRCUITS, encode
from agents.optimizer.feasible import (
    binomials,
    costs_of_all,
    costs_of_states,
    fixed_weight_states,
    rank,
)
from agents.optimizer.phases import apply_phases, phase_slope, weighted_sum
from agents.optimizer.ramp import linear_ramp
from agents.optimizer.rotations import rotate, rotation_slopes
from agents.optimizer.xy_mixer import ring_edges
from tests.portfolios import finite_differences, random_problem

SIZES = [(2, 1, 1), (3, 2, 1), (4, 2, 1), (7, 3, 1), (3, 4, 2)]
CASES = [
    (circuit, *size)
    for circuit in CIRCUITS
    for size in SIZES
    if circuit != "qaoa-xy" or size[2] == 1
]


@pytest.mark.parametrize(("circuit", "assets", "budget", "bits"), CASES)
def test_the_final_state_is_that_of_qiskit_up_to_a_global_phase(
    circuit: str, assets: int, budget: int, bits: int
) -> None:
    encoding = encode(random_problem(assets, budget, bits_per_asset=bits), circuit)
    states = encoding.states()
    simulator = encoding.simulator(3, states, encoding.costs(states))
    angles = np.random.default_rng(assets).normal(size=simulator.angles)
    probabilities = simulator.probabilities(angles)
    found = np.zeros(1 << encoding.qubits, dtype=np.complex128)
    found[states] = simulator.amplitudes()
    expected = Statevector(circuit_of(encoding, 3).assign_parameters(angles)).data
    overlap = np.vdot(expected, found)
    np.testing.assert_allclose(found, expected * (overlap / abs(overlap)), atol=1e-12)
    np.testing.assert_allclose(probabilities, np.abs(expected[states]) ** 2, atol=1e-12)


@pytest.mark.parametrize("circuit", CIRCUITS)
@pytest.mark.parametrize("assets", [2, 5, 11])
def test_the_adjoint_gradient_is_that_of_finite_differences(circuit: str, assets: int) -> None:
    encoding = encode(random_problem(assets, (assets + 1) // 2, seed=assets), circuit)
    states = encoding.states()
    simulator = encoding.simulator(2, states, encoding.costs(states))
    rng = np.random.default_rng(5)
    observable = np.asarray(rng.normal(size=states.shape[0]))
    angles = np.asarray(rng.normal(size=simulator.angles))
    expected = finite_differences(lambda at: simulator.probabilities(at) @ observable, angles)
    simulator.probabilities(angles)
    found = simulator.gradient(observable)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("circuit", CIRCUITS)
def test_the_cost_operator_has_the_costs_on_its_diagonal(circuit: str) -> None:
    encoding = encode(random_problem(4, 2), circuit)
    states = encoding.states()
    diagonal = cost_operator(encoding).to_matrix().diagonal().real
    np.testing.assert_allclose(diagonal[states], encoding.costs(states), atol=1e-12)


@pytest.mark.parametrize("circuit", ["qaoa-xy", "qaoa-x"])
def test_a_ramp_of_the_wrong_sign_climbs_instead_of_descending(circuit: str) -> None:
    encoding = encode(random_problem(8, 4, seed=7), circuit)
    states = encoding.states()
    costs = encoding.costs(states)
    simulator = encoding.simulator(8, states, costs)
    ramp = linear_ramp(8, 2.0 / costs.std(), 0.55)
    wrong = np.concatenate([ramp[:8], -ramp[8:]])
    uniform = costs.mean()
    assert ramp[8:].max() < 0.0
    assert simulator.probabilities(ramp) @ costs < uniform - 0.5 * costs.std()
    assert simulator.probabilities(wrong) @ costs > uniform + 0.5 * costs.std()


@pytest.mark.parametrize("qubits", [1, 2, 3, 6, 7])
def test_dicke_circuits_hold_all_strings_of_one_weight_evenly(qubits: int) -> None:
    for weight in range(qubits + 1):
        amplitudes = Statevector(dicke_circuit(qubits, weight)).data
        ones = np.bitwise_count(np.arange(1 << qubits)) == weight
        np.testing.assert_allclose(amplitudes, ones / np.sqrt(ones.sum()), atol=1e-12)


@pytest.mark.parametrize("qubits", [1, 2, 3, 5, 6, 10, 11])
def test_rotating_all_qubits_is_the_product_of_rotating_each(qubits: int) -> None:
    rng = np.random.default_rng(qubits)
    angles = rng.normal(size=qubits)
    state = rng.normal(size=(2, 1 << qubits))
    expected = state.copy()
    for qubit, angle in enumerate(angles):
        pairs = expected.reshape(2, -1, 2, 1 << qubit)
        low, high = pairs[:, :, 0].copy(), pairs[:, :, 1].copy()
        pairs[:, :, 0] = np.cos(angle) * low - np.sin(angle) * high
        pairs[:, :, 1] = np.sin(angle) * low + np.cos(angle) * high
    rotate(state, np.cos(angles), np.sin(angles))
    np.testing.assert_allclose(state, expected, atol=1e-12)


@pytest.mark.parametrize("qubits", [1, 4, 6, 10])
def test_rotation_slopes_are_those_of_each_generator(qubits: int) -> None:
    rng = np.random.default_rng(qubits)
    left, right = rng.normal(size=(2, 2, 1 << qubits))
    slopes = np.zeros(qubits)
    rotation_slopes(left, right, slopes)
    for qubit in range(qubits):
        a = left.reshape(2, -1, 2, 1 << qubit)
        b = right.reshape(2, -1, 2, 1 << qubit)
        expected = (a[:, :, 1] * b[:, :, 0] - a[:, :, 0] * b[:, :, 1]).sum()
        assert slopes[qubit] == pytest.approx(expected)


@pytest.mark.parametrize("size", [1, 63, 64, 200])
def test_phases_and_their_slope_are_those_of_complex_numbers(size: int) -> None:
    rng = np.random.default_rng(size)
    state = rng.normal(size=(2, size))
    left = rng.normal(size=(2, size))
    cost = 300.0 * rng.normal(size=size)
    complex_left, complex_state = left[0] + 1j * left[1], state[0] + 1j * state[1]
    slope = 2.0 * np.real(np.vdot(complex_left, -1j * cost * complex_state))
    assert phase_slope(left, state, cost) == pytest.approx(slope)
    apply_phases(state, cost, 1.3)
    expected = np.exp(-1.3j * cost) * complex_state
    np.testing.assert_allclose(state[0] + 1j * state[1], expected, atol=2e-13)
    assert weighted_sum(cost, state[0]) == pytest.approx(cost @ state[0])


def test_states_of_fixed_weight_are_complete_increasing_and_ranked() -> None:
    for qubits, weight in [(1, 1), (4, 2), (6, 0), (7, 7), (9, 4)]:
        states = fixed_weight_states(qubits, weight)
        every = [x for x in range(1 << qubits) if x.bit_count() == weight]
        assert states.tolist() == every
        table = binomials(qubits)
        assert [rank(state, table) for state in every] == list(range(len(every)))


def test_costs_by_doubling_are_costs_one_by_one() -> None:
    rng = np.random.default_rng(8)
    matrix = rng.normal(size=(6, 6))
    quadratic, linear = matrix + matrix.T, rng.normal(size=6)
    states = np.arange(64)
    by_doubling = costs_of_all(quadratic, linear, 0.25)
    one_by_one = costs_of_states(states, quadratic, linear) + 0.25
    bits = (states[:, None] >> np.arange(6)) & 1
    direct = np.einsum("si,ij,sj->s", bits, quadratic, bits) + bits @ linear + 0.25
    np.testing.assert_allclose(by_doubling, direct, atol=1e-12)
    np.testing.assert_allclose(one_by_one, direct, atol=1e-12)


@pytest.mark.parametrize("qubits", [1, 2, 3, 4, 7])
def test_every_edge_of_the_ring_is_mixed_once_and_neighbours_in_depth_three(qubits: int) -> None:
    edges = ring_edges(qubits)
    ring = {frozenset((i, (i + 1) % qubits)) for i in range(qubits)} if qubits > 1 else set()
    assert {frozenset(edge) for edge in edges} == ring
    assert len(edges) == len(ring)
