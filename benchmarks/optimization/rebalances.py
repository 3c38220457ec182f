"""Successive rebalances: what a warm start saves, and how long the desk waits."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.optimizer.allocation import Allocation
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.stopwatch import Stopwatch
from benchmarks.measuring.figures import MACHINE, SHORT, figure
from benchmarks.optimization.answers import gain, honest, ratio, solve, solver
from benchmarks.optimization.problems import PAIRS, STOCKS, rebalance, stocks

MONTH = 21
YEAR = 252


@dataclass(frozen=True, slots=True, kw_only=True)
class Refits:
    """Answers to the same problems, warm and cold, in turn; the first training is left out."""

    warm: Sequence[Allocation]
    cold: Sequence[Allocation]

    @property
    def share(self) -> float:
        """Gradients of all warm answers over those of all cold ones."""
        return sum(a.gradients for a in self.warm) / sum(a.gradients for a in self.cold)

    @property
    def loss(self) -> float:
        """Mean r of the cold answers minus that of the warm ones."""
        return statistics.fmean(map(ratio, self.cold)) - statistics.fmean(map(ratio, self.warm))

    @property
    def begun_afresh(self) -> int:
        """Warm answers that tried the ramps, since the last angles led nowhere near."""
        return sum(a.evaluations > 0 for a in self.warm)

    def describe(self) -> str:
        """What the answers were worth."""
        gap = max(honest(a).gap / abs(honest(a).classical_objective) for a in self.warm)
        return (
            f"{len(self.warm)} re-fits, {self.begun_afresh} begun afresh; gradients a re-fit "
            f"{mean_gradients(self.warm):.1f} warm, {mean_gradients(self.cold):.1f} cold; mean r "
            f"{statistics.fmean(map(ratio, self.warm)):.4f} warm, "
            f"{statistics.fmean(map(ratio, self.cold)):.4f} cold; median gain over uniform "
            f"{statistics.median(map(gain, self.warm)):.3g} warm, "
            f"{statistics.median(map(gain, self.cold)):.3g} cold; largest gap {gap:.1g} of |f|"
        )


def mean_gradients(answers: Sequence[Allocation]) -> float:
    """Gradients an answer."""
    return statistics.fmean(answer.gradients for answer in answers)


def refits(
    problem: Callable[[int], PortfolioProblem],
    days: Sequence[int],
    circuit: str = "qaoa-xy",
    **settings: object,
) -> Refits:
    """Solve the problem of each day, oldest first, by a warm solver and a cold one in turn."""
    warm = solver(circuit, **settings)
    answers: dict[str, list[Allocation]] = {"warm": [], "cold": []}
    first, *others = sorted(days, reverse=True)
    solve(problem(first), circuit, **settings)  # compiles what is not in the cache yet
    warm.solve(problem(first), Stopwatch())
    for day in others:
        answers["warm"].append(warm.solve(problem(day), Stopwatch()))
        answers["cold"].append(solve(problem(day), circuit, **settings))
    return Refits(warm=answers["warm"], cold=answers["cold"])


def twenty_days() -> None:
    """Daily re-fits of 14 stocks, warm against cold."""
    days = 5 if SHORT else 20
    found = refits(lambda day: stocks(14, day=day), range(days + 1), layers=5, cvar_alpha=1.0)
    how = f"n = 14, XY p = 5, alpha 1, {STOCKS}; {found.describe()}"
    share, loss = (None, None) if SHORT else (0.2, 0.001)
    figure("warm_share_of_gradients", found.share, "share", share, how, at_most=True)
    figure("warm_loss_of_ratio", found.loss, "r", loss, how, at_most=True)


def pairs(day: int) -> PortfolioProblem:
    """What the desk would ask `day` days before its last: five of nine pairs."""
    found = rebalance(day)
    return PortfolioProblem(
        expected_returns=found.expected_returns, covariance=found.covariance, budget=5
    )


def steps(day: int) -> PortfolioProblem:
    """Six stocks of two bits: half of the lots that there are."""
    return stocks(6, day=day, budget=9, bits=2)


MONTHLY = range(0, (6 if SHORT else 36) * MONTH + 1, MONTH)
QUARTER = range((10 if SHORT else 3 * MONTH) + 1)
DAILY = range((10 if SHORT else YEAR) + 1)


def desk() -> None:
    """What the desk waits for on successive rebalances: nine pairs, and weights in steps."""
    kept = min(rebalance(day).expected_returns.shape[0] for day in MONTHLY)
    shrunk = statistics.median(rebalance(day).mean_shrinkage for day in MONTHLY)
    data = f"{PAIRS}, at least {kept} judged, median shrinkage of the means {shrunk:.0%}"
    for name, problem, circuit, layers, reach, daily, panel in (
        ("desk_9_pairs", pairs, "qaoa-xy", 8, 0.1, DAILY, f"budget 5, {data}"),
        ("steps_6_assets_2_bits", steps, "qaoa-x", 5, 0.2, QUARTER, f"budget 9 lots, {STOCKS}"),
    ):
        for alpha in (0.1, 1.0):
            for cadence, days in (("daily", daily), ("monthly", MONTHLY)):
                found = refits(problem, days, circuit, layers=layers, cvar_alpha=alpha)
                tell(
                    f"{name}_{cadence}_alpha_{alpha:g}",
                    found,
                    reach,
                    f"{circuit} p = {layers}, alpha {alpha:g}, {cadence}, {panel}",
                )


def tell(name: str, found: Refits, reach: float, how: str) -> None:
    """Seconds cold and warm, and what they depend on."""
    for start, answers, bound in (("cold", found.cold, 1.0), ("warm", found.warm, reach)):
        taken = [answer.wall_s for answer in answers]
        spread = f"median; {min(taken):.2g} to {max(taken):.2g} s, {MACHINE}"
        seconds = statistics.median(taken)
        # Fewer re-fits than the figure is asked of are no answer to it.
        asked = None if SHORT else bound
        figure(f"{name}_{start}_s", seconds, "s", asked, f"{how}; {spread}", at_most=True)
    how = f"{how}; {found.describe()}"
    figure(f"{name}_share_of_gradients", found.share, "share", None, how)


FIRST_ANSWER = """
import numpy as np
from agents.optimizer.allocate import Optimizer, VariationalSettings
optimizer = Optimizer(method="qaoa-xy", settings=VariationalSettings(layers=8))
optimizer.allocate(1e-4 * np.arange(9), 1e-5 * np.eye(9), 5)
"""


def first_answer() -> None:
    """The first answer of a new process."""
    taken = []
    for _ in range(4):  # the first fills the cache of kernels
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", FIRST_ANSWER], check=True)
        taken.append(time.perf_counter() - began)
    how = (
        f"interpreter, imports, kernels from the cache, 9 assets, XY p = 8; median of 3; {MACHINE}"
    )
    figure("first_answer_of_a_process_s", statistics.median(taken[1:]), "s", None, how)
