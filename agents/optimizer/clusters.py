"""More assets than qubits: correlation clusters, each solved given the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from agents.optimizer.allocation import Allocation, PortfolioSolver, allocation_of
from agents.optimizer.honesty import compare
from agents.optimizer.local_search import polish
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.relaxation import relax
from agents.optimizer.stopwatch import Stopwatch
from market.bars import Floats

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import ClusterNode

MOST_SWEEPS = 10


class ClusterSolver:
    """Splits a problem into blocks that `inner` can solve, and sweeps until none changes.

    Assets are clustered by correlation distance √((1 − ρ)/2) with average linkage (Mantegna
    1999, European Physical Journal B 11, 193), clusters cut to at most `most_assets`. The budget
    is split as the continuous relaxation spends it. A block given the lots of all others is the
    same kind of problem with returns μ_b − 2q·Σ_{b,rest}·y_rest. After the sweeps, swap descent
    over all assets also moves budget between blocks; `gap_before_polish` is without it.

    inner: must answer without polishing of its own, so that the two parts stay apart.
    """

    def __init__(
        self, inner: PortfolioSolver, classical: PortfolioSolver, *, most_assets: int = 14
    ) -> None:
        self._inner = inner
        self._classical = classical
        self._most_assets = most_assets

    @property
    def method(self) -> str:
        """The inner solver's."""
        return self._inner.method

    def solve(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Allocation:
        """The swept and polished answer. Raises what `inner` raises."""
        begun = stopwatch.elapsed_s
        classical = self._classical.solve(problem, stopwatch)
        lots, answers = self._sweep(problem, stopwatch)
        swept = problem.bits(lots)
        polished = polish(problem, swept)
        allocation = allocation_of(problem, polished, method=self.method, proven_optimal=False)
        return replace(
            allocation,
            layers=max((answer.layers for answer in answers), default=0),
            evaluations=sum(answer.evaluations for answer in answers),
            gradients=sum(answer.gradients for answer in answers),
            wall_s=stopwatch.elapsed_s - begun,
            honesty=compare(classical, allocation.objective, problem.objective(swept)),
        )

    def _sweep(
        self, problem: PortfolioProblem, stopwatch: Stopwatch
    ) -> tuple[Floats, list[Allocation]]:
        blocks = clusters(problem.covariance, self._most_assets)
        relaxed = relax(problem).lots
        budgets = split_budget(problem, blocks, relaxed)
        lots = relaxed.copy()
        answers: list[Allocation] = []
        for _ in range(MOST_SWEEPS):
            before = lots.copy()
            for block, budget in zip(blocks, budgets, strict=True):
                stopwatch.check()
                if budget in (0, len(block) * problem.max_lots):
                    lots[block] = budget / len(block)
                    continue
                part = given_the_rest(problem, block, budget, lots)
                answers.append(self._inner.solve(part, stopwatch))
                found = part.lots(answers[-1].bits)
                if not whole(lots[block]) or part.objective_of_lots(found) < part.objective_of_lots(
                    lots[block]
                ):
                    lots[block] = found
            if np.array_equal(lots, before):
                break
        return lots, answers


def whole(lots: Floats) -> bool:
    """True where no lot is a fraction any more."""
    return bool(np.array_equal(lots, np.round(lots)))


def clusters(covariance: Floats, most: int) -> list[list[int]]:
    """Groups of at most `most` assets that move together; every asset once, increasing."""
    from scipy.cluster.hierarchy import linkage, to_tree  # noqa: PLC0415
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    assets = covariance.shape[0]
    if assets <= most:
        return [list(range(assets))]
    deviations = np.sqrt(np.maximum(covariance.diagonal(), np.finfo(float).tiny))
    correlation = np.clip(covariance / np.outer(deviations, deviations), -1.0, 1.0)
    distance = np.sqrt(0.5 * (1.0 - correlation))
    np.fill_diagonal(distance, 0.0)
    tree = to_tree(linkage(squareform(distance, checks=False), "average"))
    groups: list[list[int]] = []
    for piece in _branches(tree, most):
        # Small neighbours in the tree share a block: fewer blocks, fewer boundaries.
        if groups and len(groups[-1]) + len(piece) <= most:
            groups[-1] += piece
        else:
            groups.append(piece)
    return [sorted(group) for group in groups]


def _branches(node: ClusterNode | None, most: int) -> list[list[int]]:
    if node is None:
        return []
    if node.get_count() <= most:
        return [[int(leaf) for leaf in node.pre_order()]]
    return _branches(node.get_left(), most) + _branches(node.get_right(), most)


def split_budget(problem: PortfolioProblem, blocks: list[list[int]], relaxed: Floats) -> list[int]:
    """Whole budgets near what the relaxation spends in each block, by largest remainder."""
    spent = np.array([relaxed[block].sum() for block in blocks])
    budgets = np.floor(spent + 1e-9).astype(np.int64)
    order = np.argsort(budgets - spent, kind="stable")
    for index in order[: problem.budget - int(budgets.sum())]:
        budgets[index] += 1
    return [int(budget) for budget in budgets]


def given_the_rest(
    problem: PortfolioProblem, block: list[int], budget: int, lots: Floats
) -> PortfolioProblem:
    """The block's problem while all other lots stay as they are; f differs by a constant."""
    rest = np.ones(problem.assets, dtype=bool)
    rest[block] = False
    pull = problem.covariance[block][:, rest] @ lots[rest]
    return PortfolioProblem(
        expected_returns=problem.expected_returns[block] - 2.0 * problem.q * pull,
        covariance=problem.covariance[block][:, block].copy(),
        budget=budget,
        q=problem.q,
        bits_per_asset=problem.bits_per_asset,
    )
