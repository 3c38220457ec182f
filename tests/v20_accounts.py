"""A v20 account for tests: with prices made by hand, and asked over its ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from infra.brokers.v20_server.opening import open_account
from infra.brokers.v20_server.rest import guarded, http_error, rest_routes
from infra.brokers.v20_server.terms import V20Terms
from market.quotes import Quote
from tests import v20_messages
from tests.exchanges import SECOND, TERMS, HandPrices, quote

TOKEN = "a-token-that-nobody-guesses"
ACCOUNT = "/v3/accounts/001-001-0000001-001"
V20_TERMS = V20Terms(exchange=TERMS, token=TOKEN)
Body = dict[str, Any]


class V20Bench:
    """An account, its market, and a client of it. Every answer is held against v20.json."""

    def __init__(self, folder: Path, terms: V20Terms = V20_TERMS, **settings: Any) -> None:
        self.account, source = open_account(
            terms, folder=folder, open_source=self._source, **settings
        )
        self.time = source.now()
        self._app = guarded(
            Starlette(
                routes=rest_routes(self.account), exception_handlers={HTTPException: http_error}
            ),
            self.account,
        )

    @staticmethod
    def _source(after: int | None) -> HandPrices:
        return HandPrices() if after is None else HandPrices(after)

    def market(self, symbol: str, mid: float, spread: float = 0.0, *, seconds: int = 1) -> None:
        self.time += seconds * SECOND
        self.put(quote(symbol, self.time, mid, spread))

    def put(self, *quotes: Quote) -> None:
        self.time = quotes[-1].time
        self.account.take(quotes, self.time)

    def ask(
        self, method: str, path: str, body: Any = None, *, check: bool = True, **headers: str
    ) -> tuple[int, Body]:
        """Ask for a path of the account. headers: with _ for -, over those of every request."""
        status, _, answer = self.raw(method, f"{ACCOUNT}{path}", body, **headers)
        found = json.loads(answer)
        if check and v20_messages.is_here():
            described = f"/accounts/x{path}"
            assert v20_messages.faults_of_answer(method, described, status, found) == []
        return status, found

    def raw(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Any path; status, headers and bytes of the answer."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body)
        sent = content if isinstance(content, bytes) else content.encode()
        given = {"authorization": f"Bearer {TOKEN}"} | headers
        return asyncio.run(self._raw(method, path, sent, given))

    async def _raw(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        plain, _, query = path.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": plain,
            "raw_path": plain.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 1),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        start, *parts = sent
        told = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], told, b"".join(part.get("body", b"") for part in parts)

    def order(self, kind: str = "MARKET", **facts: Any) -> tuple[int, Body]:
        """Create an order."""
        given = {"type": kind, "instrument": "EUR_USD", "units": "1000"} | facts
        return self.ask(
            "POST", "/orders", {"order": {k: v for k, v in given.items() if v is not None}}
        )

    @property
    def log(self) -> list[Body]:
        return self.account.transactions(0, 100_000)

    def kinds(self, after: int = 2) -> list[str]:
        """What was told of, after the account was opened."""
        return [one["type"] for one in self.account.transactions(after, 100_000)]

    def close(self) -> None:
        for one in self.log if v20_messages.is_here() else ():
            assert v20_messages.faults_of(one, "Transaction") == []
        assert [one["id"] for one in self.log] == [
            str(number + 1) for number in range(self.account.last_transaction_id)
        ]
        self.account.release()


@contextmanager
def opened(folder: Path, terms: V20Terms = V20_TERMS, **settings: Any) -> Iterator[V20Bench]:
    """With its messages and the numbers of its transactions checked at the end."""
    bench = V20Bench(folder, terms, **settings)
    try:
        yield bench
        bench.close()
    except BaseException:
        bench.account.release()
        raise
