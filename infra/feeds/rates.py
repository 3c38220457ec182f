"""`InterestRates`: monthly interest rates by currency, for financing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.feeds.table_files import open_table
from infra.feeds.tables import Table
from market.bars import Floats, Times
from market.errors import DataError

COLUMNS = ("month", "currency", "rate_percent")
MAX_AGE_MONTHS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestRates:
    """Monthly rates of C currencies over M consecutive months.

    source: the file. currencies: (C,) codes. first_month: months since 1970-01 of row 0.
    annual: (M, C) decimals a year, NaN where a month has no rate.
    """

    source: str
    currencies: tuple[str, ...]
    first_month: int
    annual: Floats

    def on(self, times: Times, currencies: Sequence[str]) -> Floats:
        """The rates known at each time: (T, len(currencies)) decimals a year.

        times: (T,) UTC nanoseconds. The newest rate of a month that had ended by then, at most
        `MAX_AGE_MONTHS` months back; never that of the current month, whose average nobody knows
        yet. NaN where there is none, and for a currency that the source does not hold.
        """
        month = times.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
        rates = np.full((times.shape[0], len(currencies)), np.nan)
        for column, currency in enumerate(currencies):
            if currency not in self.currencies:
                continue
            known = self.annual[:, self.currencies.index(currency)]
            for age in range(MAX_AGE_MONTHS, 0, -1):
                row = month - age - self.first_month
                inside = (row >= 0) & (row < known.shape[0])
                found = np.where(inside, known[np.clip(row, 0, known.shape[0] - 1)], np.nan)
                rates[:, column] = np.where(np.isnan(found), rates[:, column], found)
        return rates

    def digest(self) -> str:
        """SHA-256 of every value that financing can depend on."""
        digest = hashlib.sha256(repr((self.currencies, self.first_month)).encode())
        digest.update(np.ascontiguousarray(self.annual).tobytes())
        return digest.hexdigest()

    @property
    def description(self) -> str:
        """Source, currencies, months, and the rule of use."""
        first = np.datetime64(self.first_month, "M")
        last = first + np.timedelta64(self.annual.shape[0] - 1, "M")
        return (
            f"interest rates from {self.source}: {' '.join(self.currencies)}, {first} to {last}, "
            f"the last ended month's rate in use, for at most {MAX_AGE_MONTHS} months"
        )


def read_interest_rates(path: str | Path) -> InterestRates:
    """Rates from a CSV or Parquet file of one row a month and currency.

    Columns: `month` (2014-05), `currency` (USD), `rate_percent` (percent a year; may be
    negative; empty where unknown). Raises DataError naming file and row for a file that is
    missing or empty, a missing column, a month or rate that cannot be read, or a duplicate.
    """
    file = open_table(Path(path), as_text=COLUMNS[:2])
    missing = [name for name in COLUMNS if name not in file.names]
    if missing:
        raise DataError(
            f"{path}: expected the columns {', '.join(COLUMNS)}; {', '.join(missing)} missing, "
            f"found {', '.join(file.names)}"
        )
    table = file.columns(COLUMNS)
    months = _months(table)
    codes = [code.strip().upper() for code in table.texts("currency").to_pylist()]
    percent = table.floats("rate_percent")
    currencies = tuple(sorted(set(codes)))
    for code in currencies:
        if not (len(code) == 3 and code.isalpha()):
            row = codes.index(code)
            raise table.refusal(row, f"expected a currency such as USD, found {code!r}")
    column = np.array([currencies.index(code) for code in codes], dtype=np.int64)
    _refuse_odd(table, np.isinf(percent), "expected a finite rate in percent")
    cells = months * len(currencies) + column
    first_seen = np.unique(cells, return_index=True)[1]
    again = np.ones(cells.shape[0], dtype=np.bool_)
    again[first_seen] = False
    _refuse_odd(table, again, "expected one rate a month and currency, found a second one")
    first_month = int(months.min())
    annual = np.full((int(months.max()) - first_month + 1, len(currencies)), np.nan)
    annual[months - first_month, column] = percent / 100.0
    return InterestRates(
        source=Path(path).name, currencies=currencies, first_month=first_month, annual=annual
    )


def _months(table: Table) -> Times:
    """Months since 1970-01 of each row."""
    texts = table.texts("month").to_pylist()
    months = np.empty(len(texts), dtype=np.int64)
    for row, text in enumerate(texts):
        year, dash, month = text.strip()[:7].partition("-")
        if not (dash and year.isdecimal() and month.isdecimal() and 1 <= int(month) <= 12):
            raise table.refusal(row, f"expected a month such as 2014-05, found {text!r}")
        months[row] = (int(year) - 1970) * 12 + int(month) - 1
    return months


def _refuse_odd(table: Table, bad: NDArray[np.bool_], what: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise table.refusal(row, what)
