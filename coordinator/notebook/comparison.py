"""`Comparison`: two runs beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from coordinator.notebook.picture import Picture, picture
from coordinator.notebook.run import Run
from coordinator.report import comparison as page
from coordinator.report.differences import NAMES, decision_differences, setting_differences
from coordinator.report.grid import Grid, columns, framed, plain_text
from coordinator.report.markup import Html, safe
from coordinator.report.pictures import BASKET, DESK
from coordinator.results.table import shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMPARED = (
    "total_return", "annual_return", "annual_volatility", "sharpe_ratio", "max_drawdown",
    "trades", "win_rate", "turnover", "average_leverage", "spread_cost", "slippage_cost",
    "financing", "refusals", "agent_consensus_rate",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Comparison:
    """Two runs and what is different. names: what they are called beside each other."""

    first: Run
    second: Run
    names: tuple[str, str]

    @property
    def figures(self) -> pd.DataFrame:
        """One row a figure: label, unit, both values, and the second less the first."""
        left, right = self.names
        frame = pd.DataFrame(
            [
                (found.name, found.label, found.unit, found.value, other.value)
                for found, other in zip(
                    self.first.results.measures, self.second.results.measures, strict=True
                )
            ],
            columns=["name", "label", "unit", left, right],
        ).set_index("name")
        frame = frame.astype({left: "float64", right: "float64"})
        frame["difference"] = frame[right] - frame[left]
        return frame

    @property
    def settings(self) -> pd.DataFrame:
        """One row a setting, an input or an agent that the two were given differently."""
        rows = setting_differences(self.first.record, self.second.record)
        return pd.DataFrame(rows, columns=["setting", *self.names]).set_index("setting")

    @property
    def decisions(self) -> pd.DataFrame:
        """One row a shared bar and instrument that they decided differently.

        attrs["shared"]: how many decisions were compared.
        """
        differences = decision_differences(self.first.record, self.second.record)
        return differences.rename(columns=dict(zip(NAMES, self.names, strict=True)))

    def plot_equity(self) -> Picture:
        """Both accounts, each from 100."""
        return picture("growth of 100", self._growth)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the comparison as a page; by default comparison.html in the second run's folder."""
        runs = [page.Run(run.record, run.results) for run in (self.first, self.second)]
        target = self.second.folder / "comparison.html" if path is None else Path(path)
        return page.write_comparison(runs[0], runs[1], target)

    def __repr__(self) -> str:
        return plain_text(self._grid().text(), f"\n{self._differences()}")

    def _repr_html_(self) -> str:
        note = Html(f'<p class="small">{safe(self._differences())}</p>')
        return framed(self._grid().html(), note)

    def _grid(self) -> Grid:
        left, right = self.first.results, self.second.results
        rows = tuple(
            (
                left[name].label,
                shown(left[name], left.account_currency),
                shown(right[name], right.account_currency),
            )
            for name in COMPARED
        )
        return Grid(columns("Figure", *self.names, numbers=self.names), rows)

    def _differences(self) -> str:
        """What was set differently, and how many decisions came out differently."""
        decisions = self.decisions
        settings = ", ".join(str(name) for name in self.settings.index) or "nothing"
        return (
            f"Set differently: {settings}. {len(decisions):,} of {decisions.attrs['shared']:,} "
            "shared decisions differ."
        )

    def _growth(self) -> Figure:
        from matplotlib.figure import Figure  # noqa: PLC0415  (an optional extra)

        figure = Figure(figsize=(9.0, 3.8), layout="constrained")
        axes = figure.subplots()
        sides = zip(self.names, (self.first, self.second), (BASKET, DESK), strict=True)
        for name, run, colour in sides:
            growth = 100.0 * run.equity["equity"] / run.results.initial_balance
            axes.plot(growth.index, growth, color=colour, linewidth=1.0, label=name)
        axes.set_ylabel("Equity, start = 100")
        axes.legend(frameon=False, loc="upper left")
        return figure


def compare(first: Run, second: Run, *, names: tuple[str, str] = NAMES) -> Comparison:
    """Put two runs beside each other."""
    return Comparison(first=first, second=second, names=names)
