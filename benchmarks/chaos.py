"""What is left after processes of a trading desk are killed at random, orders flowing.

The desk trades made-up prices on Ray; agents, guardian, optimizer, coordinator, gateway, or all
of them at once, are killed with -9 at random moments. The paper exchange is a process of its own
with its own store, and is not killed, as a real broker would not be; meanwhile it drops lines and
falls silent, before and after it has done what it was asked. At the end the journal must verify,
and its fold be the exchange's account, positions still held. Seeded: `--seed N`; `--short` kills
20 times, else 200. One JSON line a figure.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measuring.arguments import arguments
from benchmarks.measuring.figures import SHORT, figure, load
from benchmarks.surviving.account import WRONG, Comparison, compare
from benchmarks.surviving.broker import RATE, bad_day, broker_of, good_day
from benchmarks.surviving.desk import (
    has_decided,
    holds_positions,
    kill_at_random,
    recovery,
    settings_of,
    settle,
    until,
)
from coordinator.bootstrap import COORDINATOR, GATEWAY
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.brokers.paper import PaperChoice
from coordinator.live.conduct import DeskOnRay
from infra.journal.verify import Verified, verify
from infra.live.home import DeskHome
from infra.runtime import ray_cluster

KILLS = 20 if SHORT else 200
PAUSE_S = (0.3, 2.0) if SHORT else (0.3, 4.0)


def told(kills: int) -> None:
    """How far it is, for people."""
    if sys.stderr.isatty():
        print(f"\r{kills}/{KILLS} kills", end="", file=sys.stderr)


def in_words(found: Comparison) -> str:
    """How much there was to compare."""
    return (
        f"{found.orders} orders, {found.fills} fills, {found.events:,} events, {found.openings} "
        f"openings, {found.epochs} epochs; each of 4 faults at {RATE:.0%} of the broker's requests,"
        f" {found.unanswered} orders unanswered, {found.denied} never sent; account with "
        f"{found.held} positions, {found.later} transactions after the journal's last"
    )


def verdict(verified: Verified) -> str:
    """What the verification says."""
    said = "; ".join(fault.what for fault in verified.faults) or "nothing else was found"
    return f"{verified.events:,} entries continue the chain; {said}"


def main() -> None:
    """Start, measure single recoveries, kill at random, settle, compare."""
    seed = arguments(__doc__, seed=11).seed
    load("before")
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="q") as folder:
        home = DeskHome(folder=Path(folder))
        plan = live_plan_of(settings_of(seed, "quorum-chaos"), opened="chaos")
        with ray_cluster(plan.settings.ray.namespace):
            desk = DeskOnRay(plan, home, PaperChoice())
            try:
                desk.start()
                started = until(home, has_decided, 180.0)
                how = "bars of 5 s at 25 times real time, 9 pairs, 4 agents, on Ray"
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
                with broker_of(home) as broker:
                    broker.inject(bad_day(seed))
                    began = time.monotonic()
                    killed = kill_at_random(desk, KILLS, rng, PAUSE_S, told)
                    took = time.monotonic() - began
                    broker.inject(good_day())
                    until(home, holds_positions)
                    settle(home)
                    found = compare(home.journal, broker)
            finally:
                desk.take_down()
        verified = verify(home.journal)
    by_kind = ", ".join(f"{count} {kind}" for kind, count in sorted(killed.items()))
    how = f"seed {seed}; {by_kind}, in {took:.0f} s; {in_words(found)}"
    figure("kills", float(killed.total()), "kills", float(KILLS), how)
    figure("positions_held", float(found.held), "", 1.0, "in the account that was compared")
    for name in WRONG:
        figure(f"chaos_{name}", float(getattr(found, name)), "", 0.0, how, at_most=True)
    figure("journal_verifies", float(verified.holds), "", 1.0, verdict(verified))
    load("after")


if __name__ == "__main__":
    main()
