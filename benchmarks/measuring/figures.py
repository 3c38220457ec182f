"""One JSON line a figure, and medians of calls that take turns."""

from __future__ import annotations

import json
import operator
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

SHORT = "--short" in sys.argv[1:]
REPEATS = 5 if SHORT else 11
CPU = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
MODEL = CPU.partition("model name")[2].partition("\n")[0].strip("\t :")
MACHINE = f"one core of {os.cpu_count()} of {MODEL or platform.machine()}"


def figure(
    name: str, value: float, unit: str, reach: float | None, how: str, *, at_most: bool = False
) -> None:
    """Print one figure as a JSON line; `at_most` turns the bound around."""
    line: dict[str, object] = {"figure": name, "value": float(f"{value:.4g}"), "unit": unit}
    if reach is not None:
        holds = (operator.le if at_most else operator.ge)(value, reach)
        line |= {"reach": reach, "holds": bool(holds)}
    print(json.dumps(line | {"how": how}), flush=True)


def medians(
    calls: dict[str, Callable[[], object]], repeats: int = REPEATS, at_once: int = 1
) -> dict[str, float]:
    """Median seconds of each call; they take turns, after one call each to warm up.

    at_once: calls that are timed together; one of microseconds alone would measure the clock.
    Calls that take longer than a millisecond are timed alone.
    """
    counts: dict[str, int] = {}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for name, call in calls.items():
        call()
        began = time.perf_counter()
        call()
        counts[name] = at_once if time.perf_counter() - began < 1e-3 else 1
    for _ in range(repeats):
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(counts[name]):
                call()
            seconds[name].append((time.perf_counter() - began) / counts[name])
    return {name: statistics.median(taken) for name, taken in seconds.items()}


LOOPS = 15
LOOP = 100_000


def load(when: str) -> None:
    """How busy the machine is, and how fast at this moment: figures of different hours, machines
    and builds of Python compare by what the same plain loop takes there.
    """
    how = f"load average over a minute, {when}, {os.cpu_count()} cores; this process is one of them"
    figure(f"machine_load_{when}", os.getloadavg()[0], "processes", None, how)
    taken = statistics.median(_plain_loop() for _ in range(LOOPS))
    how = f"{LOOP:,} calls of a plain function, {when}; Python {platform.python_version()}"
    figure(f"machine_loop_{when}_ms", taken * 1e3, "ms", None, f"median of {LOOPS}: {how}")


def _plain_loop() -> float:
    """Seconds of a loop that does nothing but what an interpreter does."""
    began, found = time.perf_counter(), dict[int, tuple[int, int]]()
    for number in range(LOOP):
        found[number % 100] = _pair(number, number + 1)
    return time.perf_counter() - began


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other)
