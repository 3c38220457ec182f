"""The laws of booking and of conversion."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.conversion import (
    conversion,
    currency_names,
    quote_rate,
    shortest_path,
    with_conversion_instruments,
)
from market.errors import NoConversionPath
from market.instruments import Instrument, Registry, fx_pair
from market.ledger import book_fill, equity, open_ledger
from tests.books import LEVELS, PATHS, SYMBOLS

QUICK = settings(max_examples=80, deadline=None)
UNITS = st.integers(-50_000, 50_000).filter(bool).map(float)
TRADES = st.lists(st.tuples(UNITS, st.floats(0.5, 2.0)), min_size=1, max_size=20)
CURRENCIES = ("AUD", "CHF", "EUR", "GBP", "JPY", "USD")


@QUICK
@given(TRADES, st.floats(0.5, 2.0))
def test_realised_and_unrealised_together_are_the_flow_of_money(
    trades: list[tuple[float, float]], mid: float
) -> None:
    ledger = open_ledger(1, 1_000.0)
    for units, price in trades:
        book_fill(ledger, 0, units, price, 1.0)
    paid = sum(units * price for units, price in trades)
    total = equity(ledger, np.array([mid]), np.zeros(1), np.ones(1))
    assert total == pytest.approx(1_000.0 - paid + ledger.units[0] * mid, abs=1e-6)
    assert ledger.units[0] == sum(units for units, _ in trades)
    assert ledger.cash[0] == pytest.approx(1_000.0 + ledger.realised[0], abs=1e-9)
    assert math.isnan(ledger.average_price[0]) == (ledger.units[0] == 0.0)


@QUICK
@given(TRADES)
def test_the_average_price_lies_between_the_prices_that_were_paid(
    trades: list[tuple[float, float]],
) -> None:
    ledger = open_ledger(1, 0.0)
    for units, price in trades:
        book_fill(ledger, 0, units, price, 1.0)
    if ledger.units[0] != 0.0:
        prices = [price for _, price in trades]
        assert min(prices) * (1 - 1e-9) <= ledger.average_price[0] <= max(prices) * (1 + 1e-9)


@QUICK
@given(TRADES, st.floats(0.5, 2.0))
def test_a_mirrored_account_loses_what_the_other_earns(
    trades: list[tuple[float, float]], rate: float
) -> None:
    one, other = open_ledger(1, 0.0), open_ledger(1, 0.0)
    for units, price in trades:
        book_fill(one, 0, units, price, rate)
        book_fill(other, 0, -units, price, rate)
    assert other.cash[0] == -one.cash[0]
    assert other.units[0] == -one.units[0]


@QUICK
@given(TRADES)
def test_what_is_realised_scales_with_the_rate_of_its_fill_alone(
    trades: list[tuple[float, float]],
) -> None:
    ledger, realised = open_ledger(1, 0.0), 0.0
    for number, (units, price) in enumerate(trades):
        rate = 1.0 + number
        held, average = float(ledger.units[0]), float(ledger.average_price[0])
        closed = min(abs(units), abs(held)) if held * units < 0.0 else 0.0
        expected = math.copysign(closed, held) * (price - average) * rate if closed else 0.0
        assert book_fill(ledger, 0, units, price, rate) == pytest.approx(expected, rel=1e-12)
        realised += expected
    assert ledger.cash[0] == pytest.approx(realised, rel=1e-9, abs=1e-6)


def test_equity_without_a_price_or_a_rate_is_unknown_and_a_flat_account_needs_neither() -> None:
    ledger = open_ledger(2, 1_000.0)
    nothing = np.full(2, math.nan)
    assert equity(ledger, nothing, nothing, nothing) == 1_000.0
    book_fill(ledger, 1, 10.0, 1.0, 1.0)
    assert math.isnan(equity(ledger, nothing, np.zeros(2), np.ones(2)))
    assert math.isnan(equity(ledger, np.ones(2), np.zeros(2), nothing))


def test_a_position_is_worth_what_it_could_be_closed_for() -> None:
    ledger = open_ledger(2, 0.0)
    book_fill(ledger, 0, 100.0, 1.0, 1.0)
    book_fill(ledger, 1, -100.0, 1.0, 1.0)
    found = equity(ledger, np.array([1.5, 0.5]), np.array([0.2, 0.2]), np.ones(2))
    assert found == pytest.approx(100.0 * 0.4 + 100.0 * 0.4)


# Conversion


PAIRS = st.lists(
    st.tuples(st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES)).filter(
        lambda pair: pair[0] != pair[1]
    ),
    min_size=1,
    max_size=10,
    unique=True,
)


def instruments_of(pairs: list[tuple[str, str]]) -> list[Instrument]:
    return [fx_pair(base, quote, spread_pips=1.0) for base, quote in pairs]


def test_a_path_leads_from_the_currency_to_the_account_hop_by_hop() -> None:
    instruments = instruments_of([("EUR", "GBP"), ("USD", "JPY"), ("GBP", "JPY")])
    path = shortest_path("GBP", "USD", instruments)
    assert path == [(2, 1), (1, -1)]
    assert shortest_path("USD", "USD", instruments) == []


@QUICK
@given(PAIRS, st.sampled_from(CURRENCIES), st.integers(0, 2**32 - 1))
def test_where_prices_agree_every_rate_is_the_ratio_of_the_two_currencies(
    pairs: list[tuple[str, str]], account: str, seed: int
) -> None:
    instruments = instruments_of(pairs)
    rng = np.random.default_rng(seed)
    worth = dict(zip(CURRENCIES, rng.uniform(0.01, 2.0, len(CURRENCIES)), strict=True))
    mid = np.array([worth[i.base] / worth[i.quote] for i in instruments])
    try:
        paths = conversion(instruments, account)
    except NoConversionPath:
        return
    for column, instrument in enumerate(instruments):
        rate = quote_rate(paths, mid, column, mid[column])
        assert rate == pytest.approx(worth[instrument.quote] / worth[account], rel=1e-12)


@QUICK
@given(PAIRS, st.sampled_from(CURRENCIES))
def test_only_connected_instruments_are_added_for_conversion_and_they_suffice(
    pairs: list[tuple[str, str]], account: str
) -> None:
    available = instruments_of(pairs)
    traded = available[:1]
    try:
        needed = with_conversion_instruments(traded, available, account)
    except NoConversionPath:
        with pytest.raises(NoConversionPath):
            conversion(available, account)
        return
    assert needed[0] == traded[0]
    assert conversion(needed, account).path_column.shape[0] == len(needed)
    hops = shortest_path(traded[0].quote, account, available)
    assert len(shortest_path(traded[0].quote, account, needed)) == len(hops)


def test_a_missing_price_in_the_chain_is_a_missing_rate() -> None:
    mid = LEVELS.copy()
    mid[SYMBOLS.index("GBP_USD")] = math.nan
    column = SYMBOLS.index("EUR_GBP")
    assert math.isnan(quote_rate(PATHS, mid, column, 0.85))
    assert quote_rate(PATHS, mid, SYMBOLS.index("EUR_USD"), 1.1) == 1.0


def test_an_instruments_own_price_of_the_moment_converts_it() -> None:
    column = SYMBOLS.index("USD_JPY")
    assert quote_rate(PATHS, LEVELS, column, 140.0) == pytest.approx(1.0 / 140.0)


def test_an_account_without_a_way_to_it_names_what_would_help() -> None:
    with pytest.raises(NoConversionPath, match="JPY_CHF or CHF_JPY"):
        conversion(instruments_of([("EUR", "JPY")]), "CHF")


def test_the_registry_converts_every_pair_it_knows_into_dollars() -> None:
    registry = Registry()
    everything = [registry[symbol] for symbol in registry.symbols()]
    paths = conversion(everything, "USD")
    assert paths.path_column.shape[0] == len(everything)
    assert all(one < two for one, two in pairwise(currency_names(everything, "USD")))
