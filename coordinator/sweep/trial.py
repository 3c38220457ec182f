"""One trial: a configuration replayed on every span of rows, and measured.

`replayed` is the one place that names the engine.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agents.seat import said_by
from coordinator.bootstrap import panel_replay
from coordinator.engines.committee import CommitteeRows
from coordinator.in_process import never
from coordinator.plan import Plan
from coordinator.sweep.keys import Value
from coordinator.sweep.measures import Account, Fills, Measures, measures_of
from coordinator.sweep.plans import on_rows, plan_with
from coordinator.sweep.splits import Span
from coordinator.sweep.votes import VoteMemory
from market.bars import Floats

CHUNK_VALUES = 16_384
"""Smaller than where agents vote: a chunk's arrays are made anew for every replay."""
FEWEST_ROWS = 1_024
Part = Literal["whole", "train", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows that every trial runs on. window: of the walk forward, −1 for the whole history."""

    window: int
    part: Part
    rows: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """What a trial came to. measures: by piece, in their order; none where it failed.

    failure: why, in words. seconds: it took.
    """

    number: int
    measures: tuple[Measures, ...]
    failure: str | None
    seconds: float


def run_trial(
    number: int,
    values: Mapping[str, Value],
    base: Plan,
    pieces: Sequence[Piece],
    bars_per_year: float,
    memory: VoteMemory,
) -> TrialResult:
    """Replay and measure; whatever goes wrong in a trial is its result."""
    began, measured, failure = time.perf_counter(), [], None
    try:
        plan = plan_with(base, values)
        for piece in pieces:
            account = replayed(on_rows(plan, piece.rows), memory)
            measured.append(measures_of(account, plan.desk.initial_balance, bars_per_year))
    except Exception as error:
        failure = said_by(error)
    return TrialResult(
        number=number,
        measures=tuple(measured) if failure is None else (),
        failure=failure,
        seconds=time.perf_counter() - began,
    )


def replayed(plan: Plan, memory: VoteMemory) -> Account:
    """The account of one replay of the plan, through the sequential kernel."""
    rows = max(CHUNK_VALUES // len(plan.desk.symbols), FEWEST_ROWS)
    replay = panel_replay(plan, RememberedCommittee(memory.of(plan)), rows=rows)
    record = replay.run(never, _unwatched)
    found = record.fills
    return Account(
        equity=record.equity,
        cash=float(record.cash[-1]) if len(record) else math.nan,
        fills=Fills(
            column=found.column,
            units=found.units,
            mid=found.mid,
            rate=found.rate,
            realised=found.realised,
            spread_cost=found.spread_cost,
            slippage_cost=found.slippage_cost,
        ),
    )


class RememberedCommittee:
    """A committee whose votes on the whole panel are known: scores (T, N) of each member."""

    def __init__(self, scores: Sequence[Floats]) -> None:
        self.evidence: dict[str, tuple[str, ...]] = {}
        self._scores = scores

    def vote(self, start: int, stop: int, *, evidence: bool, scores: Floats) -> CommitteeRows:
        """Fill `scores` (R, A, N) for rows `start` up to, not including, `stop`."""
        del evidence
        for member, known in enumerate(self._scores):
            scores[:, member] = known[start:stop]
        return CommitteeRows(evidence=np.empty((0, stop - start, scores.shape[2])), failures={})


def _unwatched(_: object) -> None:
    """Nobody watches a trial."""
