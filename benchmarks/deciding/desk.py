"""The members of a desk on Ray, a live session before them, and bars to decide on."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import ray

from agents.actors import StandingAgentActor, StandingGuardianActor
from benchmarks.deciding.empty import Empty, EmptyGuardian
from benchmarks.replaying.market import instruments
from coordinator.bootstrap import GUARDIAN, OPTIMIZER, agent_builder
from coordinator.configuration.settings import Settings
from coordinator.live.actors import dial
from coordinator.live.bootstrap import live_guardian_builder
from coordinator.live.plan import LivePlan, live_session_started, make_live_plan
from coordinator.live.session import LiveSession
from coordinator.roster import agent_spec
from infra.transport import Switchboard
from market.bar_window import BarSlice, slice_of
from market.bars import Bars
from market.desk_state import DeskState
from market.lines import Member
from market.live_messages import BarReady
from market.messages import Settlement
from market.stages import CapitalStage

AGENTS = ("momentum", "mean_reversion", "volatility", "sentiment")
CASH = 1_000_000.0
HELD_EVERY = 10
MARGIN_RATE = instruments(1)[0].margin_rate


def desk_plan(count: int, deadline_ms: float) -> LivePlan:
    """Four agents of ours on so many made-up instruments, minutes, an optimizer nobody asks."""
    settings = Settings.model_validate(
        {
            "data": {"bar": "1m"},
            "live": {"vote_deadline_ms": deadline_ms, "guardian_deadline_ms": 1_000.0},
            "desk": {"initial_balance": CASH},
        }
    )
    specs = [agent_spec(name, {}) for name in AGENTS]
    return make_live_plan(
        settings,
        instruments=instruments(count),
        traded=count,
        specs=specs,
        agents=[spec.build() for spec in specs],
        seated=len(specs),
        opened="benchmark",
    )


def state_after(plan: LivePlan, bars: Bars, rows: int) -> DeskState:
    """A desk that has seen the first `rows` bars; what it holds, a settlement tells."""
    started = live_session_started(plan, time=int(bars.time[0]), feed="seeded walks")
    state = DeskState(started, plan.rows)
    for row in range(rows):
        state.window.push(slice_of(bars, row))
    state.sequence, state.time = rows - 1, int(bars.time[rows - 1])
    return state


def holding_account(sequence: int, bar: BarSlice) -> Settlement:
    """An account with a position in every tenth instrument, long and short in turn, each a tenth of
    the equity with a stop behind it; marked at a bar's close, where it was opened.
    """
    count, mid = bar.values.shape[1], bar.values[3].copy()
    units, stop_price = np.zeros(count), np.full(count, np.nan)
    held = np.arange(0, count, HELD_EVERY)
    side = np.where(held // HELD_EVERY % 2 == 0, 1.0, -1.0)
    units[held] = side * np.floor(0.1 * CASH / mid[held])
    stop_price[held] = mid[held] * (1.0 - 0.005 * side)
    return Settlement(
        sequence=sequence,
        fills=(),
        cancellations=(),
        units=units,
        working=np.zeros(count),
        stop_price=stop_price,
        mid=mid,
        spread=bar.values[4].copy(),
        rate=np.ones(count),
        age=np.zeros(count),
        filled=np.zeros(count),
        financing=np.zeros(count),
        cash=CASH,
        equity=CASH,
        margin_used=float(np.abs(units) @ mid) * MARGIN_RATE,
    )


def ready(sequence: int, bar: BarSlice) -> BarReady:
    """A closed bar as the gateway gives it."""
    return BarReady(
        sequence=sequence,
        bar=bar,
        missed=(),
        settlement=holding_account(sequence, bar),
        mode="TRADING",
        stage=CapitalStage.PAPER.value,
    )


def build_empty(rows: int) -> Member:
    """An agent that answers at once."""
    return Empty(rows)


class Members:
    """The actors of a desk and the session that asks them."""

    def __init__(self, plan: LivePlan, bars: Bars, rows: int, *, empty: bool) -> None:
        self.plan = plan
        key = secrets.token_bytes(32)
        self._folder = tempfile.TemporaryDirectory(prefix="q")
        self._switchboard = Switchboard(key, at=str(Path(self._folder.name) / "d"))
        call = partial(dial, self._switchboard.address, key)
        self.agents: dict[str, Any] = {}
        for place, spec in zip(plan.places, plan.specs, strict=True):
            build: Callable[[], Member] = (
                partial(build_empty, len(place.evidence)) if empty else agent_builder(spec)
            )
            self.agents[place.name] = StandingAgentActor.remote(place.name, build, "", call)
        guardian = EmptyGuardian if empty else live_guardian_builder(plan, key)
        self.guardian = StandingGuardianActor.remote(GUARDIAN, guardian, "", call)
        state = state_after(plan, bars, rows)
        live = plan.settings.live
        self.session = LiveSession(
            plan.desk,
            plan.places,
            plan.allocation._replace(every=10**9),  # the optimizer works beside the path
            state.snapshot(),
            epoch=1,
            vote_deadline_s=live.vote_deadline_ms / 1e3,
            guardian_deadline_s=live.guardian_deadline_ms / 1e3,
        )
        self.wait({*self.agents, GUARDIAN})

    def wait(self, names: set[str], within_s: float = 300.0) -> None:
        """Until these have called in, which a first run compiles for, and the agents are primed."""
        until = time.monotonic() + within_s
        while names and time.monotonic() < until:
            names = names - self.arrivals()
            time.sleep(0.01)
        if names:
            raise TimeoutError(f"{names} did not call in")
        self.session.prime()

    def arrivals(self) -> set[str]:
        """Let in who has called."""
        arrived = set()
        for line in self._switchboard.arrivals():
            self.session.connect(line.with_deadlines(), GUARDIAN, OPTIMIZER)
            arrived.add(line.name)
        return arrived

    def close(self) -> None:
        """Take the actors down."""
        for actor in (*self.agents.values(), self.guardian):
            ray.kill(actor)
        self._switchboard.close()
        self._folder.cleanup()


@contextmanager
def members(plan: LivePlan, bars: Bars, rows: int, *, empty: bool = False) -> Iterator[Members]:
    """The members of a desk for the time of a measurement."""
    desk = Members(plan, bars, rows, empty=empty)
    try:
        yield desk
    finally:
        desk.close()
