"""V20 servers for tests: on loopback, with prices made by hand, and a plain HTTP client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

from infra.brokers.v20_server.faults import Fault, FaultPlan
from infra.brokers.v20_server.running import V20Server
from infra.brokers.v20_server.terms import V20Terms
from market.bars import Bars
from market.quotes import Quote
from tests.exchanges import SECOND, START, HandPrices, quote
from tests.v20_accounts import ACCOUNT, TOKEN, V20_TERMS

WITHIN_S = 20.0
Message = dict[str, Any]


class V20StreamReader:
    """Reads the lines of a stream, one at a time; a silence is an error of `requests`."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines(chunk_size=1)

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        found: Message = json.loads(next(self._lines))
        return found

    def next_of(self, kind: str) -> Message:
        """The next message of a type; it must come in time."""
        deadline = time.monotonic() + WITHIN_S
        for message in self:
            if message["type"] == kind:
                return message
            assert time.monotonic() < deadline, f"no {kind} came"
        raise AssertionError(f"the stream ended before a {kind} came")

    def close(self) -> None:
        self.answer.close()


class ServedV20:
    """A server, its market, and a client that shows the token."""

    def __init__(
        self,
        folder: Path,
        terms: V20Terms = V20_TERMS,
        history: Bars | None = None,
        **settings: Any,
    ) -> None:
        self.opened_after: list[int | None] = []
        self.prices = HandPrices(history=history)
        self.server = V20Server(terms, folder=folder, open_source=self._opened, **settings)
        self.client = requests.Session()
        self.client.headers["Authorization"] = f"Bearer {TOKEN}"
        self._readers: list[V20StreamReader] = []
        self.time = START

    def _opened(self, after: int | None) -> HandPrices:
        self.opened_after.append(after)
        if after is not None:
            self.prices = HandPrices(after)
        return self.prices

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: float = 1) -> None:
        """The market's next quote, so many seconds later; returns once the server has it."""
        self.time += round(seconds * SECOND)
        self.put(quote(symbol, self.time, mid, spread))

    def put(self, *quotes: Quote) -> None:
        self.time = quotes[-1].time
        self.prices.put(*quotes)
        self.server.settle(WITHIN_S)

    def inject(self, *faults: Fault) -> None:
        self.server.inject(FaultPlan(faults=faults))

    def ask(
        self, method: str, path: str, body: Any = None, *, timeout: float = WITHIN_S, **more: Any
    ) -> requests.Response:
        """Ask for a path of the account, or for one that begins otherwise."""
        whole = path if path.startswith(("/v3", "/faults")) else f"{ACCOUNT}{path}"
        return self.client.request(
            method,
            f"{self.server.url}{whole}",
            json=body,
            timeout=timeout,
            allow_redirects=False,
            **more,
        )

    def order(self, name: str, units: str = "1000", **more: Any) -> requests.Response:
        """A market order under a client's id."""
        order = {"type": "MARKET", "instrument": "EUR_USD", "units": units}
        return self.ask(
            "POST", "/orders", {"order": {**order, "clientExtensions": {"id": name}}}, **more
        )

    def transactions(self) -> list[Message]:
        found: list[Message] = self.ask("GET", "/transactions/sinceid?id=0").json()["transactions"]
        return found

    def fills(self) -> list[Message]:
        return [one for one in self.transactions() if one["type"] == "ORDER_FILL"]

    def stream(self, path: str, *, silence_s: float = WITHIN_S, **headers: str) -> V20StreamReader:
        """Read a stream of the account; a longer silence ends it with an error."""
        answer = requests.get(
            f"{self.server.url}{ACCOUNT}{path}",
            headers={"Authorization": f"Bearer {TOKEN}", **headers},
            stream=True,
            timeout=(WITHIN_S, silence_s),
        )
        assert answer.status_code == 200, answer.text
        self._readers.append(V20StreamReader(answer))
        return self._readers[-1]

    def price_stream(self, *symbols: str, **more: Any) -> V20StreamReader:
        return self.stream(f"/pricing/stream?instruments={','.join(symbols)}", **more)

    def transaction_stream(self, **more: Any) -> V20StreamReader:
        return self.stream("/transactions/stream", **more)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        self.client.close()
        self.server.stop()


@contextmanager
def served_v20(folder: Path, terms: V20Terms = V20_TERMS, **settings: Any) -> Iterator[ServedV20]:
    bench = ServedV20(folder, terms, **settings)
    bench.server.start()
    try:
        yield bench
    finally:
        bench.close()


def beating(heartbeat_s: float) -> V20Terms:
    """The usual terms with other heartbeats."""
    return replace(V20_TERMS, heartbeat_s=heartbeat_s)
