"""`Run`: what a replay left, as frames, pictures and explanations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from agents.ballot import Agent
from coordinator.explain.explanation import Explanation, explain, instrument_meant
from coordinator.explain.naming import DecisionName
from coordinator.explain.record import read_decision
from coordinator.explain.replaying import DecisionReplayed, replay_decisions
from coordinator.explain.runs import JOURNAL
from coordinator.notebook.picture import Picture, picture
from coordinator.report.grid import Grid, columns, framed, plain_text
from coordinator.report.markup import Html, safe
from coordinator.report.page import write_report
from coordinator.report.pictures import (
    contribution_figure,
    equity_figure,
    exposure_figure,
    votes_figure,
)
from coordinator.results.frames import REFUSED
from coordinator.results.record import RunRecord
from coordinator.results.summary import Results
from coordinator.results.table import PAIRS, results_table, shown
from coordinator.tally import Outcome
from market.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Run:
    """A run's folder, its record and its results.

    record: the journal as arrays and frames (verdicts, orders, fills, allocations, ...).
    results: the figures, each with its definition.
    """

    folder: Path
    record: RunRecord
    results: Results

    @property
    def digest(self) -> str:
        """Stands for the whole journal: the same inputs give the same digest."""
        return self.record.digest

    @property
    def equity(self) -> pd.DataFrame:
        """One row a bar: equity, drawdown, leverage, and the equal-weight basket's worth."""
        return self.results.curve

    @property
    def trades(self) -> pd.DataFrame:
        """One row a round trip, with its costs and the sequence of the decision behind it."""
        return self.results.trades

    @property
    def agents(self) -> pd.DataFrame:
        """One row an agent: how often it voted and agreed, what it contributed."""
        return self.results.agents

    @property
    def instruments(self) -> pd.DataFrame:
        """One row a traded instrument: trades, results and costs."""
        return self.results.instruments

    @property
    def votes(self) -> pd.DataFrame:
        """Scores in [-1, 1], one row a decision; columns by agent, then instrument.

        0 is a neutral vote, NaN an abstention. `votes["momentum"]` is one agent's.
        """
        decided = self.record.decided
        names = [self.record.agents, self.record.symbols]
        return pd.DataFrame(
            decided.scores.reshape(len(decided), -1),
            index=decided.time.rename("time"),
            columns=pd.MultiIndex.from_product(names, names=["agent", "symbol"]),
        )

    @property
    def decisions(self) -> pd.DataFrame:
        """One row a bar and instrument: score, its halves, turnout, outcome, multiplier."""
        decided, symbols = self.record.decided, self.record.symbols
        index = pd.MultiIndex.from_product([decided.time, symbols], names=["time", "symbol"])
        names = {int(outcome): outcome.name for outcome in Outcome}
        frame = pd.DataFrame(
            {name: getattr(decided, name).ravel() for name in ("score", "buy", "sell", "turnout")},
            index=index,
        )
        frame["outcome"] = [names[code] for code in decided.outcome.ravel().tolist()]
        frame["multiplier"] = decided.multiplier.ravel()
        frame["sequence"] = np.repeat(decided.sequence, len(symbols))
        return frame

    @property
    def refusals(self) -> pd.DataFrame:
        """One row a refused order: its limit, what it allows and what was measured."""
        verdicts = self.record.verdicts
        refused = verdicts[verdicts["verdict"] == REFUSED].drop(columns=["verdict", "units"])
        return refused.reset_index(drop=True)

    def decision(self, at: str | date | int, symbol: str | None = None) -> Explanation:
        """One decision explained.

        at: its sequence (`trades` names it), or a time, UTC: the first decision at or after it.
        symbol: the instrument; may be left out where the decision made an order of one only.
        Raises InvalidError where there is no such decision.
        """
        sequence = self._sequence(at)
        name = DecisionName(session=None, sequence=sequence)
        record = read_decision(self.folder / JOURNAL, name)
        return explain(record, symbol if symbol is not None else instrument_meant(record))

    def replay_decision(
        self, at: str | date | int, agents: Sequence[Agent] = ()
    ) -> DecisionReplayed:
        """One decision taken again on what was recorded, compared to the last bit.

        at: as in `decision`. agents: those that sat as objects and that no module holds. Raises
        DataError where the prices or an agent's inputs are not those that were recorded,
        AgentError for an agent that cannot be built.
        """
        sequence = self._sequence(at)
        return next(
            replay_decisions(
                self.folder / JOURNAL,
                lambda taken: taken == sequence,
                in_hand={agent.name: agent for agent in agents},
            )
        )

    def plot_equity(self) -> Picture:
        """Equity with the basket, and drawdown."""
        return picture("equity", lambda: equity_figure(self.record, self.results))

    def plot_votes(self) -> Picture:
        """How each agent's scores are distributed."""
        return picture("votes", lambda: votes_figure(self.record))

    def plot_exposure(self) -> Picture:
        """Net exposure by currency over equity."""
        return picture("exposure", lambda: exposure_figure(self.record))

    def plot_contribution(self) -> Picture:
        """Profit and loss by instrument and by agent."""
        return picture("contribution", lambda: contribution_figure(self.results))

    def report(self, *, tried: int | None = None) -> Path:
        """Write report.html into the run's folder and return its path.

        tried: how many configurations were tried up to this one, it included.
        """
        return write_report(self.record, self.results, self.folder / "report.html", tried=tried)

    def __repr__(self) -> str:
        return plain_text(results_table(self.results), f"\n{self._whereabouts()}")

    def _repr_html_(self) -> str:
        results, currency = self.results, self.results.account_currency
        rows = tuple(
            (
                results[left].label,
                shown(results[left], currency),
                results[right].label,
                shown(results[right], currency),
            )
            for left, right in PAIRS
        )
        titles = columns("", " ", "  ", "   ", numbers=(" ", "   "))
        return framed(
            Html(f"<strong>{safe(self._title())}</strong>"),
            Grid(titles, rows).html(),
            Html(f'<p class="small">{safe(self._whereabouts())}</p>'),
        )

    def _title(self) -> str:
        results = self.results
        days = "no bars"
        if results.first is not None and results.last is not None:
            days = f"{results.first:%Y-%m-%d} to {results.last:%Y-%m-%d}"
        return f"Run {results.session}, {results.outcome}: {days}, {results.bars:,} bars"

    def _whereabouts(self) -> str:
        return f"{self.folder} · digest {self.digest[:16]}… · {self.record.events:,} events"

    def _sequence(self, at: str | date | int) -> int:
        decided = self.record.decided
        if isinstance(at, (int, np.integer)):
            sequence = int(at)
            if sequence not in decided.sequence:
                raise InvalidError(
                    f"no decision {sequence}; the run took those from 0 to {len(decided) - 1}"
                )
            return sequence
        try:
            time = pd.Timestamp(at)
        except ValueError:
            raise InvalidError(f"expected a time such as 2001-03-05, found {at!r}") from None
        time = time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
        row = int(decided.time.searchsorted(time))
        if row == len(decided):
            last = f"{decided.time[-1]:%Y-%m-%d}" if len(decided) else "no decision at all"
            raise InvalidError(f"no decision at or after {time:%Y-%m-%d}; the last is {last}")
        return int(decided.sequence[row])
