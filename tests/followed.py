"""A desk's journal written by hand, bar by bar, with what people change on it in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from coordinator.explain.replaying import DecisionReplayed, replay_decisions
from coordinator.live.plan import LivePlan, live_session_started
from market.bar_window import BarSlice
from market.events import BarSettled, DecisionTaken, Event
from market.live_events import AccountSeen, BarClosed, TradingOpened
from market.live_messages import BarReady
from tests.desk import TWO
from tests.live_session import CASH, minute
from tests.recorded import written
from tests.staged import stage

PRIMED = 60
BARS = 12
EAGER = {"agents": TWO, "decision_threshold": 0.01}


def history() -> list[BarSlice]:
    """The bars that `live_session` has seen."""
    rng = np.random.default_rng(1)
    return [minute(row, float(moved)) for row, moved in enumerate(rng.normal(0.0, 1e-3, PRIMED))]


def account(ready: BarReady) -> tuple[Event, Event, Event]:
    """What a gateway records of a bar that it gives."""
    found, time = ready.settlement, ready.bar.time
    return (
        BarClosed(sequence=ready.sequence, time=time, values=ready.bar.values, skipped=0),
        BarSettled(
            sequence=ready.sequence, time=time, units=found.units, mid=found.mid,
            spread=found.spread, rate=found.rate, financing=found.financing, equity=found.equity,
            cash=found.cash, margin_used=found.margin_used,
        ),
        AccountSeen(
            sequence=ready.sequence, time=time, stop_price=found.stop_price, age=found.age
        ),
    )  # fmt: skip


def opening(plan: LivePlan) -> list[Event]:
    """What stands in the journal of a desk on paper before its first bar."""
    primed = history()
    return [
        replace(live_session_started(plan, time=0, feed="by hand"), initial_balance=CASH),
        TradingOpened(
            time=0, broker="", last_transaction=0, versions=plan.versions,
            history_time=np.array([bar.time for bar in primed]),
            history_values=np.stack([bar.values for bar in primed]),
        ),
        stage("paper"),
    ]  # fmt: skip


def taken(events: list[Event]) -> Iterator[DecisionTaken]:
    return (event for event in events if isinstance(event, DecisionTaken))


def again(events: list[Event], folder: Path) -> list[DecisionReplayed]:
    return list(replay_decisions(written(events, folder / "journal.sqlite"), lambda _: True))
