"""Measuring a final state: shots, what they show, and the best string among them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.allocation import Measurement
from agents.optimizer.encoding import Encoding
from agents.optimizer.problem import PortfolioProblem
from market.bars import Floats
from market.errors import TransientError


class BudgetNeverHeld(TransientError):
    """Not one shot kept the budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shots:
    """states: (S,) distinct basis states, increasing. counts: (S,) how often each was measured."""

    states: NDArray[np.int64]
    counts: NDArray[np.int64]


def generator_for(problem: PortfolioProblem, seed: int) -> np.random.Generator:
    """Randomness that depends on the seed and the problem alone, never on what came before.

    So a desk that restarts draws the same shots as one that did not.
    """
    digest = hashlib.sha256(repr((problem.budget, problem.bits_per_asset, problem.q)).encode())
    digest.update(problem.expected_returns.tobytes())
    digest.update(problem.covariance.tobytes())
    return np.random.default_rng([seed, int.from_bytes(digest.digest()[:8], "little")])


def draw(
    probabilities: Floats, states: NDArray[np.int64], shots: int, rng: np.random.Generator
) -> Shots:
    """`shots` measurements of a state with these probabilities."""
    levels = np.cumsum(probabilities)
    drawn = np.searchsorted(levels, rng.random(shots) * levels[-1], side="right")
    positions, counts = np.unique(np.minimum(drawn, states.shape[0] - 1), return_counts=True)
    return Shots(states=states[positions], counts=counts)


def measurement_of(encoding: Encoding, shots: Shots, course: list[float]) -> Measurement:
    """The shots as bit strings of the problem, the most frequent first."""
    problem = encoding.problem
    order = np.lexsort((shots.states, -shots.counts))
    bits = np.empty((order.shape[0], encoding.qubits), dtype=np.int8)
    bits[:, encoding.placement] = (shots.states[order, None] >> np.arange(encoding.qubits)) & 1
    shape = (bits.shape[0], problem.assets, problem.bits_per_asset)
    lots = bits.reshape(shape) @ (2.0 ** np.arange(problem.bits_per_asset))
    return Measurement(
        bits=bits,
        counts=shots.counts[order],
        objectives=np.array([problem.objective_of_lots(held) for held in lots]),
        holds_budget=lots.sum(axis=1) == problem.budget,
        course=encoding.unit * np.array(course),
    )


def best_measured(measurement: Measurement) -> tuple[int, ...]:
    """The measured string of the lowest objective that keeps the budget; ties to the frequent."""
    if not measurement.holds_budget.any():
        raise BudgetNeverHeld(
            f"none of {int(measurement.counts.sum())} shots kept the budget; take more shots or "
            "layers, or the qaoa-xy circuit, which cannot miss it"
        )
    objectives = np.where(measurement.holds_budget, measurement.objectives, np.inf)
    return tuple(int(bit) for bit in measurement.bits[int(objectives.argmin())])
