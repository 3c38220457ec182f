"""`Extract`: one instrument's rows of one file, checked as they stand in the file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from infra.feeds.clocks import Stamps, stamps_of
from infra.feeds.columns import Array, Column, Keep, in_memory, joined
from infra.feeds.layouts import OHLC, Kind, Layout, layout_of
from infra.feeds.problems import (
    Findings,
    Mask,
    Problem,
    RawRows,
    missing_prices,
    problems_of,
)
from infra.feeds.symbols import SymbolRows, symbols_of
from infra.feeds.table_files import TableFile
from infra.feeds.tables import Table
from market.bars import Floats
from market.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """Rows of one instrument, oldest first, without those that hold no price.

    rows: (R,) their numbers in the file. stamps: (R,) nanoseconds as the file shows them.
    values: (R,) columns; open high low close spread volume, or bid ask where `kind` is ticks.
    zoned: whether the file states the zone. left_out: rows without a (whole) price.
    """

    path: Path
    symbol: str
    kind: Kind
    rows: Column
    stamps: Column
    zoned: bool
    values: Mapping[str, Column]
    ignored: tuple[str, ...]
    left_out: int

    def __len__(self) -> int:
        return len(self.rows)

    def refuse(self, bad: Mask, problem: str) -> None:
        """Raises DataError about the first row where `bad` holds, if any."""
        findings = Findings(self.path, self.symbol)
        findings.add(iter([Problem(bad, problem, {})]), self.rows[:], self.stamps[:])
        findings.refuse()


def extracts_of(
    file: TableFile,
    *,
    named: str | None = None,
    assumed: str | None = None,
    wanted: Collection[str] | None = None,
    keep: Keep = in_memory,
) -> Iterator[Extract]:
    """Every instrument of a file, checked; of those wanted only. keep: where values are kept.

    named, assumed: as in `symbols_of`. A part of a Parquet file is in memory at a time, beside
    its times. Raises DataError for a time or number that cannot be read, and for what
    `problems_of` finds in any instrument.
    """
    layout = layout_of(file)
    stamps = stamps_of(file.columns(layout.time), layout.time)
    try:
        symbols = symbols_of(file, layout, named, assumed)
    except DataError:
        for _ in _numbers(file, layout):
            pass  # what is no number is told first
        raise
    gathered = {
        symbol: _Gathered(file.path, symbol, layout, keep, wanted is None or symbol in wanted)
        for symbol in symbols.symbols
    }
    for table, numbers in _numbers(file, layout):
        _share_out(table, numbers, stamps, symbols, gathered)
    for rows in gathered.values():
        rows.findings.refuse()
    for rows in gathered.values():
        if rows.wanted:
            yield rows.extract(stamps.zoned)


def _numbers(file: TableFile, layout: Layout) -> Iterator[tuple[Table, dict[str, Floats]]]:
    """The prices and the volume of a file by field, some rows at a time.

    Raises DataError in the end, about the first column that holds something else, and the first
    row where it does; nothing more is given from there on.
    """
    fields = layout.prices if layout.volume is None else {**layout.prices, "volume": layout.volume}
    refused: dict[str, DataError] = {}
    for table in file.tables(list(fields.values())):
        numbers: dict[str, Floats] = {}
        for field, name in fields.items():
            if field not in refused:
                try:
                    numbers[field] = table.floats(name)
                except DataError as error:
                    refused[field] = error
        if not refused:
            yield table, numbers
    for field in fields:
        if field in refused:
            raise refused[field]


def _share_out(
    table: Table,
    numbers: dict[str, Floats],
    stamps: Stamps,
    symbols: SymbolRows,
    gathered: dict[str, _Gathered],
) -> None:
    """Give every instrument its rows of a table."""
    stop = table.start + len(table)
    for symbol, rows in symbols.within(table.start, stop):
        gathered[symbol].take(
            rows + table.start,
            stamps.values[table.start : stop][rows],
            {field: array[rows] for field, array in numbers.items()},
        )


class _Gathered:
    """An instrument's rows while its file is read."""

    def __init__(self, path: Path, symbol: str, layout: Layout, keep: Keep, wanted: bool) -> None:
        self.findings = Findings(path, symbol)
        self.wanted = wanted
        self._path = path
        self._symbol = symbol
        self._layout = layout
        self._keep = keep
        self._parts: list[dict[str, Column]] = []
        self._left_out = 0
        self._last: int | None = None

    def take(self, rows: Array, stamps: Array, numbers: dict[str, Floats]) -> None:
        """Check the next rows, and keep those that hold a price."""
        kind = self._layout.kind
        volume = numbers.pop("volume", None)
        if volume is None:
            volume = np.full(len(rows), np.nan)
        raw = RawRows(
            kind=kind,
            rows=rows,
            stamps=stamps,
            before=self._last,
            prices=numbers,
            volume=volume,
        )
        self._last = int(stamps[-1])
        self.findings.add(problems_of(raw), rows, stamps)
        if not self.wanted:
            return
        whole = ~missing_prices(numbers).any(axis=1)
        self._left_out += int((~whole).sum())
        kept = {field: array[whole] for field, array in numbers.items()}
        values = kept if kind == "ticks" else _mid_bars(kind, kept, volume[whole])
        part = {"rows": rows[whole], "stamps": stamps[whole], **values}
        self._parts.append({name: self._keep(array) for name, array in part.items()})

    def extract(self, zoned: bool) -> Extract:
        """All of them."""
        columns = {name: _joined(self._parts, name) for name in self._parts[0]}
        return Extract(
            path=self._path,
            symbol=self._symbol,
            kind=self._layout.kind,
            rows=columns.pop("rows"),
            stamps=columns.pop("stamps"),
            zoned=zoned,
            values=columns,
            ignored=self._layout.ignored,
            left_out=self._left_out,
        )


def _joined(parts: Sequence[Mapping[str, Any]], name: str) -> Column:
    return joined([part[name] for part in parts])


def _mid_bars(kind: Kind, prices: dict[str, Floats], volume: Floats) -> dict[str, Floats]:
    """Mid open, high, low, close; ask minus bid at the close, NaN where there is no quote."""
    if kind == "quotes":
        mids = {field: (prices[f"bid_{field}"] + prices[f"ask_{field}"]) / 2.0 for field in OHLC}
        spread = prices["ask_close"] - prices["bid_close"]
    else:
        mids = {field: prices.get(field, prices["close"]) for field in OHLC}
        spread = np.full_like(prices["close"], np.nan)
    return {**mids, "spread": spread, "volume": volume}
