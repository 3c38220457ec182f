"""The paper broker against cases computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from infra.brokers.paper.rollovers import nights_between
from market.errors import InvalidError
from tests.paper import HOUR_NS, THURSDAY_NOON_NS, FlatRates, Market


def test_one_pip_of_usd_jpy_at_150_is_worth_6_67_dollars() -> None:
    market = Market("USD_JPY")
    market.bar(150.00)
    market.order("USD_JPY", 100_000)
    market.bar(150.00)
    after = market.bar(150.01)
    # 100,000 × 0.01 JPY = 1,000 JPY, at 150.01 JPY a dollar.
    assert after.equity - 100_000 == pytest.approx(1_000 / 150.01, abs=1e-9)
    assert after.equity - 100_000 == pytest.approx(6.67, abs=0.01)


def test_ten_pips_of_eur_gbp_convert_through_gbp_usd_to_125_dollars() -> None:
    market = Market("EUR_GBP", "GBP_USD")
    market.bar(0.8500, 1.25)
    market.order("EUR_GBP", 100_000)
    market.bar(0.8500, 1.25)
    market.order("EUR_GBP", -100_000)
    closed = market.bar(0.8510, 1.25)
    assert closed.fills[0].realised == pytest.approx(125.0, abs=1e-9)
    assert closed.cash == pytest.approx(100_125.0, abs=1e-9)
    later = market.bar(0.8510, 1.40)
    assert later.cash == closed.cash, "realised at the fill's rate, never translated again"


def test_an_order_fills_on_the_next_bar_not_on_the_one_it_was_decided_on() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000)
    filled = market.bar((1.12, 1.13, 1.11, 1.125))
    assert [fill.price for fill in filled.fills] == [1.12]
    assert filled.equity == pytest.approx(100_000 + 10_000 * (1.125 - 1.12))


def test_a_buy_pays_the_ask_and_a_sale_gets_the_bid_and_both_slip() -> None:
    market = Market("EUR_USD", slippage=0.0001)
    market.bar(1.10)
    market.order("EUR_USD", 10_000)
    bought = market.bar(1.10, spread=0.0002).fills[0]
    market.order("EUR_USD", -10_000)
    sold = market.bar(1.10, spread=0.0002).fills[0]
    assert bought.price == pytest.approx(1.10 + 0.0001 + 0.00011)
    assert sold.price == pytest.approx(1.10 - 0.0001 - 0.00011)
    assert bought.spread_cost == pytest.approx(1.0)
    assert bought.slippage_cost == pytest.approx(1.1)
    assert sold.realised == pytest.approx(-10_000 * 0.00042)


def test_without_a_spread_in_the_data_the_typical_one_is_paid() -> None:
    market = Market("EUR_USD")
    market.bar(1.10, spread=np.nan)
    market.order("EUR_USD", 10_000)
    fill = market.bar(1.10, spread=np.nan).fills[0]
    assert fill.price == pytest.approx(1.10 + 0.00006)


def test_a_stop_through_a_gap_fills_at_the_gap_price() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.01)
    market.bar(1.10)
    gapped = market.bar((1.05, 1.06, 1.04, 1.055))
    assert [(fill.reason, fill.price) for fill in gapped.fills] == [("STOP_LOSS", 1.05)]
    assert gapped.cash == pytest.approx(100_000 - 500)
    assert math.isnan(gapped.stop_price[0])


def test_a_stop_inside_the_bar_fills_at_its_own_price_and_before_the_take_profit() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.01, take_profit=0.02)
    market.bar(1.10)
    wild = market.bar((1.10, 1.13, 1.08, 1.12))
    assert [(fill.reason, fill.price) for fill in wild.fills] == [
        ("STOP_LOSS", pytest.approx(1.09))
    ]


def test_a_take_profit_beyond_a_gap_fills_at_the_better_price_without_slippage() -> None:
    market = Market("EUR_USD", slippage=0.001)
    market.bar(1.10)
    market.order("EUR_USD", -10_000, stop=0.05, take_profit=0.02)
    entry = market.bar(1.10).fills[0]
    gapped = market.bar((1.05, 1.06, 1.04, 1.05)).fills[0]
    assert entry.price == pytest.approx(1.10 - 0.0011)
    assert (gapped.reason, gapped.price) == ("TAKE_PROFIT", 1.05)


def test_a_short_position_is_stopped_on_the_ask() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", -10_000, stop=0.01)
    market.bar(1.10, spread=0.002)  # sold at 1.099, stop at 1.109
    untouched = market.bar((1.10, 1.1075, 1.10, 1.10), spread=0.002)  # ask high 1.1085
    assert untouched.fills == ()
    stopped = market.bar((1.10, 1.1085, 1.10, 1.10), spread=0.002)  # ask high 1.1095
    assert stopped.fills[0].price == pytest.approx(1.109)


def test_a_trailing_stop_moves_after_the_bar_and_only_towards_the_price() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.02, trailing=0.01)
    market.bar(1.10)
    risen = market.bar((1.10, 1.15, 1.10, 1.14))
    assert risen.fills == (), "the stop moves after the bar, not inside it"
    assert risen.stop_price[0] == pytest.approx(1.14)
    fallen = market.bar((1.145, 1.146, 1.13, 1.135))
    assert [(fill.reason, fill.price) for fill in fallen.fills] == [
        ("TRAILING_STOP", pytest.approx(1.14))
    ]


def test_a_partial_close_realises_its_part_and_keeps_average_and_stop() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.05)
    market.bar(1.10)
    market.order("EUR_USD", -4_000, stop=0.001)
    partly = market.bar(1.12)
    assert partly.fills[0].realised == pytest.approx(4_000 * 0.02)
    assert partly.units[0] == 6_000
    assert partly.stop_price[0] == pytest.approx(1.05)
    assert partly.equity == pytest.approx(100_000 + 10_000 * 0.02)


def test_a_reversal_realises_all_of_the_old_and_opens_the_new_with_its_own_stop() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.05)
    market.bar(1.10)
    market.order("EUR_USD", -25_000, stop=0.01)
    reversed_ = market.bar(1.12)
    assert reversed_.fills[0].realised == pytest.approx(10_000 * 0.02)
    assert reversed_.units[0] == -15_000
    assert reversed_.stop_price[0] == pytest.approx(1.13)
    assert market.bar(1.11).equity == pytest.approx(100_000 + 200 + 15_000 * 0.01)


def test_an_added_position_averages_its_price_and_never_loosens_its_stop() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.01)
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.05)
    added = market.bar(1.12)
    assert added.stop_price[0] == pytest.approx(1.09)
    assert added.equity == pytest.approx(100_200)
    market.order("EUR_USD", -20_000)
    assert market.bar(1.13).fills[0].realised == pytest.approx(20_000 * (1.13 - 1.11))


def test_financing_over_a_weekend_counts_three_nights_on_both_legs() -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05})
    market = Market("EUR_USD", interest=rates, financing_fee=0.01)
    market.time += 24 * HOUR_NS  # Friday noon
    market.bar(1.10)
    market.order("EUR_USD", 100_000)
    market.bar(1.10, hours=71)  # Friday 13:00; the next bar is Monday noon
    monday = market.bar(1.10)
    # 110,000 USD × (2% − 5% − 1%) × 3/365
    assert monday.financing[0] == pytest.approx(110_000 * -0.04 * 3 / 365)
    assert monday.cash == pytest.approx(100_000 - 36.1644, abs=1e-4)


def test_a_night_ends_at_five_in_new_york_in_winter_and_summer() -> None:
    winter = THURSDAY_NOON_NS
    assert nights_between(winter, winter + 9 * HOUR_NS + HOUR_NS // 2) == 0  # 21:30 UTC
    assert nights_between(winter, winter + 10 * HOUR_NS) == 1  # 22:00 UTC is 17:00
    summer = 1_751_544_000_000_000_000  # 2025-07-03 12:00 UTC
    assert nights_between(summer, summer + 9 * HOUR_NS) == 1  # 21:00 UTC is 17:00


def test_without_rates_nothing_is_charged() -> None:
    market = Market("EUR_USD", financing_fee=0.01)
    market.bar(1.10)
    market.order("EUR_USD", 100_000)
    market.bar(1.10, hours=48)
    assert market.bar(1.10).financing[0] == 0.0


@pytest.mark.parametrize(
    ("bounds", "price", "reason"),
    [((1.09, 1.11), 1.1101, "PRICE_BOUND"), ((0.0, np.inf), np.nan, "NO_PRICE")],
)
def test_an_order_that_cannot_fill_is_cancelled_with_its_reason(
    bounds: tuple[float, float], price: float, reason: str
) -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, bounds=bounds)
    settled = market.bar(price)
    assert settled.fills == ()
    assert [cancellation.reason for cancellation in settled.cancellations] == [reason]
    assert market.broker.working() == ()


def test_an_order_beyond_the_margin_is_cancelled_whole() -> None:
    market = Market("EUR_USD", cash=1_000.0)
    market.bar(1.10)
    market.order("EUR_USD", 30_000)  # needs 33,000 × 3.33%
    settled = market.bar(1.10)
    assert settled.cancellations[0].reason == "INSUFFICIENT_MARGIN"
    assert settled.units[0] == 0.0


def test_positions_are_closed_out_when_equity_falls_to_half_of_the_margin() -> None:
    market = Market("EUR_USD", cash=1_000.0)
    market.bar(1.10)
    market.order("EUR_USD", 25_000)
    market.bar(1.10)
    settled = market.bar((1.10, 1.10, 1.07, 1.077))  # equity 425 < 0.5 × 896
    assert [fill.reason for fill in settled.fills] == ["MARGIN_CLOSEOUT"]
    assert settled.equity == pytest.approx(1_000 - 25_000 * 0.023)


def test_a_missing_price_keeps_the_last_mark_and_counts_its_age() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000)
    market.bar(1.10)
    silent = market.bar(np.nan)
    assert silent.mid[0] == 1.10
    assert silent.age[0] == 1.0
    assert silent.equity == pytest.approx(100_000)
    assert market.bar(1.11).age[0] == 0.0


@pytest.mark.parametrize("units", [0.0, 0.5, math.nan, math.inf])
def test_a_size_that_is_no_whole_number_of_units_is_refused(units: float) -> None:
    market = Market("EUR_USD")
    with pytest.raises(InvalidError, match="units must be a multiple"):
        market.order("EUR_USD", units)


def test_an_unknown_instrument_and_a_second_order_are_refused() -> None:
    market = Market("EUR_USD")
    with pytest.raises(InvalidError, match="not traded here"):
        market.order("USD_JPY", 1_000)
    market.order("EUR_USD", 1_000)
    with pytest.raises(InvalidError, match="already waits"):
        market.order("EUR_USD", 1_000)
