"""The results as a table for the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from coordinator.results.measures import Measure
from coordinator.results.summary import Results

PAIRS = (
    ("total_return", "trades"),
    ("annual_return", "win_rate"),
    ("annual_volatility", "profit_factor"),
    ("sharpe_ratio", "average_holding_days"),
    ("sortino_ratio", "turnover"),
    ("calmar_ratio", "average_leverage"),
    ("sterling_ratio", "spread_cost"),
    ("max_drawdown", "slippage_cost"),
    ("longest_drawdown_days", "financing"),
    ("information_ratio", "agent_consensus_rate"),
    ("basket_annual_return", "refusals"),
)


def shown(found: Measure, account_currency: str) -> str:
    """A figure as people read it."""
    value = found.value
    if value is None:
        return "not modelled" if found.name == "financing" else "undefined"
    forms = {
        "fraction": f"{value:.2%}",
        "ratio": f"{value:.2f}",
        "count": f"{value:,.0f}",
        "money": f"{value:,.0f} {account_currency}",
        "bars": f"{value:,.1f} bars",
        "days": f"{value:,.1f} days" if abs(value) < 100.0 else f"{value:,.0f} days",
        "times a year": f"{value:.1f}× a year",
        "times": f"{value:.2f}×",
    }
    return forms[found.unit]


def results_table(results: Results) -> RenderableType:
    """About a dozen lines, at most 100 columns wide."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for justify in ("left", "right", "left", "right"):
        table.add_column(justify=justify, no_wrap=True)
    currency = results.account_currency
    for left, right in PAIRS:
        cells = [results[left], results[right]]
        table.add_row(
            cells[0].label, shown(cells[0], currency), "   " + cells[1].label,
            shown(cells[1], currency),
        )  # fmt: skip
    return Group(_heading(results), Text(), table, Text(), _notes(results))


def _heading(results: Results) -> Text:
    days = "no bars"
    if results.first is not None and results.last is not None:
        days = f"{results.first:%Y-%m-%d} to {results.last:%Y-%m-%d}"
    count = len(results.instruments_traded)
    heading = Text(f"Run {results.session}", style="bold")
    heading.append(
        f"  {results.outcome} · {days} · {results.bars:,} bars · {count} instruments",
        style="not bold",
    )
    return heading


def _notes(results: Results) -> Text:
    """What a reader of the figures must know."""
    decisions = ", ".join(f"{n:,} {name}" for name, n in results.counts.decisions.items())
    halts = ", ".join(f"{n:,} {name}" for name, n in results.counts.halts.items()) or "none"
    rearms = results["rearms"].value or 0.0
    notes = [
        f"Votes decided: {decisions or 'nothing'}.",
        f"Halts: {halts}; re-armed by the scripted supervisor {rearms:,.0f} times.",
        f"{results.calendar.statement.capitalize()}. Definitions are in metrics.json.",
    ]
    if not results.has_extremes:
        notes.append("The data has one fixing a bar: stops are seen on the fixing only.")
    failures = results["abstentions"].value or 0.0
    if failures:
        notes.append(f"Agents failed on {failures:,.0f} decisions and abstained.")
    notes += [f"The journal lacks {lack}." for lack in results.missing]
    return Text("\n".join(notes), style="dim")
