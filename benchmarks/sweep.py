"""Speed of a sweep: `PYTHONPATH=. python benchmarks/sweep.py` prints one JSON line a figure.

One instrument, four agents, seeded random walks in float64; the votes depend on no setting that is
searched. The first figure is CPU time of this process after one trial has warmed it up; the second
compares trials of a million bars one after the other with the same trials on two Ray workers,
interleaved three times. `--short` takes a tenth of the bars.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import MACHINE, SHORT, figure
from benchmarks.replaying.market import walk
from benchmarks.replaying.plans import RULES, plan
from benchmarks.replaying.timing import activity, whole
from coordinator.sweep.definition import Sweep, settle_sweep
from coordinator.sweep.on_ray import RayWorkers, store_bytes
from coordinator.sweep.space import Choices, Space
from coordinator.sweep.trial import TrialResult
from coordinator.sweep.workers import LocalWorkers, Workers
from infra.runtime import ray_cluster

REPEATS = 3
SHARE = 10 if SHORT else 1


def sweep_of(rows: int, thresholds: int, stops: int) -> Sweep:
    """thresholds × stops configurations on one pass."""
    space = Space(
        choices=(
            Choices(
                key="committee.decision_threshold",
                values=tuple(float(v) for v in np.linspace(0.15, 0.35, thresholds).round(6)),
            ),
            Choices(
                key="sizing.stop_sigmas",
                values=tuple(float(v) for v in np.linspace(2.0, 6.0, stops).round(6)),
            ),
        )
    )
    return settle_sweep(plan(walk(rows, 1)), space, None)


def run(sweep: Sweep, workers: Workers) -> list[TrialResult]:
    numbers = range(len(sweep.configurations))
    return [result for batch in workers.run(sweep, numbers) for result in batch]


def timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def hundred_configurations(rows: int, reach: float) -> None:
    """CPU seconds of a hundred trials that share their votes, which are computed once."""
    run(sweep_of(5_000, 1, 1), LocalWorkers())
    sweep = sweep_of(rows, 20, 5)
    seconds = statistics.median(
        timed(lambda: run(sweep, LocalWorkers()), time.process_time) for _ in range(REPEATS)
    )
    results = run(sweep, LocalWorkers())
    trades = [result.measures[0].trades for result in results]
    how = (
        f"{len(results)} configurations × {rows:,} bars, votes included, {min(trades):,.0f} to "
        f"{max(trades):,.0f} trades each, measures of each trial; one of them: "
        f"{activity(whole(sweep.base))}; {RULES}; {MACHINE}"
    )
    figure("sweep_cpu_s", seconds, "s", reach, how, at_most=True)


def two_workers(rows: int) -> None:
    """Speed-up of trials of a million bars on two Ray workers, wall time."""
    sweep = sweep_of(rows, 8, 2)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with ray_cluster("benchmark", store_bytes=store_bytes(sweep)):
        run(sweep, RayWorkers(2))
        alone, together = [], []
        for _ in range(REPEATS):
            alone.append(timed(lambda: run(sweep, RayWorkers(1)), time.perf_counter))
            together.append(timed(lambda: run(sweep, RayWorkers(2)), time.perf_counter))
    ratio = statistics.median(alone) / statistics.median(together)
    how = (
        f"16 trials × {rows:,} bars as Ray tasks, one worker {statistics.median(alone):.2f} s, two "
        f"{statistics.median(together):.2f} s"
    )
    figure("sweep_speed_up_on_two_workers", ratio, "times", 1.8, how)


def main() -> None:
    arguments(__doc__)
    hundred_configurations(100_000 // SHARE, 1.5)
    two_workers(1_000_000 // SHARE)


if __name__ == "__main__":
    main()
