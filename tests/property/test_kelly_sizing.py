"""The laws of Kelly stakes in sizing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.guardian.calibration.table import CalibrationTable
from agents.guardian.codes import Limit
from tests.books import COLUMNS
from tests.calibration import table
from tests.property.test_sizing import QUICK, RULES, TRADED, Wish, wishes

KELLY = RULES._replace(kelly_fraction=0.5)
EDGE = table(0.6, 0.55)
NO_EDGE = table(0.6, 0.45)
COLUMN = st.integers(0, TRADED - 1)


def staked(wish: Wish, known: CalibrationTable, **changed: float) -> Wish:
    return replace(wish, rules=KELLY._replace(**changed), table=known)


def bound(wish: Wish, column: int) -> Limit:
    return Limit(int(wish.proposed().proposals.bound[column]))


@QUICK
@given(wishes(flat=True), COLUMN)
def test_a_stake_risks_no_more_than_a_trade_may_and_no_more_than_half_kelly(
    wish: Wish, column: int
) -> None:
    kelly = staked(wish, EDGE)
    marks, equity = wish.book.marks, wish.book.exposed.equity
    value = marks.mid[column] * marks.rate[column]
    at_stop = RULES.stop_sigmas * wish.sigma[column] * value
    allowed = wish.multiplier[column] * equity * (1.0 + 1e-9)
    wanted = kelly.wanted(column)
    # Half of 0.6 − 0.4 is 0.1 of equity at risk, held to 0.02; over a mean loss of 0.01.
    assert wanted * at_stop <= RULES.max_risk_per_trade * allowed
    assert wanted * value <= RULES.max_risk_per_trade / 0.01 * allowed


@QUICK
@given(wishes(flat=True), COLUMN)
def test_without_a_proved_edge_nothing_is_opened(wish: Wish, column: int) -> None:
    kelly = staked(wish, NO_EDGE)
    assert kelly.wanted(column) == 0.0
    roomy = staked(wish, EDGE).wanted(column) > 0.0
    assert not roomy or bound(kelly, column) is Limit.NO_EDGE


@QUICK
@given(wishes())
def test_until_enough_is_known_it_is_the_fixed_fraction(wish: Wish) -> None:
    one, other = replace(wish, rules=KELLY).proposed().proposals, wish.proposed().proposals
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("cap", [0.001, 0.01])
@QUICK
@given(wishes(flat=True), COLUMN)
def test_until_enough_is_known_the_fixed_fraction_is_held_to_the_cap_of_a_stake(
    cap: float, wish: Wish, column: int
) -> None:
    unknown = replace(wish, rules=KELLY._replace(kelly_cap=cap))
    marks, equity = wish.book.marks, wish.book.exposed.equity
    at_stop = RULES.stop_sigmas * wish.sigma[column] * marks.mid[column] * marks.rate[column]
    most = cap * equity * wish.multiplier[column]
    assert unknown.wanted(column) * at_stop <= most * (1.0 + 1e-9)
    assert unknown.wanted(column) <= wish.wanted(column)
    if RULES.max_risk_per_trade * abs(wish.score[column]) <= cap:
        assert unknown.wanted(column) == wish.wanted(column)
        assert bound(unknown, column) is bound(wish, column)
    else:
        assert bound(unknown, column) is not Limit.RISK_PER_TRADE


@QUICK
@given(wishes(), st.sampled_from([math.nan, math.inf, -1.0]), COLUMN)
def test_a_table_that_holds_no_number_opens_nothing(wish: Wish, poison: float, column: int) -> None:
    known = table(0.6, 0.55)
    known.loss[:] = poison
    proposed = staked(wish, known).proposed().proposals
    units = wish.book.exposed.units[:COLUMNS] + proposed.units
    assert abs(units[column]) <= abs(wish.book.exposed.units[column])


@QUICK
@given(wishes(flat=True), COLUMN, st.floats(1e-4, 0.01))
def test_a_position_alone_stays_within_the_volatility_target(
    wish: Wish, column: int, target: float
) -> None:
    calm = replace(wish, rules=RULES._replace(volatility_target=target))
    marks, equity = wish.book.marks, wish.book.exposed.equity
    value = marks.mid[column] * marks.rate[column]
    assert calm.wanted(column) * value * wish.sigma[column] <= target * equity * (1.0 + 1e-9)
    if bound(calm, column) is Limit.VOLATILITY_TARGET:
        assert calm.wanted(column) <= wish.wanted(column)


@pytest.mark.parametrize("cap", [0.001, 0.01])
@QUICK
@given(wishes(flat=True), COLUMN)
def test_the_cap_of_a_stake_is_named_kelly_below_the_risk_of_a_trade(
    cap: float, wish: Wish, column: int
) -> None:
    kelly = staked(wish, EDGE, kelly_cap=cap)
    assert bound(kelly, column) is not Limit.RISK_PER_TRADE
    marks, equity = wish.book.marks, wish.book.exposed.equity
    at_stop = RULES.stop_sigmas * wish.sigma[column] * marks.mid[column] * marks.rate[column]
    most = cap * equity * wish.multiplier[column]
    assert kelly.wanted(column) * at_stop <= most * (1.0 + 1e-9)
