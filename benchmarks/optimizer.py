"""The quantum optimizer: agreement with Qiskit, speed, quality. One JSON line a figure.

Comparisons are interleaved and quoted as ratios of medians. Without Qiskit Aer its figures are
left out; without skfolio's data (`pip install skfolio`) nothing can be measured. `--short` takes
small sizes only.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import operator
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from agents.optimizer.allocate import Optimizer
from agents.optimizer.allocation import Allocation, Honesty
from agents.optimizer.backends import backend
from agents.optimizer.circuits import circuit_of
from agents.optimizer.clusters import ClusterSolver
from agents.optimizer.encoding import encode
from agents.optimizer.estimates import estimate
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.simulator import Simulator
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.variational import VariationalSolver
from infra.feeds.ecb import EcbFeed
from market.bars import Floats
from market.errors import DataError

SHORT = "--short" in sys.argv[1:]
REPEATS = 5 if SHORT else 11
DAYS = 250
MACHINE = f"one of the cores of {platform.processor() or platform.machine()}"


def figure(
    name: str, value: float, unit: str, reach: float | None, how: str, *, at_most: bool = False
) -> None:
    """Print one figure as a JSON line; `at_most` turns the bound around."""
    line: dict[str, object] = {"figure": name, "value": float(f"{value:.4g}"), "unit": unit}
    if reach is not None:
        holds = (operator.le if at_most else operator.ge)(value, reach)
        line |= {"reach": reach, "holds": bool(holds)}
    print(json.dumps(line | {"how": how}), flush=True)


def stock_returns() -> Floats:
    """(T, 20) daily returns of the S&P 500 stocks that skfolio carries; it is not imported."""
    spec = importlib.util.find_spec("skfolio")
    if spec is None or spec.origin is None:
        raise DataError("the panel of skfolio is not installed; run: pip install skfolio")
    path = Path(spec.origin).parent / "datasets" / "data" / "sp500_dataset.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = [line.split(",")[1:] for line in file.read().splitlines()[1:]]
    prices = np.array(rows, dtype=np.float64)
    returns: Floats = prices[1:] / prices[:-1] - 1.0
    return returns


RETURNS = stock_returns()


def stocks(
    assets: int, *, day: int = 0, budget: int | None = None, bits: int = 1
) -> PortfolioProblem:
    """The first `assets` stocks over the 250 days that end `day` days before the last; q = 0.5."""
    window = RETURNS[len(RETURNS) - DAYS - day : len(RETURNS) - day, :assets]
    return PortfolioProblem(
        expected_returns=window.mean(axis=0),
        covariance=np.cov(window.T),
        budget=budget or assets // 2,
        bits_per_asset=bits,
    )


def simulator_of(circuit: str, assets: int, layers: int) -> tuple[Simulator, Floats]:
    """A circuit on the stocks and its costs."""
    encoding = encode(stocks(assets), circuit)
    states = encoding.states()
    costs = encoding.costs(states)
    return encoding.simulator(layers, states, costs), costs


def medians(calls: dict[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """Median seconds of each call; they take turns, after one call each to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(repeats):
        for name, call in calls.items():
            # A call of microseconds is timed by the dozen, or the clock would be measured.
            count = 20 if name == "ours" else 1
            began = time.perf_counter()
            for _ in range(count):
                call()
            seconds[name].append((time.perf_counter() - began) / count)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def agreement() -> None:
    """State vectors against Qiskit's."""
    from qiskit.quantum_info import Statevector  # noqa: PLC0415

    for circuit in ("qaoa-x", "qaoa-xy", "vqe"):
        worst = 0.0
        sizes = (4, 8) if SHORT else (2, 5, 8, 11, 14)
        for assets in sizes:
            encoding = encode(stocks(assets), circuit)
            states = encoding.states()
            simulator = encoding.simulator(3, states, encoding.costs(states))
            angles = np.random.default_rng(assets).normal(size=simulator.angles)
            simulator.probabilities(angles)
            found = np.zeros(1 << assets, dtype=np.complex128)
            found[states] = simulator.amplitudes()
            expected = Statevector(circuit_of(encoding, 3).assign_parameters(angles)).data
            overlap = np.vdot(expected, found)
            worst = max(worst, float(np.abs(found - expected * overlap / abs(overlap)).max()))
        figure(
            f"statevector_difference_{circuit}", worst, "amplitude", 1e-10,
            f"largest difference to Qiskit's Statevector, p = 3, n in {sizes}, up to global phase",
            at_most=True,
        )  # fmt: skip


def speed() -> None:
    """One p = 3 energy of the X mixer's circuit against Qiskit's samplers."""
    others = ["statevector"] + ["aer"] * (importlib.util.find_spec("qiskit_aer") is not None)
    for assets in (6, 10) if SHORT else (6, 8, 10, 12, 14, 16):
        encoding = encode(stocks(assets), "qaoa-x")
        simulator, costs = simulator_of("qaoa-x", assets, 3)
        angles = np.random.default_rng(assets).normal(size=simulator.angles)
        circuit = circuit_of(encoding, 3)
        circuit.measure_all()
        calls: dict[str, Callable[[], object]] = {
            "ours": lambda s=simulator, c=costs, a=angles: s.probabilities(a) @ c  # type: ignore[misc]
        }
        for name in others:
            opened = backend(name)()
            ready = opened.pass_manager.run(circuit)
            calls[name] = lambda o=opened, r=ready, a=angles: (  # type: ignore[misc]
                o.sampler.run([(r, a)], shots=1024).result()[0].data.meas.get_int_counts()
            )
        taken = medians(calls)
        for name in others:
            reach = 100.0 if name == "statevector" else 50.0 if assets <= 14 else 10.0
            figure(
                f"energy_speedup_{name}_n{assets}", taken[name] / taken["ours"], "times", reach,
                f"p = 3 X mixer, 1024 shots: {1e3 * taken[name]:.3g} ms against "
                f"{1e3 * taken['ours']:.3g} ms, medians of {REPEATS} interleaved",
            )  # fmt: skip


def gradients() -> None:
    """A gradient in units of energies."""
    for circuit in ("qaoa-x", "qaoa-xy", "vqe"):
        ratios = {}
        for assets in (6, 10) if SHORT else (6, 10, 14, 16):
            for layers in (1, 3, 8):
                simulator, costs = simulator_of(circuit, assets, layers)
                angles = np.random.default_rng(1).normal(size=simulator.angles)

                def energy(
                    s: Simulator = simulator, c: Floats = costs, a: Floats = angles
                ) -> object:
                    return s.probabilities(a) @ c

                def slope(
                    s: Simulator = simulator, c: Floats = costs, a: Floats = angles
                ) -> object:
                    return s.probabilities(a) @ c, s.gradient(c)

                taken = medians({"ours": energy, "gradient": slope})
                ratios[assets, layers] = taken["gradient"] / taken["ours"]
        worst = max(ratios, key=lambda size: ratios[size])
        figure(
            f"gradient_in_energies_{circuit}", ratios[worst], "energies", 5.0,
            f"worst over n and p = 1, 3, 8: n = {worst[0]}, p = {worst[1]}; all angles at once",
            at_most=True,
        )  # fmt: skip


def honest(answer: Allocation) -> Honesty:
    """The honesty block of an answer that did not fall back."""
    if answer.honesty is None:
        raise DataError(f"a classical answer stood in: {answer.fallback_reason}")
    return answer.honesty


def solve(problem: PortfolioProblem, circuit: str = "qaoa-xy", **settings: object) -> Allocation:
    """A cold answer."""
    solver = VariationalSolver(circuit, VariationalSettings(**settings), ExactSolver())  # type: ignore[arg-type]
    return solver.solve(problem, Stopwatch())


def quality() -> None:
    """The XY mixer at p = 8: expectation, then CVaR."""
    assets = 10 if SHORT else 16
    how = f"XY ring mixer, p = 8, n = {assets}, B = n/2, {DAYS} days of S&P 500 stocks, q = 0.5"
    mean = solve(stocks(assets), layers=8, cvar_alpha=1.0)
    tail = solve(stocks(assets), layers=8, cvar_alpha=0.1)
    ratio, gain = honest(mean).approximation_ratio, honest(mean).uniform_gain
    tail_gain = honest(tail).uniform_gain
    if ratio is None or gain is None or tail_gain is None:
        raise DataError("the distribution of 16 assets must be enumerated")
    calls = f"{mean.gradients} gradients, {mean.wall_s:.3g} s cold"
    figure("xy_approximation_ratio", ratio, "r", None if SHORT else 0.88, f"{how}; {calls}")
    figure("xy_gain_over_uniform", gain, "times", None if SHORT else 250.0, how)
    calls = f"{tail.gradients} gradients, {tail.wall_s:.3g} s cold"
    reach = None if SHORT else 1200.0
    figure("xy_cvar_gain_over_uniform", tail_gain, "times", reach, f"{how}, alpha 0.1; {calls}")


def warm_start() -> None:
    """Daily re-fits, warm against cold."""
    days = 5 if SHORT else 20
    settings = VariationalSettings(layers=5, cvar_alpha=1.0)
    warm = VariationalSolver("qaoa-xy", settings, ExactSolver())
    warm.solve(stocks(14, day=days), Stopwatch())
    refits = [warm.solve(stocks(14, day=day), Stopwatch()) for day in reversed(range(days))]
    fresh = [solve(stocks(14, day=day), layers=5, cvar_alpha=1.0) for day in reversed(range(days))]
    cost = sum(a.gradients for a in refits) / sum(a.gradients for a in fresh)
    ratios = [
        statistics.fmean(honest(answer).approximation_ratio or 0.0 for answer in answers)
        for answers in (refits, fresh)
    ]
    how = f"n = 14, XY p = 5, {days} daily re-fits"
    figure("warm_share_of_gradients", cost, "share", 0.2, how, at_most=True)
    figure(
        "warm_loss_of_ratio",
        ratios[1] - ratios[0],
        "r",
        0.001,
        f"{how}; cold r {ratios[1]:.4f}",
        at_most=True,
    )


def desk() -> None:
    """What the desk waits for: nine pairs, and weights in steps."""
    close = EcbFeed().load().close[-DAYS - 1 :]
    estimates = estimate(close[1:] / close[:-1] - 1.0)
    pairs = (estimates.expected_returns, estimates.covariance, 5)
    steps = stocks(6, budget=8, bits=2)
    cases = {
        "desk_9_pairs": (
            Optimizer(method="qaoa-xy", settings=VariationalSettings(layers=8)),
            pairs,
            0.1,
        ),
        "steps_6_assets_2_bits": (
            Optimizer(method="qaoa-x", bits_per_asset=2, settings=VariationalSettings(layers=5)),
            (steps.expected_returns, steps.covariance, 8),
            0.2,
        ),
    }
    for name, (optimizer, (means, covariance, budget), reach) in cases.items():
        optimizer.allocate(means, covariance, budget)  # compiles what is not in the cache yet
        cold, warm = [], []
        for _ in range(REPEATS):
            optimizer.resume({})
            cold.append(optimizer.allocate(means, covariance, budget))
            warm.append(optimizer.allocate(1.05 * means, covariance, budget))
        how = f"{optimizer.method}, {cold[0].layers} layers, {cold[0].gradients} gradients"
        seconds = statistics.median(answer.wall_s for answer in cold)
        figure(f"{name}_cold_s", seconds, "s", 1.0, f"{how}; {MACHINE}", at_most=True)
        how = f"means moved by 5 %, {warm[0].gradients} gradients; {MACHINE}"
        seconds = statistics.median(answer.wall_s for answer in warm)
        figure(f"{name}_warm_s", seconds, "s", reach, how, at_most=True)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_ANSWER], check=True)
    seconds = time.perf_counter() - began
    how = f"interpreter, imports, kernels from the cache, 9 assets, XY p = 8; {MACHINE}"
    figure("first_answer_of_a_process_s", seconds, "s", None, how)


FIRST_ANSWER = """
import numpy as np
from agents.optimizer.allocate import Optimizer
from agents.optimizer.settings import VariationalSettings
rng = np.random.default_rng(0)
optimizer = Optimizer(method="qaoa-xy", settings=VariationalSettings(layers=8))
optimizer.allocate(1e-3 * rng.normal(size=9), 1e-5 * np.eye(9), 5)
"""


def twenty_stocks() -> None:
    """End to end on every stock, whole and in clusters, against the certificate."""
    problem = stocks(20)
    settings = VariationalSettings(layers=3 if SHORT else 8)
    whole = VariationalSolver("qaoa-xy", settings, ExactSolver())
    blocks = ClusterSolver(whole.unpolished(), ExactSolver(), most_assets=8)
    for name, solver in (("whole", whole), ("clusters", blocks)):
        answer = solver.solve(problem, Stopwatch())
        honesty = honest(answer)
        size = abs(honesty.classical_objective)
        how = (
            f"XY p = {settings.layers}, {answer.gradients} gradients, {answer.wall_s:.3g} s; "
            f"certified by {honesty.classical_method} in {1e3 * honesty.classical_wall_s:.3g} ms"
        )
        before = honesty.gap_before_polish / size
        figure(f"gap_20_stocks_{name}", honesty.gap / size, "of |f|", 0.0, how, at_most=True)
        figure(f"gap_20_stocks_{name}_before_polish", before, "of |f|", None, how)


def main() -> None:
    """Every figure, in the order of the table in docs/QUANTUM.md."""
    for measure in (agreement, speed, gradients, quality, warm_start, desk, twenty_stocks):
        measure()


if __name__ == "__main__":
    main()
