"""Whether the desk that earned a live stage is the one that is to trade real money."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coordinator.live.plan import LivePlan, live_session_started
from infra.live.earned import Earned
from market.errors import ConfigError
from market.stage_grants import StageGrant

SAME = (
    "committee", "agents", "sizing", "optimizer", "guardian", "stress", "pace",
    "breakers", "data.instruments", "data.bar", "desk.account_currency", "desk.seed",
)  # fmt: skip
"""What a desk decides by, and is stopped by. Its account and the broker's terms are its own."""


def grant_for(plan: LivePlan, earned: Earned, home: Path) -> StageGrant:
    """What the desk in `home` has earned for this one.

    Raises ConfigError that names everything in which the two differ.
    """
    differing = tuple(_differing(plan, earned))
    if differing:
        raise ConfigError(
            f"oanda.granted_by: the desk in {home} has shown what another desk can do. They differ "
            f"in {', '.join(differing)}; trade with what was tried, or try this one on a practice "
            "account first"
        )
    return earned.grant


def _differing(plan: LivePlan, earned: Earned) -> Iterator[str]:
    tried = json.loads(earned.started.configuration)
    started = live_session_started(plan, time=0, feed="")
    asked = json.loads(started.configuration)
    for key in SAME:
        if _at(tried, key) != _at(asked, key):
            # An older journal does not say by which breakers its evidence was earned.
            yield key if _at(tried, key) is not None else f"{key} (not on record there)"
    before = {agent.name: agent for agent in earned.started.agents}
    for agent in started.agents:
        known = before.get(agent.name)
        if agent.name not in plan.seated:
            continue
        if known is None or (known.source, known.lookback) != (agent.source, agent.lookback):
            yield f"the code of {agent.name}"
    weights = {agent.name: agent.weight for agent in started.agents if agent.name in plan.seated}
    if weights != earned.weights:
        yield f"who votes with what weight ({_said(earned.weights)} there, {_said(weights)} here)"


def _at(configuration: Mapping[str, Any], key: str) -> Any:
    section, _, name = key.partition(".")
    found = configuration.get(section)
    return found.get(name) if name and isinstance(found, Mapping) else found


def _said(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in sorted(weights.items()))
