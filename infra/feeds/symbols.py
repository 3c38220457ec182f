"""Which instrument a file, or a row of it, is about."""

from __future__ import annotations

import re
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from infra.feeds.layouts import Layout
from infra.feeds.tables import Table
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


def symbols_of(
    table: Table, layout: Layout, named: str | None, assumed: str | None
) -> dict[str, Rows]:
    """The rows of each instrument in a file.

    named: the instrument in the file's name. assumed: the one that a file is about which does not
    say so. The symbol column comes first. Raises DataError where none of the three tells, or
    where column and name disagree.
    """
    if layout.symbol is None:
        symbol = named or assumed
        if symbol is None:
            raise DataError(
                f"{table.path}: which instrument is it? Expected a file name such as "
                "EUR_USD.csv, a column 'symbol', or one instrument chosen for a single file"
            )
        return {symbol: np.arange(len(table), dtype=np.int64)}
    cells, codes = np.unique(np.array(table.texts(layout.symbol)), return_inverse=True)
    rows: dict[str, list[Rows]] = {}
    for code, cell in enumerate(cells):
        here = np.flatnonzero(codes == code)
        symbol = symbol_of_cell(str(cell))
        if symbol is None or (named is not None and symbol != named):
            wanted = named or "an instrument such as EUR_USD"
            remedy = " Rename a file that holds several instruments." if symbol else ""
            raise table.refusal(
                int(here[0]),
                f"expected {wanted} in column {layout.symbol!r}, found {str(cell)!r}.{remedy}",
            )
        rows.setdefault(symbol, []).append(here)
    return {symbol: np.sort(np.concatenate(parts)) for symbol, parts in rows.items()}
