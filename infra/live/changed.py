"""In what a desk that is taken up differs from what was last on record: each by its name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from market.events import AlertRaised, SessionStarted
from market.live_events import RulesTakenUp

LIMITS = frozenset({"guardian", "stress", "pace", "sizing", "breakers", "staging"})
"""Sections whose keys bound what the desk may risk. Compared is what is on record: what decisions
depend on, the gateway's breakers and budgets of cancels, and what a stage asks for; no other key.
"""
UNDECIDED = ("breakers.", "staging.", "pace.cancels_")
"""How the keys begin that are on record, and that no decision depends on."""
REFRESHED = frozenset({"instruments", "desk.initial_balance"})
"""What a broker says anew at every start; it has checks of its own."""
UNRECORDED = "not on record"


class Change(NamedTuple):
    """A difference. key: the setting's dotted name, or that of an agent behind `agents.`. said:
    what it is in words.
    """

    key: str
    said: str

    @property
    def level(self) -> str:
        """Critical where a limit differs, else warning."""
        return "critical" if self.key.partition(".")[0] in LIMITS else "warning"

    @property
    def decides(self) -> bool:
        """Whether decisions depend on it."""
        return not self.key.startswith(UNDECIDED)


def changes(
    last: SessionStarted | RulesTakenUp, asked: SessionStarted | RulesTakenUp
) -> Iterator[Change]:
    """Every difference in what is on record of the rules."""
    before, now = _flat(last.configuration), _flat(asked.configuration)
    for key in sorted({*before, *now}):
        was, is_now = before.get(key, UNRECORDED), now.get(key, UNRECORDED)
        if was != is_now:
            yield Change(key, f"{key} is {is_now}, was {was}")
    known = {agent.name: agent for agent in last.agents}
    for agent in asked.agents:
        found, key = known.get(agent.name), f"agents.{agent.name}"
        if found is None or found.source != agent.source:
            yield Change(key, f"the code or an input of {agent.name} is another")
        elif found.lookback != agent.lookback:
            said = f"{agent.name} looks back {agent.lookback} bars, was {found.lookback}"
            yield Change(key, said)


def alerts_of(
    last: SessionStarted | RulesTakenUp, asked: SessionStarted, *, sequence: int, time: int
) -> list[AlertRaised]:
    """The differences for the record, one alert a level, limits first; none where all is equal."""
    found: dict[str, list[str]] = {"critical": [], "warning": []}
    for change in changes(last, asked):
        found[change.level].append(change.said)
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
