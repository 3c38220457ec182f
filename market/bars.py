"""`Bars`: an immutable panel of prices."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from market.errors import DataError

Floats = NDArray[np.float64]
Times = NDArray[np.int64]

PRICE_FIELDS = ("open", "high", "low", "close")
VALUE_FIELDS = (*PRICE_FIELDS, "spread", "volume")
BLOCK_VALUES = 131_072
"""Values of one field that are looked at together, about, where a panel may be larger than
memory."""
FEWEST_ROWS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A panel of T bars of N instruments, oldest first.

    symbols: (N,) names of the columns.
    time: (T,) int64, UTC nanoseconds since 1970; the END of each bar, when it may be used.
    open, high, low, close: (T, N) mid prices in quote currency; NaN where there is no price.
    spread: (T, N) ask minus bid at the close, price units. Bid and ask extremes of a bar are
        taken as mid ∓ spread/2, an approximation.
    volume: (T, N) traded units or ticks; NaN where unknown.
    interval_s: nominal length of a bar in seconds.
    has_extremes: False where high and low are only copies of a single fixing.

    A closed market is no row; a missing price is NaN. Arrays are made read-only.
    Raises DataError where shapes do not fit.
    """

    symbols: tuple[str, ...]
    time: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    spread: Floats
    volume: Floats
    interval_s: int
    has_extremes: bool = True

    def __post_init__(self) -> None:
        shape = (self.time.shape[0], len(self.symbols))
        for name in VALUE_FIELDS:
            found = getattr(self, name)
            if found.shape != shape or found.dtype != np.float64:
                raise DataError(
                    f"bars: {name} must be float64 of shape {shape} (times, instruments), "
                    f"found {found.dtype} of shape {found.shape}"
                )
            found.flags.writeable = False
        if self.time.dtype != np.int64 or self.time.ndim != 1:
            raise DataError(
                f"bars: time must be int64 nanoseconds of shape (times,), "
                f"found {self.time.dtype} of shape {self.time.shape}"
            )
        self.time.flags.writeable = False

    @classmethod
    def of_views(
        cls,
        symbols: tuple[str, ...],
        time: Times,
        values: Sequence[Floats],
        interval_s: int,
        has_extremes: bool,
    ) -> Bars:
        """A panel of arrays that are known to fit and cannot be written: nothing is checked.

        values: as `VALUE_FIELDS`. For what gives panels of its own arrays many times a second.
        """
        bars, put = object.__new__(cls), object.__setattr__
        put(bars, "symbols", symbols)
        put(bars, "time", time)
        for name, found in zip(VALUE_FIELDS, values, strict=True):
            put(bars, name, found)
        put(bars, "interval_s", interval_s)
        put(bars, "has_extremes", has_extremes)
        return bars

    def __len__(self) -> int:
        return int(self.time.shape[0])

    @property
    def shape(self) -> tuple[int, int]:
        """(T, N)."""
        return len(self), len(self.symbols)

    def rows(self, start: int, stop: int) -> Bars:
        """Rows `start` up to, not including, `stop`: views, no copies."""
        return replace(
            self,
            time=self.time[start:stop],
            open=self.open[start:stop],
            high=self.high[start:stop],
            low=self.low[start:stop],
            close=self.close[start:stop],
            spread=self.spread[start:stop],
            volume=self.volume[start:stop],
        )

    def blocks(self) -> Iterator[tuple[int, Bars]]:
        """All rows in order, a block at a time, each with the number of its first row."""
        rows = block_rows(len(self.symbols))
        for start in range(0, len(self), rows):
            yield start, self.rows(start, min(start + rows, len(self)))

    def columns(self, symbols: Sequence[str]) -> Bars:
        """The named instruments, in the order asked for; copied, unless they are all of them in
        their own order.
        """
        if tuple(symbols) == self.symbols:
            return self
        missing = [symbol for symbol in symbols if symbol not in self.symbols]
        if missing:
            raise DataError(
                f"no prices for {', '.join(missing)}; the data holds {', '.join(self.symbols)}"
            )
        index = [self.symbols.index(symbol) for symbol in symbols]
        return replace(
            self,
            symbols=tuple(symbols),
            open=self.open[:, index],
            high=self.high[:, index],
            low=self.low[:, index],
            close=self.close[:, index],
            spread=self.spread[:, index],
            volume=self.volume[:, index],
        )

    def digest(self) -> str:
        """SHA-256 of every value that a decision can depend on."""
        digest = hashlib.sha256(repr((self.symbols, self.interval_s, self.has_extremes)).encode())
        digest.update(np.ascontiguousarray(self.time).data)
        for name in VALUE_FIELDS:
            for _, block in self.blocks():
                digest.update(np.ascontiguousarray(getattr(block, name)).data)
        return digest.hexdigest()

    def __repr__(self) -> str:
        if not len(self):
            return f"Bars(empty, {len(self.symbols)} instruments)"
        first, last = utc(self.time[0]), utc(self.time[-1])
        return (
            f"Bars({len(self):,} × {len(self.symbols)}, every {self.interval_s:,} s, "
            f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {' '.join(self.symbols)})"
        )


def utc(time_ns: int | np.int64) -> datetime:
    """The UTC datetime of nanoseconds since 1970, to the microsecond."""
    seconds, nanoseconds = divmod(int(time_ns), 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)


def block_rows(width: int) -> int:
    """Rows of a block of `width` instruments."""
    return max(BLOCK_VALUES // max(width, 1), FEWEST_ROWS)


@dataclass(slots=True)
class _Found:
    """One kind of problem in a panel: how often, and where first."""

    what: str
    count: int = 0
    row: int = 0
    column: int = 0


def check_bars(bars: Bars, where: str) -> None:
    """Refuse bars that no decision should rest on.

    `where` names the source in the message. Raises DataError for an empty panel, times that do
    not increase, prices that are not positive, a high below the low, an open or close outside
    them, or a negative spread (a crossed quote). NaN is a missing price and passes, but an
    instrument's four prices must be missing together.
    """
    if not bars.shape[0] or not bars.shape[1]:
        raise DataError(f"{where}: no bars found; expected at least one row and one instrument")
    steps = np.flatnonzero(np.diff(bars.time) <= 0)
    if steps.size:
        row = int(steps[0]) + 1
        kind = "duplicate" if bars.time[row] == bars.time[row - 1] else "unsorted"
        raise DataError(
            f"{where}: {kind} timestamp {utc(bars.time[row]):%Y-%m-%d %H:%M:%S} UTC in row {row}; "
            "times must strictly increase. Sort the data and keep one row a time."
        )
    found: dict[str, _Found] = {}
    for start, block in bars.blocks():
        for bad, what in _problems(block):
            problem = found.setdefault(what, _Found(what))
            if bad.any():
                if not problem.count:
                    row, problem.column = divmod(int(np.argmax(bad)), bad.shape[1])
                    problem.row = start + row
                problem.count += int(bad.sum())
    for problem in found.values():
        if problem.count:
            row, column = problem.row, problem.column
            values = ", ".join(
                f"{name} {getattr(bars, name)[row, column]:g}" for name in (*PRICE_FIELDS, "spread")
            )
            raise DataError(
                f"{where}: {bars.symbols[column]} at {utc(bars.time[row]):%Y-%m-%d %H:%M:%S} UTC "
                f"(row {row}): {problem.what} ({values}). {problem.count} such value(s) in all; "
                "correct or remove them."
            )


def _problems(bars: Bars) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """What can be wrong, in the order in which it is told, and (T, N) where it is."""
    missing = np.isnan(bars.close)
    slack = 1e-9 * np.abs(bars.close)
    for name in PRICE_FIELDS:
        prices = getattr(bars, name)
        yield ~(prices > 0.0) & ~np.isnan(prices), f"{name} not positive"
    for name in PRICE_FIELDS:
        differs = np.isnan(getattr(bars, name)) != missing
        yield differs, f"{name} missing where close is not, or reverse"
    for name in PRICE_FIELDS:
        yield np.isinf(getattr(bars, name)), f"{name} infinite"
    top, bottom = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    with np.errstate(invalid="ignore"):  # an infinite price is among the problems already
        floor, ceiling, inverted = top - slack, bottom + slack, bars.high < bars.low - slack
    yield inverted, "high below low"
    yield bars.high < floor, "high below open or close"
    yield bars.low > ceiling, "low above open or close"
    yield bars.spread < 0.0, "crossed quote (ask below bid)"
    yield np.isinf(bars.spread), "infinite spread"
