"""A picture of an answer, drawn with matplotlib (the extra `plots`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from coordinator.report.pictures import BASKET, DESK, png_of, require_matplotlib
from coordinator.results.record import RunRecord
from coordinator.whatif.answer import Answer
from market.bars import Floats
from market.conversion import Indices
from market.errors import ConfigError, RunFolderError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BAR = 0.38


def check_picture(path: Path) -> None:
    """Refuse, before anything is tallied, a picture that could not be drawn or written."""
    if path.suffix.lower() != ".png":
        raise ConfigError(f"--plot: expected a name that ends in .png, found {path.name!r}")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"--plot: there is no folder {path.parent}; make it first")
    require_matplotlib()


def write_picture(record: RunRecord, found: Answer, title: str, path: Path) -> None:
    """The course of the yardstick, changes by instrument, Shapley values by agent.

    Raises RunFolderError where the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (an optional extra)

    figure = Figure(figsize=(10.0, 6.6), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(1.1, 1.0))
    _draw_course(figure.add_subplot(grid[0, :]), record, found)
    _draw_instruments(figure.add_subplot(grid[1, 0]), found)
    _draw_agents(figure.add_subplot(grid[1, 1]), found)
    figure.suptitle(f"{title}\nThe market path is held fixed", fontsize=11)
    try:
        path.write_bytes(png_of(figure))
    except OSError as error:
        raise RunFolderError(f"{path} cannot be written: {error.strerror or error}") from None


def _draw_course(axes: Axes, record: RunRecord, found: Answer) -> None:
    time = record.decided.time
    for outcome, label, colour in (
        (record.decided.outcome, "recorded", DESK),
        (found.again.outcome, "what if", BASKET),
    ):
        axes.plot(time, _course(found, outcome), color=colour, linewidth=1.2, label=label)
    axes.axhline(0.0, color="0.4", linewidth=0.8)
    axes.set_title("Side × the next bar's return, mean over instruments, summed up", fontsize=10)
    axes.set_ylabel("bps, before costs")
    axes.margins(x=0.0)
    axes.legend(frameon=False, loc="upper left")


def _course(found: Answer, outcome: Indices) -> Floats:
    """(D,) the mean of each bar's decisions, added up; a bar without a next one adds nothing."""
    known = found.outlook.known
    results = np.where(known, found.outlook.results(outcome), 0.0)
    mean = results.sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    course: Floats = mean.cumsum()
    return course


def _draw_instruments(axes: Axes, found: Answer) -> None:
    table = found.differences.by_instrument
    share = 100.0 * table["changed"] / table["decisions"]
    axes.barh(list(share.index)[::-1], list(share)[::-1], color=BASKET)
    axes.set_title("Decisions that change", fontsize=10)
    axes.set_xlabel("% of the instrument's decisions")


def _draw_agents(axes: Axes, found: Answer) -> None:
    names = found.recorded.names[::-1]
    at = np.arange(len(names))
    for asked, offset, label, colour in (
        (False, BAR / 2, "recorded", DESK),
        (True, -BAR / 2, "what if", BASKET),
    ):
        values = [found.share_of(name, asked=asked) or 0.0 for name in names]
        axes.barh(at + offset, values, height=BAR, color=colour, label=label)
    axes.set_yticks(at, names)
    axes.axvline(0.0, color="0.4", linewidth=0.8)
    axes.set_title("Shapley value of each agent", fontsize=10)
    axes.set_xlabel("bps a decision, before costs")
    axes.legend(frameon=False, fontsize=8)
