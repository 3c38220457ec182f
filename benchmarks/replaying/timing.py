"""CPU seconds of a whole replay, and of its sequential kernel alone."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

from coordinator.bootstrap import local_committee, panel_fills, panel_replay
from coordinator.engines.arrays import desk_rules, opening_state
from coordinator.engines.chunks import PanelChunks
from coordinator.engines.kernel import replay_rows
from coordinator.engines.local import ROOM
from coordinator.engines.record import ReplayRecord
from coordinator.engines.tape import blank_tape, rewind
from coordinator.plan import Plan
from coordinator.progress import Progress
from market.errors import FatalError


class Whole(NamedTuple):
    """A replay from the plan to the record: votes, decisions, fills, account."""

    cpu_s: float
    wall_s: float
    record: ReplayRecord


def whole(plan: Plan) -> Whole:
    """Replay a plan in this process, and time it."""
    began, wall = time.process_time(), time.perf_counter()
    record = panel_replay(plan, local_committee(plan)).run(lambda: False, unwatched)
    return Whole(time.process_time() - began, time.perf_counter() - wall, record)


def kernel_alone(plan: Plan) -> float:
    """CPU seconds in the sequential kernel; votes and volatilities are made beforehand, chunk by
    chunk, and not counted."""
    desk = plan.desk
    chunks = PanelChunks(
        plan.bars, desk, first=plan.first, currencies=plan.currencies, interest=plan.interest
    )
    rules = desk_rules(desk, panel_fills(plan), plan.settings.guardian.rearm_after)
    state = opening_state(desk)
    tape = blank_tape(
        chunks.most_rows, len(desk.symbols), desk.traded, room=ROOM, scores=True, details=False
    )
    seconds = 0.0
    for chunk in chunks.chunks(local_committee(plan), evidence=False):
        row, stop = chunk.lead, len(chunk.panel.time)
        began = time.process_time()
        while row < stop:
            row = replay_rows(chunk.panel, row, stop, False, rules, state, tape)
            rewind(tape)
        seconds += time.process_time() - began
    return seconds


def activity(measured: Whole) -> str:
    """What was traded; that the book was not frozen at the end."""
    record = measured.record
    rows = record.fills.row
    late = int(np.count_nonzero(rows >= 0.9 * len(record)))
    halts = ", ".join(f"{count} {name}" for name, count in record.halts.items() if count)
    if not late:
        raise FatalError("no fill in the last tenth: the book was frozen, and no figure counts")
    return (
        f"{len(rows):,} fills, {late:,} in the last tenth; halts: {halts or 'none'}; "
        f"{measured.wall_s:.2f} s wall"
    )


def unwatched(progress: Progress) -> None:
    """Nobody looks."""
