"""The optimizer beside a live desk: it answers late, dies, and serves session after session."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from multiprocessing import Pipe

import numpy as np
import pytest

from coordinator.allocation import AllocationRules
from coordinator.live.allocation import LiveAllocation
from infra.deadlines import DeadlineLine, readable
from market.bars import Floats
from market.desk_state import DeskState
from market.errors import DataError
from market.events import AllocationApplied, AllocationMissed, DecisionTaken
from market.lines import Failure
from market.live_events import BarClosed, TradingOpened
from market.messages import Allocate, Allocated, OptimizerResumed, ResumeOptimizer
from tests.live_gateways import ROWS, started

WITHIN_S = 20.0
RULES = AllocationRules(every=5, lookback=4, max_age=100, cap=2.0)
START = started()
N = START.traded
WARM = np.array([1.0, 0.0, 0.5, 0.25])


def allocated(sequence: int) -> Allocated:
    """An answer whose multipliers say which bar it is about."""
    return Allocated(
        sequence=sequence, weights=np.full(N, 1.0 / N), multiplier=np.full(N, sequence / 100.0),
        method="exact", proven_optimal=True, objective=-1.0, expected_return=0.1, variance=0.2,
        approximation_ratio=float("nan"), uniform_gain=float("nan"), gap=float("nan"),
        fallback=None, note="", repaired=None, warm_starts=WARM,
    )  # fmt: skip


def applied(sequence: int) -> AllocationApplied:
    """What an earlier session put in force."""
    return AllocationApplied(
        sequence=sequence, time=0, requested=sequence - 1, weights=np.full(N, 1.0 / N),
        multiplier=np.ones(N), method="exact", proven_optimal=True, objective=-1.0,
        expected_return=0.1, variance=0.2, approximation_ratio=float("nan"),
        uniform_gain=float("nan"), gap=float("nan"), fallback=None, note="", repaired=None,
        warm_starts=WARM,
    )  # fmt: skip


class Optimizer:
    """The optimizer's end of the line; says what a test tells it, when it is told."""

    def __init__(self) -> None:
        ours, self._end = Pipe()
        self.line = DeadlineLine("optimizer", ours)

    def asked(self, kind: type = Allocate) -> object:
        """The next message; it must come in time and be of this kind."""
        assert self._end.poll(WITHIN_S)
        message = self._end.recv()
        assert isinstance(message, kind)
        return message

    def says(self, *answers: object) -> None:
        """Answer, and let the answers arrive."""
        for answer in answers:
            self._end.send(answer)
        assert readable([self.line], time.monotonic() + WITHIN_S)

    def dies(self) -> None:
        self._end.close()


@pytest.fixture
def optimizer() -> Iterator[Optimizer]:
    there = Optimizer()
    yield there
    with contextlib.suppress(OSError):
        there.dies()
    if not there.line.closed:
        there.line.close()


def session(resumed: AllocationApplied | None = None) -> LiveAllocation:
    """A session's allocation, its lookback filled."""
    allocation = LiveAllocation(N, RULES)
    if resumed is not None:
        state = DeskState(START, ROWS)
        state.apply(resumed)
        allocation.resume(state.snapshot())
    allocation.observe(np.ones((5, N)), np.full((5, N), 0.01))
    return allocation


def ask(allocation: LiveAllocation, optimizer: Optimizer, sequence: int) -> None:
    allocation.ask(sequence)
    asked = optimizer.asked()
    assert isinstance(asked, Allocate)
    assert asked.sequence == sequence


def test_an_answer_that_comes_late_takes_effect_on_the_first_bar_after_it(
    optimizer: Optimizer,
) -> None:
    allocation = session()
    allocation.connect(optimizer.line)
    ask(allocation, optimizer, 100)
    assert allocation.take_effect(101, 0) is None
    optimizer.says(allocated(100))
    event = allocation.take_effect(102, 0)
    assert isinstance(event, AllocationApplied)
    assert (event.sequence, event.requested) == (102, 100)


@pytest.mark.parametrize("kept", [None, applied(90)])
def test_what_a_session_before_asked_is_nobodys_answer_in_this_one(
    optimizer: Optimizer, kept: AllocationApplied | None
) -> None:
    before = session(kept)
    before.connect(optimizer.line)
    if kept is not None:
        optimizer.asked(ResumeOptimizer)
    ask(before, optimizer, 100)

    after = session(kept)
    after.connect(optimizer.line)
    if kept is not None:
        optimizer.asked(ResumeOptimizer)
    ask(after, optimizer, 105)
    resumed = () if kept is None else (OptimizerResumed(circuits=1),)
    optimizer.says(*resumed, allocated(100), *resumed)
    assert after.take_effect(106, 0) is None
    optimizer.says(allocated(105))
    event = after.take_effect(107, 0)
    assert isinstance(event, AllocationApplied)
    assert event.requested == 105
    ask(after, optimizer, 110)
    optimizer.says(allocated(110))
    assert isinstance(after.take_effect(111, 0), AllocationApplied)
    np.testing.assert_array_equal(after.multiplier, np.full(N, 1.10))


def test_what_failed_for_a_session_before_is_not_missed_in_this_one(optimizer: Optimizer) -> None:
    before = session(applied(90))
    before.connect(optimizer.line)
    optimizer.asked(ResumeOptimizer)
    ask(before, optimizer, 100)
    after = session(applied(90))
    after.connect(optimizer.line)
    optimizer.asked(ResumeOptimizer)
    ask(after, optimizer, 105)
    failed = Failure(DataError("no instrument can be judged"))
    optimizer.says(OptimizerResumed(circuits=1), failed, OptimizerResumed(circuits=1))
    assert after.take_effect(106, 0) is None
    optimizer.says(failed)
    event = after.take_effect(107, 0)
    assert isinstance(event, AllocationMissed)
    assert "no instrument can be judged" in event.reason


def test_an_optimizer_that_is_dead_when_it_is_welcomed_is_away_until_it_calls_again(
    optimizer: Optimizer,
) -> None:
    optimizer.dies()
    allocation = session(applied(90))
    allocation.connect(optimizer.line)
    assert not allocation.here
    assert optimizer.line.closed
    allocation.ask(100)
    assert isinstance(allocation.take_effect(101, 0), AllocationMissed)
    again = Optimizer()
    allocation.connect(again.line)
    assert allocation.here
    again.asked(ResumeOptimizer)
    ask(allocation, again, 105)
    again.says(OptimizerResumed(circuits=1), allocated(105))
    assert isinstance(allocation.take_effect(106, 0), AllocationApplied)
    again.dies()
    again.line.close()


def closes(row: int) -> Floats:
    """(6, M) prices of a bar that moved otherwise than every other bar."""
    return np.full((6, len(START.symbols)), 1.0 + 0.001 * row * row)


def decided(row: int, sequence: int) -> tuple[BarClosed, DecisionTaken]:
    """A bar, and the decision on it, whose score says which bar it is."""
    none = np.empty(0)
    return (
        BarClosed(sequence=sequence, time=60 * row, values=closes(row), skipped=0),
        DecisionTaken(
            sequence=sequence, time=60 * row, scores=none, evidence=none,
            score=np.full(N, row / 100.0), buy=none, sell=none, turnout=none, multiplier=none,
            outcome=np.empty(0, np.int64), bound=np.empty(0, np.int64), approved=(), refused=(),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("outage", [0, 1, 3])
def test_after_an_outage_every_score_still_meets_the_return_of_its_own_bar(
    optimizer: Optimizer, outage: int
) -> None:
    state = DeskState(START, 30)
    before, after = range(10), range(10 + outage, 13 + outage)
    missed = range(10, 10 + outage)
    for row in before:
        for event in decided(row, row):
            state.apply(event)
    state.apply(
        TradingOpened(
            time=0,
            broker="paper",
            last_transaction=0,
            versions=(),
            history_time=np.array([60 * row for row in missed], dtype=np.int64),
            history_values=np.array([closes(row) for row in missed]),
        )
    )
    for row in after:
        for event in decided(row, row - outage):
            state.apply(event)
    allocation = LiveAllocation(N, RULES)
    allocation.resume(state.snapshot())
    allocation.connect(optimizer.line)
    allocation.ask(15)
    asked = optimizer.asked()
    assert isinstance(asked, Allocate)
    seen = [*before, *after]
    expected = [
        seen[at - 1] / 100.0 * (closes(seen[at])[3, :N] / closes(seen[at] - 1)[3, :N] - 1.0)
        for at in range(len(seen) - RULES.lookback, len(seen))
    ]
    np.testing.assert_allclose(asked.strategy_returns, expected, rtol=1e-12)


def test_a_desk_that_decided_nothing_yet_has_nothing_to_ask_about(optimizer: Optimizer) -> None:
    allocation = LiveAllocation(N, RULES)
    allocation.resume(DeskState(START, 30).snapshot())
    allocation.connect(optimizer.line)
    allocation.ask(0)
    assert allocation.take_effect(1, 0) is None
    assert allocation.here
