"""Bars of ticks that lie on disk: those that had closed at a time, and when so many had."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infra.feeds.live.tape import BLOCK_TICKS, first_row_from
from infra.feeds.panels import panel_of
from infra.feeds.room import Room
from infra.feeds.series import SECOND_NS, Series, Ticks
from infra.feeds.ticks import bars_of_ticks
from market.bars import VALUE_FIELDS, Bars, Times


def bars_between(ticks: Sequence[Ticks], interval_s: int, start: int, stop: int) -> Bars:
    """The bars of the ticks from `start` up to, not including, `stop` (UTC nanoseconds)."""
    return panel_of([_series(one, interval_s, start, stop) for one in ticks], Room())


def last_bars(ticks: Sequence[Ticks], interval_s: int, bars: int, time: int) -> Bars:
    """The last bars that ended at or before `time`, at most so many, newest last.

    Only as many ticks are read as they need, some more where the market was closed.
    """
    length = interval_s * SECOND_NS
    closed = time - time % length
    first = min(int(one.time[:1][0]) for one in ticks)
    span = bars * length
    while True:
        start = closed - span
        found = bars_between(ticks, interval_s, start, closed)
        if len(found) >= bars or start <= first:
            return found.rows(max(len(found) - bars, 0), len(found))
        span *= 2


def end_of_bar(ticks: Sequence[Ticks], interval_s: int, number: int) -> int | None:
    """When the bar of that number, counted from 1, ends; None where there are fewer."""
    length = interval_s * SECOND_NS
    ends = np.unique(np.concatenate([_first_ends(one, length, number) for one in ticks]))
    return int(ends[number - 1]) if len(ends) >= number else None


def _first_ends(ticks: Ticks, length: int, number: int) -> Times:
    """The ends of an instrument's first bars, so many or more where there are."""
    ends: Times = np.empty(0, dtype=np.int64)
    for row in range(0, len(ticks.time), BLOCK_TICKS):
        block = ticks.time[row : row + BLOCK_TICKS] // length
        ends = np.union1d(ends, (block + 1) * length)
        if len(ends) >= number:
            break
    return ends


def _series(ticks: Ticks, interval_s: int, start: int, stop: int) -> Series:
    rows = slice(first_row_from(ticks.time, start), first_row_from(ticks.time, stop))
    time: Times = ticks.time[rows]
    values = {name: np.empty(0) for name in VALUE_FIELDS}
    if len(time):
        time, values = bars_of_ticks(time, ticks.bid[rows], ticks.ask[rows], interval_s)
    return Series(
        symbol=ticks.symbol,
        time=time,
        values=values,
        interval_s=interval_s,
        has_extremes=True,
        irregular=int((np.diff(time) != interval_s * SECOND_NS).sum()),
    )
