"""`Results`: what a run came to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from coordinator.results.basket import STATEMENT as BASKET
from coordinator.results.calendar import BarCalendar, bar_calendar
from coordinator.results.committee import (
    AGENT_RULE,
    Counts,
    agent_table,
    consensus_rate,
    counts_of,
    instrument_table,
)
from coordinator.results.curves import equity_curve
from coordinator.results.measures import (
    Measure,
    basket_measures,
    cost_measures,
    measure,
    return_measures,
    trade_measures,
)
from coordinator.results.record import RunRecord
from coordinator.results.trades import round_trips

IN_REPR = ("total_return", "annual_volatility", "sharpe_ratio", "max_drawdown", "trades")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Results:
    """The figures of a run and the frames behind them.

    outcome: how the run ended. missing: what its journal lacks. curve: one row a bar (see
    `equity_curve`). trades: one row a round trip (see `round_trips`). agents, instruments: one
    row each (see `agent_table`, `instrument_table`).
    """

    session: str
    outcome: str
    missing: tuple[str, ...]
    digest: str
    account_currency: str
    initial_balance: float
    bars: int
    first: pd.Timestamp | None
    last: pd.Timestamp | None
    instruments_traded: tuple[str, ...]
    has_extremes: bool
    calendar: BarCalendar
    measures: tuple[Measure, ...]
    counts: Counts
    curve: pd.DataFrame
    trades: pd.DataFrame
    agents: pd.DataFrame
    instruments: pd.DataFrame

    def __repr__(self) -> str:
        said = ", ".join(f"{name} {_short(self[name])}" for name in IN_REPR)
        return f"<Results {self.session} {self.outcome}: {self.bars:,} bars, {said}>"

    def __getitem__(self, name: str) -> Measure:
        """The figure of this name; KeyError with the names there are."""
        for found in self.measures:
            if found.name == name:
                return found
        known = ", ".join(found.name for found in self.measures)
        raise KeyError(f"no measure {name!r}; there are {known}")

    def as_json(self) -> dict[str, Any]:
        """Everything but the frames, safe for JSON: undefined figures are null."""
        counted = {name: getattr(self.counts, name) for name in Counts._fields}
        return {
            "session": self.session,
            "outcome": self.outcome,
            "missing": list(self.missing),
            "journal_digest": self.digest,
            "account_currency": self.account_currency,
            "initial_balance": self.initial_balance,
            "first": self.first.isoformat() if self.first is not None else None,
            "last": self.last.isoformat() if self.last is not None else None,
            "bars": self.bars,
            "bars_per_year": self.calendar.bars_per_year,
            "instruments": list(self.instruments_traded),
            "stops_seen_on": STOPS_ON_RANGE if self.has_extremes else STOPS_ON_FIXING,
            "metrics": {found.name: _number(found) for found in self.measures},
            "units": {found.name: found.unit for found in self.measures},
            "conventions": {found.name: found.convention for found in self.measures},
            **counted,
            "by_agent": _rows(self.agents),
            "by_instrument": _rows(self.instruments),
            "attribution_rule": AGENT_RULE,
            "basket": BASKET,
        }


STOPS_ON_RANGE = "the high and low of each bar"
STOPS_ON_FIXING = "one fixing a bar: the data has no highs and lows"


def summarise(record: RunRecord) -> Results:
    """Measure a run."""
    settled = record.settled
    calendar = bar_calendar(settled.time, record.session.interval_s)
    curve, trades = equity_curve(record), round_trips(record)
    return Results(
        session=record.session.session,
        outcome=record.outcome,
        missing=record.missing,
        digest=record.digest,
        account_currency=record.session.account_currency,
        initial_balance=record.session.initial_balance,
        bars=len(settled),
        first=settled.time[0] if len(settled) else None,
        last=settled.time[-1] if len(settled) else None,
        instruments_traded=record.symbols,
        has_extremes=record.session.has_extremes,
        calendar=calendar,
        measures=(
            *return_measures(record, curve, calendar),
            *basket_measures(record, curve, calendar),
            *trade_measures(trades),
            *cost_measures(record, curve, calendar),
            *_conduct(record),
        ),
        counts=counts_of(record, trades),
        curve=curve,
        trades=trades,
        agents=agent_table(record, trades),
        instruments=instrument_table(record, trades),
    )


def _conduct(record: RunRecord) -> list[Measure]:
    """How the committee and the guardian went about it."""
    refused = int((record.verdicts["verdict"] == "REFUSED").sum())
    return [
        measure("agent_consensus_rate", "Agent consensus", consensus_rate(record), "fraction",
                "share of the voting agents on the decision's side, mean over all BUY and SELL "
                "decisions; a neutral vote does not agree, an abstention is no vote"),
        measure("refusals", "Orders refused", refused, "count",
                "proposals that the guardian refused altogether"),
        measure("halts", "Halts", len(record.halts), "count",
                "times that the guardian stopped new risk, for a drawdown or a daily loss"),
        measure("rearms", "Re-armed", len(record.rearms), "count",
                "drawdown halts that the replay's scripted supervisor lifted"),
        measure("abstentions", "Agent failures", len(record.abstentions), "count",
                "decisions on which an agent failed or broke its contract, and abstained"),
    ]  # fmt: skip


def _short(found: Measure) -> str:
    forms = {"fraction": ".1%", "count": ",.0f"}
    return "undefined" if found.value is None else f"{found.value:{forms.get(found.unit, '.2f')}}"


def _number(found: Measure) -> float | int | None:
    whole = found.unit == "count" and found.value is not None
    return int(found.value or 0) if whole else found.value


def _rows(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {
        str(name): {str(column): _plain(value) for column, value in row.items()}
        for name, row in table.to_dict("index").items()
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
