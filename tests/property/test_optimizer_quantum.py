"""Laws that every circuit keeps, whatever the problem and the angles."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.optimizer.cvar import TailObjective
from agents.optimizer.encoding import CIRCUITS, Encoding, encode
from agents.optimizer.simulator import Simulator
from market.bars import Floats
from tests.portfolios import random_problem


@st.composite
def circuits(draw: st.DrawFn) -> tuple[Encoding, Simulator, Floats, Floats]:
    """A circuit of a random problem, its costs and random angles."""
    circuit = draw(st.sampled_from(CIRCUITS))
    assets = draw(st.integers(2, 6))
    seed = draw(st.integers(0, 2**32 - 1))
    problem = random_problem(
        assets,
        draw(st.integers(1, assets)),
        seed=seed,
        q=draw(st.sampled_from([0.0, 0.5, 20.0])),
        bits_per_asset=1 if circuit == "qaoa-xy" or assets > 4 else draw(st.integers(1, 2)),
    )
    encoding = encode(problem, circuit)
    states = encoding.states()
    costs = encoding.costs(states)
    simulator = encoding.simulator(draw(st.integers(1, 3)), states, costs)
    scale = draw(st.sampled_from([0.1, 1.0, 30.0]))
    angles = scale * np.random.default_rng(seed).normal(size=simulator.angles)
    return encoding, simulator, costs, angles


@settings(max_examples=150, deadline=None)
@given(circuits())
def test_probabilities_stay_normalised(
    case: tuple[Encoding, Simulator, Floats, Floats],
) -> None:
    _, simulator, _, angles = case
    probabilities = simulator.probabilities(angles)
    assert probabilities.min() >= 0.0
    assert abs(probabilities.sum() - 1.0) < 1e-12


@settings(max_examples=100, deadline=None)
@given(circuits(), st.floats(0.05, 1.0))
def test_a_tail_lies_between_the_minimum_and_the_mean(
    case: tuple[Encoding, Simulator, Floats, Floats], alpha: float
) -> None:
    _, simulator, costs, angles = case
    probabilities = simulator.probabilities(angles)
    value = TailObjective(costs, alpha)(probabilities)[0]
    slack = 1e-9 * (1.0 + np.abs(costs).max())
    assert costs.min() - slack <= value <= float(probabilities @ costs) + slack


@settings(max_examples=100, deadline=None)
@given(circuits())
def test_a_step_against_the_gradient_descends(
    case: tuple[Encoding, Simulator, Floats, Floats],
) -> None:
    _, simulator, costs, angles = case
    before = float(simulator.probabilities(angles) @ costs)
    slopes = simulator.gradient(costs)
    length = float(slopes @ slopes)
    step = 1e-6 / max(1.0, np.sqrt(length))
    after = float(simulator.probabilities(angles - step * slopes) @ costs)
    curvature_and_rounding = 1e-9 * (1.0 + np.abs(costs).max()) ** 2
    assert abs((before - after) - step * length) <= 1e-3 * step * length + curvature_and_rounding


@settings(max_examples=100, deadline=None)
@given(circuits())
def test_running_twice_gives_the_same_bits(
    case: tuple[Encoding, Simulator, Floats, Floats],
) -> None:
    _, simulator, costs, angles = case
    first = simulator.probabilities(angles).tobytes(), simulator.gradient(costs).tobytes()
    simulator.probabilities(np.zeros_like(angles))
    second = simulator.probabilities(angles).tobytes(), simulator.gradient(costs).tobytes()
    assert first == second


@settings(max_examples=100, deadline=None)
@given(circuits())
def test_scaling_returns_and_risk_alike_changes_only_the_unit(
    case: tuple[Encoding, Simulator, Floats, Floats],
) -> None:
    encoding, _, costs, _ = case
    problem = encoding.problem
    yearly = encode(
        type(problem)(
            expected_returns=252.0 * problem.expected_returns,
            covariance=252.0 * problem.covariance,
            budget=problem.budget,
            q=problem.q,
            bits_per_asset=problem.bits_per_asset,
        ),
        encoding.circuit,
    )
    assert np.isclose(yearly.unit, 252.0 * encoding.unit, rtol=1e-12)
    np.testing.assert_allclose(yearly.costs(yearly.states()), costs, rtol=1e-9, atol=1e-9)
