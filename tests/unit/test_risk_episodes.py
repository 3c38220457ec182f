"""Episodes of history, replayed on today's positions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.guardian.scenarios.episodes import EPISODES, Episode, episode_loss, episode_paths
from agents.guardian.scenarios.returns import crossed, filled, quote_rates, value_returns
from coordinator.bootstrap import panel_of
from coordinator.configuration.settings import Settings
from market.instruments import Registry
from tests.risk_books import days

WEEK = Episode(name="WEEK", first="2020-06-01", last="2020-06-05", what="made up")
TIME = days("2020-06-01", 5)


def loss(symbols: tuple[str, ...], closes: list[list[float]], values: list[float]) -> float:
    """Of a book in US dollars through the made-up week."""
    (path,) = episode_paths(
        TIME, np.array(closes), [Registry()[s] for s in symbols], "USD", (WEEK,)
    )
    return episode_loss(path, np.array(values), symbols).loss


def test_a_long_position_loses_what_the_pair_falls() -> None:
    closes = [[1.0], [0.9], [0.8], [0.85], [0.9]]
    assert loss(("EUR_USD",), closes, [1000.0]) == pytest.approx(200.0)


def test_a_short_position_loses_from_the_low_to_the_high_after_it() -> None:
    closes = [[1.0], [0.9], [0.8], [0.85], [0.9]]
    assert loss(("EUR_USD",), closes, [-1000.0]) == pytest.approx(100.0)


def test_a_loss_in_yen_is_translated_at_the_rate_of_the_day() -> None:
    # 100 dollars long at 100 are 100 units; at 80 they have lost 2000 yen, 25 dollars of the day.
    closes = [[100.0], [100.0], [80.0], [100.0], [100.0]]
    assert loss(("USD_JPY",), closes, [100.0]) == pytest.approx(25.0)


def test_a_cross_is_translated_through_its_quote_currency() -> None:
    closes = [[0.8, 1.25], [0.8, 1.25], [0.72, 1.00], [0.8, 1.25], [0.8, 1.25]]
    # A value of 1000 dollars is 1000 euro at 0.8 · 1.25; it loses 80 pounds of 1.00 dollar each.
    assert loss(("EUR_GBP", "GBP_USD"), closes, [1000.0, 0.0]) == pytest.approx(80.0)


def test_a_cross_without_prices_of_its_own_goes_through_both_legs() -> None:
    legs = np.array([[1.0, 1.25], [1.0, 1.25], [0.9, 1.25], [1.0, 1.25], [1.0, 1.25]])
    symbols = ("EUR_GBP", "EUR_USD", "GBP_USD")
    unknown = np.column_stack([np.full(5, np.nan), legs])
    own = np.column_stack([legs[:, 0] / legs[:, 1], legs])
    values = [1000.0, 0.0, 0.0]
    assert loss(symbols, unknown.tolist(), values) == pytest.approx(
        loss(symbols, own.tolist(), values)
    )
    assert loss(symbols, own.tolist(), values) == pytest.approx(100.0)


def test_what_the_data_do_not_hold_is_unknown_and_named() -> None:
    symbols = ("EUR_USD", "GBP_USD")
    closes = np.array([[1.0, np.nan]] * 5)
    (path,) = episode_paths(TIME, closes, [Registry()[s] for s in symbols], "USD", (WEEK,))
    found = episode_loss(path, np.array([100.0, 100.0]), symbols)
    assert math.isnan(found.loss)
    assert found.missing == ("GBP_USD",)
    assert episode_loss(path, np.array([100.0, 0.0]), symbols).loss == 0.0


def test_an_episode_before_the_data_is_unknown_for_every_position_and_harmless_for_none() -> None:
    symbols = ("EUR_USD",)
    for path in episode_paths(TIME, np.ones((5, 1)), [Registry()["EUR_USD"]], "USD"):
        assert episode_loss(path, np.array([100.0]), symbols).missing == symbols
        assert episode_loss(path, np.zeros(1), symbols).loss == 0.0


def test_data_that_end_within_an_episode_do_not_hold_it() -> None:
    whole = EPISODES[1]
    time = days("2015-01-10", 5)  # up to 2015-01-14, the day before
    closes = np.full((5, 1), 1.2)
    (path,) = episode_paths(time, closes, [Registry()["EUR_CHF"]], "CHF", (whole,))
    assert episode_loss(path, np.array([100.0]), ("EUR_CHF",)).missing == ("EUR_CHF",)


def test_a_price_that_stood_still_for_more_than_a_week_tells_nothing() -> None:
    month = Episode(name="MONTH", first="2020-06-01", last="2020-06-28", what="made up")
    closes = np.linspace(1.0, 0.9, 28)[:, None].copy()
    time, pair = days("2020-06-01", 28), [Registry()["EUR_USD"]]

    def missing(gap: int) -> tuple[str, ...]:
        holed = closes.copy()
        holed[10 : 10 + gap] = np.nan
        (path,) = episode_paths(time, holed, pair, "USD", (month,))
        return episode_loss(path, np.array([1.0]), ("EUR_USD",)).missing

    assert missing(5) == ()
    assert missing(12) == ("EUR_USD",)


def test_the_floor_of_the_franc_costs_what_it_fell() -> None:
    franc = next(episode for episode in EPISODES if episode.name == "FRANC_2015")
    time = days("2015-01-10", 16)
    closes = np.where(time < days("2015-01-15", 1)[0], 1.20, 1.00)[:, None]
    (path,) = episode_paths(time, closes, [Registry()["EUR_CHF"]], "CHF", (franc,))
    found = episode_loss(path, np.array([1200.0]), ("EUR_CHF",))
    assert found.loss == pytest.approx(200.0)
    assert found.ended == days("2015-01-15", 1)[0]


def test_returns_of_a_value_add_up_to_what_the_units_earned() -> None:
    pairs = [Registry()[symbol] for symbol in ("EUR_GBP", "GBP_USD")]
    closes = np.array([[0.8, 1.25], [0.82, 1.2], [0.79, 1.3]])
    rates = quote_rates(closes, pairs, "USD")
    np.testing.assert_allclose(rates[:, 0], closes[:, 1])
    earned = value_returns(closes, rates) * closes[:-1] * rates[:-1]
    np.testing.assert_allclose(earned[:, 0], np.diff(closes[:, 0]) * closes[1:, 1])


def test_gaps_are_filled_forwards_only() -> None:
    found = filled(np.array([[np.nan], [1.0], [np.nan], [2.0]]))
    np.testing.assert_array_equal(found[:, 0], [np.nan, 1.0, 1.0, 2.0])


def test_a_pair_that_nothing_leads_across_stays_missing() -> None:
    pairs = [Registry()["EUR_USD"], Registry()["USD_JPY"]]
    closes = np.array([[np.nan, 100.0]])
    assert np.isnan(crossed(closes, pairs)[0, 0])


def test_the_fixings_hold_the_day_on_which_the_floor_of_the_franc_fell() -> None:
    data = {
        "source": "ecb",
        "instruments": ("EUR_CHF",),
        "start": "2014-12-01",
        "end": "2015-02-27",
    }
    panel = panel_of(Settings.model_validate({"data": data, "desk": {"account_currency": "CHF"}}))
    franc = next(episode for episode in EPISODES if episode.name == "FRANC_2015")
    (path,) = episode_paths(panel.time, panel.close, [Registry()["EUR_CHF"]], "CHF", (franc,))
    found = episode_loss(path, np.array([100_000.0]), ("EUR_CHF",))
    # 1.2010 on the 14th; the fixings of the days after went below parity.
    assert 15_000.0 < found.loss < 20_000.0
