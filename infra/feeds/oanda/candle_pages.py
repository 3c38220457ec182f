"""Pages of OANDA's candles of bid and ask, oldest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from oandapyV20.endpoints.instruments import InstrumentsCandles

from infra.brokers.oanda.candles import ALIGNMENT, GRANULARITIES, MOST
from infra.brokers.oanda.paths import quoted
from infra.brokers.v20.decimals import read
from infra.brokers.v20.times import SECOND_NS, nanoseconds_of, rfc3339
from infra.feeds.layouts import OHLC
from infra.feeds.oanda.candle_files import Row
from infra.feeds.oanda.ports import Connection
from market.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Complete candles that follow each other, by the UTC nanoseconds at which they begin.

    proved: every candle that begins before this time is in this page or one before it. left_out:
    when those begin that are no prices: not positive, or with a bid above its ask.
    """

    rows: dict[int, Row]
    left_out: tuple[int, ...]
    proved: int


def pages(
    connection: Connection, symbol: str, granularity: str, begin: int, end: int
) -> Iterator[Page]:
    """Every complete candle that begins in [begin, end), UTC nanoseconds.

    It is proved by what comes after it that a stretch holds no other candle; where nothing came
    yet, the last candle is all that is known. Raises as `ask`, DataError.
    """
    length = GRANULARITIES[granularity] * SECOND_NS
    at = begin
    while at < end:
        # One more than can be missing proves where they end.
        count = min(MOST, (end - at) // length + 2)
        params = {
            "price": "BA",
            "granularity": granularity,
            "count": str(count),
            "from": rfc3339(at),
            **ALIGNMENT,
        }
        told = connection.ask(InstrumentsCandles(quoted(symbol), params=params)).get("candles")
        if not isinstance(told, list):
            raise DataError(f"expected candles of {symbol} from OANDA, found {str(told)[:60]!r}")
        starts = [nanoseconds_of(_field(raw, "time")) for raw in told]
        if starts != sorted(set(starts)):
            raise DataError(f"expected candles of {symbol} in order, found {told[0]['time']} …")
        whole = [_field(raw, "complete") is True for raw in told]
        page = [
            (start, raw)
            for start, raw, complete in zip(starts, told, whole, strict=True)
            if complete and at <= start < end
        ]
        read_rows = {start: _row(raw, symbol) for start, raw in page}
        later = [start for start, complete in zip(starts, whole, strict=True) if not complete]
        later += [start for start in starts if start >= end]
        last = page[-1][0] + length if page else at
        yield Page(
            rows={start: row for start, row in read_rows.items() if _is_price(row)},
            left_out=tuple(start for start, row in read_rows.items() if not _is_price(row)),
            proved=min(end, *later) if later else min(last, end),
        )
        if later or not page:  # a page may be shorter than was asked for
            return
        at = last


def _field(raw: Any, name: str) -> Any:
    try:
        return raw[name]
    except (LookupError, TypeError):
        raise DataError(f"expected a candle with {name!r}, found {str(raw)[:80]!r}") from None


def _row(raw: Any, symbol: str) -> Row:
    try:
        prices = [read(raw[side][field[0]]) for side in ("bid", "ask") for field in OHLC]
        return (*prices, float(raw["volume"]))
    except (LookupError, TypeError, ValueError):
        raise DataError(
            f"expected a candle of {symbol} with bid, ask and volume, found {str(raw)[:120]!r}"
        ) from None


def _is_price(row: Row) -> bool:
    """Whether a feed would take it."""
    bids, asks = row[:4], row[4:8]
    return (
        all(price > 0.0 for price in (*bids, *asks))
        and all(bid <= ask for bid, ask in zip(bids, asks, strict=True))
        and all(side[1] == max(side) and side[2] == min(side) for side in (bids, asks))
        and row[8] >= 0.0
    )
