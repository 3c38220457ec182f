"""Exposures, VaR against profit, and losses in stress, as one picture (the extra `plots`)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.guardian.assessment.assess import RiskAssessment
from coordinator.report.pictures import DESK, DOTS_PER_INCH, LOSS, require_matplotlib
from coordinator.results.write import write_whole
from coordinator.risk.backtest import VarBacktest
from coordinator.risk.words import scenario_name
from market.bars import utc
from market.errors import InvalidError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png")
LIMIT, FAINT = "#171c22", "0.9"


def check_picture(path: Path) -> None:
    """Raises InvalidError for a format that is not drawn, or without matplotlib."""
    if path.suffix.lower() not in FORMATS:
        raise InvalidError(
            f"--plot {path}: expected a file that ends in .svg or .png, found "
            f"{path.suffix or 'no ending'}"
        )
    require_matplotlib()


def write_risk_picture(found: RiskAssessment, tested: VarBacktest, path: Path) -> Path:
    """Draw into an .svg or .png file. Raises InvalidError as `check_picture`, RunFolderError."""
    check_picture(path)
    figure = risk_figure(found, tested)
    buffer = BytesIO()
    options: dict[str, Any] = {"dpi": DOTS_PER_INCH, "facecolor": "white"}
    figure.savefig(buffer, format=path.suffix.lower()[1:], **options)
    write_whole(
        path, buffer.getvalue(), kept="Draw it again with `quorum risk --plot` to another place."
    )
    return path


def risk_figure(found: RiskAssessment, tested: VarBacktest) -> Figure:
    """Exposure by currency and stress above, VaR against profit below."""
    from matplotlib.figure import Figure  # noqa: PLC0415  (an optional extra)

    rows = max(len(found.portfolio.by_currency), len(found.stress) + len(found.episodes))
    figure = Figure(figsize=(10.0, 4.2 + 0.26 * rows), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[0.8 + 0.26 * rows, 3.0])
    exposure, stress = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    _exposure(exposure, found)
    _stress(stress, found)
    _backtest(figure.add_subplot(grid[1, :]), found, tested)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    figure.suptitle(
        f"Risk at {utc(found.time):%Y-%m-%d %H:%M} UTC: score {found.score:.0f} of 100, "
        f"equity {found.equity:,.0f} {found.account_currency}",
        fontsize=11,
        x=0.01,
        ha="left",
    )
    return figure


def _exposure(axes: Axes, found: RiskAssessment) -> None:
    named = found.portfolio.by_currency[::-1]
    shares = [100.0 * value / found.equity for _, value in named]
    axes.barh(
        [name for name, _ in named], shares, color=[DESK if s >= 0.0 else LOSS for s in shares]
    )
    axes.axvline(0.0, color="0.4", linewidth=0.8)
    axes.set_title("Net exposure by currency", fontsize=10, loc="left")
    axes.set_xlabel("% of equity")
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    if not named:
        _empty(axes, "nothing is held")


def _stress(axes: Axes, found: RiskAssessment) -> None:
    scenarios = [*found.stress, *found.episodes][::-1]
    names = [scenario_name(scenario.name) for scenario in scenarios]
    losses = np.array([100.0 * scenario.loss / found.equity for scenario in scenarios])
    limits = np.array([100.0 * scenario.limit / found.equity for scenario in scenarios])
    places = np.arange(len(scenarios))
    axes.barh(
        places,
        np.nan_to_num(losses),
        color=[LOSS if loss > limit else DESK for loss, limit in zip(losses, limits, strict=True)],
    )
    axes.vlines(limits, places - 0.42, places + 0.42, color=LIMIT, linewidth=1.6, label="limit")
    for place, loss in zip(places, losses, strict=True):
        if np.isnan(loss):
            axes.text(0.0, float(place), " not in the data", va="center", fontsize=8, color="0.45")
    axes.set_yticks(places, names)
    axes.set_title("Loss in stress and in episodes", fontsize=10, loc="left")
    axes.set_xlabel("% of equity")
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.legend(frameon=False, fontsize=8, loc="lower right")


def _backtest(axes: Axes, found: RiskAssessment, tested: VarBacktest) -> None:
    if len(tested) < 2:
        _empty(axes, f"too few bars with positions to test VaR on: it needs {tested.window} before")
        axes.set_title("VaR against profit", fontsize=10, loc="left")
        return
    hits = tested.hits
    axes.bar(tested.time, tested.profit, width=_width(tested), color="0.72", label="profit")
    axes.step(
        tested.time,
        -tested.value_at_risk,
        where="mid",
        color=DESK,
        linewidth=1.1,
        label=f"−VaR, {tested.confidence:.0%}",
    )
    axes.plot(
        tested.time[hits],
        tested.profit[hits],
        linestyle="none",
        marker="v",
        markersize=5,
        color=LOSS,
        label="exception",
    )
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    axes.set_title(backtest_line(tested), fontsize=10, loc="left")
    axes.set_ylabel(f"Profit of a bar, {found.account_currency}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}".replace("-", "−"))
    axes.margins(x=0.01)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="upper left")


def backtest_line(tested: VarBacktest) -> str:
    """The statistics on one line."""
    expected = (1.0 - tested.confidence) * len(tested)
    return (
        f"{tested.exceptions} exceptions in {len(tested):,} bars, {expected:.1f} expected: "
        f"Kupiec p {tested.coverage.p_value:.2f}, "
        f"Christoffersen p {tested.independence.p_value:.2f}, "
        f"joint p {tested.joint.p_value:.2f}, Basel {tested.light.zone}"
    )


def _width(tested: VarBacktest) -> float:
    """Of a bar, in days."""
    gaps = np.diff(tested.time.as_unit("ns").asi8)
    return 0.9 * float(np.median(gaps)) / 86_400e9


def _empty(axes: Axes, said: str) -> None:
    axes.text(0.5, 0.5, said, ha="center", va="center", color="0.45", transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
