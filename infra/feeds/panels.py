"""Instruments side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from infra.feeds.room import Room
from infra.feeds.series import Series
from market.bars import VALUE_FIELDS, Bars, Times, block_rows
from market.errors import DataError


def panel_of(series: Sequence[Series], room: Room) -> Bars:
    """The instruments side by side on the union of their times, in the order given.

    NaN where an instrument has no bar at a time. Raises DataError where bars differ in length.
    """
    first = series[0]
    for other in series:
        if other.interval_s != first.interval_s:
            raise DataError(
                f"{first.symbol} has bars of {first.interval_s} s and {other.symbol} of "
                f"{other.interval_s} s; expected one length. Choose instruments of the same "
                "length, or load them separately."
            )
    time = reduce(_united, (one.time[:] for one in series))
    sheet, rows = room.sheet(len(time), len(series)), block_rows(len(series))
    block = {name: np.empty((rows, len(series))) for name in VALUE_FIELDS}
    reached = [0] * len(series)
    for start in range(0, len(time), rows):
        times = time[start : start + rows]
        for values in block.values():
            values.fill(np.nan)
        for column, one in enumerate(series):
            begin = reached[column]
            ends = one.time[begin : begin + rows]
            count = int(np.searchsorted(ends, times[-1], "right"))
            into = np.searchsorted(times, ends[:count])
            for name in VALUE_FIELDS:
                block[name][into, column] = one.values[name][begin : begin + count]
            reached[column] = begin + count
        sheet.append("time", times)
        for name in VALUE_FIELDS:
            sheet.append(name, block[name][: len(times)])
    return sheet.bars(
        tuple(one.symbol for one in series),
        first.interval_s,
        has_extremes=all(one.has_extremes for one in series),
    )


def _united(one: Times, other: Times) -> Times:
    """Every time of the two, once, in order."""
    return one if np.array_equal(one, other) else np.union1d(one, other)


def where_traded(bars: Bars, traded: int, room: Room) -> Bars:
    """Without the rows in which none of the first `traded` instruments has a price."""
    quoted = np.concatenate(
        [(~np.isnan(block.close[:, :traded])).any(axis=1) for _, block in bars.blocks()]
    )
    if quoted.all():
        return bars
    sheet = room.sheet(int(quoted.sum()), len(bars.symbols))
    for start, block in bars.blocks():
        kept = quoted[start : start + len(block)]
        for name in ("time", *VALUE_FIELDS):
            sheet.append(name, getattr(block, name)[kept])
    return sheet.bars(bars.symbols, bars.interval_s, has_extremes=bars.has_extremes)
