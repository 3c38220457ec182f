"""`BarWindow`: the last rows of a stream of bars, always at hand as one contiguous panel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.bars import VALUE_FIELDS, Bars, Floats
from market.sent import sent_with_arrays

CLOSE = VALUE_FIELDS.index("close")
"""Its row of a slice's values."""


@sent_with_arrays
@dataclass(frozen=True, slots=True, kw_only=True)
class BarSlice:
    """One new bar of every instrument.

    time: UTC nanoseconds. values: (6, N) rows open, high, low, close, spread, volume.
    """

    time: int
    values: Floats

    def columns(self, count: int) -> BarSlice:
        """The first `count` instruments only."""
        return BarSlice(time=self.time, values=self.values[:, :count])


def slice_of(bars: Bars, row: int) -> BarSlice:
    """Row `row` of a panel as a slice."""
    values = np.stack([getattr(bars, name)[row] for name in VALUE_FIELDS])
    return BarSlice(time=int(bars.time[row]), values=values)


class BarWindow:
    """Holds the newest `length` bars.

    The rows live in a buffer of twice that length: a push writes one row, and only every
    `length` pushes the newest rows move to the front. `bars()` gives views, no copies, valid
    until the next push.
    """

    def __init__(
        self, symbols: tuple[str, ...], length: int, interval_s: int, has_extremes: bool = True
    ) -> None:
        self._symbols = symbols
        self._length = length
        self._interval_s = interval_s
        self._has_extremes = has_extremes
        self._time = np.zeros(2 * length, dtype=np.int64)
        self._values = np.full((len(VALUE_FIELDS), 2 * length, len(symbols)), np.nan)
        self._stop = 0
        # What is shown is read-only: a slice of these is, too, and need not be made so each time.
        self._times_shown, shown = self._time.view(), self._values.view()
        self._times_shown.flags.writeable = shown.flags.writeable = False
        self._shown = tuple(shown)

    def push(self, bar: BarSlice) -> None:
        """Append one bar; the oldest is forgotten once `length` are held."""
        if self._stop == 2 * self._length:
            keep = self._length - 1
            self._time[:keep] = self._time[self._stop - keep :]
            self._values[:, :keep] = self._values[:, self._stop - keep :].copy()
            self._stop = keep
        self._time[self._stop] = bar.time
        self._values[:, self._stop] = bar.values
        self._stop += 1

    def extend(self, bars: Bars) -> None:
        """Append every row of a panel."""
        for row in range(len(bars)):
            self.push(slice_of(bars, row))

    @property
    def width(self) -> int:
        """N, the number of instruments."""
        return len(self._symbols)

    def __len__(self) -> int:
        return min(self._stop, self._length)

    @property
    def last_time(self) -> int:
        """UTC nanoseconds of the newest bar; 0 while empty."""
        return int(self._time[self._stop - 1]) if self._stop else 0

    def bars(self) -> Bars:
        """The bars held, oldest first, as views of the buffer."""
        start, stop = self._stop - len(self), self._stop
        return Bars.of_views(
            self._symbols,
            self._times_shown[start:stop],
            [field[start:stop] for field in self._shown],
            self._interval_s,
            self._has_extremes,
        )
