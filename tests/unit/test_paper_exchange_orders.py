"""Orders that rest at a paper exchange: what fills them, ends them, takes their place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.brokers.paper.live.liquidity import part_of
from infra.brokers.paper.live.triggers import spread_within
from infra.brokers.paper.rollovers import next_rollover
from market.accounts import OrderState
from market.errors import InvalidError
from market.orders import Entry, EntryKind, TimeInForce
from market.quotes import Quote
from tests.exchange_accounts import end_of, fills, held, kinds
from tests.exchanges import (
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

EUR = 0
GTC, GTD, GFD = TimeInForce.GTC, TimeInForce.GTD, TimeInForce.GFD
IOC, FOK = TimeInForce.IOC, TimeInForce.FOK


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[LocalBench]:
    made = LocalBench(tmp_path)
    yield made
    made.close()


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
