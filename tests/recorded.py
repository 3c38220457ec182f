"""Recorded journals, written anew: with something altered, or as a live desk would have written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from agents.guardian.calibration.leading import leading_agent
from coordinator.bootstrap import guardian_builder
from coordinator.plan import Plan
from infra.journal.reader import read_events
from infra.journal.sqlite import SqliteJournal
from market.bar_window import slice_of
from market.bars import Bars, Floats
from market.events import (
    BarSettled,
    DecisionTaken,
    Event,
    OrderFilled,
    OrderIntended,
    SessionStarted,
    TradingHalted,
)
from market.live_events import (
    AccountSeen,
    BarClosed,
    BreakersMoved,
    CoordinatorAttached,
    OrdersAccepted,
    TradingOpened,
)
from market.messages import RiskContext

SAME_CODE = (("quorum", "0.1.0"),)


def written(events: Iterable[Event], journal: Path) -> Path:
    """A whole journal of these events, its chain as good as any."""
    journal.parent.mkdir(parents=True, exist_ok=True)
    into = SqliteJournal(journal)
    for event in events:
        into.append(event)
    into.close()
    return journal


def altered(journal: Path, into: Path, change: Callable[[Event], Event]) -> Path:
    """The journal with some events changed before they were written."""
    return written((change(event) for event in read_events(journal)), into)


def as_live(
    settled: Plan, replayed: Iterable[Event], stops: Callable[[int], Floats] | None = None
) -> list[Event]:
    """A replay's events in the order and with the events of a live desk.

    Bars and priming history are in the journal, the breakers' memory after every review, and, where
    `stops` gives them by sequence, the broker's stops. Raises AssertionError for a replay that
    halts: a live desk would not have been re-armed by itself.
    """
    desk, panel = settled.desk, settled.bars
    guardian = guardian_builder(settled, b"key")()
    events: list[Event] = []
    account: BarSettled | None = None
    filled = np.zeros(len(desk.symbols))
    for event in replayed:
        assert not isinstance(event, TradingHalted)
        if isinstance(event, SessionStarted):
            live = replace(event, data="made-up quotes", data_digest="", bars=0)
            events += [live, _opened(panel, settled.first), CoordinatorAttached(time=0, epoch=1)]
            continue
        if isinstance(event, BarSettled):
            account = event
            bar = slice_of(panel, settled.first + event.sequence)
            events.append(
                BarClosed(sequence=event.sequence, time=event.time, values=bar.values, skipped=3)
            )
        events.append(event)
        if isinstance(event, BarSettled) and stops is not None:
            age = np.zeros(len(desk.symbols))
            at = stops(event.sequence)
            events.append(
                AccountSeen(sequence=event.sequence, time=event.time, stop_price=at, age=age)
            )
        if isinstance(event, DecisionTaken):
            assert account is not None
            seen = _watching(account, desk.traded)
            for order in event.approved:
                column, side = desk.symbols.index(order.symbol), float(np.sign(order.score))
                seen.group[column] = leading_agent(event.scores, desk.weights, column, side)
            guardian.recall(replace(seen, filled=filled), event.approved)
            filled = np.zeros(len(desk.symbols))
            events.append(
                BreakersMoved(
                    sequence=event.sequence, time=event.time, memory=guardian.memory, halt="NONE"
                )
            )
        if isinstance(event, OrderFilled):
            filled[desk.symbols.index(event.fill.symbol)] += 1.0
        if isinstance(event, OrderIntended):
            name = event.order.client_order_id
            told = (f"beside-{name}", name)
            events.append(
                OrdersAccepted(time=0, client_order_ids=told, transactions=(1, len(events)))
            )
    return events


def _opened(panel: Bars, first: int) -> TradingOpened:
    history = [slice_of(panel, row) for row in range(first)]
    return TradingOpened(
        time=0,
        broker="a made-up account",
        last_transaction=0,
        versions=SAME_CODE,
        history_time=panel.time[:first].copy(),
        history_values=np.stack([bar.values for bar in history]),
    )


def _watching(account: BarSettled, traded: int) -> RiskContext:
    """An account that nothing is proposed for."""
    width = len(account.units)
    nothing, unknown = np.zeros(width), np.full(width, np.nan)
    return RiskContext(
        session="", epoch=1, sequence=account.sequence, time=account.time, expires=account.time,
        equity=account.equity, units=account.units, working=nothing, stop_price=unknown,
        mid=account.mid, spread=account.spread, rate=account.rate, age=nothing, filled=nothing,
        returns=np.zeros((1, traded)), order_units=nothing, score=unknown, stop_distance=unknown,
        take_profit_distance=unknown, trailing_distance=unknown,
        bound=np.zeros(width, dtype=np.int64), group=np.zeros(width, dtype=np.int64),
        sigma=unknown[:traded], sigma_before=unknown[:traded],
    )  # fmt: skip
