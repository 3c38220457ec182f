"""What is left after processes of a trading desk are killed at random, orders flowing.

The desk trades made-up prices on Ray; agents, guardian, optimizer, coordinator, gateway, or all
of them at once, are killed with -9 at random moments. The paper exchange is a process of its own
with its own store, and is not killed, as a real broker would not be. At the end the journal must
verify and say the same as the exchange. Seeded: `--seed N`; `--short` kills 20 times, else 200.
One JSON line a figure.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measuring.figures import SHORT, figure, load
from benchmarks.surviving.account import compare
from coordinator.bootstrap import COORDINATOR, GATEWAY, GUARDIAN, OPTIMIZER
from coordinator.configuration.settings import Settings
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.conduct import EXCHANGE, DeskOnRay
from infra.brokers.paper.live.client import PaperExchangeClient
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from infra.runtime import ray_cluster
from market.errors import QuorumError
from market.live_messages import Command

KILLS = 20 if SHORT else 200
PAUSE_S = (0.3, 3.0) if SHORT else (0.3, 4.0)
ALL = "all at once"
BY = "chaos"
SETTLE_WITHIN_S = 60.0


def seed() -> int:
    """Of the order of kills, from the command line."""
    if "--seed" in sys.argv:
        return int(sys.argv[sys.argv.index("--seed") + 1])
    return 11


def settings_of(seed_: int) -> Settings:
    """A desk that trades all the time: second bars, close stops, no limit on losses in sight."""
    return Settings.model_validate(
        {
            "desk": {"seed": seed_, "initial_balance": 10_000_000.0},
            "data": {"bar": "1s"},
            "committee": {"decision_threshold": 0.05},
            "sizing": {"stop_sigmas": 1.5, "tp_sl_ratio": 1.0, "max_risk_per_trade": 0.0005},
            "guardian": {"max_daily_loss": 0.25, "max_drawdown": 0.5},
            "live": {"speed": 5.0, "reconcile_every_s": 5.0},
            "ray": {"namespace": "quorum-chaos"},
        }
    )


def status(home: DeskHome) -> dict[str, Any] | None:
    """What the gateway says; None where it is down."""
    try:
        return dict(ask_desk(home, Command(name="status"), within_s=2.0).told)
    except QuorumError:
        return None


def until_decided(home: DeskHome, beyond: int, within_s: float) -> float:
    """Seconds until the desk has decided on a bar after `beyond`; NaN where it has not."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        told = status(home)
        if told is not None and told["decisions_to"] > beyond:
            return time.monotonic() - began
        time.sleep(0.05)
    return float("nan")


def kill(names: list[str], pids: dict[str, int]) -> None:
    """kill -9."""
    for name in names:
        if pids.get(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[name], signal.SIGKILL)


def run(desk: DeskOnRay, rng: random.Random) -> Counter[str]:
    """Kill, wait a random moment, kill."""
    agents = ["momentum", "mean_reversion", "volatility", "sentiment"]
    kinds = ["an agent", GUARDIAN, OPTIMIZER, COORDINATOR, GATEWAY, ALL]
    killed: Counter[str] = Counter()
    while sum(killed.values()) < KILLS:
        time.sleep(rng.uniform(*PAUSE_S))
        kind = rng.choice(kinds)
        pids = {name: pid for name, pid in desk.pids().items() if name != EXCHANGE}
        names = [rng.choice(agents)] if kind == "an agent" else [kind]
        names = list(pids) if kind == ALL else names
        if not any(pids.get(name) for name in names):
            continue  # it is still down from the last time
        kill(names, pids)
        killed[kind] += 1
        if sys.stderr.isatty():
            print(f"\r{sum(killed.values())}/{KILLS} kills", end="", file=sys.stderr)
    return killed


def recovery(desk: DeskOnRay, home: DeskHome, name: str) -> float:
    """Seconds from kill -9 of one process to the next decision, of a new epoch."""
    until_decided(home, -1, SETTLE_WITHIN_S)
    before = status(home) or {}
    kill([name], desk.pids())
    began, attached_at = time.monotonic(), -1
    while time.monotonic() - began < SETTLE_WITHIN_S:
        told = status(home)
        if told is not None and told["epoch"] > before.get("epoch", 0):
            if attached_at < 0:
                attached_at = max(told["decisions_to"], before.get("decisions_to", -1))
            elif told["decisions_to"] > attached_at:
                return time.monotonic() - began
        time.sleep(0.02)
    return float("nan")


def settle(home: DeskHome) -> None:
    """Stop new risk and wait until no order is open, then stop the desk."""
    until_decided(home, -1, SETTLE_WITHIN_S)
    ended = time.monotonic() + SETTLE_WITHIN_S
    asked = False
    while time.monotonic() < ended:
        try:
            ask_desk(home, Command(name="stop", by=BY, reason="the run is over"))
            asked = True
        except QuorumError:
            if asked and not Path(home.gateway_address).exists():
                return
        time.sleep(0.2)


def main() -> None:
    """Start, measure single recoveries, kill at random, settle, compare."""
    load("before")
    seed_ = seed()
    rng = random.Random(seed_)
    with tempfile.TemporaryDirectory(prefix="q") as folder:
        home = DeskHome(folder=Path(folder))
        plan = live_plan_of(settings_of(seed_), opened="chaos")
        with ray_cluster(plan.settings.ray.namespace):
            desk = DeskOnRay(plan, home)
            try:
                desk.start()
                started = until_decided(home, -1, 180.0)
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
                killed = run(desk, rng)
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
        figure("kills", float(sum(killed.values())), "kills", float(KILLS), how)
        for name in ("lost", "duplicated", "unrecorded", "positions_differ"):
            figure(f"chaos_{name}", float(getattr(found, name)), "", 0.0, how, at_most=True)
        figure("journal_verifies", 1.0, "", 1.0, "every event continues the chain")
    load("after")


if __name__ == "__main__":
    main()
