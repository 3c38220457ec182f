"""Which instrument a file, or a row of it, is about."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from infra.feeds.layouts import Layout
from infra.feeds.table_files import TableFile
from infra.feeds.tables import row_refusal
from market.errors import DataError
from market.instruments import Registry

Rows = NDArray[np.int64]

KNOWN_LEGS = frozenset(leg for symbol in Registry().symbols() for leg in symbol.split("_"))
PAIR = re.compile(r"([A-Z0-9]{1,12})_([A-Z0-9]{2,6})")
SIX_LETTERS = re.compile(r"([A-Z]{3})([A-Z]{3})")
IN_A_NAME = re.compile(r"(?<![A-Z0-9])(?=([A-Z]{3})_?([A-Z]{3})(?![A-Z]))")
LEADING = re.compile(r"([A-Z0-9]{1,12})_([A-Z]{3})(?![A-Z0-9])")


def _upper(text: str) -> str:
    return re.sub(r"[/\- ]", "_", text.strip().upper())


def symbol_of_cell(text: str) -> str | None:
    """The instrument of a symbol column's cell: EUR_USD, eur/usd, EUR-USD, EURUSD, BTC_USDT.

    None where the cell names none.
    """
    name = _upper(text)
    six = SIX_LETTERS.fullmatch(name)
    if six and KNOWN_LEGS.issuperset(six.groups()):
        return "_".join(six.groups())
    return name if PAIR.fullmatch(name) else None


def symbol_of_name(file_name: str, asked: Collection[str] = ()) -> str | None:
    """The instrument in a file's name; None where it names none, or several.

    asked: symbols that the user named; a file name that begins with one is about it. Else a pair
    of known currencies or metals counts anywhere (`EUR_USD_2014-05.parquet`, `EURUSD60.csv`,
    `FOREX_EURUSD_1H.csv`), and anything against a known currency at the beginning
    (`AAPL_USD.csv`).
    """
    name = _upper(file_name)
    begun = [one for one in asked if re.match(rf"{re.escape(one.upper())}(?![A-Z0-9])", name)]
    if begun:
        return max(begun, key=len)
    pairs = {match.groups() for match in IN_A_NAME.finditer(name)}
    known = {pair for pair in pairs if KNOWN_LEGS.issuperset(pair)}
    if known:
        return "_".join(known.pop()) if len(known) == 1 else None
    leading = LEADING.match(name)
    if leading and leading[2] in KNOWN_LEGS:
        return "_".join(leading.groups())
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRows:
    """Which row of a file is about which instrument.

    codes: (R,) numbers of `symbols`; None where every row is about the only one.
    """

    symbols: tuple[str, ...]
    codes: NDArray[np.int32] | None

    def within(self, start: int, stop: int) -> Iterator[tuple[str, Rows]]:
        """Of the rows `start` up to, not including, `stop`, those of each instrument that has
        any, counted from `start`.
        """
        if self.codes is None:
            yield self.symbols[0], np.arange(stop - start, dtype=np.int64)
            return
        here = self.codes[start:stop]
        for code in np.unique(here):
            yield self.symbols[code], np.flatnonzero(here == code)


def symbols_of(
    file: TableFile, layout: Layout, named: str | None, assumed: str | None
) -> SymbolRows:
    """The instrument of each row of a file.

    named: the instrument in the file's name. assumed: the one that a file is about which does not
    say so. The symbol column comes first. Raises DataError where none of the three tells, or
    where column and name disagree.
    """
    if layout.symbol is None:
        symbol = named or assumed
        if symbol is None:
            raise DataError(
                f"{file.path}: which instrument is it? Expected a file name such as "
                "EUR_USD.csv, a column 'symbol', or one instrument chosen for a single file"
            )
        return SymbolRows(symbols=(symbol,), codes=None)
    cells, codes = _cells(file, layout.symbol)
    symbols: dict[str, int] = {}
    meant = np.zeros(len(cells), dtype=np.int32)
    for cell in sorted(cells):
        symbol = symbol_of_cell(cell)
        if symbol is None or (named is not None and symbol != named):
            wanted = named or "an instrument such as EUR_USD"
            remedy = " Rename a file that holds several instruments." if symbol else ""
            raise row_refusal(
                file.path,
                int(np.argmax(codes == cells[cell])),
                f"expected {wanted} in column {layout.symbol!r}, found {cell!r}.{remedy}",
            )
        meant[cells[cell]] = symbols.setdefault(symbol, len(symbols))
    return SymbolRows(symbols=tuple(symbols), codes=meant[codes])


def _cells(file: TableFile, column: str) -> tuple[dict[str, int], NDArray[np.int32]]:
    """What stands in a column, numbered, and the (R,) numbers of its rows."""
    cells: dict[str, int] = {}
    parts: list[NDArray[np.int32]] = []
    for table in file.tables([column]):
        encoded = pc.dictionary_encode(table.texts(column)).combine_chunks()
        known = [cells.setdefault(cell, len(cells)) for cell in encoded.dictionary.to_pylist()]
        parts.append(np.array(known, dtype=np.int32)[encoded.indices.to_numpy()])
    return cells, np.concatenate(parts)
