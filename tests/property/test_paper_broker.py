"""The laws of the paper broker, on random markets and random orders."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.ledger import DeskLedger
from infra.brokers.paper.broker import PaperBroker
from market.errors import InvalidError
from market.instruments import Registry
from market.orders import Bracket, Fill, OrderRequest
from market.whole_units import whole_units
from tests.paper import FlatRates, Market
from tests.stories import CASH, SPREAD, SYMBOLS, story, told, unrealised

QUICK = settings(max_examples=60, deadline=None)
SEEDS = st.integers(0, 2**32 - 1)


@QUICK
@given(SEEDS)
def test_cash_is_what_was_realised_and_charged_and_equity_adds_what_is_not(seed: int) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "JPY": 0.001, "GBP": 0.04})
    tale = told(story(seed), interest=rates, financing_fee=0.01, slippage=1e-4)
    cash = CASH
    past: list[Fill] = []
    for settlement in tale.settled:
        past += settlement.fills
        cash += settlement.financing.sum() + sum(fill.realised for fill in settlement.fills)
        assert settlement.cash == pytest.approx(cash, abs=1e-6)
        open_ = sum(
            unrealised([f for f in past if f.symbol == symbol], settlement, column)
            for column, symbol in enumerate(tale.symbols)
        )
        assert settlement.equity == pytest.approx(settlement.cash + open_, abs=1e-6)
        if not settlement.units.any():
            assert settlement.equity == settlement.cash


@QUICK
@given(SEEDS)
def test_in_one_currency_no_money_is_made_or_lost_but_by_prices(seed: int) -> None:
    tale = told(story(seed, ("EUR_USD", "GBP_USD")), slippage=1e-4)
    paid = sum(fill.units * fill.price for fill in tale.fills)
    final = tale.settled[-1]
    closing = final.mid - np.sign(final.units) * final.spread / 2.0
    assert final.equity == pytest.approx(CASH - paid + (final.units * closing).sum(), abs=1e-6)


@QUICK
@given(SEEDS)
def test_fills_add_up_to_the_positions_and_to_the_desks_own_books(seed: int) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "JPY": 0.001, "GBP": 0.04})
    tale = told(story(seed), interest=rates)
    books = DeskLedger(tale.symbols, CASH)
    held = dict.fromkeys(tale.symbols, 0.0)
    for settlement in tale.settled:
        books.book(settlement)
        for fill in settlement.fills:
            held[fill.symbol] += fill.units
        assert list(settlement.units) == list(held.values())


@QUICK
@given(SEEDS)
def test_every_order_fills_whole_on_the_next_bar_or_is_cancelled_with_a_reason(seed: int) -> None:
    tale = told(story(seed))
    for wish, settlement in zip(tale.wishes, tale.settled[1:], strict=False):
        filled = {f.symbol: f.units for f in settlement.fills if f.reason == "DECISION"}
        cancelled = {cancellation.symbol for cancellation in settlement.cancellations}
        assert filled.keys() | cancelled == wish.keys()
        assert not filled.keys() & cancelled
        for symbol, units in filled.items():
            assert units == wish[symbol].units


@QUICK
@given(SEEDS)
def test_no_order_fills_outside_its_bounds_and_every_price_lies_in_its_bar(seed: int) -> None:
    tale = told(story(seed))
    for row, settlement in enumerate(tale.settled):
        opened, high, low, _ = tale.bars[row]
        for fill in settlement.fills:
            column = tale.symbols.index(fill.symbol)
            assert low[column] * (1.0 - SPREAD) <= fill.mid <= high[column] * (1.0 + SPREAD)
            if fill.reason == "DECISION":
                reference, order = tale.bars[row - 1, 3, column], tale.wishes[row - 1][fill.symbol]
                assert fill.mid == opened[column]
                assert abs(fill.price - reference) <= order.reach * reference * (1.0 + 1e-12)


@QUICK
@given(SEEDS)
def test_crossing_the_market_always_costs_and_the_costs_are_in_the_price(seed: int) -> None:
    tale = told(story(seed), slippage=1e-4)
    for fill in tale.fills:
        against = (fill.price - fill.mid) * fill.units * fill.rate
        assert against == pytest.approx(fill.spread_cost + fill.slippage_cost, abs=1e-9)
        assert fill.spread_cost > 0.0
        assert fill.slippage_cost >= 0.0


@QUICK
@given(SEEDS)
def test_exits_close_the_whole_position_and_name_the_order_that_opened_it(seed: int) -> None:
    tale = told(story(seed))
    for symbol in tale.symbols:
        held, opened_by = 0.0, ""
        for fill in tale.fills_of(symbol):
            after = held + fill.units
            if fill.reason == "DECISION":
                opened_by = fill.client_order_id if held * after <= 0.0 else opened_by
            else:
                assert after == 0.0
                assert fill.client_order_id == opened_by
            held = after


@QUICK
@given(SEEDS)
def test_an_instrument_trades_the_same_alone_and_among_others(seed: int) -> None:
    together = told(story(seed))
    for symbol in ("EUR_USD", "USD_JPY", "GBP_USD"):
        alone = told(story(seed, (symbol,)))
        assert repr(alone.fills) == repr(together.fills_of(symbol))


@QUICK
@given(SEEDS)
def test_neither_the_order_of_columns_nor_of_placing_matters(seed: int) -> None:
    one = told(story(seed))
    for other in (
        told(story(seed, tuple(reversed(SYMBOLS)))),
        told(story(seed), backwards=True),
    ):
        for symbol in SYMBOLS:
            assert repr(other.fills_of(symbol)) == repr(one.fills_of(symbol))
        assert other.settled[-1].equity == pytest.approx(one.settled[-1].equity, abs=1e-6)


@QUICK
@given(SEEDS, st.floats(0.0, 0.6))
def test_missing_prices_never_fill_and_never_reach_cash_or_equity(seed: int, gaps: float) -> None:
    tale = story(seed)
    rng = np.random.default_rng(seed)
    missing = rng.random((len(tale.bars), len(SYMBOLS))) < gaps
    missing[0] = False
    tale.bars[np.broadcast_to(missing[:, np.newaxis], tale.bars.shape)] = np.nan
    told(tale, spread=float(rng.choice([np.nan, SPREAD])))
    for row, settlement in enumerate(tale.settled):
        assert math.isfinite(settlement.cash)
        assert math.isfinite(settlement.equity)
        for fill in settlement.fills:
            assert not missing[row, SYMBOLS.index(fill.symbol)]
            assert math.isfinite(fill.price * fill.rate * fill.realised)
        for cancellation in settlement.cancellations:
            silent = missing[row, SYMBOLS.index(cancellation.symbol)]
            assert (cancellation.reason == "NO_PRICE") == silent
        np.testing.assert_array_equal(settlement.age == 0.0, ~missing[row])


@QUICK
@given(st.lists(st.floats(-0.03, 0.03), min_size=2, max_size=20))
def test_a_signal_equal_to_this_bars_return_earns_the_next_bars_return_and_nothing_of_this(
    changes: list[float],
) -> None:
    market = Market("EUR_USD")
    price, side, earned = 1.10, 0.0, 0.0
    for change in changes:
        after = price * (1.0 + change)
        earned += 10_000.0 * side * (after - price)
        settlement = market.bar((price, max(price, after), min(price, after), after))
        assert settlement.equity == pytest.approx(CASH + earned, abs=1e-6)
        wanted = float(np.sign(change))
        if wanted != side:
            market.order("EUR_USD", 10_000.0 * (wanted - side))
        price, side = after, wanted


@QUICK
@given(st.lists(st.floats(-0.03, 0.03), min_size=1, max_size=20))
def test_when_only_the_signalled_bar_moves_nothing_is_earned(changes: list[float]) -> None:
    market = Market("EUR_USD")
    price = 1.10
    for change in changes:
        after = price * (1.0 + change)
        market.bar((price, max(price, after), min(price, after), after))
        units = 10_000.0 if change > 0.0 else -10_000.0
        market.order("EUR_USD", units)
        market.bar(after)
        market.order("EUR_USD", -units)
        still = market.bar(after)
        assert still.cash == pytest.approx(CASH, abs=1e-9)
        price = after


@QUICK
@given(SEEDS)
def test_a_wider_spread_never_makes_a_held_position_richer(seed: int) -> None:
    plain = {s: replace(w, stop=math.nan, take_profit=math.nan, trailing=None, reach=math.inf)
             for s, w in story(seed).wishes[0].items()}  # fmt: skip
    worth = []
    for spread in (0.0, SPREAD, 5.0 * SPREAD):
        tale = story(seed, rows=5)
        tale.wishes = [plain, *({} for _ in range(4))]
        worth.append(told(tale, spread=spread).settled[-1].equity)
    assert worth[0] >= worth[1] >= worth[2]


def test_an_added_order_without_a_stop_keeps_the_stop_that_is_there() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.02)
    market.bar(1.10)
    market.order("EUR_USD", 5_000)
    assert market.bar(1.11).stop_price[0] == pytest.approx(1.08)


def test_an_exit_on_the_bar_of_a_partial_close_names_the_order_that_opened() -> None:
    market = Market("EUR_USD")
    market.bar(1.10)
    market.order("EUR_USD", 10_000, stop=0.02)
    opening = market.bar(1.10).fills[0].client_order_id
    market.order("EUR_USD", -4_000)
    fills = market.bar((1.10, 1.10, 1.05, 1.06)).fills
    assert [fill.reason for fill in fills] == ["DECISION", "STOP_LOSS"]
    assert fills[1].client_order_id == opening


@QUICK
@given(st.integers(1, 10**7), st.sampled_from([1.0, 0.1, 0.01, 0.001, 100.0]))
def test_every_size_that_was_cut_to_whole_units_is_taken_and_any_other_refused(
    count: int, increment: float
) -> None:
    instrument = replace(Registry()["EUR_USD"], unit_increment=increment)
    units = whole_units((count + 0.5) * increment, increment)
    for size, taken in ((units, True), (-units, True), (units + 0.4 * increment, False)):
        broker = PaperBroker([instrument], account_currency="USD", cash=CASH, slippage=0.0)
        order = OrderRequest(
            client_order_id="a",
            sequence=0,
            symbol="EUR_USD",
            units=size,
            bracket=Bracket(stop=0.1, take_profit=0.1, trailing=None),
            lowest_price=0.0,
            highest_price=9.0,
            reference_price=1.0,
        )
        with contextlib.nullcontext() if taken else pytest.raises(InvalidError, match="multiple"):
            broker.place(order)
