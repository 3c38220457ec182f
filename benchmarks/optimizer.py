"""The quantum optimizer: agreement with Qiskit, speed, quality. One JSON line a figure.

Comparisons are interleaved and quoted as ratios of medians. Without Qiskit Aer its figures are
left out; without skfolio's data (`pip install skfolio`) nothing can be measured. `--short` takes
small sizes only.
"""

from __future__ import annotations

import importlib.util
import json
import operator
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from agents.optimizer.allocate import Optimizer
from agents.optimizer.allocation import Allocation, Honesty
from agents.optimizer.backends import backend
from agents.optimizer.circuits import circuit_of
from agents.optimizer.clusters import ClusterSolver
from agents.optimizer.cvar import TailObjective
from agents.optimizer.encoding import encode
from agents.optimizer.estimates import estimate
from agents.optimizer.exact import ExactSolver
from agents.optimizer.problem import PortfolioProblem
from agents.optimizer.settings import VariationalSettings
from agents.optimizer.stopwatch import Stopwatch
from agents.optimizer.training import Training
from agents.optimizer.variational import VariationalSolver, train_layers
from infra.feeds.ecb import EcbFeed
from market.bars import Floats
from market.errors import DataError

SHORT = "--short" in sys.argv[1:]
REPEATS = 5 if SHORT else 11
DAYS = 250
CPU = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
MODEL = CPU.partition("model name")[2].partition("\n")[0].strip("\t :")
MACHINE = f"one core of {MODEL or platform.machine()}"


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
    prices = np.genfromtxt(path, delimiter=",", skip_header=1)[:, 1:]
    returns: Floats = prices[1:] / prices[:-1] - 1.0
    return returns


RETURNS = stock_returns()


def stocks(assets: int, *, day: int = 0) -> PortfolioProblem:
    """The first `assets` stocks over the 250 days that end `day` days before the last; q = 0.5."""
    window = RETURNS[len(RETURNS) - DAYS - day : len(RETURNS) - day, :assets]
    return PortfolioProblem(
        expected_returns=window.mean(axis=0), covariance=np.cov(window.T), budget=assets // 2
    )


def medians(calls: dict[str, Callable[[], object]], repeats: int = REPEATS) -> dict[str, float]:
    """Median seconds of each call; they take turns, after one call each to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(repeats):
        for name, call in calls.items():
            # Calls of microseconds are timed ten at once, or the clock would be measured.
            count = 10 if name in ("energy", "gradient") else 1
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
        how = f"largest difference to Qiskit's Statevector, p = 3, n in {sizes}, up to a phase"
        figure(f"statevector_difference_{circuit}", worst, "amplitude", 1e-10, how, at_most=True)


def calls_of(circuit: str, assets: int, layers: int) -> dict[str, Callable[[], object]]:
    """An energy and a gradient of a circuit on the stocks."""
    encoding = encode(stocks(assets), circuit)
    states = encoding.states()
    costs = encoding.costs(states)
    simulator = encoding.simulator(layers, states, costs)
    angles = np.random.default_rng(assets).normal(size=simulator.angles)
    mean = TailObjective(costs, 1.0)
    return {
        "energy": lambda: mean(simulator.probabilities(angles)),
        "gradient": lambda: simulator.gradient(mean(simulator.probabilities(angles))[1]),
    }


def run_of(name: str, assets: int, layers: int) -> Callable[[], object]:
    """The same circuit, sampled by a backend of Qiskit."""
    circuit = circuit_of(encode(stocks(assets), "qaoa-x"), layers)
    circuit.measure_all()
    opened = backend(name)()
    ready = opened.pass_manager.run(circuit)
    angles = np.random.default_rng(assets).normal(size=circuit.num_parameters)
    return lambda: opened.sampler.run([(ready, angles)], shots=1024).result()[0].data.meas


def speed() -> None:
    """One p = 3 energy of the X mixer's circuit against Qiskit's samplers."""
    others = ["statevector"] + ["aer"] * (importlib.util.find_spec("qiskit_aer") is not None)
    for assets in (6, 10) if SHORT else (6, 8, 10, 12, 14, 16):
        calls = {name: run_of(name, assets, 3) for name in others}
        taken = medians({"energy": calls_of("qaoa-x", assets, 3)["energy"], **calls})
        for name in others:
            reach = 100.0 if name == "statevector" else 50.0 if assets <= 14 else 10.0
            how = (
                f"p = 3 X mixer, 1024 shots: {1e3 * taken[name]:.3g} ms against "
                f"{1e3 * taken['energy']:.3g} ms, medians of {REPEATS} interleaved; {MACHINE}"
            )
            times = taken[name] / taken["energy"]
            figure(f"energy_speedup_{name}_n{assets}", times, "times", reach, how)


def gradients() -> None:
    """A gradient in units of energies."""
    sizes = [(n, p) for n in ((6, 10) if SHORT else (6, 10, 14, 16)) for p in (1, 3, 8)]
    for circuit in ("qaoa-x", "qaoa-xy", "vqe"):
        taken = {size: medians(calls_of(circuit, *size), 5 * REPEATS) for size in sizes}
        ratios = {size: found["gradient"] / found["energy"] for size, found in taken.items()}
        worst = max(ratios, key=lambda size: ratios[size])
        how = f"worst of (n, p) in {sizes}: {worst}; all angles at once"
        figure(f"gradient_in_energies_{circuit}", ratios[worst], "energies", 5.0, how, at_most=True)


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
    reach = (None, None, None) if SHORT else (0.88, 250.0, 1200.0)
    ratio, gain = honest(mean).approximation_ratio or 0.0, honest(mean).uniform_gain or 0.0
    calls = f"{mean.gradients} gradients, {mean.wall_s:.3g} s cold"
    figure("xy_approximation_ratio", ratio, "r", reach[0], f"{how}; {calls}")
    figure("xy_approximation_ratio_in_data_order", in_data_order(assets), "r", None, how)
    figure("xy_gain_over_uniform", gain, "times", reach[1], how)
    calls = f"alpha 0.1; {tail.gradients} gradients, {tail.wall_s:.3g} s cold"
    gain = honest(tail).uniform_gain or 0.0
    figure("xy_cvar_gain_over_uniform", gain, "times", reach[2], f"{how}, {calls}")


def in_data_order(assets: int) -> float:
    """The approximation ratio at p = 8 with the assets around the ring as the data has them."""
    encoding = encode(stocks(assets), "qaoa-xy")
    back = np.argsort(encoding.placement)
    form = encoding.form
    encoding = replace(
        encoding,
        placement=np.arange(assets),
        form=replace(form, quadratic=form.quadratic[back][:, back], linear=form.linear[back]),
    )
    costs = encoding.costs(encoding.states())
    training = Training(encoding.simulator(8, encoding.states(), costs), costs, Stopwatch())
    train_layers(training, costs, None, VariationalSettings(layers=8, cvar_alpha=1.0))
    return float((costs.max() - training.value) / np.ptp(costs))


def warm_start() -> None:
    """Daily re-fits, warm against cold."""
    days = 5 if SHORT else 20
    settings = VariationalSettings(layers=5, cvar_alpha=1.0)
    warm = VariationalSolver("qaoa-xy", settings, ExactSolver())
    warm.solve(stocks(14, day=days), Stopwatch())
    refits = [warm.solve(stocks(14, day=day), Stopwatch()) for day in reversed(range(days))]
    fresh = [solve(stocks(14, day=day), layers=5, cvar_alpha=1.0) for day in reversed(range(days))]
    cost = sum(a.gradients for a in refits) / sum(a.gradients for a in fresh)
    kept, reference = (
        statistics.fmean(honest(answer).approximation_ratio or 0.0 for answer in answers)
        for answers in (refits, fresh)
    )
    how = f"n = 14, XY p = 5, {days} daily re-fits"
    figure("warm_share_of_gradients", cost, "share", 0.2, how, at_most=True)
    how = f"{how}; cold r {reference:.4f}"
    figure("warm_loss_of_ratio", reference - kept, "r", 0.001, how, at_most=True)


def desk() -> None:
    """What the desk waits for: nine pairs, and weights in steps."""
    close = EcbFeed().load().close[-DAYS - 1 :]
    estimates = estimate(close[1:] / close[:-1] - 1.0)
    pairs = Optimizer(method="qaoa-xy", settings=VariationalSettings(layers=8))
    lots = Optimizer(method="qaoa-x", bits_per_asset=2, settings=VariationalSettings(layers=5))
    steps = stocks(6)
    for name, optimizer, means, covariance, budget, reach in (
        ("desk_9_pairs", pairs, estimates.expected_returns, estimates.covariance, 5, 0.1),
        ("steps_6_assets_2_bits", lots, steps.expected_returns, steps.covariance, 8, 0.2),
    ):
        optimizer.allocate(means, covariance, budget)  # compiles what is not in the cache yet
        cold, warm = [], []
        for _ in range(REPEATS):
            optimizer.resume({})
            cold.append(optimizer.allocate(means, covariance, budget))
            warm.append(optimizer.allocate(1.05 * means, covariance, budget))
        how = f"{cold[0].layers} layers, {cold[0].gradients} gradients; {MACHINE}"
        seconds = statistics.median(answer.wall_s for answer in cold)
        figure(f"{name}_cold_s", seconds, "s", 1.0, how, at_most=True)
        how = f"means moved by 5 %, {warm[0].gradients} gradients; {MACHINE}"
        seconds = statistics.median(answer.wall_s for answer in warm)
        figure(f"{name}_warm_s", seconds, "s", reach, how, at_most=True)
    for _ in range(2):  # the first fills the cache of kernels
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", FIRST_ANSWER], check=True)
        seconds = time.perf_counter() - began
    how = f"interpreter, imports, kernels from the cache, 9 assets, XY p = 8; {MACHINE}"
    figure("first_answer_of_a_process_s", seconds, "s", None, how)


FIRST_ANSWER = """
import numpy as np
from agents.optimizer.allocate import Optimizer, VariationalSettings
optimizer = Optimizer(method="qaoa-xy", settings=VariationalSettings(layers=8))
optimizer.allocate(1e-4 * np.arange(9), 1e-5 * np.eye(9), 5)
"""


def twenty_stocks() -> None:
    """End to end on every stock, whole and in clusters, against the certificate."""
    problem = stocks(20)
    settings = VariationalSettings(layers=3 if SHORT else 8)
    whole = VariationalSolver("qaoa-xy", settings, ExactSolver())
    inner = VariationalSolver("qaoa-xy", replace(settings, polish=False), ExactSolver())
    blocks = ClusterSolver(inner, ExactSolver(), most_assets=8)
    for name, solver in (("whole", whole), ("clusters", blocks)):
        answer = solver.solve(problem, Stopwatch())
        honesty = honest(answer)
        size = abs(honesty.classical_objective)
        how = (
            f"XY p = {settings.layers}, {answer.gradients} gradients, {answer.wall_s:.3g} s; "
            f"certified by {honesty.classical_method} in {1e3 * honesty.classical_wall_s:.3g} ms"
        )
        after, before = honesty.gap / size, honesty.gap_before_polish / size
        figure(f"gap_20_stocks_{name}", after, "of |f|", 0.0, how, at_most=True)
        figure(f"gap_20_stocks_{name}_before_polish", before, "of |f|", None, how)


def main() -> None:
    """Every figure, in the order of the table in docs/QUANTUM.md."""
    for measure in (agreement, speed, gradients, quality, warm_start, desk, twenty_stocks):
        measure()


if __name__ == "__main__":
    main()
