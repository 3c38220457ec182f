"""Bars of made-up ticks, made backwards from a time for as many as are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from infra.feeds.live.synthetic_ticks import TickArrays
from infra.feeds.series import SECOND_NS
from infra.feeds.ticks import DAY_S, bars_of_ticks
from market.bars import VALUE_FIELDS, Bars, Floats, Times

CHUNK_S = 3_600
"""Of time whose ticks are made together, about."""
FURTHEST_BACK_NS = 20 * 366 * DAY_S * SECOND_NS

TicksBetween = Callable[[int, int], TickArrays]
"""The ticks from a time up to, not including, another; those of one instrument in order."""


def made_up_bars(
    between: TicksBetween, symbols: Sequence[str], interval_s: int, bars: int, time: int
) -> Bars:
    """The last bars that ended at or before `time`, at most so many, newest last."""
    length = interval_s * SECOND_NS
    stop = closed = time - time % length
    chunk = max(CHUNK_S // interval_s, 1) * length
    times: list[Times] = []
    values: list[Floats] = []
    rows = 0
    while rows < max(bars, 1) and closed - stop < FURTHEST_BACK_NS:
        ends, columns = _bars_between(between, len(symbols), interval_s, stop - chunk, stop)
        times.insert(0, ends)
        values.insert(0, columns)
        rows, stop = rows + len(ends), stop - chunk
    kept = slice(max(rows - bars, 0), rows)
    prices = np.concatenate(values, axis=1)[:, kept]
    return Bars(
        symbols=tuple(symbols),
        time=np.concatenate(times)[kept],
        interval_s=interval_s,
        has_extremes=True,
        open=prices[0], high=prices[1], low=prices[2], close=prices[3],
        spread=prices[4], volume=prices[5],
    )  # fmt: skip


def _bars_between(
    between: TicksBetween, instruments: int, interval_s: int, start: int, stop: int
) -> tuple[Times, Floats]:
    """Ends (K,) and values (6, K, N) of the intervals that hold a tick."""
    length = interval_s * SECOND_NS
    ends: Times = np.arange(start + length, stop + 1, length, dtype=np.int64)
    values = np.full((len(VALUE_FIELDS), len(ends), instruments), np.nan)
    ticks = between(start, stop)
    for code in range(instruments):
        own = np.flatnonzero(ticks.code == code)
        if len(own):
            time, bars = bars_of_ticks(ticks.time[own], ticks.bid[own], ticks.ask[own], interval_s)
            rows = (time - start) // length - 1
            for field, name in enumerate(VALUE_FIELDS):
                values[field, rows, code] = bars[name]
    quoted = ~np.isnan(values[0]).all(axis=1)
    return ends[quoted], values[:, quoted]
