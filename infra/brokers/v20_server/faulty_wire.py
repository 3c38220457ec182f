"""`FaultyWire`: what goes wrong with requests on their way in and answers on their way out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.brokers.v20_server.entering import Twist
from infra.brokers.v20_server.faults import STREAM_KINDS, Fault, FaultKind, FaultPlan, Faults
from infra.brokers.v20_server.lines import gone, reset, transport_of
from infra.brokers.v20_server.market_faults import MarketFaults
from infra.brokers.v20_server.stream_routes import FAULTS
from infra.brokers.v20_server.streams import Streams
from market.errors import FatalError, InvalidError, nearest

HTML = "<html><body><h1>{status}</h1><p>The server is being looked after.</p></body></html>"
REFUSED = "INTERNAL_SERVER_ERROR"
CANCELLED = "MARKET_HALTED"
_ORDER = re.compile(r"/v3/accounts/[^/]+/orders/([^/]+)")
_UNANSWERED = frozenset(
    {
        FaultKind.TIMEOUT_BEFORE,
        FaultKind.TIMEOUT_AFTER,
        FaultKind.DISCONNECT_BEFORE,
        FaultKind.DISCONNECT_AFTER,
    }
)
_AFTER = frozenset({FaultKind.TIMEOUT_AFTER, FaultKind.DISCONNECT_AFTER})
_ANSWERED = frozenset(
    {
        FaultKind.SERVER_ERROR,
        FaultKind.HTML_ERROR,
        FaultKind.NOT_UTF8,
        FaultKind.REDIRECT,
        FaultKind.RATE_LIMITED,
    }
)


class FaultyWire:
    """Middleware. Of several faults of one request the first that ends it counts; latency, what
    befalls the order and what befalls the market go before it. stopping: nobody is kept waiting.
    """

    def __init__(
        self,
        app: ASGIApp,
        streams: Streams,
        market: MarketFaults,
        *,
        failed: Callable[[FatalError], None],
    ) -> None:
        """failed: told why nothing more can be served."""
        self.faults = Faults(FaultPlan())
        self._failed = failed
        self._app = app
        self._streams = streams
        self._market = market
        self.stopping = asyncio.Event()
        self._hidden: dict[str, float] = {}

    def inject(self, plan: FaultPlan) -> None:
        """This plan from now on, in the place of the one before it; requests are counted anew.

        Raises InvalidError for an instrument that is not traded here.
        """
        traded = self._streams.account.symbols
        for symbol in (one for fault in plan.faults for one in fault.symbols):
            if symbol not in traded:
                raise InvalidError(
                    f"the plan of faults: {symbol} is not traded here{nearest(symbol, traded)} "
                    f"Instruments are {', '.join(traded)}"
                )
        self._market.undo()
        self._hidden.clear()
        self.faults = Faults(plan)
        self._market.befall(self.faults.at_once())
        self._streams.befall(self.faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if not path.startswith("/v3/"):
            await self._app(scope, receive, send)
            return
        struck = self.faults.strike(scope["method"], path)
        try:
            await self._serve(scope, receive, send, struck)
        except FatalError as error:
            self._failed(error)
            raise
        finally:
            self._streams.happened()

    async def _serve(
        self, scope: Scope, receive: Receive, send: Send, struck: tuple[Fault, ...]
    ) -> None:
        self._market.befall(struck)
        late = sum(one.seconds for one in struck if one.kind is FaultKind.LATENCY)
        if late:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), late)
        ending = next((one for one in struck if one.kind in _UNANSWERED | _ANSWERED), None)
        if ending is not None:
            if ending.kind in _AFTER or ending.done:
                await self._do(scope, receive, _unsent, struck)
            await self._end(ending, scope, receive, send)
        elif self._is_hidden(scope):
            unknown = JSONResponse(
                {
                    "errorCode": "NO_SUCH_ORDER",
                    "errorMessage": "The order ID specified does not exist",
                },
                status_code=404,
            )
            await unknown(scope, receive, send)
        else:
            await self._do(scope, receive, send, struck)

    async def _do(
        self, scope: Scope, receive: Receive, send: Send, struck: tuple[Fault, ...]
    ) -> None:
        """Let the request have its effect, with what befalls its order or its stream."""
        scope["state"][FAULTS] = tuple(one for one in struck if one.kind in STREAM_KINDS)
        kinds = {one.kind: one for one in struck}
        if FaultKind.WRONG_STATUS in kinds:
            send = _with_status(send)
        hiding = kinds.get(FaultKind.NO_SUCH_ORDER)
        created = _Created()
        if hiding is not None:
            send = created.noted(send)
        twist = _twist(struck)
        if twist is not None:
            # With its body at hand the request is done in one go: no other order comes between.
            receive = await _at_hand(receive)
            self._streams.account.twist = twist
        try:
            await self._app(scope, receive, send)
        finally:
            if twist is not None:
                self._streams.account.twist = None
        if hiding is not None:
            until = asyncio.get_running_loop().time() + hiding.seconds
            self._hidden.update(dict.fromkeys(created.names, until))

    async def _end(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        """An answer that is none, or no answer at all."""
        match fault.kind:
            case FaultKind.TIMEOUT_BEFORE | FaultKind.TIMEOUT_AFTER:
                try:
                    await asyncio.wait_for(gone(receive), fault.seconds or None)
                except TimeoutError:
                    reset(transport_of(scope))
                    await gone(receive)
            case FaultKind.DISCONNECT_BEFORE | FaultKind.DISCONNECT_AFTER:
                reset(transport_of(scope))
                await gone(receive)
            case _:
                await _wrong_answer(fault, scope["path"])(scope, receive, send)

    def _is_hidden(self, scope: Scope) -> bool:
        found = _ORDER.fullmatch(scope["path"]) if self._hidden else None
        if found is None:
            return False
        return asyncio.get_running_loop().time() < self._hidden.get(found[1], 0.0)


@dataclass(slots=True)
class _Created:
    """Under what names an order can be looked up, from the answer that tells of its creation."""

    names: tuple[str, ...] = ()

    def noted(self, send: Send) -> Send:
        async def noting(message: Message) -> None:
            if message["type"] == "http.response.body":
                self._note(message.get("body", b""))
            await send(message)

        return noting

    def _note(self, body: bytes) -> None:
        created = json.loads(body).get("orderCreateTransaction", {})
        client = created.get("clientExtensions", {}).get("id")
        self.names = (str(created.get("id")), *(() if client is None else (f"@{client}",)))


def _wrong_answer(fault: Fault, path: str) -> Response:
    match fault.kind:
        case FaultKind.HTML_ERROR:
            status = fault.status
            return Response(HTML.format(status=status), status, media_type="text/html")
        case FaultKind.NOT_UTF8:
            return Response(b'{"errorMessage": "\xff\xfe\xe9"}', 503, media_type="application/json")
        case FaultKind.REDIRECT:
            return Response(b"", 302, headers={"location": path})
        case FaultKind.RATE_LIMITED:
            told = {"errorMessage": "The rate of requests is above the limit"}
            return JSONResponse(told, 429, headers={"retry-after": "1"})
        case _:
            return JSONResponse({"errorMessage": "The service is unavailable"}, 503)


def _twist(struck: Iterable[Fault]) -> Twist | None:
    for fault in struck:
        match fault.kind:
            case FaultKind.PARTIAL_FILL:
                return Twist(share=fault.share)
            case FaultKind.REJECT:
                return Twist(refuse=fault.reason or REFUSED)
            case FaultKind.CANCEL_IN_201:
                return Twist(cancel=fault.reason or CANCELLED)
    return None


def _with_status(send: Send) -> Send:
    """200 where 201 was due."""

    async def other(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 201:
            message = {**message, "status": 200}
        await send(message)

    return other


async def _unsent(message: Message) -> None:
    """An answer that nobody gets."""
    del message


async def _at_hand(receive: Receive) -> Receive:
    """The same request once all of its body has come."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return receive
        body += message.get("body", b"")
        more = message.get("more_body", False)
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def at_hand() -> Message:
        return waiting.pop() if waiting else await receive()

    return at_hand
