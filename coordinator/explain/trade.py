"""What came of the trade that an order opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coordinator.explain.record import DecisionRecord
from coordinator.results.trades import OPEN, TRADE_COLUMNS, Trip, book_trip
from market.orders import Fill


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTold:
    """A round trip. Money in account currency, costs contained; financing signed.

    closed: UTC nanoseconds, None while open. exit_reason: OPEN while open. exits: the fills that
    took from the position, oldest first.
    """

    side: str
    opened: int
    closed: int | None
    exit_reason: str
    entry_price: float
    exit_price: float
    realised: float
    unrealised: float
    financing: float
    exits: tuple[Fill, ...]

    @property
    def profit(self) -> float:
        """Realised, unrealised and financing."""
        return self.realised + self.unrealised + self.financing


def trade_of(record: DecisionRecord, order: str) -> TradeTold | None:
    """The round trip that an order opened, as `coordinator.results.trades` counts them; None where
    it opened none: it was not filled, or only reduced or added to a position.
    """
    opening = next((fill for fill in record.fills if fill.client_order_id == order), None)
    if opening is None:
        return None
    rows: list[tuple[object, ...]] = []
    trips: dict[str, Trip] = {}
    exits: list[Fill] = []
    for fill in record.fills:
        if fill.symbol != opening.symbol:
            continue
        trip = trips.get(fill.symbol)
        if trip is not None and trip.client_order_id == order and trip.side * fill.units < 0.0:
            exits.append(fill)
        book_trip(fill, trips, rows)
    open_trip = trips.get(opening.symbol)
    if open_trip is not None and open_trip.client_order_id == order:
        return _told(record, _still_open(record, open_trip), tuple(exits))
    for row in rows:
        found = dict(zip(TRADE_COLUMNS, row, strict=True))
        if found["client_order_id"] == order:
            return _told(record, found, tuple(exits))
    return None


def _still_open(record: DecisionRecord, trip: Trip) -> dict[str, Any]:
    unrealised, newest = 0.0, record.newest
    if newest is not None:
        column = record.session.symbols.index(trip.symbol)
        unrealised = float(
            trip.unrealised(newest.mid[column], newest.spread[column], newest.rate[column])
        )
    last = newest.sequence if newest is not None else trip.opened_sequence
    return dict(zip(TRADE_COLUMNS, trip.row(0, last, OPEN, unrealised), strict=True))


def _told(record: DecisionRecord, found: dict[str, Any], exits: tuple[Fill, ...]) -> TradeTold:
    column = record.session.symbols.index(found["symbol"])
    opened, closed = int(found["opened_sequence"]), int(found["closed_sequence"])
    is_open = found["exit_reason"] == OPEN
    return TradeTold(
        side=found["side"],
        opened=int(found["opened"]),
        closed=None if is_open else int(found["closed"]),
        exit_reason=found["exit_reason"],
        entry_price=float(found["entry_price"]),
        exit_price=float(found["exit_price"]),
        realised=float(found["realised"]),
        unrealised=float(found["unrealised"]),
        financing=sum(
            float(charged[column]) for at, charged in record.financing if opened < at <= closed
        ),
        exits=exits,
    )
