"""`Explanation`: one decision on one instrument, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from rich.padding import Padding
from rich.text import Text

from coordinator.explain.chain import (
    fill_step,
    intent_step,
    outcome_step,
    sizing_step,
    verdict_step,
)
from coordinator.report.grid import framed, plain_text
from coordinator.explain.step import Step
from coordinator.explain.votes import allocation_step, ballots_step, tally_step
from coordinator.report.markup import Html, safe
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.tally import Outcome
from market.errors import InvalidError
from market.events import DecisionTaken


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Explanation:
    """Why the desk did what it did. steps: from the ballots to what came of the trade."""

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


def explain(record: RunRecord, results: Results, taken: DecisionTaken, symbol: str) -> Explanation:
    """Follow a decision through the record. Raises InvalidError for a symbol not traded."""
    if symbol not in record.symbols:
        raise InvalidError(f"{symbol} was not traded; the run traded {', '.join(record.symbols)}")
    column = record.symbols.index(symbol)
    return Explanation(
        sequence=taken.sequence,
        time=pd.Timestamp(taken.time, unit="ns", tz="UTC"),
        symbol=symbol,
        outcome=Outcome(int(taken.outcome[column])).name,
        steps=(
            ballots_step(record, taken, column),
            tally_step(record, taken, column),
            allocation_step(record, taken, column),
            sizing_step(record, taken, column),
            verdict_step(record, taken, column),
            intent_step(record, taken, column),
            fill_step(record, taken, column),
            outcome_step(record, results, taken, column),
        ),
    )


def instrument_meant(record: RunRecord, sequence: int) -> str:
    """The one instrument that the decision made an order of, or the only one that is traded.

    Raises InvalidError that lists those with an order where it is not one.
    """
    proposed: Sequence[str] = list(
        record.verdicts.loc[record.verdicts["sequence"] == sequence, "symbol"]
    )
    if len(proposed) == 1:
        return proposed[0]
    if len(record.symbols) == 1:
        return record.symbols[0]
    found = f"proposed orders in {', '.join(proposed)}" if proposed else "proposed no order"
    raise InvalidError(
        f"decision {sequence} {found}; name one instrument of {', '.join(record.symbols)}"
    )
