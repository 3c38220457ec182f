"""The charts of a run as PNG files, drawn with matplotlib (the extra `plots`)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from coordinator.report.series import VOTE_BINS, vote_histogram
from coordinator.results.curves import currency_exposure
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.results.write import write_whole
from market.errors import InvalidError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESK, BASKET, LOSS = "#1d4f91", "#b3762b", "#b5432f"
DOTS_PER_INCH = 160


def write_pictures(record: RunRecord, results: Results, folder: Path) -> tuple[Path, ...]:
    """Write equity.png, exposure.png, votes.png and contribution.png; returns their paths.

    Raises InvalidError without matplotlib or without bars, RunFolderError where a file cannot
    be written.
    """
    require_matplotlib()
    if results.bars < 2:
        raise InvalidError(f"run {results.session} has {results.bars} bars; pictures need two")
    figures = {
        "equity.png": equity_figure(record, results),
        "exposure.png": exposure_figure(record),
        "votes.png": votes_figure(record),
        "contribution.png": contribution_figure(results),
    }
    for name, figure in figures.items():
        write_whole(folder / name, png_of(figure))
    return tuple(folder / name for name in figures)


def equity_figure(record: RunRecord, results: Results) -> Figure:
    """Equity with the basket above, drawdown below."""
    figure = _figure(9.0, 5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2.2, 1.0])
    curve = results.curve
    above.plot(curve.index, curve["basket"], color=BASKET, linewidth=1.0, label="Basket")
    above.plot(curve.index, curve["equity"], color=DESK, linewidth=1.0, label="Desk")
    above.set_ylabel(f"Equity, {record.session.account_currency}")
    above.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    above.legend(frameon=False, loc="upper left")
    below.fill_between(curve.index, -100.0 * curve["drawdown"], color=LOSS, alpha=0.75, linewidth=0)
    below.set_ylabel("Drawdown, %")
    below.margins(x=0.0)
    return figure


def exposure_figure(record: RunRecord) -> Figure:
    """Net exposure by currency over equity."""
    exposure = currency_exposure(record)
    figure = _figure(9.0, 0.75 * max(len(exposure.columns), 1) + 0.8)
    rows = figure.subplots(len(exposure.columns), 1, sharex=True, sharey=True, squeeze=False)
    for axes, currency in zip(rows[:, 0], exposure.columns, strict=True):
        values = exposure[currency]
        axes.fill_between(exposure.index, values.clip(lower=0.0), color=DESK, linewidth=0)
        axes.fill_between(exposure.index, values.clip(upper=0.0), color=LOSS, linewidth=0)
        axes.margins(x=0.0)
        axes.set_ylabel(str(currency), rotation=0, ha="right", va="center")
    figure.supylabel("Net exposure / equity", fontsize=9)
    return figure


def votes_figure(record: RunRecord) -> Figure:
    """How each agent's scores are distributed, neutral votes left out."""
    figure = _figure(2.4 * len(record.agents), 2.5)
    columns = figure.subplots(1, len(record.agents), sharey=True, squeeze=False)
    centres = (np.arange(VOTE_BINS) + 0.5) * 2.0 / VOTE_BINS - 1.0
    for agent, (axes, name) in enumerate(zip(columns[0], record.agents, strict=True)):
        shares = 100.0 * vote_histogram(record, agent)
        axes.bar(centres, shares, width=1.9 / VOTE_BINS, color=DESK)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("Score")
    columns[0, 0].set_ylabel("Votes, %")
    return figure


def contribution_figure(results: Results) -> Figure:
    """Profit and loss by instrument and by agent."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  (an optional extra)

    figure = _figure(9.0, 0.3 * max(len(results.instruments), len(results.agents)) + 1.2)
    sides = figure.subplots(1, 2)
    parts = (results.instruments["pnl"], results.agents["contribution"])
    for axes, values, title in zip(sides, parts, ("By instrument", "By agent"), strict=True):
        colours = [DESK if value >= 0.0 else LOSS for value in values]
        axes.barh(list(values.index)[::-1], list(values)[::-1], color=colours[::-1])
        axes.axvline(0.0, color="0.4", linewidth=0.8)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(f"Profit and loss, {results.account_currency}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    return figure


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415  (an optional extra)

    return Figure(figsize=(width, height), layout="constrained")


def png_of(figure: Figure) -> bytes:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        if not axes.images:
            axes.grid(axis="y", color="0.9", linewidth=0.8)
        axes.set_axisbelow(True)
    buffer = BytesIO()
    options: dict[str, Any] = {"format": "png", "dpi": DOTS_PER_INCH, "facecolor": "white"}
    figure.savefig(buffer, **options)
    return buffer.getvalue()


def require_matplotlib() -> None:
    try:
        import matplotlib  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        raise InvalidError(
            "pictures are drawn with matplotlib, which is not installed; "
            "install it with: pip install 'quorum-desk[plots]'"
        ) from None
