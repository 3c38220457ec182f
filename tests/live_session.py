"""A live session before members that serve in threads of this process, over real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from agents.seat import Seat
from coordinator.bootstrap import GUARDIAN, OPTIMIZER
from coordinator.configuration.settings import Settings
from coordinator.live.bootstrap import live_guardian_builder, live_plan_of
from coordinator.live.plan import LivePlan, live_session_started
from coordinator.live.session import LiveSession
from coordinator.live.warming import warm_up
from infra.deadlines import DeadlineLine, readable
from infra.transport import SocketChannel, Switchboard
from market.bar_window import BarSlice
from market.desk_state import DeskState
from market.lines import Member, serve
from market.live_messages import BarReady
from market.messages import Settlement
from market.overrides import Override
from market.shell import SlowStarter
from tests.desk import QUICK
from tests.live import WITHIN_S
from tests.sockets import KEY

MINUTE_NS = 60_000_000_000
START_NS = 1_735_819_200_000_000_000  # 2025-01-02 12:00 UTC
LEVELS = np.array([1.10, 1.25])
CASH = 100_000.0


def small_plan(agents: tuple[str, ...], /, **sections: Mapping[str, Any]) -> LivePlan:
    """A desk of two instruments on minutes."""
    given: dict[str, Any] = {
        **QUICK,
        "data": {"bar": "1m", "instruments": ("EUR_USD", "GBP_USD")},
        "committee": {"agents": agents},
        "live": {"vote_deadline_ms": 5_000.0, "guardian_deadline_ms": 5_000.0},
    }
    return live_plan_of(Settings.model_validate({**given, **sections}), opened="a test")


def minute(number: int, moved: float = 0.0) -> BarSlice:
    """The bar that ends so many minutes after noon. moved: of both prices, a fraction."""
    close = LEVELS * (1.0 + moved)
    values = np.stack([close, close * 1.0001, close * 0.9999, close, close * 1e-5, close * 0 + 5])
    return BarSlice(time=START_NS + number * MINUTE_NS, values=values)


def bar_ready(
    number: int,
    moved: float = 0.0,
    *,
    stage: str = "paper",
    overrides: tuple[Override, ...] = (),
    **changed: Any,
) -> BarReady:
    """A closed bar before an account that holds nothing."""
    bar = minute(number, moved)
    none = np.zeros(2)
    account: dict[str, Any] = {
        "sequence": number,
        "fills": (),
        "cancellations": (),
        "units": none,
        "working": none.copy(),
        "stop_price": np.full(2, np.nan),
        "mid": bar.values[3].copy(),
        "spread": bar.values[4].copy(),
        "rate": np.ones(2),
        "age": none.copy(),
        "filled": none.copy(),
        "financing": none.copy(),
        "cash": CASH,
        "equity": CASH,
        "margin_used": 0.0,
    }
    return BarReady(
        sequence=number,
        bar=bar,
        missed=(),
        settlement=Settlement(**account | changed),
        mode="TRADING",
        stage=stage,
        overrides=overrides,
    )


@contextmanager
def live_session(
    plan: LivePlan,
    *,
    rows: int = 60,
    without: tuple[str, ...] = (),
    guardian: Member | None = None,
    state: DeskState | None = None,
    **options: Any,
) -> Iterator[LiveSession]:
    """A session that has seen so many bars, whose members but for some are on the line.

    guardian: in the place of a real one. state: what it goes on from instead.
    """
    if state is None:
        state = DeskState(live_session_started(plan, time=START_NS, feed="made by hand"), plan.rows)
        rng = np.random.default_rng(1)
        for row, moved in enumerate(rng.normal(0.0, 1e-3, rows)):
            state.window.push(minute(row, float(moved)))
        state.sequence, state.time = rows - 1, START_NS + (rows - 1) * MINUTE_NS
    session = LiveSession(
        plan.desk,
        plan.places,
        plan.allocation,
        state.snapshot(),
        epoch=1,
        vote_deadline_s=plan.settings.live.vote_deadline_ms / 1e3,
        guardian_deadline_s=plan.settings.live.guardian_deadline_ms / 1e3,
        **options,
    )
    members: dict[str, Member] = {
        place.name: Seat(plan.spec_of(place.name).build()) for place in plan.places
    }
    guardian = live_guardian_builder(plan, KEY)() if guardian is None else guardian
    if isinstance(guardian, SlowStarter):
        guardian.warm_up()
    warm_up(plan.desk)
    members[GUARDIAN] = guardian
    board = Switchboard(KEY)
    threads = []
    for name in members.keys() - set(without):
        channel = SocketChannel.dial(board.address, KEY, name)
        threads.append(threading.Thread(target=serve, args=(channel, members[name]), daemon=True))
        threads[-1].start()
    lines: list[DeadlineLine] = []
    until = time.monotonic() + WITHIN_S
    while len(lines) < len(threads):
        assert readable([board], until), "a member did not call in"
        lines += [arrived.with_deadlines() for arrived in board.arrivals()]
    for line in lines:
        session.connect(line, GUARDIAN, OPTIMIZER)
    session.prime()
    try:
        yield session
    finally:
        for line in lines:
            line.close()
        board.close()
        for thread in threads:
            thread.join(WITHIN_S)
            assert not thread.is_alive()
