"""Random walks that can be entered anywhere: the value at a time costs no walk up to it.

A day's increment is a function of seed and day alone; within the day the walk is a Brownian bridge
through the hours, within the hour through the minutes, within the minute through the steps. So a
process that is killed and begun again finds the same prices at the same times, to the last bit.

The random numbers are SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) of a key and a counter; a
normal one is the sum of eight uniforms, made by additions alone so that every machine has its bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.compiled import lean_kernel

Keys = NDArray[np.uint64]

ORIGIN_DAY = 20_454
"""Days from 1970 to 2026-01-01, when every walk is at zero."""
HOURS, MINUTES, STEPS = 24, 60, 240
DAYS_LEVEL, HOURS_LEVEL, MINUTES_LEVEL, STEPS_LEVEL = range(4)

GAMMA = np.uint64(0x9E3779B97F4A7C15)
FIRST_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
SECOND_FACTOR = np.uint64(0x94D049BB133111EB)
ONE, SIXTEEN = np.uint64(1), np.uint64(16)
SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
LOW_BITS = np.uint64(0xFFFF)
UNIFORMS = 8
MEAN = UNIFORMS * 65_535 / 2.0
DEVIATION = float(np.sqrt(UNIFORMS * (65_536.0**2 - 1.0) / 12.0))


@lean_kernel
def word(key: np.uint64, counter: int) -> np.uint64:
    """64 random bits of a key's stream."""
    z = key + (np.uint64(counter) + ONE) * GAMMA
    z = (z ^ (z >> SHIFTS[0])) * FIRST_FACTOR
    z = (z ^ (z >> SHIFTS[1])) * SECOND_FACTOR
    return z ^ (z >> SHIFTS[2])


@lean_kernel
def normal(key: np.uint64, counter: int) -> float:
    """Mean 0, variance 1, within ±4.9."""
    total = np.uint64(0)
    for half in range(2):
        bits = word(key, 2 * counter + half)
        for _ in range(4):
            total += bits & LOW_BITS
            bits >>= SIXTEEN
    return (float(total) - MEAN) / DEVIATION


@lean_kernel
def day_start(key: np.uint64, day: int) -> float:
    """The walk where a day begins, in standard deviations of a day."""
    value = 0.0
    for passed in range(ORIGIN_DAY, day):
        value += normal(key, passed)
    for coming in range(ORIGIN_DAY - 1, day - 1, -1):
        value -= normal(key, coming)
    return value


@lean_kernel
def fill_bridge(key: np.uint64, first: int, variance: Floats, start: float, end: float,
                out: Floats) -> None:  # fmt: skip
    """A Brownian bridge from `start` to `end`: where each of its parts (P,) begins, into `out`.

    first: the counter of the first part. variance: (P,) of the parts' increments.
    """
    parts = variance.shape[0]
    value, whole = 0.0, 0.0
    for part in range(parts):
        out[part] = value
        value += np.sqrt(variance[part]) * normal(key, first + part)
        whole += variance[part]
    passed = 0.0
    for part in range(parts):
        out[part] += start + passed / whole * (end - start - value)
        passed += variance[part]


@lean_kernel
def fill_minutes(keys: Keys, by_hour: Floats, hour: int, room: Floats, out: Floats) -> None:
    """Where each minute of an hour begins, and in the last place where the hour ends: `out` (61,).

    keys: (4,) of one walk by level. by_hour: (24,) shares of a day's variance. hour: counted from
    1970. room: (24 + 60,) to work in. In standard deviations of a day.
    """
    day, place = hour // HOURS, hour % HOURS
    start = day_start(keys[DAYS_LEVEL], day)
    end = start + normal(keys[DAYS_LEVEL], day)
    hours, variance = room[:HOURS], room[HOURS:]
    fill_bridge(keys[HOURS_LEVEL], day * HOURS, by_hour, start, end, hours)
    out[MINUTES] = hours[place + 1] if place + 1 < HOURS else end
    variance[:] = by_hour[place] / MINUTES
    fill_bridge(
        keys[MINUTES_LEVEL], hour * MINUTES, variance, hours[place], out[MINUTES], out[:MINUTES]
    )


@lean_kernel
def fill_steps(keys: Keys, minute: int, variance: Floats, start: float, end: float,
               out: Floats) -> None:  # fmt: skip
    """Where each step of a minute begins, into `out` (240,). variance: (240,) of the steps."""
    fill_bridge(keys[STEPS_LEVEL], minute * STEPS, variance, start, end, out)
