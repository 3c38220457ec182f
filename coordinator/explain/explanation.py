"""`Explanation`: one decision on one instrument, step by step."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from rich.padding import Padding
from rich.text import Text

from coordinator.explain.afterwards import broker_step, fill_step, trade_step
from coordinator.explain.chain import intent_step, sizing_step, verdict_step
from coordinator.explain.provenance import record_step
from coordinator.explain.record import DecisionRecord
from coordinator.explain.seen import DataSeen
from coordinator.explain.step import Step
from coordinator.explain.votes import allocation_step, ballots_step, tally_step
from coordinator.report.grid import framed, plain_text
from coordinator.report.markup import Html, safe
from coordinator.tally import Outcome
from market.errors import InvalidError
from market.verdicts import Verdict


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Explanation:
    """Why the desk did what it did. steps: from the ballots to what came of the trade, and where
    all that is on record.
    """

    sequence: int
    time: pd.Timestamp
    symbol: str
    outcome: str
    steps: tuple[Step, ...]

    @property
    def title(self) -> str:
        """What was decided, on what, when."""
        said = self.outcome.replace("_", " ")
        return f"{self.symbol} on {self.time:%Y-%m-%d %H:%M} UTC, decision {self.sequence}: {said}"

    def __getitem__(self, title: str) -> Step:
        """The step of this title; KeyError with the titles there are."""
        for step in self.steps:
            if step.title == title:
                return step
        raise KeyError(f"no step {title!r}; there are {', '.join(s.title for s in self.steps)}")

    def __repr__(self) -> str:
        parts: list[Text | Padding] = [Text(self.title)]
        for count, step in enumerate(self.steps, start=1):
            parts += [Text(f"\n{count}. {step.title}"), Padding(Text(step.says), (0, 0, 0, 3))]
            if step.grid.rows:
                parts.append(Padding(step.grid.text(), (0, 0, 0, 3)))
        return plain_text(*parts)

    def _repr_html_(self) -> str:
        parts = [Html(f"<strong>{safe(self.title)}</strong>")]
        for count, step in enumerate(self.steps, start=1):
            parts.append(Html(f"<h4>{count}. {safe(step.title)}</h4><p>{safe(step.says)}</p>"))
            if step.grid.rows:
                parts.append(step.grid.html())
        return framed(*parts)


def explain(record: DecisionRecord, symbol: str, seen: DataSeen | None = None) -> Explanation:
    """Tell a decision on an instrument. seen: the data that the agents saw, where it was looked
    for. Raises InvalidError for a symbol not traded.
    """
    column = column_of(record, symbol)
    steps = (
        ballots_step(record, column),
        tally_step(record, column),
        allocation_step(record, column),
        sizing_step(record, column),
        verdict_step(record, column),
        intent_step(record, column),
        broker_step(record, column),
        fill_step(record, column),
        trade_step(record, column),
        record_step(record, seen),
    )
    return Explanation(
        sequence=record.taken.sequence,
        time=pd.Timestamp(record.taken.time, unit="ns", tz="UTC"),
        symbol=symbol,
        outcome=Outcome(int(record.taken.outcome[column])).name,
        steps=tuple(step for step in steps if step is not None),
    )


def column_of(record: DecisionRecord, symbol: str) -> int:
    """The column of a traded instrument. Raises InvalidError for any other."""
    if symbol not in record.symbols:
        raise InvalidError(f"{symbol} was not traded; the run traded {', '.join(record.symbols)}")
    return record.symbols.index(symbol)


def instrument_meant(record: DecisionRecord) -> str:
    """The one instrument that the decision made an order of, or the only one that is traded.

    Raises InvalidError that lists those with an order where it is not one.
    """
    taken = record.taken
    verdicts: tuple[Verdict, ...] = (*taken.approved, *taken.refused)
    proposed = [verdict.symbol for verdict in verdicts]
    if len(proposed) == 1:
        return proposed[0]
    if len(record.symbols) == 1:
        return record.symbols[0]
    found = f"proposed orders in {', '.join(proposed)}" if proposed else "proposed no order"
    raise InvalidError(
        f"decision {taken.sequence} {found}; name one instrument of {', '.join(record.symbols)}"
    )
