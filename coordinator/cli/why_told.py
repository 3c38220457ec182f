"""A decision on a terminal: a line that says it all, then its way, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.box import ROUNDED
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.panel import Panel
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from coordinator.cli.gauges import BUYS, DIM, SELLS, score_bar, score_scale
from coordinator.explain.chain import held_before
from coordinator.explain.evidence import plain_name
from coordinator.explain.explanation import column_of, explain
from coordinator.explain.headline import headline
from coordinator.explain.record import DecisionRecord
from coordinator.explain.seen import DataSeen
from coordinator.explain.step import Step, figure, minute, size
from coordinator.explain.votes import EVIDENCE_DIGITS, ballots_of, tally_rules
from coordinator.report.markup import number

MOODS = {"done": "bold cyan", "stopped": "bold yellow", "idle": "bold"}
VOTES = {"buy": BUYS, "sell": SELLS, "neutral": "", "abstains": DIM}
OF_AN_ORDER = {"Intent", "Fill", "Trade"}
"""Steps that say nothing where no order was sent."""
WIDEST = 110


class Guided:
    """Content beside a line that leads from one step to the next."""

    def __init__(self, content: RenderableType) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        line = Style.parse(DIM)
        for row in console.render_lines(
            self._content, options.update(width=options.max_width - 3), pad=False
        ):
            yield Segment("│  ", line)
            yield from row
            yield Segment.line()


def tell_instrument(
    console: Console, record: DecisionRecord, symbol: str, seen: DataSeen | None
) -> None:
    """One instrument, from the ballots to the record."""
    column = column_of(record, symbol)
    said = headline(record, column)
    width = min(console.width, WIDEST)
    console.print(
        Panel(
            Text(said.says, style=MOODS[said.mood]),
            title=Text(f"{symbol} · decision {record.taken.sequence}", style="bold"),
            subtitle=Text(
                f"{minute(record.taken.time)} UTC · session {record.session.session}", style=DIM
            ),
            title_align="left",
            subtitle_align="right",
            box=ROUNDED,
            border_style=MOODS[said.mood].removeprefix("bold "),
            padding=(0, 1),
        ),
        width=width,
    )
    sent = record.order(symbol) is not None
    for step in explain(record, symbol, seen).steps:
        if step.title in OF_AN_ORDER and not sent:
            continue
        console.print(Text.assemble(("● ", "cyan"), (step.title, "bold")), width=width)
        console.print(Guided(_content(record, column, step)), width=width)


def tell_decision(console: Console, record: DecisionRecord) -> None:
    """Every instrument in a row, where no one is meant."""
    table = Table(
        title=f"Decision {record.taken.sequence} · {minute(record.taken.time)} UTC · "
        f"session {record.session.session}",
        title_justify="left",
        title_style="bold",
        box=ROUNDED,
        border_style=DIM,
    )
    for title in ("instrument", "sell        buy"):
        table.add_column(title)
    table.add_column("score", justify="right")
    table.add_column("held")
    table.add_column("what was done")
    for column, symbol in enumerate(record.symbols):
        said, score = headline(record, column), float(record.taken.score[column])
        table.add_row(
            symbol,
            score_bar(score),
            number(score, 3, sign=True),
            size(held_before(record, column)),
            Text(said.says, style=MOODS[said.mood].removeprefix("bold ").replace("bold", "")),
        )
    console.print(table)
    console.print(
        Text(
            f"One of them, step by step: quorum why {record.taken.sequence} --instrument "
            f"{record.symbols[0]}",
            style=DIM,
        )
    )


def _content(record: DecisionRecord, column: int, step: Step) -> RenderableType:
    """A step's sentence and numbers; ballots and tally as pictures too."""
    parts: list[RenderableType] = [Text(step.says)]
    if step.title == "Ballots":
        parts.append(_ballots(record, column))
    elif step.title == "Tally":
        score = float(record.taken.score[column])
        parts += [score_scale(score, tally_rules(record).threshold), step.grid.text()]
    elif step.grid.rows:
        parts.append(step.grid.text())
    return Group(*parts, Text(""))


def _ballots(record: DecisionRecord, column: int) -> Table:
    """The votes, the evidence of each below the other."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="italic")
    table.add_column("Agent")
    table.add_column("Weight", justify="right")
    table.add_column("sell         buy", no_wrap=True)
    table.add_column("Score", justify="right")
    table.add_column("Vote")
    table.add_column("Evidence", style=DIM)
    for ballot in ballots_of(record, column):
        evidence = "\n".join(
            f"{plain_name(name)} {figure(value, EVIDENCE_DIGITS)}"
            for name, value in ballot.evidence
        )
        if all(math.isnan(value) for _, value in ballot.evidence):
            evidence = "no evidence on this bar"
        said = f"failed: {ballot.reason}" if ballot.reason is not None else evidence
        shadow = " (shadow)" if ballot.weight == 0.0 else ""
        table.add_row(
            ballot.agent,
            number(ballot.weight, 2),
            score_bar(ballot.score, counted=ballot.weight > 0.0),
            number(ballot.score, 3, sign=True),
            Text(f"{ballot.vote}{shadow}", style=VOTES[ballot.vote]),
            said,
        )
    return table
