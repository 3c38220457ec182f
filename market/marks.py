"""`Marks`: the last known price of every instrument and how old it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion, quote_rate

OPEN, HIGH, LOW, CLOSE, SPREAD, VOLUME = range(6)
"""Rows of the values of a `BarSlice`."""


class Marks(NamedTuple):
    """Per instrument (M,): last known mid, spread, quote rate, and age in bars (0: this bar's)."""

    mid: Floats
    spread: Floats
    rate: Floats
    age: Floats


def no_marks(instruments: int) -> Marks:
    """Marks before the first price: everything unknown, infinitely old."""
    return Marks(
        mid=np.full(instruments, np.nan),
        spread=np.full(instruments, np.nan),
        rate=np.full(instruments, np.nan),
        age=np.full(instruments, np.inf),
    )


@lean_kernel
def mark_prices(marks: Marks, values: Floats, field: int, typical_spread: Floats) -> None:
    """Take over the prices of row `field` (open or close) of a bar's values (6, M).

    Where an instrument has none, its last price stays and ages. A missing spread is the
    instrument's typical one (M,), price units. The rates are not those of these prices until
    `mark_rates`.
    """
    older = 1.0 if field == CLOSE else 0.0
    for column in range(marks.mid.shape[0]):
        price, spread = values[field, column], values[SPREAD, column]
        spread = spread if spread >= 0.0 else typical_spread[column]
        known = price > 0.0
        marks.mid[column] = price if known else marks.mid[column]
        marks.spread[column] = spread if known else marks.spread[column]
        marks.age[column] = 0.0 if known else marks.age[column] + older


@lean_kernel
def mark_rates(marks: Marks, paths: Conversion) -> None:
    """Convert every quote currency at the mids as they stand."""
    for column in range(marks.mid.shape[0]):
        marks.rate[column] = quote_rate(paths, marks.mid, column, marks.mid[column])
