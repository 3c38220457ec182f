"""Round trips: from flat or a reversal until flat or the next reversal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from coordinator.results.record import RunRecord
from market.bars import Floats
from market.ledger import closing_price
from market.orders import Fill

NS_A_DAY = 86_400e9
NOT_YET = int(np.iinfo(np.int64).min)  # becomes NaT
OPEN = "OPEN"
REVERSAL = "REVERSAL"
TRADE_COLUMNS = {
    "symbol": "str",
    "side": "str",
    "opened": "int64",
    "closed": "int64",
    "opened_sequence": "int64",
    "closed_sequence": "int64",
    "units": "float64",
    "entry_price": "float64",
    "exit_price": "float64",
    "exit_reason": "str",
    "fills": "int64",
    "realised": "float64",
    "unrealised": "float64",
    "spread_cost": "float64",
    "slippage_cost": "float64",
    "client_order_id": "str",
}
FINANCING_STATEMENT = "financing is that of the instrument over the bars it was held into"


@dataclass(slots=True, kw_only=True)
class Trip:
    """A position while it is open. units: signed. average: average cost of what is held."""

    symbol: str
    side: float
    opened: int
    opened_sequence: int
    client_order_id: str
    units: float = 0.0
    average: float = 0.0
    largest: float = 0.0
    entered: float = 0.0
    entered_value: float = 0.0
    left: float = 0.0
    left_value: float = 0.0
    realised: float = 0.0
    spread_cost: float = 0.0
    slippage_cost: float = 0.0
    fills: int = 0

    def enter(self, units: float, price: float) -> None:
        """Add to the position: the average cost moves."""
        self.average = (self.units * self.average + units * price) / (self.units + units)
        self.units += units
        self.largest = max(self.largest, abs(self.units))
        self.entered += abs(units)
        self.entered_value += abs(units) * price

    def leave(self, units: float, price: float, realised: float) -> None:
        """Take from the position: the average cost stays, profit and loss is realised."""
        self.units += units
        self.left += abs(units)
        self.left_value += abs(units) * price
        self.realised += realised

    def bear(self, fill: Fill, units: float) -> None:
        """This trip's part of what a fill cost: `units` of it."""
        self.spread_cost += fill.spread_cost * units / fill.units
        self.slippage_cost += fill.slippage_cost * units / fill.units
        self.fills += 1

    def unrealised(self, mid: float, spread: float, rate: float) -> float:
        """What closing it at these prices would still bring, account currency."""
        return self.units * (closing_price(self.units, mid, spread) - self.average) * rate

    def row(self, closed: int, sequence: int, reason: str, unrealised: float) -> tuple[object, ...]:
        """The finished round trip, in the order of TRADE_COLUMNS."""
        return (
            self.symbol,
            "LONG" if self.side > 0.0 else "SHORT",
            self.opened,
            closed,
            self.opened_sequence,
            sequence,
            self.largest,
            self.entered_value / self.entered,
            self.left_value / self.left if self.left else np.nan,
            reason,
            self.fills,
            self.realised,
            unrealised,
            self.spread_cost,
            self.slippage_cost,
            self.client_order_id,
        )


def round_trips(record: RunRecord) -> pd.DataFrame:
    """One row a round trip, in the order they were opened; those still open come with the last.

    A fill against a position beyond its size closes one trip and opens the next: its realised
    profit belongs to the first, its costs to each by units. units: the largest size held.
    entry_price, exit_price: averages over the units entered and left. realised: as the journal
    booked it, costs contained. unrealised: of what is still open, at its last closing price (bid
    when long, ask when short), as equity marks it. financing: what the instrument was charged
    meanwhile. pnl: the sum of these three; over all trades it is what equity gained. decision:
    the sequence of the decision behind the entry, −1 where it was not recorded. closed: NaT while
    open.
    """
    rows: list[tuple[object, ...]] = []
    trips: dict[str, Trip] = {}
    for fill in record.executions:
        book_trip(fill, trips, rows)
    rows += [_still_open(trip, record) for trip in trips.values()]
    trades = pd.DataFrame(rows, columns=list(TRADE_COLUMNS)).astype(TRADE_COLUMNS)
    trades = trades.sort_values(["opened_sequence", "symbol"], kind="stable", ignore_index=True)
    return _completed(trades, record)


def book_trip(fill: Fill, trips: dict[str, Trip], rows: list[tuple[object, ...]]) -> None:
    """Book a fill into the open trips; one that it closes moves to `rows`."""
    trip, opening = trips.get(fill.symbol), fill.units
    if trip is not None and trip.units * fill.units < 0.0:
        closing = fill.units if abs(fill.units) <= abs(trip.units) else -trip.units
        opening = fill.units - closing
        trip.leave(closing, fill.price, fill.realised)
        trip.bear(fill, closing)
        if trip.units == 0.0:
            reason = REVERSAL if opening else fill.reason
            rows.append(trips.pop(fill.symbol).row(fill.time, fill.sequence, reason, 0.0))
    if opening:
        trip = trips.setdefault(
            fill.symbol,
            Trip(
                symbol=fill.symbol,
                side=1.0 if opening > 0.0 else -1.0,
                opened=fill.time,
                opened_sequence=fill.sequence,
                client_order_id=fill.client_order_id,
            ),
        )
        trip.enter(opening, fill.price)
        trip.bear(fill, opening)


def _still_open(trip: Trip, record: RunRecord) -> tuple[object, ...]:
    settled = record.settled
    unrealised, last = 0.0, trip.opened_sequence
    if len(settled):
        column, last = record.session.symbols.index(trip.symbol), int(settled.sequence[-1])
        unrealised = trip.unrealised(
            settled.mid[-1, column], settled.spread[-1, column], settled.rate[-1, column]
        )
    return trip.row(NOT_YET, last, OPEN, unrealised)


def _completed(trades: pd.DataFrame, record: RunRecord) -> pd.DataFrame:
    """Add what follows from the rows: times, holding time, financing, result, decision."""
    if len(record.settled):
        until = trades["closed"].replace(NOT_YET, record.settled.time[-1].value)
        trades["days"] = (until - trades["opened"]) / NS_A_DAY
    else:
        trades["days"] = np.nan
    trades["bars"] = trades["closed_sequence"] - trades["opened_sequence"]
    for name in ("opened", "closed"):
        trades[name] = pd.to_datetime(trades[name], unit="ns", utc=True)
    trades["financing"] = _financing(trades, record)
    trades["pnl"] = trades["realised"] + trades["unrealised"] + trades["financing"]
    decisions = dict(zip(record.orders["client_order_id"], record.orders["sequence"], strict=True))
    trades["decision"] = [decisions.get(order, -1) for order in trades["client_order_id"]]
    return trades.astype({"decision": "int64"})


def _financing(trades: pd.DataFrame, record: RunRecord) -> Floats:
    """Each trip's: the bars after its opening up to and including its closing."""
    settled = record.settled
    if not len(settled):
        return np.zeros(len(trades))
    booked = np.cumsum(settled.financing, axis=0)
    columns = np.array([record.session.symbols.index(symbol) for symbol in trades["symbol"]], int)
    opened = settled.row_of(trades["opened_sequence"].to_numpy())
    closed = settled.row_of(trades["closed_sequence"].to_numpy())
    financing: Floats = booked[closed, columns] - booked[opened, columns]
    return financing
