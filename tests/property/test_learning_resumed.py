"""What a desk learns does not depend on when its coordinator was started anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agents.guardian.calibration.calibrator import CalibrationRules
from coordinator.desk import Desk
from coordinator.learning import Learning, LearningRules, Rows
from coordinator.live.learned import forecast_made, resumed_learning, undecided_row
from infra.journal.codec import decode_value, encode_value
from market.bar_window import BarSlice, slice_of
from market.desk_snapshot import DeskSnapshot
from market.desk_state import DeskState
from market.events import CalibrationFitted
from market.live_events import BarClosed
from tests.desk import TRADED, plan, trending
from tests.live import session_started
from tests.live_broker import FakeBroker

BARS = 90
RULES = LearningRules(
    every=7,
    calibration=CalibrationRules(horizon=3, window=25, min_outcomes=8, bins=4),
    needed=True,
)
ROWS = RULES.calibration.lookback + 1
PANEL = trending(BARS)
DESK: Desk = replace(plan(PANEL).desk, learning=RULES)
STARTED = session_started(
    FakeBroker((*TRADED, "GBP_USD")), symbols=PANEL.symbols, traded=len(TRADED), interval_s=86_400
)


def decided(rng: np.random.Generator, bar: BarSlice) -> Rows:
    """A decision of one of two agents in each instrument, in some of them none."""
    row = undecided_row(bar)
    shape = row.side.shape
    side = rng.integers(-1, 2, shape).astype(np.float64)
    leader = np.where(side == 0.0, -1, rng.integers(0, 2, shape))
    return row._replace(side=side, confidence=rng.random(shape), leader=leader)


def learned(
    seed: int,
    missed: set[int],
    starts: set[int],
    lost: set[int],
    left_out: frozenset[int] = frozenset(),
) -> tuple[list[CalibrationFitted], Learning]:
    """Every fit over the bars. missed: bars that nobody decided on. starts: bars before which a new
    coordinator takes over. lost: decisions after which it died before it had learned from them.
    left_out: decisions on which no fit is made, though one is due.
    """
    rng = np.random.default_rng(seed)
    state, fits = DeskState(STARTED, ROWS), list[CalibrationFitted]()
    learning = Learning(RULES, len(DESK.weights), DESK.typical_spread)
    for sequence in range(BARS):
        bar = slice_of(PANEL, sequence)
        traded = bar.columns(DESK.traded)
        rows = decided(rng, traded)
        if sequence in starts or sequence - 1 in lost:
            kept = decode_value(encode_value(state.snapshot()), DeskSnapshot)
            learning = resumed_learning(DESK, kept)
        state.apply(BarClosed(sequence=sequence, time=bar.time, values=bar.values, skipped=0))
        if sequence in missed:
            learning.pass_over(undecided_row(traded))
            continue
        fitted = learning.take_effect(sequence, bar.time)
        if fitted is not None:
            fits.append(fitted)
            state.apply(fitted)
        state.apply(forecast_made(sequence, bar.time, rows, learning.observe(rows)))
        if sequence in left_out:
            learning.leave_out(sequence)
        elif sequence not in lost:
            learning.fit(sequence, bar.time)
    return fits, learning


def bits(fits: list[CalibrationFitted]) -> list[bytes]:
    return [encode_value(fit) for fit in fits]


def left_out_of(
    whole: list[CalibrationFitted], again: list[CalibrationFitted], missed: set[int], new: set[int]
) -> frozenset[int]:
    """The fits that one that was started anew before the bars `new` did not make. Each of them was
    due on the last decision before such a bar: no other can have been lost.
    """
    made = {fit.fitted for fit in again}
    found = frozenset(fit.fitted for fit in whole if fit.fitted not in made)
    decided = [bar for bar in range(BARS) if bar not in missed]
    assert found <= {max((bar for bar in decided if bar < start), default=-1) for start in new}
    return found


PLACES = st.sets(st.integers(0, BARS - 1), max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), PLACES, PLACES, PLACES)
@example(0, {0, 1, 50, 51}, {0, 1, 52}, set())
@example(0, {0, 1, 2, 3, 64, 65}, {0, 1, 66}, {0, 1, 2, 3, 4, 66})
def test_restarts_and_missed_bars_anywhere_give_the_same_fits_or_leave_one_out(
    seed: int, missed: set[int], starts: set[int], lost: set[int]
) -> None:
    whole, _ = learned(seed, missed, set(), set())
    again, _ = learned(seed, missed, starts, lost - missed)
    # One whose rows had gone before it could be made again is left out, and none is another.
    left_out = left_out_of(whole, again, missed, starts | {bar + 1 for bar in lost - missed})
    wanted, _ = learned(seed, missed, set(), set(), left_out)
    assert bits(again) == bits(wanted)
    if not missed:
        assert not left_out


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(30, 50), PLACES, PLACES)
def test_restarts_while_an_agent_has_lost_its_outcomes_give_the_same_fits(
    seed: int, quiet: int, starts: set[int], lost: set[int]
) -> None:
    """Bars that nobody decides on empty the window; what was known before still counts."""
    missed = set(range(quiet, quiet + 20))
    whole, _ = learned(seed, missed, set(), set())
    assert any(
        (fit.calibrated == 1)[known].all() and not fit.lower_bound[known].any()
        for fit in whole
        if (known := fit.outcomes < RULES.calibration.min_outcomes).any()
    )
    again, _ = learned(seed, missed, starts, lost - missed)
    left_out = left_out_of(whole, again, missed, starts | {bar + 1 for bar in lost - missed})
    assert bits(again) == bits(learned(seed, missed, set(), set(), left_out)[0])


def test_such_markets_do_calibrate() -> None:
    fits, learning = learned(1, {5, 6, 40}, {50}, {34})
    assert len(fits) == len(range(7, BARS - 1, 7))
    assert fits[-1].calibrated.all()
    assert np.isfinite(learning.table.probability).all()
    assert sum(fit.foretold.sum() for fit in fits) > 0.0


def test_before_anything_was_decided_nothing_is_taken_up() -> None:
    state = DeskState(STARTED, ROWS)
    for sequence in range(20):
        state.window.push(slice_of(PANEL, sequence))
    learning = resumed_learning(DESK, state.snapshot())
    learning.fit(14, 14)
    fitted = learning.take_effect(15, 15)
    assert fitted is not None
    assert not fitted.outcomes.any()


def after_a_gap(gap: int) -> tuple[Learning, Learning]:
    """A desk whose fit on a decision was lost, with so many bars behind it that nobody decided on;
    and one that went on.
    """
    rng, due = np.random.default_rng(2), 49
    state, alive = DeskState(STARTED, ROWS), Learning(RULES, len(DESK.weights), DESK.typical_spread)
    for sequence in range(due + 1 + gap):
        bar = slice_of(PANEL, sequence)
        traded = bar.columns(DESK.traded)
        state.apply(BarClosed(sequence=sequence, time=bar.time, values=bar.values, skipped=0))
        if sequence > due:
            alive.pass_over(undecided_row(traded))
            continue
        fitted, rows = alive.take_effect(sequence, bar.time), decided(rng, traded)
        if fitted is not None:
            state.apply(fitted)
        state.apply(forecast_made(sequence, bar.time, rows, alive.observe(rows)))
        alive.fit(sequence, bar.time)
    return alive, resumed_learning(DESK, state.snapshot())


@pytest.mark.parametrize("gap", [0, 1, 2, 10, 20, RULES.calibration.lookback, 35])
def test_a_fit_that_was_lost_is_made_from_all_its_rows_or_not_at_all(gap: int) -> None:
    alive, again = after_a_gap(gap)
    stands, made = again.table, again.take_effect(50 + gap, 1)
    remembered = gap <= ROWS - RULES.calibration.lookback
    assert (made is not None, again.left_out) == (remembered, -1 if remembered else 49)
    whole = alive.take_effect(50 + gap, 1)
    assert whole is not None
    if made is not None:
        assert bits([made]) == bits([whole])
    else:
        assert again.table is stands
        assert stands.calibrated.all(), "nobody falls back to the fraction of one who is unknown"


@pytest.mark.parametrize("gap", [2, 4])
def test_the_next_fit_is_made_when_it_is_due_and_is_that_of_a_desk_that_went_on(gap: int) -> None:
    alive, again = after_a_gap(gap)
    fits = []
    for learning in (alive, again):
        learning.take_effect(50 + gap, 1)
        rng = np.random.default_rng(3)
        for sequence in range(50 + gap, 57):
            assert learning.take_effect(sequence, 1) is None, "none is due before bar 56"
            learning.observe(decided(rng, slice_of(PANEL, sequence).columns(DESK.traded)))
            learning.fit(sequence, 1)
        fits.append(learning.take_effect(57, 1))
    one, other = fits
    assert one is not None
    assert other is not None
    assert np.array_equal(one.probability, other.probability, equal_nan=True)
    assert np.array_equal(one.outcomes, other.outcomes)
