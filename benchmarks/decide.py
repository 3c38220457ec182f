"""How long a decision takes, from a bar at the coordinator to the verdict at the coordinator.

Four agents with their own lookback and the guardian, each a Ray actor behind a socket, 50
instruments, some of them held; in turns with it the same hops with empty members (the floor), and
the same decision by plain Ray calls to the same members. The hops from and to the gateway, the
journal and the orders are outside the clock. Then an agent is killed in the middle. One JSON line a
figure; `--short` decides less often.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from typing import Protocol

import numpy as np
import ray

from benchmarks.deciding.desk import HELD_EVERY, Members, desk_plan, members, ready
from benchmarks.deciding.plain import plain_calls
from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import SHORT, figure, load
from benchmarks.replaying.market import walk
from infra.runtime import ray_cluster
from market.bar_window import slice_of
from market.bars import Bars, Floats
from market.live_messages import BarReady

INSTRUMENTS = 50
WARM_UP = 200
DECISIONS = 500 if SHORT else 5_000
ROUNDS = 2 if SHORT else 5
DEADLINE_MS = 20.0
PRIMED = 600
Seconds = Floats


class Decides(Protocol):
    """Takes a bar, gives a decision; then does what waited until that had gone out."""

    def decide(self, ready: BarReady) -> object: ...

    def decided(self) -> None: ...


def decide(desk: Decides, bars: Bars, first: int, count: int) -> Seconds:
    """Seconds (2, `count`) of decisions: until the verdict, and with what waited for it."""
    taken = np.empty((2, count))
    for n in range(count):
        message = ready(first + n, slice_of(bars, first + n))
        began = time.perf_counter()
        desk.decide(message)
        taken[0, n] = time.perf_counter() - began
        desk.decided()
        taken[1, n] = time.perf_counter() - began
    return taken


def taking_turns(desks: Mapping[str, Decides], bars: Bars) -> tuple[dict[str, Seconds], int]:
    """Seconds of each one's decisions, as `decide` has them, all on the same bars; the first bar
    that none has seen.
    """
    at, each = PRIMED + WARM_UP, DECISIONS // ROUNDS
    for desk in desks.values():
        decide(desk, bars, PRIMED, WARM_UP)
    taken: dict[str, list[Seconds]] = {name: [] for name in desks}
    for _ in range(ROUNDS):
        for name, desk in desks.items():
            taken[name].append(decide(desk, bars, at, each))
        at += each
    return {name: np.concatenate(rounds, axis=1) for name, rounds in taken.items()}, at


def told(name: str, seconds: Seconds, by: str, reach: tuple[float, float] | None = None) -> None:
    """p50 and p99 of a series."""
    how = (
        f"bar at the coordinator → verdict at the coordinator, {by}; {len(seconds):,} decisions "
        f"after {WARM_UP}, in {ROUNDS} turns, {INSTRUMENTS} instruments, "
        f"{INSTRUMENTS // HELD_EVERY} held; gateway, journal and orders outside the clock"
    )
    p50, p99 = np.quantile(seconds, [0.5, 0.99]) * 1e3
    figure(f"{name}_p50_ms", p50, "ms", reach and reach[0], how, at_most=True)
    figure(f"{name}_p99_ms", p99, "ms", reach and reach[1], how, at_most=True)


def rate(seconds: Seconds) -> float:
    """Of so many decisions one after the other, how many come in a second."""
    return len(seconds) / float(seconds.sum())


def killed(desk: Members, bars: Bars, first: int) -> None:
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
        desk.session.decided()
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
    """Take turns, then kill."""
    arguments(__doc__)
    load("before")
    plan = desk_plan(INSTRUMENTS, DEADLINE_MS)
    bars = walk(PRIMED + WARM_UP + DECISIONS + 5_000, INSTRUMENTS)
    with ray_cluster("quorum-benchmark"), members(plan, bars, PRIMED) as desk:
        with (
            members(plan, bars, PRIMED, empty=True) as floor,
            plain_calls(plan, bars, PRIMED) as plain,
        ):
            desks: dict[str, Decides] = {
                "desk": desk.session,
                "floor": floor.session,
                "plain": plain,
            }
            taken, at = taking_turns(desks, bars)
        until, whole = taken["desk"]
        told("decision", until, "4 agents and the guardian on sockets", (1.2, 5.0))
        told("decision_with_what_waits", whole, "and what is done once it has gone out")
        told("decision_floor", taken["floor"][0], "empty members on sockets")
        told(
            "decision_by_plain_ray_calls", taken["plain"][0], "the same members by .remote and get"
        )
        how = (
            "one after the other, as decision_p50_ms, and with what is done once each has gone "
            f"out; {4 * INSTRUMENTS:,} signals each"
        )
        figure("decisions_per_s", rate(whole), "decisions/s", 700.0, how)
        how = "the same with empty members: what the hops leave to this machine"
        figure("decisions_floor_per_s", rate(taken["floor"][1]), "decisions/s", None, how)
        killed(desk, bars, at)
    load("after")


if __name__ == "__main__":
    main()
