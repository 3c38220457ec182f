"""Small sweeps for tests: a made-up market, two simple agents, a few windows."""

from __future__ import annotations

from typing import Any

from coordinator.plan import Plan
from coordinator.sweep.definition import Lengths, Sweep, settle_sweep
from coordinator.sweep.space import Choices, Space
from tests.desk import TWO, market, plan

THRESHOLD, STOP, ROWS = (
    "committee.decision_threshold",
    "sizing.stop_sigmas",
    "agents.Follower.rows",
)
WINDOWS = Lengths(train="20", test="12", purge="1", embargo="2")


def base_plan(rows: int = 70, **sections: dict[str, Any]) -> Plan:
    """A plan whose settings name the agents that sit."""
    committee = {"agents": TWO, **sections.pop("committee", {})}
    return plan(market(rows), committee=committee, **sections)


def grid(**values: tuple[Any, ...]) -> Space:
    """Every combination; keys with two underscores for the point."""
    return Space(
        choices=tuple(
            Choices(key=key.replace("__", "."), values=given) for key, given in values.items()
        )
    )


def small_sweep(lengths: Lengths | None = WINDOWS, space: Space | None = None) -> Sweep:
    """Two thresholds and two stops on 58 bars: two windows, or none."""
    tried = space or grid(committee__decision_threshold=(0.2, 0.5), sizing__stop_sigmas=(2.0, 4.0))
    return settle_sweep(base_plan(), tried, lengths)
