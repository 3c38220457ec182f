"""Small runs for tests: settings, plans and a whole session in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coordinator.bootstrap import (
    agent_builder,
    gateway_builder,
    guardian_builder,
    optimizer_builder,
    plan_of,
    session_of,
)
from coordinator.configuration.sources import load_settings
from coordinator.plan import Plan
from coordinator.replay import Replayed, replay
from infra.journal.sqlite import read_events
from market.events import Event
from market.lines import LocalLine

KEY = b"the guardian's key, for tests only"


def plan_with(**sections: dict[str, Any]) -> Plan:
    """A plan from the defaults and these settings by section."""
    return plan_of(load_settings(flags=sections))


def run_here(plan: Plan, folder: Path) -> Replayed:
    """The whole session in this process, every member behind a `LocalLine`."""
    agents = {
        name: LocalLine(agent_builder(spec)())
        for name, spec in zip(plan.names, plan.specs, strict=True)
    }
    session = session_of(
        plan,
        agents,
        LocalLine(guardian_builder(plan, KEY)()),
        LocalLine(gateway_builder(plan, folder, KEY)()),
        LocalLine(optimizer_builder(plan)()),
    )
    return replay(plan, session, lambda: False)


def events_of(folder: Path) -> list[Event]:
    """Everything that a run's journal holds."""
    return list(read_events(folder / "journal.sqlite"))
