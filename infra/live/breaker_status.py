"""How the breakers stand, as plain values for people and machines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.live.breakers import GatewayBreakers
from market.accounts import MARGIN_CALL
from market.bars import utc
from market.breakers import Phase, Trip, cools_until
from market.desk_state import DeskState

GUARDIAN = "guardian"
GATEWAY = "gateway"


def breakers_told(breakers: GatewayBreakers) -> list[dict[str, Any]]:
    """Each breaker of the gateway with its limit, its newest measure and its trip in force.

    measured: NaN before the first measure. cools_until: when it arms itself if nothing happens.
    """
    told = []
    for name, rule in breakers.rules.items():
        memory = breakers.memory[name]
        until = cools_until(rule, memory)
        told.append(
            {
                "name": name,
                "by": GATEWAY,
                "phase": memory.phase.value,
                "measured": memory.measured,
                "limit": rule.threshold,
                "unit": rule.unit,
                "about": rule.about,
                "action": rule.action.value,
                "needs_person": rule.latch,
                "cools_until": None if until is None else _time(until),
                "tripped_at": None if memory.trip is None else _time(memory.trip.time),
                "tripped_by": None if memory.trip is None else memory.trip.measured,
                "repeats": 0 if memory.trip is None else memory.trip.repeats,
            }
        )
    return told


def margin_call_told(state: DeskState) -> list[dict[str, Any]]:
    """The broker's margin call in the same words, while it lasts."""
    trip = state.tripped.get(MARGIN_CALL)
    if trip is None:
        return []
    return [
        {
            "name": MARGIN_CALL,
            "by": GATEWAY,
            "phase": Phase.TRIPPED.value,
            "measured": trip.measured,
            "limit": trip.limit,
            "unit": "call",
            "about": "the broker's margin call; over once it says so: free margin there",
            "action": trip.action,
            "needs_person": False,
            "cools_until": None,
            "tripped_at": _time(trip.time),
            "tripped_by": trip.measured,
            "repeats": trip.repeats,
        }
    ]


def guardian_told(state: DeskState, limits: Mapping[str, float]) -> list[dict[str, Any]]:
    """The guardian's halts in the same words; what it measures it keeps to itself."""
    about = {
        "DAILY_LOSS": "loss of the UTC day; ends with it",
        "DRAWDOWN": "fall of the equity from its peak",
    }
    return [
        {
            "name": name,
            "by": GUARDIAN,
            "phase": (Phase.TRIPPED if state.halt == name else Phase.ARMED).value,
            "measured": float("nan"),
            "limit": limit,
            "unit": "of equity",
            "about": about.get(name, ""),
            "action": "BLOCK",
            "needs_person": name == "DRAWDOWN",
            "cools_until": None,
            "tripped_at": None,
            "tripped_by": None,
            "repeats": 0,
        }
        for name, limit in limits.items()
    ]


def trips_told(trips: tuple[Trip, ...]) -> list[dict[str, Any]]:
    """The newest trips, oldest first, those in force last."""
    return [
        {
            "breaker": trip.breaker,
            "time": _time(trip.time),
            "measured": trip.measured,
            "limit": trip.limit,
            "action": trip.action,
            "repeats": trip.repeats,
            "armed_at": _time(trip.armed_at) if trip.armed_by else None,
            "armed_by": trip.armed_by,
            "reason": trip.reason,
        }
        for trip in trips
    ]


def _time(nanoseconds: int) -> str:
    return f"{utc(nanoseconds):%Y-%m-%d %H:%M:%S} UTC"
