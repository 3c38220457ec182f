"""The session: the whole desk, in one process and over sockets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.bootstrap import GATEWAY, GUARDIAN, OPTIMIZER, session_of
from coordinator.replay import replay
from market.events import (
    AllocationApplied,
    BarSettled,
    DecisionTaken,
    OrderFilled,
    OrderIntended,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
)
from market.lines import Line, LocalLine
from market.messages import Execute, RiskContext
from tests.desk import (
    TRADED,
    TWO,
    builders,
    ended,
    events_of,
    kept,
    market,
    plan,
    replay_here,
    replay_over_sockets,
)

BARS = 68


def test_the_same_plan_gives_the_same_journal_event_for_event(tmp_path: Path) -> None:
    one = replay_here(plan(), tmp_path / "one")
    two = replay_here(plan(), tmp_path / "two")
    assert one.digest == two.digest
    assert (one.bars, one.outcome) == (BARS, "completed")
    assert one.events == len(events_of(tmp_path / "one"))
    assert repr(events_of(tmp_path / "one")) == repr(events_of(tmp_path / "two"))


def test_other_data_another_seed_or_another_setting_gives_another_journal(tmp_path: Path) -> None:
    digests = {
        replay_here(settled, tmp_path / str(number)).digest
        for number, settled in enumerate(
            [
                plan(),
                plan(market(seed=2)),
                plan(desk={"seed": 8}),
                plan(sizing={"stop_sigmas": 3.5}),
                plan(agents=tuple(reversed(TWO))),
            ]
        )
    }
    assert len(digests) == 5


@pytest.mark.parametrize("host", [None, "127.0.0.1"], ids=["unix", "tcp"])
def test_members_behind_sockets_give_the_same_journal_as_members_at_hand(
    tmp_path: Path, host: str | None
) -> None:
    here = replay_here(plan(), tmp_path / "here")
    there = replay_over_sockets(plan(), tmp_path / "there", host)
    assert there.digest == here.digest


def test_the_journal_tells_every_bar_in_order(tmp_path: Path) -> None:
    settled = plan()
    replay_here(settled, tmp_path / "run")
    events = events_of(tmp_path / "run")
    started = events[0]
    assert isinstance(started, SessionStarted)
    assert started.symbols == settled.desk.symbols
    assert (started.traded, started.bars) == (3, BARS)
    assert started.data_digest == settled.bars.digest()
    assert [(a.name, a.evidence) for a in started.agents] == [
        ("follower", ("change",)),
        ("contrarian", ("fall",)),
    ]
    assert [e.sequence for e in kept(events, BarSettled)] == list(range(BARS))
    assert [e.sequence for e in kept(events, DecisionTaken)] == list(range(BARS))
    assert [e.time for e in kept(events, BarSettled)] == list(settled.bars.time[12:])
    assert (ended(events).outcome, ended(events).bars) == ("completed", BARS)


def test_a_decision_holds_the_ballots_that_explain_it(tmp_path: Path) -> None:
    replay_here(plan(), tmp_path / "run")
    whole = market().columns(TRADED)
    for decision in kept(events_of(tmp_path / "run"), DecisionTaken):
        row = decision.sequence + 12
        votes = []
        for spec in plan().specs:
            votes.append(spec.build().vote(whole).score[row])
        np.testing.assert_array_equal(decision.scores, votes)
        np.testing.assert_allclose(decision.score, np.mean(votes, axis=0), atol=1e-15)
        np.testing.assert_allclose(decision.score, decision.buy - decision.sell, atol=1e-15)


def test_what_is_decided_on_a_bar_fills_at_the_next_bars_first_price(tmp_path: Path) -> None:
    settled = plan()
    replay_here(settled, tmp_path / "run")
    events = events_of(tmp_path / "run")
    orders = {e.order.client_order_id: e.order for e in kept(events, OrderIntended)}
    fills = [e.fill for e in kept(events, OrderFilled) if e.fill.reason == "DECISION"]
    assert len(fills) > 10
    for fill in fills:
        order = orders[fill.client_order_id]
        assert fill.sequence == order.sequence + 1
        assert fill.units == order.units
        column = settled.bars.symbols.index(fill.symbol)
        assert fill.mid == settled.bars.open[fill.sequence + 12, column]
        assert order.reference_price == settled.bars.close[order.sequence + 12, column]
        assert order.lowest_price <= fill.price <= order.highest_price


def test_later_bars_change_nothing_that_came_before_them(tmp_path: Path) -> None:
    bars = market()
    changed = bars.close.copy()
    changed[60:] *= 1.5
    future = replace(
        bars,
        close=changed,
        open=np.vstack([bars.open[:60], changed[60:]]),
        high=np.vstack([bars.high[:60], changed[60:]]),
        low=np.vstack([bars.low[:60], changed[60:]]),
    )
    replay_here(plan(bars), tmp_path / "one")
    replay_here(plan(future), tmp_path / "two")
    one, two = (
        [
            repr(e)
            for e in events_of(tmp_path / folder)[1:]
            if isinstance(e, (BarSettled, DecisionTaken, AllocationApplied))
            and e.sequence < 60 - 12
        ]
        for folder in ("one", "two")
    )
    assert len(one) > 90
    assert one == two


def test_an_allocation_takes_effect_one_bar_after_it_was_asked_for(tmp_path: Path) -> None:
    replay_here(plan(), tmp_path / "run")
    events = events_of(tmp_path / "run")
    applied = kept(events, AllocationApplied)
    assert [(e.requested, e.sequence) for e in applied] == [(n, n + 1) for n in range(20, 66, 5)]
    multipliers = {d.sequence: d.multiplier for d in kept(events, DecisionTaken)}
    for event in applied:
        np.testing.assert_array_equal(multipliers[event.sequence], event.multiplier)
    assert all((multipliers[n] == 1.0).all() for n in range(21))


def test_a_run_can_be_stopped_after_any_bar_and_keeps_what_it_has(tmp_path: Path) -> None:
    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    lines: dict[str, Line] = {
        name: LocalLine(build()) for name, build in builders(settled, folder).items()
    }
    session = session_of(settled, lines, lines[GUARDIAN], lines[GATEWAY], lines[OPTIMIZER])
    assert session.progress.bars == 0
    result = replay(settled, session, lambda: session.progress.bars == 30)
    assert (result.outcome, result.bars) == ("interrupted", 30)
    events = events_of(folder)
    assert (ended(events).outcome, ended(events).bars) == ("interrupted", 30)
    last = kept(events, BarSettled)[-1]
    progress = session.progress
    assert (progress.bars, progress.time, progress.equity) == (30, last.time, last.equity)
    held = {s: u for s, u in zip(settled.desk.symbols, last.units, strict=True) if u}
    assert dict(progress.positions) == held
    assert progress.fills == len(kept(events, OrderFilled))
    replay_here(settled, tmp_path / "whole")
    whole = events_of(tmp_path / "whole")
    assert [repr(e) for e in events[1:-1]] == [repr(e) for e in whole[1 : len(events) - 1]]


def test_a_drawdown_halts_opening_until_the_supervisor_re_arms_and_all_is_on_record(
    tmp_path: Path,
) -> None:
    guardian = {
        "rearm_after": 6, "max_drawdown": 0.02, "flatten_drawdown": 0.5, "max_daily_loss": 0.25,
    }  # fmt: skip
    replay_here(plan(market(150), guardian=guardian), tmp_path / "run")
    events = events_of(tmp_path / "run")
    halted, rearmed = kept(events, TradingHalted), kept(events, TradingRearmed)
    assert len(halted) >= 2
    assert {*(e.halt for e in halted), *(e.halt for e in rearmed)} == {"DRAWDOWN"}
    assert {e.after_bars for e in rearmed} == {6}
    assert [e.sequence + 6 for e in halted[: len(rearmed)]] == [e.sequence for e in rearmed]
    units = {e.sequence: e.units for e in kept(events, BarSettled)}
    during = {e.sequence + n for e in halted for n in range(6)}
    for decision in kept(events, DecisionTaken):
        held = units[decision.sequence]
        if decision.sequence in during:
            assert all(r.limit == "DRAWDOWN_HALT" for r in decision.refused)
            for order in decision.approved:
                before = held[TRADED.index(order.symbol)]
                assert before * (before + order.units) >= 0.0
                assert abs(before + order.units) < abs(before)
    stopped = [d for d in kept(events, DecisionTaken) if d.sequence in during]
    assert any(d.refused for d in stopped)


def test_a_member_is_told_what_it_must_know_and_answers_for_every_bar(tmp_path: Path) -> None:
    contexts: list[RiskContext] = []
    executes: list[Execute] = []

    @dataclass(slots=True)
    class Listening:
        line: Line

        def post(self, message: object) -> None:
            if isinstance(message, RiskContext):
                contexts.append(message)
            if isinstance(message, Execute):
                executes.append(message)
            self.line.post(message)

        def reply(self) -> object:
            return self.line.reply()

    settled, folder = plan(), tmp_path / "run"
    folder.mkdir()
    built = builders(settled, folder)
    listening: dict[str, Line] = {
        name: Listening(LocalLine(built[name]())) for name in (GUARDIAN, GATEWAY)
    }
    replay_here(settled, folder, listening)
    assert [c.sequence for c in contexts] == list(range(BARS))
    assert all(c.expires - c.time == 86_400 * 10**9 for c in contexts)
    assert all(c.session == settled.desk.session for c in contexts)
    assert [e.sequence for e in executes] == [-1, *range(BARS), BARS - 1]
