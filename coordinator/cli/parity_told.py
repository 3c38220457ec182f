"""What `quorum parity` says, to people and to machines."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.table import Table

from coordinator.cli.examined import told_time
from coordinator.engines.choice import Engine
from coordinator.parity.comparison import Comparison, Difference
from coordinator.parity.context import Context, agent_meant, context_of
from coordinator.replay import Replayed
from market.bars import utc

SMALL = 1e-6
"""A vote that is off by less may be that of an agent whose rounding depends on its panel."""
Pair = tuple[Engine, Engine]
Names = tuple[str, str]


def tell(console: Console, found: Comparison, pair: Pair, runs: tuple[Replayed, Replayed]) -> None:
    """The verdict, and the first difference with what stands around it."""
    if found.difference is None:
        console.print(f"[bold]{pair[0]} and {pair[1]} decide alike[/], {_how_close(found)}")
        console.print(_counted(found))
        digests = dict.fromkeys(run.digest for run in runs)
        console.print(f"digest   {' and '.join(digests)}")
        return
    difference, around = found.difference, context_of(found.difference)
    console.print(
        f"[bold]{pair[0]} and {pair[1]} differ[/] at event {difference.number:,}, on bar "
        f"{around.bar:,} ({utc(around.time):%Y-%m-%d %H:%M} UTC)"
    )
    console.print(f"the same until then, {_how_close(found)}: {_counted(found)}\n")
    tell_value(console, difference, around, pair)
    tell_around(console, around, pair)
    hint = _hint(difference, found.tolerance)
    if hint is not None:
        console.print(f"\n{hint}")


def as_json(found: Comparison, pair: Pair, runs: tuple[Replayed, Replayed]) -> dict[str, Any]:
    """Everything for machines; what is no finite number is null, values stand as text too."""
    return {
        "equal": found.equal,
        "engines": list(pair),
        "digests": [run.digest for run in runs],
        "events": [run.events for run in runs],
        "bars_per_s": [round(run.bars_per_s, 1) for run in runs],
        "tolerance": found.tolerance,
        "compared": {"events": found.events, "bars": found.bars, "fills": found.fills},
        "within_tolerance": {"values": found.tolerated, "largest": found.largest},
        "first": None if found.difference is None else difference_as_json(found.difference),
    }


def difference_as_json(difference: Difference) -> dict[str, Any]:
    """A difference with what stands around it, for machines."""
    around, unequal = context_of(difference), difference.unequal
    return {
        "event": difference.number,
        "bar": around.bar,
        "time": told_time(around.time),
        "kinds": list(around.kinds),
        "after": around.before,
        "place": around.place,
        "instrument": around.about,
        "agent": agent_meant(difference),
        "values": [None, None] if unequal is None else [repr(unequal.one), repr(unequal.other)],
        "distance": None if unequal is None else _finite(unequal.distance),
        "equity": [_finite(value) for value in around.equity],
        "positions": {
            held.symbol: [_finite(value) for value in held.units] for held in around.holdings
        },
        "ballots": [
            {
                "agent": vote.agent,
                "instrument": vote.symbol,
                "scores": [_finite(value) for value in vote.score],
            }
            for vote in around.votes
        ],
    }


def _how_close(found: Comparison) -> str:
    if found.tolerance == 0.0:
        return "to the last bit"
    if found.tolerated == 0:
        return f"to the last bit (a tolerance of {found.tolerance:g} was allowed)"
    return (
        f"within {found.tolerance:g}: {found.tolerated:,} numbers differ, by "
        f"{found.largest:.1e} at most"
    )


def _counted(found: Comparison) -> str:
    return f"{found.events:,} events, {found.bars:,} bars, {found.fills:,} fills compared"


def tell_value(console: Console, difference: Difference, around: Context, pair: Names) -> None:
    """Where the sides differ, and both values. pair: what the sides are called."""
    unequal, width = difference.unequal, max(len(name) for name in pair)
    kinds = [kind or "no further event" for kind in around.kinds]
    if unequal is None or kinds[0] != kinds[1]:
        values = kinds
        console.print(f"after {around.before or 'nothing'} comes")
    else:
        values = [repr(unequal.one), repr(unequal.other)]
        console.print(f"{kinds[0]} {around.place}", markup=False)
    for engine, value in zip(pair, values, strict=True):
        console.print(f"  {engine:<{width}}  {value}", markup=False)
    if unequal is not None and math.isfinite(unequal.distance):
        console.print(f"  {'apart':<{width}}  {unequal.distance:.3e}")


def tell_around(console: Console, around: Context, pair: Names) -> None:
    """Accounts and ballots of both sides."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    for engine in pair:
        table.add_column(engine, justify="right", no_wrap=True)
    table.add_row("equity", *(repr(value) for value in around.equity))
    for held in around.holdings:
        if any(value != 0.0 for value in held.units) or held.symbol == around.about:
            table.add_row(f"{held.symbol} held", *(f"{value:+,.0f}" for value in held.units))
            table.add_row(f"{held.symbol} mid", *(repr(value) for value in held.mid))
    for vote in around.votes:
        if around.about is not None or _differs(vote.score):
            table.add_row(
                f"{vote.agent} on {vote.symbol}", *(_score_told(value) for value in vote.score)
            )
    which = "of this bar" if around.same_bar else "of the newest decision before it"
    console.print(f"\nAround it: the account after its last settled bar, ballots {which}\n")
    console.print(table)


def _hint(difference: Difference, tolerance: float) -> str | None:
    unequal, agent = difference.unequal, agent_meant(difference)
    if agent is None or unequal is None or not unequal.distance < SMALL:
        return None
    return (
        f"The votes of {agent} depend on the panel that it is given, if only in their last digits. "
        "`quorum lookahead` says by how much; --tolerance "
        f"{max(1e-9, 10.0 * unequal.distance, 10.0 * tolerance):.0e} compares within that."
    )


def _differs(values: tuple[float, float]) -> bool:
    return repr(values[0]) != repr(values[1])


def _score_told(value: float) -> str:
    return "abstains" if math.isnan(value) else repr(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
