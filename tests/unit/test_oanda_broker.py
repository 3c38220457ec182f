"""Orders at OANDA: placed once, found, cancelled, replaced; positions closed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from market.accounts import BrokerOrder, OrderState, TransactionKind
from market.errors import (
    DataError,
    InvalidError,
    OutcomeUnknown,
    TransientError,
    UnknownInstrument,
)
from tests.exchanges import order
from tests.oanda import (
    ACCOUNT,
    Bench,
    Message,
    answer,
    bench,
    cancelled,
    closed,
    created,
    filled,
    opened,
    refused,
)
from tests.scripted_http import Reply

ACCEPTED, FILLED, CANCELLED = OrderState.ACCEPTED, OrderState.FILLED, OrderState.CANCELLED
REJECTED, PARTIALLY = OrderState.REJECTED, OrderState.PARTIALLY_FILLED
GONE = Reply(status=404, body={"errorCode": "NO_SUCH_ORDER", "errorMessage": "no such order"})


@pytest.fixture
def oanda() -> Iterator[Bench]:
    with bench() as made:
        yield made


def made(name: str, units: float, state: OrderState, number: int, **fields: Any) -> BrokerOrder:
    return BrokerOrder(
        client_order_id=name, symbol="EUR_USD", units=units, state=state, transaction=number,
        **fields,
    )  # fmt: skip


def taken(number: int, name: str, units: str = "100") -> Message:
    """The answer of an order that filled at once."""
    part = opened(number + 1, units, "1.10010", name)
    return answer(
        orderCreateTransaction=created(number, name, units),
        orderFillTransaction=filled(number + 1, number, units, name=name, tradeOpened=part),
    )


def listed(number: int, name: str, state: str, units: str = "100", **fields: Any) -> Reply:
    """OANDA's answer about one order."""
    told: Message = {
        "id": str(number), "type": "LIMIT", "instrument": "EUR_USD", "units": units,
        "state": state, "clientExtensions": {"id": name}, **fields,
    }  # fmt: skip
    return Reply(body={"order": told, "lastTransactionID": "99"})


def test_an_order_that_filled_at_once(oanda: Bench) -> None:
    oanda.server.on("POST /orders", Reply(status=201, body=taken(7, "a")))
    assert oanda.broker.place(order("a", 100.0)) == made("a", 100.0, FILLED, 8, filled=100.0)
    assert oanda.server.asked[-1].body["order"]["clientExtensions"] == {"id": "a"}


def test_an_order_that_waits(oanda: Bench) -> None:
    body = answer(orderCreateTransaction=created(7, "a", "100"))
    oanda.server.on("POST /orders", Reply(status=201, body=body))
    assert oanda.broker.place(order("a", 100.0)) == made("a", 100.0, ACCEPTED, 7)


@pytest.mark.parametrize(
    ("reason", "word"),
    [("MARKET_HALTED", "MARKET_HALTED"), ("BOUNDS_VIOLATION", "PRICE_BOUND")],
)
def test_a_201_with_a_cancel_is_no_fill(oanda: Bench, reason: str, word: str) -> None:
    body = answer(
        orderCreateTransaction=created(7, "a", "100"),
        orderCancelTransaction=cancelled(8, 7, reason, "a"),
    )
    oanda.server.on("POST /orders", Reply(status=201, body=body))
    found = oanda.broker.place(order("a", 100.0))
    assert found == made("a", 100.0, CANCELLED, 8, reason=word)


def test_an_order_filled_in_part_whose_rest_is_cancelled_or_issued_anew(oanda: Bench) -> None:
    part = filled(8, 7, "60", name="a", tradeOpened=opened(8, "60", "1.1", "a"))
    making = created(7, "a", "100")
    rest = cancelled(9, 7, "INSUFFICIENT_LIQUIDITY", "a")
    oanda.server.on(
        "POST /orders",
        Reply(status=201, body=answer(
            orderCreateTransaction=making, orderFillTransaction=part, orderCancelTransaction=rest
        )),
        Reply(status=201, body=answer(
            orderCreateTransaction=created(17, "b", "100"),
            orderFillTransaction=part | {"id": "18", "orderID": "17", "clientOrderID": "b"},
            orderReissueTransaction=created(19, "b", "40"),
        )),
        Reply(status=201, body=answer(
            orderCreateTransaction=created(27, "c", "100"),
            orderFillTransaction=part | {"id": "28", "orderID": "27", "clientOrderID": "c"},
            orderReissueRejectTransaction=refused(29, "c", "INSUFFICIENT_MARGIN", "40"),
        )),
    )  # fmt: skip
    why = {"reason": "INSUFFICIENT_LIQUIDITY"}
    assert oanda.broker.place(order("a", 100.0)) == made(
        "a", 100.0, CANCELLED, 9, filled=60.0, **why
    )
    assert oanda.broker.place(order("b", 100.0)) == made("b", 100.0, PARTIALLY, 19, filled=60.0)
    why = {"reason": "INSUFFICIENT_MARGIN"}
    assert oanda.broker.place(order("c", 100.0)) == made(
        "c", 100.0, CANCELLED, 29, filled=60.0, **why
    )


def test_a_refusal_is_told_with_the_brokers_code_and_is_recorded(oanda: Bench) -> None:
    reject = refused(7, "a", "UNITS_PRECISION_EXCEEDED", "0.5")
    body = answer(orderRejectTransaction=reject) | {"errorMessage": "precision"}
    oanda.server.on("POST /orders", Reply(status=400, body=body))
    with pytest.raises(InvalidError, match=r"UNITS_PRECISION_EXCEEDED: .*more decimals"):
        oanda.broker.place(order("a", 0.5))
    oanda.record(reject)
    oanda.server.on("GET /orders/@a", GONE)
    (found,) = oanda.broker.place_all([order("a", 0.5)])
    assert found == made("a", 0.5, REJECTED, 7, reason="UNITS_PRECISION_EXCEEDED")
    assert oanda.server.paths("POST") == ["POST /orders"]


def test_a_refusal_without_a_record_is_remembered_here(oanda: Bench) -> None:
    oanda.server.on("POST /orders", Reply(status=400, body={"errorCode": "INSTRUMENT_UNKNOWN"}))
    for _ in range(2):
        (found,) = oanda.broker.place_all([order("a", 1.0, "EUR_QQQ")])
        assert (found.state, found.transaction) == (REJECTED, 0)
        assert "INSTRUMENT_UNKNOWN" in found.reason
    assert oanda.broker.find("a") == found
    assert oanda.server.paths("POST") == ["POST /orders"]


def test_what_cannot_be_written_never_leaves(oanda: Bench) -> None:
    for _ in range(2):
        with pytest.raises(InvalidError, match="finite"):
            oanda.broker.place(order("a", math.nan))
    assert oanda.server.paths("POST") == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_may_not_trade_refuses_no_order(oanda: Bench, status: int) -> None:
    oanda.server.on("POST /orders", Reply(status=status, body={}))
    with pytest.raises(InvalidError, match="token"):
        oanda.broker.place_all([order("a", 1.0), order("b", 1.0)])
    assert oanda.server.paths("POST") == ["POST /orders"]


def test_an_answer_without_the_order_leaves_it_unknown(oanda: Bench) -> None:
    bodies = ({"lastTransactionID": "7"}, taken(7, "other"), {"orderCreateTransaction": {}})
    oanda.server.on("POST /orders", *[Reply(status=201, body=body) for body in bodies])
    for name in ("a", "b", "c"):
        with pytest.raises(OutcomeUnknown):
            oanda.broker.place(order(name, 100.0))
    assert len(oanda.server.paths("POST")) == 3


@pytest.mark.parametrize("body", [{}, {"order": {}}, {"order": None}, {"order": {"id": "x"}}])
def test_an_answer_of_another_shape_is_no_absence(oanda: Bench, body: Message) -> None:
    oanda.server.on("GET /orders/@a", Reply(body=body))
    with pytest.raises(DataError, match="order a"):
        oanda.broker.find("a")


def test_a_take_profit_without_a_reference_is_from_the_price_now(oanda: Bench) -> None:
    price = {"instrument": "EUR_USD", "bids": [{"price": "1.2"}], "asks": [{"price": "1.4"}]}
    prices = {"prices": [price], "time": "2025-01-02T12:00:00Z"}
    oanda.server.on("GET /pricing", Reply(body=prices))
    oanda.server.on("POST /orders", Reply(status=201, body=taken(7, "a")))
    oanda.broker.place(order("a", 100.0, take_profit=0.1, reference=math.nan))
    told = oanda.server.asked[-1].body["order"]["takeProfitOnFill"]
    assert told["price"] == "1.40000"
    prices["prices"] = []
    oanda.server.on("GET /pricing", Reply(body=prices))
    with pytest.raises(TransientError, match="no price"):
        oanda.broker.place(order("b", 100.0, take_profit=0.1, reference=math.nan))
    assert len(oanda.server.paths("POST")) == 1


def test_an_order_that_was_sent_is_looked_up_and_not_sent_again(oanda: Bench) -> None:
    oanda.server.on("POST /orders", Reply(cut=True))
    with pytest.raises(OutcomeUnknown):
        oanda.broker.place(order("a", 100.0))
    oanda.record(created(7, "a", "100"))
    assert oanda.broker.place(order("a", 100.0)) == made("a", 100.0, ACCEPTED, 7)
    assert oanda.server.paths("POST") == ["POST /orders"]


def test_an_order_of_a_process_before_this_one_is_not_sent_again(oanda: Bench) -> None:
    part = opened(8, "100", "1.1", "a")
    past = (created(7, "a", "100"), filled(8, 7, "100", name="a", tradeOpened=part))
    oanda.record(*past)
    oanda.server.on("GET /orders/@a", GONE)
    assert oanda.broker.place(order("a", 100.0)) == made("a", 100.0, FILLED, 8, filled=100.0)
    assert oanda.server.paths("POST") == []


def test_nothing_is_sent_while_the_past_cannot_be_read(oanda: Bench) -> None:
    oanda.server.on("GET /summary", Reply(status=503))
    with pytest.raises(TransientError):
        oanda.broker.place(order("a", 100.0))
    assert oanda.server.paths("POST") == []


@pytest.mark.parametrize("known", [True, False])
def test_an_id_that_is_taken_is_looked_up(oanda: Bench, known: bool) -> None:
    body = answer(orderRejectTransaction=refused(9, "a", "CLIENT_ORDER_ID_ALREADY_EXISTS"))
    oanda.server.on("POST /orders", Reply(status=400, body=body))
    oanda.server.on("GET /orders/@a", GONE)
    if known:
        oanda.server.on("GET /transactions/idrange", Reply(body={"transactions": []}))
        oanda.record(created(7, "a", "100"))
        assert oanda.broker.place(order("a", 100.0)) == made("a", 100.0, ACCEPTED, 7)
    else:
        with pytest.raises(OutcomeUnknown):
            oanda.broker.place(order("a", 100.0))


def states(answers: tuple[BrokerOrder, ...]) -> list[str]:
    return [one.state.value for one in answers]


def test_several_are_sent_in_order_and_one_refusal_stops_no_other(oanda: Bench) -> None:
    no = answer(orderRejectTransaction=refused(9, "b", "INSUFFICIENT_MARGIN"))
    oanda.server.on(
        "POST /orders",
        Reply(status=201, body=taken(7, "a")),
        Reply(status=400, body=no),
        Reply(status=201, body=taken(10, "c")),
    )
    found = oanda.broker.place_all([order(name, 100.0) for name in "abc"])
    assert states(found) == ["filled", "rejected", "filled"]
    assert [one.client_order_id for one in found] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (Reply(cut=True), ["filled", "unknown", "not_sent"]),
        (Reply(status=503), ["filled", "unknown", "not_sent"]),
        (Reply(status=429, body={}), ["filled", "not_sent", "not_sent"]),
        (Reply(status=401, body={}), ["filled", "not_sent", "not_sent"]),
    ],
    ids=["cut", "503", "429", "401"],
)
def test_after_one_without_an_answer_nothing_more_is_sent(
    oanda: Bench, second: Reply, expected: list[str]
) -> None:
    oanda.server.on("POST /orders", Reply(status=201, body=taken(7, "a")), second)
    found = oanda.broker.place_all([order(name, 100.0) for name in "abc"])
    assert states(found) == expected
    assert all(one.reason for one in found[1:])
    assert len(oanda.server.paths("POST")) == 2


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply(cut=True), OutcomeUnknown), (Reply(status=429, body={}), TransientError)],
)
def test_where_the_first_has_no_answer_its_error_is_raised(
    oanda: Bench, reply: Reply, kind: type[Exception]
) -> None:
    oanda.server.on("POST /orders", reply)
    with pytest.raises(kind):
        oanda.broker.place_all([order("a", 1.0), order("b", 1.0)])
    assert len(oanda.server.paths("POST")) == 1
    assert oanda.broker.place_all([]) == ()


def test_an_order_that_waits_is_found_with_what_was_filled_of_it(oanda: Bench) -> None:
    oanda.record(created(7, "a", "100", type="LIMIT_ORDER"))
    assert oanda.broker.find("a") == made("a", 100.0, ACCEPTED, 7)
    part = opened(8, "60", "1.1", "a")
    oanda.record(filled(8, 7, "60", name="a", tradeOpened=part))
    assert oanda.broker.find("a") == made("a", 100.0, PARTIALLY, 8, filled=60.0)
    oanda.record(cancelled(9, 7, "CLIENT_REQUEST", "a"))
    end = {"filled": 60.0, "reason": "CLIENT_REQUEST"}
    assert oanda.broker.find("a") == made("a", 100.0, CANCELLED, 9, **end)


def test_an_id_that_was_used_twice_is_its_newest_order(oanda: Bench) -> None:
    part = opened(8, "100", "1.1", "a")
    oanda.record(
        created(7, "a", "100"),
        filled(8, 7, "100", name="a", tradeOpened=part),
        created(9, "a", "-5", type="LIMIT_ORDER"),
    )
    assert oanda.broker.find("a") == made("a", -5.0, ACCEPTED, 9)


def test_an_order_from_before_the_record_is_asked_of_the_list(oanda: Bench) -> None:
    part = opened(8, "60", "1.1", "a")
    oanda.record(
        created(7, "a", "100"),
        filled(8, 7, "60", name="a", tradeOpened=part),
        cancelled(9, 7, "CLIENT_REQUEST", "a"),
        created(10, "b", "50"),
        cancelled(11, 10, "TIME_IN_FORCE_EXPIRED", "b"),
        cancelled(12, 7, "CLIENT_REQUEST_REPLACED", "a", replacedByOrderID="10"),
    )
    body = {"transactions": oanda.server.past[-1:], "lastTransactionID": "12"}
    oanda.server.on("GET /transactions/idrange", Reply(body=body))
    oanda.server.on(
        "GET /orders/@a",
        listed(7, "a", "PENDING"),
        listed(7, "a", "FILLED", fillingTransactionID="8"),
        listed(7, "a", "CANCELLED", fillingTransactionID="8", cancellingTransactionID="9"),
        listed(7, "a", "CANCELLED", cancellingTransactionID="12", replacedByOrderID="10"),
    )
    end = {"filled": 60.0, "reason": "CLIENT_REQUEST"}
    assert oanda.broker.find("a") == made("a", 100.0, PARTIALLY, 8, filled=60.0)
    assert oanda.broker.find("a") == made("a", 100.0, FILLED, 8, filled=60.0)
    assert oanda.broker.find("a") == made("a", 100.0, CANCELLED, 9, **end)
    replaced = oanda.broker.find("a")
    assert replaced is not None
    assert (replaced.state, replaced.replaced_by) == (OrderState.REPLACED, "b")
    oanda.server.on("GET /orders/@b", listed(10, "b", "CANCELLED", cancellingTransactionID="11"))
    expired = oanda.broker.find("b")
    assert expired is not None
    assert (expired.state, expired.reason) == (OrderState.EXPIRED, "TIME_IN_FORCE_EXPIRED")


def test_an_order_is_found_in_the_record_whatever_the_list_says(oanda: Bench) -> None:
    oanda.record(
        created(6, "a", "1"),
        cancelled(7, 6, "CLIENT_REQUEST", "a"),
        created(8, "b", "100"),
        created(9, "c", "-100"),
        filled(10, 8, "100", name="b", tradeOpened=opened(10, "100", "1.1", "b")),
        filled(11, 9, "-100", name="c", tradesClosed=[closed(10, "-100", "1.1")]),
        refused(12, "d", "INSUFFICIENT_MARGIN", "7"),
        refused(13, "b", "CLIENT_ORDER_ID_ALREADY_EXISTS", "7"),
    )
    for name in "abcde":
        oanda.server.on(f"GET /orders/@{name}", GONE)
    find = oanda.broker.find
    assert find("a") == made("a", 1.0, CANCELLED, 7, reason="CLIENT_REQUEST")
    assert find("b") == made("b", 100.0, FILLED, 10, filled=100.0)
    assert find("c") == made("c", -100.0, FILLED, 11, filled=-100.0)
    assert find("d") == made("d", 7.0, REJECTED, 12, reason="INSUFFICIENT_MARGIN")
    assert find("e") is None


def test_an_order_just_sent_is_looked_for_again_before_it_is_called_absent(oanda: Bench) -> None:
    oanda.server.on("POST /orders", Reply(cut=True))
    with pytest.raises(OutcomeUnknown):
        oanda.broker.place(order("a", 100.0))
    end = {"cancellingTransactionID": "8"}
    oanda.record(created(7, "b", "100"), cancelled(8, 7, "MARKET_HALTED", "b"))
    oanda.server.on("GET /orders/@a", GONE, listed(7, "a", "CANCELLED", **end))
    assert oanda.broker.find("a") == made("a", 100.0, CANCELLED, 8, reason="MARKET_HALTED")
    assert sum(oanda.slept.pauses) == pytest.approx(1.0)


def test_an_order_that_never_came_is_not_found(oanda: Bench) -> None:
    oanda.server.on("GET /orders/@nobody", GONE)
    oanda.server.on("PUT /orders/@nobody/cancel", GONE)
    assert oanda.broker.find("nobody") is None
    assert oanda.slept.pauses == []
    with pytest.raises(InvalidError, match="nobody"):
        oanda.broker.cancel("nobody")


def test_a_question_that_fails_is_no_absence(oanda: Bench) -> None:
    oanda.server.on("GET /orders/@a", Reply(status=503))
    with pytest.raises(TransientError):
        oanda.broker.find("a")
    oanda.server.on("GET /orders/@a", GONE)
    oanda.server.on("GET /transactions/sinceid", Reply(status=502, body=b"<html>"))
    with pytest.raises(TransientError):
        oanda.broker.find("a")


def test_orders_that_wait_are_told_without_exits(oanda: Bench) -> None:
    told = [
        {"id": "7", "type": "LIMIT", "instrument": "EUR_USD", "units": "5", "state": "PENDING"},
        {"id": "9", "type": "STOP_LOSS", "tradeID": "8", "price": "1", "state": "PENDING"},
        {"id": "10", "type": "STOP", "instrument": "EUR_USD", "units": "-5", "state": "PENDING",
         "clientExtensions": {"id": "a"}},
    ]  # fmt: skip
    oanda.server.on("GET /pendingOrders", Reply(body={"orders": told}))
    assert oanda.broker.working() == (
        made("oanda-7", 5.0, ACCEPTED, 7),
        made("a", -5.0, ACCEPTED, 10),
    )


def test_an_order_is_cancelled(oanda: Bench) -> None:
    part = opened(8, "60", "1.1", "a")
    oanda.record(created(7, "a", "100"), filled(8, 7, "60", name="a", tradeOpened=part))
    body = answer(orderCancelTransaction=cancelled(9, 7, "CLIENT_REQUEST", "a"))
    oanda.server.on("PUT /orders/@a/cancel", Reply(body=body))
    end = {"filled": 60.0, "reason": "CLIENT_REQUEST"}
    assert oanda.broker.cancel("a") == made("a", 100.0, CANCELLED, 9, **end)


def test_a_strangers_order_is_cancelled_by_its_own_id(oanda: Bench) -> None:
    oanda.record(created(7, "", "100"))
    body = answer(orderCancelTransaction=cancelled(9, 7, "CLIENT_REQUEST"))
    oanda.server.on("PUT /orders/7/cancel", Reply(body=body))
    assert oanda.broker.cancel("oanda-7").client_order_id == "oanda-7"


def test_a_cancel_of_a_filled_order_tells_its_fill(oanda: Bench) -> None:
    part = opened(8, "100", "1.1", "a")
    oanda.record(created(7, "a", "100"), filled(8, 7, "100", name="a", tradeOpened=part))
    oanda.server.on("PUT /orders/@a/cancel", Reply(status=404, body={
        "orderCancelRejectTransaction": {"id": "9", "rejectReason": "ORDER_DOESNT_EXIST"},
    }))  # fmt: skip
    assert oanda.broker.cancel("a") == made("a", 100.0, FILLED, 8, filled=100.0)


def test_a_refused_cancel_of_an_order_that_waits_fails_for_now(oanda: Bench) -> None:
    oanda.record(created(7, "a", "100"))
    oanda.server.on("PUT /orders/@a/cancel", GONE)
    with pytest.raises(TransientError, match="still waits"):
        oanda.broker.cancel("a")


def test_a_cancel_without_an_answer_is_unknown(oanda: Bench) -> None:
    for reply in (Reply(cut=True), Reply(body={}), Reply(body={"orderCancelTransaction": {}})):
        oanda.server.on("PUT /orders/@a/cancel", reply)
        with pytest.raises(OutcomeUnknown):
            oanda.broker.cancel("a")


def replacing(number: int, old: int, *, filled_at_once: bool = False) -> Message:
    told = {
        "orderCancelTransaction": cancelled(
            number, old, "CLIENT_REQUEST_REPLACED", "a", replacedByOrderID=str(number + 1)
        ),
        "orderCreateTransaction": created(number + 1, "b", "50", replacesOrderID=str(old)),
    }
    if filled_at_once:
        part = opened(number + 2, "50", "1.1", "b")
        told["orderFillTransaction"] = filled(
            number + 2, number + 1, "50", name="b", tradeOpened=part
        )
    return answer(**told)


def test_an_order_is_replaced_by_one_with_an_id_of_its_own(oanda: Bench) -> None:
    oanda.server.on(
        "PUT /orders/@a",
        Reply(status=201, body=replacing(9, 7)),
        Reply(status=201, body=replacing(19, 17, filled_at_once=True)),
    )
    assert oanda.broker.replace("a", order("b", 50.0)) == made("b", 50.0, ACCEPTED, 10)
    assert oanda.server.asked[-1].body["order"]["clientExtensions"] == {"id": "b"}
    oanda.server.on("GET /orders/@b", listed(10, "b", "PENDING", "50"))
    assert oanda.broker.replace("a", order("b", 50.0)) == made("b", 50.0, ACCEPTED, 10)
    assert oanda.server.paths("PUT") == ["PUT /orders/@a"]


def test_a_replacement_that_fills_at_once_is_told_filled(oanda: Bench) -> None:
    body = replacing(19, 17, filled_at_once=True)
    oanda.server.on("PUT /orders/@a", Reply(status=201, body=body))
    expected = made("b", 50.0, FILLED, 21, filled=50.0)
    assert oanda.broker.replace("a", order("b", 50.0)) == expected


def test_an_order_that_has_ended_is_not_replaced(oanda: Bench) -> None:
    part = opened(8, "100", "1.1", "a")
    oanda.record(created(7, "a", "100"), filled(8, 7, "100", name="a", tradeOpened=part))
    oanda.server.on("PUT /orders/@a", GONE)
    oanda.server.on("GET /orders/@a", listed(7, "a", "FILLED", fillingTransactionID="8"))
    expected = made("a", 100.0, FILLED, 8, filled=100.0)
    assert oanda.broker.replace("a", order("b", 50.0)) == expected


def test_a_replacement_that_is_refused_leaves_the_order(oanda: Bench) -> None:
    body = answer(orderRejectTransaction=refused(9, "b", "PRICE_PRECISION_EXCEEDED"))
    oanda.server.on("PUT /orders/@a", Reply(status=400, body=body))
    with pytest.raises(InvalidError, match=r"a stays.*PRICE_PRECISION_EXCEEDED"):
        oanda.broker.replace("a", order("b", 50.0))
    with pytest.raises(InvalidError, match="finite"):
        oanda.broker.replace("a", order("c", math.nan))


def holding(units: str) -> Reply:
    side = {"units": units, "averagePrice": "1.1"}
    flat = {"units": "0"}
    long = not units.startswith("-")
    told = {
        "instrument": "EUR_USD", "long": side if long else flat, "short": flat if long else side,
    }  # fmt: skip
    return Reply(body={"positions": [] if units == "0" else [told], "lastTransactionID": "9"})


def closing(number: int, name: str, side: str, units: str) -> Reply:
    making = created(number, name, units, reason="POSITION_CLOSEOUT")
    part = closed(5, units, "1.1", "2.0000")
    end = filled(
        number + 1, number, units, name=name, reason="MARKET_ORDER_POSITION_CLOSEOUT",
        tradesClosed=[part], pl="2.0000",
    )  # fmt: skip
    return Reply(body=answer(**{
        f"{side}OrderCreateTransaction": making, f"{side}OrderFillTransaction": end
    }))  # fmt: skip


@pytest.mark.parametrize(
    ("held", "side", "other", "units"),
    [("100", "long", "short", "-100"), ("-100", "short", "long", "100")],
)
def test_a_position_is_closed_whole_under_the_desks_id(
    oanda: Bench, held: str, side: str, other: str, units: str
) -> None:
    oanda.server.on("GET /openPositions", holding(held))
    oanda.server.on("PUT /positions/EUR_USD/close", closing(7, "c", side, units))
    size = float(units)
    found = oanda.broker.close("EUR_USD", "c")
    assert found == made("c", size, FILLED, 8, filled=size)
    assert oanda.server.asked[-1].body == {
        f"{side}Units": "ALL", f"{other}Units": "NONE", f"{side}ClientExtensions": {"id": "c"},
    }  # fmt: skip
    oanda.server.on("GET /orders/@c", GONE)
    told = oanda.server.asked
    count = len(told)
    oanda.record(created(7, "c", units), filled(8, 7, units, name="c"))
    assert oanda.broker.close("EUR_USD", "c") == found
    assert all(one.method == "GET" for one in told[count:])


def test_nothing_held_is_nothing_closed(oanda: Bench) -> None:
    oanda.server.on("GET /openPositions", holding("0"))
    assert oanda.broker.close("EUR_USD", "c") is None
    assert oanda.server.paths("PUT") == []
    with pytest.raises(UnknownInstrument, match="EUR_QQQ"):
        oanda.broker.close("EUR_QQQ", "d")


def test_a_position_that_a_stop_closed_meanwhile_is_none(oanda: Bench) -> None:
    no = {
        "rejectReason": "CLOSEOUT_POSITION_DOESNT_EXIST",
        "id": "7",
        "type": "MARKET_ORDER_REJECT",
    }
    oanda.server.on("GET /openPositions", holding("100"), holding("0"))
    oanda.server.on(
        "PUT /positions/EUR_USD/close", Reply(status=400, body={"longOrderRejectTransaction": no})
    )
    assert oanda.broker.close("EUR_USD", "c") is None
    assert len(oanda.server.paths("PUT")) == 1


def test_a_position_that_turned_meanwhile_is_closed_on_its_other_side(oanda: Bench) -> None:
    no = Reply(status=404, body={"errorCode": "CLOSEOUT_POSITION_DOESNT_EXIST"})
    oanda.server.on("GET /openPositions", holding("100"), holding("-40"))
    oanda.server.on("PUT /positions/EUR_USD/close", no, closing(7, "c", "short", "40"))
    found = oanda.broker.close("EUR_USD", "c")
    assert found == made("c", 40.0, FILLED, 8, filled=40.0)


def test_a_close_that_cannot_be_done_or_has_no_answer_says_so(oanda: Bench) -> None:
    oanda.server.on("GET /openPositions", holding("100"))
    oanda.server.on(
        "PUT /positions/EUR_USD/close",
        Reply(status=400, body={"errorCode": "CLOSEOUT_POSITION_REJECT"}),
        Reply(cut=True),
    )
    with pytest.raises(InvalidError, match="CLOSEOUT_POSITION_REJECT"):
        oanda.broker.close("EUR_USD", "c")
    with pytest.raises(OutcomeUnknown):
        oanda.broker.close("EUR_USD", "d")


def test_transactions_are_read_page_by_page_to_the_newest(oanda: Bench) -> None:
    def page(*numbers: int) -> Reply:
        told = [created(number, f"o{number}", "1") for number in reversed(numbers)]
        return Reply(body={"transactions": told, "lastTransactionID": "9"})

    oanda.server.on("GET /transactions/sinceid", page(4, 5, 6), page(7, 8), page(9))
    found = oanda.broker.transactions(3)
    assert [one.id for one in found] == [4, 5, 6, 7, 8, 9]
    assert {one.kind for one in found} == {TransactionKind.ACCEPTED}
    asked = [one.query["id"] for one in oanda.server.asked if one.path.endswith("sinceid")]
    assert asked == ["3", "6", "8"]


def test_a_record_that_is_behind_the_books_fails_for_now(oanda: Bench) -> None:
    assert oanda.broker.transactions(2) == ()
    with pytest.raises(TransientError, match=r"50 is known here.*newest is 2"):
        oanda.broker.transactions(50)
    oanda.server.on("GET /transactions/sinceid", Reply(status=416, body={"errorMessage": "x"}))
    with pytest.raises(TransientError, match="belongs to this account"):
        oanda.broker.transactions(50)


def test_a_record_that_holds_back_transactions_fails_for_now(oanda: Bench) -> None:
    body = {"transactions": [], "lastTransactionID": "9"}
    oanda.server.on("GET /transactions/sinceid", Reply(body=body))
    with pytest.raises(TransientError, match="none above 3"):
        oanda.broker.transactions(3)


def test_an_account_in_another_currency_is_not_the_desks(oanda: Bench) -> None:
    body = {"account": {"id": ACCOUNT, "currency": "EUR"}, "lastTransactionID": "3"}
    oanda.server.on("GET ", Reply(body=body))
    with pytest.raises(InvalidError, match="in EUR"):
        oanda.broker.account()
