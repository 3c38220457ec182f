"""Candles of an instrument, as v20 tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from infra.brokers.v20.decimals import decimals_of, written
from infra.brokers.v20.times import SECONDS, rfc3339
from infra.brokers.v20_server.account import V20Account
from infra.brokers.v20_server.candle_history import tier_of
from infra.brokers.v20_server.candle_query import CandleQuery, query_of
from infra.brokers.v20_server.candle_store import TIERS, CandleStore, candles_kept
from infra.brokers.v20_server.candle_times import HOUR_S, Alignment
from infra.brokers.v20_server.candle_values import Candle
from infra.brokers.v20_server.formats import in_format
from infra.brokers.v20_server.wire import encode_json
from market.errors import InvalidError

JSON = "application/json"
Spanned = tuple[Candle, int]
"""A candle and its end, UTC ns."""


def candle_routes(account: V20Account, store: CandleStore) -> list[Route]:
    """Both paths of v20 that give candles."""
    decimals = {
        one.symbol: decimals_of(one.price_increment) for one in account.terms.exchange.instruments
    }

    async def candles(request: Request) -> Response:
        symbol = request.path_params["instrument"]
        now = account.clock
        try:
            if symbol not in decimals:
                raise InvalidError("Invalid value specified for 'instrument'")
            query = query_of(request.query_params, now)
        except InvalidError as error:
            told = encode_json({"errorMessage": str(error)})
            return Response(told, status_code=400, media_type=JSON)
        store.save()
        accepted = request.headers.get("accept-datetime-format", "")
        # Prices are not kept waiting by thousands of candles.
        body = await asyncio.to_thread(
            _body, store.path, symbol, query, now, decimals[symbol], accepted
        )
        return Response(body, media_type=JSON)

    return [
        Route(path, candles, methods=["GET"])
        for path in (
            "/v3/instruments/{instrument}/candles",
            "/v3/accounts/{account}/instruments/{instrument}/candles",
        )
    ]


def _body(
    path: Path, symbol: str, query: CandleQuery, now: int, decimals: int, accepted: str
) -> bytes:
    told = [
        _told(candle, query.components, decimals, complete=end <= now)
        for candle, end in found(path, symbol, query)
    ]
    message = {
        "instrument": symbol,
        "granularity": query.alignment.granularity,
        "candles": told,
    }
    return encode_json(in_format(message, accepted))


def found(path: Path, symbol: str, query: CandleQuery) -> list[Spanned]:
    """The candles that answer a query, oldest first, of those that were saved at `path`."""
    alignment, before, count = query.alignment, query.before, query.count
    # A candle that begins before the end is told whole.
    stop = 2**63 - 1 if before is None else alignment.span(before - 1)[1]
    tier = _tier(alignment)
    if query.since is None:
        rows = candles_kept(path, tier, symbol, before=stop, newest_first=True)
        return _first(_grouped(rows, alignment), count)[::-1]
    start, end = alignment.span(query.since)
    since = start if query.include_first else end
    rows = candles_kept(path, tier, symbol, since=since, before=stop)
    return _first(_grouped(rows, alignment), count)


def _tier(alignment: Alignment) -> int:
    seconds = SECONDS.get(alignment.granularity, HOUR_S)
    if seconds >= HOUR_S and not alignment.by_the_hour:
        return TIERS[1]
    return tier_of(seconds)


def _first(candles: Iterator[Spanned], count: int | None) -> list[Spanned]:
    taken: list[Spanned] = []
    for candle in candles:
        taken.append(candle)
        if len(taken) == count:
            break
    return taken


def _grouped(rows: Iterable[Candle], alignment: Alignment) -> Iterator[Spanned]:
    """The candles that shorter ones, in either order of time, add up to."""
    made: Candle | None = None
    start = end = 0
    for row in rows:
        if made is not None and start <= row.start < end:
            made = made.then(row) if made.start < row.start else row.then(made)
            continue
        if made is not None:
            yield replace(made, start=start), end
        start, end = alignment.span(row.start)
        made = row
    if made is not None:
        yield replace(made, start=start), end


def _told(
    candle: Candle, components: Iterable[str], decimals: int, *, complete: bool
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "complete": complete,
        "volume": candle.volume,
        "time": rfc3339(candle.start),
    }
    for name in components:
        prices = getattr(candle, name)
        told[name] = dict(zip("ohlc", (written(one, decimals) for one in prices), strict=True))
    return told
