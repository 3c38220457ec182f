"""The report of a sweep: what choosing did, first of all on bars that it had not seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from agents.guardian.measures.drawdown import drawdown_curve
from coordinator.report.document import document
from coordinator.report.markup import (
    Column,
    Html,
    block,
    chart,
    paragraph,
    safe,
    section,
    table,
)
from coordinator.report.series import rounded, seconds, shown_rows
from coordinator.results.write import write_whole
from coordinator.sweep.cards import headline_cards
from coordinator.sweep.heatmaps import heat_blocks
from coordinator.sweep.listings import DAY, failures_section, trials_section, windows_section
from coordinator.sweep.outcome import Outcome
from coordinator.sweep.tables import kept_in
from coordinator.sweep.words import (
    IN_SAMPLE_ONLY,
    NAMES,
    figure,
    forward_in_words,
    luck_in_words,
    trials_in_words,
    value_in_words,
    values_in_words,
    windows_in_words,
)
from market.bars import utc

SCRIPTS = ("scales.js", "charts.js", "sweep.js")


def write_sweep_report(outcome: Outcome, path: Path) -> Path:
    """Write the report as one offline HTML file; RunFolderError where it cannot be written."""
    write_whole(path, sweep_page(outcome).encode(), kept=kept_in(path.parent))
    return path


def sweep_page(outcome: Outcome) -> str:
    """The report as text."""
    name = outcome.sweep.digest[:10]
    body = [
        _masthead(outcome),
        _warnings(outcome),
        headline_cards(outcome),
        _forward_section(outcome),
        _luck_section(outcome),
        _heat_section(outcome),
        windows_section(outcome),
        trials_section(outcome),
        failures_section(outcome),
        _sources_section(outcome),
    ]
    return document(f"Quorum sweep {name}", body, _series(outcome), SCRIPTS)


def _masthead(outcome: Outcome) -> Html:
    sweep = outcome.sweep
    time, traded = sweep.base.bars.time, sweep.base.desk.symbols[: sweep.base.desk.traded]
    period = f"{utc(time[sweep.whole.start]):{DAY}} to {utc(time[-1]):{DAY}}"
    facts = [
        ("Period", f"{period}, {len(sweep.whole):,} bars"),
        ("Instruments", " ".join(traded)),
        ("Searched", ", ".join(sweep.space.keys)),
        ("Judged by", windows_in_words(sweep)),
    ]
    listed = "".join(f"<div><dt>{safe(k)}</dt><dd>{safe(v)}</dd></div>" for k, v in facts)
    return Html(
        f'<header><p class="mark">Quorum sweep · {safe(sweep.digest[:10])}</p>'
        f"<h1>{safe(trials_in_words(outcome))}</h1>"
        f'<dl class="facts">{listed}</dl></header>'
    )


def _warnings(outcome: Outcome) -> Html:
    said = []
    if not outcome.sweep.windows:
        said.append(IN_SAMPLE_ONLY)
    if not outcome.complete:
        said.append(
            f"{len(outcome.sweep.configurations) - outcome.trials:,} of "
            f"{len(outcome.sweep.configurations):,} configurations were not run."
        )
    if not said:
        return Html("")
    return Html(f'<div class="warning" role="note">{safe(" ".join(said))}</div>')


def _forward_section(outcome: Outcome) -> Html:
    if outcome.tuned is None:
        return Html("")
    return section(
        "Out of sample",
        chart("growth", height=300),
        block("Drawdown", chart("drawdown", height=150)),
        note=forward_in_words(outcome) + " Growth of 100 over the test windows, one after the "
        "other, each begun flat; spread and slippage are paid.",
    )


def _luck_section(outcome: Outcome) -> Html:
    luck = outcome.luck
    if luck is None:
        return section(
            "The best of many",
            paragraph(f"No trial has a {NAMES[outcome.objective]}: none traded, or all failed."),
        )
    rows = [
        ("Trials made", f"{luck.trials:,}", "Those that failed or never traded included; counted "
         "as independent, which is strict: neighbours on a grid are alike"),
        ("Sharpe ratio of the best", figure("", luck.sharpe_ratio), "Annual, on the whole "
         "history, in sample"),
        ("Spread of the trials", figure("", luck.spread_of_trials), "Standard deviation of the "
         "trials' Sharpe ratios"),
        ("Best by luck alone", figure("", luck.expected_best), "Expected largest of so many "
         "without skill, with that spread (equation 1)"),
        ("Probabilistic Sharpe ratio", figure("", luck.probabilistic), "Probability that the true "
         "ratio is above 0, had nothing been chosen"),
        ("Deflated Sharpe ratio", figure("", luck.deflated), "The same above what luck alone "
         "brings (equation 2)"),
        ("Skew, kurtosis of returns", f"{figure('', luck.skew)}, {figure('', luck.kurtosis)}",
         "0 and 3 for a normal distribution; they widen the doubt"),
        ("Bars", f"{luck.bars:,}", outcome.sweep.calendar.statement),
    ]  # fmt: skip
    columns = (
        Column(title="Figure", align="left"),
        Column(title="Value"),
        Column(title="What it is", align="left"),
    )
    return section(
        "The best of many",
        table(columns, rows, kind="definitions"),
        note=luck_in_words(luck) + " Bailey and López de Prado, The Deflated Sharpe Ratio, Journal "
        "of Portfolio Management 40 (5), 2014.",
    )


def _heat_section(outcome: Outcome) -> Html:
    parts = heat_blocks(outcome)
    blocks = [*parts, *_scatter(outcome)]
    note = f"Mean {NAMES[outcome.objective]} of the trials in a cell; where more settings are "
    note += "searched, over all their values. "
    if outcome.sweep.windows:
        note += "Left what the choice saw, right what followed, in the same colours."
    return section("The space that was searched", *blocks, note=note)


def _scatter(outcome: Outcome) -> list[Html]:
    if not outcome.sweep.windows:
        return []
    return [
        block(
            "Every trial",
            chart("scatter", height=280),
            note=f"Mean {NAMES[outcome.objective]} in training across, in test up; a dot a trial. "
            "Were training a guide, the dots would lie along the line.",
        )
    ]


def _sources_section(outcome: Outcome) -> Html:
    sweep = outcome.sweep
    space = sweep.space
    searched = [
        (axis.key, ", ".join(value_in_words(value) for value in axis.values))
        for axis in space.choices
    ]
    searched += [
        (axis.key, f"{axis.low:g} to {axis.high:g}{', logarithmic' if axis.log else ''}")
        for axis in space.ranges
    ]
    kind = "every combination" if space.draws is None else f"{space.draws:,} drawn at random"
    facts = [
        *searched,
        ("Configurations", f"{len(sweep.configurations):,}: {kind}"),
        ("Objective", NAMES[outcome.objective]),
        ("Prices", sweep.base.data),
        ("Financing", sweep.base.financing),
        ("Annualised with", sweep.calendar.statement),
        ("Versions", ", ".join(f"{name} {version}" for name, version in sweep.base.versions)),
    ]
    listed = "".join(f"<div><dt>{safe(k)}</dt><dd>{safe(v)}</dd></div>" for k, v in facts)
    return section(
        "What this rests on",
        Html(f'<dl class="facts long">{listed}</dl>'),
        note="A simulation on past prices. Every window begins flat with the initial balance; a "
        "position open at its end is valued at its closing side and not carried.",
    )


def _series(outcome: Outcome) -> dict[str, Any]:
    """What the charts draw."""
    tuned, untuned = outcome.tuned, outcome.untuned
    if tuned is None or untuned is None:
        return {"objective": outcome.objective}
    depths = [drawdown_curve(chain.growth, 1.0) for chain in (tuned, untuned)]
    kept = np.union1d(shown_rows(tuned.growth, depths[0]), shown_rows(untuned.growth, depths[1]))
    time = pd.DatetimeIndex(tuned.time[kept].view("datetime64[ns]"), tz="UTC")
    train, test = (outcome.figures(outcome.objective, part) for part in ("train", "test"))
    known = np.flatnonzero(np.isfinite(train) & np.isfinite(test))
    numbers = list(outcome.results)
    return {
        "objective": outcome.objective,
        "time": seconds(time),
        "growth": [rounded(100.0 * chain.growth[kept], 2) for chain in (tuned, untuned)],
        "drawdown": [rounded(-depth[kept], 4) for depth in depths],
        "trials": {
            "train": rounded(train[known], 3),
            "test": rounded(test[known], 3),
            "said": [
                f"trial {numbers[n]}: {values_in_words(outcome.values(numbers[n]))}" for n in known
            ],
        },
    }
