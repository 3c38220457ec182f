"""`Extract`: one instrument's rows of one file, checked as they stand in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infra.feeds.clocks import Stamps, stamps_of
from infra.feeds.layouts import OHLC, Kind, Layout, layout_of
from infra.feeds.symbols import Rows, symbols_of
from infra.feeds.tables import Table
from market.bars import Floats, Times

Mask = NDArray[np.bool_]

ROUNDING = 1e-9
"""A high below the close by less than this share of the price is rounding, as in `check_bars`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Rows of one instrument, oldest first, without those that hold no price.

    rows: (R,) their numbers in the file. stamps: (R,) nanoseconds as the file shows them.
    values: (R,) arrays; open high low close spread volume, or bid ask where `kind` is ticks.
    zoned: whether the file states the zone. left_out: rows without a (whole) price.
    """

    table: Table
    symbol: str
    kind: Kind
    rows: Rows
    stamps: Times
    zoned: bool
    values: Mapping[str, Floats]
    ignored: tuple[str, ...]
    left_out: int

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def refuse(self, bad: Mask, problem: str, shown: Mapping[str, Floats] | None = None) -> None:
        """Raises DataError about the first row where `bad` holds, if any."""
        if not bad.any():
            return
        index = int(np.flatnonzero(bad)[0])
        time = np.datetime_as_string(self.stamps[index].astype("datetime64[ns]"), unit="auto")
        values = ", ".join(f"{name} {array[index]:g}" for name, array in (shown or {}).items())
        raise self.table.refusal(
            int(self.rows[index]),
            f"{self.symbol} at {time}: {problem}"
            + (f" ({values})" if values else "")
            + f". {int(bad.sum())} such row(s) in the file; correct or remove them.",
        )


def extracts_of(
    table: Table, *, named: str | None = None, assumed: str | None = None
) -> Iterator[Extract]:
    """Every instrument of a file, checked. named, assumed: as in `symbols_of`.

    Raises DataError for a time that cannot be read or does not increase (ticks may share a
    time), a price that is not a positive number or only partly there, a high or low that
    contradicts the others, a crossed quote, a negative volume.
    """
    layout = layout_of(table)
    stamps = stamps_of(table, layout.time)
    prices = {field: table.floats(name) for field, name in layout.prices.items()}
    volume = table.floats(layout.volume) if layout.volume else np.full(len(table), np.nan)
    for symbol, rows in symbols_of(table, layout, named, assumed).items():
        values = {field: array[rows] for field, array in prices.items()}
        yield _checked(table, layout, symbol, rows, stamps, values, volume[rows])


def _checked(
    table: Table,
    layout: Layout,
    symbol: str,
    rows: Rows,
    stamps: Stamps,
    prices: dict[str, Floats],
    volume: Floats,
) -> Extract:
    raw = Extract(
        table=table,
        symbol=symbol,
        kind=layout.kind,
        rows=rows,
        stamps=stamps.values[rows],
        zoned=stamps.zoned,
        values=prices,
        ignored=layout.ignored,
        left_out=0,
    )
    _check_order(raw)
    _check_prices(raw)
    raw.refuse(volume < 0.0, "expected a volume of 0 or more", {"volume": volume})
    whole = ~_missing(prices).any(axis=1)
    kept = {field: array[whole] for field, array in prices.items()}
    values = kept if layout.kind == "ticks" else _mid_bars(layout.kind, kept, volume[whole])
    return Extract(
        table=table,
        symbol=symbol,
        kind=layout.kind,
        rows=raw.rows[whole],
        stamps=raw.stamps[whole],
        zoned=raw.zoned,
        values=values,
        ignored=layout.ignored,
        left_out=int((~whole).sum()),
    )


def _check_order(raw: Extract) -> None:
    steps = np.diff(raw.stamps, prepend=raw.stamps[:1] - 1)
    raw.refuse(steps < 0, "unsorted timestamp; expected times to increase. Sort the file by time")
    if raw.kind != "ticks":
        raw.refuse(
            steps == 0,
            "duplicate timestamp; expected one row a time and instrument. Where the file mixes "
            "instruments, add a column 'symbol'",
        )


def _check_prices(raw: Extract) -> None:
    prices = raw.values
    for field, array in prices.items():
        raw.refuse((array <= 0.0) | np.isinf(array), f"expected a positive {field}", {field: array})
    prefixes = ("bid_", "ask_") if raw.kind == "quotes" else ("",)
    if raw.kind in ("bars", "quotes"):
        for prefix in prefixes:
            _check_extremes(raw, {field: prices[prefix + field] for field in OHLC}, prefix)
    if raw.kind in ("ticks", "quotes"):
        for suffix in ("",) if raw.kind == "ticks" else tuple(f"_{field}" for field in OHLC):
            bid, ask = prices[f"bid{suffix}"], prices[f"ask{suffix}"]
            raw.refuse(
                bid > ask,
                "crossed quote; expected bid not above ask",
                {f"bid{suffix}": bid, f"ask{suffix}": ask},
            )


def _check_extremes(raw: Extract, side: dict[str, Floats], prefix: str) -> None:
    missing = _missing(side).sum(axis=1)
    shown = {prefix + field: array for field, array in side.items()}
    raw.refuse(
        (missing > 0) & (missing < len(OHLC)),
        "expected open, high, low and close together, or none of them",
        shown,
    )
    slack = ROUNDING * np.abs(side["close"])
    top = np.maximum(np.maximum(side["open"], side["close"]), side["low"])
    bottom = np.minimum(side["open"], side["close"])
    raw.refuse(side["high"] < top - slack, "expected a high not below open, low and close", shown)
    raw.refuse(side["low"] > bottom + slack, "expected a low not above open and close", shown)


def _missing(prices: Mapping[str, Floats]) -> Mask:
    """(R, fields) where a price is not there."""
    return np.isnan(np.stack(list(prices.values()), axis=1))


def _mid_bars(kind: Kind, prices: dict[str, Floats], volume: Floats) -> dict[str, Floats]:
    """Mid open, high, low, close; ask minus bid at the close, NaN where there is no quote."""
    if kind == "quotes":
        mids = {field: (prices[f"bid_{field}"] + prices[f"ask_{field}"]) / 2.0 for field in OHLC}
        spread = prices["ask_close"] - prices["bid_close"]
    else:
        mids = {field: prices.get(field, prices["close"]) for field in OHLC}
        spread = np.full_like(prices["close"], np.nan)
    return {**mids, "spread": spread, "volume": volume}
