"""The classical reference: enumeration, a certificate, or a search that says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from agents.optimizer.allocation import Allocation, allocation_of
from agents.optimizer.local_search import local_search, polish
from agents.optimizer.mip import certify
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.stopwatch import Stopwatch
from market.bars import Floats
from market.compiled import kernel

Indices = NDArray[np.int64]


class ExactSolver:
    """Enumeration up to `states`, branch and bound up to `bits`, local search beyond.

    An answer is marked `proven_optimal` where every other was ruled out: by enumeration (method
    "exact"; the first of equal optima in lexicographic order), or by a certificate of HiGHS
    (method "mip"). Otherwise it is the best of both searches, marked "local-search".
    """

    method = "exact"

    def __init__(self, *, states: int = 20_000_000, bits: int = 50, nodes: int = 200) -> None:
        self._states = states
        self._bits = bits
        self._nodes = nodes

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        """The optimum where it can be certified, else the best string known.

        Never raises DeadlinePassed: where time is limited, branch and bound gets half of what is
        left, and none once nothing is; local search takes milliseconds.
        """
        start = stopwatch.elapsed_s
        allocation = self._solve(problem, stopwatch.left_s)
        return replace(allocation, wall_s=stopwatch.elapsed_s - start)

    def _solve(self, problem: PortfolioProblem, left_s: float | None) -> Allocation:
        if problem.feasible_states() <= self._states:
            bits = enumerate_lots(problem)
            return allocation_of(problem, bits, method=self.method, proven_optimal=True)
        found, proven = local_search(problem), False
        if problem.qubits <= self._bits and left_s != 0.0:
            within_s = None if left_s is None else 0.5 * left_s
            certificate = certify(problem, nodes=self._nodes, within_s=within_s)
            if certificate.bits is not None:
                found = min(found, polish(problem, certificate.bits), key=problem.objective)
                proven = certificate.proven
        method = "mip" if proven else "local-search"
        return allocation_of(problem, found, method=method, proven_optimal=proven)


def enumerate_lots(problem: PortfolioProblem) -> tuple[int, ...]:
    """The bit string of the lowest objective over every feasible state."""
    scaled = problem.q * problem.covariance
    if problem.bits_per_asset == 1:
        chosen = best_subset(scaled, -problem.expected_returns, problem.budget)[1]
        lots = np.zeros(problem.assets)
        lots[chosen] = 1.0
    else:
        lots = best_lots(scaled, -problem.expected_returns, problem.budget, problem.max_lots)[1]
    return problem.bits(lots)


@kernel
def best_subset(quadratic: Floats, linear: Floats, size: int) -> tuple[float, Indices]:
    """Minimum of xᵀAx + bᵀx over the subsets of `size` members, and the members.

    Subsets are grown in lexicographic order. marginal[d, j] is what adding j to the d members
    chosen so far would cost, so a leaf costs one addition, and every subset's sum is taken in
    the order of its members, whichever way the search came.
    """
    count = linear.shape[0]
    marginal = np.empty((size, count))
    value = np.zeros(size + 1)
    pick = np.zeros(size, dtype=np.int64)
    best_pick = np.zeros(size, dtype=np.int64)
    best = np.inf
    for j in range(count):
        marginal[0, j] = quadratic[j, j] + linear[j]
    depth = 0
    while depth >= 0:
        j = pick[depth]
        if depth == size - 1:
            for leaf in range(j, count):
                total = value[depth] + marginal[depth, leaf]
                if total < best:
                    best = total
                    best_pick[:depth] = pick[:depth]
                    best_pick[depth] = leaf
            depth -= 1
        elif j > count - (size - depth):
            depth -= 1
        else:
            value[depth + 1] = value[depth] + marginal[depth, j]
            for k in range(j + 1, count):
                marginal[depth + 1, k] = marginal[depth, k] + 2.0 * quadratic[j, k]
            pick[depth + 1] = j + 1
            depth += 1
            continue
        if depth >= 0:
            pick[depth] += 1
    return best, best_pick


@kernel
def best_lots(quadratic: Floats, linear: Floats, total: int, most: int) -> tuple[float, Floats]:
    """Minimum of yᵀAy + bᵀy over y ∈ {0 … most}ᴺ with Σy = total, and the lots.

    slope[d, j] is the linear cost of asset j given the lots of the first d assets; the last
    asset takes what is left. Lots are tried from few to many.
    """
    count = linear.shape[0]
    slope = np.empty((count + 1, count))
    slope[0] = linear
    value = np.zeros(count + 1)
    left = np.zeros(count + 1, dtype=np.int64)
    left[0] = total
    lots = np.zeros(count, dtype=np.int64)
    best_found = np.zeros(count)
    best = np.inf
    lots[0] = max(0, total - most * (count - 1))
    depth = 0
    while depth >= 0:
        held = lots[depth]
        if held > min(most, left[depth]):
            depth -= 1
            if depth >= 0:
                lots[depth] += 1
            continue
        value[depth + 1] = value[depth] + held * (
            slope[depth, depth] + held * quadratic[depth, depth]
        )
        if depth == count - 1:
            if value[count] < best:
                best = float(value[count])
                for j in range(count):
                    best_found[j] = lots[j]
            depth -= 1
            if depth >= 0:
                lots[depth] += 1
            continue
        for j in range(depth + 1, count):
            slope[depth + 1, j] = slope[depth, j] + 2.0 * held * quadratic[depth, j]
        left[depth + 1] = left[depth] - held
        depth += 1
        lots[depth] = max(0, left[depth] - most * (count - 1 - depth))
    return best, best_found
