"""OANDA's streams of the v20 server: nothing lost or given twice, whatever befalls them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from infra.brokers.oanda.broker import OandaBroker
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.pacing import Pace, Paces
from infra.brokers.v20_server.faults import Fault, FaultKind, FaultPlan
from infra.brokers.v20_server.running import V20Server
from infra.brokers.v20_server.terms import V20Terms
from infra.deadlines import readable
from infra.feeds.files import FileFeed
from infra.feeds.oanda.download import download
from infra.feeds.oanda.stream import OandaStream
from market.accounts import Transaction
from market.quotes import Quote
from tests.exchanges import SECOND, START, TERMS, WITHIN_S, HandPrices, order, quote

MINUTE = 60 * SECOND
TOKEN = "a-token-that-nobody-guesses"


@dataclass(slots=True)
class Served:
    """A v20 server, an account at it, and what its streams brought."""

    server: V20Server
    prices: HandPrices
    connection: OandaConnection
    broker: OandaBroker
    stream: OandaStream
    time: int = START
    given: list[Transaction] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def market(self, symbol: str, mid: float) -> None:
        """The next quote, a second later; the server has traded on it."""
        self.time += SECOND
        self.prices.put(quote(symbol, self.time, mid, 0.0002))
        self.server.settle()

    def hear(self, enough: Callable[[], object]) -> None:
        """Take what comes until that is enough."""
        deadline = time.monotonic() + WITHIN_S
        while not enough():
            assert readable([self.stream], deadline), "nothing more came"
            update = self.stream.take()
            self.given += update.transactions
            self.quotes += update.quotes
            self.closed += update.closed

    def trade(self, number: int) -> None:
        self.broker.place(order(f"desk-{number}", 1_000.0))

    def hear_all(self) -> None:
        """Everything that the account's record holds, each once and in order."""
        last = self.broker.account().last_transaction
        self.hear(lambda: self.given and self.given[-1].id >= last)
        assert [one.id for one in self.given] == list(range(1, last + 1))
        assert tuple(self.given) == self.broker.transactions(0)


@contextmanager
def served(folder: Path, *faults: Fault) -> Iterator[Served]:
    prices = HandPrices()
    server = V20Server(
        V20Terms(exchange=TERMS, token=TOKEN, heartbeat_s=0.2),
        folder=folder,
        open_source=lambda _: prices,
        faults=FaultPlan(faults=faults, seed=1),
    )
    with ExitStack() as closing:
        server.start()
        closing.callback(server.stop)
        connection = OandaConnection(
            environment=environment("local", server.url),
            account=server.account,
            tokens=TokenText(TOKEN),
            paces=Paces(connections=Pace(1_000)),
        )
        closing.callback(connection.close)
        broker = OandaBroker(
            connection, instruments=TERMS.instruments, account_currency="USD", interval_s=60
        )
        stream = broker.subscribe(0)
        closing.callback(stream.close)
        one = Served(server, prices, connection, broker, stream)
        one.market("EUR_USD", 1.1)
        one.hear(lambda: one.quotes)
        yield one


def test_quotes_and_transactions_of_the_server_are_the_desks(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        one.trade(1)
        one.hear_all()
        assert one.given[-1].client_order_id == "desk-1"
        assert one.quotes[-1] == quote("EUR_USD", START + SECOND, 1.1, 0.0002)


@pytest.mark.parametrize(
    "fault",
    [
        FaultKind.DUPLICATE_TRANSACTIONS,
        FaultKind.REORDERED_TRANSACTIONS,
        FaultKind.NO_HEARTBEATS,
    ],
)
def test_a_stream_that_misbehaves_gives_each_transaction_once_and_in_order(
    tmp_path: Path, fault: FaultKind
) -> None:
    with served(tmp_path, Fault(kind=fault, on="transactions/stream", times=None)) as one:
        for number in range(5):
            one.trade(number)
        one.hear_all()


def test_streams_that_are_cut_between_orders_lose_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        for number in range(4):
            one.server.drop_streams()
            one.trade(number)
            if number % 2:
                one.hear(lambda: one.stream.health().transactions_open)
        one.hear_all()
        one.hear(lambda: one.stream.health().prices_open)
        one.market("EUR_USD", 1.2)
        one.hear(lambda: one.quotes[-1].mid == pytest.approx(1.2))
        assert one.stream.health().reconnects >= 2


def test_an_instrument_that_the_server_halts_is_closed_until_it_is_quoted_again(
    tmp_path: Path,
) -> None:
    with served(tmp_path) as one:
        halt = Fault(kind=FaultKind.MARKET_HALT, symbols=("EUR_USD",), seconds=0.0)
        one.server.inject(FaultPlan(faults=(halt,), seed=1))
        one.market("EUR_USD", 1.2)
        one.hear(lambda: one.closed)
        assert one.closed[0] == "EUR_USD"
        one.server.inject(FaultPlan(faults=(), seed=1))
        one.market("EUR_USD", 1.3)
        one.hear(lambda: one.quotes[-1].mid == pytest.approx(1.3))


def test_history_that_was_downloaded_is_the_bars_that_the_broker_tells(tmp_path: Path) -> None:
    with served(tmp_path / "server") as one:
        for minute in range(8):
            if minute != 4:  # a gap stays one
                for step in range(3):
                    at = START + minute * MINUTE + (10 + step) * SECOND
                    one.prices.put(quote("EUR_USD", at, 1.1 + minute / 100 + step / 1_000, 0.0002))
            one.server.settle()
        download(
            one.connection,
            ["EUR_USD"],
            "M1",
            START - MINUTE,
            START + 60 * MINUTE,
            tmp_path / "history",
            source="OANDA v20 local",
        )
        told = one.broker.history(60, 100).columns(["EUR_USD"])
        assert len(told) == 6
        found = FileFeed(tmp_path / "history" / "M1").load()
        assert found.digest() == told.digest()
