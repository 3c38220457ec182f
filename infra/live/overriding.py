"""`Overriding`: limits that a named person has moved for a while, begun, ended and expired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from infra.live.books import Books
from market.errors import nearest
from market.live_events import LimitOverridden, OverrideEnded
from market.overrides import (
    MOST_S,
    Overridable,
    Override,
    OverrideRules,
    in_force,
    on_record,
)

SECOND_NS = 1_000_000_000
EXPIRY = "expiry"
TINY = 1e-300


class Overriding:
    """given: the newest bar that a coordinator was given; what changes is for the bar after it.

    alert: told level and message when an override begins or ends.
    """

    def __init__(
        self,
        books: Books,
        rules: OverrideRules,
        given: Callable[[], int],
        alert: Callable[[str, str], None],
    ) -> None:
        self._books = books
        self._rules = rules
        self._given = given
        self._alert = alert

    @property
    def known(self) -> tuple[Override, ...]:
        """Those on record; one whose time is over is on record until the next look."""
        return on_record(self._books.state.overrides.values())

    def begin(self, limit: str, value: float, for_s: int, by: str, reason: str, now: int) -> str:
        """Override a limit for so many seconds of market time; why not, empty where it was done.

        now: market time, ns. A newer override of the same limit replaces the older.
        """
        rule = self._rules.limits.get(limit)
        if rule is None:
            known = tuple(self._rules.limits)
            return (
                f"{limit!r} cannot be overridden{nearest(limit, known)} "
                f"What can: {', '.join(known) or 'nothing on this desk'}"
            )
        if not 0 < for_s <= MOST_S:
            return f"an override lasts up to {MOST_S // 3600} h, found {for_s} s"
        refused = _outside(limit, value, rule) or self._contradiction(limit, value, rule, now)
        if refused:
            return refused
        self._books.record(
            LimitOverridden(
                sequence=self._given() + 1,
                time=now,
                limit=limit,
                value=float(value),
                until=now + for_s * SECOND_NS,
                by=by,
                reason=reason,
            )
        )
        self._alert(
            "warning",
            f"{limit} is {value:g} instead of {rule.configured:g} for {for_s} s by {by}: {reason}",
        )
        self._books.durable()
        return ""

    def end(self, limit: str, by: str, reason: str, now: int) -> str:
        """Back to what is configured, from the next bar on; why not, empty where it was done."""
        begun = self._books.state.overrides
        if limit not in begun:
            return f"{limit!r} is not overridden{nearest(limit, tuple(begun))}"
        self._end(limit, by, reason, now)
        return ""

    def look(self, now: int) -> None:
        """End what has expired. now: market time, ns."""
        begun = self._books.state.overrides
        for limit in [name for name, event in begun.items() if event.until <= now]:
            self._end(limit, EXPIRY, "its time is over", now)

    def told(self, now: int) -> list[dict[str, Any]]:
        """Those in force as plain values, for people and machines; times in ns."""
        begun = self._books.state.overrides
        return [
            {
                "limit": one.limit,
                "value": one.value,
                "configured": self._configured(one.limit),
                "since": begun[one.limit].time,
                "until": one.until,
                "by": begun[one.limit].by,
                "reason": begun[one.limit].reason,
            }
            for one in in_force(self.known, now)
        ]

    def _configured(self, limit: str) -> float | None:
        rule = self._rules.limits.get(limit)
        return None if rule is None else rule.configured

    def _contradiction(self, limit: str, value: float, rule: Overridable, now: int) -> str:
        """Which limit a looser value would contradict, and why; a tighter one never does.

        It is held against that limit as it is now and as it is configured, because an override of
        that may end before this one.
        """
        if value <= rule.configured:
            return ""
        moved = {one.limit: one.value for one in in_force(self.known, now)}
        for lower, upper, why in self._rules.not_above:
            if limit != lower or upper not in self._rules.limits:
                continue
            configured = self._rules.limits[upper].configured
            most = min(configured, moved.get(upper, configured))
            if value > most:
                return f"{lower} ({value:g}) would be above {upper} ({most:g}): {why}"
        return ""

    def _end(self, limit: str, by: str, reason: str, now: int) -> None:
        self._books.record(
            OverrideEnded(sequence=self._given() + 1, time=now, limit=limit, by=by, reason=reason)
        )
        configured = self._configured(limit)
        back = "as configured" if configured is None else f"{configured:g}, as configured,"
        self._alert("warning", f"{limit} is {back} again by {by}: {reason}")
        self._books.durable()


def _outside(limit: str, value: float, rule: Overridable) -> str:
    """Why a limit may not be overridden to this value; empty where it may."""
    about = f"{limit} is configured as {rule.configured:g}"
    if value == rule.configured:
        return f"{about} already; `quorum override end {limit}` ends an override of it"
    if value > rule.most:
        return f"{about} and may be overridden to at most {rule.most:g}, found {value:g}"
    if not value >= rule.least:
        edge = f"at least {rule.least:g}" if rule.least > TINY else "more than 0"
        return f"{about} and may be overridden to {edge}, found {value:g}"
    if rule.whole and value != int(value):
        return f"{limit} is a count: expected a whole number, found {value:g}"
    return ""
