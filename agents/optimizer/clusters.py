"""More assets than qubits: correlation clusters, each solved given the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.optimizer.allocation import Allocation, Honesty, PortfolioSolver, allocation_of
from agents.optimizer.honesty import compare
from agents.optimizer.local_search import polish
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.relaxation import Relaxation, relax
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
    over all assets also moves budget between blocks; `gap_before_polish` is without it. A block
    that has a choice begins with the inner solver's answer, however bad, and keeps the better one
    in later sweeps; what the relaxation alone would have given is `gap_of_relaxation`.

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
        """The swept and polished answer. Raises what `inner` raises.

        Where no block has a choice no circuit runs: then the answer is the relaxation's, marked
        with the method "relaxation", without an honesty block.
        """
        begun = stopwatch.elapsed_s
        classical = self._classical.solve(problem, stopwatch)
        sweeps = self._sweep(problem, stopwatch)
        bits = polish(problem, problem.bits(sweeps.lots))
        method = self.method if sweeps.last else "relaxation"
        allocation = allocation_of(problem, bits, method=method, proven_optimal=False)
        answers = sweeps.answers
        return replace(
            allocation,
            layers=max((answer.layers for answer in answers), default=0),
            evaluations=sum(answer.evaluations for answer in answers),
            gradients=sum(answer.gradients for answer in answers),
            wall_s=stopwatch.elapsed_s - begun,
            warnings=(sweeps.note(self.method),),
            honesty=_honesty(problem, classical, allocation, sweeps) if sweeps.last else None,
        )

    def _sweep(self, problem: PortfolioProblem, stopwatch: Stopwatch) -> Sweeps:
        blocks = clusters(problem.covariance, self._most_assets)
        relaxation = relax(problem)
        budgets = split_budget(problem, blocks, relaxation.lots)
        swept = Sweeps(blocks=blocks, relaxation=relaxation, lots=relaxation.lots.copy())
        swept.rounded = rounded(blocks, budgets, relaxation.lots, problem.max_lots)
        lots = swept.lots
        for _ in range(MOST_SWEEPS):
            before = lots.copy()
            swept.count += 1
            for index, (block, budget) in enumerate(zip(blocks, budgets, strict=True)):
                stopwatch.check()
                if budget in (0, len(block) * problem.max_lots):
                    lots[block] = budget / len(block)
                    continue
                part = given_the_rest(problem, block, budget, lots)
                found = self._inner.solve(part, stopwatch)
                chosen, held = part.lots(found.bits), lots[block]
                # What stands there at first is the relaxation's: no circuit is credited with it.
                first = index not in swept.last
                if first or part.objective_of_lots(chosen) < part.objective_of_lots(held):
                    lots[block] = chosen
                swept.last[index] = found
                swept.answers.append(found)
            if np.array_equal(lots, before):
                break
        return swept


@dataclass(slots=True, kw_only=True)
class Sweeps:
    """What the sweeps left. lots: (N,) the blocks' choices. rounded: (N,) the relaxation in whole
    lots, before any circuit. answers: of every call of the inner solver; last: the last one of each
    block that had a choice, by its place in `blocks`."""

    blocks: list[list[int]]
    relaxation: Relaxation
    lots: Floats
    rounded: Floats = field(default_factory=lambda: np.zeros(0))
    answers: list[Allocation] = field(default_factory=list)
    last: dict[int, Allocation] = field(default_factory=dict)
    count: int = 0

    def note(self, method: str) -> str:
        """How the answer came about, in a sentence."""
        if not self.last:
            return (
                f"no circuit ran: the relaxation spends all or nothing in each of "
                f"{len(self.blocks)} clusters; the answer is classical, not {method}'s"
            )
        sizes = ", ".join(str(len(block)) for block in self.blocks)
        sweeps = "1 sweep" if self.count == 1 else f"{self.count} sweeps"
        return f"in clusters of {sizes}; {sweeps}; the circuit chose in {len(self.last)} of them"


def _honesty(
    problem: PortfolioProblem, classical: Allocation, answer: Allocation, sweeps: Sweeps
) -> Honesty:
    """The gaps of the answer, of the circuits and of the relaxation alone; mean r and the product
    of uniform sampling's chances over the blocks' last answers, where all know them."""
    swept = problem.objective(problem.bits(sweeps.lots))
    relaxed = problem.objective(problem.bits(sweeps.rounded))
    blocks = [found.honesty for found in sweeps.last.values() if found.honesty is not None]
    ratios = [block.approximation_ratio for block in blocks]
    chances = [block.uniform_shots_probability for block in blocks]
    known = len(blocks) == len(sweeps.last)
    return replace(
        compare(classical, answer.objective, swept),
        gap_of_relaxation=relaxed - classical.objective,
        classical_bound=classical.objective
        if classical.proven_optimal
        else sweeps.relaxation.bound,
        approximation_ratio=_over_all(ratios, known, np.mean),
        uniform_shots_probability=_over_all(chances, known, np.prod),
    )


def _over_all(
    values: list[float | None], known: bool, over: Callable[[list[float]], np.floating[Any]]
) -> float | None:
    told = [value for value in values if value is not None]
    return float(over(told)) if known and len(told) == len(values) else None


def rounded(blocks: list[list[int]], budgets: list[int], relaxed: Floats, max_lots: int) -> Floats:
    """(N,) the relaxation in whole lots: in each block its budget, by largest remainder."""
    lots = np.zeros_like(relaxed)
    for block, budget in zip(blocks, budgets, strict=True):
        lots[block] = whole_lots(relaxed[block], budget, max_lots)
    return lots


def whole_lots(shares: Floats, total: int, most: float) -> Floats:
    """Whole numbers in 0 … most near `shares` that sum to `total`, by largest remainder."""
    lots: Floats = np.minimum(np.floor(shares + 1e-9), most)
    while lots.sum() < total:
        lots[int(np.where(lots < most, shares - lots, -np.inf).argmax())] += 1.0
    while lots.sum() > total:
        lots[int(np.where(lots > 0.0, shares - lots, np.inf).argmin())] -= 1.0
    return lots


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
    return [int(budget) for budget in whole_lots(spent, problem.budget, np.inf)]


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
