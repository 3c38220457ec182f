"""Made-up ticks of a stretch of minutes, computed from nothing but keys and the time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.feeds.live.synthetic_walk import (
    HOURS,
    MINUTES,
    SIXTEEN,
    STEPS,
    Keys,
    fill_minutes,
    fill_steps,
    word,
)
from market.bars import Floats, Times
from market.compiled import kernel, lean_kernel
from market.conversion import Indices

STEP_NS = 250_000_000
STEP_S = 0.25
MINUTE_NS = STEPS * STEP_NS
TO_UNIT = 2.0**-53
ELEVEN = np.uint64(11)
LOW_16 = np.uint64(0xFFFF)
STEP_MS = np.uint64(250)
WIDEST, NARROWEST = 1.3, 0.7
"""A spread lies between these multiples of the typical one of its hour."""


class Market(NamedTuple):
    """F walks and the N instruments that they move.

    walk_keys: (F, 4). deviation: (F,) of a day's log change. tick_keys: (N,). level: (N,) log
    prices at the origin. walks: (N, 4) which walks move it, signs: (N, 4) how, 0 where fewer.
    rate: (N,) ticks a second. spread: (N,) typical, price units. increment: (N,) of prices.
    scale: (N,) 1 / increment where that is whole, else 0.
    activity: (24,) of the hours, by_hour: (24,) their shares of a day's variance.
    """

    walk_keys: Keys
    deviation: Floats
    tick_keys: Keys
    level: Floats
    walks: NDArray[np.int64]
    signs: Floats
    rate: Floats
    spread: Floats
    increment: Floats
    scale: Floats
    activity: Floats
    by_hour: Floats


class TickArrays(NamedTuple):
    """(R,) columns of ticks by minute, in it by instrument, in that by time."""

    time: Times
    code: NDArray[np.int64]
    bid: Floats
    ask: Floats

    def rows(self, chosen: slice | Indices) -> TickArrays:
        """Some of them."""
        return TickArrays(self.time[chosen], self.code[chosen], self.bid[chosen], self.ask[chosen])


@lean_kernel
def quoted(mid: float, typical: float, bits: np.uint64, increment: float, scale: float
           ) -> tuple[float, float]:  # fmt: skip
    """Bid and ask about a mid, on whole increments and at least one apart."""
    wide = float(bits & LOW_16) / 65_536.0
    half = typical * (NARROWEST + (WIDEST - NARROWEST) * wide) / 2.0
    low = max(np.floor((mid - half) / increment + 0.5), 1.0)
    high = max(np.floor((mid + half) / increment + 0.5), low + 1.0)
    if scale > 0.0:  # dividing gives the decimal price itself; multiplying would miss it
        return low / scale, high / scale
    return low * increment, high * increment


@kernel
def ticks_of_minutes(market: Market, first: int, opened: NDArray[np.bool_]) -> TickArrays:
    """The ticks of the minutes from `first` on, counted from 1970. opened: (minutes, N)."""
    walks, instruments = market.deviation.shape[0], market.tick_keys.shape[0]
    minutes = opened.shape[0]
    most = int(opened.sum()) * STEPS
    time, code = np.empty(most, np.int64), np.empty(most, np.int64)
    bid, ask = np.empty(most), np.empty(most)
    begins, steps = np.empty((walks, MINUTES + 1)), np.empty((walks, STEPS))
    room, variance = np.empty(HOURS + MINUTES), np.empty(STEPS)
    filled, count = -1, 0
    for place in range(minutes):
        if not opened[place].any():
            continue
        minute = first + place
        hour, within = minute // MINUTES, minute % MINUTES
        activity = market.activity[hour % HOURS]
        variance[:] = market.by_hour[hour % HOURS] / (MINUTES * STEPS)
        for walk in range(walks):
            keys, line = market.walk_keys[walk], begins[walk]
            if hour != filled:
                fill_minutes(keys, market.by_hour, hour, room, line)
            fill_steps(keys, minute, variance, line[within], line[within + 1], steps[walk])
        filled = hour
        for one in range(instruments):
            if not opened[place, one]:
                continue
            key, chance = market.tick_keys[one], market.rate[one] * activity * STEP_S
            typical = market.spread[one] / np.sqrt(activity)
            for step in range(STEPS):
                number = minute * STEPS + step
                if float(word(key, 2 * number) >> ELEVEN) * TO_UNIT >= chance:
                    continue
                bits = word(key, 2 * number + 1)
                log = market.level[one]
                for part in range(4):
                    walk = market.walks[one, part]
                    log += market.signs[one, part] * market.deviation[walk] * steps[walk, step]
                bid[count], ask[count] = quoted(
                    np.exp(log), typical, bits, market.increment[one], market.scale[one]
                )
                late_ms = np.int64((bits >> SIXTEEN) % STEP_MS)
                time[count] = number * STEP_NS + late_ms * 1_000_000
                code[count] = one
                count += 1
    return TickArrays(time[:count], code[:count], bid[:count], ask[:count])
