"""A live desk for tests: a gateway's loop in a thread, before a broker in memory."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from infra.feeds.live.board import PriceBoard
from infra.journal.reader import read_events
from infra.live.asking import ask_desk
from infra.live.gateway import LiveGateway
from infra.live.home import DeskHome
from infra.live.loop import COORDINATOR, GatewayLoop
from infra.live.opening import open_books
from infra.transport import SocketChannel, Switchboard
from market.errors import JournalUnwritable
from market.events import Event, SessionStarted
from market.live_messages import (
    Attach,
    Attached,
    BarReady,
    Command,
    CommandAnswered,
    Decided,
    Dispatched,
    Marked,
    RearmAsked,
)
from market.orders import Bracket
from market.overrides import Override
from market.quotes import PriceKind
from market.seats import AgentSeated
from market.verdicts import RiskApproved, sign
from tests.live_broker import NO_BRACKET, SECOND, FakeBroker

SESSION = "live-0123456789"
APPROVALS_KEY = b"k" * 32
WITHIN_S = 20.0
ROWS = 40
LEVELS = {"EUR_USD": 1.10, "GBP_USD": 1.25, "USD_JPY": 150.0, "EUR_GBP": 0.88}
AGENTS = ("momentum", "mean_reversion", "sentiment")
SEATED = ("momentum", "mean_reversion")
FOR_EVER = 2**62
Kind = TypeVar("Kind", bound=Event)


def session_started(broker: FakeBroker, **changed: Any) -> SessionStarted:
    """The first event of a desk whose committee is AGENTS."""
    facts: dict[str, Any] = {
        "session": SESSION,
        "account_currency": "USD",
        "initial_balance": 0.0,
        "symbols": broker.symbols,
        "traded": 3,
        "currencies": ("EUR", "GBP", "JPY", "USD"),
        "interval_s": broker.interval_s,
        "has_extremes": True,
        "first_time": 0,
        "last_time": 0,
        "bars": 0,
        "data": "a broker in memory",
        "data_digest": "",
        "financing": "none",
        "agents": tuple(
            AgentSeated(name=name, weight=weight, lookback=5, evidence=(), source="")
            for name, weight in zip(AGENTS, (0.6, 0.4, 0.0), strict=True)
        ),
        "configuration": "{}",
        "versions": (),
    }
    return SessionStarted(**facts | changed)


class LiveDesk:
    """A desk without coordinator, agents and guardian: a test takes their places.

    told: everything that gateway and loop said. gateway_options, loop_options: of their
    constructors, instead of those here. prices: what the broker says that its prices are.
    """

    def __init__(
        self,
        folder: Path,
        broker: FakeBroker | None = None,
        *,
        gateway_options: Mapping[str, Any] | None = None,
        loop_options: Mapping[str, Any] | None = None,
        prices: PriceKind = PriceKind.UNSTATED,
    ) -> None:
        self.home = DeskHome(folder=folder)
        self.home.make()
        self.broker = broker or FakeBroker()
        self.told: list[str] = []
        if broker is None:
            self.prices()
        started = session_started(self.broker)
        chosen = dict(gateway_options or {})
        books = chosen.pop("books", None) or open_books(
            self.home.journal,
            started,
            ROWS,
            SEATED,
            lambda: (self.broker.time, self.broker.account().cash),
        )
        options: dict[str, Any] = {
            "broker": self.broker,
            "books": books,
            "board": PriceBoard(
                self.broker.symbols,
                started.interval_s,
                np.full(len(self.broker.symbols), started.interval_s * SECOND),
                closed_until=books.state.window.last_time,
            ),
            "instruments": self.broker.instruments,
            "account_currency": "USD",
            "key": APPROVALS_KEY,
            "versions": (),
            "history_bars": ROWS,
            "tell": self._hear,
        }
        self.gateway = LiveGateway(**options | chosen)
        self.gateway.open("a broker in memory", prices)
        loop: dict[str, Any] = {"reconcile_every_s": 1e9, "tell": self._hear}
        self.loop = GatewayLoop(
            self.gateway,
            Switchboard(self.home.line_key(), at=self.home.gateway_address),
            self.broker.subscribe,
            **loop | dict(loop_options or {}),
        )
        self._leaving = threading.Event()
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        self.until(lambda told: told["broker_connected"])

    def prices(self, *, moved: float = 0.0, seconds: float = 1.0) -> None:
        """A quote of every instrument. moved: by this fraction from LEVELS."""
        for symbol in self.broker.symbols:
            self.broker.market(symbol, LEVELS[symbol] * (1.0 + moved), 2e-4, seconds=seconds)

    def ask(self, name: str, **facts: Any) -> CommandAnswered:
        """A person's command."""
        return ask_desk(self.home, Command(name=name, **facts), WITHIN_S)

    def status(self) -> Mapping[str, Any]:
        """What the desk says of itself."""
        return self.ask("status").told

    def until(self, holds: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """The first status of which that holds; it must come in time."""
        until = time.monotonic() + WITHIN_S
        while True:
            told = self.status()
            if holds(told):
                return told
            assert time.monotonic() < until, f"never came to be, but {told}"

    def events(self, kind: type[Kind]) -> list[Kind]:
        """Those of the journal, once it is closed or durable."""
        return [event for event in read_events(self.home.journal) if isinstance(event, kind)]

    def kill(self) -> None:
        """Leave without settling anything; the journal is let go, as by a process that dies."""
        self._leaving.set()
        self.ended()
        with contextlib.suppress(JournalUnwritable):
            self.gateway.books.close()

    def ended(self) -> None:
        """Wait until the loop has ended by itself, without a defect."""
        self.thread.join(WITHIN_S)
        assert not self.thread.is_alive()
        assert self.failure is None, self.failure

    def close(self) -> None:
        """End it, whatever state it is in."""
        if self.thread.is_alive():
            self.kill()
        self.broker.hang_up()

    def _run(self) -> None:
        try:
            self.loop.run(self._leaving.is_set)
        except BaseException as error:  # a test asks for it
            self.failure = error

    def _hear(self, text: str, **fields: object) -> None:
        del fields
        self.told.append(text)


class FakeCoordinator:
    """A test in the coordinator's place: it attaches, decides what it is told to, and hears."""

    def __init__(self, desk: LiveDesk, born: int = 1) -> None:
        self._line = SocketChannel.dial(
            desk.home.gateway_address, desk.home.line_key(), COORDINATOR
        )
        self._line.send(Attach(session=SESSION, born=born))
        attached = self._line.receive()
        assert isinstance(attached, Attached), attached
        self.attached = attached
        self.sequence = attached.desk.sequence
        self.heard: list[object] = []

    def next(self, *kinds: type[Any]) -> Any:
        """The next message of one of these kinds; what else is asked meanwhile is answered."""
        while True:
            message = self._line.receive()
            self.heard.append(message)
            if isinstance(message, kinds):
                return message
            if isinstance(message, BarReady | Marked | RearmAsked):
                self.decide({}, sequence=-1)

    def say(self, message: object) -> None:
        """Send a message that nobody asked for."""
        self._line.send(message)

    def decide(
        self,
        orders: Mapping[str, float],
        *,
        records: tuple[Event, ...] = (),
        health: Mapping[str, Any] | None = None,
        bracket: Bracket = NO_BRACKET,
        sequence: int = 0,
        stage: str = "paper",
        overrides: tuple[Override, ...] = (),
    ) -> None:
        """Answer what was asked with these approved orders, signed."""
        approved = [
            RiskApproved(
                symbol=symbol,
                units=units,
                proposed_units=units,
                score=0.5,
                bracket=bracket,
                reference_price=LEVELS[symbol],
                lowest_price=0.0,
                highest_price=np.inf,
                bound="NONE",
                limit="NONE",
                allowed=np.nan,
                measured=np.nan,
            )
            for symbol, units in orders.items()
        ]
        signed = sign(
            APPROVALS_KEY,
            session=SESSION,
            epoch=self.attached.epoch,
            sequence=sequence,
            expires=FOR_EVER,
            approved=approved,
            stage=stage,
            overrides=overrides,
        )
        self._line.send(
            Decided(
                epoch=self.attached.epoch,
                sequence=sequence,
                time=0,
                records=records,
                signed=signed if approved else None,
                health=health or {},
            )
        )

    def order(self, orders: Mapping[str, float], **facts: Any) -> Dispatched:
        """Have these orders dispatched; what the gateway answered."""
        self.decide(orders, **facts)
        while True:
            dispatched: Dispatched = self.next(Dispatched)
            if dispatched.sequence == facts.get("sequence", 0):
                return dispatched

    def close(self) -> None:
        self._line.close()


@contextmanager
def live_desk(folder: Path, broker: FakeBroker | None = None, **options: Any) -> Iterator[LiveDesk]:
    """A desk that is ended whatever happens."""
    desk = LiveDesk(folder, broker, **options)
    try:
        yield desk
    finally:
        desk.close()


@contextmanager
def coordinator_of(desk: LiveDesk, born: int = 1) -> Iterator[FakeCoordinator]:
    """A coordinator that hangs up at the end."""
    coordinator = FakeCoordinator(desk, born)
    try:
        yield coordinator
    finally:
        coordinator.close()
