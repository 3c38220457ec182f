"""Laws of a breaker: it trips once, a restart forgets nothing, and no clock arms it early."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.journal.codec import decode, decode_value, encode, encode_value
from market.breakers import (
    COOL_DOWN,
    RECURS_AFTER_NS,
    SECOND_NS,
    BreakerAction,
    BreakerMemory,
    BreakerRule,
    Change,
    Phase,
    cools_until,
    observe,
    released,
)
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.live_events import BreakerReset, BreakerTripped
from tests.live_gateways import ROWS, started

RULE = BreakerRule(
    name="X", threshold=1.0, unit="", about="", action=BreakerAction.BLOCK, cool_down_s=300.0
)
LATCH = replace(RULE, latch=True)
COOL_NS = 300 * SECOND_NS
MEASURES = st.sampled_from([0.0, 0.5, 0.999, 1.0, 2.0, math.nan, math.inf, -1.0])
LOOKS = st.lists(
    st.tuples(MEASURES, st.integers(-400, 400), st.booleans()), min_size=1, max_size=40
)
RULES = st.sampled_from([RULE, LATCH])
QUICK = settings(max_examples=150, deadline=None)


def restarted(memory: BreakerMemory) -> BreakerMemory:
    """What the record brings back: everything but the cool-down so far."""
    return replace(memory, calm_since=None)


@QUICK
@given(LOOKS, RULES)
def test_the_record_folds_to_what_the_breaker_remembers(
    looks: list[tuple[float, int, bool]], rule: BreakerRule
) -> None:
    state, memory, now = DeskState(started(), ROWS), BreakerMemory(), 10**18
    for measured, seconds, person in looks:
        now += seconds * SECOND_NS
        if person and memory.trip is not None:
            memory = released(memory)
            state.apply(BreakerReset(time=now, breaker="X", by="ann", reason="looked"))
        memory, change = observe(rule, memory, measured, now)
        if change is Change.TRIPPED:
            assert memory.trip is not None
            event = BreakerTripped(
                time=memory.seen, breaker="X", measured=memory.trip.measured,
                limit=rule.threshold, action=rule.action.value, repeats=memory.trip.repeats,
            )  # fmt: skip
            state.apply(decode(*encode(event)))
        elif change is Change.ARMED:
            state.apply(BreakerReset(time=memory.seen, breaker="X", by=COOL_DOWN, reason="calm"))
        assert repr(state.tripped.get("X")) == repr(memory.trip)
    kept = decode_value(encode_value(state.snapshot()), DeskSnapshot)
    again = DeskState.resume(kept, ROWS)
    assert repr(again.trips) == repr(state.trips)
    assert repr(again.tripped) == repr(state.tripped)


@QUICK
@given(LOOKS, RULES, st.integers(0, 40))
def test_a_restart_never_arms_a_breaker_earlier(
    looks: list[tuple[float, int, bool]], rule: BreakerRule, at: int
) -> None:
    memory = other = BreakerMemory()
    now = 10**18
    for count, (measured, seconds, _) in enumerate(looks):
        now += seconds * SECOND_NS
        if count == at:
            other = restarted(other)
        memory, _ = observe(rule, memory, measured, now)
        other, _ = observe(rule, other, measured, now)
        assert memory.trip is None or other.trip is not None


@QUICK
@given(MEASURES, st.lists(st.integers(0, 9), max_size=20))
def test_tripping_is_idempotent(measured: float, steps: list[int]) -> None:
    memory, change = observe(RULE, BreakerMemory(), measured, 10**18)
    assert (change is Change.TRIPPED) == (not measured < 1.0)
    first = memory.trip
    for step in steps:
        memory, change = observe(RULE, memory, math.inf if first else 0.0, memory.seen + step)
        assert change is Change.NOTHING
        assert memory.trip is first


@pytest.mark.parametrize("measured", [math.nan, 1.0, math.inf])
def test_a_measure_at_its_limit_and_one_that_is_nan_trip(measured: float) -> None:
    memory, change = observe(RULE, BreakerMemory(), measured, 5)
    assert (memory.phase, change) == (Phase.TRIPPED, Change.TRIPPED)


def test_it_arms_itself_only_after_its_cool_down_in_calm() -> None:
    memory, _ = observe(RULE, BreakerMemory(), 2.0, 0)
    memory, _ = observe(RULE, memory, 0.0, SECOND_NS)
    assert memory.phase is Phase.COOLING
    assert cools_until(RULE, memory) == SECOND_NS + COOL_NS
    memory, change = observe(RULE, memory, 0.0, COOL_NS + SECOND_NS - 1)
    assert (memory.phase, change) == (Phase.COOLING, Change.NOTHING)
    memory, change = observe(RULE, memory, 0.0, COOL_NS + SECOND_NS)
    assert (memory.phase, change) == (Phase.ARMED, Change.ARMED)


def test_one_that_latches_waits_for_a_person_however_long() -> None:
    memory, _ = observe(LATCH, BreakerMemory(), 2.0, 0)
    memory, _ = observe(LATCH, memory, 0.0, 1)
    memory, change = observe(LATCH, memory, 0.0, 10**18)
    assert (memory.phase, change, cools_until(LATCH, memory)) == (
        Phase.COOLING, Change.NOTHING, None,
    )  # fmt: skip
    assert released(memory).phase is Phase.ARMED


def test_a_clock_that_steps_back_and_forth_again_arms_nothing_early() -> None:
    memory, _ = observe(RULE, BreakerMemory(), 2.0, 10 * COOL_NS)
    memory, _ = observe(RULE, memory, 0.0, COOL_NS)
    memory, change = observe(RULE, memory, 0.0, 10 * COOL_NS + SECOND_NS)
    assert (memory.phase, change) == (Phase.COOLING, Change.NOTHING)
    memory, change = observe(RULE, memory, 0.0, 11 * COOL_NS)
    assert change is Change.ARMED


def test_a_limit_reached_again_is_counted_once_it_was_calm_and_begins_the_cool_down_anew() -> None:
    memory, _ = observe(RULE, BreakerMemory(), 2.0, 0)
    memory, _ = observe(RULE, memory, 0.0, 1)
    memory, change = observe(RULE, memory, 3.0, RECURS_AFTER_NS)
    assert memory.trip is not None
    assert (change, memory.trip.repeats, memory.phase) == (Change.NOTHING, 0, Phase.TRIPPED)
    memory, _ = observe(RULE, memory, 0.0, RECURS_AFTER_NS)
    memory, change = observe(RULE, memory, 3.0, 2 * RECURS_AFTER_NS)
    assert memory.trip is not None
    assert (change, memory.trip.repeats, memory.trip.time) == (Change.TRIPPED, 1, 0)
    memory, _ = observe(RULE, memory, 0.0, 3 * RECURS_AFTER_NS)
    assert cools_until(RULE, memory) == 3 * RECURS_AFTER_NS + COOL_NS
