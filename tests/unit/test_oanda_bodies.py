"""Orders as OANDA takes them."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.brokers.oanda.bodies import needs_reference, order_body, plain
from infra.brokers.v20.times import SECOND_NS
from market.errors import InvalidError
from market.instruments import Registry
from market.orders import Entry, EntryKind, OrderRequest, TimeInForce
from tests.exchanges import START, order
from tests.oanda import assert_valid

EUR, JPY = Registry()["EUR_USD"], Registry()["USD_JPY"]


def body(request: OrderRequest, reference: float = math.nan) -> dict[str, Any]:
    instrument = {"EUR_USD": EUR, "USD_JPY": JPY}.get(request.symbol)
    told: dict[str, Any] = order_body(request, instrument, reference)["order"]
    return told


def entry(
    kind: EntryKind,
    price: float = math.nan,
    force: TimeInForce = TimeInForce.GTC,
    until: int = 0,
) -> Entry:
    return Entry(kind=kind, price=price, time_in_force=force, good_until=until)


def test_a_market_order_is_filled_whole_or_not_at_all_within_its_bound() -> None:
    told = body(order("s-1-EUR_USD-m", -1_000.0, bounds=(1.092351, 1.11)))
    assert told == {
        "type": "MARKET",
        "instrument": "EUR_USD",
        "units": "-1000",
        "timeInForce": "FOK",
        "positionFill": "DEFAULT",
        "priceBound": "1.09236",
        "clientExtensions": {"id": "s-1-EUR_USD-m"},
        "tradeClientExtensions": {"id": "s-1-EUR_USD-m"},
    }
    assert_valid(told, "MarketOrderRequest")


def test_a_bound_is_rounded_to_its_inside_and_none_is_said_where_there_is_none() -> None:
    assert body(order("a", 1.0, bounds=(1.0, 1.092359)))["priceBound"] == "1.09235"
    assert body(order("a", 1.0, "USD_JPY", bounds=(1.0, 150.0019)))["priceBound"] == "150.001"
    assert "priceBound" not in body(order("a", 1.0))
    assert "priceBound" not in body(order("a", -1.0))


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        (EntryKind.LIMIT, "LimitOrderRequest"),
        (EntryKind.STOP, "StopOrderRequest"),
        (EntryKind.MARKET_IF_TOUCHED, "MarketIfTouchedOrderRequest"),
    ],
)
def test_orders_that_wait_carry_price_time_and_exits(kind: EntryKind, definition: str) -> None:
    until = START + 3_600 * SECOND_NS
    resting = order("a", 10.0, stop=0.01, take_profit=0.02, trailing=0.005, bounds=(1.0, 1.2))
    told = body(replace(resting, entry=entry(kind, 1.1, TimeInForce.GTD, until)))
    assert (told["type"], told["price"], told["timeInForce"]) == (kind.name, "1.1", "GTD")
    assert told["gtdTime"] == "2025-01-02T13:00:00.000000000Z"
    assert told["stopLossOnFill"] == {"distance": "0.01000", "timeInForce": "GTC"}
    assert told["trailingStopLossOnFill"] == {"distance": "0.00500", "timeInForce": "GTC"}
    assert told["takeProfitOnFill"] == {"price": "1.12000", "timeInForce": "GTC"}
    assert ("priceBound" in told) == (kind is not EntryKind.LIMIT)
    assert_valid(told, definition)


def test_a_market_order_may_be_filled_in_part() -> None:
    told = body(replace(order("a", 1.0), entry=entry(EntryKind.MARKET, force=TimeInForce.IOC)))
    assert (told["timeInForce"], "price" in told) == ("IOC", False)


def test_a_take_profit_is_a_price_from_the_reference_or_from_the_price_now() -> None:
    buy = order("a", 1.0, take_profit=0.0123456, reference=1.1)
    assert body(buy)["takeProfitOnFill"]["price"] == "1.11235"
    sell = order("a", -1.0, take_profit=0.01, reference=math.nan)
    assert needs_reference(sell)
    assert not needs_reference(buy)
    assert not needs_reference(order("a", 1.0, stop=0.01, reference=math.nan))
    assert body(sell, 1.2)["takeProfitOnFill"]["price"] == "1.19000"


@pytest.mark.parametrize(
    "request_",
    [
        order("a", math.nan),
        order("a", math.inf),
        order("", 1.0),
        order("a\n", 1.0),
        order("a" * 129, 1.0),
        order("a", 1.0, stop=0.0),
        order("a", 1.0, stop=-0.1),
        order("a", 1.0, stop=1e-7),
        order("a", 1.0, stop=math.inf),
        order("a", 1.0, trailing=0.0),
        order("a", 1.0, trailing=math.nan),
        order("a", -1.0, take_profit=2.0, reference=1.0),
        order("a", 1.0, take_profit=-0.1, reference=1.0),
        order("a", 1.0, bounds=(0.0, math.nan)),
        order("a", 1.0, bounds=(0.0, 1e-9)),
        replace(order("a", 1.0), entry=entry(EntryKind.LIMIT)),
    ],
)
def test_what_cannot_be_written_is_refused_before_it_leaves(request_: OrderRequest) -> None:
    with pytest.raises(InvalidError):
        body(request_)


def test_sizes_and_prices_off_the_increment_are_left_to_the_broker_to_refuse() -> None:
    assert body(order("a", 0.5))["units"] == "0.5"
    resting = replace(order("a", 1.0), entry=entry(EntryKind.LIMIT, 1.1234567))
    assert body(resting)["price"] == "1.1234567"
    assert body(order("a", 1.0, "EUR_QQQ"))["instrument"] == "EUR_QQQ"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_exactly_and_without_an_exponent(value: float) -> None:
    text = plain(value, "x")
    assert set(text) <= set("-0123456789.")
    assert float(text) == value
    assert Decimal(text) == Decimal(repr(value))


@given(st.floats(0.002, 1e4), st.sampled_from([-1.0, 1.0]), st.sampled_from(["EUR_USD", "USD_JPY"]))
def test_a_bound_never_allows_more_than_was_asked(worst: float, side: float, symbol: str) -> None:
    bounds = (0.0, worst) if side > 0.0 else (worst, math.inf)
    told = float(body(order("a", side, symbol, bounds=bounds))["priceBound"])
    assert told <= worst if side > 0.0 else told >= worst


@pytest.mark.parametrize(
    ("units", "increment", "expected"),
    [
        (0.1 + 0.2, 0.1, "0.3"),
        (0.1 - 0.3, 0.1, "-0.2"),
        (0.35, 0.1, "0.35"),
        (1_000.5, 1.0, "1000.5"),
        (1e9 + 0.5, 1.0, "1000000000.5"),
    ],
)
def test_only_the_noise_of_rounding_is_taken_from_a_size(
    units: float, increment: float, expected: str
) -> None:
    instrument = replace(EUR, unit_increment=increment)
    assert order_body(order("a", units), instrument)["order"]["units"] == expected
