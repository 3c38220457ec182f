"""A whole desk on a small made-up market: in one process, or over sockets; any line replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from agents.guardian.limits import StressLimits
from coordinator.bootstrap import (
    GATEWAY,
    GUARDIAN,
    OPTIMIZER,
    Build,
    agent_builder,
    gateway_builder,
    guardian_builder,
    optimizer_builder,
    session_of,
)
from coordinator.configuration.settings import Settings
from coordinator.plan import Plan, make_plan
from coordinator.replay import Replayed, replay
from coordinator.roster import AgentSpec
from infra.journal.reader import read_events
from infra.transport import SocketChannel, Switchboard
from market.bars import Bars
from market.events import Event, SessionEnded
from market.instruments import Registry
from market.lines import Line, LocalLine, serve
from tests.lines import AlteredLine

TRADED = ("EUR_USD", "USD_JPY", "EUR_GBP")
CONVERSION = ("GBP_USD",)
LEVELS = (1.10, 150.0, 0.85, 1.25)
FIRST_DAY_NS = 1_704_067_200_000_000_000  # 2024-01-01
DAY_NS = 86_400_000_000_000
Kind = TypeVar("Kind")
KEY = b"k" * 32
WITHIN_S = 30.0
QUICK: dict[str, dict[str, Any]] = {
    "sizing": {"volatility_window": 10},
    "guardian": {"correlation_window": 10, "var_window": 20},
    "optimizer": {
        "method": "exact",
        "rebalance_every": 5,
        "allocation_lookback": 20,
        "allocation_min_observations": 10,
    },
}
LEARNS = {
    "calibration_horizon": 3,
    "calibration_window": 120,
    "calibration_every": 17,
    "calibration_min_outcomes": 30,
}
"""Settings of sizing that learn within a few dozen bars."""
TWO = ("tests.voters:Follower", "tests.voters:Contrarian")


def market(rows: int = 80, *, seed: int = 1, volatility: float = 0.008) -> Bars:
    """Daily bars of TRADED and CONVERSION: independent log walks with open, high and low."""
    rng = np.random.default_rng(seed)
    steps = volatility * rng.standard_normal((rows, 3, len(LEVELS)))
    path = np.array(LEVELS) * np.exp(steps.reshape(-1, len(LEVELS)).cumsum(axis=0))
    inside = path.reshape(rows, 3, len(LEVELS))
    close = np.ascontiguousarray(inside[:, -1])
    return Bars(
        symbols=(*TRADED, *CONVERSION),
        time=FIRST_DAY_NS + DAY_NS * np.arange(1, rows + 1, dtype=np.int64),
        open=np.ascontiguousarray(inside[:, 0]),
        high=inside.max(axis=1),
        low=inside.min(axis=1),
        close=close,
        spread=1e-4 * close,
        volume=np.full(close.shape, np.nan),
        interval_s=86_400,
    )


def trending(rows: int) -> Bars:
    """Prices that rise and fall in waves: who follows them is right more often than not."""
    bars = market(rows, seed=9, volatility=0.002)
    wave = np.exp(0.1 * np.sin(2.0 * np.pi * np.arange(rows) / 40.0))[:, None]
    moved = {name: getattr(bars, name) * wave for name in ("open", "high", "low", "close")}
    return replace(bars, **moved)


def plan(
    bars: Bars | None = None,
    *,
    agents: tuple[str | AgentSpec, ...] = TWO,
    first: int = 12,
    **sections: dict[str, Any],
) -> Plan:
    """A plan on `market()`; sections override the quick settings key by key."""
    panel = market() if bars is None else bars
    specs = [agent if isinstance(agent, AgentSpec) else AgentSpec(path=agent) for agent in agents]
    merged = {
        name: {**QUICK.get(name, {}), **sections.get(name, {})} for name in {*QUICK, *sections}
    }
    registry = Registry()
    return make_plan(
        Settings.model_validate(merged),
        instruments=[registry[symbol] for symbol in panel.symbols],
        traded=len(TRADED),
        bars=panel,
        first=first,
        data="made up",
        financing="not modelled",
        specs=specs,
        seated=[spec.build() for spec in specs],
    )


def reckless(settled: Plan) -> Plan:
    """A desk that no limit on a day's loss holds back: no configuration allows it, and without it
    nobody would see a margin close-out.
    """
    limits = settled.desk.limits._replace(
        max_daily_var=5.0, max_portfolio_var=5.0, stress=StressLimits(5.0, 5.0, 5.0, 5.0, 5.0)
    )
    return replace(settled, desk=replace(settled.desk, limits=limits))


def builders(settled: Plan, folder: Path) -> dict[str, Build]:
    """By name, what builds each member of the desk."""
    agents = zip(settled.names, settled.specs, strict=True)
    return {
        **{name: agent_builder(spec) for name, spec in agents},
        GUARDIAN: guardian_builder(settled, KEY),
        GATEWAY: gateway_builder(settled, folder, KEY),
        OPTIMIZER: optimizer_builder(settled),
    }


def replay_over(settled: Plan, lines: Mapping[str, Line]) -> Replayed:
    """The plan through the given lines."""
    session = session_of(
        settled, lines, lines[GUARDIAN], lines[GATEWAY], lines[OPTIMIZER]
    )  # fmt: skip
    return replay(settled, session, lambda: False)


def replay_here(
    settled: Plan, folder: Path, replaced: Mapping[str, Line] | None = None
) -> Replayed:
    """The plan in this process. replaced: lines by name, in place of the real members."""
    folder.mkdir(exist_ok=True)
    others = replaced or {}
    lines: dict[str, Line] = {
        name: LocalLine(build())
        for name, build in builders(settled, folder).items()
        if name not in others
    }
    return replay_over(settled, {**lines, **others})


def replay_over_sockets(settled: Plan, folder: Path, host: str | None = None) -> Replayed:
    """The plan with every member in a thread behind a socket. host: None for Unix-domain."""
    folder.mkdir(exist_ok=True)
    key = b"line key"
    switchboard = Switchboard(key, host)
    members = {name: build() for name, build in builders(settled, folder).items()}

    def member(name: str) -> None:
        serve(SocketChannel.dial(switchboard.address, key, name), members[name])

    threads = [threading.Thread(target=member, args=(name,), daemon=True) for name in members]
    for thread in threads:
        thread.start()
    lines = switchboard.lines(set(members), WITHIN_S)
    try:
        return replay_over(settled, lines)
    finally:
        for line in lines.values():
            line.close()
        for thread in threads:
            thread.join(WITHIN_S)
        switchboard.close()


def events_of(folder: Path) -> list[Event]:
    """Every event that a run left, checked against the chain."""
    return list(read_events(folder / "journal.sqlite"))


def kept(events: list[Event], kind: type[Kind]) -> list[Kind]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]


def replay_altered(
    settled: Plan, folder: Path, member: str, alter: Callable[[Any], object]
) -> None:
    """The plan in this process, every answer of one member passing through `alter`."""
    folder.mkdir()
    lines: dict[str, Line] = {
        name: LocalLine(build()) for name, build in builders(settled, folder).items()
    }
    lines[member] = AlteredLine(lines[member], alter)
    replay_over(settled, lines)


def ended(events: list[Event]) -> SessionEnded:
    """The last event, which says how a session ended."""
    assert isinstance(events[-1], SessionEnded)
    return events[-1]
