"""A live gateway over a paper exchange, and approvals signed as the guardian signs them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from infra.deadlines import readable
from infra.feeds.live.board import PriceBoard
from infra.journal.reader import read_events
from infra.live.cancel_budget import CancelLimits
from infra.live.gateway import LiveGateway
from infra.live.opening import open_books
from market.accounts import StreamUpdate
from market.breaker_rules import BreakerLimits
from market.events import Event, SessionStarted
from market.legs import Leg
from market.live_messages import Decided, Dispatched
from market.orders import Bracket
from market.seats import AgentSeated
from market.verdicts import RiskApproved, SignedApprovals, sign
from tests.exchanges import CASH, START, SYMBOLS, TERMS, WITHIN_S, LocalBench, ServedBench

APPROVALS_KEY = b"the guardian's key"
SESSION = "live-test"
ROWS = 16
WILD = BreakerLimits(volatility=10.0, price_fall=1.0, latency_s=1e3)
"""For markets that jump as it suits a test, on a machine that may have other work."""


def started() -> SessionStarted:
    return SessionStarted(
        session=SESSION,
        account_currency="USD",
        initial_balance=0.0,
        symbols=SYMBOLS,
        traded=len(SYMBOLS),
        currencies=("EUR", "GBP", "USD", "JPY"),
        interval_s=60,
        has_extremes=True,
        first_time=0,
        last_time=0,
        bars=0,
        data="prices made by hand",
        data_digest="",
        financing="",
        agents=(
            AgentSeated(name="one", weight=1.0, lookback=3, evidence=(), source=""),
            AgentSeated(name="two", weight=0.5, lookback=3, evidence=(), source=""),
            AgentSeated(name="other", weight=0.0, lookback=3, evidence=(), source=""),
        ),
        configuration="{}",
        versions=(),
    )


@dataclass(slots=True)
class GatewayDesk:
    """A gateway with its books, and the market that moves under it."""

    bench: Any
    gateway: LiveGateway
    journal: Path
    said: list[str] = field(default_factory=list)
    epoch: int = 0
    stream: Any = None

    def market(self, symbol: str, mid: float, *, seconds: int = 1) -> None:
        """The next quote, and what it did, heard by the gateway."""
        self.bench.market(symbol, mid, 0.0, seconds=seconds)
        self.hear(lambda update: any(quote.symbol == symbol for quote in update.quotes))

    def hear(self, enough: Callable[[StreamUpdate], bool]) -> None:
        """Give the gateway what the stream brings, up to an update that is enough."""
        until = time.monotonic() + WITHIN_S
        while True:
            assert readable([self.stream], until), "the stream fell silent"
            update = self.stream.take()
            self.gateway.take(update)
            if enough(update):
                return

    def execute(self, *orders: RiskApproved, sequence: int = 0, **changes: Any) -> Dispatched:
        return self.gateway.execute(
            decided(self.epoch, sequence, signed(self.epoch, sequence, orders, **changes))
        )

    def events(self, kind: type[Event]) -> list[Any]:
        """Those on disk."""
        self.gateway.books.durable()
        return [event for event in read_events(self.journal) if isinstance(event, kind)]

    @property
    def state(self) -> Any:
        return self.gateway.books.state


def approved(symbol: str, units: float) -> RiskApproved:
    return RiskApproved(
        symbol=symbol,
        units=units,
        proposed_units=units,
        score=0.5,
        bracket=Bracket(stop=0.5, take_profit=float("nan"), trailing=None),
        reference_price=1.0,
        lowest_price=0.0,
        highest_price=1e9,
        bound="NONE",
        limit="NONE",
        allowed=float("nan"),
        measured=float("nan"),
    )


def signed(
    epoch: int,
    sequence: int,
    orders: Sequence[RiskApproved],
    *,
    key: bytes = APPROVALS_KEY,
    session: str = SESSION,
    expires: int = START + 10**15,
    stage: str = "paper",
    legs: tuple[Leg, ...] = (),
) -> SignedApprovals:
    return sign(
        key,
        session=session,
        epoch=epoch,
        sequence=sequence,
        expires=expires,
        approved=orders,
        stage=stage,
        legs=legs,
    )


def decided(epoch: int, sequence: int, approvals: SignedApprovals | None) -> Decided:
    return Decided(epoch=epoch, sequence=sequence, time=START, records=(), signed=approvals)


def open_gateway(
    bench: Any,
    folder: Path,
    broker: Any = None,
    breakers: BreakerLimits = WILD,
    cancels: CancelLimits = CancelLimits(),  # noqa: B008  (frozen)
) -> GatewayDesk:
    """The desk in a folder: a new one, or the one whose journal is there."""
    said: list[str] = []
    journal = folder / "journal.sqlite"
    books = open_books(journal, started(), ROWS, ("one", "two"), lambda: (START, CASH))
    gateway = LiveGateway(
        broker=broker or bench.broker,
        books=books,
        board=PriceBoard(
            SYMBOLS,
            60,
            np.full(len(SYMBOLS), 10**15),
            closed_until=books.state.window.last_time,
        ),
        instruments=TERMS.instruments,
        account_currency="USD",
        key=APPROVALS_KEY,
        versions=(),
        history_bars=ROWS,
        breakers=breakers,
        cancels=cancels,
        asks_history=True,
        tell=lambda text, **_: said.append(text),
    )
    gateway.open("a paper exchange")
    desk = GatewayDesk(bench=bench, gateway=gateway, journal=journal, said=said)
    desk.epoch = gateway.attach().epoch
    desk.stream = bench.broker.subscribe(books.state.last_transaction)
    desk.hear(lambda update: update.time > 0)  # it is subscribed
    return desk


def close_everything(gateway: LiveGateway) -> None:
    """One whole step of a flatten."""
    for _ in gateway.closing():
        pass


def crash(desk: GatewayDesk) -> None:
    """The gateway's process is gone: what was not committed is lost, and so is the lock."""
    journal = desk.gateway.books._journal
    journal._database.rollback()
    journal._database.close()
    journal.let_go()
    streams = getattr(desk.bench.broker, "streams", [])
    streams[:] = [stream for stream in streams if stream is not desk.stream]
    desk.stream.close()


@contextmanager
def gateway_desk(
    folder: Path,
    breakers: BreakerLimits = WILD,
    cancels: CancelLimits = CancelLimits(),  # noqa: B008  (frozen)
) -> Iterator[GatewayDesk]:
    """A gateway over an exchange in the test's own process."""
    bench = LocalBench(folder)
    try:
        yield open_gateway(bench, folder, breakers=breakers, cancels=cancels)
    finally:
        bench.close()


@contextmanager
def served_desk(folder: Path, **settings: Any) -> Iterator[GatewayDesk]:
    """A gateway over an exchange behind a socket, with faults on demand."""
    bench = ServedBench(folder, **settings)
    try:
        yield open_gateway(bench, folder)
    finally:
        bench.close()
