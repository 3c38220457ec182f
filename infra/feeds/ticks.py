"""From bid and ask ticks to bars of a chosen length."""

from __future__ import annotations

import numpy as np

from market.bars import Floats, Times

DAY_S = 86_400


def bars_of_ticks(
    time: Times, bid: Floats, ask: Floats, interval_s: int
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
    mid = (bid + ask) / 2.0
    values = {
        "open": mid[starts],
        "high": np.maximum.reduceat(mid, starts),
        "low": np.minimum.reduceat(mid, starts),
        "close": mid[stops - 1],
        "spread": (ask - bid)[stops - 1],
        "volume": (stops - starts).astype(np.float64),
    }
    return (interval[starts] + 1) * length, values
