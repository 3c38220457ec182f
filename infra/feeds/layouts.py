"""`Layout`: which column of a file holds what.

Names are compared by letters and digits alone, without case, so that `bid_open`, `BidOpen` and
`<Bid Open>` are one. Recognised are

    time        time, timestamp, datetime, date; or a date column and a time column together
    bars        open, high, low, close
    quotes      bid_open … bid_close and ask_open … ask_close (or open_bid …)
    ticks       bid, ask
    fixings     close, price, rate or fixing alone
    volume      volume, tick_volume, tickvol
    instrument  symbol, instrument, ticker, pair

Other columns are ignored, and named in the feed's description.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from infra.feeds.table_files import TableFile
from infra.feeds.tables import canonical
from market.errors import DataError

Kind = Literal["bars", "quotes", "ticks", "fixings"]

TIME_NAMES = ("timestamp", "datetime", "time", "date", "indexlevel0", "")
VOLUME_NAMES = ("volume", "tickvolume", "tickvol")
SYMBOL_NAMES = ("symbol", "instrument", "ticker", "pair")
OHLC = ("open", "high", "low", "close")
QUOTES = tuple(f"{side}_{price}" for side in ("bid", "ask") for price in OHLC)
TEXT_NAMES = (*TIME_NAMES, *SYMBOL_NAMES)
"""Canonical names of the columns of a CSV that are read as written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The columns of one file by their role; the values are the file's own names.

    time: one column, or a date and a time of day. prices: by canonical field, in a fixed order
    (open high low close; bid_open … ask_close; bid ask; close). ignored: columns without a role.
    """

    kind: Kind
    time: tuple[str, ...]
    prices: dict[str, str]
    volume: str | None
    symbol: str | None
    ignored: tuple[str, ...]


def layout_of(file: TableFile) -> Layout:
    """The roles of a file's columns. Raises DataError when time or prices are missing."""
    by_name: dict[str, str] = {}
    for name in file.names:
        if canonical(name) in by_name:
            raise DataError(
                f"{file.path}: the columns {by_name[canonical(name)]!r} and {name!r} mean the "
                "same; keep one"
            )
        by_name[canonical(name)] = name
    times = [by_name[name] for name in TIME_NAMES if name in by_name]
    if not times:
        raise DataError(
            f"{file.path}: expected a time column named time, timestamp, datetime or date; "
            f"found {', '.join(file.names)}"
        )
    both = "date" in by_name and "time" in by_name
    time = (by_name["date"], by_name["time"]) if both else (times[0],)
    kind, prices = _prices(file, by_name)
    volume = next((by_name[name] for name in VOLUME_NAMES if name in by_name), None)
    symbol = next((by_name[name] for name in SYMBOL_NAMES if name in by_name), None)
    used = {*time, *prices.values(), volume, symbol}
    return Layout(
        kind=kind,
        time=time,
        prices=prices,
        volume=volume,
        symbol=symbol,
        ignored=tuple(name for name in file.names if name not in used),
    )


def _prices(file: TableFile, by_name: dict[str, str]) -> tuple[Kind, dict[str, str]]:
    """The richest set of price columns that is there whole."""
    quotes = {
        field: by_name[name]
        for field in QUOTES
        for name in (field.replace("_", ""), "".join(reversed(field.split("_"))))
        if name in by_name
    }
    bars = {field: by_name[field] for field in OHLC if field in by_name}
    ticks = {
        side: by_name[name]
        for side in ("bid", "ask")
        for name in (f"{side}price", side)
        if name in by_name
    }
    if len(quotes) == len(QUOTES):
        return "quotes", quotes
    if len(bars) == len(OHLC):
        return "bars", bars
    if len(ticks) == 2:
        return "ticks", ticks
    single = [by_name[n] for n in ("close", "price", "rate", "fixing") if n in by_name]
    if len(single) == 1 and not quotes and not ticks and len(bars) <= 1:
        return "fixings", {"close": single[0]}
    wanted, found = (QUOTES, quotes) if quotes else (OHLC, bars)
    if ticks:
        wanted, found = ("bid", "ask"), ticks
    missing = ", ".join(field for field in wanted if field not in found)
    raise DataError(
        f"{file.path}: missing column(s) {missing}. Expected open high low close, or bid_ and "
        "ask_ of each, or the ticks bid and ask, or close alone; "
        f"found {', '.join(file.names)}"
    )
