"""The local engine: a whole replay in this process, without Ray, through the sequential kernel."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from coordinator.bootstrap import local_committee, panel_replay, run_journal
from coordinator.engines.local import Stopped, Watcher
from coordinator.engines.run import replay_panel
from coordinator.plan import Plan
from coordinator.replay import Replayed


def run_locally(plan: Plan, folder: Path, stopped: Stopped, watch: Watcher) -> Replayed:
    """Run the plan; journal.sqlite goes into the folder.

    The replay ends cleanly, with what it has, once `stopped()` is true. Raises what ended it.
    """
    return replay_panel(
        plan,
        local_committee(plan),
        run_journal(folder),
        partial(panel_replay, plan),
        stopped=stopped,
        watch=watch,
    )
