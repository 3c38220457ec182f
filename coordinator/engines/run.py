"""A replay without the event loop: the same journal, written from the kernel's tape."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from coordinator.engines.committee import PanelCommittee
from coordinator.engines.journal import JournalScribe
from coordinator.engines.local import LocalReplay, Scribe, Stopped, Watcher
from coordinator.plan import Plan
from coordinator.replay import Replayed, session_started
from market.errors import QuorumError
from market.events import SessionEnded
from market.ports import Journal

Build = Callable[[PanelCommittee, Scribe], LocalReplay]
"""Builds the replay of a plan around a committee and whoever writes it down."""


def replay_panel(
    plan: Plan,
    committee: PanelCommittee,
    journal: Journal,
    build: Build,
    *,
    stopped: Stopped,
    watch: Watcher,
) -> Replayed:
    """Decide on every bar of the plan and write the journal; ends early once `stopped()` is true.

    Whatever happens after the start, the journal is closed with how it ended; an error is then
    raised again.
    """
    scribe = JournalScribe(journal, plan.desk, plan.names)
    replay = build(committee, scribe)
    journal.append(session_started(plan, committee.evidence))
    journal.commit()
    began = time.perf_counter()
    try:
        record = replay.run(stopped, watch)
        seconds = time.perf_counter() - began
        outcome = "completed" if len(record) == plan.decisions else "interrupted"
        scribe.end()
        _end(plan, journal, len(record), outcome)
        journal.close()
    except Exception as error:
        with contextlib.suppress(QuorumError):
            scribe.end()
            _end(plan, journal, replay.bars, f"failed: {error}")
            journal.close()
        raise
    return Replayed(
        digest=journal.digest,
        events=len(journal),
        bars=len(record),
        seconds=seconds,
        outcome=outcome,
    )


def _end(plan: Plan, journal: Journal, bars: int, outcome: str) -> None:
    last = plan.first + bars - 1
    journal.append(
        SessionEnded(
            sequence=bars - 1,
            time=int(plan.bars.time[last]) if last >= 0 else 0,
            outcome=outcome,
            bars=bars,
        )
    )
