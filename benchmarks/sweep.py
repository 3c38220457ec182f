"""Speed of a sweep: `python benchmarks/sweep.py` prints one JSON line a figure.

One instrument, four agents, seeded random walks in float64; the votes depend on no setting that is
searched. The first figure is CPU time of this process after one trial has warmed it up; the second
compares trials of a million bars one after the other with the same trials on two Ray workers,
interleaved three times. `--short` takes a tenth of the bars.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

import numpy as np

from coordinator.configuration.settings import Settings
from coordinator.plan import Plan, make_plan
from coordinator.roster import agent_spec
from coordinator.sweep.definition import Sweep, settle_sweep
from coordinator.sweep.on_ray import RayWorkers, store_bytes
from coordinator.sweep.space import Choices, Space
from coordinator.sweep.trial import TrialResult
from coordinator.sweep.workers import LocalWorkers, Workers
from infra.runtime import ray_cluster
from market.bars import Bars
from market.instruments import Registry

SYMBOL = "EUR_USD"
MINUTE_S = 60
FIRST_NS = 1_600_000_000 * 10**9
REPEATS = 3
SETTINGS = {
    "data": {"instruments": [SYMBOL]},
    "optimizer": {"method": "exact", "rebalance_every": 100_000_000},
    "guardian": {"max_drawdown": 0.5},
    "sizing": {"max_risk_per_trade": 0.0005},
}


def walk(rows: int) -> Bars:
    """Minutes of one pair: a seeded log walk with open, high, low and close."""
    rng = np.random.default_rng(1)
    path = 1.1 * np.exp((2e-4 * rng.standard_normal(3 * rows)).cumsum()).reshape(rows, 3, 1)
    close = np.ascontiguousarray(path[:, -1])
    return Bars(
        symbols=(SYMBOL,),
        time=FIRST_NS + MINUTE_S * 10**9 * np.arange(1, rows + 1, dtype=np.int64),
        open=np.ascontiguousarray(path[:, 0]),
        high=path.max(axis=1),
        low=path.min(axis=1),
        close=close,
        spread=np.full(close.shape, 1e-5),
        volume=np.full(close.shape, np.nan),
        interval_s=MINUTE_S,
    )


def plan(rows: int) -> Plan:
    settings = Settings.model_validate(SETTINGS)
    specs = [agent_spec(name, {}) for name in settings.committee.agents]
    return make_plan(
        settings,
        instruments=[Registry()[SYMBOL]],
        traded=1,
        bars=walk(rows),
        first=500,
        data="a seeded random walk",
        financing="not modelled",
        specs=specs,
        seated=[spec.build() for spec in specs],
    )


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
    return settle_sweep(plan(rows), space, None)


def run(sweep: Sweep, workers: Workers) -> list[TrialResult]:
    numbers = range(len(sweep.configurations))
    return [result for batch in workers.run(sweep, numbers) for result in batch]


def timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def figure(name: str, value: float, unit: str, reach: float, holds: bool, how: str) -> None:
    line = {"figure": name, "value": round(value, 3), "unit": unit, "reach": reach}
    print(json.dumps({**line, "holds": holds, "how": how}), flush=True)


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
        f"{max(trades):,.0f} trades each, measures of each trial"
    )
    figure("sweep_cpu_s", seconds, "s", reach, seconds <= reach, how)


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
    figure("sweep_speed_up_on_two_workers", ratio, "times", 1.8, ratio >= 1.8, how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a tenth of the bars")
    share = 10 if parser.parse_args().short else 1
    hundred_configurations(100_000 // share, 1.5)
    two_workers(1_000_000 // share)


if __name__ == "__main__":
    main()
