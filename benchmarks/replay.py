"""Speed of replay: `python benchmarks/replay.py` prints one JSON line a figure.

Bars are seeded random walks in float64. CPU seconds of this process after a warm-up, medians of
runs that take turns. `--short` takes a tenth of the bars.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import MACHINE, SHORT, figure
from benchmarks.replaying.market import span, walk, write_parquet
from benchmarks.replaying.plans import RULES, plan
from benchmarks.replaying.timing import activity, kernel_alone, whole
from coordinator.plan import Plan

SHARE = 10 if SHORT else 1
RUNS = 3 if SHORT else 7
CROSS = ("benchmarks.replaying.agents:CrossWithFilter",)
MEGABYTE = 1_000_000.0


def in_turns(calls: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Median of what each call measures; they take turns, after one call each to warm up."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(RUNS):
        for name, call in calls.items():
            found[name].append(call())
    return {name: statistics.median(values) for name, values in found.items()}


def speed(name: str, settled: Plan, seconds: float, reach: float, how: str) -> None:
    """Instrument-bars a CPU second."""
    values = settled.decisions * settled.desk.traded
    figure(name, values / seconds / 1e6, "M instrument-bars/CPU s", reach, f"{how}; {MACHINE}")


def committee() -> None:
    """The whole replay and its kernel on 20 instruments, and one instrument with one idea."""
    twenty = plan(walk(100_000 // SHARE, 20))
    single = plan(walk(1_000_000 // SHARE, 1), CROSS)
    found = in_turns(
        {
            "whole": lambda: whole(twenty).cpu_s,
            "kernel": lambda: kernel_alone(twenty),
            "single": lambda: whole(single).cpu_s,
        }
    )
    about = f"{span(twenty.bars)}; {activity(whole(twenty))}; {RULES}"
    speed("replay_whole", twenty, found["whole"], 10.0, f"four agents, local engine; {about}")
    speed("replay_kernel", twenty, found["kernel"], 20.0, f"tally to equity alone; {about}")
    about = f"{span(single.bars)}; {activity(whole(single))}; {RULES}"
    speed("replay_single", single, found["single"], 6.5, f"SMA cross with RSI filter; {about}")


def growth() -> None:
    """What ten times the bars, and ten times the instruments, cost."""
    rows = 20_000 // SHARE
    small, long, wide = plan(walk(rows, 20)), plan(walk(10 * rows, 20)), plan(walk(rows, 200))
    found = in_turns(
        {
            "small": lambda: whole(small).cpu_s,
            "long": lambda: whole(long).cpu_s,
            "wide": lambda: whole(wide).cpu_s,
        }
    )
    for name, settled in (("long", long), ("wide", wide)):
        ratio = found[name] / found["small"]
        work = settled.decisions * settled.desk.traded / (small.decisions * small.desk.traded)
        how = f"CPU time of {span(settled.bars)} over {span(small.bars)}; {work:.2f} times the work"
        figure(f"replay_cost_{name}", ratio, "times", 10.5, how, at_most=True)


def memory(folder: Path) -> None:
    """Peak memory of a process that loads 2 M instrument-bars from Parquet and replays them."""
    bars = walk(100_000 // SHARE, 20)
    write_parquet(bars, folder)
    run = [sys.executable, __file__, "--replay", str(folder)]
    peak = float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    how = f"largest resident size of a process, Parquet to record; {span(bars)}"
    figure("replay_peak_memory_mb", peak, "MB", 600.0, how, at_most=True)


def replay_folder(folder: Path) -> None:
    """Load and replay what lies in a folder; prints the peak memory in MB."""
    from coordinator.bootstrap import plan_of  # noqa: PLC0415
    from coordinator.configuration.sources import load_settings  # noqa: PLC0415

    symbols = tuple(sorted(path.stem for path in folder.glob("*.parquet")))
    settings = load_settings(
        flags={
            "data": {"source": str(folder), "instruments": symbols},
            "optimizer": {"method": "exact", "rebalance_every": 1_000_000_000},
            "instruments": {symbol: {"asset_class": "fx"} for symbol in symbols},
        }
    )
    whole(plan_of(settings))
    print(peak_memory())


def peak_memory() -> float:
    """Largest resident size of this process so far, MB. Not from getrusage: what that tells of a
    child begins with the size of the parent that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.partition("VmHWM:")[2].split()[0]) * 1024 / MEGABYTE


def start_up(folder: Path) -> None:
    """From the command to the table of results: 10,000 bars of one instrument from Parquet."""
    prices = folder / "prices"
    prices.mkdir()
    write_parquet(walk(10_000, 1), prices)
    (prices / "X00_USD.parquet").rename(prices / "EUR_USD.parquet")
    configuration = folder / "quorum.toml"
    configuration.write_text("[optimizer]\nmethod = 'exact'\nrebalance_every = 1000000000\n")
    run = [
        *(sys.executable, "-m", "coordinator", "replay", "--engine", "local"),
        *("--data", str(prices), "--instruments", "EUR_USD"),
        *("--config", str(configuration), "--out", str(folder / "runs")),
    ]

    def once() -> float:
        began = time.perf_counter()
        subprocess.run(run, check=True, capture_output=True)
        return time.perf_counter() - began

    how = f"whole process with journal, report and table, 10,000 bars, warm cache; {MACHINE}"
    seconds = in_turns({"start": once})["start"]
    figure("replay_start_to_result_s", seconds, "s", 3.0, how, at_most=True)


def main() -> None:
    if "--replay" in sys.argv[1:]:
        replay_folder(Path(sys.argv[-1]))
        return
    arguments(__doc__)
    committee()
    growth()
    with tempfile.TemporaryDirectory() as folder:
        memory(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        start_up(Path(folder))


if __name__ == "__main__":
    main()
