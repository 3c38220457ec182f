"""In what a desk that is taken up differs from the one that began: each difference by its name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from market.events import AlertRaised, SessionStarted

LIMITS = frozenset({"guardian", "stress", "pace", "sizing", "breakers"})
"""Sections of which every key bounds what the desk may risk."""
REFRESHED = frozenset({"instruments", "desk.initial_balance"})
"""What a broker says anew at every start; it has checks of its own."""
UNRECORDED = "not on record"


def changes(began: SessionStarted, asked: SessionStarted) -> Iterator[tuple[str, str]]:
    """Every difference in what decisions depend on: its level, and what it is in words.

    level: critical where a limit differs, else warning.
    """
    before, now = _flat(began.configuration), _flat(asked.configuration)
    for key in sorted({*before, *now}):
        was, is_now = before.get(key, UNRECORDED), now.get(key, UNRECORDED)
        if was != is_now:
            level = "critical" if key.partition(".")[0] in LIMITS else "warning"
            yield level, f"{key} is {is_now}, was {was}"
    known = {agent.name: agent for agent in began.agents}
    for agent in asked.agents:
        found = known.get(agent.name)
        if found is None or found.source != agent.source:
            yield "warning", f"the code or an input of {agent.name} is another"
        elif found.lookback != agent.lookback:
            yield "warning", f"{agent.name} looks back {agent.lookback} bars, was {found.lookback}"


def alerts_of(
    began: SessionStarted, asked: SessionStarted, *, sequence: int, time: int
) -> list[AlertRaised]:
    """The differences for the record, one alert a level, limits first; none where all is equal."""
    found: dict[str, list[str]] = {"critical": [], "warning": []}
    for level, said in changes(began, asked):
        found[level].append(said)
    return [
        AlertRaised(
            sequence=sequence,
            time=time,
            source="gateway",
            level=level,
            message=f"the desk is taken up with another configuration: {'; '.join(said)}",
        )
        for level, said in found.items()
        if said
    ]


def _flat(configuration: str) -> dict[str, str]:
    """Every setting by its dotted name, as JSON, so that 1 and true are two."""
    try:
        stated = json.loads(configuration)
    except ValueError:
        stated = configuration
    return dict(_named("", stated))


def _named(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if name in REFRESHED:
        return
    if isinstance(value, Mapping) and (value or not name):
        for key, item in value.items():
            yield from _named(f"{name}.{key}" if name else str(key), item)
        return
    yield name or "the configuration", json.dumps(value, sort_keys=True)
