"""The REST side of v20 as routes of an ASGI application."""

from __future__ import annotations

from starlette.routing import Route
from starlette.types import ASGIApp

from infra.brokers.v20_server.account import V20Account


def rest_routes(account: V20Account) -> list[Route]:
    """Every path under /v3 that is no stream and no candles."""
    raise NotImplementedError


def guarded(app: ASGIApp, account: V20Account) -> ASGIApp:
    """The same for those who show the token: others are answered 401, and another account 403."""
    raise NotImplementedError
