"""The panel engine: agents vote on chunks of the panel as Ray actors, the kernel decides here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from coordinator.bootstrap import panel_replay, run_journal
from coordinator.engines.local import Stopped, Watcher
from coordinator.engines.ray_committee import ray_committee
from coordinator.engines.run import replay_panel
from coordinator.plan import Plan
from coordinator.replay import Replayed


def run_on_panel(
    plan: Plan, folder: Path, stopped: Stopped, watch: Watcher, *, rows: int | None = None
) -> Replayed:
    """Run the plan; journal.sqlite goes into the folder. Needs a connection to Ray.

    rows: of a chunk; by default as many as fit a cache. The replay ends cleanly, with what it
    has, once `stopped()` is true. Raises MemberLost where an agent's process dies.
    """
    with ray_committee(plan) as committee:
        return replay_panel(
            plan,
            committee,
            run_journal(folder),
            partial(panel_replay, plan, rows=rows),
            stopped=stopped,
            watch=watch,
        )
