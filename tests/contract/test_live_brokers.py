"""What every live broker owes the desk, whatever stands behind it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.deadlines import readable
from infra.live.posting import posted
from market.accounts import OrderState, TransactionKind
from market.errors import InvalidError
from market.orders import Entry, TimeInForce
from tests.exchanges import (
    SECOND,
    START,
    SYMBOLS,
    TERMS,
    WITHIN_S,
    Bench,
    LocalBench,
    ServedBench,
    at_market,
    heard,
    if_touched,
    limit,
    order,
    stop_entry,
)
from tests.live_broker import FakeBench
from tests.v20_bench import V20Bench

ACCEPTED, FILLED = OrderState.ACCEPTED, OrderState.FILLED
CANCELLED, REJECTED = OrderState.CANCELLED, OrderState.REJECTED
EUR, GBP = SYMBOLS.index("EUR_USD"), SYMBOLS.index("GBP_USD")

PARTIAL, EXPIRED, REPLACED = (
    OrderState.PARTIALLY_FILLED, OrderState.EXPIRED, OrderState.REPLACED
)  # fmt: skip
DEPTH = 100.0
THIN = replace(TERMS, liquidity=DEPTH)

BENCHES: dict[str, Callable[[Path], Any]] = {
    "fake in memory": FakeBench,
    "paper exchange": LocalBench,
    "paper exchange over a Unix socket": ServedBench,
    "paper exchange over TCP": lambda folder: ServedBench(folder, host="127.0.0.1"),
    "OANDA over a v20 server": V20Bench,
}


SHALLOW: dict[str, Callable[[Path], Any]] = {
    "fake in memory": lambda folder: FakeBench(folder, liquidity=DEPTH),
    "paper exchange": lambda folder: LocalBench(folder, THIN),
    "paper exchange over a Unix socket": lambda folder: ServedBench(folder, terms=THIN),
    "paper exchange over TCP": lambda folder: ServedBench(folder, host="127.0.0.1", terms=THIN),
    "OANDA over a v20 server": lambda folder: V20Bench(folder, terms=THIN),
}
"""Benches whose quotes fill so many units of one order."""


@pytest.fixture(params=BENCHES)
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = BENCHES[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture(params=SHALLOW)
def shallow(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = SHALLOW[request.param](tmp_path)
    yield made
    made.close()


def end_of(bench: Bench, name: str) -> tuple[OrderState, float]:
    """How an order stands, and how much of it was filled."""
    found = bench.broker.find(name)
    assert found is not None
    return found.state, found.filled


def prices_of(bench: Bench, name: str) -> list[float]:
    """What an order was filled at."""
    told = bench.broker.transactions(0)
    return [t.fill.price for t in told if t.fill is not None and t.client_order_id == name]


def test_an_order_waits_for_the_next_quote_of_its_own_instrument(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    assert bench.broker.place(order("a", 1_000.0)).state is ACCEPTED
    bench.market("GBP_USD", 1.50)
    assert [waits.client_order_id for waits in bench.broker.working()] == ["a"]
    assert bench.broker.account().working[EUR] == 1_000.0
    bench.market("EUR_USD", 1.20, 0.02)
    (fill,) = [t.fill for t in bench.broker.transactions(0) if t.fill is not None]
    assert (fill.client_order_id, fill.units, fill.price) == ("a", 1_000.0, pytest.approx(1.21))
    assert bench.broker.working() == ()
    found = bench.broker.find("a")
    assert found is not None
    assert found.state is FILLED


def test_the_same_id_is_never_placed_twice(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    first = bench.broker.place(order("a", 1_000.0))
    assert bench.broker.place(order("a", 1_000.0)) == first
    assert bench.broker.place_all((order("a", 1_000.0), order("a", 5.0))) == (first, first)
    bench.market("EUR_USD", 1.10)
    assert bench.broker.place(order("a", 1_000.0)).state is FILLED
    bench.market("EUR_USD", 1.10)
    assert bench.broker.account().units[EUR] == 1_000.0


def test_several_are_answered_in_order_and_one_refusal_stops_no_other(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.market("GBP_USD", 1.50)
    answers = bench.broker.place_all(
        (order("a", 10.0), order("b", 0.5), order("c", 5.0, "EUR_QQQ"), order("d", -3.0, "GBP_USD"))
    )
    assert [answer.client_order_id for answer in answers] == ["a", "b", "c", "d"]
    assert [answer.state for answer in answers] == [ACCEPTED, REJECTED, REJECTED, ACCEPTED]
    bench.market("EUR_USD", 1.10)
    bench.market("GBP_USD", 1.50)
    assert list(bench.broker.account().units[[EUR, GBP]]) == [10.0, -3.0]


def test_orders_that_are_posted_are_answered_as_those_that_are_waited_for(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.market("GBP_USD", 1.50)
    orders = (order("a", 10.0), order("b", 0.5), order("c", -3.0, "GBP_USD"))
    answers = posted(bench.broker, orders).answers()
    assert [answer.client_order_id for answer in answers] == ["a", "b", "c"]
    assert [answer.state for answer in answers] == [ACCEPTED, REJECTED, ACCEPTED]
    assert posted(bench.broker, orders[:1]).answers() == answers[:1], "it is placed once"


@pytest.mark.parametrize(
    "refused",
    [order("a", 0.0), order("a", math.nan), order("a", 0.5), order("a", 1.0, "EUR_QQQ")],
    ids=["nothing", "not a number", "off the increment", "unknown instrument"],
)
def test_what_can_never_be_filled_is_refused_and_that_is_recorded(
    bench: Bench, refused: Any
) -> None:
    for _ in range(2):
        with pytest.raises(InvalidError):
            bench.broker.place(refused)
    found = bench.broker.find("a")
    told = [t for t in bench.broker.transactions(0) if t.client_order_id == "a"]
    if (math.isnan(refused.units) or refused.symbol not in SYMBOLS) and not told:
        # What cannot even be written down need not reach the broker.
        assert found is None or (found.state, found.transaction) == (REJECTED, 0)
        return
    assert found is not None
    assert found.state is REJECTED
    assert [t.kind for t in told] == [TransactionKind.REJECTED]
    assert told[0].reason == found.reason != ""


def test_an_order_that_never_came_is_not_found(bench: Bench) -> None:
    assert bench.broker.find("nobody") is None
    with pytest.raises(InvalidError, match="nobody"):
        bench.broker.cancel("nobody")


def test_a_cancelled_order_never_fills(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0))
    cancelled = bench.broker.cancel("a")
    assert cancelled.state is CANCELLED
    assert cancelled.reason != ""
    bench.market("EUR_USD", 1.10)
    assert not bench.broker.account().units.any()
    assert bench.broker.cancel("a") == cancelled == bench.broker.find("a")


def test_cancelling_an_order_that_has_ended_tells_its_end(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    assert bench.broker.cancel("a").state is FILLED
    assert bench.broker.account().units[EUR] == 1_000.0


def test_a_position_is_closed_whole_and_once(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    assert bench.broker.close("EUR_USD", "c0") is None
    bench.broker.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    closing = bench.broker.close("EUR_USD", "c1")
    assert closing is not None
    assert (closing.state, closing.units) == (ACCEPTED, -1_000.0)
    assert bench.broker.close("EUR_USD", "c1") == closing
    bench.market("EUR_USD", 1.10)
    bench.market("EUR_USD", 1.10)
    assert not bench.broker.account().units.any()
    with pytest.raises(InvalidError, match="EUR_QQQ"):
        bench.broker.close("EUR_QQQ", "c2")


@pytest.mark.parametrize("side", [1.0, -1.0], ids=["long", "short"])
def test_a_part_of_a_position_is_closed_once_and_never_more_than_is_held(
    bench: Bench, side: float
) -> None:
    bench.market("EUR_USD", 1.10)
    assert bench.broker.reduce("EUR_USD", 300.0, "r0") is None
    bench.broker.place(order("a", side * 1_000.0, stop=0.05))
    bench.market("EUR_USD", 1.10)
    first = bench.broker.reduce("EUR_USD", 300.0, "r1")
    assert first is not None
    assert (first.state, first.units) == (ACCEPTED, side * -300.0)
    assert bench.broker.reduce("EUR_USD", 300.0, "r1") == first
    bench.market("EUR_USD", 1.10)
    account = bench.broker.account()
    assert account.units[EUR] == side * 700.0
    assert account.stop_price[EUR] == pytest.approx(1.10 - side * 0.05)
    assert bench.broker.reduce("EUR_USD", 5_000.0, "r2") is not None
    bench.market("EUR_USD", 1.10)
    bench.market("EUR_USD", 1.10)
    assert not bench.broker.account().units.any()
    assert end_of(bench, "r2") == (FILLED, side * -700.0)


def test_what_is_no_size_closes_no_part_of_a_position(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    for units in (0.0, -5.0, math.nan, math.inf, 0.5):
        with pytest.raises(InvalidError):
            bench.broker.reduce("EUR_USD", units, "r")
    with pytest.raises(InvalidError, match="EUR_QQQ"):
        bench.broker.reduce("EUR_QQQ", 1.0, "q")
    bench.market("EUR_USD", 1.10)
    assert bench.broker.account().units[EUR] == 1_000.0


def test_what_protects_a_position_can_be_changed(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, stop=0.05, reference=1.10))
    bench.market("EUR_USD", 1.10)
    for _ in range(2):
        bench.broker.protect("EUR_USD", stop_price=1.09, take_profit_price=1.12)
        assert bench.broker.account().stop_price[EUR] == pytest.approx(1.09)
    bench.broker.protect("EUR_USD", take_profit_price=math.nan)
    assert bench.broker.account().stop_price[EUR] == pytest.approx(1.09)
    bench.market("EUR_USD", 1.13)
    assert bench.broker.account().units[EUR] == 1_000.0
    bench.broker.protect("EUR_USD", trailing=0.02)
    bench.market("EUR_USD", 1.16)
    assert bench.broker.account().stop_price[EUR] == pytest.approx(1.14)
    bench.market("EUR_USD", 1.139)
    told = [t.fill for t in bench.broker.transactions(0) if t.fill is not None]
    assert (told[-1].client_order_id, told[-1].reason) == ("a", "TRAILING_STOP")
    assert not bench.broker.account().units.any()


def test_everything_that_is_held_of_an_instrument_is_protected(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    for name in ("a", "b", "c"):
        bench.broker.place(order(name, -500.0))
        bench.market("EUR_USD", 1.10)
    assert np.isnan(bench.broker.account().stop_price[EUR])
    bench.broker.protect("EUR_USD", stop_price=1.11)
    assert bench.broker.account().stop_price[EUR] == pytest.approx(1.11)
    bench.market("EUR_USD", 1.109)
    assert bench.broker.account().units[EUR] == -1_500.0
    bench.market("EUR_USD", 1.12)
    assert not bench.broker.account().units.any()


@pytest.mark.parametrize("side", [1.0, -1.0], ids=["long", "short"])
def test_a_position_that_was_added_to_has_one_stop_and_all_of_it_closes_there(
    bench: Bench, side: float
) -> None:
    bench.market("EUR_USD", 1.10)
    for name, units in (("a", 1_000.0), ("b", 500.0)):
        bench.broker.place(order(name, side * units, stop=0.05))
        bench.market("EUR_USD", 1.10)
        assert bench.broker.account().stop_price[EUR] == pytest.approx(1.10 - side * 0.05)
    bench.broker.protect("EUR_USD", stop_price=1.10 - side * 0.02)
    assert bench.broker.account().stop_price[EUR] == pytest.approx(1.10 - side * 0.02)
    bench.broker.reduce("EUR_USD", 1_200.0, "r")
    bench.market("EUR_USD", 1.10)
    account = bench.broker.account()
    assert account.units[EUR] == side * 300.0
    assert account.stop_price[EUR] == pytest.approx(1.10 - side * 0.02)
    bench.broker.place(order("c", side * 700.0, stop=0.02))
    bench.market("EUR_USD", 1.10)
    bench.market("EUR_USD", 1.10 - side * 0.03)
    account = bench.broker.account()
    assert not account.units.any()
    assert np.isnan(account.stop_price[EUR])
    told = [t.fill for t in bench.broker.transactions(0) if t.fill is not None]
    stopped = [fill.units for fill in told if fill.reason == "STOP_LOSS"]
    assert sum(stopped) == side * -1_000.0


@pytest.mark.parametrize(
    "exits",
    [
        {},
        {"stop_price": 1.101},
        {"take_profit_price": 1.099},
        {"stop_price": 1.09, "take_profit_price": 1.09},
        {"stop_price": -1.0},
        {"take_profit_price": math.inf},
        {"stop_price": 1.06, "trailing": 0.0},
    ],
    ids=lambda exits: ", ".join(f"{name} {value}" for name, value in exits.items()) or "none",
)
def test_exits_that_would_close_now_or_never_change_nothing(
    bench: Bench, exits: dict[str, float]
) -> None:
    bench.market("EUR_USD", 1.10)
    with pytest.raises(InvalidError):
        bench.broker.protect("EUR_USD", stop_price=1.0)
    bench.broker.place(order("a", 1_000.0, stop=0.05))
    bench.market("EUR_USD", 1.10)
    last = bench.broker.account().last_transaction
    with pytest.raises(InvalidError):
        bench.broker.protect("EUR_USD", **exits)
    assert bench.broker.account().last_transaction == last
    assert bench.broker.account().stop_price[EUR] == pytest.approx(1.05)


def test_a_price_outside_the_bounds_cancels_the_order(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, bounds=(1.09, 1.11)))
    bench.market("EUR_USD", 1.12)
    found = bench.broker.find("a")
    assert found is not None
    assert (found.state, found.reason) == (CANCELLED, "PRICE_BOUND")
    assert not bench.broker.account().units.any()


def test_a_stop_closes_the_position_under_the_id_of_the_order_that_opened_it(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, stop=0.01))
    bench.market("EUR_USD", 1.10)
    assert bench.broker.account().stop_price[EUR] == pytest.approx(1.09)
    bench.market("EUR_USD", 1.08)
    last = bench.broker.transactions(0)[-1]
    assert last.fill is not None
    assert (last.fill.client_order_id, last.fill.reason) == ("a", "STOP_LOSS")
    account = bench.broker.account()
    assert not account.units.any()
    assert np.isnan(account.stop_price[EUR])


@pytest.mark.parametrize(
    ("units", "price", "waits", "fills_at", "paid"),
    [
        (1_000.0, 1.09, [1.11, 1.092], 1.09, 1.09),
        (1_000.0, 1.09, [1.0901], 1.08, 1.08),
        (-1_000.0, 1.11, [1.09, 1.109], 1.11, 1.11),
        (-1_000.0, 1.11, [1.1099], 1.12, 1.12),
    ],
    ids=["buy", "buy that gaps through", "sell", "sell that gaps through"],
)
def test_a_limit_order_fills_at_its_price_or_better(
    bench: Bench, units: float, price: float, waits: list[float], fills_at: float, paid: float
) -> None:
    bench.market("EUR_USD", 1.10)
    assert bench.broker.place(order("a", units, entry=limit(price))).state is ACCEPTED
    for mid in waits:
        bench.market("EUR_USD", mid)
        assert [one.client_order_id for one in bench.broker.working()] == ["a"]
    assert bench.broker.account().working[EUR] == units
    bench.market("EUR_USD", fills_at)
    assert end_of(bench, "a") == (FILLED, units)
    assert prices_of(bench, "a") == [pytest.approx(paid)]
    assert bench.broker.account().units[EUR] == units


@pytest.mark.parametrize(
    ("units", "price", "waits", "fills_at"),
    [(1_000.0, 1.12, [1.08, 1.118], 1.13), (-1_000.0, 1.08, [1.12, 1.082], 1.07)],
    ids=["buy", "sell"],
)
def test_a_stop_order_fills_at_the_market_once_the_price_came_to_it(
    bench: Bench, units: float, price: float, waits: list[float], fills_at: float
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", units, entry=stop_entry(price)))
    for mid in waits:
        bench.market("EUR_USD", mid)
        assert end_of(bench, "a") == (ACCEPTED, 0.0)
    bench.market("EUR_USD", fills_at)
    assert end_of(bench, "a") == (FILLED, units)
    assert prices_of(bench, "a") == [pytest.approx(fills_at)]


def test_a_buy_looks_at_the_ask_and_a_sell_at_the_bid(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place_all((
        order("buys", 1_000.0, entry=limit(1.10)),
        order("sells", -1_000.0, entry=limit(1.12)),
        order("stops", 1_000.0, entry=stop_entry(1.115)),
    ))  # fmt: skip
    bench.market("EUR_USD", 1.11, 0.016)
    assert [end_of(bench, name)[0] for name in ("buys", "sells", "stops")] == [
        ACCEPTED, ACCEPTED, FILLED
    ]  # fmt: skip
    assert prices_of(bench, "stops") == [pytest.approx(1.118)]


def test_a_stop_order_is_cancelled_rather_than_filled_outside_its_bounds(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, bounds=(0.5, 1.125), entry=stop_entry(1.12)))
    bench.market("EUR_USD", 1.13)
    assert end_of(bench, "a") == (CANCELLED, 0.0)
    assert not bench.broker.account().units.any()


@pytest.mark.parametrize(
    ("price", "waits", "fills_at"), [(1.12, 1.05, 1.13), (1.08, 1.15, 1.07)], ids=["above", "below"]
)
def test_an_order_fills_once_its_price_is_touched_from_where_the_market_stood(
    bench: Bench, price: float, waits: float, fills_at: float
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, entry=if_touched(price)))
    bench.market("EUR_USD", waits)
    assert end_of(bench, "a") == (ACCEPTED, 0.0)
    bench.market("EUR_USD", fills_at)
    assert end_of(bench, "a") == (FILLED, 1_000.0)
    assert prices_of(bench, "a") == [pytest.approx(fills_at)]


def test_an_order_that_was_good_until_a_time_expires_then(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    now = bench.broker.transactions(0)[-1].time
    until = max(now, START + SECOND) + 30 * SECOND
    entry = limit(1.09, TimeInForce.GTD, until)
    bench.broker.place_all((order("a", 1_000.0, entry=entry), order("b", 10.0, entry=limit(1.0))))
    bench.market("EUR_USD", 1.10, seconds=10)
    assert end_of(bench, "a") == (ACCEPTED, 0.0)
    bench.market("EUR_USD", 1.08, seconds=30)
    assert end_of(bench, "a") == (EXPIRED, 0.0)
    assert end_of(bench, "b") == (ACCEPTED, 0.0)
    told = bench.broker.transactions(0)[-1]
    assert (told.kind, told.client_order_id) == (TransactionKind.EXPIRED, "a")
    assert told.reason == "TIME_IN_FORCE_EXPIRED"
    assert not bench.broker.account().units.any()
    assert bench.broker.cancel("a").state is EXPIRED


def test_a_bracket_protects_what_a_resting_order_opened(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, stop=0.01, entry=limit(1.09)))
    bench.market("EUR_USD", 1.09)
    assert bench.broker.account().stop_price[EUR] == pytest.approx(1.08)
    bench.market("EUR_USD", 1.07)
    last = bench.broker.transactions(0)[-1]
    assert last.fill is not None
    assert (last.fill.client_order_id, last.fill.reason) == ("a", "STOP_LOSS")


def test_a_cancelled_resting_order_never_fills(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, entry=limit(1.09)))
    assert bench.broker.cancel("a").state is CANCELLED
    bench.market("EUR_USD", 1.08)
    assert not bench.broker.account().units.any()
    assert bench.broker.working() == ()


def test_an_order_takes_the_place_of_one_that_waits(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, entry=limit(1.05)))
    before = bench.broker.account().last_transaction
    placed = bench.broker.replace("a", order("b", 500.0, entry=limit(1.09)))
    assert (placed.client_order_id, placed.state) == ("b", ACCEPTED)
    old = bench.broker.find("a")
    assert old is not None
    assert (old.state, old.replaced_by) == (REPLACED, "b")
    told = bench.broker.transactions(before)
    assert [(t.kind, t.client_order_id) for t in told] == [
        (TransactionKind.REPLACED, "a"), (TransactionKind.ACCEPTED, "b")
    ]  # fmt: skip
    assert told[0].reason == "b"
    assert bench.broker.replace("a", order("b", 500.0, entry=limit(1.09))) == placed
    assert [one.client_order_id for one in bench.broker.working()] == ["b"]
    bench.market("EUR_USD", 1.04)
    assert bench.broker.account().units[EUR] == 500.0
    assert bench.broker.replace("a", order("b", 500.0, entry=limit(1.09))).state is FILLED


def test_an_order_that_has_ended_is_not_replaced(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0))
    bench.market("EUR_USD", 1.10)
    told = bench.broker.replace("a", order("b", 500.0, entry=limit(1.09)))
    assert (told.client_order_id, told.state) == ("a", FILLED)
    assert bench.broker.find("b") is None
    assert bench.broker.working() == ()
    with pytest.raises(InvalidError, match="nobody"):
        bench.broker.replace("nobody", order("c", 500.0, entry=limit(1.09)))


def test_an_order_works_on_where_the_one_for_its_place_is_refused(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0, entry=limit(1.09)))
    with pytest.raises(InvalidError):
        bench.broker.replace("a", order("b", 0.5, entry=limit(1.09)))
    assert [one.client_order_id for one in bench.broker.working()] == ["a"]


@pytest.mark.parametrize("entry", [None, at_market(TimeInForce.FOK)], ids=["unsaid", "said"])
def test_an_order_that_must_fill_whole_is_cancelled_where_there_is_less(
    shallow: Bench, entry: Entry | None
) -> None:
    shallow.market("EUR_USD", 1.10)
    shallow.broker.place_all((order("a", 150.0, entry=entry), order("b", 100.0, entry=entry)))
    shallow.market("EUR_USD", 1.10)
    assert end_of(shallow, "a") == (CANCELLED, 0.0)
    assert end_of(shallow, "b") == (FILLED, 100.0)
    assert shallow.broker.account().units[EUR] == 100.0


def test_an_order_for_what_there_is_fills_that_and_the_rest_is_cancelled(shallow: Bench) -> None:
    shallow.market("EUR_USD", 1.10)
    shallow.broker.place(order("a", -150.0, entry=at_market(TimeInForce.IOC)))
    shallow.market("EUR_USD", 1.10)
    assert end_of(shallow, "a") == (CANCELLED, -100.0)
    assert [t.kind for t in shallow.broker.transactions(0)][-2:] == [
        TransactionKind.FILLED, TransactionKind.CANCELLED
    ]  # fmt: skip
    shallow.market("EUR_USD", 1.10)
    assert shallow.broker.account().units[EUR] == -100.0


def test_a_resting_order_fills_part_by_part_and_never_more_than_its_units(shallow: Bench) -> None:
    shallow.market("EUR_USD", 1.10)
    shallow.broker.place(order("a", 250.0, entry=limit(1.09)))
    shallow.market("EUR_USD", 1.09)
    assert end_of(shallow, "a") == (PARTIAL, 100.0)
    assert shallow.broker.account().working[EUR] == 150.0
    shallow.market("EUR_USD", 1.10)
    assert end_of(shallow, "a") == (PARTIAL, 100.0)
    for _ in range(3):
        shallow.market("EUR_USD", 1.08)
    assert end_of(shallow, "a") == (FILLED, 250.0)
    assert prices_of(shallow, "a") == pytest.approx([1.09, 1.08, 1.08])
    assert shallow.broker.account().units[EUR] == 250.0


def test_what_was_filled_of_an_order_stays_when_the_rest_is_cancelled(shallow: Bench) -> None:
    shallow.market("EUR_USD", 1.10)
    shallow.broker.place(order("a", 250.0, entry=limit(1.09)))
    shallow.market("EUR_USD", 1.09)
    cancelled = shallow.broker.cancel("a")
    assert (cancelled.state, cancelled.filled) == (CANCELLED, 100.0)
    shallow.market("EUR_USD", 1.08)
    account = shallow.broker.account()
    assert (account.units[EUR], account.working[EUR]) == (100.0, 0.0)
    assert end_of(shallow, "a") == (CANCELLED, 100.0)


def test_transactions_are_numbered_without_gaps_and_add_up_to_the_account(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10, 0.001)
    before = bench.broker.account()
    bench.broker.place_all((order("a", 3_000.0), order("b", 0.1)))
    bench.market("EUR_USD", 1.11, 0.001)
    bench.broker.place_all((order("c", -1_000.0), order("d", -500.0)))
    bench.market("EUR_USD", 1.13, 0.001)
    account = bench.broker.account()
    told = bench.broker.transactions(before.last_transaction)
    first, last = before.last_transaction + 1, account.last_transaction
    assert [t.id for t in told] == list(range(first, last + 1))
    assert bench.broker.transactions(last - 2) == told[-2:]
    assert bench.broker.transactions(last) == ()
    assert [t.time for t in told] == sorted(t.time for t in told)
    cash = before.cash
    for transaction in told:
        cash += transaction.amount + (transaction.fill.realised if transaction.fill else 0.0)
    assert account.cash == cash != before.cash
    assert account.units[EUR] == sum(t.fill.units for t in told if t.fill is not None) == 1_500.0
    assert account.equity > account.cash
    assert account.margin_used > 0.0


def test_a_stream_brings_quotes_from_now_on_and_transactions_from_where_it_was_asked(
    bench: Bench,
) -> None:
    bench.market("EUR_USD", 1.10)
    bench.broker.place(order("a", 1_000.0))
    bench.broker.place(order("b", 1_000.0))
    known = bench.broker.transactions(0)[-2].id
    stream = bench.broker.subscribe(known)
    first = heard(stream, known + 1)
    # A broker may begin with the price that stands.
    assert {quote.mid for quote in first.quotes} <= {1.10}
    bench.market("EUR_USD", 1.20)
    came = heard(stream, known + 3, mid=1.20)
    assert [t.id for t in (*first.transactions, *came.transactions)] == [
        known + 1, known + 2, known + 3
    ]  # fmt: skip
    assert [(q.symbol, q.mid) for q in came.quotes][-1] == ("EUR_USD", pytest.approx(1.20))
    assert came.time >= came.quotes[-1].time
    stream.close()


def test_a_stream_is_readable_at_once_and_taking_never_waits(bench: Bench) -> None:
    bench.market("EUR_USD", 1.10)
    last = bench.broker.account().last_transaction
    stream = bench.broker.subscribe(last)
    assert readable([stream], time.monotonic() + WITHIN_S) == [stream]
    assert stream.take().time >= START
    assert stream.take().transactions == ()
    stream.close()


def test_a_reader_that_was_away_misses_quotes_and_no_transaction(bench: Bench) -> None:
    last = bench.broker.account().last_transaction
    stream = bench.broker.subscribe(last)
    for step in range(40):
        bench.broker.place(order(f"o{step}", 1.0))
        bench.market("EUR_USD", 1.10 + step * 1e-4)
    newest = 1.10 + 39 * 1e-4
    came = heard(stream, last + 80, mid=newest)
    assert [t.id for t in came.transactions] == list(range(last + 1, last + 81))
    assert came.quotes[-1].mid == pytest.approx(newest)
    assert len(came.quotes) + came.skipped <= 40
    assert len(came.quotes) < 40
    stream.close()


def test_history_is_the_closed_bars_of_what_was_quoted(bench: Bench) -> None:
    for mid in (1.10, 1.30, 1.00, 1.20):
        bench.market("EUR_USD", mid, 0.02, seconds=10)
    bench.market("GBP_USD", 1.50, seconds=60)
    bench.market("EUR_USD", 1.40, seconds=60)
    bars = bench.broker.history(60, 10)
    assert bars.symbols == SYMBOLS
    assert list(bars.time) == [START + 60_000_000_000, START + 120_000_000_000]
    quoted = [getattr(bars, field)[0, EUR] for field in ("open", "high", "low", "close", "spread")]
    assert quoted == pytest.approx([1.10, 1.30, 1.00, 1.20, 0.02])
    assert (bars.volume[0, EUR], bars.close[1, GBP]) == (4.0, pytest.approx(1.50))
    assert np.isnan(bars.close[1, EUR])
    assert list(bench.broker.history(60, 1).time) == [START + 120_000_000_000]
