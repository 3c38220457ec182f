"""`TripFold`: the trips of a desk's circuit breakers, folded from its journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from market.breakers import Trip
from market.live_events import BreakerReset, BreakerTripped

KEPT_TRIPS = 100
"""Trips that are over and still told; the journal holds every one."""


class TripFold:
    """kept: those that are over and those in force, as `trips` tells them."""

    def __init__(self, kept: Iterable[Trip] = ()) -> None:
        self._in_force: dict[str, Trip] = {}
        self._over: deque[Trip] = deque(maxlen=KEPT_TRIPS)
        for trip in kept:
            if trip.armed_by:
                self._over.append(trip)
            else:
                self._in_force[trip.breaker] = trip

    @property
    def in_force(self) -> Mapping[str, Trip]:
        """By breaker."""
        return self._in_force

    @property
    def trips(self) -> tuple[Trip, ...]:
        """Those that are over, oldest first, then those in force."""
        return (*self._over, *self._in_force.values())

    def trip(self, event: BreakerTripped) -> None:
        """A trip begins, or recurs: then it is measured anew and keeps its beginning and limit."""
        before = self._in_force.pop(event.breaker, None)
        self._in_force[event.breaker] = Trip(
            breaker=event.breaker,
            time=event.time if before is None else before.time,
            measured=event.measured,
            limit=event.limit if before is None else before.limit,
            action=event.action,
            repeats=event.repeats,
        )

    def reset(self, event: BreakerReset) -> bool:
        """A trip is over; False where there was none."""
        before = self._in_force.pop(event.breaker, None)
        if before is None:
            return False
        self._over.append(
            replace(before, armed_at=event.time, armed_by=event.by, reason=event.reason)
        )
        return True
