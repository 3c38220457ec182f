"""Every control of the pre-trade review beside sums and correlation: when it refuses or shrinks,
by which code, and that nothing which only reduces is held back by it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from agents.guardian.codes import Halt, Limit
from agents.guardian.pace import ENABLED, Pace, enable, pass_bar, take_fill, unhurried
from agents.guardian.proposals import Verdicts
from agents.guardian.staged import limits_at
from agents.guardian.traits import traits_of
from market.bars import Floats
from market.instruments import Registry
from tests.books import (
    AGENTS,
    COLLARS,
    COLUMNS,
    INSTRUMENTS,
    LEVELS,
    SYMBOLS,
    TRAITS,
    UNRELATED,
    WIDE,
    WINDOW,
    Case,
    case,
)

EUR_USD, USD_JPY, GBP_USD = (SYMBOLS.index(s) for s in ("EUR_USD", "USD_JPY", "GBP_USD"))
EQUITY = 100_000.0
SECOND = 1e9


def told(verdicts: Verdicts, column: int = EUR_USD) -> tuple[str, float, float]:
    """Limit, allowed, measured."""
    name = Limit(int(verdicts.limit[column])).name
    return name, float(verdicts.allowed[column]), float(verdicts.measured[column])


def remembering(checked: Case) -> Pace:
    return unhurried(COLUMNS, AGENTS, checked.limits.pace)


def at(checked: Case, seconds: float) -> Case:
    return checked.with_exposed(time=checked.exposed.time + seconds * SECOND)


def paced(**changed: Any) -> Any:
    return WIDE.pace._replace(**changed)


# Instrument and price


def test_nothing_is_opened_in_a_restricted_instrument_and_what_is_held_may_be_closed() -> None:
    traits = traits_of(INSTRUMENTS, collars=COLLARS, restricted=("EUR_USD",))
    opening = case({"EUR_USD": 1_000.0, "GBP_USD": 1_000.0}).with_exposed(traits=traits)
    verdicts = opening.verdicts()
    assert told(verdicts)[0] == "RESTRICTED"
    assert list(verdicts.units) == [0.0, 0.0, 0.0, 1_000.0, 0.0]
    closing = case({"EUR_USD": -1_000.0}, held={"EUR_USD": 1_000.0}).with_exposed(traits=traits)
    assert closing.verdicts().units[EUR_USD] == -1_000.0


def test_a_crossed_quote_is_named() -> None:
    crossed = case({"EUR_USD": 1_000.0})
    crossed.marks.spread[EUR_USD] = -1e-5
    assert told(crossed.verdicts()) == ("CROSSED_QUOTE", 0.0, -1e-5)


def test_a_market_that_cannot_be_traded_is_not_a_stale_price() -> None:
    shut = case({"EUR_USD": 1_000.0, "GBP_USD": 1_000.0})
    shut.marks.age[EUR_USD] = math.inf
    shut.marks.age[GBP_USD] = 1.0
    verdicts = shut.verdicts()
    assert told(verdicts)[0] == "UNTRADEABLE"
    assert told(verdicts, GBP_USD) == ("STALE_PRICE", 0.0, 1.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_jump_is_measured_in_the_deviation_of_the_bar_before(sign: float) -> None:
    returns = UNRELATED.copy()
    returns[-1, EUR_USD] = sign * 0.11
    jumped = case({"EUR_USD": 1_000.0}).with_exposed(
        returns=returns, sigma=np.full(COLUMNS, 0.05), sigma_before=np.full(COLUMNS, 0.01)
    )
    refused = jumped.with_limits(jump_sigmas=10.0).verdicts()
    assert told(refused) == ("PRICE_JUMP", 10.0, pytest.approx(11.0))
    assert jumped.with_limits(jump_sigmas=11.5).verdicts().units[EUR_USD] == 1_000.0


# The pace of orders


def test_the_same_order_within_ten_seconds_is_a_duplicate() -> None:
    one = case({"EUR_USD": 1_000.0})
    pace = remembering(one)
    assert one.verdicts(pace).units[EUR_USD] == 1_000.0
    again = at(one, 9.0).verdicts(pace)
    assert told(again) == ("DUPLICATE", 10.0, pytest.approx(9.0))
    assert at(one, 10.0).verdicts(pace).units[EUR_USD] == 1_000.0


def test_another_size_side_or_instrument_is_no_duplicate() -> None:
    one = case({"EUR_USD": 1_000.0})
    pace = remembering(one)
    one.verdicts(pace)
    for other in ({"EUR_USD": 1_001.0}, {"EUR_USD": -1_000.0}, {"GBP_USD": 1_000.0}):
        ((symbol, units),) = other.items()
        verdicts = case(other).verdicts(pace)
        assert verdicts.units[SYMBOLS.index(symbol)] == units


def test_a_duplicate_that_reverses_still_closes() -> None:
    held = {"EUR_USD": -500.0}
    one = case({"EUR_USD": 1_500.0}, held=held)
    pace = remembering(one)
    one.verdicts(pace)
    assert one.verdicts(pace).units[EUR_USD] == 500.0


def test_new_orders_of_a_second_and_of_a_minute_are_counted_over_all_instruments() -> None:
    orders = dict.fromkeys(SYMBOLS, 1_000.0)
    busy = case(orders).with_limits(pace=paced(per_second=3, per_minute=4))
    pace = remembering(busy)
    first = busy.verdicts(pace)
    assert np.count_nonzero(first.units) == 3
    assert told(first, 3) == ("MESSAGE_RATE", 3.0, 4.0)
    later = at(case({"AUD_USD": 2_000.0, "GBP_USD": 2_000.0}), 2.0)
    second = later.with_limits(pace=busy.limits.pace).verdicts(pace)
    assert np.count_nonzero(second.units) == 1
    assert told(second, 4) == ("MESSAGE_RATE", 4.0, 5.0)
    last = at(case({"AUD_USD": 2_000.0}), 62.1).with_limits(pace=busy.limits.pace)
    assert last.verdicts(pace).units[4] == 2_000.0


def test_what_reduces_takes_nothing_from_the_budget_of_new_orders() -> None:
    held = dict.fromkeys(SYMBOLS, 1_000.0)
    closing = case(dict.fromkeys(SYMBOLS, -1_000.0), held=held)
    closing = closing.with_limits(pace=paced(per_second=1, per_minute=1))
    pace = remembering(closing)
    for _ in range(3):
        assert (closing.verdicts(pace).units == -1_000.0).all()
    opening = case({"EUR_USD": 1_000.0}).with_limits(pace=closing.limits.pace)
    assert opening.verdicts(pace).units[EUR_USD] == 1_000.0


def reducing_case(**changed: Any) -> Case:
    held = dict.fromkeys(SYMBOLS, 1_000.0)
    closing = case(dict.fromkeys(SYMBOLS, -1_000.0), held=held, **changed)
    return closing.with_limits(pace=paced(reductions_per_second=3.0, reductions_per_minute=8.0))


def test_reductions_have_a_budget_of_their_own_and_are_told_where_it_binds() -> None:
    busy = reducing_case()
    pace = remembering(busy)
    first = busy.verdicts(pace)
    assert list(first.units) == [-1_000.0] * 3 + [0.0] * 2
    assert told(first, 3) == ("REDUCTION_RATE", 3.0, 4.0)
    assert list(at(busy, 2.0).verdicts(pace).units) == [-1_000.0] * 3 + [0.0] * 2
    third = at(busy, 4.0).verdicts(pace)
    assert list(third.units) == [-1_000.0] * 2 + [0.0] * 3
    assert told(third, 2) == ("REDUCTION_RATE", 8.0, 9.0)
    assert np.count_nonzero(at(busy, 124.0).verdicts(pace).units) == 3


def test_a_fall_that_closes_everything_is_counted_and_never_held_back() -> None:
    flattening = reducing_case(halt=int(Halt.DRAWDOWN_FLATTEN))
    pace = remembering(flattening)
    for _ in range(3):
        assert (flattening.verdicts(pace).units == -1_000.0).all()
    assert told(reducing_case().verdicts(pace)) == ("REDUCTION_RATE", 3.0, 16.0)


@pytest.mark.parametrize("stage", ["emergency_stop", "a stage that nobody knows"])
def test_at_an_emergency_stop_no_reduction_is_held_back(stage: str) -> None:
    busy = reducing_case()
    pace = remembering(busy)
    stopped = replace(busy, limits=limits_at(busy.limits, stage))
    for _ in range(3):
        assert (stopped.verdicts(pace).units == -1_000.0).all()
    assert told(busy.verdicts(pace))[0] == "REDUCTION_RATE"
    assert limits_at(busy.limits, "paper").pace == busy.limits.pace


def test_the_closing_part_of_a_reversal_is_a_reduction() -> None:
    halted = case({"EUR_USD": -3_000.0}, held={"EUR_USD": 1_000.0}, halt=int(Halt.DRAWDOWN))
    halted = halted.with_limits(pace=paced(reductions_per_second=2.0))
    pace = remembering(halted)
    for _ in range(2):
        verdicts = halted.verdicts(pace)
        assert verdicts.units[EUR_USD] == -1_000.0
        assert told(verdicts)[0] == "DRAWDOWN_HALT"
    refused = halted.verdicts(pace)
    assert refused.units[EUR_USD] == 0.0
    assert told(refused) == ("REDUCTION_RATE", 2.0, 3.0)


def test_the_price_may_not_leave_the_collar_about_the_first_order_of_a_minute() -> None:
    still: dict[str, Any] = {"sigma": np.full(COLUMNS, 1e-5)}
    one = case({"EUR_USD": 1_000.0}).with_exposed(**still)
    pace = remembering(one)
    one.verdicts(pace)
    moved = at(case({"EUR_USD": 2_000.0}).with_exposed(**still), 59.0)
    moved.marks.mid[EUR_USD] *= 1.006
    assert told(moved.verdicts(pace)) == ("PRICE_COLLAR", 0.005, pytest.approx(0.006))
    assert at(moved, 1.0).verdicts(pace).units[EUR_USD] == 2_000.0


def filled(pace: Pace, column: int, times: int, now: float) -> None:
    for _ in range(times):
        take_fill(pace, WIDE.pace, column, now)


def test_too_many_fills_of_one_agents_orders_disable_them_and_nobody_elses() -> None:
    one = case({"EUR_USD": 1_000.0, "GBP_USD": 1_000.0})
    one.proposals.group[GBP_USD] = 1
    pace = remembering(one)
    one.verdicts(pace)
    now = one.exposed.time
    filled(pace, EUR_USD, 19, now)
    filled(pace, GBP_USD, 19, now)
    assert (pace.disabled == ENABLED).all()
    filled(pace, EUR_USD, 1, now + 299.0 * SECOND)
    assert list(pace.disabled != ENABLED) == [True, False]
    more = at(case({"USD_JPY": 1_000.0, "AUD_USD": 1_000.0}), 1e6)
    more.proposals.group[SYMBOLS.index("AUD_USD")] = 1
    verdicts = more.verdicts(pace)
    assert told(verdicts, USD_JPY) == ("EXECUTION_THROTTLE", 20.0, 20.0)
    assert verdicts.units[SYMBOLS.index("AUD_USD")] == 1_000.0


def test_fills_that_are_further_apart_disable_nobody() -> None:
    one = case({"EUR_USD": 1_000.0})
    pace = remembering(one)
    one.verdicts(pace)
    filled(pace, EUR_USD, 19, one.exposed.time)
    filled(pace, EUR_USD, 1, one.exposed.time + 300.0 * SECOND)
    assert (pace.disabled == ENABLED).all()


def test_a_disabled_agent_stays_so_until_it_is_enabled_or_a_supervisor_has_waited() -> None:
    one = case({"EUR_USD": 1_000.0})
    pace = remembering(one)
    one.verdicts(pace)
    filled(pace, EUR_USD, 20, one.exposed.time)
    for _ in range(100):
        pass_bar(pace, -1)
    assert pace.disabled[0] == 100.0
    enable(pace, 0)
    filled(pace, EUR_USD, 19, one.exposed.time)
    assert pace.disabled[0] == ENABLED, "fills before it was enabled count no more"
    filled(pace, EUR_USD, 1, one.exposed.time)
    for bar in range(4):
        assert pace.disabled[0] == float(bar)
        pass_bar(pace, 3)
    assert pace.disabled[0] == ENABLED


# Sizes


def test_a_large_order_is_cut_to_the_largest_of_its_value_or_units() -> None:
    large = case({"EUR_USD": 50_000.0})
    by_units = large.with_limits(max_order_units=30_000.0).verdicts()
    assert by_units.units[EUR_USD] == 30_000.0
    assert told(by_units) == ("ORDER_UNITS", 30_000.0, 50_000.0)
    by_value = large.with_limits(max_order_value=0.22).verdicts()
    assert by_value.units[EUR_USD] == 20_000.0
    assert told(by_value) == ("ORDER_VALUE", pytest.approx(22_000.0), pytest.approx(55_000.0))


def test_the_whole_of_a_reversal_counts_as_one_order_and_its_closing_part_always_passes() -> None:
    reversing = case({"EUR_USD": 50_000.0}, held={"EUR_USD": -20_000.0})
    assert reversing.with_limits(max_order_units=30_000.0).verdicts().units[EUR_USD] == 30_000.0
    assert reversing.with_limits(max_order_units=5_000.0).verdicts().units[EUR_USD] == 20_000.0


def test_a_position_is_held_to_its_loss_at_two_daily_deviations() -> None:
    # 4 bars a day at 1 % a bar are 2 % a day: 5 % of equity is lost on 1.25 times equity.
    wide = case({"EUR_USD": 200_000.0}).with_limits(
        max_position=5.0, max_currency_exposure=5.0, max_position_loss=0.05, day_bars=4.0
    )
    verdicts = wide.verdicts()
    assert verdicts.units[EUR_USD] == math.floor(1.25 * EQUITY / 1.10)
    assert told(verdicts)[0] == "POSITION_LOSS"


def test_a_class_of_assets_has_a_limit_of_its_own() -> None:
    gold = Registry()["XAU_USD"]
    instruments = (*INSTRUMENTS[:4], gold)
    traits = traits_of(instruments, collars=COLLARS, restricted=())
    assert list(traits.asset_class) == [0, 0, 0, 0, 1]
    assert list(traits.collar) == [0.005, 0.005, 0.005, 0.005, 0.01]
    both = case({"EUR_USD": 50_000.0, "AUD_USD": 100_000.0}, held={"GBP_USD": 40_000.0})
    verdicts = both.with_exposed(traits=traits).with_limits(max_asset_class=0.75).verdicts()
    assert told(verdicts) == ("ASSET_CLASS", pytest.approx(75_000.0), pytest.approx(50_000.0))
    assert verdicts.units[EUR_USD] == math.floor(25_000.0 / 1.10)
    assert verdicts.units[4] == 100_000.0, "gold is of another class"


# What a day may cost


def profits(units: Floats, checked: Case) -> Floats:
    """Profit of a book on each bar of the window; an independent sum."""
    value = units * checked.marks.mid * checked.marks.rate
    return np.asarray(checked.exposed.returns @ value)


def deviation(profit: Floats, decay: float) -> float:
    weights = decay ** np.arange(len(profit))[::-1]
    return float(np.sqrt(np.average(profit**2, weights=weights)))


def test_the_daily_value_at_risk_after_the_trade_is_that_of_a_normal_day() -> None:
    wished = case({"EUR_USD": 80_000.0}, held={"GBP_USD": 50_000.0})
    alone = np.zeros(COLUMNS)
    alone[[EUR_USD, GBP_USD]] = 80_000.0, 50_000.0
    loss = norm.ppf(0.95) * deviation(profits(alone, wished), WIDE.var_decay) * math.sqrt(3.0)
    within = wished.with_limits(day_bars=3.0, max_daily_var=1.0001 * loss / EQUITY)
    assert within.verdicts().units[EUR_USD] == 80_000.0
    above = wished.with_limits(day_bars=3.0, max_daily_var=0.9 * loss / EQUITY).verdicts()
    assert told(above) == ("DAILY_VAR", pytest.approx(0.9 * loss), pytest.approx(loss))
    left = alone.copy()
    left[EUR_USD] = above.units[EUR_USD]
    found = norm.ppf(0.95) * deviation(profits(left, wished), WIDE.var_decay) * math.sqrt(3.0)
    assert 0.0 < above.units[EUR_USD] < 80_000.0
    assert found <= 0.9 * loss
    assert found == pytest.approx(0.9 * loss, rel=2e-3), "no more is cut than must be"


def test_the_portfolio_value_at_risk_is_the_order_statistic_of_the_window() -> None:
    rng = np.random.default_rng(4)
    returns = 0.01 * rng.standard_t(3, (250, COLUMNS))
    wished = case({"EUR_USD": 60_000.0}, held={"GBP_USD": 30_000.0}).with_exposed(
        returns=returns, row=249
    )
    wished = wished.with_limits(var_window=250, correlation_threshold=0.999)
    book = np.zeros(COLUMNS)
    book[[EUR_USD, GBP_USD]] = 60_000.0, 30_000.0
    loss = -np.sort(profits(book, wished))[2]  # ⌈250 × 0.01⌉ = 3
    assert wished.with_limits(max_portfolio_var=1.0001 * loss / EQUITY).verdicts().units[EUR_USD]
    above = wished.with_limits(max_portfolio_var=0.8 * loss / EQUITY).verdicts()
    assert told(above) == ("PORTFOLIO_VAR", pytest.approx(0.8 * loss), pytest.approx(loss))
    book[EUR_USD] = above.units[EUR_USD]
    assert -np.sort(profits(book, wished))[2] <= 0.8 * loss


def test_a_book_whose_day_costs_too_much_already_opens_nothing_and_may_be_reduced() -> None:
    orders = {"EUR_USD": 1_000.0, "GBP_USD": -10_000.0}
    over = case(orders, held={"GBP_USD": 50_000.0}, scores={"EUR_USD": 0.9})
    verdicts = over.with_limits(max_daily_var=1e-4).verdicts()
    assert told(verdicts)[0] == "DAILY_VAR"
    assert verdicts.units[EUR_USD] == 0.0
    assert verdicts.units[GBP_USD] == -10_000.0


def test_a_position_that_offsets_the_book_may_be_opened_where_one_that_adds_may_not() -> None:
    returns = UNRELATED.copy()
    returns[:, EUR_USD] = returns[:, GBP_USD] + 1e-4 * UNRELATED[:, USD_JPY]
    held = {"GBP_USD": 40_000.0}
    book = np.zeros(COLUMNS)
    book[GBP_USD] = 40_000.0
    wished = case({"EUR_USD": 30_000.0}, held=held).with_exposed(returns=returns)
    wished = wished.with_limits(correlation_threshold=0.99999)
    loss = norm.ppf(0.95) * deviation(profits(book, wished), WIDE.var_decay)
    tight = {"max_daily_var": 1.05 * loss / EQUITY}
    assert wished.with_limits(**tight).verdicts().units[EUR_USD] < 3_000.0
    offsetting = case({"EUR_USD": -30_000.0}, held=held).with_exposed(returns=returns)
    assert offsetting.with_limits(**tight).verdicts().units[EUR_USD] == -30_000.0


def test_with_too_few_known_bars_nothing_is_opened() -> None:
    returns = UNRELATED.copy()
    returns[0, EUR_USD] = math.nan
    verdicts = case({"EUR_USD": 1_000.0}).with_exposed(returns=returns).verdicts()
    assert told(verdicts)[0] == "INVALID_INPUT"
    longer = np.vstack([UNRELATED, UNRELATED])
    longer[3, EUR_USD] = math.nan
    known = case({"EUR_USD": 1_000.0}).with_exposed(returns=longer, row=2 * WINDOW - 1)
    assert known.with_limits(var_window=2 * WINDOW).verdicts().units[EUR_USD] == 1_000.0


@pytest.mark.parametrize(
    ("shock", "code"),
    [
        ("crash", "STRESS_CRASH"),
        ("volatility_spike", "STRESS_VOLATILITY"),
        ("correlation_breakdown", "STRESS_CORRELATION"),
        ("liquidity_crisis", "STRESS_LIQUIDITY"),
        ("currency_crisis", "STRESS_CURRENCY"),
    ],
)
def test_each_shock_shrinks_what_would_lose_too_much_in_it(shock: str, code: str) -> None:
    held = {"GBP_USD": 20_000.0, "AUD_USD": 20_000.0}
    orders = {"EUR_USD": 60_000.0}
    wished = case(orders, held=held)
    book = np.array([60_000.0, 0.0, 0.0, 20_000.0, 20_000.0])
    loss = plain_losses(book, wished)[shock]
    allowed = 0.9 * loss
    stress = WIDE.stress._replace(**{shock: allowed / EQUITY})
    verdicts = wished.with_limits(stress=stress).verdicts()
    assert told(verdicts)[:2] == (code, pytest.approx(allowed))
    book[EUR_USD] = verdicts.units[EUR_USD]
    assert 0.0 < book[EUR_USD] < 60_000.0
    left = plain_losses(book, wished)[shock]
    assert left <= allowed * (1.0 + 1e-12)
    assert left == pytest.approx(allowed, rel=2e-3)
    wider = WIDE.stress._replace(**{shock: 1.0001 * loss / EQUITY})
    assert wished.with_limits(stress=wider).verdicts().units[EUR_USD] == 60_000.0


def plain_losses(units: Floats, checked: Case) -> dict[str, float]:
    """The five losses as docs/RISK.md tells them, written out plainly."""
    marks = checked.marks
    value = units * marks.mid * marks.rate
    sigma = deviation(profits(units, checked), WIDE.var_decay)
    exposure = dict.fromkeys(("EUR", "USD", "JPY", "GBP", "AUD"), 0.0)
    for instrument, one in zip(INSTRUMENTS, value, strict=True):
        exposure[instrument.base] += one
        exposure[instrument.quote] -= one
    fall = {"EUR": 0.94, "USD": 1.0, "JPY": 1.06, "GBP": 0.92, "AUD": 0.86}
    crash = sum(
        one * (fall[i.base] / fall[i.quote] - 1.0)
        for i, one in zip(INSTRUMENTS, value, strict=True)
    )
    half_spreads = float(np.sum(np.abs(units) * marks.spread * marks.rate)) / 2.0
    return {
        "crash": max(-crash, 0.0),
        "volatility_spike": 2.0 * norm.ppf(0.99) * sigma,
        "correlation_breakdown": 2.0 * float(np.abs(value) @ checked.exposed.sigma),
        "liquidity_crisis": 10.0 * half_spreads + norm.ppf(0.95) * math.sqrt(5.0) * sigma,
        "currency_crisis": 0.08 * max(abs(one) for one in exposure.values()),
    }


def test_a_currency_that_is_no_leg_of_the_order_counts_in_a_currency_crisis() -> None:
    stress = WIDE.stress._replace(currency_crisis=0.04)
    held = {"AUD_USD": 100_000.0}  # 65 % of equity, 5.2 % lost at 8 %
    verdicts = case({"EUR_GBP": 1_000.0}, held=held).with_limits(stress=stress).verdicts()
    assert told(verdicts, 2)[0] == "STRESS_CURRENCY"
    assert verdicts.units[2] == 0.0


@pytest.mark.parametrize(("held", "code"), [(-80_000.0, "STRESS_CURRENCY"), (-70_000.0, "NONE")])
def test_a_currency_beyond_its_crisis_admits_not_even_an_order_that_lessens_it(
    held: float, code: str
) -> None:
    """Short AUD is long USD: at 8 % of 52,000 or 45,500 USD a loss of 4.2 or 3.6 % of equity."""
    stress = WIDE.stress._replace(currency_crisis=0.04)
    lessening = case({"EUR_USD": 1_000.0}, held={"AUD_USD": held}).with_limits(stress=stress)
    verdicts = lessening.verdicts()
    assert told(verdicts)[0] == code
    assert verdicts.units[EUR_USD] == (1_000.0 if code == "NONE" else 0.0)
    if code != "NONE":
        assert told(verdicts)[1:] == pytest.approx((0.04 * EQUITY, 0.08 * 0.65 * -held))


# Halts and working orders


def test_a_fall_that_flattens_closes_every_position_and_nothing_else() -> None:
    held = {"EUR_USD": 10_000.0, "GBP_USD": -5_000.0}
    orders = {"EUR_USD": 5_000.0, "AUD_USD": 1_000.0}
    flat = case(orders, held=held, halt=int(Halt.DRAWDOWN_FLATTEN)).verdicts()
    assert list(flat.units) == [-10_000.0, 0.0, 0.0, 5_000.0, 0.0]
    assert told(flat)[:2] == ("DRAWDOWN_FLATTEN", 0.15)
    assert flat.reviewed[0] == 2


def test_what_reduces_only_if_a_working_order_fills_is_no_proven_reduction() -> None:
    working = np.zeros(COLUMNS)
    working[EUR_USD] = 10_000.0
    selling = case({"EUR_USD": -10_000.0}).with_exposed(working=working)
    assert told(selling.verdicts())[0] == "UNPROVEN_REDUCTION"
    held = case({"EUR_USD": -10_000.0}, held={"EUR_USD": 10_000.0}).with_exposed(working=working)
    assert held.verdicts().units[EUR_USD] == -10_000.0


def test_the_closing_part_of_a_reversal_is_proven_with_and_without_what_works() -> None:
    working = np.zeros(COLUMNS)
    working[EUR_USD] = 1_000.0
    halted = case({"EUR_USD": -2_500.0}, halt=int(Halt.DRAWDOWN)).with_exposed(working=working)
    assert halted.verdicts().units[EUR_USD] == 0.0, "if it never fills, a short would be opened"
    part = case({"EUR_USD": -2_500.0}, held={"EUR_USD": 400.0}, halt=int(Halt.DRAWDOWN))
    assert part.with_exposed(working=working).verdicts().units[EUR_USD] == -400.0


def test_a_working_order_that_closes_frees_no_room_until_it_has_filled() -> None:
    working = np.zeros(COLUMNS)
    working[EUR_USD] = -80_000.0
    held = {"EUR_USD": 80_000.0}
    closing = case({"USD_JPY": 85_000.0}, held=held).with_limits(max_gross_leverage=1.0)
    assert closing.with_exposed(working=working).verdicts().units[USD_JPY] == 12_000.0
    assert closing.verdicts().units[USD_JPY] == 12_000.0


def test_what_reduces_is_taken_first_so_that_nothing_leans_on_a_hedge_that_goes() -> None:
    orders = {"EUR_USD": 60_000.0, "EUR_GBP": 60_000.0}
    leaning = case(orders, held={"EUR_GBP": -60_000.0}, scores={"EUR_USD": 0.9, "EUR_GBP": 0.2})
    verdicts = leaning.with_limits(max_currency_exposure=0.4).verdicts()
    assert list(verdicts.ranked[:2]) == [2, EUR_USD]
    assert verdicts.units[2] == 60_000.0
    assert verdicts.units[EUR_USD] == math.floor(40_000.0 / 1.10)


def test_what_works_counts_as_filled_in_every_measure() -> None:
    working = np.zeros(COLUMNS)
    working[GBP_USD] = 50_000.0
    waiting = case({"EUR_USD": 80_000.0}).with_exposed(working=working)
    filled_already = case({"EUR_USD": 80_000.0}, held={"GBP_USD": 50_000.0}).with_exposed(
        stop_price=np.full(COLUMNS, math.nan)
    )
    for limits in ({"max_daily_var": 0.008}, {"max_portfolio_var": 0.008}):
        np.testing.assert_array_equal(
            waiting.with_limits(max_open_risk=9.0, **limits).verdicts().units,
            filled_already.with_limits(max_open_risk=9.0, **limits).verdicts().units,
        )


def test_metals_have_a_wider_collar_than_currencies() -> None:
    gold = traits_of((*INSTRUMENTS[1:], Registry()["XAU_USD"]), collars=COLLARS, restricted=())
    verdicts = case({"AUD_USD": 1_000.0}).with_exposed(traits=gold, sigma=np.full(COLUMNS, 1e-6))
    assert verdicts.verdicts().highest_price[4] == pytest.approx(LEVELS[4] * 1.01)
    assert TRAITS.collar[4] == 0.005
