"""Closing in part, meeting the last quote, changing exits, and halts at a paper exchange."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.brokers.paper.live.records import transaction_of
from market.accounts import OrderState, TransactionKind
from market.errors import InvalidError
from market.quotes import Quote
from tests.exchange_accounts import end_of, fills, held, kinds
from tests.exchanges import (
    CASH,
    SECOND,
    START,
    TERMS,
    LocalBench,
    limit,
    order,
    quote,
)
from tests.paper import HOUR_NS, FlatRates

EUR = 0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LocalBench]:
    made = LocalBench(tmp_path)
    yield made
    made.close()


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


def test_what_is_asked_together_is_one_commit(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10, 0.01)
    with bench.exchange.one_commit():
        bench.exchange.place(order("a", 7.0))
        bench.exchange.meet("EUR_USD")
        bench.exchange.protect("EUR_USD", take_profit_price=1.2)
        assert bench.store.last_transaction == 1, "nothing is durable yet"
    assert bench.store.last_transaction == bench.exchange.last_transaction == 4
    assert end_of(bench, "a") == (OrderState.FILLED, "")
    assert bench.exchange.exits("EUR_USD").take_profit_price == 1.2
    bench.exchange.place(order("b", 1.0))
    assert bench.store.last_transaction == 5, "and each by itself again"


def test_any_part_of_the_record_is_told_whatever_was_committed_together(
    bench: LocalBench,
) -> None:
    exchange = bench.exchange
    bench.market("EUR_USD", 1.10, 0.01)
    exchange.place(order("a", 7.0))
    with exchange.one_commit():
        for name in "bcd":
            exchange.place(order(name, 1.0, "GBP_USD"))
    bench.market("GBP_USD", 1.50)
    with exchange.one_commit():
        exchange.place(order("e", 1.0))
        exchange.place(order("f", 1.0))
        told = exchange.transaction_records(0, -1)
        assert [transaction_of(one).id for one in told] == list(range(1, 1 + len(told)))
        assert len(told) == exchange.last_transaction > 9
        for after in range(len(told) + 2):
            for most in (-1, *range(1, len(told) + 2)):
                part = told[after:] if most < 0 else told[after : after + most]
                assert exchange.transaction_records(after, most) == part
    assert exchange.transaction_records(0, -1) == told


def test_what_was_asked_before_a_refusal_is_durable_with_it(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10, 0.01)

    def both() -> None:
        with bench.exchange.one_commit():
            bench.exchange.place(order("a", 7.0))
            bench.exchange.place(order("b", 0.5))

    with pytest.raises(InvalidError):
        both()
    assert bench.store.last_transaction == 3
    assert end_of(bench, "a") == (OrderState.ACCEPTED, "")
    assert end_of(bench, "b")[0] is OrderState.REJECTED


def test_what_broke_off_half_way_is_not_in_the_store(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10, 0.01)

    def half() -> None:
        with bench.exchange.one_commit():
            bench.exchange.place(order("a", 7.0))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert bench.store.last_transaction == 1


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


def test_the_last_quote_is_known_to_the_last_bit_after_a_restart(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    bench = LocalBench(tmp_path)
    for number in range(40):
        ask = round(float(rng.uniform(0.9, 1.3)), 5)
        bid = round(ask - float(rng.uniform(1e-5, 1e-2)), 5)
        bench.put(Quote(symbol="EUR_USD", time=bench.time + SECOND, bid=bid, ask=ask))
        bench.exchange.save()
        bench.close()
        bench = LocalBench(tmp_path)
        bench.exchange.place(order(f"a{number}", 10.0, entry=limit(ask)))
        assert bench.exchange.meet("EUR_USD")
        assert end_of(bench, f"a{number}")[0] is OrderState.FILLED
    bench.close()


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
    bench.exchange.protect("EUR_USD", stop_price=1.09, take_profit_price=1.12)
    noted = bench.exchange.transactions(0)[-1]
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
    bench.exchange.protect("EUR_USD", take_profit_price=math.nan)
    exits = bench.exchange.exits("EUR_USD")
    assert exits.stop_price == pytest.approx(1.15)
    assert math.isnan(exits.take_profit_price)
    bench.market("EUR_USD", 1.00)
    assert bench.exchange.account().units[EUR] == -1_000.0


def test_a_trailing_stop_follows_from_the_last_quote_on_and_goes_as_it_came(
    bench: LocalBench,
) -> None:
    held(bench, 1_000.0)
    bench.market("EUR_USD", 1.20, 0.01)
    bench.exchange.protect("EUR_USD", trailing=0.02)
    exits = bench.exchange.exits("EUR_USD")
    assert (exits.stop_price, exits.trailing) == (pytest.approx(1.175), 0.02)
    bench.exchange.protect("EUR_USD", trailing=0.05)
    assert bench.exchange.account().stop_price[EUR] == pytest.approx(1.145)
    bench.market("EUR_USD", 1.30)
    assert bench.exchange.account().stop_price[EUR] == pytest.approx(1.25)
    bench.exchange.protect("EUR_USD", trailing=math.nan)
    assert math.isnan(bench.exchange.account().stop_price[EUR])
    bench.exchange.protect("EUR_USD", stop_price=1.29, trailing=0.05)
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
        bench.exchange.protect("EUR_USD", **asked)
    after = bench.exchange.account()
    assert after.last_transaction == before.last_transaction
    np.testing.assert_array_equal(after.stop_price, before.stop_price)


def test_without_a_position_there_are_no_exits_to_change(bench: LocalBench) -> None:
    bench.market("EUR_USD", 1.10)
    with pytest.raises(InvalidError, match="no position"):
        bench.exchange.protect("EUR_USD", stop_price=1.0)


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
