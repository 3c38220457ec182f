"""`RecordedBars`: bars as quotes, four a bar, played on a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from infra.feeds.columns import Array
from infra.feeds.live.recorded import RecordedTicks
from infra.feeds.series import SECOND_NS, Ticks
from market.bars import Bars, Floats, Times
from market.conversion import Indices
from market.errors import DataError
from market.instruments import Instrument
from market.ports import Clock

QUOTES = 4
"""Of a bar: its open, the extreme nearer to that, the other one, its close."""


class RecordedBars(RecordedTicks):
    """A `PriceSource` of bars that were recorded once; everything else is as `RecordedTicks` says.

    bars: the panel; where it states no spread an instrument's typical one is taken, and bid and ask
    are mid ∓ spread / 2. How the price ran inside a bar is not known: the quotes come at its
    beginning, after a third and two thirds of it, and a nanosecond before its end. Volumes are not
    played: bars that are made of the quotes count these.
    Raises DataError for an instrument without a bar.
    """

    def __init__(
        self, bars: Bars, instruments: Sequence[Instrument], clock: Clock, *, begin: int, name: str
    ) -> None:
        super().__init__(ticks_of_bars(bars, instruments), clock, begin=begin, name=name)
        self._said = (
            f"recorded bars of {bars.interval_s:,} s of {name}, {QUOTES} quotes a bar: "
            f"{' '.join(one.symbol for one in instruments)}. Terms: those of the files' owner."
        )

    @property
    def description(self) -> str:
        """What is played."""
        return self._said


def ticks_of_bars(bars: Bars, instruments: Sequence[Instrument]) -> tuple[Ticks, ...]:
    """Each instrument's bars as ticks, made where they are read. Raises DataError."""
    panel = bars.columns([one.symbol for one in instruments])
    return tuple(_ticks(panel, column, instrument) for column, instrument in enumerate(instruments))


def _ticks(bars: Bars, column: int, instrument: Instrument) -> Ticks:
    rows = np.flatnonzero(~np.isnan(bars.close[:, column]))
    if not len(rows):
        raise DataError(f"{instrument.symbol}: no bar among {len(bars):,}; leave it out")

    def times(row: Indices, part: Indices) -> Times:
        end = bars.time[row]
        # A day of 23 hours begins where the one before it ended.
        before = np.where(row > 0, bars.time[np.maximum(row - 1, 0)], np.int64(0))
        start = np.maximum(end - bars.interval_s * SECOND_NS, before)
        length = end - start
        found: Times = start + np.choose(
            part, (0 * length, length // 3, 2 * length // 3, length - 1)
        )
        return found

    def sided(sign: float) -> Callable[[Indices, Indices], Floats]:
        def prices(row: Indices, part: Indices) -> Floats:
            first, high = bars.open[row, column], bars.high[row, column]
            low, last = bars.low[row, column], bars.close[row, column]
            up = high - first <= first - low
            mid = np.choose(part, (first, np.where(up, high, low), np.where(up, low, high), last))
            spread = bars.spread[row, column]
            spread = np.where(np.isnan(spread), instrument.typical_spread, spread)
            found: Floats = mid + sign * spread / 2.0
            return found

        return prices

    return Ticks(
        symbol=instrument.symbol,
        time=_Made(rows, times),
        bid=_Made(rows, sided(-1.0)),
        ask=_Made(rows, sided(1.0)),
    )


class _Made:
    """A `Column` of four values a bar. make: of rows of the panel and parts 0 to 3, both (R,)."""

    def __init__(self, rows: Indices, make: Callable[[Indices, Indices], Array]) -> None:
        self._rows = rows
        self._make = make

    def __len__(self) -> int:
        return QUOTES * len(self._rows)

    def __getitem__(self, rows: slice, /) -> Array:
        wanted = np.arange(*rows.indices(len(self)))
        return self._make(self._rows[wanted // QUOTES], wanted % QUOTES)
