"""What a desk's own journal says of how it was begun: what a person need not say again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from coordinator.configuration.durations import written
from coordinator.configuration.settings import Settings
from infra.live.home import DeskHome
from infra.live.opening import first_opening, session_at


def settings_on_record(home: DeskHome) -> dict[str, dict[str, Any]]:
    """Instruments, bars, agents and speed of the desk in a folder, by section and key: they go
    behind whatever is configured, and before the configuration's own defaults. Nothing where there
    is no desk. Raises JournalError where the journal cannot be read.

    Files are not among them: a journal names them without their folders.
    """
    if not home.journal.exists():
        return {}
    started = session_at(home.journal)
    found: dict[str, dict[str, Any]] = {
        "data": {
            "instruments": started.symbols[: started.traded],
            "bar": written(started.interval_s),
        }
    }
    agents = json.loads(started.configuration or "{}").get("committee", {}).get("agents")
    if agents:
        found["committee"] = {"agents": agents}
    opened = first_opening(home.journal)
    if opened is not None:
        found["live"] = {"speed": opened.speed}
    return found


def taken_up(
    home: DeskHome, load: Callable[[Mapping[str, Mapping[str, Any]]], Settings]
) -> Settings:
    """The settings of the desk in a folder. load: reads them with what stands behind them.

    Agents that are on its record and in no list of the committee may join: a journal does not say
    which of them were shadows, and who sits is in the desk's own state.
    """
    settings = load(settings_on_record(home))
    if not home.journal.exists():
        return settings
    committee = settings.committee
    listed = {*committee.agents, *committee.shadows, *committee.allowed}
    more = [a.name for a in session_at(home.journal).agents if a.name not in listed]
    allowed = (*committee.allowed, *more)
    return settings.model_copy(
        update={"committee": committee.model_copy(update={"allowed": allowed})}
    )
