"""Trials as plain Ray tasks: the sweep with its bars lies once in the object store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from coordinator.sweep.definition import Sweep
from coordinator.sweep.trial import TrialResult
from coordinator.sweep.workers import TASK_S, Bench, Results, sharing_votes
from infra.runtime import OBJECT_STORE_BYTES
from market.bars import VALUE_FIELDS
from market.errors import FatalError

RETRIES = 2
STORE_SHARE = 2
"""Object store for each byte of bars: they lie in it once, and results pass through."""
LOOK_EVERY_S = 0.2
_benches: dict[str, Bench] = {}


def run_batch(sweep: Sweep, digest: str, numbers: tuple[int, ...]) -> tuple[TrialResult, ...]:
    """Some trials in a worker process, which keeps its votes from one batch to the next."""
    if digest not in _benches:
        _benches.clear()
        _benches[digest] = Bench(sweep)
    return tuple(_benches[digest].run(number) for number in numbers)


run_batch_task = ray.remote(max_retries=RETRIES, num_cpus=1)(run_batch)


def store_bytes(sweep: Sweep) -> int:
    """Object store that a local Ray needs for a sweep."""
    bars = sweep.base.bars
    values: int = sum(getattr(bars, name).nbytes for name in ("time", *VALUE_FIELDS))
    return max(OBJECT_STORE_BYTES, STORE_SHARE * values)


class RayWorkers:
    """Batches of trials on a cluster.

    count: tasks at once; None for as many as the cluster has CPUs. A batch whose worker dies is
    run again by Ray; one that goes on dying is cut up, so that one trial alone is lost.
    """

    def __init__(self, count: int | None = None) -> None:
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        cpus = int(resources.get("CPU", 1))
        self.count = count if count is not None else max(cpus, 1)
        self._lost: list[int] = []
        self._waiting: list[int] = []
        self._alone: list[int] = []
        self._trials = 0
        self._seconds = 0.0

    @property
    def lost(self) -> tuple[int, ...]:
        """Trials that never ended, because every worker that ran them died."""
        return tuple(self._lost)

    def run(self, sweep: Sweep, numbers: Sequence[int]) -> Results:
        """The results of these trials, in the order in which they end; () where none has yet.

        Raises FatalError where Ray itself fails.
        """
        self._waiting = sharing_votes(sweep, numbers)
        kept, digest = ray.put(sweep), sweep.digest
        running: dict[Any, tuple[int, ...]] = {}
        try:
            while self._waiting or self._alone or running:
                while len(running) < self.count and (self._waiting or self._alone):
                    batch = self._next_batch()
                    running[run_batch_task.remote(kept, digest, batch)] = batch
                done, _ = ray.wait(list(running), timeout=LOOK_EVERY_S)
                if not done:
                    yield ()
                for task in done:
                    yield self._taken(task, running.pop(task))
        except RayTaskError as error:
            raise FatalError(f"a worker of the sweep failed: {error}") from None
        finally:
            for task in running:
                ray.cancel(task, force=False)

    def _next_batch(self) -> tuple[int, ...]:
        """Trials for about a second: one until it is known how long they take."""
        if self._alone:
            return (self._alone.pop(0),)
        size = 1
        if self._trials and self._seconds > 0.0:
            size = int(TASK_S * self._trials / self._seconds)
        fair = -(-len(self._waiting) // (2 * self.count))
        size = max(min(size, fair), 1)
        batch, self._waiting = tuple(self._waiting[:size]), self._waiting[size:]
        return batch

    def _taken(self, task: Any, batch: tuple[int, ...]) -> tuple[TrialResult, ...]:
        try:
            results: tuple[TrialResult, ...] = ray.get(task)
        except (RayTaskError, GetTimeoutError):
            raise
        except RayError:  # the worker died, its node was lost, or memory ran out
            if len(batch) > 1:
                self._alone += batch
            else:
                self._lost += batch
            return ()
        self._trials += len(results)
        self._seconds += sum(result.seconds for result in results)
        return results
