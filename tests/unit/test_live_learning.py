"""A live desk learns what its stakes are Kelly's of, as a replay does, across every restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.guardian.codes import Limit
from agents.seat import Seat, evidence_names
from coordinator.bootstrap import GATEWAY, GUARDIAN, OPTIMIZER, guardian_builder
from coordinator.configuration.settings import Settings
from coordinator.explain.replaying import replay_decisions
from coordinator.live.bootstrap import live_plan_of
from coordinator.live.places import Place
from coordinator.live.session import LiveSession
from coordinator.live.warming import warm_up
from coordinator.plan import Plan
from infra.deadlines import DeadlineLine, readable
from infra.journal.codec import decode_value, encode_value
from infra.transport import SocketChannel, Switchboard
from market.bar_window import BarSlice, slice_of
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.events import (
    CalibrationFitted,
    DecisionTaken,
    Event,
    SessionStarted,
)
from market.lines import LocalLine, Member, serve
from market.live_events import BarClosed, ForecastMade
from market.live_messages import BarReady
from market.messages import Settlement
from tests.desk import KEY, LEARNS, builders, events_of, kept, plan, replay_here, trending
from tests.lines import AlteredLine
from tests.live import WITHIN_S
from tests.recorded import as_live, written

BARS, FIRST = 240, 12
ROWS = 150
"""Bars that the desk remembers: the window and the horizon of LEARNS fit in."""
CALM = {"max_drawdown": 0.5, "max_daily_loss": 0.25}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay whose stakes are Kelly's: its plan, its events, and each bar's account."""

    settled: Plan
    events: list[Event]
    accounts: list[Settlement]

    @property
    def started(self) -> SessionStarted:
        started = self.events[0]
        assert isinstance(started, SessionStarted)
        return started


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    settled = plan(
        trending(BARS),
        first=FIRST,
        guardian=CALM,
        committee={"weights": {"follower": 0.7, "contrarian": 0.3}},
        optimizer={"rebalance_every": 10_000},
        sizing={**LEARNS, "method": "kelly", "kelly_fraction": 0.02},
    )
    folder = tmp_path_factory.mktemp("kelly") / "run"
    folder.mkdir()
    accounts: list[Settlement] = []

    def seen(answer: object) -> object:
        if isinstance(answer, Settlement):
            accounts.append(answer)
        return answer

    gateway = AlteredLine(LocalLine(builders(settled, folder)[GATEWAY]()), seen)
    replay_here(settled, folder, {GATEWAY: gateway})
    return Replayed(settled=settled, events=events_of(folder), accounts=accounts)


@contextmanager
def session_from(settled: Plan, state: DeskState) -> Iterator[LiveSession]:
    """A live session that starts from what a gateway would hand over, its members on the line."""
    handed = decode_value(encode_value(state.snapshot()), DeskSnapshot)
    agents = [spec.build() for spec in settled.specs]
    places = [
        Place(name=one.name, lookback=one.lookback, evidence=evidence_names(one, settled.bars))
        for one in agents
    ]
    session = LiveSession(
        settled.desk, places, settled.allocation, handed, epoch=1, vote_deadline_s=WITHIN_S,
        guardian_deadline_s=WITHIN_S,
    )  # fmt: skip
    members: dict[str, Member] = {one.name: Seat(one) for one in agents}
    members[GUARDIAN] = guardian_builder(settled, KEY)()
    board = Switchboard(KEY)
    threads = []
    for name, member in members.items():
        channel = SocketChannel.dial(board.address, KEY, name)
        threads.append(threading.Thread(target=serve, args=(channel, member), daemon=True))
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


def lived(replayed: Replayed, cuts: Sequence[int]) -> list[Event]:
    """The replay's bars and accounts through live sessions, a new one from the journal at each cut.

    A cut falls right after a decision was recorded: whatever waits for that is lost.
    """
    settled, recorded = replayed.settled, list[Event]()
    state = DeskState(replayed.started, ROWS)
    for row in range(FIRST):
        state.window.push(slice_of(settled.bars, row))
    starts = [0, *cuts]
    for start, stop in zip(starts, [*cuts, len(replayed.accounts)], strict=True):
        with session_from(settled, state) as session:
            for sequence in range(start, stop):
                bar = slice_of(settled.bars, FIRST + sequence)
                closed = BarClosed(sequence=sequence, time=bar.time, values=bar.values, skipped=0)
                decided = session.decide(ready(bar, replayed.accounts[sequence]))
                for event in (closed, *decided.records):
                    state.apply(decode_value(encode_value(event), type(event)))
                    recorded.append(event)
                if sequence + 1 < stop:
                    session.decided()
    return recorded


def ready(bar: BarSlice, account: Settlement) -> BarReady:
    return BarReady(
        sequence=account.sequence, bar=bar, missed=(), settlement=account, mode="TRADING",
        stage="", overrides=(),
    )  # fmt: skip


def same(one: Sequence[Event], other: Sequence[Event]) -> bool:
    """Equal to the last bit."""
    return [encode_value(event) for event in one] == [encode_value(event) for event in other]


@pytest.mark.parametrize(
    "cuts", [(), (34,), (35,), (36,), (120, 121, 200)], ids=lambda cuts: f"restarts at {cuts}"
)
def test_the_same_bars_live_and_in_replay_give_the_same_fits_and_the_same_sizes(
    replayed: Replayed, cuts: Sequence[int]
) -> None:
    events = lived(replayed, cuts)
    assert same(kept(events, CalibrationFitted), kept(replayed.events, CalibrationFitted))
    assert same(kept(events, DecisionTaken), kept(replayed.events, DecisionTaken))


def test_stakes_are_kellys_once_enough_is_known(replayed: Replayed) -> None:
    fits = kept(replayed.events, CalibrationFitted)
    assert [fit.fitted for fit in fits] == list(range(17, BARS - FIRST - 1, 17))
    assert any(fit.calibrated.any() for fit in fits)
    bounds = {int(code) for taken in kept(replayed.events, DecisionTaken) for code in taken.bound}
    assert int(Limit.KELLY) in bounds


def test_every_decision_is_recorded_with_who_carried_it_and_what_was_foretold(
    replayed: Replayed,
) -> None:
    events = lived(replayed, ())
    made, taken = kept(events, ForecastMade), kept(events, DecisionTaken)
    assert [one.sequence for one in made] == [one.sequence for one in taken]
    calibrated = next(f for f in kept(events, CalibrationFitted) if f.calibrated.any())
    for one, decision in zip(made, taken, strict=True):
        np.testing.assert_array_equal(one.confidence, np.abs(decision.score))
        np.testing.assert_array_equal(one.side != 0.0, one.leader >= 0)
        if one.sequence < calibrated.sequence:
            assert np.isnan(one.probability).all()
    assert any(np.isfinite(one.probability).any() for one in made)


def test_a_live_journal_is_enough_to_take_every_decision_again(
    replayed: Replayed, tmp_path: Path
) -> None:
    made = iter(kept(lived(replayed, (100,)), ForecastMade))
    events: list[Event] = []
    for event in as_live(replayed.settled, replayed.events):
        events.append(event)
        if isinstance(event, DecisionTaken):
            events.append(next(made))
    journal = written(events, tmp_path / "journal.sqlite")
    again = list(replay_decisions(journal, lambda _: True))
    assert len(again) == BARS - FIRST
    assert all(done.identical for done in again), next(d for d in again if not d.identical)


def test_where_sizes_do_not_need_it_nothing_is_learned_or_recorded(replayed: Replayed) -> None:
    desk = replayed.settled.desk
    plain = replace(desk, learning=desk.learning._replace(needed=False))
    settled = replace(replayed.settled, desk=plain)
    few = replace(replayed, settled=settled, accounts=replayed.accounts[:40])
    assert not [e for e in lived(few, (20,)) if isinstance(e, ForecastMade | CalibrationFitted)]


def live_plan(**sizing: Any) -> Any:
    settings = {
        "data": {"bar": "1m", "instruments": ("EUR_USD", "GBP_USD")},
        "committee": {"agents": ("momentum",)},
        "sizing": sizing,
    }
    return live_plan_of(Settings.model_validate(settings), opened="a test")


def test_a_desk_whose_stakes_are_kellys_remembers_the_window_and_needs_no_longer_a_history() -> (
    None
):
    fixed, kelly = live_plan(), live_plan(method="kelly")
    assert kelly.rows >= 2_000 + 10
    assert kelly.primed_rows == fixed.primed_rows == fixed.rows < 2_000
    warm_up(kelly.desk)
