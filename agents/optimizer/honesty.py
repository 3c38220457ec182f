"""The honesty block: what a quantum answer is worth beside the classical one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.allocation import Allocation, Honesty
from market.bars import Floats

TIE = 1e-12


def compare(classical: Allocation, objective: float, before_polish: float) -> Honesty:
    """The part that needs no distribution: gaps to the classical answer, and its cost."""
    return Honesty(
        classical_objective=classical.objective,
        classical_method=classical.method,
        classical_proven=classical.proven_optimal,
        classical_wall_s=classical.wall_s,
        gap=objective - classical.objective,
        gap_before_polish=before_polish - classical.objective,
        classical_bound=classical.objective if classical.proven_optimal else None,
    )


def with_distribution(
    honesty: Honesty, probabilities: Floats, costs: Floats, feasible: NDArray[np.bool_], shots: int
) -> Honesty:
    """Adds what an enumerated distribution shows.

    probabilities, costs, feasible: (D,) over every state that the circuit can reach. States tie
    with the lowest within rounding of the largest cost, so that the unit of costs does not count.
    """
    kept = float(probabilities[feasible].sum())
    allowed = costs[feasible]
    lowest, highest = float(allowed.min()), float(allowed.max())
    optimal = feasible & (costs <= lowest + TIE * max(highest - lowest, float(np.abs(costs).max())))
    reached = float(probabilities[optimal].sum())
    ratio = None
    if kept > 0.0:
        mean = float((probabilities[feasible] * allowed).sum()) / kept
        ratio = (highest - mean) / (highest - lowest) if highest > lowest else 1.0
    return replace(
        honesty,
        approximation_ratio=ratio,
        feasible_probability=kept,
        optimum_probability=reached,
        uniform_gain=reached * allowed.shape[0] / int(optimal.sum()),
        uniform_shots_probability=chance_of_uniform(int(optimal.sum()), allowed.shape[0], shots),
    )


def chance_of_uniform(optimal: int, states: int, shots: int) -> float:
    """Probability that `shots` uniform draws from `states` meet one of the `optimal` ones."""
    if optimal >= states:
        return 1.0
    return -math.expm1(shots * math.log1p(-optimal / states))
