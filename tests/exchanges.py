"""Paper exchanges for tests: in the same process, and behind a socket with prices made by hand."""

from __future__ import annotations

import contextlib
import math
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from infra.brokers.paper.live.client import PaperExchangeClient
from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.paper.live.faults import FaultPlan
from infra.brokers.paper.live.history import panel_of
from infra.brokers.paper.live.running import open_exchange
from infra.brokers.paper.live.store import ExchangeStore
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.deadlines import readable
from infra.transport import Address
from market.accounts import StreamUpdate, Transaction
from market.bars import Bars
from market.instruments import Registry
from market.orders import Bracket, Entry, EntryKind, OrderRequest, TimeInForce
from market.ports import BrokerStream, LiveBroker
from market.quotes import Quote
from tests.paper import THURSDAY_NOON_NS

SECOND = 1_000_000_000
START = THURSDAY_NOON_NS
KEY = b"the key of the exchange"
SYMBOLS = ("EUR_USD", "GBP_USD", "USD_JPY", "EUR_GBP")
CASH = 100_000.0
WITHIN_S = 20.0
_REGISTRY = Registry()
TERMS = ExchangeTerms(
    instruments=tuple(_REGISTRY[symbol] for symbol in SYMBOLS),
    account_currency="USD",
    cash=CASH,
    slippage=0.0,
    interval_s=60,
)


def quote(symbol: str, time: int, mid: float, spread: float = 0.0) -> Quote:
    return Quote(symbol=symbol, time=time, bid=mid - spread / 2.0, ask=mid + spread / 2.0)


def order(
    name: str,
    units: float,
    symbol: str = "EUR_USD",
    *,
    stop: float = math.nan,
    take_profit: float = math.nan,
    trailing: float | None = None,
    bounds: tuple[float, float] = (0.0, math.inf),
    reference: float = 1.0,
    entry: Entry | None = None,
) -> OrderRequest:
    return OrderRequest(
        client_order_id=name,
        sequence=3,
        symbol=symbol,
        units=units,
        bracket=Bracket(stop=stop, take_profit=take_profit, trailing=trailing),
        lowest_price=bounds[0],
        highest_price=bounds[1],
        reference_price=reference,
        entry=entry,
    )


def limit(price: float, force: TimeInForce = TimeInForce.GTC, until: int = 0) -> Entry:
    return Entry(kind=EntryKind.LIMIT, price=price, time_in_force=force, good_until=until)


def stop_entry(price: float, force: TimeInForce = TimeInForce.GTC, until: int = 0) -> Entry:
    return Entry(kind=EntryKind.STOP, price=price, time_in_force=force, good_until=until)


def if_touched(price: float, force: TimeInForce = TimeInForce.GTC, until: int = 0) -> Entry:
    kind = EntryKind.MARKET_IF_TOUCHED
    return Entry(kind=kind, price=price, time_in_force=force, good_until=until)


def at_market(force: TimeInForce) -> Entry:
    return Entry(kind=EntryKind.MARKET, price=math.nan, time_in_force=force)


class HandPrices:
    """A `PriceSource` of quotes that a test makes. history: what lies before the first."""

    def __init__(self, start: int = START, history: Bars | None = None) -> None:
        self._time = start
        self._quotes: list[Quote] = []
        self._history = history
        self._held = threading.Event()
        self._free = threading.Event()
        self._free.set()

    @property
    def description(self) -> str:
        return "prices made by hand"

    def history(self, symbols: Sequence[str], interval_s: int, bars: int) -> Bars:
        if self._history is None:
            return panel_of((), tuple(symbols), interval_s)
        return self._history.rows(max(len(self._history) - bars, 0), len(self._history))

    def now(self) -> int:
        return self._time

    def quotes(self, until: int) -> tuple[Quote, ...]:
        if not self._free.is_set():
            self._held.set()
            assert self._free.wait(WITHIN_S)
        due = [quote for quote in self._quotes if quote.time <= until]
        del self._quotes[: len(due)]
        return tuple(due)

    @property
    def ended(self) -> bool:
        return False

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Whoever asks for prices does nothing else meanwhile, as a process that is stopped."""
        self._free.clear()
        assert self._held.wait(WITHIN_S)
        try:
            yield
        finally:
            self._held.clear()
            self._free.set()

    def put(self, *quotes: Quote) -> None:
        """Quotes from now on; the clock is that of the last."""
        self._quotes += quotes
        self._time = quotes[-1].time


class Bench(Protocol):
    """A broker and the market behind it, for the contract."""

    broker: LiveBroker

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: int = 1) -> None:
        """The market's next quote, so many seconds later; returns once the broker has it."""
        ...


class InProcess:
    """A `PaperExchange` as a `LiveBroker`: with a stream that is fed when the market moves."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.exchange = exchange
        self.streams: list[InProcessStream] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.exchange, name)

    def subscribe(self, after: int) -> BrokerStream:
        self.streams.append(InProcessStream(self.exchange, after))
        return self.streams[-1]


class InProcessStream:
    """Readable at once, and after each move of the market until it is taken."""

    def __init__(self, exchange: PaperExchange, after: int) -> None:
        self._exchange = exchange
        self._after = after
        self._quotes: dict[str, Quote] = {}
        self._skipped = 0
        self._heard, self._bell = socket.socketpair()
        self._bell.send(b".")

    def offer(self, quotes: Sequence[Quote]) -> None:
        for one in quotes:
            self._skipped += self._quotes.pop(one.symbol, None) is not None
            self._quotes[one.symbol] = one
        self._bell.send(b".")

    def fileno(self) -> int:
        return self._heard.fileno()

    def take(self) -> StreamUpdate:
        with contextlib.suppress(BlockingIOError):
            self._heard.recv(4096, socket.MSG_DONTWAIT)
        came = StreamUpdate(
            time=self._exchange.clock,
            quotes=tuple(self._quotes.values()),
            transactions=self._exchange.transactions(self._after),
            skipped=self._skipped,
        )
        self._after = self._exchange.last_transaction
        self._quotes, self._skipped = {}, 0
        return came

    def close(self) -> None:
        self._heard.close()
        self._bell.close()


class LocalBench:
    """The exchange in the test's own process."""

    def __init__(self, folder: Path, terms: ExchangeTerms = TERMS, **settings: Any) -> None:
        self.store = ExchangeStore(folder / "exchange.sqlite")
        self.exchange = PaperExchange(terms, self.store, time=START, **settings)
        self.broker: Any = InProcess(self.exchange)
        self.time = self.exchange.clock

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: int = 1) -> None:
        self.time += seconds * SECOND
        self.put(quote(symbol, self.time, mid, spread))

    def put(self, *quotes: Quote) -> None:
        self.time = quotes[-1].time
        taken = self.exchange.take(quotes, self.time)
        for stream in self.broker.streams:
            stream.offer(taken)

    def close(self) -> None:
        for stream in self.broker.streams:
            stream.close()
        self.exchange.release()


class ServedBench:
    """The exchange behind a socket, in a thread of its own. host: None for a Unix-domain one."""

    def __init__(
        self,
        folder: Path,
        *,
        host: str | None = None,
        terms: ExchangeTerms = TERMS,
        faults: FaultPlan | None = None,
        timeout_s: float = WITHIN_S,
    ) -> None:
        self._sockets = tempfile.TemporaryDirectory(prefix="quorum-")
        at: Address = str(Path(self._sockets.name) / "x") if host is None else (host, 0)
        self.prices = HandPrices()
        self.server = open_exchange(
            terms,
            store=folder / "exchange.sqlite",
            open_source=self._opened,
            at=(at,),
            key=KEY,
            faults=faults,
        )
        self.address = self.server.addresses[0]
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        self.broker = PaperExchangeClient(self.address, KEY, timeout_s=timeout_s)
        self._market = PaperExchangeClient(self.address, KEY, timeout_s=WITHIN_S)
        self.time = self.prices.now()

    def _opened(self, after: int | None) -> HandPrices:
        if after is not None:
            self.prices = HandPrices(after)
        return self.prices

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: int = 1) -> None:
        self.time += seconds * SECOND
        self.put(quote(symbol, self.time, mid, spread))

    def put(self, *quotes: Quote) -> None:
        self.time = quotes[-1].time
        self.prices.put(*quotes)
        # Prices are taken before the requests of a turn.
        self._market.working()

    def stop(self) -> None:
        self.server.stop()
        self.thread.join(WITHIN_S)
        assert not self.thread.is_alive()

    def close(self) -> None:
        self.broker.hang_up()
        self._market.hang_up()
        if self.thread.is_alive():
            self.stop()
        self._sockets.cleanup()


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[ServedBench]:
    bench = ServedBench(folder, **settings)
    try:
        yield bench
    finally:
        bench.close()


def heard(stream: BrokerStream, until: int, within_s: float = WITHIN_S) -> StreamUpdate:
    """Everything that a stream brings up to a transaction; it must come in time."""
    quotes: list[Quote] = []
    transactions: list[Transaction] = []
    skipped, last = 0, 0
    deadline = time.monotonic() + within_s
    while last < until:
        assert readable([stream], deadline), "the stream fell silent"
        update = stream.take()
        quotes += update.quotes
        transactions += update.transactions
        skipped += update.skipped
        last = transactions[-1].id if transactions else last
    return replace(update, quotes=tuple(quotes), transactions=tuple(transactions), skipped=skipped)
