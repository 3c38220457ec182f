"""What `quorum decision replay` says, to people and to machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from coordinator.cli.gauges import DIM
from coordinator.cli.parity_told import difference_as_json, tell_around, tell_value
from coordinator.explain.replaying import DecisionReplayed
from coordinator.explain.step import minute
from market.bars import utc

SIDES = ("recorded", "again")
SHOWN = 10
WIDEST = 100


def tell_one(console: Console, done: DecisionReplayed) -> None:
    """One decision: the same, or where it is not."""
    parts: list[RenderableType] = [_verdict(done), Text(""), _facts(done)]
    console.print(
        Panel(
            Group(*parts),
            title=Text(f"decision {done.sequence} · {minute(done.time)} UTC", style="bold"),
            title_align="left",
            box=ROUNDED,
            border_style="green" if done.identical else "red",
            padding=(0, 1),
        ),
        width=min(console.width, WIDEST),
    )
    _tell_difference(console, done)
    _tell_changes(console, [done])


def tell_many(console: Console, found: Sequence[DecisionReplayed]) -> None:
    """Many decisions: how many are the same, and the first that is not."""
    differing = [done for done in found if not done.identical]
    first, last = found[0], found[-1]
    said = (
        Text(f"✓ All {len(found):,} decisions are identical, to the last bit.", style="bold green")
        if not differing
        else Text(f"✗ {len(differing):,} of {len(found):,} decisions differ.", style="bold red")
    )
    values = sum(_values(done) for done in found)
    rows = (
        ("Decisions", f"{first.sequence} to {last.sequence}, {minute(first.time)} to "
                      f"{minute(last.time)} UTC"),
        ("Session", first.session.session),
        ("Values compared", f"{values:,}"),
    )  # fmt: skip
    console.print(
        Panel(
            Group(said, Text(""), _table(rows)),
            box=ROUNDED,
            border_style="red" if differing else "green",
            padding=(0, 1),
        ),
        width=min(console.width, WIDEST),
    )
    for done in differing[1:SHOWN]:
        place = "" if done.context is None else done.context.place
        console.print(f"  decision {done.sequence}, {minute(done.time)} UTC: {place}")
    if len(differing) > SHOWN:
        console.print(f"  and {len(differing) - SHOWN:,} more")
    if differing:
        console.print(f"\nThe first, decision {differing[0].sequence}:")
        _tell_difference(console, differing[0])
    _tell_changes(console, found)


def as_json(found: Sequence[DecisionReplayed]) -> dict[str, Any]:
    """Everything for machines."""
    return {
        "identical": all(done.identical for done in found),
        "decisions": len(found),
        "differing": sum(not done.identical for done in found),
        "values_compared": sum(_values(done) for done in found),
        "replayed": [
            {
                "session": done.session.session,
                "decision": done.sequence,
                "time": utc(done.time).isoformat(),
                "event": done.number,
                "chain_sha256": done.chained,
                "seen_sha256": done.seen,
                "identical": done.identical,
                "as_recorded": list(done.as_recorded),
                "difference": (
                    None if done.difference is None else difference_as_json(done.difference)
                ),
            }
            for done in found
        ],
        "versions_changed": [
            {"name": change.name, "recorded": change.recorded, "running": change.running}
            for change in found[-1].versions
        ],
        "agents_changed": list(found[-1].agents),
    }


def _verdict(done: DecisionReplayed) -> Text:
    if done.identical:
        return Text("✓ Identical, to the last bit.", style="bold green")
    place = "" if done.context is None else done.context.place
    return Text(f"✗ Not the same: {place}", style="bold red")


def _facts(done: DecisionReplayed) -> Table:
    taken = done.recorded
    verdicts = len(taken.approved) + len(taken.refused)
    rows = (
        ("Session", done.session.session),
        ("Votes", f"{taken.scores.size:,} scores and {taken.evidence.size:,} values of evidence"),
        ("Tally and size", f"{6 * taken.score.size + taken.multiplier.size:,} values"),
        ("Guardian", f"{len(taken.approved)} approved, {len(taken.refused)} refused"
                     if verdicts else "nothing was proposed"),
        ("Data the agents saw", f"SHA-256 {done.seen}"),
        ("Journal", f"event {done.number:,}, chained as {done.chained}"),
    )  # fmt: skip
    return _table(rows)


def _table(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style=DIM)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _tell_difference(console: Console, done: DecisionReplayed) -> None:
    difference, around = done.difference, done.context
    if difference is None or around is None or difference.unequal is None:
        return
    if None in around.kinds:  # one side has an event more
        for side, value in zip(
            SIDES, (difference.unequal.one, difference.unequal.other), strict=True
        ):
            console.print(f"  {side:<8}  {value}")
    else:
        tell_value(console, difference, around, SIDES)
    tell_around(console, around, SIDES)


def _tell_changes(console: Console, found: Sequence[DecisionReplayed]) -> None:
    """What was taken as recorded, and which code and libraries are others now."""
    newest = found[-1]
    notes = dict.fromkeys(note for done in found for note in done.as_recorded)
    for note in notes:
        console.print(f"taken as recorded: {note}")
    for change in (*map(str, newest.versions), *newest.agents):
        console.print(Text(f"changed since: {change}", style="yellow"))
    if not newest.versions and not newest.agents:
        console.print(Text("code and libraries are those of the record", style=DIM))


def _values(done: DecisionReplayed) -> int:
    """Numbers that were compared, those of verdicts left out."""
    taken = done.recorded
    arrays = (taken.scores, taken.evidence, taken.score, taken.buy, taken.sell, taken.turnout,
              taken.outcome, taken.multiplier, taken.bound)  # fmt: skip
    return sum(array.size for array in arrays)
