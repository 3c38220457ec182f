"""From bid and ask ticks to bars of a chosen length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from infra.feeds.columns import Column
from market.bars import Floats, Times
from market.conversion import Indices

DAY_S = 86_400
BLOCK_TICKS = 262_144
"""Ticks whose prices are in memory at a time, about: bars are made whole."""


def bars_of_ticks(
    time: Times, bid: Column, ask: Column, interval_s: int
) -> tuple[Times, dict[str, Floats]]:
    """(ends (T,), values) of the intervals that hold a tick.

    time: (R,) UTC nanoseconds that do not decrease. bid, ask: (R,) positive. interval_s divides
    a day: intervals are counted from midnight UTC. An interval [start, end) is one bar, stamped
    with its end; a tick at the end itself belongs to the next. Open, high, low and close are of
    the mid (bid + ask) / 2; spread is that of the last tick, volume the number of ticks.
    An interval without a tick is no bar.
    """
    length = interval_s * 1_000_000_000
    interval = time // length
    starts = np.flatnonzero(np.diff(interval, prepend=interval[:1] - 1))
    stops = np.append(starts[1:], time.shape[0])
    cuts = np.unique(np.searchsorted(starts, np.arange(0, time.shape[0], BLOCK_TICKS)))
    parts = [
        _bars_between(starts[one:other], stops[one:other], bid, ask)
        for one, other in pairwise([*cuts.tolist(), len(starts)])
        if one < other
    ]
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return (interval[starts] + 1) * length, values


def _bars_between(starts: Indices, stops: Indices, bid: Column, ask: Column) -> dict[str, Floats]:
    """The bars made of ticks from each start up to, not including, its stop."""
    bids, asks = bid[starts[0] : stops[-1]], ask[starts[0] : stops[-1]]
    mid, first = (bids + asks) / 2.0, starts - starts[0]
    last = stops - starts[0] - 1
    return {
        "open": mid[first],
        "high": np.maximum.reduceat(mid, first),
        "low": np.minimum.reduceat(mid, first),
        "close": mid[last],
        "spread": (asks - bids)[last],
        "volume": (stops - starts).astype(np.float64),
    }
