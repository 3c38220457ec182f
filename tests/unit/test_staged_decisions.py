"""Decisions at a capital stage: sized within it, and taken again from the journal bit by bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.explain.replaying import replay_decisions
from market.events import Event, TradingHalted
from market.live_events import StageChanged
from tests.desk import TWO
from tests.followed import BARS, EAGER, PRIMED, account, again, opening, taken
from tests.live_session import CASH, bar_ready, live_session, small_plan
from tests.recorded import written
from tests.staged import stage

CHANGES = {PRIMED + 4: "live_minimal", PRIMED + 8: "emergency_stop"}
FELL = PRIMED + 6
"""From here the day has lost 1.2%: too much for `live_minimal`, not for the configuration."""


def stage_of(number: int) -> str:
    """Paper first, then as in CHANGES."""
    return [name for since, name in ((0, "paper"), *CHANGES.items()) if since <= number][-1]


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """A desk at three stages; each change is recorded before the decision on the bar before it."""
    plan = small_plan(TWO, committee=EAGER)
    recorded = opening(plan)
    rng = np.random.default_rng(5)
    with live_session(plan) as session:
        for number in range(PRIMED, PRIMED + BARS):
            ready = bar_ready(
                number,
                float(rng.normal(0.0, 1e-3)),
                stage=stage_of(number),
                equity=CASH if number < FELL else 0.988 * CASH,
            )
            recorded += account(ready)
            if number + 1 in CHANGES:
                recorded.append(stage(CHANGES[number + 1], sequence=number + 1))
            recorded += session.decide(ready).records
    return recorded


def test_what_is_approved_stays_within_the_exposure_of_its_stage(events: list[Event]) -> None:
    exposures = {"paper": 0.20, "live_minimal": 0.02, "emergency_stop": 0.0}
    largest = dict.fromkeys(exposures, 0.0)
    for decision in taken(events):
        gross = sum(abs(order.units) * order.reference_price for order in decision.approved)
        name = stage_of(decision.sequence)
        assert gross <= exposures[name] * CASH
        largest[name] = max(largest[name], gross)
    assert largest["paper"] > exposures["live_minimal"] * CASH
    assert largest["live_minimal"] > 0.0


def test_every_decision_of_a_staged_desk_is_taken_again_to_the_last_bit(
    events: list[Event], tmp_path: Path
) -> None:
    replayed = again(events, tmp_path)
    assert len(replayed) == BARS
    assert all(done.identical for done in replayed), next(d for d in replayed if not d.identical)


def test_a_days_loss_halts_at_the_limit_of_the_stage(events: list[Event]) -> None:
    (halted,) = [event for event in events if isinstance(event, TradingHalted)]
    assert (halted.sequence, halted.halt, halted.limit) == (FELL, "DAILY_LOSS", 0.01)


def test_one_decision_alone_is_taken_again_at_its_own_stage(
    events: list[Event], tmp_path: Path
) -> None:
    journal = written(events, tmp_path / "journal.sqlite")
    for wanted in (PRIMED, PRIMED + 5, PRIMED + 9):
        (alone,) = replay_decisions(journal, lambda sequence, wanted=wanted: sequence == wanted)  # type: ignore[misc]
        assert alone.identical


def test_another_stage_on_record_is_another_decision(events: list[Event], tmp_path: Path) -> None:
    forged = [
        replace(event, stage="live_scaled_3")
        if isinstance(event, StageChanged) and event.stage == "live_minimal"
        else event
        for event in events
    ]
    differing = {done.sequence for done in again(forged, tmp_path) if not done.identical}
    assert differing
    assert differing <= set(range(PRIMED + 4, PRIMED + 8))


def test_a_journal_from_before_there_were_stages_is_taken_again_as_configured(
    events: list[Event], tmp_path: Path
) -> None:
    without = [event for event in events if not isinstance(event, StageChanged)]
    replayed = again(without, tmp_path)
    assert not any(done.identical for done in replayed if done.recorded.approved)
    (first, *_) = [done for done in replayed if done.recorded.approved]
    sized, once = first.again.approved[0], first.recorded.approved[0]
    assert sized.units == pytest.approx(4.0 * once.units, rel=0.01), "2% of equity, not 0.5%"
