"""`quorum lookahead`: does an agent see the future, or more of the past than it says?"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from agents.law import Part, Violation, altered_how
from agents.scrutiny.lookahead import ROWS, TOLERANCE, examine_lookahead
from agents.scrutiny.verdict import Lookahead, Trial, Verdict
from coordinator.cli.counting import Counting
from coordinator.cli.examined import (
    BROKEN,
    check_tolerance,
    difference_as_json,
    examined,
    finite,
    panel_told,
    value_told,
)
from coordinator.cli.options import (
    AgentName,
    AsJson,
    BarLength,
    Clock,
    ConfigFile,
    Data,
    FirstDay,
    Instruments,
    LastDay,
    RowCount,
)
from market.bars import utc

HEADLINES: dict[Verdict, str] = {
    "exact": "keeps the law to the last bit",
    "tolerable": "keeps the law within {tolerance:g}, not to the last bit",
    "peeks": "PEEKS: later bars reach its votes",
    "remembers": "REMEMBERS further back than its lookback of {lookback:,} bars",
    "diverges": "DIVERGES: live, its newest vote is another than in replay",
    "changes": "CHANGES its votes on the same panel: it is no function of its bars",
    "raises": "RAISES on panels that history may hold; there it would abstain",
}
MEANINGS: dict[Verdict, str] = {
    "exact": "Whatever follows a bar, and wherever the panel starts, its ballot is the same.",
    "tolerable": "Largest difference {largest:.3g}. Parity of its runs can be compared within "
    "{tolerance:g}, not bit for bit.",
    "peeks": "Row t of a ballot may use rows up to t alone. No result of this agent in replay can "
    "be trusted.",
    "remembers": "Live it is given its lookback alone, and would vote otherwise than in replay. "
    "`quorum lookback` says how far it looks.",
    "diverges": "Live its `newest_vote` is asked, in replay its `vote`: they must give the same "
    "bits, or the agent does without the former.",
    "changes": "The same bars must give the same ballot: keep no state between votes, and take "
    "chance from a seed.",
    "raises": "A missing price is NaN, and any number of later bars may be missing.",
}
LABELS: dict[Part, str] = {
    "repeated": "asked again",
    "truncated": "later bars cut off",
    "emptied": "later bars without prices",
    "magnified": "later prices × a million",
    "diverted": "later prices made up",
    "window": "last `lookback` bars alone",
    "shifted": "panel starts later",
    "newest": "newest row alone",
    "gapped": "prices missing",
}


def lookahead(
    agent: AgentName,
    rows: RowCount = ROWS,
    seed: Annotated[int | None, typer.Option("--seed", help="Of rows, gaps and paths.")] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Largest difference that still keeps the law.")
    ] = TOLERANCE,
    data: Data = None,
    instruments: Instruments = None,
    start: FirstDay = None,
    end: LastDay = None,
    clock: Clock = None,
    bar: BarLength = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Try an agent on cut, shifted and poisoned panels: does it peek, at which bar, by what?"""
    check_tolerance(tolerance)
    seated, bars, description, seeded = examined(
        agent, config, data=data, instruments=instruments, start=start, end=end, clock=clock,
        bar=bar, seed=seed,
    )  # fmt: skip
    with Counting("panels") as counting:
        found = examine_lookahead(
            seated, bars, rows=rows, seed=seeded, tolerance=tolerance, watch=counting
        )
    if as_json:
        typer.echo(json.dumps(_as_json(found, description, seeded)))
    else:
        _tell(found, panel_told(bars, description))
    if not found.keeps_the_law:
        raise typer.Exit(BROKEN)


def _tell(found: Lookahead, panel: str) -> None:
    console = Console(soft_wrap=not Console().is_terminal, highlight=False, markup=False)
    numbers = {
        "tolerance": found.tolerance, "lookback": found.lookback, "largest": found.largest
    }  # fmt: skip
    headline = HEADLINES[found.verdict].format(**numbers)
    console.print(Text.assemble((found.agent, "bold"), f" {headline}"))
    console.print(f"on {panel}\n{_counted(found)}\n")
    console.print(_table(found))
    first = found.first
    if first is not None:
        console.print(
            f"\nFirst seen at {utc(first.time):%Y-%m-%d %H:%M} UTC (row {first.row}), "
            f"{first.symbol}, in {_named(first.array)}"
            f"{', with prices missing' if found.first_needs_gaps else ''}:\n"
            f"  {value_told(first.whole)} on the whole panel\n"
            f"  {value_told(first.partial)} {altered_how(first.part)}"
        )
    if found.failure is not None:
        console.print(f"\n{found.agent}: {found.failure}")
    console.print(f"\n{MEANINGS[found.verdict].format(**numbers)}")


def _counted(found: Lookahead) -> str:
    panels = "1 panel" if len(found.trials) == 1 else f"{len(found.trials)} panels"
    return f"{panels}, {found.compared:,} votes compared"


def _named(array: str) -> str:
    return "the score alone" if array == "score" else f"evidence '{array}'"


def _table(found: Lookahead) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("Altered", "panels", "differ", "raised", "largest", "first in"):
        justify: JustifyMethod = "left" if title in ("Altered", "first in") else "right"
        table.add_column(title, justify=justify, no_wrap=title != "first in", overflow="fold")
    for part, trials in by_part(found).items():
        differ = [trial for trial in trials if trial.differing]
        first = first_of(trials)
        table.add_row(
            LABELS[part],
            str(len(trials)),
            str(len(differ) or "·"),
            str(sum(trial.failure is not None for trial in trials) or "·"),
            f"{max(trial.largest for trial in trials):.1e}" if differ else "·",
            "" if first is None else f"{first.array}, {utc(first.time):%Y-%m-%d}",
        )
    return table


def by_part(found: Lookahead) -> dict[Part, list[Trial]]:
    """The trials by how their panel was altered, in the order they were first made."""
    parts: dict[Part, list[Trial]] = {}
    for trial in found.trials:
        parts.setdefault(trial.part, []).append(trial)
    return parts


def first_of(trials: list[Trial]) -> Violation | None:
    """The earliest bar at which any of them differs."""
    differing = [violation for trial in trials for violation in trial.differing]
    return min(differing, key=lambda violation: violation.row, default=None)


def _as_json(found: Lookahead, description: str, seed: int) -> dict[str, Any]:
    return {
        "agent": found.agent,
        "verdict": found.verdict,
        "keeps_the_law": found.keeps_the_law,
        "lookback": found.lookback,
        "tolerance": found.tolerance,
        "largest_difference": finite(found.largest),
        "first": difference_as_json(found.first),
        "first_needs_gaps": found.first_needs_gaps,
        "raised": difference_as_json(found.failure),
        "panels": {
            part: {
                "tried": len(trials),
                "differing": sum(bool(trial.differing) for trial in trials),
                "beyond_tolerance": sum(bool(trial.beyond) for trial in trials),
                "raised": sum(trial.failure is not None for trial in trials),
                "largest_difference": finite(max(trial.largest for trial in trials)),
                "first": difference_as_json(first_of(trials)),
            }
            for part, trials in by_part(found).items()
        },
        "votes_compared": found.compared,
        "bars": found.bars,
        "instruments": found.instruments,
        "data": description,
        "seed": seed,
    }
