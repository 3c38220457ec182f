"""Made-up prices: the same at every run, like a market, and told to be made up."""

from __future__ import annotations

import numpy as np
import pytest

from infra.clock import ManualClock
from infra.feeds.live.hours import standard_hours
from infra.feeds.live.synthetic import SyntheticPrices
from market.instruments import Instrument, Registry
from market.quotes import Quote
from tests.quotes import MINUTE, SECOND
from tests.unit.test_silence import share
from tests.unit.test_trading_hours import at

REGISTRY = Registry()
MONDAY = at("2026-07-06T12:00:00")


def source(
    *symbols: str, seed: int = 7, begin: int = MONDAY, closed: bool = False
) -> SyntheticPrices:
    return SyntheticPrices(
        [REGISTRY[symbol] for symbol in symbols], seed, ManualClock(begin), begin=begin,
        hours=standard_hours() if closed else None,
    )  # fmt: skip


def of(symbol: str, quotes: tuple[Quote, ...]) -> list[Quote]:
    return [quote for quote in quotes if quote.symbol == symbol]


def test_they_say_that_they_are_made_up() -> None:
    assert source("EUR_USD").description == "synthetic: made-up prices, seed 7: EUR_USD"


def test_the_first_quotes_of_a_seed_are_these() -> None:
    quotes = source("EUR_USD", "USD_JPY").quotes(MONDAY + 3 * SECOND)
    found = [(one.symbol, (one.time - MONDAY) // 1_000_000, one.bid, one.ask) for one in quotes]
    assert found[:5] == [
        ("EUR_USD", 161, 1.1116, 1.11169),
        ("EUR_USD", 496, 1.11163, 1.1117),
        ("USD_JPY", 890, 170.6, 170.609),
        ("EUR_USD", 956, 1.1116, 1.11173),
        ("EUR_USD", 1423, 1.11161, 1.11173),
    ]


def test_an_instruments_prices_do_not_depend_on_its_neighbours() -> None:
    alone = source("EUR_USD").quotes(MONDAY + 5 * MINUTE)
    among = source("USD_JPY", "EUR_USD", "XAU_USD").quotes(MONDAY + 5 * MINUTE)
    assert of("EUR_USD", among) == list(alone)


def test_another_seed_gives_other_prices() -> None:
    one, other = (source("EUR_USD", seed=seed).quotes(MONDAY + MINUTE) for seed in (7, 8))
    assert one != other


def test_pairs_that_share_a_currency_agree_with_each_other() -> None:
    made = source("EUR_USD", "USD_JPY", "EUR_JPY").history(("EUR_USD", "USD_JPY", "EUR_JPY"), 60, 9)
    crossed = made.close[:, 0] * made.close[:, 1]
    np.testing.assert_allclose(made.close[:, 2], crossed, rtol=5e-4)


def test_volatility_spread_and_rate_are_those_of_a_market() -> None:
    symbols = ("EUR_USD", "USD_JPY", "GBP_USD")
    made = source(*symbols).history(symbols, 900, 2_000)
    change = np.diff(np.log(made.close), axis=0)
    annual = change.std(axis=0) * np.sqrt(365 * 96)
    assert ((annual > 0.05) & (annual < 0.15)).all()
    assert np.corrcoef(change.T)[0, 2] > 0.3
    assert np.corrcoef(change.T)[0, 1] < -0.2
    typical = np.array([REGISTRY[symbol].typical_spread for symbol in symbols])
    np.testing.assert_allclose(np.median(made.spread, axis=0), typical, rtol=0.4)
    np.testing.assert_allclose(made.volume.mean(axis=0), 900.0, rtol=0.1)


@pytest.mark.parametrize("day", ["2026-07-07", "2026-01-01", "1999-05-03"])
def test_the_walk_runs_on_without_a_step_over_minutes_hours_and_days(day: str) -> None:
    midnight = at(f"{day}T00:00:00")
    quotes = source("EUR_USD", begin=midnight - MINUTE).quotes(midnight + MINUTE)
    mids = np.array([quote.mid for quote in quotes])
    assert np.abs(np.diff(np.log(mids))).max() < 2e-4


def test_a_tick_at_the_very_beginning_of_a_minute_is_given_by_then() -> None:
    symbols = REGISTRY.symbols()
    at_once = source(*symbols).quotes(MONDAY + 60 * MINUTE)
    sharp = [quote for quote in at_once if quote.time % MINUTE == 0]
    assert sharp
    for quote in sharp:
        assert quote in source(*symbols, begin=quote.time - SECOND).quotes(quote.time)


def test_prices_are_whole_increments_as_they_are_written() -> None:
    for quote in source("EUR_USD", "USD_JPY", "XAU_USD").quotes(MONDAY + MINUTE):
        digits = {"EUR_USD": 5, "USD_JPY": 3, "XAU_USD": 3}[quote.symbol]
        assert (quote.bid, quote.ask) == (round(quote.bid, digits), round(quote.ask, digits))


def test_prices_before_the_origin_of_the_walk_are_prices_too() -> None:
    early = at("1999-05-03T12:00:00")
    bids = [quote.bid for quote in source("EUR_USD", begin=early).quotes(early + MINUTE)]
    assert len(bids) > 10
    assert all(0.2 < bid < 5.0 for bid in bids)


def test_weekends_are_open_unless_they_are_closed() -> None:
    close = at("2026-07-10T21:00:00")
    assert source("EUR_USD", begin=close).quotes(close + MINUTE)
    closing = source("EUR_USD", begin=close - MINUTE, closed=True)
    assert closing.quotes(close + 48 * 60 * MINUTE - 1)[-1].time < close
    opened = closing.quotes(close + 48 * 60 * MINUTE + MINUTE)
    assert opened[0].time >= close + 48 * 60 * MINUTE


def test_history_reaches_back_over_a_closed_weekend() -> None:
    opening = at("2026-07-12T21:00:00")
    made = source("EUR_USD", begin=opening + 2 * MINUTE, closed=True).history(["EUR_USD"], 60, 4)
    minutes = (made.time - opening) // MINUTE
    assert minutes.tolist() == [-48 * 60 - 1, -48 * 60, 1, 2]


def test_instruments_that_no_table_knows_have_prices() -> None:
    strange = [share("ACME"), Instrument(
        base="ABC", quote="EUR", asset_class="crypto", pip=0.3, price_increment=0.3,
        unit_increment=1.0, typical_spread_pips=0.0, margin_rate=0.5,
    )]  # fmt: skip
    quotes = SyntheticPrices(strange, 1, ManualClock(MONDAY), begin=MONDAY).quotes(MONDAY + MINUTE)
    assert {quote.symbol for quote in quotes} == {"ACME_USD", "ABC_EUR"}
    assert all(0.0 < quote.bid < quote.ask for quote in quotes)
