"""`quorum lookback`: is the declared lookback enough, and how much is needed?"""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agents.law import Violation
from agents.scrutiny.lookback import ROWS, Lookback, measure_lookback
from agents.scrutiny.voting import Failure
from coordinator.cli.counting import Saying
from coordinator.cli.examined import (
    BROKEN,
    check_tolerance,
    difference_as_json,
    examined,
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


def lookback(
    agent: AgentName,
    rows: RowCount = ROWS,
    seed: Annotated[int | None, typer.Option("--seed", help="Of the rows looked at.")] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Difference that does not count; 0: to the bit.")
    ] = 0.0,
    data: Data = None,
    instruments: Instruments = None,
    start: FirstDay = None,
    end: LastDay = None,
    clock: Clock = None,
    bar: BarLength = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Ask an agent with less and less history: is the lookback that it declares enough?"""
    check_tolerance(tolerance)
    seated, bars, description, seeded = examined(
        agent, config, data=data, instruments=instruments, start=start, end=end, clock=clock,
        bar=bar, seed=seed,
    )  # fmt: skip
    with Saying() as saying:
        found = measure_lookback(
            seated, bars, rows=rows, seed=seeded, tolerance=tolerance, watch=saying
        )
    if as_json:
        typer.echo(json.dumps(_as_json(found, description, seeded)))
    else:
        _tell(found, panel_told(bars, description))
    if not found.enough:
        raise typer.Exit(BROKEN)


def _tell(found: Lookback, panel: str) -> None:
    console = Console(soft_wrap=not Console().is_terminal, highlight=False, markup=False)
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    needed = "no window is enough" if found.needed is None else _bars(found.needed)
    table.add_row("declared", _bars(found.declared))
    table.add_row("needed", needed)
    same = f"within {found.tolerance:g}" if found.tolerance else "bit for bit"
    table.add_row("compared", f"the last vote and its evidence, {same}")
    console.print(Text.assemble((found.agent, "bold"), f": {_headline(found)}"))
    console.print(f"on {panel}\n{_looked_at(found)}\n")
    console.print(table)
    if found.shortfall is not None:
        _tell_difference(console, found.declared, found.shortfall)
    if found.binding is not None and found.needed not in (None, found.declared + 1):
        _tell_difference(console, (found.needed or 1) - 1, found.binding)
    if found.raised is not None:
        console.print(f"\nWith missing prices {found.raised}")
    console.print(f"\n{_advice(found)}")


def _bars(count: int) -> str:
    return "1 bar" if count == 1 else f"{count:,} bars"


def _looked_at(found: Lookback) -> str:
    how = "as they are" if found.raised else "as they are and with missing prices"
    return f"{found.rows} bars looked at, {how}"


def _headline(found: Lookback) -> str:
    if found.verdict == "too_short":
        return f"the declared lookback of {found.declared:,} bars is TOO SHORT"
    if found.verdict == "exact":
        return f"the declared lookback of {found.declared:,} bars is enough, and none is spare"
    spare = found.declared - (found.needed or 0)
    return f"the declared lookback of {found.declared:,} bars is enough; {spare:,} were not needed"


def _advice(found: Lookback) -> str:
    if found.needed is None:
        return (
            "It remembers everything since the panel's first bar, as a recursive filter, a running "
            "sum or a statistic of the whole panel does. Evaluate it over a finite window in a "
            "fixed order (agents/indicators/), or see with --tolerance how far it fades."
        )
    if found.verdict == "too_short":
        return f"Declare {_bars(found.needed)}, or shorten its windows."
    if found.verdict == "longer":
        return (
            "Longer than needed on these bars: every live vote and every start-up pays for it. "
            "Other bars may need more; the agent's own windows say how much."
        )
    return "One bar less changes a vote."


def _tell_difference(console: Console, length: int, found: Violation | Failure) -> None:
    if isinstance(found, Failure):
        console.print(f"\nWith {length:,} bars {found}")
        return
    named = "the score alone" if found.array == "score" else f"evidence '{found.array}'"
    console.print(
        f"\nWith {length:,} bars the first difference is at {utc(found.time):%Y-%m-%d %H:%M} UTC "
        f"(row {found.row}), {found.symbol}, in {named}"
        f"{', with prices missing' if found.part == 'gapped' else ''}:\n"
        f"  {value_told(found.whole)} with all the history\n"
        f"  {value_told(found.partial)} with {length:,} bars"
    )


def _as_json(found: Lookback, description: str, seed: int) -> dict[str, Any]:
    return {
        "agent": found.agent,
        "verdict": found.verdict,
        "enough": found.enough,
        "declared": found.declared,
        "needed": found.needed,
        "tolerance": found.tolerance,
        "shortfall": difference_as_json(found.shortfall),
        "binding": difference_as_json(found.binding),
        "raised": difference_as_json(found.raised),
        "rows": found.rows,
        "history": found.history,
        "instruments": found.instruments,
        "data": description,
        "seed": seed,
    }
