"""The further tables of docs/QUANTUM.md, one function a table."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping

import numpy as np

from agents.optimizer.allocation import Allocation
from agents.optimizer.backends import backend
from agents.optimizer.encoding import encode
from agents.optimizer.exact import ExactSolver, enumerate_lots
from agents.optimizer.local_search import local_search
from agents.optimizer.mip import certify
from agents.optimizer.phases import apply_phases
from agents.optimizer.primitives import PrimitiveSolver
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.xy_mixer import mix, ring_pairs
from benchmarks.measuring.figures import MACHINE, SHORT, figure, medians
from benchmarks.optimization.answers import gain, honest, ratio, solve, solver
from benchmarks.optimization.problems import STOCKS, stocks
from benchmarks.optimization.processors import processors
from benchmarks.optimization.rebalances import YEAR, refits

UNITS = {
    "r": "r", "budget_kept": "probability", "gain_over_uniform": "times",
    "optimum_probability": "probability", "gradients": "gradients",
}  # fmt: skip


def row(name: str, answer: Allocation, how: str, *columns: str) -> None:
    """The figures of one answer."""
    found = {
        "r": ratio(answer),
        "budget_kept": honest(answer).feasible_probability or 0.0,
        "gain_over_uniform": gain(answer),
        "optimum_probability": honest(answer).optimum_probability or 0.0,
        "gradients": answer.gradients,
    }
    for column in columns:
        figure(f"{name}_{column}", found[column], UNITS[column], None, how)


def noise() -> None:
    """What depolarizing noise leaves of the XY circuit; needs Qiskit Aer."""
    if importlib.util.find_spec("qiskit_aer") is None:
        print("noise: Qiskit Aer is not installed; left out", file=sys.stderr)
        return
    problem = stocks(6)
    settings = VariationalSettings(layers=2)
    how = f"6 assets, XY p = 2, alpha 0.1, trained without noise, 1024 shots of Aer, {STOCKS}"
    for error in (0.0, 0.005, 0.02, 0.1):
        opened = backend("aer", shots=settings.shots, seed=0, depolarizing=error)
        answer = PrimitiveSolver("qaoa-xy", settings, ExactSolver(), opened).solve(
            problem, Stopwatch()
        )
        row(f"noise_{error:g}", answer, how, "budget_kept", "r", "gain_over_uniform")


def methods() -> None:
    """Every circuit at both objectives."""
    problem = stocks(9, budget=4)
    for circuit, layers in (
        ("qaoa-xy", 3),
        ("qaoa-xy", 8),
        ("qaoa-x", 3),
        ("qaoa-x", 8),
        ("vqe", 3),
    ):
        for alpha in (1.0, 0.1):
            answer = solve(problem, circuit, layers=layers, cvar_alpha=alpha)
            how = f"9 assets, budget 4, {circuit} p = {layers}, alpha {alpha:g}, {STOCKS}"
            name = f"methods_{circuit}_p{layers}_alpha_{alpha:g}"
            row(name, answer, how, "r", "budget_kept", "gain_over_uniform", "gradients")


def layers() -> None:
    """Quality against depth."""
    assets = 10 if SHORT else 14
    for depth in (1, 2, 3) if SHORT else (1, 2, 3, 4, 5, 6, 8, 10, 12):
        for alpha in (1.0, 0.1):
            answer = solve(stocks(assets), layers=depth, cvar_alpha=alpha)
            how = f"{assets} assets, XY p = {depth}, alpha {alpha:g}, {STOCKS}"
            row(f"layers_{depth}_alpha_{alpha:g}", answer, how, "r", "gain_over_uniform")


def sizes() -> None:
    """Quality and seconds against the number of assets, beside the classical solvers."""
    for assets in (9, 12) if SHORT else (9, 12, 14, 16, 18, 20):
        problem, yesterday = stocks(assets), stocks(assets, day=1)
        answer = solve(problem, layers=5)
        how = f"{assets} assets, XY p = 5, alpha 0.1, {STOCKS}"
        row(f"size_{assets}", answer, how, "r", "optimum_probability")
        warm = solver(layers=5)
        warm.solve(yesterday, Stopwatch())
        start = dict(warm.warm)

        def again() -> Allocation:
            warm.restore(start)  # noqa: B023 it is called in this turn of the loop alone
            return warm.solve(problem, Stopwatch())  # noqa: B023

        calls: dict[str, Callable[[], object]] = {
            "cold": lambda: solve(problem, layers=5),  # noqa: B023
            "warm": again,
            "enumeration": lambda: enumerate_lots(problem),  # noqa: B023
            "local_search": lambda: local_search(problem),  # noqa: B023
            "highs": lambda: certify(problem),  # noqa: B023
        }
        tell_seconds(f"size_{assets}", medians(calls, repeats=3, at_once=20), how)


def classical() -> None:
    """Where swap local search finds the optimum, and where branch and bound proves nothing."""
    for assets in (9, 12) if SHORT else (9, 12, 14, 16, 18, 20):
        tell_gap_of_search(f"classical_stocks_{assets}", stocks(assets), f"{assets} of {STOCKS}")
    for assets in (12,) if SHORT else (12, 16, 20):
        how = f"{assets} assets, no returns, three factors"
        tell_gap_of_search(f"classical_partitioning_{assets}", partitioning(assets), how)
    for assets in (12,) if SHORT else (12, 30):
        found = certify(partitioning(assets))
        how = f"1: proven by HiGHS within 200 nodes; {assets} assets, no returns, three factors"
        figure(f"classical_partitioning_{assets}_proven", float(found.proven), "", None, how)


def tell_gap_of_search(name: str, problem: PortfolioProblem, how: str) -> None:
    """How far local search ends above the optimum."""
    best = problem.objective(enumerate_lots(problem))
    gap = (problem.objective(local_search(problem)) - best) / abs(best)
    figure(f"{name}_local_search_gap", gap, "of |f|", None, f"against enumeration; {how}")


def partitioning(assets: int) -> PortfolioProblem:
    """No returns, three factors carry all risk: number partitioning."""
    loadings = np.random.default_rng(3).normal(size=(assets, 3))
    return PortfolioProblem(
        expected_returns=np.zeros(assets),
        covariance=loadings @ loadings.T + 1e-6 * np.eye(assets),
        budget=assets // 2,
    )


def tell_seconds(name: str, seconds: Mapping[str, float], how: str) -> None:
    """One figure a call."""
    for call, taken in seconds.items():
        figure(f"{name}_{call}_s", taken, "s", None, f"{how}; median, in turn; {MACHINE}")


def year() -> None:
    """A year of daily rebalances, warm against cold."""
    days = range((10 if SHORT else YEAR) + 1)
    for alpha in (1.0, 0.1):
        found = refits(lambda day: stocks(9, day=day, budget=4), days, layers=8, cvar_alpha=alpha)
        how = f"9 assets, budget 4, XY p = 8, alpha {alpha:g}, {STOCKS}; {found.describe()}"
        name = f"year_alpha_{alpha:g}"
        figure(f"{name}_share_of_gradients", found.share, "share", None, how)
        figure(f"{name}_loss_of_ratio", found.loss, "r", None, how)


def kernels() -> None:
    """What a state costs in the innermost loops."""
    encoding = encode(stocks(16), "qaoa-x")
    cost = encoding.costs(encoding.states())
    state = np.full((2, cost.shape[0]), 2.0**-8)
    complex_state = state[0] + 1j * state[1]
    ring = encode(stocks(16), "qaoa-xy")
    pairs = ring_pairs(ring.states(), 16)
    inside = np.full((2, ring.states().shape[0]), 0.01)
    twenty = stocks(20)
    taken = medians(
        {
            "phase": lambda: apply_phases(state, cost, 0.3),
            "numpy_phase": lambda: complex_state * np.exp(-0.3j * cost),
            "mixer": lambda: mix(inside, pairs, 0.3),
            "enumeration": lambda: enumerate_lots(twenty),
        },
        at_once=20,
    )
    moved = pairs.shape[0] * pairs.shape[2]
    for name, number, what in (
        ("phase", cost.shape[0], "a state of 2^16: apply_phases"),
        ("numpy_phase", cost.shape[0], "a state of 2^16: numpy's exp and product"),
        ("mixer", moved, "a pair of the XY mixer, 16 assets, budget 8"),
        ("enumeration", twenty.feasible_states(), "a state, C(20, 10)"),
    ):
        figure(f"kernel_{name}_ns", 1e9 * taken[name] / number, "ns", None, f"{what}; {MACHINE}")


TABLES: dict[str, Callable[[], None]] = {
    "noise": noise,
    "methods": methods,
    "layers": layers,
    "sizes": sizes,
    "classical": classical,
    "year": year,
    "kernels": kernels,
    "processors": processors,
}
