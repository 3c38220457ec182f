"""`LiveAllocation`: the optimizer thinks beside the path; its newest answer holds, with its age."""

from __future__ import annotations

import contextlib
import time

import numpy as np

from coordinator.allocation import AllocationInForce, AllocationRules
from infra.deadlines import DeadlineLine, readable
from market.bars import Floats
from market.desk_snapshot import DeskSnapshot, bars_of
from market.errors import StreamLost
from market.events import AllocationApplied, Event
from market.lines import taken
from market.messages import Allocated, OptimizerResumed, ResumeOptimizer


class _LatestLine:
    """A line whose `reply` never waits: asked only once `ready` says that the answer is there."""

    def __init__(self) -> None:
        self.line: DeadlineLine | None = None
        self._answers: list[object] = []

    def connect(self, line: DeadlineLine) -> None:
        if self.line is not None:
            self.line.close()
        self.line = line
        self._answers.clear()

    def ready(self, sequence: int) -> bool:
        """Whether the answer about this bar, or the end of the line, is there.

        An optimizer still works off what a coordinator before this one asked: answers about other
        bars, and all that comes before it has resumed, are nobody's any more.
        """
        if self.line is None:
            return True
        try:
            self.line.flush()
            if readable([self.line], time.monotonic()):
                for answer in self.line.take():
                    self._hear(answer, sequence)
        except StreamLost:
            self._lose()
            return True
        return bool(self._answers)

    def post(self, message: object) -> None:
        if self.line is None:
            raise StreamLost("the optimizer is away")
        try:
            if not self.line.post(message):
                raise StreamLost("the optimizer does not read what it is asked")
        except StreamLost:
            self._lose()
            raise

    def reply(self) -> object:
        if not self._answers:
            raise StreamLost("the optimizer is away")
        return taken(self._answers.pop(0))

    def _hear(self, answer: object, sequence: int) -> None:
        if isinstance(answer, OptimizerResumed):
            self._answers.clear()
        elif not isinstance(answer, Allocated) or answer.sequence == sequence:
            self._answers.append(answer)

    def _lose(self) -> None:
        if self.line is not None:
            self.line.close()
        self.line = None
        self._answers.clear()


class LiveAllocation(AllocationInForce):
    """As in replay, but never waited for: an answer takes effect on the first bar after it came."""

    def __init__(self, instruments: int, rules: AllocationRules) -> None:
        self._latest = _LatestLine()
        super().__init__(self._latest, instruments, rules)
        self._warm_starts: Floats = np.empty(0)

    @property
    def here(self) -> bool:
        """Whether the optimizer is on the line."""
        return self._latest.line is not None

    def connect(self, line: DeadlineLine) -> None:
        """The optimizer called in, for the first time or again; one that died since is away."""
        self._latest.connect(line)
        self._lost = False
        self._pending = None
        if not len(self._warm_starts):
            return
        with contextlib.suppress(StreamLost):
            self._latest.post(ResumeOptimizer(warm_starts=self._warm_starts))

    def resume(self, kept: DeskSnapshot) -> None:
        """Go on as the journal says: the allocation in force and the strategy's last returns."""
        applied = kept.allocation
        if applied is not None:
            self.multiplier = applied.multiplier.copy()
            self.neutral = False
            self._applied_at = applied.sequence
            self._warm_starts = applied.warm_starts
        scores, returns = _scores_and_returns(kept)
        if len(scores):
            self.observe(scores, returns)

    def age(self, sequence: int) -> int | None:
        """Bars since the allocation in force took effect; None while sizing is neutral."""
        return None if self.neutral else sequence - self._applied_at

    def take_effect(self, sequence: int, time: int) -> Event | None:
        """Let an answer that has come take effect; without one, what is in force ages."""
        if self._pending is not None and not self._latest.ready(self._pending):
            return self._expire(sequence, time)
        event = super().take_effect(sequence, time)
        if isinstance(event, AllocationApplied):
            self._warm_starts = event.warm_starts
        return event


def _scores_and_returns(kept: DeskSnapshot) -> tuple[Floats, Floats]:
    """The newest decisions' scores (S, N) and the returns (S, N) of the same bars.

    They meet by time: bars that came as history after an outage have no number. Bars without a
    decision between them are left out: what a score earned on a bar that nobody saw is unknown.
    """
    traded = kept.started.traded
    bars = bars_of(kept, traded)
    row_of = {int(at): row for row, at in enumerate(bars.time)}
    rows = np.array([row_of.get(int(at), 0) for at in kept.score_time], dtype=np.intp)
    known = rows > 0  # the first row has no bar before it to return on
    index = rows[known]
    returns: Floats = bars.close[index] / bars.close[index - 1] - 1.0
    return kept.scores[known], returns
