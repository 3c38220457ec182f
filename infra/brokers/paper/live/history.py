"""`BarsInProgress`: the bars that an exchange builds from every quote it trades on."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from market.bar_window import BarSlice
from market.bars import VALUE_FIELDS, Bars, Floats
from market.compiled import lean_kernel
from market.marks import CLOSE, HIGH, LOW, OPEN, SPREAD
from market.quotes import Quote

VOLUME = VALUE_FIELDS.index("volume")


class BarsInProgress:
    """The open bar. It ends at whole intervals since midnight UTC; a quote at its end belongs to
    the next one, and an interval without a quote is no bar.

    values: (6, M), NaN where nothing was quoted, volume the number of quotes. start: UTC ns.
    """

    def __init__(self, instruments: int, interval_s: int) -> None:
        self.values: Floats = np.full((6, instruments), np.nan)
        self.start = 0
        self._length = interval_s * 1_000_000_000

    def close_due(self, now: int) -> BarSlice | None:
        """The bar, where it has ended by `now`; the next one is begun."""
        if now < self.end:
            return None
        closed = None
        if not np.isnan(self.values[CLOSE]).all():
            closed = BarSlice(time=self.end, values=self.values.copy())
            self.values[:] = np.nan
        self.start = now - now % self._length
        return closed

    @property
    def end(self) -> int:
        """Of the open bar, UTC ns."""
        return self.start + self._length

    def add(self, column: int, quote: Quote) -> None:
        """A quote of the open bar."""
        add_quote(self.values, column, quote.mid, quote.spread)


@lean_kernel
def add_quote(values: Floats, column: int, mid: float, spread: float) -> None:
    """A quote in the values of a bar (6, M), as `BarsInProgress` has them."""
    if math.isnan(values[CLOSE, column]):
        values[OPEN : CLOSE + 1, column] = mid
        values[VOLUME, column] = 0.0
    elif mid > values[HIGH, column]:
        values[HIGH, column] = mid
    elif mid < values[LOW, column]:
        values[LOW, column] = mid
    values[CLOSE, column] = mid
    values[SPREAD, column] = spread
    values[VOLUME, column] += 1.0


def panel_of(slices: Sequence[BarSlice], symbols: tuple[str, ...], interval_s: int) -> Bars:
    """Closed bars, oldest first, as a panel."""
    values = np.full((6, len(slices), len(symbols)), np.nan)
    for row, bar in enumerate(slices):
        values[:, row] = bar.values
    return Bars(
        symbols=symbols,
        time=np.array([bar.time for bar in slices], dtype=np.int64),
        interval_s=interval_s,
        **{name: values[field] for field, name in enumerate(VALUE_FIELDS)},
    )
