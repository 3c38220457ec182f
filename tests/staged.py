"""Desks that have shown something at their capital stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from infra.live.books import Books
from infra.live.opening import open_books
from market.events import BarSettled, DecisionTaken, Event, OrderFilled
from market.live_events import CashMoved, StageChanged, TradingOpened
from market.orders import Fill
from market.stage_evidence import DAY_NS
from tests.exchanges import CASH
from tests.live import ROWS, SEATED, session_started
from tests.live_broker import FakeBroker

NONE = np.zeros(0)


def opened(prices: str = "real", speed: float = 1.0) -> TradingOpened:
    """Trading was taken up; the broker's first transaction, its cash, is booked."""
    return TradingOpened(
        time=0, broker="", last_transaction=1, versions=(), history_time=NONE.astype(np.int64),
        history_values=NONE, prices=prices, speed=speed,
    )  # fmt: skip


def stage(name: str, *, time: int = 0, sequence: int = 0) -> StageChanged:
    return StageChanged(
        sequence=sequence, time=time, stage=name, by="ann", reason="as it was", evidence=()
    )


def settled(equity: float, time: int = 0) -> BarSettled:
    none = np.zeros(3)
    return BarSettled(
        sequence=0, time=time, units=none, mid=none, spread=none, rate=none, financing=none,
        equity=equity, cash=equity, margin_used=0.0,
    )  # fmt: skip


def taken(time: int) -> DecisionTaken:
    return DecisionTaken(
        sequence=0, time=time, scores=NONE, evidence=NONE, score=np.zeros(3), buy=NONE, sell=NONE,
        turnout=NONE, outcome=NONE.astype(np.int64), multiplier=NONE,
        bound=NONE.astype(np.int64), approved=(), refused=(),
    )  # fmt: skip


def filled(units: float, realised: float = 0.0, symbol: str = "EUR_USD") -> OrderFilled:
    """A fill at one dollar, so that a closed trip leaves the books as before but for their cash."""
    fill = Fill(
        client_order_id="", sequence=0, time=0, symbol=symbol, units=units, price=1.0, mid=1.0,
        rate=1.0, reason="STOP_LOSS", realised=realised, spread_cost=0.0, slippage_cost=0.0,
        slippage_bps=0.0,
    )  # fmt: skip
    return OrderFilled(fill=fill)


def good_days(days: int = 7, trades: int = 10, equity: float = CASH) -> Iterator[Event]:
    """Days that each gain more than they lose; of the trades six in ten gain. What they won leaves
    the account at the end, so that its cash is that of a broker that has seen none of them.
    """
    for day in range(days):
        yield taken(day * DAY_NS)
        for change in (3e-4, -1e-4, 2e-4):
            equity *= 1.0 + change
            yield settled(equity)
    won = 0.0
    for number in range(trades):
        yield filled(1.0)
        realised = 1.0 if number % 10 < 6 else -1.0
        won += realised
        yield filled(-1.0, realised)
    yield CashMoved(time=0, transaction=0, symbol="", amount=-won, reason="filled")


def books_of(folder: Path, broker: FakeBroker, *events: Event) -> Books:
    """The books of a desk at that broker which has recorded these events."""
    for symbol in broker.symbols:
        broker.market(symbol, 1.0, 1e-4)
    folder.mkdir(exist_ok=True)
    books = open_books(
        folder / "journal.sqlite",
        session_started(broker),
        ROWS,
        SEATED,
        lambda: (broker.time, broker.account().cash),
    )
    books.record(*events)
    return books
