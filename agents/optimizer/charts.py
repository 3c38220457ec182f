"""A picture of a quantum answer: what was measured, and how training went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from agents.optimizer.allocation import Allocation, Measurement
from market.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 24


def plot_allocation(allocation: Allocation, symbols: Sequence[str], path: Path) -> None:
    """Writes the measured distribution and the course of training as PNG, SVG or PDF.

    symbols: (N,) names of the assets. Raises ConfigError where matplotlib is not installed or the
    allocation holds no measurement (a classical answer).
    """
    if allocation.measurement is None or allocation.honesty is None:
        raise ConfigError(
            f"plot: the answer of {allocation.method} is not a measured one; only quantum methods "
            "have a distribution to show"
        )
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "plot: matplotlib is not installed. Install it with: pip install matplotlib"
        ) from None
    figure = Figure(figsize=(11.0, 7.5), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(2, 1))
    _draw_distribution(
        above, allocation.measurement, symbols, allocation.honesty.classical_objective
    )
    _draw_course(below, allocation)
    figure.suptitle(f"{allocation.method}, {allocation.layers} layers")
    figure.savefig(path, dpi=150)


def _draw_distribution(
    axes: Axes, measurement: Measurement, symbols: Sequence[str], classical: float
) -> None:
    shown = min(SHOWN, measurement.counts.shape[0])
    shares = measurement.counts[:shown] / measurement.counts.sum()
    best = np.isclose(measurement.objectives[:shown], classical, rtol=1e-9, atol=0.0)
    colours = np.where(
        best, "tab:green", np.where(measurement.holds_budget[:shown], "tab:blue", "lightgray")
    )
    axes.bar(np.arange(shown), shares, color=list(colours))
    axes.set_xticks(
        np.arange(shown),
        [label(bits, symbols) for bits in measurement.bits[:shown]],
        rotation=90,
        fontsize=7,
    )
    axes.set_ylabel("share of the shots")
    axes.set_title(
        f"{shown} most frequent of {measurement.counts.shape[0]} strings measured "
        "(green: the classical answer; gray: misses the budget)",
        fontsize=9,
    )


def _draw_course(axes: Axes, allocation: Allocation) -> None:
    if allocation.measurement is None or allocation.honesty is None:
        return
    course = allocation.measurement.course
    axes.plot(np.arange(1, course.shape[0] + 1), course, linewidth=1.0, label="trained objective")
    axes.axhline(
        allocation.honesty.classical_objective,
        color="tab:green",
        linestyle="--",
        label=f"classical ({allocation.honesty.classical_method})",
    )
    axes.set_xlabel("call of the circuit")
    axes.set_ylabel("f")
    axes.legend(fontsize=8)


def label(bits: np.ndarray[tuple[int], np.dtype[np.int8]], symbols: Sequence[str]) -> str:
    """A measured string as the assets it holds, with lots where an asset can hold several."""
    per_asset = bits.shape[0] // len(symbols)
    lots = bits.reshape(len(symbols), per_asset) @ (1 << np.arange(per_asset))
    if per_asset == 1:
        return " ".join(symbol for symbol, held in zip(symbols, lots, strict=True) if held)
    return " ".join(f"{symbol}:{held}" for symbol, held in zip(symbols, lots, strict=True) if held)
