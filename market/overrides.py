"""Overrides of limits: temporary, expiring, named, within what the configuration allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from market.live_events import LimitOverridden, OverrideEnded

LOOSER = 1.5
"""A limit may be overridden to be so many times looser than configured, never more."""
MOST_S = 86_400
"""Seconds of market time that an override may last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A limit that is moved for a while, as it travels.

    limit: as the configuration names it. until: UTC nanoseconds of market time, from which it is
    over.
    """

    limit: str
    value: float
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overridable:
    """What a limit may be moved to. least, most: inclusive. whole: it counts something."""

    configured: float
    least: float
    most: float
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRules:
    """What may be overridden on a desk, by the names of the configuration.

    not_above: pairs of which the first may not be above the second, and why.
    """

    limits: Mapping[str, Overridable]
    not_above: Sequence[tuple[str, str, str]]


NONE_OVERRIDABLE = OverrideRules(limits={}, not_above=())
"""Nothing may be overridden."""


def follow(
    begun: dict[str, LimitOverridden],
    event: LimitOverridden | OverrideEnded,
) -> None:
    """Take in what begins or ends into those on record by limit, oldest first."""
    begun.pop(event.limit, None)
    if isinstance(event, LimitOverridden):
        begun[event.limit] = event


def on_record(events: Iterable[LimitOverridden]) -> tuple[Override, ...]:
    """What travels of them, in the order of their limits' names."""
    return tuple(
        Override(limit=event.limit, value=event.value, until=event.until)
        for event in sorted(events, key=lambda event: event.limit)
    )


def in_force(overrides: tuple[Override, ...], time: int) -> tuple[Override, ...]:
    """Those that are not over at this market time, ns."""
    if not overrides:
        return ()
    return tuple(one for one in overrides if time < one.until)


def said(overrides: Iterable[Override]) -> str:
    """Them in words."""
    return ", ".join(f"{one.limit} {one.value:g}" for one in overrides) or "no override"
