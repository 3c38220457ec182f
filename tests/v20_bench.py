"""The OANDA adapter over a v20 server, with prices made by hand: under every broker's contract."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.brokers.oanda.broker import OandaBroker
from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.credentials import TokenSource, TokenText
from infra.brokers.oanda.environment import environment
from infra.brokers.oanda.pacing import Pace, Paces
from infra.brokers.paper.live.terms import ExchangeTerms
from infra.brokers.v20_server.running import V20Server
from infra.brokers.v20_server.terms import Fills, V20Terms
from market.ports import Interest
from market.quotes import Quote
from tests.exchanges import SECOND, TERMS, WITHIN_S, HandPrices, quote

TOKEN = "planted-31f4c0de-token"


class V20Bench:
    """The adapter and the server, each in a thread of its own, over HTTP on this machine.

    quick: how many times faster the adapter's waits go by for an order that is not there yet.
    """

    def __init__(
        self,
        folder: Path,
        *,
        terms: ExchangeTerms = TERMS,
        fills: Fills = "next quote",
        timeout: tuple[float, float] = (WITHIN_S, WITHIN_S),
        tokens: TokenSource | None = None,
        interest: Interest | None = None,
        quick: float = 1.0,
        **settings: Any,
    ) -> None:
        self.prices = HandPrices()
        self.server = V20Server(
            V20Terms(exchange=terms, token=TOKEN, fills=fills, **settings),
            folder=folder,
            open_source=self._opened,
            interest=interest,
        )
        self.server.start()
        self.connection = OandaConnection(
            environment=environment("local", self.server.url),
            account=self.server.account,
            tokens=tokens or TokenText(TOKEN),
            timeout=timeout,
            paces=Paces(Pace(10_000), Pace(10_000)),
        )
        self.broker = OandaBroker(
            self.connection,
            instruments=terms.instruments,
            account_currency=terms.account_currency,
            interval_s=terms.interval_s,
            elapsed=lambda: quick * time.monotonic(),
            sleep=lambda seconds: time.sleep(seconds / quick),
        )
        self.time = self.prices.now()

    def _opened(self, after: int | None) -> HandPrices:
        if after is not None:
            self.prices = HandPrices(after)
        return self.prices

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: int = 1) -> None:
        self.time += seconds * SECOND
        self.put(quote(symbol, self.time, mid, spread))

    def put(self, *quotes: Quote) -> None:
        """Quotes that the server has traded on once this returns."""
        self.time = quotes[-1].time
        self.prices.put(*quotes)
        self.server.settle(WITHIN_S)

    def close(self) -> None:
        self.connection.close()
        self.server.stop()


@contextmanager
def v20_bench(folder: Path, **settings: Any) -> Iterator[V20Bench]:
    bench = V20Bench(folder, **settings)
    try:
        yield bench
    finally:
        bench.close()
