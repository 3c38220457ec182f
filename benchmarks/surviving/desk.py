"""A desk that trades made-up prices all the time, and the ways to kill its processes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from coordinator.bootstrap import COORDINATOR, GATEWAY, GUARDIAN, OPTIMIZER
from coordinator.configuration.settings import Settings
from coordinator.live.conduct import EXCHANGE, DeskOnRay
from infra.live.asking import ask_desk, how_it_was_left
from infra.live.home import DeskHome
from market.errors import QuorumError
from market.live_messages import Command

ALL = "all at once"
AN_AGENT = "an agent"
KINDS = (AN_AGENT, GUARDIAN, OPTIMIZER, COORDINATOR, GATEWAY, ALL)
AGENTS = ("momentum", "mean_reversion", "volatility", "sentiment")
BY = "chaos"
WITHIN_S = 60.0
ENOUGH_HELD = 3


def settings_of(seed: int, namespace: str) -> Settings:
    """Bars of five seconds, quoted at any hour of the day, at 25 times real time; no limit on
    losses in sight; stops so close that orders flow, and so wide that some positions are held.
    """
    return Settings.model_validate(
        {
            "desk": {"seed": seed, "initial_balance": 10_000_000.0},
            "data": {"bar": "5s"},
            "committee": {"decision_threshold": 0.05},
            "sizing": {"stop_sigmas": 16.0, "tp_sl_ratio": 1.0, "max_risk_per_trade": 0.0001},
            "guardian": {"max_daily_loss": 0.25, "max_drawdown": 0.5},
            # Faults are meant here, and orders are to flow all the same.
            "breakers": {"latency_s": 30.0, "failures": 10, "correlation": 0.95},
            "pace": {"max_fills": 1_000},
            "live": {"speed": 25.0, "reconcile_every_s": 5.0},
            "ray": {"namespace": namespace},
        }
    )


def status(home: DeskHome) -> dict[str, Any] | None:
    """What the gateway says; None where it is down."""
    try:
        return dict(ask_desk(home, Command(name="status"), within_s=2.0).told)
    except QuorumError:
        return None


def until(
    home: DeskHome, enough: Callable[[dict[str, Any]], bool], within_s: float = WITHIN_S
) -> float:
    """Seconds until the desk's status is enough; NaN where it never was."""
    began = time.monotonic()
    while time.monotonic() - began < within_s:
        told = status(home)
        if told is not None and enough(told):
            return time.monotonic() - began
        time.sleep(0.02)
    return float("nan")


def holds_positions(told: dict[str, Any]) -> bool:
    """Whether enough is held for some of it to be left when the books close."""
    return len(told["positions"]) >= ENOUGH_HELD


def has_decided(told: dict[str, Any]) -> bool:
    """Whether a decision was taken yet."""
    return int(told["decisions_to"]) >= 0


def kill(names: list[str], pids: dict[str, int]) -> bool:
    """kill -9; whether any of them was there."""
    killed = False
    for name in names:
        if pids.get(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[name], signal.SIGKILL)
                killed = True
    return killed


def kill_at_random(
    desk: DeskOnRay,
    kills: int,
    rng: random.Random,
    pause_s: tuple[float, float],
    watch: Callable[[int], None],
) -> Counter[str]:
    """Wait a random moment, kill a random process, or all but the exchange; so many times."""
    killed: Counter[str] = Counter()
    while killed.total() < kills:
        time.sleep(rng.uniform(*pause_s))
        kind = rng.choice(KINDS)
        pids = {name: pid for name, pid in desk.pids().items() if name != EXCHANGE}
        names = [rng.choice(AGENTS)] if kind == AN_AGENT else [kind]
        # What is still down from the last time is not killed twice.
        killed[kind] += kill(list(pids) if kind == ALL else names, pids)
        watch(killed.total())
    return killed


def recovery(desk: DeskOnRay, home: DeskHome, name: str) -> float:
    """Seconds from kill -9 of one process to the first decision of a new epoch."""
    until(home, has_decided)
    before = status(home) or {"epoch": 0}
    began = time.monotonic()
    kill([name], desk.pids())
    until(home, lambda told: told["epoch"] > before["epoch"])
    attached = status(home) or {"decisions_to": -1}
    until(home, lambda told: told["decisions_to"] > attached["decisions_to"])
    return time.monotonic() - began


def settle(home: DeskHome) -> None:
    """Have the desk stop: no new risk, no order open, its books closed over what it still holds.

    Raises TimeoutError where it has not within a minute.
    """
    ended = time.monotonic() + WITHIN_S
    while time.monotonic() < ended:
        # Asked again: a gateway that is being started has not heard it yet.
        with contextlib.suppress(QuorumError):
            ask_desk(home, Command(name="stop", by=BY, reason="the run is over"))
        if how_it_was_left(home) is not None:
            return
        time.sleep(0.05)
    raise TimeoutError(f"the desk has not stopped within {WITHIN_S:g} s: {status(home)}")
