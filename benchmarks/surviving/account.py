"""Whether a desk's journal and its broker's own record say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infra.journal.reader import read_events
from market.accounts import Transaction, TransactionKind
from market.desk_state import DeskState
from market.events import Event, OrderFilled, OrderIntended, SessionStarted
from market.ledger import book_fill, open_ledger
from market.live_events import CoordinatorAttached, TradingOpened

Key = tuple[str, float, float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """orders, fills: at the broker. lost: fills that the journal lacks, and orders of which it does
    not know the end. duplicated: fills booked twice, and orders that the broker took twice.
    unrecorded: orders at the broker without an intent. positions_differ: instruments.
    """

    orders: int
    fills: int
    events: int
    lost: int
    duplicated: int
    unrecorded: int
    positions_differ: int
    openings: int
    epochs: int


def compare(journal: Path, transactions: Sequence[Transaction], rows: int = 64) -> Comparison:
    """Compare event by event. Raises JournalError where the journal's chain does not hold."""
    events = list(read_events(journal))
    (started,) = [event for event in events if isinstance(event, SessionStarted)]
    state = DeskState(started, rows)
    for event in events[1:]:
        state.apply(event)
    accepted = Counter(
        t.client_order_id for t in transactions if t.kind is TransactionKind.ACCEPTED
    )
    at_broker = Counter(
        key_of(t.client_order_id, t.fill.units, t.fill.price, t.fill.reason)
        for t in transactions
        if t.fill is not None
    )
    booked = Counter(
        key_of(event.fill.client_order_id, event.fill.units, event.fill.price, event.fill.reason)
        for event in events
        if isinstance(event, OrderFilled)
    )
    intended = {event.order.client_order_id for event in events if isinstance(event, OrderIntended)}
    units = units_of(started, transactions)
    return Comparison(
        orders=len(accepted),
        fills=sum(at_broker.values()),
        events=len(events),
        lost=sum((at_broker - booked).values()) + len(state.orders),
        duplicated=sum((booked - at_broker).values())
        + sum(count - 1 for count in accepted.values()),
        unrecorded=len(accepted.keys() - intended),
        positions_differ=int((units != state.ledger.units).sum()),
        openings=count(events, TradingOpened),
        epochs=count(events, CoordinatorAttached),
    )


def key_of(name: str, units: float, price: float, reason: str) -> Key:
    """What a fill is known by on both sides."""
    return name, units, price, reason


def count(events: Sequence[Event], kind: type[Event]) -> int:
    """How many events are of a kind."""
    return sum(isinstance(event, kind) for event in events)


def units_of(started: SessionStarted, transactions: Sequence[Transaction]) -> np.ndarray:
    """(M,) positions that the broker's fills add up to."""
    ledger = open_ledger(len(started.symbols), 0.0)
    for transaction in transactions:
        fill = transaction.fill
        if fill is not None:
            column = started.symbols.index(fill.symbol)
            book_fill(ledger, column, fill.units, fill.price, fill.rate)
    return ledger.units
