"""How long a decision takes: a bar in, a verdict out, over the live path.

Four agents with their own lookback and the guardian, each a Ray actor, 50 instruments; beside it
the same hops with empty members (the floor), and the same decision by plain Ray calls. Then an
agent is killed in the middle. One JSON line a figure; `--short` decides less often.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np
import ray

from agents.seat import Seat
from benchmarks.deciding.desk import Members, desk_plan, members, ready
from benchmarks.measuring.figures import SHORT, figure, load
from benchmarks.replaying.market import walk
from infra.runtime import ray_cluster
from market.bar_window import slice_of
from market.messages import PrimeWith, VoteOn

INSTRUMENTS = 50
WARM_UP = 200
DECISIONS = 500 if SHORT else 5_000
ROUNDS = 2 if SHORT else 5
BY_RAY = 200 if SHORT else 1_000
DEADLINE_MS = 20.0
PRIMED = 600


class RaySeat:
    """A seat behind plain Ray calls."""

    def __init__(self, build: Any) -> None:
        self._seat = Seat(build())

    def answer(self, message: object) -> object:
        """Answer one message."""
        return self._seat.answer(message)


def decide(desk: Members, bars: Any, first: int, count: int) -> np.ndarray[Any, Any]:
    """Seconds of each of so many decisions."""
    taken = np.empty(count)
    for n in range(count):
        message = ready(first + n, slice_of(bars, first + n))
        began = time.perf_counter()
        desk.session.decide(message)
        taken[n] = time.perf_counter() - began
    return taken


def by_ray(plan: Any, bars: Any, count: int) -> np.ndarray[Any, Any]:
    """Seconds of each ballot round by `.remote` and `ray.get`, without a guardian."""
    kind: Any = ray.remote(num_cpus=0)(RaySeat)
    seats = [kind.remote(spec.build) for spec in plan.specs]
    history = bars.rows(0, PRIMED)
    ray.get([seat.answer.remote(PrimeWith(sequence=PRIMED, history=history)) for seat in seats])
    taken = np.empty(count)
    for n in range(count):
        bar = slice_of(bars, PRIMED + n)
        began = time.perf_counter()
        message = VoteOn(sequence=PRIMED + n, bar=bar)
        ray.get([seat.answer.remote(message) for seat in seats])
        taken[n] = time.perf_counter() - began
    for seat in seats:
        ray.kill(seat)
    return taken


def told(name: str, seconds: np.ndarray[Any, Any], reach: tuple[float, float] | None) -> None:
    """p50 and p99 of a series."""
    how = f"{len(seconds):,} decisions after {WARM_UP}, 4 agents, {INSTRUMENTS} instruments"
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1e3
    figure(f"{name}_p50_ms", p50, "ms", reach and reach[0], how, at_most=True)
    figure(f"{name}_p99_ms", p99, "ms", reach and reach[1], how, at_most=True)


def killed(desk: Members, bars: Any, first: int) -> None:
    """One agent is killed with -9 while decisions go on, one every 2 ms."""
    name = "mean_reversion"
    pid = ray.get(desk.agents[name].status.remote())["pid"]
    at, count = 200, 4_000
    taken, back, sequence = [], float("nan"), first
    began = time.perf_counter()
    for n in range(count):
        if n == at:
            os.kill(pid, signal.SIGKILL)
            began = time.perf_counter()
        desk.arrivals()
        message = ready(sequence, slice_of(bars, sequence))
        start = time.perf_counter()
        decided = desk.session.decide(message)
        taken.append(time.perf_counter() - start)
        sequence += 1
        away = any(getattr(record, "agent", "") == name for record in decided.records)
        if n > at and not away and np.isnan(back):
            back = time.perf_counter() - began
        if n > at + 200 and not np.isnan(back):
            break
        time.sleep(0.002)
    seconds = np.array(taken[at:])
    how = f"{len(seconds):,} decisions after kill -9 of an agent, deadline {DEADLINE_MS:g} ms"
    figure(
        "decision_after_kill_p99_ms",
        float(np.quantile(seconds, 0.99)) * 1e3,
        "ms",
        DEADLINE_MS + 5.0,
        how,
        at_most=True,
    )
    figure("decision_after_kill_max_ms", float(seconds.max()) * 1e3, "ms", None, how)
    figure("agent_votes_again_s", back, "s", 6.0, how, at_most=True)


def main() -> None:
    """Interleave rounds of the desk and of its floor."""
    load("before")
    plan = desk_plan(INSTRUMENTS, DEADLINE_MS)
    rows = PRIMED + WARM_UP + DECISIONS + 5_000
    bars = walk(rows, INSTRUMENTS)
    with (
        ray_cluster("quorum-benchmark"),
        members(plan, bars, PRIMED) as desk,
        members(plan, bars, PRIMED, empty=True) as floor,
    ):
        decide(desk, bars, PRIMED, WARM_UP)
        decide(floor, bars, PRIMED, WARM_UP)
        series: dict[str, list[Any]] = {"desk": [], "floor": []}
        per_round, at = DECISIONS // ROUNDS, PRIMED + WARM_UP
        for _ in range(ROUNDS):
            series["desk"].append(decide(desk, bars, at, per_round))
            series["floor"].append(decide(floor, bars, at, per_round))
            at += per_round
        whole, hops = np.concatenate(series["desk"]), np.concatenate(series["floor"])
        told("decision", whole, (1.2, 5.0))
        told("decision_floor", hops, None)
        rate = len(whole) / float(whole.sum())
        how = f"one after the other; {4 * INSTRUMENTS:,} signals each"
        figure("decisions_per_s", rate, "decisions/s", 700.0, how)
        killed(desk, bars, at)
        plain = by_ray(plan, bars, BY_RAY)
        told("ballots_by_plain_ray_calls", plain[len(plain) // 10 :], None)
    load("after")


if __name__ == "__main__":
    main()
