"""A desk that trades made-up prices all the time, and the ways to kill its processes."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator.bootstrap import COORDINATOR, GATEWAY, GUARDIAN, OPTIMIZER
from coordinator.configuration.settings import Settings
from coordinator.live.conduct import EXCHANGE, DeskOnRay
from infra.live.asking import ask_desk
from infra.live.home import DeskHome
from market.errors import QuorumError
from market.live_messages import Command

ALL = "all at once"
AN_AGENT = "an agent"
KINDS = (AN_AGENT, GUARDIAN, OPTIMIZER, COORDINATOR, GATEWAY, ALL)
AGENTS = ("momentum", "mean_reversion", "volatility", "sentiment")
BY = "chaos"
WITHIN_S = 60.0


def settings_of(seed: int, namespace: str) -> Settings:
    """Second bars, close stops, no limit on losses in sight, five times real time."""
    return Settings.model_validate(
        {
            "desk": {"seed": seed, "initial_balance": 10_000_000.0},
            "data": {"bar": "1s"},
            "committee": {"decision_threshold": 0.05},
            "sizing": {"stop_sigmas": 1.5, "tp_sl_ratio": 1.0, "max_risk_per_trade": 0.0005},
            "guardian": {"max_daily_loss": 0.25, "max_drawdown": 0.5},
            "live": {"speed": 5.0, "reconcile_every_s": 5.0},
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
    """Stop new risk and wait until no order is open and the desk has closed its books."""
    until(home, has_decided)
    ended = time.monotonic() + WITHIN_S
    asked = False
    while time.monotonic() < ended:
        try:
            ask_desk(home, Command(name="stop", by=BY, reason="the run is over"))
            asked = True
        except QuorumError:
            if asked and not Path(home.gateway_address).exists():
                return
        time.sleep(0.1)
