"""Orders that rest, and what else a paper exchange can be asked."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from infra.brokers.paper.live.liquidity import part_of
from infra.brokers.paper.live.triggers import spread_within
from infra.brokers.paper.rollovers import next_rollover
from market.accounts import HeldExits, OrderState, TransactionKind
from market.errors import InvalidError
from market.orders import Entry, EntryKind, Fill, TimeInForce
from market.quotes import Quote
from tests.exchanges import (
    CASH,
    SECOND,
    START,
    TERMS,
    LocalBench,
    at_market,
    if_touched,
    limit,
    order,
    quote,
    stop_entry,
)
from tests.paper import HOUR_NS, FlatRates

EUR = 0
GTC, GTD, GFD = TimeInForce.GTC, TimeInForce.GTD, TimeInForce.GFD
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LocalBench]:
    made = LocalBench(tmp_path)
    yield made
    made.close()


def fills(bench: LocalBench) -> list[Fill]:
    return [t.fill for t in bench.exchange.transactions(0) if t.fill is not None]


def end_of(bench: LocalBench, name: str) -> tuple[OrderState, str]:
    found = bench.exchange.find(name)
    assert found is not None
    return found.state, found.reason


def kinds(bench: LocalBench, name: str) -> list[str]:
    return [t.kind.value for t in bench.exchange.transactions(0) if t.client_order_id == name]


def held(bench: LocalBench, units: float, **settings: Any) -> None:
    """A position that a market order opened at 1.10."""
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("held", units, **settings))
    bench.market("EUR_USD", 1.10)


# Triggers


def test_a_limit_order_fills_at_its_own_price_where_that_is_quoted_to_the_last_bit(
    bench: LocalBench,
) -> None:
    rng = np.random.default_rng(3)
    bench.market("EUR_USD", 1.10)
    for number in range(200):
        ask = round(float(rng.uniform(0.9, 1.3)), 5)
        bid = round(ask - float(rng.uniform(1e-5, 1e-2)), 5)
        bench.exchange.place(order(f"buys{number}", 10.0, entry=limit(ask)))
        bench.exchange.place(order(f"sells{number}", -10.0, entry=limit(bid)))
        bench.put(Quote(symbol="EUR_USD", time=bench.time + SECOND, bid=bid, ask=ask))
        bought, sold = fills(bench)[-2:]
        assert ask - 1e-12 < bought.price <= ask
        assert bid <= sold.price < bid + 1e-12


def test_half_of_the_spread_beside_the_mid_is_never_past_the_limit_by_rounding() -> None:
    rng = np.random.default_rng(4)
    for _ in range(2_000):
        bid = round(float(rng.uniform(0.5, 150.0)), 5)
        ask = round(bid + float(rng.uniform(1e-5, 0.1)), 5)
        one = Quote(symbol="EUR_USD", time=1, bid=bid, ask=ask)
        assert one.mid + 0.5 * spread_within(ask, one) <= ask
        assert one.mid - 0.5 * spread_within(bid, one) >= bid


def test_a_limit_order_is_not_slipped_and_a_stop_order_is(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, slippage=1e-3))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 10.0, entry=limit(1.09)))
    bench.exchange.place(order("b", -10.0, entry=stop_entry(1.09)))
    bench.market("EUR_USD", 1.09)
    assert [fill.price for fill in fills(bench)] == pytest.approx([1.09, 1.09 * 0.999])
    assert [fill.slippage_cost for fill in fills(bench)] == pytest.approx([0.0, 10.0 * 1.09e-3])
    bench.close()


def test_an_exit_that_is_due_at_the_quote_that_a_limit_order_fills_at_is_slipped_as_ever(
    tmp_path: Path,
) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, slippage=1e-3))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 10.0, stop=0.02))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("b", 10.0, entry=limit(1.08)))
    bench.market("EUR_USD", 1.05)
    added, stopped = fills(bench)[-2:]
    assert (added.client_order_id, added.price) == ("b", pytest.approx(1.05))
    assert (stopped.reason, stopped.units) == ("STOP_LOSS", -20.0)
    assert stopped.price == pytest.approx(1.05 * 0.999)
    bench.close()


def test_orders_that_one_quote_reaches_fill_in_the_order_of_their_acceptance(
    bench: LocalBench,
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place_all((
        order("a", 1.0, entry=limit(1.01)),
        order("b", 2.0),
        order("c", -3.0, entry=stop_entry(1.09)),
        order("d", 4.0, entry=limit(1.08)),
    ))  # fmt: skip
    bench.market("EUR_USD", 1.05)
    assert [fill.client_order_id for fill in fills(bench)] == ["b", "c", "d"]
    assert [one.client_order_id for one in bench.exchange.working()] == ["a"]


def test_a_stop_order_that_the_price_has_passed_already_fills_at_the_next_quote(
    bench: LocalBench,
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1.0, entry=stop_entry(1.05)))
    bench.market("EUR_USD", 1.08)
    assert end_of(bench, "a") == (OrderState.FILLED, "")


def test_a_resting_order_without_margin_is_cancelled_when_it_is_reached(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1e7, entry=limit(1.09)))
    assert end_of(bench, "a") == (OrderState.ACCEPTED, "")
    bench.market("EUR_USD", 1.09)
    assert end_of(bench, "a") == (OrderState.CANCELLED, "INSUFFICIENT_MARGIN")


def test_of_a_resting_reversal_without_margin_the_closing_part_fills(bench: LocalBench) -> None:
    held(bench, 1_000.0)
    bench.exchange.place(order("b", -1e7, entry=limit(1.11)))
    bench.market("EUR_USD", 1.11)
    assert kinds(bench, "b") == ["accepted", "filled", "cancelled"]
    found = bench.exchange.find("b")
    assert found is not None
    assert (found.state, found.filled) == (OrderState.FILLED, -1_000.0)


# Times in force


def test_an_order_that_is_good_for_the_day_ends_at_17_00_in_new_york(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1.0, entry=limit(1.0, GFD)))
    rollover = next_rollover(START)
    bench.put(quote("GBP_USD", rollover - 1, 1.50))
    assert end_of(bench, "a") == (OrderState.ACCEPTED, "")
    bench.put(quote("GBP_USD", rollover, 1.50))
    assert end_of(bench, "a") == (OrderState.EXPIRED, "TIME_IN_FORCE_EXPIRED")
    assert bench.exchange.transactions(0)[-1].time == rollover


def test_orders_expire_when_the_clock_alone_moves_in_the_order_of_their_times(
    bench: LocalBench,
) -> None:
    bench.market("EUR_USD", 1.10)
    for name, seconds in (("late", 30), ("early", 20), ("never", 0)):
        entry = limit(1.0, GTD, START + seconds * SECOND) if seconds else limit(1.0)
        bench.exchange.place(order(name, 1.0, entry=entry))
    bench.exchange.take((), START + 60 * SECOND)
    told = bench.exchange.transactions(0)[-2:]
    assert [(t.client_order_id, t.time - START) for t in told] == [
        ("early", 20 * SECOND), ("late", 30 * SECOND)
    ]  # fmt: skip
    assert [one.client_order_id for one in bench.exchange.working()] == ["never"]


def test_a_quote_at_the_very_time_expires_an_order_rather_than_filling_it(
    bench: LocalBench,
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1.0, entry=limit(1.09, GTD, START + 5 * SECOND)))
    bench.put(quote("EUR_USD", START + 5 * SECOND, 1.08))
    assert end_of(bench, "a")[0] is OrderState.EXPIRED


@pytest.mark.parametrize("force", [IOC, FOK])
def test_a_limit_order_for_the_next_quote_ends_where_that_does_not_reach_it(
    bench: LocalBench, force: TimeInForce
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 1.0, entry=limit(1.09, force)))
    bench.exchange.place(order("b", 1.0, entry=limit(1.095, force)))
    bench.market("GBP_USD", 1.50)
    bench.market("EUR_USD", 1.095)
    assert end_of(bench, "a") == (OrderState.EXPIRED, "TIME_IN_FORCE_EXPIRED")
    assert end_of(bench, "b") == (OrderState.FILLED, "")


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (limit(math.nan), "positive price"),
        (limit(0.0), "positive price"),
        (stop_entry(math.inf), "positive price"),
        (at_market(GTC), "FOK or IOC"),
        (Entry(kind=EntryKind.MARKET, price=1.1, time_in_force=FOK), "no price"),
        (limit(1.0, GTD, START), "already"),
        (limit(1.0, GTC, START + 100 * SECOND), "only a GTD"),
        (if_touched(1.0), "none has been quoted"),
    ],
)
def test_an_entry_that_says_nothing_sensible_is_refused(
    bench: LocalBench, entry: Entry, why: str
) -> None:
    with pytest.raises(InvalidError, match=why):
        bench.exchange.place(order("a", 1.0, entry=entry))
    assert end_of(bench, "a")[0] is OrderState.REJECTED


def test_a_market_order_that_is_said_to_be_one_fills_as_one_that_is_not(tmp_path: Path) -> None:
    told = []
    for number, entry in enumerate((None, at_market(FOK), at_market(IOC))):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = LocalBench(folder, replace(TERMS, slippage=1e-4))
        bench.market("EUR_USD", 1.10, 1e-4)
        bench.exchange.place(order("a", 1_000.0, stop=0.01, entry=entry))
        bench.market("EUR_USD", 1.11, 1e-4)
        told.append(bench.exchange.transactions(0))
        bench.close()
    assert told[0] == told[1] == told[2]


# Liquidity


def test_one_quote_fills_whole_increments_only() -> None:
    assert part_of(-7.0, math.inf, 1.0) == -7.0
    assert part_of(-7.0, 2.5, 1.0) == -2.0
    assert part_of(7.0, 0.3, 0.1) == pytest.approx(0.3)
    assert part_of(7.0, 0.5, 1.0) == 0.0


def test_a_triggered_stop_order_fills_its_rest_at_the_market(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, liquidity=100.0))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 250.0, entry=stop_entry(1.11)))
    for mid in (1.12, 1.09, 1.08):
        bench.market("EUR_USD", mid)
    assert [(fill.units, fill.price) for fill in fills(bench)] == [
        (100.0, 1.12), (100.0, 1.09), (50.0, 1.08)
    ]  # fmt: skip
    assert end_of(bench, "a") == (OrderState.FILLED, "")
    bench.close()


def test_a_close_works_on_until_nothing_is_held(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, liquidity=100.0))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 250.0, entry=limit(1.2)))
    for _ in range(3):
        bench.market("EUR_USD", 1.10)
    bench.exchange.close("EUR_USD", "c")
    for left in (150.0, 50.0, 0.0):
        bench.market("EUR_USD", 1.10)
        assert bench.exchange.account().units[EUR] == left
    assert end_of(bench, "c") == (OrderState.FILLED, "")
    bench.close()


@pytest.mark.parametrize("liquidity", [0.0, -1.0, math.nan])
def test_quotes_that_fill_nothing_are_no_terms(liquidity: float) -> None:
    with pytest.raises(InvalidError, match="positive"):
        replace(TERMS, liquidity=liquidity)


# Reducing


def test_a_part_is_closed_and_never_more_than_is_held_when_it_fills(bench: LocalBench) -> None:
    held(bench, 1_000.0, stop=0.05)
    stop = bench.exchange.account().stop_price[EUR]
    first = bench.exchange.reduce("EUR_USD", 300.0, "r1")
    assert first is not None
    assert first.units == -300.0
    assert bench.exchange.reduce("EUR_USD", 300.0, "r1") == first
    bench.market("EUR_USD", 1.10)
    account = bench.exchange.account()
    assert (account.units[EUR], account.stop_price[EUR]) == (700.0, stop)
    bench.exchange.reduce("EUR_USD", 600.0, "r2")
    bench.exchange.reduce("EUR_USD", 600.0, "r3")
    bench.exchange.reduce("EUR_USD", 600.0, "r4")
    bench.market("EUR_USD", 1.10)
    assert [fill.units for fill in fills(bench)] == [1_000.0, -300.0, -600.0, -100.0]
    found = bench.exchange.find("r3")
    assert found is not None
    assert (found.state, found.filled) == (OrderState.FILLED, -100.0)
    assert end_of(bench, "r4") == (OrderState.CANCELLED, "NO_POSITION")


def test_a_part_is_not_taken_from_a_position_of_the_other_side(bench: LocalBench) -> None:
    held(bench, 1_000.0)
    bench.exchange.place(order("turns", -1_500.0))
    bench.exchange.reduce("EUR_USD", 300.0, "r")
    bench.market("EUR_USD", 1.10)
    assert bench.exchange.account().units[EUR] == -500.0
    assert end_of(bench, "r") == (OrderState.CANCELLED, "NO_POSITION")


def test_what_cannot_be_closed_in_part_is_refused(bench: LocalBench) -> None:
    assert bench.exchange.reduce("EUR_USD", 1.0, "r0") is None
    held(bench, 1_000.0)
    for units in (0.0, -5.0, math.nan, math.inf):
        with pytest.raises(InvalidError, match="positive"):
            bench.exchange.reduce("EUR_USD", units, "r1")
    with pytest.raises(InvalidError, match="multiple"):
        bench.exchange.reduce("EUR_USD", 0.5, "r2")
    with pytest.raises(InvalidError, match="EUR_QQQ"):
        bench.exchange.reduce("EUR_QQQ", 1.0, "r3")


# Meeting the last quote


def test_an_order_that_is_met_fills_at_the_last_quote_now(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10, 0.01)
    bench.exchange.take((), bench.time + 5 * SECOND)
    bench.exchange.place_all((order("a", 10.0, stop=0.02), order("b", 5.0, entry=limit(1.05))))
    assert bench.exchange.meet("EUR_USD")
    (fill,) = fills(bench)
    assert (fill.client_order_id, fill.price) == ("a", pytest.approx(1.105))
    assert fill.time == bench.exchange.clock == bench.time + 5 * SECOND
    assert bench.exchange.account().stop_price[EUR] == pytest.approx(1.085)
    assert end_of(bench, "b") == (OrderState.ACCEPTED, "")


def test_nothing_is_met_without_a_quote_or_with_an_old_one(bench: LocalBench) -> None:
    bench.exchange.place(order("a", 10.0))
    assert not bench.exchange.meet("EUR_USD")
    bench.market("GBP_USD", 1.50)
    bench.exchange.place(order("b", 10.0, "GBP_USD"))
    bench.exchange.take((), bench.time + 301 * SECOND)
    assert not bench.exchange.meet("GBP_USD")
    assert [one.client_order_id for one in bench.exchange.working()] == ["a", "b"]
    with pytest.raises(InvalidError, match="EUR_QQQ"):
        bench.exchange.meet("EUR_QQQ")


def test_what_one_quote_filled_of_an_order_it_does_not_fill_again(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, liquidity=100.0))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 250.0, entry=limit(1.2)))
    for _ in range(2):
        assert bench.exchange.meet("EUR_USD")
    bench.close()
    again = LocalBench(tmp_path, replace(TERMS, liquidity=100.0))
    assert again.exchange.meet("EUR_USD")
    assert [fill.units for fill in fills(again)] == [100.0]
    again.market("EUR_USD", 1.10)
    assert again.exchange.meet("EUR_USD")
    assert [fill.units for fill in fills(again)] == [100.0, 100.0]
    again.close()


def test_the_nights_are_charged_by_the_next_quote_and_not_when_an_order_is_met(
    tmp_path: Path,
) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.0})
    bench = LocalBench(tmp_path, replace(TERMS, rate_valid_s=90_000.0), interest=rates)
    held(bench, 1_000.0)
    bench.exchange.take((), START + 12 * HOUR_NS)
    bench.exchange.place(order("b", 10.0))
    assert bench.exchange.meet("EUR_USD")
    bench.put(quote("EUR_USD", START + 13 * HOUR_NS, 1.10))
    told = [t.kind.value for t in bench.exchange.transactions(0)][-3:]
    assert told == ["accepted", "filled", "financing"]
    bench.close()


# Exits of a position that is held


def test_the_exits_of_a_position_can_be_changed_and_that_is_noted(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path)
    held(bench, 1_000.0, stop=0.05)
    noted = bench.exchange.modify_bracket("EUR_USD", 1.09, 1.12)
    assert (noted.kind, noted.client_order_id) == (TransactionKind.NOTED, "held")
    assert (noted.symbol, noted.reason) == ("EUR_USD", "BRACKET_CHANGED")
    assert noted.exits is not None
    assert (noted.exits.stop_price, noted.exits.take_profit_price) == (1.09, 1.12)
    assert math.isnan(noted.exits.trailing)
    bench.close()
    again = LocalBench(tmp_path)
    assert repr(again.exchange.transactions(0)[-1]) == repr(noted)
    again.market("EUR_USD", 1.12)
    assert (fills(again)[-1].reason, fills(again)[-1].price) == ("TAKE_PROFIT", 1.12)
    again.close()


def test_an_exit_is_left_alone_by_none_and_taken_away_by_nan(bench: LocalBench) -> None:
    held(bench, -1_000.0, stop=0.05, take_profit=0.05)
    noted = bench.exchange.modify_bracket("EUR_USD", take_profit_price=math.nan)
    assert noted.exits is not None
    assert noted.exits.stop_price == pytest.approx(1.15)
    assert math.isnan(noted.exits.take_profit_price)
    bench.market("EUR_USD", 1.00)
    assert bench.exchange.account().units[EUR] == -1_000.0


def test_a_trailing_stop_follows_from_the_last_quote_on_and_goes_as_it_came(
    bench: LocalBench,
) -> None:
    held(bench, 1_000.0)
    bench.market("EUR_USD", 1.20, 0.01)
    noted = bench.exchange.modify_bracket("EUR_USD", trailing=0.02)
    assert noted.exits == HeldExits(
        stop_price=pytest.approx(1.175),
        take_profit_price=pytest.approx(math.nan, nan_ok=True),
        trailing=0.02,
    )
    bench.exchange.modify_bracket("EUR_USD", trailing=0.05)
    assert bench.exchange.account().stop_price[EUR] == pytest.approx(1.145)
    bench.market("EUR_USD", 1.30)
    assert bench.exchange.account().stop_price[EUR] == pytest.approx(1.25)
    bench.exchange.modify_bracket("EUR_USD", trailing=math.nan)
    assert math.isnan(bench.exchange.account().stop_price[EUR])
    bench.exchange.modify_bracket("EUR_USD", 1.29, trailing=0.05)
    bench.market("EUR_USD", 1.28)
    assert (fills(bench)[-1].reason, fills(bench)[-1].price) == ("STOP_LOSS", 1.28)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"stop_price": 1.10},
        {"stop_price": 1.11},
        {"take_profit_price": 1.10},
        {"take_profit_price": 1.09},
        {"stop_price": -1.0},
        {"take_profit_price": math.inf},
        {"trailing": 0.0},
        {"stop_price": 1.05, "trailing": -0.1},
    ],
)
def test_exits_that_would_close_now_or_never_change_nothing(
    bench: LocalBench, asked: dict[str, float]
) -> None:
    held(bench, 1_000.0, stop=0.05)
    before = bench.exchange.account()
    with pytest.raises(InvalidError):
        bench.exchange.modify_bracket("EUR_USD", **asked)
    after = bench.exchange.account()
    assert after.last_transaction == before.last_transaction
    np.testing.assert_array_equal(after.stop_price, before.stop_price)


def test_without_a_position_there_are_no_exits_to_change(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    with pytest.raises(InvalidError, match="no position"):
        bench.exchange.modify_bracket("EUR_USD", 1.0)


# Halts


def test_while_an_instrument_is_halted_nothing_in_it_fills(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path)
    held(bench, 1_000.0, stop=0.01)
    bench.exchange.place_all((order("waits", 10.0, entry=limit(1.09)), order("now", 10.0)))
    bench.exchange.set_tradeable("EUR_USD", False)
    assert end_of(bench, "now") == (OrderState.CANCELLED, "MARKET_HALTED")
    answer = bench.exchange.place(order("later", 10.0))
    assert (answer.state, answer.reason) == (OrderState.CANCELLED, "MARKET_HALTED")
    assert kinds(bench, "later") == ["accepted", "cancelled"]
    closing = bench.exchange.close("EUR_USD", "c")
    assert closing is not None
    assert closing.state is OrderState.CANCELLED
    assert not bench.exchange.meet("EUR_USD")
    bench.market("EUR_USD", 1.05)
    assert bench.exchange.account().units[EUR] == 1_000.0
    assert bench.exchange.account().equity == pytest.approx(CASH - 1_000.0 * 0.05)
    bench.close()
    again = LocalBench(tmp_path)
    assert again.exchange.closed == {"EUR_USD"}
    again.market("EUR_USD", 1.04)
    assert [one.client_order_id for one in again.exchange.working()] == ["waits"]
    again.exchange.set_tradeable("EUR_USD", True)
    again.market("EUR_USD", 1.04)
    assert [fill.reason for fill in fills(again)] == ["DECISION", "DECISION", "STOP_LOSS"]
    assert again.exchange.account().units[EUR] == 0.0
    again.close()


def test_a_halt_in_one_instrument_is_none_in_another(bench: LocalBench) -> None:
    bench.exchange.set_tradeable("EUR_USD", False)
    bench.exchange.place(order("a", 10.0, "GBP_USD"))
    bench.market("GBP_USD", 1.50)
    assert end_of(bench, "a")[0] is OrderState.FILLED
    with pytest.raises(InvalidError, match="EUR_QQQ"):
        bench.exchange.set_tradeable("EUR_QQQ", False)


def test_financing_is_charged_through_a_halt(tmp_path: Path) -> None:
    rates = FlatRates(annual={"EUR": 0.02, "USD": 0.05, "GBP": 0.04, "JPY": 0.0})
    bench = LocalBench(tmp_path, interest=rates)
    held(bench, 1_000.0)
    bench.exchange.set_tradeable("EUR_USD", False)
    bench.put(quote("EUR_USD", START + 12 * HOUR_NS, 1.10))
    bench.market("EUR_USD", 1.10)
    charged = [t for t in bench.exchange.transactions(0) if t.kind is TransactionKind.FINANCING]
    assert [t.amount for t in charged] == [pytest.approx(1_100.0 * (0.02 - 0.05) / 365.0)]
    bench.close()


# Replacing


def test_what_was_filled_of_an_order_stays_when_it_is_replaced(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path, replace(TERMS, liquidity=100.0))
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 250.0, entry=limit(1.2)))
    bench.market("EUR_USD", 1.10)
    bench.exchange.replace("a", order("b", 50.0, entry=limit(1.0)))
    old = bench.exchange.find("a")
    assert old is not None
    assert (old.state, old.filled, old.replaced_by) == (OrderState.REPLACED, 100.0, "b")
    assert bench.exchange.account().working[EUR] == 50.0
    bench.close()


def test_an_order_is_replaced_in_its_own_instrument_and_under_another_id(
    bench: LocalBench,
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.exchange.place(order("a", 10.0, entry=limit(1.0)))
    with pytest.raises(InvalidError, match="itself"):
        bench.exchange.replace("a", order("a", 20.0, entry=limit(1.0)))
    for _ in range(2):
        with pytest.raises(InvalidError, match="GBP_USD"):
            bench.exchange.replace("a", order("b", 20.0, "GBP_USD", entry=limit(1.0)))
    assert kinds(bench, "b") == ["rejected"]
    assert [one.client_order_id for one in bench.exchange.working()] == ["a"]


# What is kept


def test_a_store_of_the_first_schema_is_read_and_knows_what_was_filled(tmp_path: Path) -> None:
    bench = LocalBench(tmp_path)
    held(bench, 1_000.0)
    bench.exchange.place(order("waits", -500.0))
    before = bench.exchange.account()
    bench.close()
    path = tmp_path / "exchange.sqlite"
    as_it_was(path)
    again = LocalBench(tmp_path)
    found = again.exchange.find("held")
    assert found is not None
    assert (found.state, found.filled) == (OrderState.FILLED, 1_000.0)
    assert again.exchange.account().equity == before.equity
    assert again.exchange.meet("EUR_USD")
    assert again.exchange.account().units[EUR] == 500.0
    again.close()
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (2,)
    database.close()


def as_it_was(path: Path) -> None:
    """Take out of a store what the first schema did not have."""
    new = {"filled", "replaced_by", "exits", "prices", "closed"}
    new |= {"reduces", "filled_at", "stood", "expires"}
    database = sqlite3.connect(path, isolation_level=None)
    for table, key in (
        ("orders", "client_order_id"),
        ("waiting", "transaction_id"),
        ("state", "name"),
    ):
        for name, payload in database.execute(f"SELECT {key}, payload FROM {table}").fetchall():
            record = msgspec.msgpack.decode(payload)
            old = {field: value for field, value in record.items() if field not in new}
            if table == "waiting":
                del old["order"]["entry"]
            database.execute(
                f"UPDATE {table} SET payload = ? WHERE {key} = ?",
                (msgspec.msgpack.encode(old), name),
            )
    database.execute("PRAGMA user_version = 1")
    database.close()
