"""A circuit breaker: trips when a measure reaches its limit, and is armed again only where safe.

ARMED ──limit reached──► TRIPPED ──below the limit──► COOLING ──cool-down over──► ARMED
                            ▲                            │        (not if it latches)
                            └───────limit reached────────┘
TRIPPED, COOLING ──a named person──► ARMED
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

SECOND_NS = 1_000_000_000
RECURS_AFTER_NS = 10 * SECOND_NS
"""A limit reached again sooner is the same trip: a measure that flickers is not counted by tick."""
COOL_DOWN = "cool-down"
"""Who armed a breaker again when nobody did."""


class BreakerAction(StrEnum):
    """BLOCK: no order that opens risk. CANCEL: also cancel those that wait. FLATTEN: also close
    every position.
    """

    BLOCK = "BLOCK"
    CANCEL = "CANCEL"
    FLATTEN = "FLATTEN"


class Phase(StrEnum):
    """Where a breaker stands; risk is blocked in all but ARMED."""

    ARMED = "ARMED"
    TRIPPED = "TRIPPED"
    COOLING = "COOLING"


class Change(StrEnum):
    """What an observation changed that must be put on record."""

    NOTHING = "NOTHING"
    TRIPPED = "TRIPPED"
    ARMED = "ARMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """threshold: trips when the measure reaches it, in `unit`. latch: only a named person arms it
    again. cool_down_s: how long the measure must stay below before it arms itself. window_s: over
    which it is measured, 0 where it is of the moment.
    """

    name: str
    threshold: float
    unit: str
    about: str
    action: BreakerAction
    latch: bool = False
    cool_down_s: float = 300.0
    window_s: float = 0.0

    def reached_by(self, measured: float) -> bool:
        """Whether a measure trips; one that is NaN does."""
        return not measured < self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A trip in the record. Times: UTC nanoseconds of the market's clock.

    repeats: how often the limit was reached anew before it was armed again. armed_at: 0 while it
    lasts; armed_by, reason: empty until then.
    """

    breaker: str
    time: int
    measured: float
    limit: float
    action: str
    repeats: int = 0
    armed_at: int = 0
    armed_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerMemory:
    """What a breaker remembers.

    trip: the one in force. measured: the newest measure, NaN before the first. seen: the newest
    time it was told; a clock that steps back stands still here. calm_since: since when the measure
    is below the limit, None while it is not. This alone is not in the record: after a restart the
    cool-down begins anew, so that a restart never arms early.
    """

    trip: Trip | None = None
    measured: float = float("nan")
    seen: int = 0
    calm_since: int | None = None

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        if self.trip is None:
            return Phase.ARMED
        return Phase.TRIPPED if self.calm_since is None else Phase.COOLING


def observe(
    rule: BreakerRule, memory: BreakerMemory, measured: float, now: int
) -> tuple[BreakerMemory, Change]:
    """Take in a measure, and tell what is to be recorded. now: UTC nanoseconds.

    While it is tripped a reached limit changes nothing; reached again after it was calm for some
    seconds, it is counted.
    """
    now = max(now, memory.seen)
    memory = replace(memory, measured=measured, seen=now)
    trip, calm_since = memory.trip, memory.calm_since
    if rule.reached_by(measured):
        if trip is None:
            return replace(memory, trip=trip_of(rule, measured, now), calm_since=None), (
                Change.TRIPPED
            )
        recurs = calm_since is not None and now - calm_since >= RECURS_AFTER_NS
        if recurs:
            trip = replace(trip, repeats=trip.repeats + 1, measured=measured)
        return replace(memory, trip=trip, calm_since=None), (
            Change.TRIPPED if recurs else Change.NOTHING
        )
    if trip is None:
        return memory, Change.NOTHING
    if calm_since is None:
        return replace(memory, calm_since=now), Change.NOTHING
    if rule.latch or now - calm_since < rule.cool_down_s * SECOND_NS:
        return memory, Change.NOTHING
    return replace(memory, trip=None, calm_since=None), Change.ARMED


def trip_of(rule: BreakerRule, measured: float, now: int) -> Trip:
    """A trip that begins."""
    return Trip(
        breaker=rule.name,
        time=now,
        measured=measured,
        limit=rule.threshold,
        action=rule.action.value,
    )


def released(memory: BreakerMemory) -> BreakerMemory:
    """Armed by a named person; where its condition still holds the next measure trips it."""
    return replace(memory, trip=None, calm_since=None)


def cools_until(rule: BreakerRule, memory: BreakerMemory) -> int | None:
    """When it arms itself if nothing happens, UTC nanoseconds; None where it will not."""
    if memory.trip is None or memory.calm_since is None or rule.latch:
        return None
    return memory.calm_since + round(rule.cool_down_s * SECOND_NS)
