"""Decisions taken again where something came between a bar's close and its decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from coordinator.explain.inputs import Places
from coordinator.explain.naming import parse_name
from coordinator.explain.record import read_decision
from coordinator.explain.seen import data_seen
from market.bar_window import BarSlice
from market.desk_state import DeskState
from market.events import Event
from market.live_events import AgentReweighted, TradingOpened
from market.live_messages import BarReady, CommitteeChanged
from tests.desk import TWO
from tests.followed import EAGER, PRIMED, account, again, opening
from tests.live_session import bar_ready, live_session, minute, small_plan

AT = PRIMED + 3
PLAN = small_plan(TWO, committee=EAGER)


def moves(seed: int = 5) -> list[float]:
    return [float(move) for move in np.random.default_rng(seed).normal(0.0, 1e-3, 12)]


def all_as_recorded(events: list[Event], folder: Path) -> None:
    """Each decision is the same again, and `why` names the data that it was taken on."""
    for done in again(events, folder):
        journal = folder / "journal.sqlite"
        seen = data_seen(read_decision(journal, parse_name(str(done.sequence))), journal, Places())
        assert done.identical, done
        assert (seen.digest, seen.last) == (done.seen, done.time)


def test_a_weight_counts_from_the_bar_that_nobody_was_given_yet(tmp_path: Path) -> None:
    events, (first, second) = opening(PLAN), [place.name for place in PLAN.places]
    with live_session(PLAN) as session:
        for number, move in enumerate(moves(), PRIMED):
            ready = bar_ready(number, move)
            events += account(ready)
            if number == AT:
                events.append(
                    AgentReweighted(
                        time=0, agent=second, weight=0.01, by="ann", reason="trial", sequence=AT
                    )
                )
                weights = {first: PLAN.weights[0], second: 0.01}
                session.seat(CommitteeChanged(weights=weights, seated=(first, second)))
            events += session.decide(ready).records
    all_as_recorded(events, tmp_path)
    record = read_decision(tmp_path / "journal.sqlite", parse_name(str(AT)))
    assert [seat.weight for seat in record.seats][1] == 0.01
    before = read_decision(tmp_path / "journal.sqlite", parse_name(str(AT - 1)))
    assert [seat.weight for seat in before.seats][1] != 0.01


def test_a_bar_that_closes_while_one_is_decided_on_is_no_part_of_what_was_seen(
    tmp_path: Path,
) -> None:
    events = opening(PLAN)
    bars = [bar_ready(number, move) for number, move in enumerate(moves(), PRIMED)]
    with live_session(PLAN) as session:
        for number, ready in enumerate(bars):
            if number != 4:
                events += account(ready)
            records = session.decide(ready).records
            if number == 3:
                events += account(bars[4])
            events += records
    all_as_recorded(events, tmp_path)


def moved_on(sequence: int, bar: BarSlice) -> BarReady:
    """A bar that is later than its number says, as after a while in which nobody was there."""
    ready = bar_ready(sequence)
    settled = replace(ready.settlement, mid=bar.values[3].copy(), spread=bar.values[4].copy())
    return replace(ready, bar=bar, settlement=settled)


def test_a_bar_on_which_everything_died_comes_before_what_passed_until_it_was_taken_up(
    tmp_path: Path,
) -> None:
    events, drawn = opening(PLAN), moves()
    with live_session(PLAN) as session:
        for number in range(PRIMED, AT):
            ready = bar_ready(number, drawn.pop())
            events += account(ready)
            events += session.decide(ready).records
    events += account(bar_ready(AT, drawn.pop()))
    passed = [minute(AT + 1 + number, drawn.pop()) for number in range(3)]
    events.append(
        TradingOpened(
            time=passed[-1].time,
            broker="",
            last_transaction=0,
            versions=PLAN.versions,
            history_time=np.array([bar.time for bar in passed]),
            history_values=np.stack([bar.values for bar in passed]),
        )
    )
    started, *_ = events
    state = DeskState(started, PLAN.rows)  # type: ignore[arg-type]
    for event in events:
        state.apply(event)
    with live_session(PLAN, state=state) as session:
        for number in range(3):
            ready = moved_on(AT + 1 + number, minute(AT + 4 + number, drawn.pop()))
            events += account(ready)
            events += session.decide(ready).records
    all_as_recorded(events, tmp_path)
