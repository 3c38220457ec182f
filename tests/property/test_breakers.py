"""The laws of the halts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.guardian.breakers import (
    DAY_NS,
    Breakers,
    armed_breakers,
    daily_loss,
    drawdown,
    observe_equity,
    rearm,
)
from agents.guardian.codes import Halt
from tests.books import WIDE

QUICK = settings(max_examples=100, deadline=None)
START = 100_000.0
CURVES = st.lists(st.floats(-0.04, 0.04), min_size=1, max_size=40).map(
    lambda changes: list(START * np.cumprod(1.0 + np.array(changes)))
)
HOURS_NS = 3_600_000_000_000


def halt(breakers: Breakers) -> Halt:
    return Halt(int(breakers.halt[0]))


def observe(breakers: Breakers, equity: float, *, hour: int) -> Halt:
    return Halt(int(observe_equity(breakers, WIDE, 19_000 * DAY_NS + hour * HOURS_NS, equity)))


@QUICK
@given(CURVES)
def test_a_drawdown_halts_at_the_limit_and_stays_until_it_is_re_armed(curve: list[float]) -> None:
    breakers = armed_breakers(START)
    peak, latched = START, False
    for hour, equity in enumerate(curve):
        peak = max(peak, equity)
        latched = latched or not 1.0 - equity / peak < WIDE.max_drawdown
        found = observe(breakers, equity, hour=24 * hour)
        assert (found in (Halt.DRAWDOWN, Halt.DRAWDOWN_FLATTEN)) == latched
        assert drawdown(breakers) == pytest.approx(1.0 - equity / peak, abs=1e-12)


@QUICK
@given(CURVES, st.integers(1, 30))
def test_a_daily_loss_halts_for_the_rest_of_its_day_and_no_longer(
    curve: list[float], bars_a_day: int
) -> None:
    breakers = armed_breakers(START)
    day_start, latched, last, peak = START, False, START, START
    for bar, equity in enumerate(curve):
        if bar % bars_a_day == 0:
            day_start, latched = last, False
        peak = max(peak, equity)
        if not 1.0 - equity / peak < WIDE.max_drawdown:
            return
        latched = latched or not 1.0 - equity / day_start < WIDE.max_daily_loss
        hour = 24 * (bar // bars_a_day)
        assert (observe(breakers, equity, hour=hour) is Halt.DAILY_LOSS) == latched
        last = equity


@QUICK
@given(CURVES)
def test_after_re_arming_the_drawdown_counts_from_the_present_equity(curve: list[float]) -> None:
    breakers = armed_breakers(START)
    for day, equity in enumerate(curve):
        observe(breakers, equity, hour=24 * day)
    rearm(breakers, WIDE)
    assert drawdown(breakers) == 0.0
    assert breakers.halted_bars[0] == 0
    assert halt(breakers) is not Halt.DRAWDOWN
    assert observe(breakers, curve[-1] * 0.985, hour=24 * len(curve)) is Halt.NONE
    assert observe(breakers, curve[-1] * 0.89, hour=24 * len(curve) + 24) is Halt.DRAWDOWN


def test_re_arming_does_not_forgive_the_loss_of_the_day() -> None:
    breakers = armed_breakers(START)
    observe(breakers, START, hour=0)
    assert observe(breakers, 0.88 * START, hour=24) is Halt.DRAWDOWN
    rearm(breakers, WIDE)
    assert halt(breakers) is Halt.DAILY_LOSS
    assert daily_loss(breakers) == pytest.approx(0.12)
    assert observe(breakers, 0.88 * START, hour=25) is Halt.DAILY_LOSS
    assert observe(breakers, 0.88 * START, hour=48) is Halt.NONE


def test_the_bars_of_a_halt_are_counted_from_the_one_after_it() -> None:
    breakers = armed_breakers(START)
    counted = []
    for hour in range(4):
        observe(breakers, 0.5 * START, hour=hour)
        counted.append(int(breakers.halted_bars[0]))
    assert counted == [0, 1, 2, 3]


@pytest.mark.parametrize("equity", [math.nan, 0.0, -1.0, math.inf, -math.inf])
def test_an_equity_that_is_no_amount_halts_and_leaves_the_peak_alone(equity: float) -> None:
    breakers = armed_breakers(START)
    assert observe(breakers, equity, hour=0) is Halt.DRAWDOWN
    assert breakers.peak[0] == START
    rearm(breakers, WIDE)
    assert observe(breakers, equity, hour=24) is Halt.DRAWDOWN
    rearm(breakers, WIDE)
    assert observe(breakers, START, hour=48) is not Halt.DRAWDOWN
    assert breakers.peak[0] == START


def test_a_negative_equity_that_sinks_further_after_re_arming_halts_again() -> None:
    breakers = armed_breakers(START)
    observe(breakers, -100.0, hour=0)
    rearm(breakers, WIDE)
    assert observe(breakers, -200.0, hour=24) is Halt.DRAWDOWN


def test_the_limits_themselves_halt() -> None:
    breakers = armed_breakers(START)
    limits = WIDE._replace(max_drawdown=0.25, flatten_drawdown=0.5, max_daily_loss=0.125)
    found = [
        Halt(int(observe_equity(breakers, limits, hour * HOURS_NS, share * START)))
        for hour, share in enumerate([0.876, 0.875, 0.751, 0.75, 0.501, 0.5])
    ]
    assert found == [
        Halt.NONE,
        Halt.DAILY_LOSS,
        Halt.DAILY_LOSS,
        Halt.DRAWDOWN,
        Halt.DRAWDOWN,
        Halt.DRAWDOWN_FLATTEN,
    ]
