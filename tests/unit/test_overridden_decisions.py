"""Decisions under an override: sized by it, and taken again from the journal bit by bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coordinator.explain.replaying import replay_decisions
from market.events import Event
from market.live_events import LimitOverridden, OverrideEnded
from market.overrides import follow, on_record
from tests.desk import TWO
from tests.followed import BARS, EAGER, PRIMED, account, again, opening, taken
from tests.live_session import CASH, bar_ready, live_session, minute, small_plan
from tests.recorded import written

LIMIT = "max_order_value"
CONFIGURED, LOOSER, TIGHTER = 0.04, 0.06, 0.02
OVER = PRIMED + 6
"""The looser one is over at the time of this bar, and on record for two more."""


def begun(sequence: int, value: float, until: int) -> LimitOverridden:
    return LimitOverridden(
        sequence=sequence, time=0, limit=LIMIT, value=value, until=until, by="ann", reason="a test"
    )


CHANGES: dict[int, LimitOverridden | OverrideEnded] = {
    PRIMED + 3: begun(PRIMED + 3, LOOSER, minute(OVER).time),
    PRIMED + 8: begun(PRIMED + 8, TIGHTER, 2**62),
    PRIMED + 10: OverrideEnded(sequence=PRIMED + 10, time=0, limit=LIMIT, by="ann", reason="done"),
}


def limit_of(number: int) -> float:
    """What an order may be worth on this bar, of equity."""
    if PRIMED + 3 <= number < OVER:
        return LOOSER
    return TIGHTER if PRIMED + 8 <= number < PRIMED + 10 else CONFIGURED


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """A desk under two overrides; each change is recorded before the decision on the bar before."""
    plan = small_plan(TWO, committee=EAGER, guardian={LIMIT: CONFIGURED})
    recorded = opening(plan)
    rng = np.random.default_rng(5)
    known: dict[str, LimitOverridden] = {}
    with live_session(plan) as session:
        for number in range(PRIMED, PRIMED + BARS):
            if number in CHANGES:
                follow(known, CHANGES[number])
            ready = bar_ready(
                number, float(rng.normal(0.0, 1e-3)), overrides=on_record(known.values())
            )
            recorded += account(ready)
            if number + 1 in CHANGES:
                recorded.append(CHANGES[number + 1])
            recorded += session.decide(ready).records
    return recorded


def test_orders_are_sized_by_the_limit_that_is_in_force_on_their_bar(events: list[Event]) -> None:
    largest = dict.fromkeys((CONFIGURED, LOOSER, TIGHTER), 0.0)
    for decision in taken(events):
        limit = limit_of(decision.sequence)
        for order in decision.approved:
            value = abs(order.units) * order.reference_price / CASH
            assert value <= limit
            largest[limit] = max(largest[limit], value)
    assert largest[LOOSER] > CONFIGURED
    assert largest[CONFIGURED] > TIGHTER
    assert largest[TIGHTER] > 0.0


def test_every_decision_under_an_override_is_taken_again_to_the_last_bit(
    events: list[Event], tmp_path: Path
) -> None:
    replayed = again(events, tmp_path)
    assert len(replayed) == BARS
    assert all(done.identical for done in replayed), next(d for d in replayed if not d.identical)


@pytest.mark.parametrize("wanted", [PRIMED + 2, PRIMED + 4, OVER, PRIMED + 9, PRIMED + 11])
def test_one_decision_alone_is_taken_again_under_its_own_overrides(
    events: list[Event], tmp_path: Path, wanted: int
) -> None:
    journal = written(events, tmp_path / "journal.sqlite")
    (alone,) = replay_decisions(journal, lambda sequence: sequence == wanted)
    assert alone.identical


def test_another_value_on_record_is_another_decision(events: list[Event], tmp_path: Path) -> None:
    forged = [
        replace(event, value=0.05)
        if isinstance(event, LimitOverridden) and event.value == LOOSER
        else event
        for event in events
    ]
    differing = {done.sequence for done in again(forged, tmp_path) if not done.identical}
    assert differing
    assert differing <= set(range(PRIMED + 3, OVER))
