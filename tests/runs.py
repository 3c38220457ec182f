"""Small runs for tests: settings, plans and what a run recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coordinator.bootstrap import plan_of
from coordinator.configuration.sources import load_settings
from coordinator.plan import Plan
from infra.journal.reader import read_events
from market.events import Event


def plan_with(**sections: dict[str, Any]) -> Plan:
    """A plan from the defaults and these settings by section."""
    return plan_of(load_settings(flags=sections))


def events_of(folder: Path) -> list[Event]:
    """Everything that a run's journal holds."""
    return list(read_events(folder / "journal.sqlite"))
