"""The laws of the pre-trade review."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.guardian.codes import Halt, Limit
from agents.guardian.limits import RiskLimits
from tests.books import (
    COLUMNS,
    INSTRUMENTS,
    SYMBOLS,
    Case,
    Measured,
    case,
    cases,
    measured,
    stop_losses,
)

QUICK = settings(max_examples=80, deadline=None)
SLACK = 1.0 + 1e-9
POISONS = (math.nan, 0.0, -1.0, math.inf, -math.inf)


def opens(held: float, after: float) -> bool:
    return after != 0.0 and (held * after <= 0.0 or abs(after) > abs(held))


def within(
    found: Measured,
    before: Measured,
    risk: float,
    limits: RiskLimits,
    equity: float,
    column: int,
) -> None:
    assert len(found.notional) <= limits.max_open_positions
    assert found.notional[column] <= limits.max_position * equity * SLACK
    assert found.gross <= limits.max_gross_leverage * equity * SLACK
    assert found.margin <= (1.0 - limits.margin_reserve) * equity * SLACK
    assert risk <= limits.max_open_risk * equity * SLACK
    for currency in (INSTRUMENTS[column].base, INSTRUMENTS[column].quote):
        exposure = abs(found.currencies.get(currency, 0.0))
        beyond = abs(before.currencies.get(currency, 0.0))  # prices move; less is always allowed
        assert exposure <= max(limits.max_currency_exposure * equity, beyond) * SLACK


@QUICK
@given(cases())
def test_after_every_order_that_opens_the_book_so_far_keeps_every_limit(checked: Case) -> None:
    verdicts = checked.verdicts()
    units, risk = checked.exposed.units.copy(), stop_losses(checked)
    for column in checked.order_of_review():
        held, approved = units[column], verdicts.units[column]
        after = held + approved
        before = measured(units, checked.marks)
        units[column] = after
        if opens(held, after) and approved != 0.0:
            distance = checked.proposals.stop_distance[column]
            risk[column] = abs(after) * distance * checked.marks.rate[column]
            found = measured(units, checked.marks)
            within(found, before, risk.sum(), checked.limits, checked.exposed.equity, column)
        elif held != 0.0:
            risk[column] *= after / held


@QUICK
@given(cases())
def test_a_reduction_uses_less_of_every_sum_and_is_always_approved_whole(checked: Case) -> None:
    held = checked.exposed.units
    reducing = np.where(np.arange(COLUMNS) % 2, -held, -np.trunc(held / 2.0))
    proposals = checked.proposals._replace(units=reducing)
    verdicts = replace(checked, proposals=proposals).verdicts()
    np.testing.assert_array_equal(verdicts.units, reducing)
    assert not verdicts.limit.any()


@QUICK
@given(
    cases(),
    st.sampled_from(["sigma", "stop_distance", "take_profit_distance", "score", "sigma_before"]),
    st.sampled_from(POISONS),
    st.sampled_from(list(Halt)),
    st.sampled_from(POISONS),
)
def test_no_halt_staleness_or_unknown_number_of_risk_refuses_a_reduction(
    checked: Case, field: str, poison: float, halt: Halt, equity: float
) -> None:
    proposals = checked.proposals._replace(units=-np.trunc(checked.exposed.units / 3.0))
    holder = proposals if hasattr(proposals, field) else checked.exposed
    getattr(holder, field)[:] = poison
    checked.marks.age[:] = 10.0
    checked.marks.spread[:] = math.nan
    worst = replace(checked, proposals=proposals).with_exposed(
        halt=int(halt), equity=equity, stop_price=np.full(COLUMNS, math.nan)
    )
    verdicts = worst.verdicts()
    np.testing.assert_array_equal(verdicts.units, proposals.units)
    approved = verdicts.units != 0.0
    assert np.isfinite(verdicts.lowest_price[approved]).all()
    assert np.isfinite(verdicts.highest_price[approved]).all()


@QUICK
@given(
    st.sampled_from(
        [
            "mid",
            "rate",
            "spread",
            "age",
            "sigma",
            "stop_distance",
            "take_profit_distance",
            "score",
            "sigma_before",
        ]
    ),
    st.sampled_from(POISONS),
    st.sampled_from([1.0, -1.0]),
)
def test_an_order_that_opens_on_a_number_that_is_none_is_refused(
    field: str, poison: float, side: float
) -> None:
    assume(not (field in ("spread", "age") and poison == 0.0))  # the best there is
    assume(not (field == "age" and poison < 0.0))
    assume(not (field == "take_profit_distance" and math.isnan(poison)))  # none is wanted
    assume(not (field == "score" and poison == -1.0))  # full confidence in a sale
    opening = case({"EUR_GBP": side * 1_000.0})
    holders = (opening.marks, opening.proposals, opening.exposed)
    holder = next(holder for holder in holders if hasattr(holder, field))
    getattr(holder, field)[SYMBOLS.index("EUR_GBP")] = poison
    verdicts = opening.verdicts()
    assert not verdicts.units.any()
    assert verdicts.limit[SYMBOLS.index("EUR_GBP")] in (
        Limit.INVALID_INPUT,
        Limit.STALE_PRICE,
        Limit.UNTRADEABLE,
        Limit.CROSSED_QUOTE,
        Limit.PRICE_JUMP,
    )


@QUICK
@given(
    st.sampled_from(["mid", "rate", "spread", "units"]),
    st.sampled_from(POISONS),
    st.sampled_from([1.0, -1.0]),
)
def test_beside_a_position_that_cannot_be_valued_nothing_opens(
    field: str, poison: float, side: float
) -> None:
    assume(not (field == "spread" and poison == 0.0))
    assume(not (field == "units" and math.isfinite(poison)))
    opening = case({"EUR_USD": 1_000.0}, held={"AUD_USD": side * 5_000.0})
    holder = opening.marks if hasattr(opening.marks, field) else opening.exposed
    getattr(holder, field)[SYMBOLS.index("AUD_USD")] = poison
    verdicts = opening.verdicts()
    assert not verdicts.units.any()
    assert verdicts.limit[0] == Limit.INVALID_INPUT


@pytest.mark.parametrize("equity", POISONS)
@pytest.mark.parametrize("held", [0.0, 500.0, -500.0])
def test_without_a_positive_equity_nothing_opens_and_a_reversal_only_closes(
    equity: float, held: float
) -> None:
    opening = case({"EUR_USD": 2_000.0}, held={"EUR_USD": held}, equity=equity)
    assert opening.verdicts().units[0] == (500.0 if held < 0.0 else 0.0)


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_an_order_without_a_size_is_refused(poison: float) -> None:
    verdicts = case({"EUR_USD": poison}).verdicts()
    assert not verdicts.units.any()
    assert verdicts.limit[0] == Limit.INVALID_INPUT


@QUICK
@given(cases())
def test_an_approved_size_never_passes_the_proposed_one_and_is_whole(checked: Case) -> None:
    approved, proposed = checked.verdicts().units, checked.proposals.units
    assert (np.abs(approved) <= np.abs(proposed)).all()
    assert (approved * proposed >= 0.0).all()
    assert not (approved % 1.0).any()


@QUICK
@given(cases())
def test_what_was_approved_is_approved_whole_when_it_is_proposed_again(checked: Case) -> None:
    first = checked.verdicts().units
    again = replace(checked, proposals=checked.proposals._replace(units=first)).verdicts()
    np.testing.assert_array_equal(again.units, first)
    assert not again.limit[first != 0.0].any()


@QUICK
@given(cases(), st.sampled_from([Halt.DRAWDOWN, Halt.DAILY_LOSS]))
def test_under_a_halt_reversals_close_and_nothing_else_but_reductions_passes(
    checked: Case, halt: Halt
) -> None:
    verdicts = checked.with_exposed(halt=int(halt)).verdicts()
    held, order = checked.exposed.units, checked.proposals.units
    after = held + order
    reversal = held * after < 0.0
    reduction = (held * after >= 0.0) & (np.abs(after) <= np.abs(held)) & (held != 0.0)
    expected = np.where(reversal, -held, np.where(reduction, order, 0.0))
    np.testing.assert_array_equal(verdicts.units, expected)
    code = Limit.DRAWDOWN_HALT if halt is Halt.DRAWDOWN else Limit.DAILY_LOSS_HALT
    assert (verdicts.limit[(order != 0.0) & ~reduction] == code).all()


@QUICK
@given(cases())
def test_every_proposal_that_does_not_pass_whole_names_its_limit(checked: Case) -> None:
    verdicts = checked.verdicts()
    cut = verdicts.units != checked.proposals.units
    assert verdicts.limit[cut].all()
    assert not verdicts.limit[~cut].any()


@QUICK
@given(cases())
def test_the_collar_holds_the_reference_and_is_never_tighter_than_the_rule(checked: Case) -> None:
    verdicts = checked.verdicts()
    for column in np.flatnonzero(verdicts.units):
        reach = max(
            checked.exposed.traits.collar[column],
            checked.limits.collar_sigmas * checked.exposed.sigma[column],
        )
        mid = checked.marks.mid[column]
        assert verdicts.lowest_price[column] == pytest.approx(mid * (1.0 - reach), rel=1e-12)
        assert verdicts.highest_price[column] == pytest.approx(mid * (1.0 + reach), rel=1e-12)
