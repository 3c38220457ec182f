"""One book, every measure, limit, alert and reduction."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from agents.guardian.assessment.assess import assess
from agents.guardian.assessment.limits import AssessmentLimits
from agents.guardian.stress import StressLosses
from market.errors import InvalidError
from tests.risk_books import EQUITY, SYMBOLS, book

CALM = np.array([0.2, 0.1, -0.1, 0.0, 0.0])
BOLD = np.array([2.0, 1.0, -0.8, 1.5, 0.5])


def parts(shares: np.ndarray) -> dict[str, float]:
    return {part.code: part.used for part in assess(book(shares)).parts}


def test_a_calm_book_has_a_score_and_asks_for_nothing() -> None:
    found = assess(book(CALM))
    assert 0.0 < found.score < 100.0
    assert found.score == min(part.score for part in found.parts)
    assert found.actions == ()
    assert {alert.level for alert in found.alerts} <= {"info", "warning"}


def test_an_empty_book_risks_nothing_and_needs_no_prices() -> None:
    empty = book(np.zeros(5))
    nowhere = np.full(5, np.nan)
    found = assess(replace(empty, mid=nowhere, rate=nowhere, spread=nowhere, stop_price=nowhere))
    assert found.score == 100.0
    assert found.positions == ()
    assert all(tail.value_at_risk == 0.0 for tail in found.portfolio.tails)
    assert all(scenario.loss == 0.0 for scenario in (*found.stress, *found.episodes))


def test_positions_carry_their_share_of_gross_and_components_add_up_to_the_var() -> None:
    found = assess(book(BOLD))
    assert [one.symbol for one in found.positions] == [
        "EUR_USD", "GBP_USD", "USD_JPY", "EUR_GBP", "XAU_USD",
    ]  # fmt: skip
    assert sum(one.share for one in found.positions) == pytest.approx(1.0)
    normal = next(
        tail for tail in found.portfolio.tails if (tail.method, tail.confidence) == ("normal", 0.95)
    )
    total = sum(one.component_var for one in found.positions)
    assert total == pytest.approx(normal.value_at_risk)


def test_the_loss_at_a_stop_is_the_way_to_it_from_the_closing_price() -> None:
    found = assess(book(np.array([1.0, 0.0, 0.0, 0.0, 0.0])))
    # 1 % to the stop less half a spread of 1 basis point that closing costs already.
    assert found.positions[0].loss_at_stop == pytest.approx(EQUITY * (0.01 - 0.00005), rel=1e-4)


def test_a_position_without_a_stop_risks_its_notional_and_is_named() -> None:
    held = book(CALM)
    found = assess(replace(held, stop_price=np.full(5, np.nan)))
    assert found.positions[0].loss_at_stop == pytest.approx(abs(found.positions[0].value))
    assert [alert.code for alert in found.alerts if "EUR_USD" in alert.message] == ["NO_STOP"]


def test_exposure_counts_both_legs_and_leaves_the_account_currency_out() -> None:
    held = assess(book(np.array([0.5, 0.0, 0.25, 0.0, 0.0]))).portfolio
    exposure = dict(held.by_currency)
    assert set(exposure) == {"EUR", "GBP"}
    assert exposure["EUR"] == pytest.approx(0.75 * EQUITY, rel=1e-4)
    assert exposure["GBP"] == pytest.approx(-0.25 * EQUITY, rel=1e-4)
    assert held.gross == pytest.approx(0.75 * EQUITY, rel=1e-4)
    assert dict(held.by_class) == {"fx": pytest.approx(held.gross)}


def test_expected_shortfall_is_never_below_value_at_risk_by_any_method() -> None:
    tails = assess(book(BOLD)).portfolio.tails
    # Moments outside the expansion's domain make it unknown, which is told as such.
    assert {t.method for t in tails if math.isnan(t.value_at_risk)} <= {"cornish_fisher"}
    known = [tail for tail in tails if not math.isnan(tail.value_at_risk)]
    assert all(tail.expected_shortfall >= tail.value_at_risk > 0.0 for tail in known)


def test_too_short_a_history_makes_var_unknown_and_that_is_critical() -> None:
    held = book(CALM)
    found = assess(replace(held, returns=held.returns[-60:]))
    unknown = [alert for alert in found.alerts if alert.code == "PORTFOLIO_VAR"]
    assert [alert.level for alert in unknown] == ["critical"]
    assert found.score == 0.0


@pytest.mark.parametrize("name", ["mid", "rate", "spread", "units"])
def test_a_nan_in_what_is_held_is_a_critical_alert_and_scores_nothing(name: str) -> None:
    held = book(CALM)
    broken = getattr(held, name).copy()
    broken[0] = np.nan
    found = assess(replace(held, **{name: broken}))
    assert found.alerts[0].level == "critical"
    assert found.score == 0.0
    assert any(math.isnan(part.used) and part.score == 0.0 for part in found.parts)


@pytest.mark.parametrize("equity", [np.nan, 0.0, -5.0])
def test_without_equity_every_limit_is_unknown(equity: float) -> None:
    found = assess(replace(book(CALM), equity=equity))
    on_equity = [part for part in found.parts if part.code not in ("OPEN_POSITIONS", "DRAWDOWN")]
    assert all(part.score == 0.0 and math.isnan(part.used) for part in on_equity)
    assert found.score == 0.0


def test_a_return_missing_in_the_middle_is_critical_and_one_before_the_first_price_is_not() -> None:
    held = book(CALM)
    young, holed = held.returns.copy(), held.returns.copy()
    young[:50, 0] = np.nan
    holed[150, 0] = np.nan
    assert assess(replace(held, returns=young)).score > 0.0
    assert assess(replace(held, returns=holed)).score == 0.0


def test_a_breach_is_an_error_and_one_far_beyond_is_critical() -> None:
    levels = {}
    for share in (0.8, 1.0, 1.5):
        found = assess(book(np.array([share, 0.0, 0.0, 0.0, 0.0])))
        levels[share] = next(a.level for a in found.alerts if a.code == "POSITION")
    assert levels == {0.8: "warning", 1.0: "error", 1.5: "critical"}


def test_reductions_bring_every_breached_limit_inside() -> None:
    held = book(BOLD)
    found = assess(held)
    assert found.actions
    after = held.units.copy()
    for action in found.actions:
        column = SYMBOLS.index(action.symbol)
        assert action.units * held.units[column] < 0.0
        after[column] += action.units
    assert (np.abs(after) <= np.abs(held.units)).all()
    again = assess(replace(held, units=after))
    assert [part.code for part in again.parts if part.used > 1.0 + 1e-9] == []
    assert again.actions == ()


def test_no_reduction_is_larger_than_it_needs_to_be() -> None:
    limits = AssessmentLimits(stress=StressLosses(0.5, 0.5, 0.5, 0.5, 0.5))
    held = book(np.array([1.2, 0.0, 0.0, 0.0, 0.0]), limits=limits)
    (action,) = assess(held).actions
    left = (held.units[0] + action.units) * held.mid[0]
    assert 0.899 * EQUITY < left <= 0.9 * EQUITY


def test_too_many_positions_are_answered_by_closing_the_smallest() -> None:
    limits = AssessmentLimits(max_open_positions=4, max_asset_class=3.0)
    found = assess(book(np.array([0.2, 0.15, -0.1, 0.05, 0.02]), limits=limits))
    (action,) = found.actions
    assert (action.symbol, action.code) == ("XAU_USD", "OPEN_POSITIONS")


def test_a_drawdown_beyond_its_limit_is_told_and_asks_for_no_reduction() -> None:
    held = book(CALM)
    found = assess(replace(held, equity_curve=np.array([1.3 * EQUITY, EQUITY])))
    assert found.portfolio.drawdown == pytest.approx(1.0 - 1.0 / 1.3)
    assert found.alerts[0].code == "DRAWDOWN"
    assert found.actions == ()


def test_bars_of_a_day_are_scaled_to_a_day() -> None:
    held = book(CALM)
    by_day, by_bar = assess(held), assess(replace(held, periods_a_day=4.0))
    for one, other in zip(by_day.positions, by_bar.positions, strict=True):
        assert other.daily_sigma == pytest.approx(2.0 * one.daily_sigma)


def test_the_same_book_has_the_same_answer() -> None:
    assert assess(book(BOLD)) == assess(book(BOLD))


def test_limits_that_are_no_limits_are_refused() -> None:
    with pytest.raises(InvalidError, match="max_daily_var"):
        AssessmentLimits(max_daily_var=float("nan"))
    with pytest.raises(InvalidError, match=r"stress\.crash"):
        AssessmentLimits(stress=StressLosses(-0.1, 0.06, 0.1, 0.12, 0.05))
    with pytest.raises(InvalidError, match="margin_reserve"):
        AssessmentLimits(margin_reserve=1.0)


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidError, match="spread"):
        replace(book(CALM), spread=np.zeros(3))
