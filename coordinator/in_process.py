"""The whole desk in one process, without Ray: the same session over local lines."""

from __future__ import annotations

import secrets
import time
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
from coordinator.progress import Progress
from coordinator.replay import Replayed, replay
from market.lines import LocalLine

LOOK_EVERY_S = 0.2


def never() -> bool:
    """Nobody stops the session."""
    return False


def unwatched(progress: Progress) -> None:
    """Nobody looks."""


def run_in_process(
    plan: Plan,
    folder: Path,
    stopped: Callable[[], bool] = never,
    watch: Callable[[Progress], None] = unwatched,
) -> Replayed:
    """Run the plan with every member behind a `LocalLine`; journal.sqlite goes into the folder.

    watch: told a few times a second how it goes. The session ends cleanly before the next bar once
    `stopped()` is true. Raises what ended it.
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
    looked = time.monotonic()

    def between_bars() -> bool:
        nonlocal looked
        now = time.monotonic()
        if now - looked >= LOOK_EVERY_S:
            looked = now
            watch(session.progress)
        return stopped()

    return replay(plan, session, between_bars)
