"""A live gateway on OANDA's adapter, and a v20 server in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.broking.server import ACCOUNT, TOKEN, Served, ServerProcess, v20_process
from benchmarks.dispatching.desk import Ordering, terms_of
from coordinator.live.brokers.oanda import ABSENT_AFTER_S
from coordinator.live.plan import LivePlan
from infra.brokers.oanda.broker import OandaBroker
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenText
from infra.brokers.oanda.environment import environment
from market.breaker_rules import BreakerLimits

TIMEOUT_S = 5.0
HISTORY_BARS = 50
OPEN_BREAKERS = BreakerLimits(
    latency_s=600.0, failures=10**6, unknown_order_s=600.0, correlation=2.0
)
"""Faults are meant here, orders are to flow all the same, and numbers rise in every instrument."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealing:
    """A desk, its broker and the server behind it."""

    server: ServerProcess
    connection: OandaConnection
    broker: OandaBroker
    desk: Ordering
    journal: Path


@contextmanager
def dealing(
    plan: LivePlan,
    folder: Path,
    *,
    every_s: float,
    numbers: int,
    timeout_s: float = TIMEOUT_S,
    breakers: BreakerLimits = OPEN_BREAKERS,
) -> Iterator[Dealing]:
    """For the time of a measurement. every_s, numbers: of the prices. The connection's limits are
    those that a desk has at OANDA: 100 requests and 2 new connections a second.
    """
    served = Served(
        exchange=terms_of(plan),
        folder=folder / "server",
        every_s=every_s,
        numbers=numbers,
        history_bars=HISTORY_BARS,
    )
    with v20_process(served) as server:
        connection = OandaConnection(
            environment=environment("local", server.url),
            account=ACCOUNT,
            tokens=TokenText(TOKEN),
            timeout=(min(3.0, timeout_s), timeout_s),
        )
        broker = OandaBroker(
            connection,
            instruments=plan.instruments,
            account_currency="USD",
            interval_s=plan.desk.interval_s,
        )
        try:
            desk = Ordering(
                plan,
                broker,
                folder,
                description="OANDA, local",
                breakers=breakers,
                absent_after_s=ABSENT_AFTER_S,
            )
            yield Dealing(
                server=server,
                connection=connection,
                broker=broker,
                desk=desk,
                journal=folder / "journal.sqlite",
            )
        finally:
            connection.close()
