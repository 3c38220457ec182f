"""The continuous relaxation: fractions of lots, and a bound that no whole lots can beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.optimizer.problem import PortfolioProblem
from market.bars import Floats
from market.compiled import kernel

PRECISION = 1e-9
MOST_STEPS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """lots: (N,) in [0, max_lots] with Σ = budget. objective: f there.

    bound: a proven lower bound on f over every feasible y, whole or not: f minus the gap of
    Frank and Wolfe (Jaggi 2013, Proceedings of ICML 28, equation 2).
    """

    lots: Floats
    objective: float
    bound: float


def relax(problem: PortfolioProblem) -> Relaxation:
    """Minimise f over real lots in [0, max_lots] that spend the budget.

    Pairs of assets are traded against each other, the most violating pair first (Platt's
    sequential minimal optimisation with the working set of Keerthi et al. 2001).
    """
    scaled = problem.q * problem.covariance
    lots, objective, gap = descend_pairs(
        scaled, -problem.expected_returns, float(problem.budget), float(problem.max_lots)
    )
    return Relaxation(lots=lots, objective=objective, bound=objective - gap)


@kernel
def descend_pairs(
    quadratic: Floats, linear: Floats, total: float, most: float
) -> tuple[Floats, float, float]:
    """Lots, yᵀAy + bᵀy, and the gap to the lower bound."""
    count = linear.shape[0]
    lots = np.full(count, total / count)
    slopes = linear.copy()
    for i in range(count):
        for j in range(count):
            slopes[i] += 2.0 * quadratic[i, j] * lots[j]
    tolerance = PRECISION * np.abs(slopes).max()
    for _ in range(MOST_STEPS):
        low, high = -1, -1
        for i in range(count):
            if lots[i] < most and (low < 0 or slopes[i] < slopes[low]):
                low = i
            if lots[i] > 0.0 and (high < 0 or slopes[i] > slopes[high]):
                high = i
        if low < 0 or high < 0 or slopes[high] - slopes[low] <= tolerance:
            break
        step = min(most - lots[low], lots[high])
        curvature = quadratic[low, low] + quadratic[high, high] - 2.0 * quadratic[low, high]
        if curvature > 0.0:
            step = min(step, 0.5 * (slopes[high] - slopes[low]) / curvature)
        lots[low] += step
        lots[high] -= step
        for i in range(count):
            slopes[i] += 2.0 * step * (quadratic[i, low] - quadratic[i, high])
    value, gap = 0.0, 0.0
    for i in range(count):
        value += 0.5 * lots[i] * (slopes[i] + linear[i])
        gap += lots[i] * slopes[i]
    left = total
    for i in np.argsort(slopes):
        taken = min(most, left)
        gap -= taken * slopes[i]
        left -= taken
    return lots, value, max(gap, 0.0)
