"""Running what is missing of a sweep, each finished trial durable at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from coordinator.sweep.definition import Sweep
from coordinator.sweep.store import TrialStore
from coordinator.sweep.trial import TrialResult
from coordinator.sweep.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepProgress:
    """Where a sweep stands. seconds_left: at the speed since the first trials, which compile; None
    before that is known. best: the largest objective on the whole history, and its trial's number.
    """

    finished: int
    failed: int
    total: int
    seconds_left: float | None
    best: tuple[float, int] | None


Watcher = Callable[[SweepProgress], None]


def conduct(
    sweep: Sweep,
    store: TrialStore,
    workers: Workers,
    watch: Watcher,
    objective: str,
    stopped: Callable[[], bool],
) -> bool:
    """Run every trial that the store lacks; False where `stopped()` ended it before the last.

    Raises RunFolderError where a result cannot be kept; those before it are.
    """
    known = store.results()
    done = {result.number for result in known}
    missing = [number for number in range(len(sweep.configurations)) if number not in done]
    tally = _Tally(len(sweep.configurations), objective, known)
    watch(tally.progress())
    if not missing:
        return True
    with closing(workers.run(sweep, missing)) as running:
        for results in running:
            if results:
                store.add(results)
                tally.take(results)
            watch(tally.progress())
            if stopped() and tally.finished < len(sweep.configurations):
                return False
    return True


class _Tally:
    """Counts what is there."""

    def __init__(self, total: int, objective: str, known: tuple[TrialResult, ...]) -> None:
        self.finished = 0
        self._failed = 0
        self._total = total
        self._objective = objective
        self._best: tuple[float, int] | None = None
        self._first: tuple[float, int] | None = None
        self._take(known)

    def take(self, results: tuple[TrialResult, ...]) -> None:
        self._take(results)
        if self._first is None:
            self._first = (time.perf_counter(), self.finished)

    def _take(self, results: tuple[TrialResult, ...]) -> None:
        for result in results:
            self.finished += 1
            self._failed += result.failure is not None
            if result.measures:
                value = float(getattr(result.measures[0], self._objective))
                if value == value and (self._best is None or value > self._best[0]):  # noqa: PLR0124
                    self._best = (value, result.number)

    def progress(self) -> SweepProgress:
        left = None
        if self._first is not None and self.finished > self._first[1]:
            began, at = self._first
            speed = (time.perf_counter() - began) / (self.finished - at)
            left = (self._total - self.finished) * speed
        return SweepProgress(
            finished=self.finished,
            failed=self._failed,
            total=self._total,
            seconds_left=left,
            best=self._best,
        )
