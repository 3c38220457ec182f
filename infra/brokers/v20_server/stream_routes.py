"""The paths of v20 under which prices and transactions are streamed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.brokers.v20_server.faults import Fault
from infra.brokers.v20_server.stream import Content, Mishaps, Stream
from infra.brokers.v20_server.stream_contents import PriceContent, TransactionContent
from infra.brokers.v20_server.streams import Streams
from market.errors import InvalidError

FAULTS = "quorum.faults"
"""Where the state of a request holds what goes wrong with its stream."""
_Told = Callable[[Request, Mishaps], Content]


def stream_routes(streams: Streams) -> list[Route]:
    """Both streams; they come before paths that would take `stream` for an id."""

    def prices(request: Request, mishaps: Mishaps) -> Content:
        del mishaps
        asked = request.query_params.get("instruments", "")
        symbols = tuple(dict.fromkeys(filter(None, asked.split(","))))
        if not symbols or not set(symbols) <= set(streams.account.symbols):
            raise InvalidError("Invalid value specified for 'instruments'")
        return PriceContent(
            streams,
            symbols,
            snapshot=request.query_params.get("snapshot", "true").lower() not in ("false", "0"),
            accepted=_accepted(request),
        )

    def transactions(request: Request, mishaps: Mishaps) -> Content:
        return TransactionContent(streams.account, mishaps, _accepted(request))

    root = "/v3/accounts/{account}"
    return [
        Route(f"{root}/pricing/stream", _Endpoint(streams, prices), methods=["GET"]),
        Route(f"{root}/transactions/stream", _Endpoint(streams, transactions), methods=["GET"]),
    ]


class _Endpoint:
    """An ASGI application that answers with a stream. told: its content; raises InvalidError."""

    def __init__(self, streams: Streams, told: _Told) -> None:
        self._streams = streams
        self._told = told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        faults: tuple[Fault, ...] = scope["state"].get(FAULTS, ())
        mishaps = Mishaps(faults, asyncio.get_running_loop().time())
        try:
            content = self._told(Request(scope), mishaps)
        except InvalidError as error:
            refused: ASGIApp = JSONResponse({"errorMessage": str(error)}, status_code=400)
            await refused(scope, receive, send)
            return
        stream = Stream(scope, content, mishaps, self._streams.account.terms.heartbeat_s)
        self._streams.open.add(stream)
        try:
            await stream.serve(receive, send)
        finally:
            self._streams.open.discard(stream)


def _accepted(request: Request) -> str:
    return request.headers.get("accept-datetime-format", "")
