"""The figures of a run against independent computations and hand-made cases."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from agents.guardian.measures.drawdown import drawdown_curve
from coordinator.results.basket import basket_returns
from coordinator.results.calendar import bar_calendar
from coordinator.results.curves import currency_exposure, equity_curve
from coordinator.results.measures import longest_drawdown_days, yearly_drawdowns
from coordinator.results.record import load_record
from coordinator.results.summary import Results, summarise
from tests.journals import JournalBuilder

BARS = 300


@pytest.fixture
def walked(tmp_path: Path) -> tuple[Results, np.ndarray]:
    """A year and more of a held position on a random walk, and its returns."""
    path = tmp_path / "journal.sqlite"
    rng = np.random.default_rng(3)
    prices = 1.1 * np.cumprod(1.0 + 0.01 * rng.standard_normal(BARS))
    with JournalBuilder(path, bars=BARS) as desk:
        for row, price in enumerate(prices):
            desk.bar({"EUR_USD": float(price)})
            desk.decide({"EUR_USD": (0.5, 0.1)}, orders={"EUR_USD": 50_000.0} if not row else None)
        desk.end()
    units = np.where(np.arange(BARS) > 1, 50_000.0, 0.0)
    equity = 100_000.0 + np.cumsum(units * np.diff(prices, prepend=prices[0]))
    return summarise(load_record(path)), equity / np.concatenate(([100_000.0], equity[:-1])) - 1.0


def test_return_figures_agree_with_their_definitions(
    walked: tuple[Results, np.ndarray],
) -> None:
    results, returns = walked
    first, last = results.curve.index[0], results.curve.index[-1]
    year = (BARS - 1) / ((last - first).days / 365.25)
    wealth = np.cumprod(1.0 + returns)
    drawdown = 1.0 - wealth / np.maximum.accumulate(np.concatenate(([1.0], wealth)))[1:]
    annual = wealth[-1] ** (year / BARS) - 1.0
    downside = math.sqrt(sum(r * r for r in returns if r < 0.0) / BARS)
    expected = {
        "total_return": wealth[-1] - 1.0,
        "annual_return": annual,
        "annual_volatility": math.sqrt(stats.tvar(returns) * year),
        "sharpe_ratio": math.sqrt(year) / stats.variation(returns, ddof=1),
        "sortino_ratio": math.sqrt(year) * returns.mean() / downside,
        "calmar_ratio": annual / drawdown.max(),
        "max_drawdown": drawdown.max(),
    }
    found = {name: results[name].value for name in expected}
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_information_ratio_measures_the_excess_over_the_basket(
    walked: tuple[Results, np.ndarray],
) -> None:
    results, returns = walked
    basket = results.curve["basket"].pct_change().fillna(0.0).to_numpy()
    excess = returns - basket
    scale = math.sqrt(results.calendar.bars_per_year)
    expected = scale * excess.mean() / excess.std(ddof=1)
    assert results["information_ratio"].value == pytest.approx(expected, rel=1e-9)


def test_a_constant_account_has_no_ratios(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, bars=20) as desk:
        for _ in range(20):
            desk.bar({"EUR_USD": 1.10})
            desk.decide()
        desk.end()
    results = summarise(load_record(path))
    for name in ("sharpe_ratio", "sortino_ratio", "calmar_ratio", "sterling_ratio",
                 "profit_factor", "win_rate", "average_holding_bars", "financing"):  # fmt: skip
        assert results[name].value is None, name
    assert results["max_drawdown"].value == 0.0
    assert results["trades"].value == 0.0


def test_a_profit_without_any_loss_has_no_profit_factor_rather_than_infinity(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.10})
        desk.decide(orders={"EUR_USD": 1_000.0})
        desk.bar({"EUR_USD": 1.10})
        desk.bar({"EUR_USD": 1.12}, exits={"EUR_USD": "TAKE_PROFIT"})
    results = summarise(load_record(path))
    assert results["profit_factor"].value is None
    assert results["win_rate"].value == 1.0


def test_win_rate_and_profit_factor_count_closed_trades_after_costs(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, half_spread=0.001) as desk:
        desk.bar({"EUR_USD": 1.10})
        for exit_price in (1.112, 1.101, 1.092):  # +10 pips net of 20, −10, −100
            desk.decide(orders={"EUR_USD": 10_000.0})
            desk.bar({"EUR_USD": 1.10})
            desk.bar({"EUR_USD": exit_price}, exits={"EUR_USD": "STOP_LOSS"})
        desk.decide(orders={"EUR_USD": 10_000.0})
        desk.bar({"EUR_USD": 1.10})
    results = summarise(load_record(path))
    assert results["trades"].value == 3.0
    assert results["open_trades"].value == 1.0
    assert results["win_rate"].value == pytest.approx(1.0 / 3.0)
    assert results["profit_factor"].value == pytest.approx(100.0 / (10.0 + 100.0))
    assert results["average_trade"].value == pytest.approx(-10.0 / 3.0)


def test_turnover_counts_both_sides_over_mean_equity_and_years(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, bars=26) as desk:
        for row in range(26):
            desk.bar({"EUR_USD": 1.0}, exits={"EUR_USD": "STOP_LOSS"} if row == 2 else None)
            desk.decide(orders={"EUR_USD": 100_000.0} if row == 0 else None)
    results = summarise(load_record(path))
    # 200,000 traded on 100,000 in a tenth of a year of 260 bars.
    assert results["turnover"].value == pytest.approx(20.0)
    assert results["average_leverage"].value == pytest.approx(1.0 / 26.0)
    assert results["time_in_market"].value == pytest.approx(1.0 / 26.0)


def test_costs_say_that_financing_is_not_modelled(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path) as desk:
        desk.bar({"EUR_USD": 1.10})
    results = summarise(load_record(path))
    assert results["financing"].value is None
    assert "not modelled" in results["financing"].convention
    assert "not modelled" in results["costs"].convention


def test_financing_paid_is_a_cost_and_received_is_not(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, financing="monthly rates") as desk:
        desk.bar({"EUR_USD": 1.0})
        desk.decide(orders={"EUR_USD": 1_000.0})
        desk.bar({"EUR_USD": 1.0})
        desk.bar({"EUR_USD": 1.0}, financing={"EUR_USD": -7.5})
    results = summarise(load_record(path))
    assert results["financing"].value == -7.5
    assert results["costs"].value == 7.5


def test_drawdown_is_positive_and_the_initial_balance_is_the_first_peak() -> None:
    assert drawdown_curve(np.array([90.0, 95.0]), 100.0).tolist() == pytest.approx([0.1, 0.05])
    assert drawdown_curve(np.array([110.0, 55.0, 120.0]), 100.0).tolist() == pytest.approx(
        [0.0, 0.5, 0.0]
    )


def test_sterling_averages_the_drawdowns_that_each_year_began_with() -> None:
    days = pd.to_datetime(["2023-06-01", "2023-12-29", "2024-01-02", "2024-06-03", "2025-01-02"])
    equity = pd.Series([120.0, 90.0, 81.0, 100.0, 110.0], index=days.tz_localize("UTC"))
    # 2023: 120 to 90; 2024 inherits 90 and falls to 81; 2025 only rises.
    assert yearly_drawdowns(equity, 100.0).tolist() == pytest.approx([0.25, 0.1, 0.0])


def test_the_longest_drawdown_runs_from_its_peak_to_the_last_bar_below_it() -> None:
    days = pd.date_range("2024-01-01", periods=8, tz="UTC")
    curve = pd.DataFrame({"drawdown": [0.0, 0.1, 0.0, 0.2, 0.1, 0.1, 0.0, 0.3]}, index=days)
    assert longest_drawdown_days(curve) == 3.0


def test_an_hourly_week_of_currencies_has_6240_bars_a_year() -> None:
    hours = pd.date_range("2024-01-01", periods=120, freq="h", tz="UTC")
    assert bar_calendar(hours, 3_600).bars_per_year == 6_240.0


def test_a_few_weekdays_make_260_bars_a_year_and_a_market_without_weekends_365() -> None:
    weekdays = pd.bdate_range("2024-01-01", periods=30, tz="UTC")
    every_day = pd.date_range("2024-01-01", periods=30, tz="UTC")
    assert bar_calendar(weekdays, 86_400).bars_per_year == 260.0
    assert bar_calendar(every_day, 86_400).bars_per_year == 365.25


def test_a_long_panel_is_annualised_with_the_bars_it_has() -> None:
    days = pd.bdate_range("2000-01-03", "2020-01-03", tz="UTC")
    calendar = bar_calendar(days, 86_400)
    assert calendar.bars_per_year == pytest.approx(5 * 365.25 / 7, rel=1e-3)
    assert "measured over 20.00 years" in calendar.statement


def test_repeating_closed_days_leaves_the_annual_volatility_as_it_is() -> None:
    weekdays = pd.bdate_range("2015-01-05", "2020-01-03", tz="UTC")
    every_day = pd.date_range("2015-01-05", "2020-01-03", tz="UTC")
    moves = np.random.default_rng(1).normal(0.0, 0.01, len(weekdays))
    padded = pd.Series(moves, index=weekdays).reindex(every_day, fill_value=0.0).to_numpy()
    without = moves.std(ddof=1) * math.sqrt(bar_calendar(weekdays, 86_400).bars_per_year)
    with_them = padded.std(ddof=1) * math.sqrt(bar_calendar(every_day, 86_400).bars_per_year)
    assert with_them == pytest.approx(without, rel=1e-3)


def test_the_basket_holds_the_foreign_side_of_every_pair(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    symbols = ("EUR_USD", "USD_JPY", "EUR_GBP", "GBP_USD")
    with JournalBuilder(path, symbols) as desk:
        desk.bar({"EUR_USD": 1.0, "USD_JPY": 100.0, "EUR_GBP": 0.8, "GBP_USD": 1.25})
        desk.bar({"EUR_USD": 1.1, "USD_JPY": 125.0, "EUR_GBP": 0.88, "GBP_USD": 1.25})
    # Euro +10%; yen worth 0.008 after 0.010: −20%; euro in pounds +10%, pound flat: +10%; 0.
    assert basket_returns(load_record(path)).tolist() == pytest.approx([0.0, 0.0])


def test_an_instrument_without_a_price_sits_out_of_the_basket(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with JournalBuilder(path, ("EUR_USD", "GBP_USD")) as desk:
        desk.bar({"EUR_USD": 1.0, "GBP_USD": math.nan})
        desk.bar({"EUR_USD": 1.1, "GBP_USD": 1.25})
        desk.bar({"EUR_USD": 1.1, "GBP_USD": 1.5})
    assert basket_returns(load_record(path)).tolist() == pytest.approx([0.0, 0.1, 0.1])


def test_currency_exposure_counts_both_legs_and_leaves_out_the_account_currency(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    mid = {"EUR_GBP": 0.8, "GBP_USD": 1.25, "USD_JPY": 100.0}
    with JournalBuilder(path, ("EUR_GBP", "GBP_USD", "USD_JPY")) as desk:
        desk.bar(mid)
        desk.decide(orders={"EUR_GBP": 50_000.0, "GBP_USD": 16_000.0, "USD_JPY": -30_000.0})
        desk.bar(mid)
    last = currency_exposure(load_record(path)).iloc[-1].to_dict()
    assert last == pytest.approx({"EUR": 0.5, "GBP": -0.5 + 0.2, "JPY": 0.3})
    curve = equity_curve(load_record(path))
    assert curve["gross_leverage"].iloc[-1] == pytest.approx(0.5 + 0.2 + 0.3)
    assert curve["open_positions"].iloc[-1] == 3


@settings(max_examples=20, deadline=None)
@given(prices=st.lists(st.floats(0.5, 2.0), min_size=2, max_size=8), units=st.integers(-9, 9))
def test_no_figure_is_ever_infinite(
    tmp_path_factory: pytest.TempPathFactory, prices: list[float], units: int
) -> None:
    path = tmp_path_factory.mktemp("run") / "journal.sqlite"
    with JournalBuilder(path) as desk:
        for row, price in enumerate(prices):
            desk.bar({"EUR_USD": price})
            desk.decide(orders={"EUR_USD": 50_000.0 * units} if units and not row else None)
    results = summarise(load_record(path))
    assert all(found.value is None or math.isfinite(found.value) for found in results.measures)
    assert all(found.convention and found.label for found in results.measures)
