"""What is left after processes of a trading desk are killed at random, orders flowing.

The desk trades made-up prices on Ray; agents, guardian, optimizer, coordinator, gateway, or all
of them at once, are killed with -9 at random moments. The paper exchange is a process of its own
with its own store, and is not killed, as a real broker would not be. At the end the journal must
verify and say the same as the exchange. Seeded: `--seed N`; `--short` kills 20 times, else 200.
One JSON line a figure.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measuring.figures import SHORT, figure, load
from benchmarks.surviving.account import compare
from benchmarks.surviving.desk import (
    has_decided,
    kill_at_random,
    recovery,
    settings_of,
    settle,
    until,
)
from coordinator.bootstrap import COORDINATOR, GATEWAY
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.conduct import DeskOnRay
from infra.brokers.paper.live.client import PaperExchangeClient
from infra.live.home import DeskHome
from infra.runtime import ray_cluster

KILLS = 20 if SHORT else 200
PAUSE_S = (0.3, 2.0) if SHORT else (0.3, 4.0)


def seed() -> int:
    """Of the order of kills, from the command line."""
    if "--seed" in sys.argv:
        return int(sys.argv[sys.argv.index("--seed") + 1])
    return 11


def told(kills: int) -> None:
    """How far it is, for people."""
    if sys.stderr.isatty():
        print(f"\r{kills}/{KILLS} kills", end="", file=sys.stderr)


def main() -> None:
    """Start, measure single recoveries, kill at random, settle, compare."""
    load("before")
    seed_ = seed()
    rng = random.Random(seed_)
    with tempfile.TemporaryDirectory(prefix="q") as folder:
        home = DeskHome(folder=Path(folder))
        plan = live_plan_of(settings_of(seed_, "quorum-chaos"), opened="chaos")
        with ray_cluster(plan.settings.ray.namespace):
            desk = DeskOnRay(plan, home)
            try:
                desk.start()
                started = until(home, has_decided, 180.0)
                how = "second bars at five times real time, 9 pairs, 4 agents, on Ray"
                figure("desk_starts_s", started, "s", None, how)
                for name in (COORDINATOR, GATEWAY):
                    times = [recovery(desk, home, name) for _ in range(1 if SHORT else 3)]
                    figure(
                        f"{name}_killed_decides_again_s",
                        float(np.max(times)),
                        "s",
                        10.0,
                        f"worst of {len(times)}; {how}",
                        at_most=True,
                    )
                began = time.monotonic()
                killed = kill_at_random(desk, KILLS, rng, PAUSE_S, told)
                took = time.monotonic() - began
                settle(home)
                client = PaperExchangeClient(home.exchange_address, home.line_key())
                transactions = client.transactions(0)
                client.hang_up()
            finally:
                desk.take_down()
        found = compare(home.journal, transactions)
        by_kind = ", ".join(f"{count} {kind}" for kind, count in sorted(killed.items()))
        how = (
            f"seed {seed_}; {by_kind}, in {took:.0f} s; {found.orders} orders, {found.fills} "
            f"fills, {found.events:,} events, {found.openings} openings, {found.epochs} epochs"
        )
        figure("kills", float(killed.total()), "kills", float(KILLS), how)
        for name in ("lost", "duplicated", "unrecorded", "positions_differ"):
            figure(f"chaos_{name}", float(getattr(found, name)), "", 0.0, how, at_most=True)
        figure("journal_verifies", 1.0, "", 1.0, "every event continues the chain")
    load("after")


if __name__ == "__main__":
    main()
