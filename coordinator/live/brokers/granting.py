"""Whether the desk that earned a live stage is the one that is to trade real money."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coordinator.explain.step import minute
from coordinator.live.plan import LivePlan, live_session_started
from infra.live.earned import Earned
from market.errors import ConfigError
from market.events import SessionStarted
from market.live_events import RulesTakenUp
from market.stage_grants import StageGrant

SAME = (
    "committee", "agents", "sizing", "optimizer", "guardian", "stress", "pace",
    "breakers", "data.instruments", "data.bar", "desk.account_currency", "desk.seed",
)  # fmt: skip
"""What a desk decides by, and is stopped by. Its account and the broker's terms are its own."""


def grant_for(plan: LivePlan, earned: Earned, home: Path) -> StageGrant:
    """What the desk in `home` has earned for this one.

    Raises ConfigError that names everything in which the two differ, at its beginning and each time
    that it was taken up by other rules since: its evidence is of all of them together.
    """
    differing = tuple(dict.fromkeys(_differing(plan, earned)))
    if differing:
        raise ConfigError(
            f"oanda.granted_by: the desk in {home} has shown what another desk can do. They differ "
            f"in {', '.join(differing)}; trade with what was tried, or try this one on a practice "
            "account first"
        )
    return earned.grant


def _differing(plan: LivePlan, earned: Earned) -> Iterator[str]:
    started = live_session_started(plan, time=0, feed="")
    yield from _other_rules(plan, earned.started, started)
    for rules in earned.taken_up:
        for what in _other_rules(plan, rules, started):
            yield f"{what} (when taken up at {minute(rules.time)} UTC)"
    weights = {agent.name: agent.weight for agent in started.agents if agent.name in plan.seated}
    if weights != earned.weights:
        yield f"who votes with what weight ({_said(earned.weights)} there, {_said(weights)} here)"


def _other_rules(
    plan: LivePlan, tried: SessionStarted | RulesTakenUp, started: SessionStarted
) -> Iterator[str]:
    """In what rules that a desk was tried by are others than this one's."""
    there, here = json.loads(tried.configuration), json.loads(started.configuration)
    for key in SAME:
        if (found := _at(there, key)) != (wanted := _at(here, key)):
            # An older journal does not say by which breakers its evidence was earned.
            yield f"{key} (not on record there)" if _is_part(found, wanted) else key
    before = {agent.name: agent for agent in tried.agents}
    for agent in started.agents:
        known = before.get(agent.name)
        if agent.name not in plan.seated:
            continue
        if known is None or (known.source, known.lookback) != (agent.source, agent.lookback):
            yield f"the code of {agent.name}"


def _at(configuration: Mapping[str, Any], key: str) -> Any:
    section, _, name = key.partition(".")
    found = configuration.get(section)
    return found.get(name) if name and isinstance(found, Mapping) else found


def _is_part(found: Any, wanted: Any) -> bool:
    """Whether what is on record is right as far as it goes."""
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return all(name in wanted and wanted[name] == value for name, value in found.items())
    return found is None


def _said(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in sorted(weights.items()))
