"""Rollovers: the nights that a position is held through, counted at 17:00 in New York."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from market.bars import Floats, Times, utc

NEW_YORK = ZoneInfo("America/New_York")
ROLLOVER_HOUR = 17
TO_MIDNIGHT = timedelta(hours=24 - ROLLOVER_HOUR)
"""17:00 in New York is midnight of a clock seven hours ahead."""


def nights_between(earlier_ns: int, later_ns: int) -> int:
    """Rollovers in the time after `earlier` up to and including `later`, UTC nanoseconds."""
    days = [(utc(t).astimezone(NEW_YORK) + TO_MIDNIGHT).date() for t in (earlier_ns, later_ns)]
    return (days[1] - days[0]).days


def next_rollover(time_ns: int) -> int:
    """The first rollover after a time, UTC nanoseconds."""
    here = utc(time_ns).astimezone(NEW_YORK)
    day = here.date() + timedelta(days=1 if here.hour >= ROLLOVER_HOUR else 0)
    at = datetime(day.year, day.month, day.day, ROLLOVER_HOUR, tzinfo=NEW_YORK)
    return int(at.timestamp()) * 1_000_000_000


def nights_before(times: Times) -> Floats:
    """(T,) rollovers between each time and the one before it; 0 at the first."""
    nights = np.zeros(len(times))
    if len(times) > 1:
        passed = np.searchsorted(_rollovers(int(times[0]), int(times[-1])), times, side="right")
        nights[1:] = np.diff(passed)
    return nights


def _rollovers(first_ns: int, last_ns: int) -> Times:
    """Every 17:00 in New York from the day of `first` to that of `last`, UTC nanoseconds."""
    day = utc(first_ns).astimezone(NEW_YORK).date() - timedelta(days=1)
    end = utc(last_ns).astimezone(NEW_YORK).date()
    instants = []
    while day <= end:
        at = datetime(day.year, day.month, day.day, ROLLOVER_HOUR, tzinfo=NEW_YORK)
        instants.append(int(at.timestamp()) * 1_000_000_000)
        day += timedelta(days=1)
    return np.array(instants, dtype=np.int64)
