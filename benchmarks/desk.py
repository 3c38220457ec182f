"""How fast the whole desk replays the demo on Ray, and in one process, in the same run.

One JSON line a figure. `--short` replays five years instead of twenty-seven.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring.arguments import arguments
from coordinator.bootstrap import plan_of
from coordinator.conduct import run_on_ray
from coordinator.configuration.sources import load_settings
from coordinator.in_process import run_in_process
from coordinator.plan import Plan
from coordinator.replay import Replayed
from infra.runtime import ray_cluster

RUNS = 3
Engine = Callable[[Plan, Path], Replayed]


def figure(name: str, value: float, unit: str, reach: float | None, how: str) -> None:
    """Print one figure as a JSON line; without a bound to reach it is there for comparison."""
    line = {"figure": name, "value": round(value, 2), "unit": unit, "how": how}
    if reach is not None:
        line |= {"reach": reach, "holds": value >= reach}
    print(json.dumps(line), flush=True)


def timed(engine: Engine, plan: Plan) -> Replayed:
    """One replay in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        return engine(plan, Path(folder))


def on_ray(plan: Plan, folder: Path) -> Replayed:
    """The replay with every member as an actor."""
    return run_on_ray(plan, folder, lambda _: None)


def main() -> None:
    """Interleave both engines; quote medians."""
    short = arguments(__doc__).short
    plan = plan_of(load_settings(flags={"data": {"end": "2003-12-31" if short else None}}))
    began = time.perf_counter()
    with ray_cluster(plan.settings.ray.namespace):
        up = time.perf_counter() - began
        timed(on_ray, plan)  # compiles what is not in the cache yet
        timed(run_in_process, plan)
        speeds: dict[str, list[float]] = {"ray": [], "process": []}
        digests = set()
        for _ in range(RUNS):
            for name, engine in (("ray", on_ray), ("process", run_in_process)):
                replayed = timed(engine, plan)
                speeds[name].append(replayed.bars_per_s)
                digests.add(replayed.digest)
    how = f"{plan.decisions} ECB days, 9 pairs, 4 agents, median of {RUNS} interleaved runs"
    ray_speed = statistics.median(speeds["ray"])
    figure("replay_on_ray_bars_per_s", ray_speed, "bars/s", 400.0, how)
    process_speed = statistics.median(speeds["process"])
    figure("replay_in_process_bars_per_s", process_speed, "bars/s", None, how)
    figure("ray_over_process", ray_speed / process_speed, "ratio", None, how)
    figure("ray_start_s", up, "s", None, "ray.init of a local cluster without the dashboard")
    figure("distinct_digests", float(len(digests)), "journals", None, "1: both engines agree")


if __name__ == "__main__":
    main()
