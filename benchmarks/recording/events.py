"""The events of a live desk, bar after bar, as its gateway records them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from market.events import (
    BarSettled,
    DecisionTaken,
    Event,
    OrderFilled,
    OrderIntended,
    SessionStarted,
)
from market.live_events import (
    AccountSeen,
    BarClosed,
    BreakersMoved,
    OrderAccepted,
    TransactionsBooked,
)
from market.orders import Bracket, Fill, OrderRequest, client_order_id
from market.seats import AgentSeated
from market.verdicts import RiskApproved

INSTRUMENTS = 50
AGENTS = 4
EVIDENCE = 12
ORDERS = 10
"""Instruments that trade on a bar."""
SESSION = "live-benchmark"
SECOND_NS = 10**9
SYMBOLS = tuple(f"A{n:02d}_USD" for n in range(INSTRUMENTS))
BRACKET = Bracket(stop=0.01, take_profit=0.025, trailing=None)


def started() -> SessionStarted:
    """A desk on made-up instruments."""
    return SessionStarted(
        session=SESSION,
        account_currency="USD",
        initial_balance=1e6,
        symbols=SYMBOLS,
        traded=INSTRUMENTS,
        currencies=("USD",),
        interval_s=1,
        has_extremes=True,
        first_time=0,
        last_time=0,
        bars=0,
        data="made up",
        data_digest="",
        financing="",
        agents=tuple(
            AgentSeated(name=f"agent-{n}", weight=0.25, lookback=100, evidence=(), source="")
            for n in range(AGENTS)
        ),
        configuration="{}",
        versions=(),
    )


def bars_of_events(seed: int = 7) -> Iterator[list[Event]]:
    """The events of one bar after the other, without end."""
    rng = np.random.default_rng(seed)
    start = time.time_ns()
    sequence, transaction = 0, 0
    while True:
        at = start + sequence * SECOND_NS
        columns = rng.choice(INSTRUMENTS, ORDERS, replace=False)
        side = 1.0 if sequence % 2 else -1.0
        yield [
            *_bar(rng, sequence, at),
            _decided(rng, sequence, at, columns, side),
            *_ordered(sequence, at, columns, side, transaction),
        ]
        sequence, transaction = sequence + 1, transaction + 2 * ORDERS


def _bar(rng: np.random.Generator, sequence: int, at: int) -> list[Event]:
    prices = rng.uniform(0.9, 1.1, (6, INSTRUMENTS))
    return [
        BarClosed(sequence=sequence, time=at, values=prices, skipped=3),
        BarSettled(
            sequence=sequence,
            time=at,
            units=rng.normal(0.0, 1e4, INSTRUMENTS),
            mid=prices[3],
            spread=prices[4],
            rate=np.ones(INSTRUMENTS),
            financing=np.zeros(INSTRUMENTS),
            equity=1e6,
            cash=1e6,
            margin_used=1e4,
        ),
        AccountSeen(sequence=sequence, time=at, stop_price=prices[2], age=np.zeros(INSTRUMENTS)),
        BreakersMoved(sequence=sequence, time=at, memory=rng.normal(size=8), halt="NONE"),
    ]


def _decided(
    rng: np.random.Generator, sequence: int, at: int, columns: np.ndarray, side: float
) -> DecisionTaken:
    score = rng.uniform(-1.0, 1.0, INSTRUMENTS)
    return DecisionTaken(
        sequence=sequence,
        time=at,
        scores=rng.uniform(-1.0, 1.0, (AGENTS, INSTRUMENTS)),
        evidence=rng.normal(size=(EVIDENCE, INSTRUMENTS)),
        score=score,
        buy=np.maximum(score, 0.0),
        sell=np.maximum(-score, 0.0),
        turnout=np.ones(INSTRUMENTS),
        outcome=np.sign(score).astype(np.int64),
        multiplier=np.ones(INSTRUMENTS),
        bound=np.zeros(INSTRUMENTS, dtype=np.int64),
        approved=tuple(
            RiskApproved(
                symbol=SYMBOLS[column],
                units=side * 1e3,
                proposed_units=side * 1e3,
                score=0.5,
                bracket=BRACKET,
                reference_price=1.0,
                lowest_price=0.9,
                highest_price=1.1,
                bound="RISK_PER_TRADE",
                limit="NONE",
                allowed=float("nan"),
                measured=float("nan"),
            )
            for column in columns
        ),
        refused=(),
    )


def _ordered(
    sequence: int, at: int, columns: np.ndarray, side: float, transaction: int
) -> Iterator[Event]:
    """Intents first, then what the broker answered, then its fills."""
    names = [(client_order_id(SESSION, sequence, SYMBOLS[c]), SYMBOLS[c]) for c in columns]
    for name, symbol in names:
        order = OrderRequest(
            client_order_id=name,
            sequence=sequence,
            symbol=symbol,
            units=side * 1e3,
            bracket=BRACKET,
            lowest_price=0.9,
            highest_price=1.1,
            reference_price=1.0,
        )
        yield OrderIntended(order=order)
    for number, (name, _) in enumerate(names, transaction + 1):
        yield OrderAccepted(client_order_id=name, time=at, transaction=number)
    for name, symbol in names:
        fill = Fill(
            client_order_id=name,
            sequence=sequence + 1,
            time=at,
            symbol=symbol,
            units=side * 1e3,
            price=1.0001,
            mid=1.0,
            rate=1.0,
            reason="DECISION",
            realised=0.0,
            spread_cost=0.05,
            slippage_cost=0.05,
            slippage_bps=1.0,
        )
        yield OrderFilled(fill=fill)
    yield TransactionsBooked(time=at, last=transaction + 2 * ORDERS)
