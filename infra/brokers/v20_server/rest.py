"""The REST side of v20 as routes of an ASGI application."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.formats import in_format
from infra.brokers.v20_server.wire import (
    Answer,
    Json,
    Malformed,
    NotFound,
    decode_json,
    encode_json,
)

ACCOUNT = "/v3/accounts/{account}"
Handler = Callable[[Request, Json], Answer]


def rest_routes(account: V20Account) -> list[Route]:
    """Every path under /v3/accounts that is no stream and no candles."""

    def at(request: Request, name: str) -> str:
        return str(request.path_params[name])

    def pages(request: Request, _: Json) -> Answer:
        base = f"{request.base_url}v3/accounts/{account.terms.account}/transactions/idrange"
        return account.transaction_pages(request.query_params, base)

    def instruments(request: Request, _: Json) -> Answer:
        names = request.query_params.get("instruments", "")
        return account.instruments([name for name in names.split(",") if name])

    plain: list[tuple[str, str, Handler]] = [
        ("GET", "", lambda _, __: account.account()),
        ("GET", "/summary", lambda _, __: account.summary()),
        ("GET", "/instruments", instruments),
        ("PATCH", "/configuration", lambda _, body: account.configure(body)),
        ("GET", "/changes", lambda r, _: account.changes(_param(r, "sinceTransactionID"))),
        ("GET", "/pricing", lambda r, _: account.pricing(r.query_params)),
        ("POST", "/orders", lambda _, body: account.create_order(body)),
        ("GET", "/orders", lambda r, _: account.orders(r.query_params)),
        ("GET", "/pendingOrders", lambda _, __: account.pending_orders()),
        # The longer first: a client's own id may hold slashes.
        ("PUT", "/orders/{order:path}/cancel", lambda r, _: account.cancel_order(at(r, "order"))),
        (
            "PUT",
            "/orders/{order:path}/clientExtensions",
            lambda r, body: account.rename_order(at(r, "order"), body),
        ),
        ("GET", "/orders/{order:path}", lambda r, _: account.order(at(r, "order"))),
        ("PUT", "/orders/{order:path}", lambda r, b: account.replace_order(at(r, "order"), b)),
        ("GET", "/trades", lambda r, _: account.trades(r.query_params)),
        ("GET", "/openTrades", lambda _, __: account.open_trades()),
        ("PUT", "/trades/{trade:path}/close", lambda r, b: account.close_trade(at(r, "trade"), b)),
        (
            "PUT",
            "/trades/{trade:path}/orders",
            lambda r, body: account.trade_orders(at(r, "trade"), body),
        ),
        (
            "PUT",
            "/trades/{trade:path}/clientExtensions",
            lambda r, body: account.rename_trade(at(r, "trade"), body),
        ),
        ("GET", "/trades/{trade:path}", lambda r, _: account.trade(at(r, "trade"))),
        ("GET", "/positions", lambda _, __: account.positions()),
        ("GET", "/openPositions", lambda _, __: account.positions(open_only=True)),
        ("GET", "/positions/{symbol}", lambda r, _: account.position(at(r, "symbol"))),
        (
            "PUT",
            "/positions/{symbol}/close",
            lambda r, body: account.close_position(at(r, "symbol"), body),
        ),
        ("GET", "/transactions", pages),
        ("GET", "/transactions/idrange", lambda r, _: account.transactions_between(r.query_params)),
        ("GET", "/transactions/sinceid", lambda r, _: account.transactions_since(r.query_params)),
        ("GET", "/transactions/{id:int}", lambda r, _: account.transaction(at(r, "id"))),
    ]
    routes = [Route("/v3/accounts", _endpoint(account, lambda _, __: account.accounts()))]
    by_path: dict[str, dict[str, Handler]] = {}
    for method, path, handler in plain:
        by_path.setdefault(path, {})[method] = handler
    for path, handlers in by_path.items():
        routes.append(Route(f"{ACCOUNT}{path}", _choice(account, handlers), methods=list(handlers)))
    return routes


def guarded(app: ASGIApp, account: V20Account) -> ASGIApp:
    """The same for those who show the token: others are answered 401, and another account 403."""
    wanted = f"Bearer {account.terms.token}".encode()
    own = account.terms.account

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        shown = dict(scope["headers"]).get(b"authorization", b"")
        if not hmac.compare_digest(shown, wanted):
            message = "Insufficient authorization to perform request."
            await answered(401, {"errorMessage": message})(scope, receive, send)
            return
        parts = scope["path"].split("/")
        if parts[1:3] == ["v3", "accounts"] and len(parts) > 3 and parts[3] != own:
            message = "The provided request was forbidden."
            await answered(403, {"errorMessage": message})(scope, receive, send)
            return
        await app(scope, receive, send)

    return guard


def answered(status: int, body: Json, request_id: str = "") -> Response:
    """A response of JSON."""
    headers = {"RequestID": request_id} if request_id else None
    return Response(encode_json(body), status, headers=headers, media_type="application/json")


async def http_error(_: Request, error: Exception) -> Response:
    """What Starlette refuses, as v20 says it: unknown paths and wrong methods."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    messages = {404: "The endpoint does not exist", 405: "The method is not allowed here"}
    return answered(status, {"errorMessage": messages.get(status, "The request failed")})


def _choice(account: V20Account, handlers: dict[str, Handler]) -> Callable[..., object]:
    def by_method(request: Request, body: Json) -> Answer:
        return handlers[request.method if request.method != "HEAD" else "GET"](request, body)

    return _endpoint(account, by_method)


def _endpoint(account: V20Account, handler: Handler) -> Callable[..., object]:
    async def endpoint(request: Request) -> Response:
        request_id = account.next_request_id
        try:
            status, body = handler(request, _json(await request.body()))
        except Malformed as error:
            status, body = 400, {"errorMessage": str(error)}
        except NotFound as error:
            status, body = 404, {"errorCode": error.code, "errorMessage": str(error)}
        accepted = request.headers.get("accept-datetime-format", "RFC3339")
        return answered(status, in_format(body, accepted), request_id)

    return endpoint


def _json(content: bytes) -> Json:
    if not content:
        return {}
    try:
        body = decode_json(content)
    except ValueError as error:
        raise Malformed(f"Invalid JSON: {error}") from None
    if not isinstance(body, dict):
        raise Malformed("Invalid JSON: expected an object")
    return body


def _param(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if value is None:
        raise Malformed(f"Invalid value specified for '{name}': it is missing")
    return value
