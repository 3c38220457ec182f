"""The whole desk in one process, without Ray: the same session over local lines."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from coordinator.bootstrap import (
    agent_builder,
    gateway_builder,
    guardian_builder,
    optimizer_builder,
    session_of,
)
from coordinator.plan import Plan
from coordinator.replay import Replayed, replay
from market.lines import LocalLine


def never() -> bool:
    """Nobody stops the session."""
    return False


def run_in_process(plan: Plan, folder: Path, stopped: Callable[[], bool] = never) -> Replayed:
    """Run the plan with every member behind a `LocalLine`; journal.sqlite goes into the folder.

    The session ends cleanly before the next bar once `stopped()` is true. Raises what ended it.
    """
    key = secrets.token_bytes(32)
    agents = {
        name: LocalLine(agent_builder(spec)())
        for name, spec in zip(plan.names, plan.specs, strict=True)
    }
    session = session_of(
        plan,
        agents,
        LocalLine(guardian_builder(plan, key)()),
        LocalLine(gateway_builder(plan, folder, key)()),
        LocalLine(optimizer_builder(plan)()),
    )
    return replay(plan, session, stopped)
