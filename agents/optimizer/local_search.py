"""Swap local search: the classical answer where enumeration is out of reach."""

from __future__ import annotations

import numpy as np

from agents.optimizer.problem import PortfolioProblem
from market.bars import Floats
from market.compiled import kernel


def local_search(problem: PortfolioProblem) -> tuple[int, ...]:
    """The bit string of the best local optimum over N starts; no proof of optimality.

    Start i spends as much as it may on asset i, the rest greedily, lot by lot; then the best
    move of one lot from one asset to another is made until none lowers the objective.
    """
    scaled = problem.q * problem.covariance
    lots = best_local_optimum(scaled, -problem.expected_returns, problem.budget, problem.max_lots)
    return problem.bits(lots)


def polish(problem: PortfolioProblem, bits: tuple[int, ...]) -> tuple[int, ...]:
    """The local optimum that best moves lead to from a bit string that keeps the budget."""
    lots = problem.lots(bits)
    descend(problem.q * problem.covariance, -problem.expected_returns, problem.max_lots, lots)
    return problem.bits(lots)


@kernel
def best_local_optimum(quadratic: Floats, linear: Floats, total: int, most: int) -> Floats:
    """Lots (N,) of the best local optimum of yᵀAy + bᵀy; the first start wins ties."""
    count = linear.shape[0]
    best = np.inf
    best_lots = np.zeros(count)
    for start in range(count):
        lots = np.zeros(count)
        lots[start] = min(most, total)
        _fill(quadratic, linear, total, most, lots)
        value = descend(quadratic, linear, most, lots)
        if value < best:
            best = value
            best_lots[:] = lots
    return best_lots


@kernel
def _slopes(quadratic: Floats, linear: Floats, lots: Floats) -> Floats:
    slopes = linear.copy()
    for i in range(lots.shape[0]):
        for j in range(lots.shape[0]):
            slopes[i] += 2.0 * quadratic[i, j] * lots[j]
    return slopes


@kernel
def _fill(quadratic: Floats, linear: Floats, total: int, most: int, lots: Floats) -> None:
    slopes = _slopes(quadratic, linear, lots)
    while lots.sum() < total:
        cheapest, chosen = np.inf, -1
        for j in range(lots.shape[0]):
            cost = slopes[j] + quadratic[j, j]
            if lots[j] < most and cost < cheapest:
                cheapest, chosen = cost, j
        lots[chosen] += 1.0
        for j in range(lots.shape[0]):
            slopes[j] += 2.0 * quadratic[j, chosen]


@kernel
def descend(quadratic: Floats, linear: Floats, most: int, lots: Floats) -> float:
    """Move single lots, the best move first, until none helps; `lots` changes in place.

    Moving a lot from i to j changes the objective by s_j − s_i + A_ii + A_jj − 2A_ij, with s the
    slope 2Ay + b. A move must gain more than rounding, so that the search ends.
    """
    count = lots.shape[0]
    slopes = _slopes(quadratic, linear, lots)
    scale = np.abs(slopes).max()
    while True:
        best, source, target = -1e-13 * scale, -1, -1
        for i in range(count):
            if lots[i] == 0.0:
                continue
            for j in range(count):
                if j == i or lots[j] >= most:
                    continue
                change = (
                    slopes[j]
                    - slopes[i]
                    + quadratic[i, i]
                    + quadratic[j, j]
                    - 2.0 * quadratic[i, j]
                )
                if change < best:
                    best, source, target = change, i, j
        if source < 0:
            break
        lots[source] -= 1.0
        lots[target] += 1.0
        slopes = _slopes(quadratic, linear, lots)
    value = 0.0
    for i in range(count):
        row = 0.0
        for j in range(count):
            row += quadratic[i, j] * lots[j]
        value += lots[i] * (row + linear[i])
    return value
