"""OANDA's candles as bars: paged, gaps kept, the one that is not complete left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from oandapyV20.endpoints import instruments

from infra.brokers.oanda.connection import OandaConnection
from infra.brokers.oanda.paths import quoted
from infra.brokers.oanda.reading import reading
from infra.brokers.v20.decimals import read
from infra.brokers.v20.times import SECOND_NS, SECONDS, nanoseconds_of, rfc3339
from market.bars import VALUE_FIELDS, Bars
from market.errors import InvalidError

MOST = 5_000
GRANULARITIES = SECONDS | {"D": 86_400}
"""Seconds of those that begin at whole multiples of themselves."""
# Otherwise those of hours and days begin at 17:00 in New York, and move with its summer time.
ALIGNMENT = {"dailyAlignment": "0", "alignmentTimezone": "UTC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """start: UTC nanoseconds. values: (6,) mid open, high, low, close, spread, volume."""

    start: int
    values: tuple[float, float, float, float, float, float]


def granularity_for(interval_s: int) -> tuple[str, int]:
    """The longest granularity that divides an interval, and how many of it make one.

    Raises InvalidError where none does.
    """
    for name, seconds in reversed(GRANULARITIES.items()):
        if interval_s >= seconds and interval_s % seconds == 0:
            return name, interval_s // seconds
    raise InvalidError(
        f"OANDA's shortest candles are of 5 s and every bar is made of whole ones; expected an "
        f"interval of a multiple of 5 s, found {interval_s} s"
    )


def latest_candles(
    connection: OandaConnection, symbol: str, granularity: str, count: int
) -> list[Candle]:
    """The newest complete candles, at most so many, oldest first; a market that was closed has
    none. Raises as `OandaConnection.ask`.
    """
    found: dict[int, Candle] = {}
    until: int | None = None
    while len(found) < count:
        # One more than is missing: the newest is not complete, or the page's end is known.
        asked = min(count - len(found) + 1, MOST)
        params = {"price": "BA", "granularity": granularity, "count": str(asked), **ALIGNMENT}
        if until is not None:
            params["to"] = rfc3339(until)
        told = _told(connection, symbol, params)
        page = [candle_of(raw) for raw in told if raw.get("complete")]
        fresh = {one.start: one for one in page if one.start not in found}
        found |= fresh
        if not fresh or len(told) < asked:
            break
        until = min(fresh)
    return [found[start] for start in sorted(found)][-count:]


def candle_of(raw: Mapping[str, Any]) -> Candle:
    """One of OANDA's candles, of bid and ask. Raises DataError."""
    with reading("a candle"):
        bid, ask = raw["bid"], raw["ask"]
        bids = [read(bid[field]) for field in "ohlc"]
        asks = [read(ask[field]) for field in "ohlc"]
        first, high, low, last = ((a + b) / 2.0 for a, b in zip(bids, asks, strict=True))
        spread, volume = asks[3] - bids[3], float(raw["volume"])
        start = nanoseconds_of(raw["time"])
    return Candle(start=start, values=(first, high, low, last, spread, volume))


def merged(candles: Sequence[Candle], interval_s: int) -> list[Candle]:
    """Candles of a longer interval, each from those that begin within it."""
    length = interval_s * SECOND_NS
    made: dict[int, list[Candle]] = {}
    for candle in candles:
        made.setdefault(candle.start - candle.start % length, []).append(candle)
    return [
        Candle(
            start=start,
            values=(
                parts[0].values[0],
                max(part.values[1] for part in parts),
                min(part.values[2] for part in parts),
                parts[-1].values[3],
                parts[-1].values[4],
                sum(part.values[5] for part in parts),
            ),
        )
        for start, parts in sorted(made.items())
    ]


def bars_of(columns: Sequence[Sequence[Candle]], symbols: tuple[str, ...], interval_s: int) -> Bars:
    """One panel of the candles of every instrument, on all the times that any of them has."""
    length = interval_s * SECOND_NS
    starts = sorted({candle.start for candles in columns for candle in candles})
    row = {start: place for place, start in enumerate(starts)}
    values = np.full((6, len(starts), len(symbols)), np.nan)
    for column, candles in enumerate(columns):
        for candle in candles:
            values[:, row[candle.start], column] = candle.values
    return Bars(
        symbols=symbols,
        time=np.array(starts, dtype=np.int64) + length,
        interval_s=interval_s,
        **{name: values[field] for field, name in enumerate(VALUE_FIELDS)},
    )


def _told(
    connection: OandaConnection, symbol: str, params: Mapping[str, str]
) -> list[dict[str, Any]]:
    answer = connection.ask(instruments.InstrumentsCandles(quoted(symbol), params=dict(params)))
    with reading(f"the candles of {symbol}"):
        return list(answer["candles"])
