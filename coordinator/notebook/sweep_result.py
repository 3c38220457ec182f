"""`SweepResult`: a sweep, as a notebook looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from coordinator.notebook.picture import Picture, picture
from coordinator.report.grid import Grid, columns, framed, plain_text
from coordinator.report.markup import Html, number, safe
from coordinator.report.pictures import BASKET, DESK
from coordinator.sweep.heatmaps import TITLES, axis_of, heat_map
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.report import write_sweep_report
from coordinator.sweep.tables import curve_table, trial_table, window_table
from coordinator.sweep.words import (
    NAMES,
    SHOWN,
    figure,
    forward_in_words,
    luck_in_words,
    trials_in_words,
    windows_in_words,
)
from market.errors import InvalidError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SweepResult:
    """A sweep and what came of it. folder: holds its trials and tables."""

    folder: Path
    outcome: Outcome

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial: its values, and its figures on the whole history, in sample."""
        return trial_table(self.outcome)

    @property
    def windows(self) -> pd.DataFrame:
        """One row a window: the trial picked in training, and what it did in the test."""
        return window_table(self.outcome)

    @property
    def curve(self) -> pd.DataFrame:
        """Growth of 1 out of sample, tuned and untuned. InvalidError without a walk forward."""
        outcome = self.outcome
        if outcome.tuned is None or outcome.untuned is None:
            raise InvalidError("one pass in sample has no bars out of sample; sweep with windows")
        return curve_table(outcome.tuned, outcome.untuned)

    def plot_growth(self) -> Picture:
        """Growth of 100 out of sample: tuned before every test, and the settings as they were."""
        return picture("growth of 100 out of sample", self._growth)

    def plot_map(self, rows: str, across: str) -> Picture:
        """The objective over two settings, in training beside in test, in the same colours."""
        return picture(f"{rows} and {across}", lambda: self._map(rows, across))

    def plot_trials(self) -> Picture:
        """Every trial: its mean objective in training across, in test up."""
        return picture("trials in training and in test", self._scatter)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the whole sweep as a page; by default report.html in its folder."""
        target = self.folder / "report.html" if path is None else Path(path)
        return write_sweep_report(self.outcome, target)

    def __repr__(self) -> str:
        return plain_text(self._heading(), "", self._grid().text(), "", *self._notes())

    def _repr_html_(self) -> str:
        notes = "".join(f'<p class="small">{safe(note)}</p>' for note in self._notes())
        return framed(Html(f"<p>{safe(self._heading())}</p>"), self._grid().html(), Html(notes))

    def _heading(self) -> str:
        outcome = self.outcome
        return f"{trials_in_words(outcome)}; {windows_in_words(outcome.sweep)}"

    def _grid(self) -> Grid:
        outcome = self.outcome
        shown = {}
        if outcome.best is not None:
            name = f"in sample, best of {outcome.trials:,}"
            shown[name] = outcome.results[outcome.best].measures[0]
        if outcome.tuned is not None and outcome.untuned is not None:
            shown["out of sample, tuned"] = outcome.tuned.measures
            shown["out of sample, as it was"] = outcome.untuned.measures
        rows = tuple(
            (label, *(figure(name, getattr(measures, name)) for measures in shown.values()))
            for name, label in SHOWN
        )
        return Grid(columns("Figure", *shown, numbers=tuple(shown)), rows)

    def _notes(self) -> list[str]:
        luck = self.outcome.luck
        return [*([] if luck is None else [luck_in_words(luck)]), forward_in_words(self.outcome)]

    def _growth(self) -> Figure:
        figure, axes = _axes(9.0, 3.8, 1)
        curve = 100.0 * self.curve
        axes[0].plot(curve.index, curve["untuned"], color=BASKET, linewidth=1.0, label="As it was")
        axes[0].plot(curve.index, curve["tuned"], color=DESK, linewidth=1.0, label="Tuned")
        axes[0].set_ylabel("Growth of 100, out of sample")
        axes[0].legend(frameon=False, loc="upper left")
        return figure

    def _map(self, rows: str, across: str) -> Figure:
        outcome = self.outcome
        for key in (rows, across):
            if key not in outcome.sweep.space.keys:
                known = ", ".join(outcome.sweep.space.keys)
                raise InvalidError(f"{key!r} was not searched; searched were {known}")
        parts = ("train", "test") if outcome.sweep.windows else ("whole",)
        axis, other = axis_of(outcome, rows), axis_of(outcome, across)
        maps = [
            heat_map(axis, other, outcome.figures(outcome.objective, part)).means for part in parts
        ]
        known = np.abs(np.concatenate([found.ravel() for found in maps]))
        largest = float(np.nanmax(known)) if np.isfinite(known).any() else 1.0
        figure, sides = _axes(4.6 * len(parts), 0.45 * len(axis.labels) + 1.6, len(parts))
        for axes, part, means in zip(sides, parts, maps, strict=True):
            axes.imshow(means, cmap="RdBu", vmin=-largest, vmax=largest, aspect="auto")
            axes.set_xticks(range(len(other.labels)), other.labels)
            axes.set_yticks(range(len(axis.labels)), axis.labels)
            axes.set_xlabel(across)
            axes.set_title(TITLES[part], fontsize=10)
            _write_values(axes, means, largest)
        sides[0].set_ylabel(rows)
        return figure

    def _scatter(self) -> Figure:
        outcome = self.outcome
        if not outcome.sweep.windows:
            raise InvalidError("one pass in sample has no test; sweep with windows")
        train, test = (outcome.figures(outcome.objective, part) for part in ("train", "test"))
        figure, axes = _axes(5.0, 4.2, 1)
        axes[0].scatter(train, test, color=DESK, alpha=0.6, s=22)
        axes[0].axline((0.0, 0.0), slope=1.0, color="0.5", linewidth=0.8, linestyle=":")
        axes[0].axhline(0.0, color="0.4", linewidth=0.8)
        axes[0].axvline(0.0, color="0.4", linewidth=0.8)
        name = NAMES[outcome.objective]
        axes[0].set_xlabel(f"{name} in training, mean")
        axes[0].set_ylabel(f"{name} in test, mean")
        return figure


def _axes(width: float, height: float, count: int) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure  # noqa: PLC0415  (an optional extra)

    drawn = Figure(figsize=(width, height), layout="constrained")
    return drawn, list(drawn.subplots(1, count, squeeze=False)[0])


def _write_values(axes: Axes, means: np.ndarray, largest: float) -> None:
    for (row, column), value in np.ndenumerate(means):
        if np.isfinite(value):
            dark = abs(value) > 0.6 * largest
            axes.text(
                column, row, number(value, 2), ha="center", va="center", fontsize=8,
                color="white" if dark else "black",
            )  # fmt: skip
