"""Two runs on one page: what differs in their settings, and what came of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from coordinator.report.differences import (
    NAMES,
    decision_differences,
    growth_series,
    setting_differences,
)
from coordinator.report.document import document
from coordinator.report.headline import figure
from coordinator.report.markup import (
    Column,
    Html,
    block,
    chart,
    in_words,
    number,
    paragraph,
    percent,
    safe,
    section,
    side_by_side,
    table,
    tinted,
)
from coordinator.results.measures import Measure
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.results.write import write_whole

SCRIPTS = ("scales.js", "charts.js", "comparison.js")


class Run(NamedTuple):
    """A journal and its figures."""

    record: RunRecord
    results: Results


def write_comparison(first: Run, second: Run, path: Path) -> Path:
    """Write the comparison of two runs as one offline HTML file and return its path.

    Raises RunFolderError where it cannot be written.
    """
    write_whole(path, comparison_page(first, second).encode())
    return path


def comparison_page(first: Run, second: Run) -> str:
    """The comparison as text."""
    sessions = f"{first.results.session} and {second.results.session}"
    body = [
        _masthead(first, second),
        section(
            "Growth of 100",
            chart("growth", height=320),
            block("Drawdown", chart("drawdown", height=170)),
            note="Equity over the initial balance, in each account's currency.",
        ),
        _settings_section(first, second),
        _figures_section(first, second),
        _results_section(first, second),
        _decisions_section(first, second),
    ]
    data = growth_series(first.results, second.results)
    return document(f"Quorum: runs {sessions} compared", body, data, SCRIPTS)


def _masthead(first: Run, second: Run) -> Html:
    rows = []
    for name, run in zip(NAMES, (first, second), strict=True):
        results = run.results
        period = "no bars"
        if results.first is not None and results.last is not None:
            period = f"{results.first:%-d %b %Y} to {results.last:%-d %b %Y}"
        rows.append(
            f"<div><dt>Run {name}</dt><dd>{safe(results.session)}, {safe(results.outcome)}: "
            f"{safe(' '.join(run.record.agents))} on {len(run.record.symbols)} instruments, "
            f"{period}, {results.bars:,} bars</dd></div>"
        )
    same = first.results.digest == second.results.digest
    note = "<p>The two journals are the same, event for event.</p>" if same else ""
    return Html(
        '<header><p class="mark">Quorum comparison</p><h1>Two runs</h1>'
        f'<dl class="facts long">{"".join(rows)}</dl>{note}</header>'
    )


def _settings_section(first: Run, second: Run) -> Html:
    differences = setting_differences(first.record, second.record)
    if not differences:
        return section("What was set differently", paragraph("Nothing."))
    columns = (
        Column(title="Setting", align="left"),
        Column(title="A", align="left"),
        Column(title="B", align="left"),
    )
    return section("What was set differently", table(columns, differences, kind="words"))


def _figures_section(first: Run, second: Run) -> Html:
    rows = [
        (
            found.label,
            figure(found, first.results.account_currency),
            figure(second.results[found.name], second.results.account_currency),
            _difference(found, second.results[found.name]),
        )
        for found in first.results.measures
    ]
    columns = (
        Column(title="Figure", align="left"),
        Column(title="A"),
        Column(title="B"),
        Column(title="B − A"),
    )
    return section(
        "Figures", table(columns, rows), note="Definitions stand in the report of each run."
    )


def _difference(left: Measure, right: Measure) -> str:
    if left.value is None or right.value is None:
        return "–"
    change = right.value - left.value
    if left.unit == "fraction":
        return f"{number(100.0 * change, 2, sign=True)} pp"
    digits = 2 if left.unit in ("ratio", "times", "times a year") else 0
    return number(change, digits, sign=True)


def _results_section(first: Run, second: Run) -> Html:
    left, right = first.results, second.results
    return section(
        "Profit and loss",
        side_by_side(
            block("By instrument", _pairs(left.instruments["pnl"], right.instruments["pnl"])),
            block("By agent", _pairs(left.agents["contribution"], right.agents["contribution"])),
        ),
    )


def _pairs(left: pd.Series, right: pd.Series) -> Html:
    names = [*left.index, *(name for name in right.index if name not in left.index)]
    rows: list[tuple[str | Html, ...]] = []
    for name in names:
        a, b = (float(side.get(name, float("nan"))) for side in (left, right))
        change = b - a
        rows.append((str(name), number(a), number(b), tinted(change, number(change, sign=True))))
    columns = (
        Column(title="", align="left"),
        Column(title="A"),
        Column(title="B"),
        Column(title="B − A"),
    )
    return table(columns, rows)


def _decisions_section(first: Run, second: Run) -> Html:
    differences = decision_differences(first.record, second.record)
    shared = int(differences.attrs["shared"])
    if not shared:
        return section("Decisions", paragraph("The runs share no bar of any instrument."))
    if differences.empty:
        return section("Decisions", paragraph(f"All {shared:,} shared decisions are the same."))
    kinds = Counter(zip(differences["A"], differences["B"], strict=True))
    rows = [
        (in_words(a), in_words(b), number(count), percent(count / shared, 2))
        for (a, b), count in kinds.most_common()
    ]
    start = differences.iloc[0]
    columns = (
        Column(title="A decided", align="left"),
        Column(title="B decided", align="left"),
        Column(title="Times"),
        Column(title="Of shared"),
    )
    return section(
        "Decisions",
        table(columns, rows),
        note=f"{len(differences):,} of {shared:,} shared decisions differ, the first on "
        f"{start['time']:%-d %b %Y} in {start['symbol']}.",
    )
