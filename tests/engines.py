"""One plan through two engines, and what they wrote."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from coordinator.bootstrap import local_committee, panel_replay, run_journal
from coordinator.engines.local import ROOM
from coordinator.engines.run import replay_panel
from coordinator.parity.comparison import compare_journals
from coordinator.parity.context import context_of
from coordinator.plan import Plan
from coordinator.progress import Progress
from coordinator.replay import Replayed
from tests.desk import replay_here


def unwatched(progress: Progress) -> None:
    """Nobody looks."""


def replay_by_kernel(
    settled: Plan,
    folder: Path,
    *,
    rows: int | None = None,
    room: int = ROOM,
    after: int | None = None,
) -> Replayed:
    """The plan through the sequential kernel. rows: of a chunk; `after` so many it stops."""
    folder.mkdir(exist_ok=True)
    asked = iter(range(10**9))
    return replay_panel(
        settled,
        local_committee(settled),
        run_journal(folder),
        partial(panel_replay, settled, rows=rows, room=room),
        stopped=lambda: after is not None and next(asked) >= after,
        watch=unwatched,
    )


def assert_same_journal(
    settled: Plan, folder: Path, *, rows: int | None = None, room: int = ROOM
) -> None:
    """Both engines record the same events, to the last bit."""
    folder.mkdir(exist_ok=True)
    one = replay_here(settled, folder / "events")
    other = replay_by_kernel(settled, folder / "local", rows=rows, room=room)
    if other.digest != one.digest:
        found = compare_journals(
            folder / "events" / "journal.sqlite",
            folder / "local" / "journal.sqlite",
            tolerance=0.0,
            watch=lambda _done, _total: None,
        ).difference
        assert found is not None
        raise AssertionError(f"{context_of(found)}: {found.unequal}")
    assert (other.events, other.bars) == (one.events, one.bars)
