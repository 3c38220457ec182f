"""Orders of a v20 account: what is taken, what is refused, and how it is answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.brokers.v20.times import rfc3339
from infra.brokers.v20_server.entering import Twist
from infra.brokers.v20_server.terms import V20Terms
from tests.exchanges import SECOND, START, TERMS
from tests.v20_accounts import TOKEN, V20Bench, opened


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[V20Bench]:
    terms = V20Terms(exchange=TERMS, token=TOKEN, minimum_units={"GBP_USD": 10.0})
    with opened(tmp_path, terms) as made:
        made.market("EUR_USD", 1.1, 0.0002)
        made.market("GBP_USD", 1.3, 0.0002)
        yield made


def test_a_market_order_meets_the_standing_quote_and_its_answer_tells_the_fill(
    bench: V20Bench,
) -> None:
    status, answer = bench.order(clientExtensions={"id": "a"})
    created, filled = answer["orderCreateTransaction"], answer["orderFillTransaction"]
    assert status == 201
    assert (created["type"], created["timeInForce"]) == ("MARKET_ORDER", "FOK")
    assert (filled["orderID"], filled["clientOrderID"]) == (created["id"], "a")
    assert (filled["price"], filled["units"], filled["pl"]) == ("1.10010", "1000", "0.0000")
    assert filled["tradeOpened"]["tradeID"] == filled["id"]
    assert filled["halfSpreadCost"] == "0.1000"
    assert filled["batchID"] == created["batchID"]
    assert answer["relatedTransactionIDs"] == [created["id"], filled["id"]]
    assert answer["lastTransactionID"] == filled["id"] == str(bench.account.last_transaction_id)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "half a unit": ({"units": "0.5"}, "UNITS_PRECISION_EXCEEDED"),
    "no unit": ({"units": "0"}, "UNITS_INVALID"),
    "no units given": ({"units": None}, "UNITS_MISSING"),
    "below the minimum": ({"instrument": "GBP_USD", "units": "9"}, "UNITS_MIMIMUM_NOT_MET"),
    "beyond the maximum": ({"units": "-100000001"}, "UNITS_LIMIT_EXCEEDED"),
    "an instrument of nowhere": ({"instrument": "EUR_QQQ"}, "INSTRUMENT_UNKNOWN"),
    "no instrument": ({"instrument": None}, "INSTRUMENT_MISSING"),
    "a market order that rests": ({"timeInForce": "GTC"}, "TIME_IN_FORCE_INVALID"),
    "a bound off the increment": ({"priceBound": "1.100001"}, "PRICE_BOUND_PRECISION_EXCEEDED"),
    "a bound below zero": ({"priceBound": "-1"}, "PRICE_BOUND_INVALID"),
    "a limit without a price": ({"type": "LIMIT"}, "PRICE_MISSING"),
    "a limit off the increment": (
        {"type": "LIMIT", "price": "1.234567"},
        "PRICE_PRECISION_EXCEEDED",
    ),
    "a limit at nothing": ({"type": "LIMIT", "price": "0"}, "PRICE_INVALID"),
    "a stop that must fill at once": (
        {"type": "STOP", "price": "1.2", "timeInForce": "FOK"},
        "TIME_IN_FORCE_INVALID",
    ),
    "until a time that is not given": (
        {"type": "LIMIT", "price": "1", "timeInForce": "GTD"},
        "TIME_IN_FORCE_GTD_TIMESTAMP_MISSING",
    ),
    "until yesterday": (
        {"type": "LIMIT", "price": "1", "timeInForce": "GTD", "gtdTime": rfc3339(START)},
        "TIME_IN_FORCE_GTD_TIMESTAMP_IN_PAST",
    ),
    "another trigger": (
        {"type": "STOP", "price": "1.2", "triggerCondition": "MID"},
        "TRIGGER_CONDITION_INVALID",
    ),
    "a reduction of nothing": (
        {"positionFill": "REDUCE_ONLY"},
        "ORDER_FILL_POSITION_ACTION_INVALID",
    ),
    "a name without a letter": ({"clientExtensions": {"id": ""}}, "CLIENT_ORDER_ID_INVALID"),
    "a tag too long": ({"clientExtensions": {"tag": "x" * 129}}, "CLIENT_ORDER_TAG_INVALID"),
    "a take profit without a price": (
        {"takeProfitOnFill": {}},
        "TAKE_PROFIT_ON_FILL_PRICE_MISSING",
    ),
    "a take profit off the increment": (
        {"takeProfitOnFill": {"price": "1.2000001"}},
        "TAKE_PROFIT_ON_FILL_PRICE_PRECISION_EXCEEDED",
    ),
    "a stop at nothing": (
        {"stopLossOnFill": {}},
        "STOP_LOSS_ON_FILL_PRICE_AND_DISTANCE_BOTH_MISSING",
    ),
    "a stop at two places": (
        {"stopLossOnFill": {"price": "1", "distance": "0.1"}},
        "STOP_LOSS_ON_FILL_PRICE_AND_DISTANCE_BOTH_SPECIFIED",
    ),
    "a stop at a distance of less than nothing": (
        {"stopLossOnFill": {"distance": "-0.1"}},
        "STOP_LOSS_ON_FILL_DISTANCE_INVALID",
    ),
    "a guaranteed stop": (
        {"stopLossOnFill": {"price": "1", "guaranteed": True}},
        "STOP_LOSS_ON_FILL_GUARANTEED_NOT_ALLOWED",
    ),
    "a trail too close": (
        {"trailingStopLossOnFill": {"distance": "0.00049"}},
        "TRAILING_STOP_LOSS_ON_FILL_PRICE_DISTANCE_MINIMUM_NOT_MET",
    ),
    "a trail too far": (
        {"trailingStopLossOnFill": {"distance": "1.00001"}},
        "TRAILING_STOP_LOSS_ON_FILL_PRICE_DISTANCE_MAXIMUM_EXCEEDED",
    ),
    "a trail without a distance": (
        {"trailingStopLossOnFill": {}},
        "TRAILING_STOP_LOSS_ON_FILL_PRICE_DISTANCE_MISSING",
    ),
    "an exit that expires": (
        {"stopLossOnFill": {"distance": "0.1", "timeInForce": "GFD"}},
        "STOP_LOSS_ON_FILL_TIME_IN_FORCE_INVALID",
    ),
}


@pytest.mark.parametrize(("facts", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_v20_refuses_is_refused_with_its_reason_and_nothing_is_done(
    bench: V20Bench, facts: dict[str, Any], reason: str
) -> None:
    status, answer = bench.order(facts.get("type", "MARKET"), **facts)
    rejected = answer["orderRejectTransaction"]
    assert (status, answer["errorCode"], rejected["rejectReason"]) == (400, reason, reason)
    assert answer["errorMessage"]
    assert answer["lastTransactionID"] == rejected["id"]
    assert bench.kinds() == [f"{facts.get('type', 'MARKET')}_ORDER_REJECT"]
    assert bench.account.exchange.working() == ()


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        {},
        {"order": 1},
        {"order": {}},
        {"order": {"type": "GIFT"}},
        {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": 1000}},
        {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "many"}},
        {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "1e3"}},
        {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "NaN"}},
        {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "1", "priceBound": 1.1}},
        {"order": {"type": "MARKET", "instrument": "EUR_USD", "units": "1", "clientExtensions": 7}},
    ],
    ids=str,
)
def test_what_is_not_of_the_protocol_is_answered_400_and_no_transaction_tells_of_it(
    bench: V20Bench, body: Any
) -> None:
    status, answer = bench.ask("POST", "/orders", body)
    assert status == 400
    assert list(answer) == ["errorMessage"]
    assert bench.kinds() == []


def test_a_name_is_taken_once_even_when_its_order_has_ended(bench: V20Bench) -> None:
    bench.order(clientExtensions={"id": "a"})
    status, answer = bench.order(clientExtensions={"id": "a"})
    assert (status, answer["errorCode"]) == (400, "CLIENT_ORDER_ID_ALREADY_EXISTS")
    assert bench.ask("GET", "/orders/@a")[1]["order"]["state"] == "FILLED"


def test_a_name_of_a_refused_order_is_free(bench: V20Bench) -> None:
    assert bench.order(units="0.5", clientExtensions={"id": "a"})[0] == 400
    assert bench.order(clientExtensions={"id": "a"})[0] == 201


CANCELLED: dict[str, tuple[dict[str, Any], str]] = {
    "no margin": ({"units": "90000000"}, "INSUFFICIENT_MARGIN"),
    "past its bound": ({"priceBound": "1.10000"}, "BOUNDS_VIOLATION"),
    "a take profit in loss": (
        {"takeProfitOnFill": {"price": "1.10010"}},
        "TAKE_PROFIT_ON_FILL_LOSS",
    ),
    "a stop beyond the price": ({"stopLossOnFill": {"price": "1.10000"}}, "STOP_LOSS_ON_FILL_LOSS"),
    "no quote yet": ({"instrument": "USD_JPY"}, "MARKET_HALTED"),
}


@pytest.mark.parametrize(("facts", "reason"), CANCELLED.values(), ids=CANCELLED)
def test_an_order_that_cannot_fill_is_cancelled_inside_the_201(
    bench: V20Bench, facts: dict[str, Any], reason: str
) -> None:
    status, answer = bench.order(**facts)
    assert status == 201
    assert "orderFillTransaction" not in answer
    assert answer["orderCancelTransaction"]["reason"] == reason
    assert bench.kinds() == ["MARKET_ORDER", "ORDER_CANCEL"]
    assert bench.account.exchange.working() == ()


def test_a_halted_market_cancels_what_must_fill_at_once(bench: V20Bench) -> None:
    bench.account.set_tradeable("EUR_USD", False)
    price = bench.ask("GET", "/pricing?instruments=EUR_USD")[1]["prices"][0]
    assert (price["tradeable"], price["status"]) == (False, "non-tradeable")
    assert bench.order()[1]["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    bench.account.set_tradeable("EUR_USD", True)
    assert "orderFillTransaction" in bench.order()[1]


def test_a_limit_within_the_market_fills_at_once_and_another_rests(bench: V20Bench) -> None:
    assert "orderFillTransaction" in bench.order("LIMIT", price="1.10020")[1]
    status, answer = bench.order("LIMIT", price="1.09000")
    assert (status, "orderFillTransaction" in answer) == (201, False)
    waiting = bench.ask("GET", "/pendingOrders")[1]["orders"]
    assert [one["id"] for one in waiting] == [answer["orderCreateTransaction"]["id"]]
    bench.market("EUR_USD", 1.0899, 0.0002)
    filled = bench.log[-1]
    assert (filled["type"], filled["reason"], filled["price"]) == (
        "ORDER_FILL",
        "LIMIT_ORDER",
        "1.09000",
    )


def test_an_order_expires_at_its_time(bench: V20Bench) -> None:
    until = rfc3339(bench.time + 5 * SECOND)
    bench.order("LIMIT", price="1.05000", timeInForce="GTD", gtdTime=until)
    bench.market("EUR_USD", 1.1, seconds=5)
    ended = bench.log[-1]
    assert (ended["type"], ended["reason"], ended["time"]) == (
        "ORDER_CANCEL",
        "TIME_IN_FORCE_EXPIRED",
        until,
    )


def test_an_order_is_cancelled_once(bench: V20Bench) -> None:
    bench.order("STOP", price="1.20000", clientExtensions={"id": "a"})
    status, answer = bench.ask("PUT", "/orders/@a/cancel")
    cancelled = answer["orderCancelTransaction"]
    assert (status, cancelled["reason"], cancelled["clientOrderID"]) == (
        200,
        "CLIENT_REQUEST",
        "a",
    )
    order = bench.ask("GET", "/orders/@a")[1]["order"]
    assert (order["state"], order["cancellingTransactionID"]) == ("CANCELLED", cancelled["id"])
    status, answer = bench.ask("PUT", "/orders/@a/cancel")
    assert (status, answer["errorCode"]) == (404, "ORDER_DOESNT_EXIST")
    assert answer["orderCancelRejectTransaction"]["clientOrderID"] == "a"


def test_a_replaced_order_names_the_one_in_its_place(bench: V20Bench) -> None:
    first = bench.order("LIMIT", price="1.05000", clientExtensions={"id": "a"})[1]
    old = first["orderCreateTransaction"]["id"]
    body = {
        "order": {
            "type": "LIMIT",
            "instrument": "EUR_USD",
            "units": "500",
            "price": "1.06000",
            "clientExtensions": {"id": "b"},
        }
    }
    status, answer = bench.ask("PUT", f"/orders/{old}", body)
    created, cancelled = answer["orderCreateTransaction"], answer["orderCancelTransaction"]
    assert status == 201
    assert (created["reason"], created["replacesOrderID"]) == ("REPLACEMENT", old)
    assert (cancelled["reason"], cancelled["replacedByOrderID"]) == (
        "CLIENT_REQUEST_REPLACED",
        created["id"],
    )
    assert bench.ask("GET", "/orders/@a")[1]["order"]["replacedByOrderID"] == created["id"]
    body["order"]["type"] = "STOP"
    status, answer = bench.ask("PUT", "/orders/@b", body | {})
    assert status == 400
    assert answer["orderRejectTransaction"]["intendedReplacesOrderID"] == created["id"]


def test_a_replacement_may_have_the_name_of_the_order_that_it_replaces(bench: V20Bench) -> None:
    limit = {"price": "1.05000", "clientExtensions": {"id": "a"}}
    bench.order("LIMIT", **limit)
    order = {"type": "LIMIT", "instrument": "EUR_USD", "units": "7"} | limit
    assert bench.ask("PUT", "/orders/@a", {"order": order})[0] == 201
    assert bench.ask("GET", "/orders/@a")[1]["order"]["units"] == "7"
    assert bench.ask("PUT", "/orders/@a/cancel")[0] == 200
    assert bench.account.exchange.working() == ()


def test_the_rest_of_a_part_waits_as_an_order_of_its_own(tmp_path: Path) -> None:
    terms = V20Terms(exchange=replace(TERMS, liquidity=400.0), token=TOKEN)
    with opened(tmp_path, terms) as bench:
        bench.market("EUR_USD", 1.1)
        first = bench.order("LIMIT", price="1.20000", clientExtensions={"id": "a"})[1]
        again = first["orderReissueTransaction"]
        assert first["orderFillTransaction"]["units"] == "400"
        assert (again["units"], again["clientExtensions"]) == ("600", {"id": "a"})
        assert again["replacesOrderID"] == first["orderCreateTransaction"]["id"]
        bench.market("EUR_USD", 1.1)
        bench.market("EUR_USD", 1.1)
        fills = [one["units"] for one in bench.log if one["type"] == "ORDER_FILL"]
        assert fills == ["400", "400", "200"]
        assert bench.ask("GET", "/orders/@a")[1]["order"]["state"] == "FILLED"
        part = bench.order(timeInForce="IOC", clientExtensions={"id": "b"})[1]
        assert part["orderFillTransaction"]["units"] == "400"
        assert part["orderCancelTransaction"]["reason"] == "INSUFFICIENT_LIQUIDITY"
        order = bench.ask("GET", "/orders/@b")[1]["order"]
        assert order["fillingTransactionID"] == part["orderFillTransaction"]["id"]
        assert order["cancellingTransactionID"] == part["orderCancelTransaction"]["id"]


def test_an_order_has_new_names_and_keeps_the_market_it_had(bench: V20Bench) -> None:
    bench.order("LIMIT", price="1.05000", clientExtensions={"id": "a"})
    body = {"clientExtensions": {"id": "b", "tag": "t"}}
    assert bench.ask("PUT", "/orders/@a/clientExtensions", body)[0] == 200
    assert bench.ask("GET", "/orders/@a")[0] == 404
    assert bench.ask("PUT", "/orders/@b/cancel")[0] == 200
    status, answer = bench.ask("PUT", "/orders/@b/clientExtensions", body)
    assert (status, answer["errorCode"]) == (404, "ORDER_DOESNT_EXIST")


@pytest.mark.parametrize("kind", ["refuse", "cancel", "share"])
def test_a_twist_befalls_the_next_order_alone(bench: V20Bench, kind: str) -> None:
    twist = {
        "refuse": Twist(refuse="ACCOUNT_LOCKED"),
        "cancel": Twist(cancel="MARKET_HALTED"),
        "share": Twist(share=0.25),
    }[kind]
    bench.account.twist = twist
    status, answer = bench.order()
    if kind == "refuse":
        assert (status, answer["errorCode"]) == (400, "ACCOUNT_LOCKED")
    elif kind == "cancel":
        assert answer["orderCancelTransaction"]["reason"] == "MARKET_HALTED"
    else:
        assert answer["orderFillTransaction"]["units"] == "250"
        assert answer["orderCancelTransaction"]["reason"] == "INSUFFICIENT_LIQUIDITY"
    assert bench.order()[1]["orderFillTransaction"]["units"] == "1000"


def test_a_close_that_the_market_cannot_take_at_once_goes_on_until_nothing_is_held(
    tmp_path: Path,
) -> None:
    terms = V20Terms(exchange=replace(TERMS, liquidity=400.0), token=TOKEN)
    with opened(tmp_path, terms) as bench:
        bench.market("EUR_USD", 1.1)
        bench.order("LIMIT", units="600", price="1.20000")
        bench.market("EUR_USD", 1.1)
        bench.market("EUR_USD", 1.1)
        closing = {"longUnits": "ALL", "longClientExtensions": {"id": "bye"}}
        answer = bench.ask("PUT", "/positions/EUR_USD/close", closing)[1]
        assert answer["longOrderFillTransaction"]["units"] == "-400"
        assert bench.ask("GET", "/orders/@bye")[1]["order"]["units"] == "-200"
        bench.market("EUR_USD", 1.1)
        assert bench.ask("GET", "/openTrades")[1]["trades"] == []
        assert bench.ask("GET", "/pendingOrders")[1]["orders"] == []


def test_a_stop_and_a_touched_order_wait_for_their_price(bench: V20Bench) -> None:
    bench.order("STOP", price="1.10500", priceBound="1.10600", clientExtensions={"id": "s"})
    bench.order("MARKET_IF_TOUCHED", units="-10", price="1.10700", clientExtensions={"id": "m"})
    bench.market("EUR_USD", 1.1049, 0.0002)
    assert bench.log[-1]["reason"] == "STOP_ORDER"
    bench.market("EUR_USD", 1.1072, 0.0002)
    assert (bench.log[-1]["reason"], bench.log[-1]["price"]) == (
        "MARKET_IF_TOUCHED_ORDER",
        "1.10710",
    )


def test_a_touched_order_needs_a_price_to_come_from(bench: V20Bench) -> None:
    asked = {"instrument": "USD_JPY", "price": "150.000"}
    assert bench.order("MARKET_IF_TOUCHED", **asked)[1]["errorCode"] == "INSTRUMENT_PRICE_UNKNOWN"
    assert bench.order("LIMIT", **asked)[0] == 201


def test_a_reduction_never_opens_a_position(bench: V20Bench) -> None:
    bench.order(units="1000")
    answer = bench.order(units="-5000", positionFill="REDUCE_ONLY")[1]
    assert answer["orderFillTransaction"]["units"] == "-1000"
    assert bench.ask("GET", "/openTrades")[1]["trades"] == []
    assert bench.ask("GET", "/pendingOrders")[1]["orders"] == []
    assert bench.order(units="5", positionFill="OPEN_ONLY")[0] == 201
    assert bench.order(units="-5", positionFill="OPEN_ONLY")[0] == 400
