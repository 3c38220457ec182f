"""One trial: a configuration replayed on every span of rows, and measured.

`replayed` is the one place that names the engine.
"""

from __future__ import annotations

import math
import secrets
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from agents.seat import said_by
from coordinator.bootstrap import gateway_builder, guardian_builder, optimizer_builder, session_of
from coordinator.plan import Plan
from coordinator.replay import replay
from coordinator.sweep.keys import Value
from coordinator.sweep.measures import Account, Fills, Measures, measures_of
from coordinator.sweep.plans import on_rows, plan_with
from coordinator.sweep.splits import Span
from coordinator.sweep.votes import VoteMemory
from infra.journal.sqlite import read_events
from market.bars import Floats
from market.errors import FatalError
from market.events import BarSettled, OrderFilled
from market.lines import LocalLine
from market.messages import BallotCast, PrimeWith, VoteOn

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
    """The account of one replay of the plan."""
    votes = memory.of(plan)
    with tempfile.TemporaryDirectory(prefix="quorum-trial-") as folder:
        _replay_in_process(plan, votes, Path(folder))
        return _account(Path(folder) / "journal.sqlite", plan.desk.symbols)


class RememberedSeat:
    """An agent's place at the table, answered from votes (T, N) that are known already."""

    def __init__(self, scores: Floats, first: int) -> None:
        self._scores = scores
        self._first = first

    def answer(self, message: object) -> object:
        """Answer one message of the coordinator."""
        if isinstance(message, VoteOn):
            score = self._scores[self._first + message.sequence].copy()
            return BallotCast(
                sequence=message.sequence, score=score, evidence=np.empty((0, len(score)))
            )
        if isinstance(message, PrimeWith):
            return ()
        raise FatalError(f"an agent does not know messages of type {type(message).__name__}")


def _replay_in_process(plan: Plan, votes: Iterable[Floats], folder: Path) -> None:
    key = secrets.token_bytes(32)
    session = session_of(
        plan,
        {
            name: LocalLine(RememberedSeat(scores, plan.first))
            for name, scores in zip(plan.names, votes, strict=True)
        },
        LocalLine(guardian_builder(plan, key)()),
        LocalLine(gateway_builder(plan, folder, key)()),
        LocalLine(optimizer_builder(plan)()),
    )
    replay(plan, session, lambda: False)


def _account(journal: Path, symbols: tuple[str, ...]) -> Account:
    """What a journal says of the account and its fills."""
    events = list(read_events(journal))
    settled = [event for event in events if isinstance(event, BarSettled)]
    fills = [event.fill for event in events if isinstance(event, OrderFilled)]

    def column(name: str) -> Floats:
        return np.array([getattr(fill, name) for fill in fills], dtype=np.float64)

    return Account(
        equity=np.array([bar.equity for bar in settled], dtype=np.float64),
        cash=settled[-1].cash if settled else math.nan,
        fills=Fills(
            column=np.array([symbols.index(fill.symbol) for fill in fills], dtype=np.int64),
            units=column("units"),
            mid=column("mid"),
            rate=column("rate"),
            realised=column("realised"),
            spread_cost=column("spread_cost"),
            slippage_cost=column("slippage_cost"),
        ),
    )
