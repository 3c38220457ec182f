"""`quorum optimize`: one allocation, the quantum answer beside the classical one."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from agents.optimizer.allocate import Optimizer
from agents.optimizer.allocation import Allocation
from agents.optimizer.charts import plot_allocation
from agents.optimizer.configured import check_backend
from agents.optimizer.desk import budget_of
from agents.optimizer.estimates import Estimates, estimate
from agents.optimizer.settings import SIMULATOR
from agents.optimizer.warming import load_kernels
from coordinator.bootstrap import optimizer_of, prices_of
from coordinator.cli.options import AsJson, ConfigFile, listed
from coordinator.configuration.settings import Settings
from coordinator.configuration.sources import load_settings
from market.bars import Floats, utc
from market.errors import ConfigError, DataError

COLUMN = re.compile(r"\bcolumn (\d+)\b")
PICTURES = (".png", ".svg", ".pdf")
Backend = Annotated[
    str | None,
    typer.Option("--backend", help="simulator, statevector, aer, ibm or ibm:<device>."),
]
Budget = Annotated[
    int | None,
    typer.Option(
        "--budget",
        help="Lots to divide; with one bit an asset, how many assets. "
        "Unset: optimizer.budget_share of all lots.",
    ),
]
Lookback = Annotated[
    int | None,
    typer.Option("--lookback", help="Returns to estimate from. Unset: as configured."),
]
Deadline = Annotated[
    float | None,
    typer.Option("--deadline", help="Seconds until the classical answer. Unset: as configured."),
]
Bits = Annotated[int | None, typer.Option("--bits", help="Bits an asset: weights in steps.")]


def optimize(
    data: Annotated[str | None, typer.Option("--data", help="'ecb', or a file or folder.")] = None,
    assets: Annotated[str | None, typer.Option("--assets", help="Comma-separated.")] = None,
    budget: Budget = None,
    method: Annotated[
        str | None, typer.Option("--method", help="qaoa-xy, qaoa-x, vqe or exact.")
    ] = None,
    layers: Annotated[int | None, typer.Option("--layers", help="Depth of the circuit.")] = None,
    bits: Bits = None,
    lookback: Lookback = None,
    deadline: Deadline = None,
    backend: Backend = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of starts and shots.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Picture of what was measured: PNG, SVG, PDF.")
    ] = None,
    clock: Annotated[str | None, typer.Option("--clock", help="Clock of a file.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Choose assets by mean and variance of their returns, and say what the answer is worth."""
    settings = load_settings(
        config,
        {
            "desk": {"seed": seed},
            "data": {"source": data, "instruments": listed(assets), "clock": clock},
            "optimizer": {
                "method": method, "layers": layers, "backend": backend, "bits_per_asset": bits,
            },
        },
    )  # fmt: skip
    chosen = settings.optimizer
    check_backend(chosen.backend)
    lookback = chosen.allocation_lookback if lookback is None else lookback
    deadline = chosen.deadline_s if deadline is None else deadline
    _check_numbers(lookback, deadline)
    if plot is not None:
        _check_picture(plot, chosen.method)
    console = Console(stderr=as_json)
    symbols, estimates, until = _estimated(settings, lookback)
    course = _Course()
    with console.status(course):
        build = optimizer_of(settings, deadline_s=deadline)
        quantum = build(watch=course)
        if budget is None:
            budget = budget_of(chosen.budget_share, len(symbols), quantum.max_lots)
        # Kernels are loaded on the project's own simulator: no backend is asked for it, nor timed.
        load_kernels(partial(build, backend=SIMULATOR, deadline_s=None))
        answer, classical = _answers(quantum, estimates, budget, deadline)
    if as_json:
        typer.echo(json.dumps(_as_json(symbols, estimates, answer, classical)))
    else:
        console.print(f"{len(symbols)} assets, {lookback} returns to {until}, budget {budget}")
        _tell(console, symbols, estimates, answer, classical)
    if plot is not None and answer.measurement is None:
        console.print("no picture: no circuit of the whole problem was measured")
    elif plot is not None:
        plot_allocation(answer, symbols, plot)
        console.print(f"picture  {plot}")


def _answers(
    quantum: Optimizer, estimates: Estimates, budget: int, deadline: float
) -> tuple[Allocation, Allocation]:
    """The asked answer, and the classical one in what it left of the deadline."""
    begun = time.perf_counter()
    means, covariance = estimates.expected_returns, estimates.covariance
    answer = quantum.allocate(means, covariance, budget)
    if quantum.method == "exact":
        return answer, answer
    left_s = max(0.0, deadline - (time.perf_counter() - begun))
    exact = Optimizer(q=quantum.q, bits_per_asset=quantum.bits_per_asset, deadline_s=left_s)
    return answer, exact.allocate(means, covariance, budget)


def _tell(
    console: Console,
    symbols: list[str],
    estimates: Estimates,
    answer: Allocation,
    classical: Allocation,
) -> None:
    console.print(_weights(symbols, answer, classical))
    console.print(_honesty(answer))
    for warning in (*estimates.warnings, *answer.warnings):
        console.print(f"note: {warning}", highlight=False)
    if answer.fallback_reason:
        console.print(f"[bold]fallback[/] to {answer.method}: {answer.fallback_reason}")


class _Course:
    """How training goes, as the line that a person sees meanwhile."""

    def __init__(self) -> None:
        self.calls = 0
        self.value = 0.0

    def __call__(self, value: float) -> None:
        self.calls += 1
        self.value = value

    def __rich__(self) -> str:
        if not self.calls:
            return "compiling the circuit"
        return f"training the circuit: call {self.calls}, objective {self.value:.4e}"


def _check_numbers(lookback: int, deadline: float) -> None:
    if lookback < 2:
        raise ConfigError(f"--lookback: expected at least 2 returns, found {lookback}")
    if not deadline > 0.0:
        raise ConfigError(f"--deadline: expected more than 0 seconds, found {deadline:g}")


def _check_picture(plot: Path, method: str) -> None:
    """Refuse, before anything is trained, a picture that could not be drawn or written."""
    if method == "exact":
        raise ConfigError(
            "--plot: the exact method measures nothing; only quantum methods have a distribution "
            "to show"
        )
    if plot.suffix.lower() not in PICTURES:
        raise ConfigError(f"--plot: expected a name in {', '.join(PICTURES)}, found {plot.name!r}")
    if not plot.absolute().parent.is_dir():
        raise ConfigError(f"--plot: there is no folder {plot.parent}; make it first")


def _estimated(settings: Settings, lookback: int) -> tuple[list[str], Estimates, str]:
    """The assets that can be judged, their estimates, and the day they end on."""
    bars, traded = prices_of(settings)
    close = bars.close[:, :traded]
    if len(close) <= lookback:
        raise DataError(
            f"{len(close)} bars are too few for {lookback} returns; choose a shorter --lookback"
        )
    window: Floats = close[-lookback - 1 :]
    needed = min(settings.optimizer.allocation_min_observations, lookback)
    estimates = estimate(window[1:] / window[:-1] - 1.0, min_observations=needed)
    names = bars.symbols[:traded]
    symbols = [name for name, judged in zip(names, estimates.included, strict=True) if judged]
    warnings = tuple(_by_symbol(warning, names) for warning in estimates.warnings)
    until = f"{utc(bars.time[-1]):%Y-%m-%d}"
    return symbols, replace(estimates, warnings=warnings), until


def _by_symbol(warning: str, symbols: Sequence[str]) -> str:
    """A warning about a column of the window, told about the asset in it."""
    return COLUMN.sub(lambda found: symbols[int(found[1])], warning)


def _weights(symbols: list[str], answer: Allocation, classical: Allocation) -> Table:
    table = Table("asset", answer.method, "classical")
    for column in (1, 2):
        table.columns[column].justify = "right"
    for symbol, weight, reference in zip(symbols, answer.weights, classical.weights, strict=True):
        table.add_row(symbol, *(f"{w:.1%}" if w else "·" for w in (weight, reference)))
    table.add_section()
    for label, name in (("objective", "objective"), ("return a bar", "expected_return")):
        values = (getattr(answer, name), getattr(classical, name))
        table.add_row(label, *(f"{value + 0.0:.3e}" for value in values))  # no -0
    deviations = (np.sqrt(answer.variance), np.sqrt(classical.variance))
    table.add_row("deviation a bar", *(f"{value:.3e}" for value in deviations))
    table.add_row("seconds", f"{answer.wall_s:.3f}", f"{classical.wall_s:.3f}")
    table.add_row("proven optimal", str(answer.proven_optimal), str(classical.proven_optimal))
    return table


def _honesty(answer: Allocation) -> Table:
    table = Table(show_header=False, box=None)
    honesty = answer.honesty
    if honesty is None:
        table.add_row("the classical answer alone: nothing was measured")
        return table
    rows: list[tuple[str, float | None, str]] = [
        ("approximation ratio (1 is perfect)", honesty.approximation_ratio, ".3f"),
        ("probability that a shot keeps the budget", honesty.feasible_probability, ".3f"),
        ("probability that a shot is the optimum", honesty.optimum_probability, ".4f"),
        ("the same over uniform sampling's", honesty.uniform_gain, ".1f"),
        ("chance of uniform shots to find it too", honesty.uniform_shots_probability, ".3f"),
        ("gap to the classical answer before polish", honesty.gap_before_polish, ".2e"),
        ("gap to the classical answer", honesty.gap, ".2e"),
    ]
    if honesty.gap_of_relaxation is not None:
        rows.append(("gap of the rounded relaxation, no circuit", honesty.gap_of_relaxation, ".2e"))
    for label, value, form in rows:
        table.add_row(label, "unknown" if value is None else format(value, form))
    table.add_row(
        "layers, energies, gradients", f"{answer.layers}, {answer.evaluations}, {answer.gradients}"
    )
    return table


def _as_json(
    symbols: list[str], estimates: Estimates, answer: Allocation, classical: Allocation
) -> dict[str, Any]:
    return {
        "assets": symbols,
        "weights": answer.weights.tolist(),
        "classical_weights": classical.weights.tolist(),
        "method": answer.method,
        "bits": list(answer.bits),
        "objective": answer.objective,
        "classical_objective": classical.objective,
        "classical_proven": classical.proven_optimal,
        "expected_return": answer.expected_return,
        "variance": answer.variance,
        "energy": answer.energy,
        "layers": answer.layers,
        "evaluations": answer.evaluations,
        "gradients": answer.gradients,
        "wall_s": answer.wall_s,
        "classical_wall_s": classical.wall_s,
        "budget_holds": answer.budget_holds,
        "fallback_reason": answer.fallback_reason,
        "warnings": [*estimates.warnings, *answer.warnings],
        "honesty": dataclasses.asdict(answer.honesty) if answer.honesty is not None else None,
    }
