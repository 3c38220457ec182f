"""What is held at OANDA: closed in part, trade by trade, and its exits changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from market.accounts import BrokerOrder, OrderState
from market.errors import InvalidError, OutcomeUnknown, TransientError
from tests.oanda import Bench, Message, answer, bench, closed, created, filled
from tests.scripted_http import Reply

CLOSE = "PUT /positions/EUR_USD/close"
MORE_THAN_HELD = "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE"


@pytest.fixture
def oanda() -> Iterator[Bench]:
    with bench() as made:
        yield made


def held(units: float) -> Reply:
    long, short = (units, 0.0) if units > 0.0 else (0.0, units)
    position = {
        "instrument": "EUR_USD", "long": {"units": str(long)}, "short": {"units": str(short)}
    }  # fmt: skip
    return Reply(body={"positions": [position] if units else [], "lastTransactionID": "9"})


def closing(number: int, name: str, units: str) -> Message:
    part = closed(3, units.removeprefix("-"), "1.1")
    return answer(
        longOrderCreateTransaction=created(number, name, units),
        longOrderFillTransaction=filled(
            number + 1, number, units, name=name, tradesClosed=[part], reason="MARKET_ORDER"
        ),
    )


def refusal(code: str, status: int = 400) -> Reply:
    return Reply(status=status, body={"errorCode": code, "errorMessage": "no"})


# Closing


def test_a_part_is_closed_and_all_of_it_where_fewer_are_held(oanda: Bench) -> None:
    oanda.server.on("GET /openPositions", held(1_000.0), held(700.0))
    oanda.server.on(
        CLOSE, Reply(body=closing(7, "r1", "-300")), Reply(body=closing(10, "r2", "-700"))
    )
    first, second = (
        oanda.broker.reduce("EUR_USD", 300.0, "r1"), oanda.broker.reduce("EUR_USD", 5_000.0, "r2")
    )  # fmt: skip
    assert (first and first.filled, second and second.filled) == (-300.0, -700.0)
    bodies = [one.body for one in oanda.server.asked if one.method == "PUT"]
    assert bodies == [
        {"longUnits": "300", "shortUnits": "NONE", "longClientExtensions": {"id": "r1"}},
        {"longUnits": "700", "shortUnits": "NONE", "longClientExtensions": {"id": "r2"}},
    ]


def test_what_is_held_is_looked_at_again_where_it_became_less(oanda: Bench) -> None:
    oanda.server.on("GET /openPositions", held(1_000.0), held(200.0))
    oanda.server.on(CLOSE, refusal(MORE_THAN_HELD), Reply(body=closing(7, "r", "-200")))
    answered = oanda.broker.reduce("EUR_USD", 300.0, "r")
    assert answered is not None
    assert answered.filled == -200.0


def test_a_position_that_keeps_shrinking_is_not_told_to_be_none(oanda: Bench) -> None:
    oanda.server.on("GET /openPositions", held(1_000.0), held(900.0))
    oanda.server.on(CLOSE, refusal(MORE_THAN_HELD))
    with pytest.raises(InvalidError, match="fewer units than that are held"):
        oanda.broker.reduce("EUR_USD", 950.0, "r")


def test_one_trade_is_closed_by_its_id_and_once(oanda: Bench) -> None:
    made = created(7, "", "-100", reason="TRADE_CLOSE")
    fill = filled(8, 7, "-100", tradesClosed=[closed(5, "100", "1.1")])
    oanda.server.on(
        "PUT /trades/5/close",
        Reply(body=answer(orderCreateTransaction=made, orderFillTransaction=fill)),
        refusal("TRADE_DOESNT_EXIST", 404),
    )
    assert oanda.broker.close_trade(5) == BrokerOrder(
        client_order_id="oanda-7", symbol="EUR_USD", units=-100.0, state=OrderState.FILLED,
        transaction=8, filled=-100.0,
    )  # fmt: skip
    assert oanda.server.asked[-1].body == {"units": "ALL"}
    assert oanda.broker.close_trade(5) is None


def test_the_close_of_a_trade_that_was_not_answered_is_unknown(oanda: Bench) -> None:
    oanda.server.on("PUT /trades/5/close", Reply(cut=True), Reply(body={}))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            oanda.broker.close_trade(5)


# Exits


def trade(number: int, units: float = 100.0, **orders: Any) -> Message:
    return {"id": str(number), "instrument": "EUR_USD", "currentUnits": str(units), **orders}


def standing(oanda: Bench, *trades: Message, bid: str = "1.09990", ask: str = "1.10010") -> None:
    other = {"id": "2", "instrument": "USD_JPY", "currentUnits": "5"}
    oanda.server.on("GET /openTrades", Reply(body={"trades": [*reversed(trades), other]}))
    price = {"instrument": "EUR_USD", "bids": [{"price": bid}], "asks": [{"price": ask}]}
    oanda.server.on("GET /pricing", Reply(body={"prices": [price]}))


def test_every_open_trade_is_given_the_exits_and_none_of_another_instrument(oanda: Bench) -> None:
    standing(oanda, trade(5), trade(7, takeProfitOrder={"price": "1.2"}))
    for number in (5, 7):
        oanda.server.on(f"PUT /trades/{number}/orders", Reply(body={"lastTransactionID": "9"}))
    oanda.broker.protect("EUR_USD", stop_price=1.09, take_profit_price=math.nan, trailing=0.02)
    sent = [(one.path[-len("5/orders") :], one.body) for one in oanda.server.asked if one.body]
    stop = {"price": "1.09", "timeInForce": "GTC"}
    trail = {"distance": "0.02", "timeInForce": "GTC"}
    assert sent == [
        ("5/orders", {"stopLoss": stop, "trailingStopLoss": trail}),
        ("7/orders", {"takeProfit": None, "stopLoss": stop, "trailingStopLoss": trail}),
    ]


def test_a_trade_that_has_the_exits_is_not_asked_for_them(oanda: Bench) -> None:
    stop = {"stopLossOrder": {"price": "1.09000"}}
    standing(oanda, trade(5, **stop), trade(7))
    oanda.server.on("PUT /trades/7/orders", Reply(body={"lastTransactionID": "9"}))
    oanda.broker.protect("EUR_USD", stop_price=1.09)
    assert oanda.server.paths("PUT") == ["PUT /trades/7/orders"]


@pytest.mark.parametrize(
    "failure",
    [refusal("PRICE_PRECISION_EXCEEDED"), Reply(cut=True), Reply(status=503)],
    ids=["refused", "cut", "failed"],
)
def test_exits_that_are_changed_in_part_are_unknown_and_the_trades_named(
    oanda: Bench, failure: Reply
) -> None:
    standing(oanda, trade(5), trade(7), trade(8))
    oanda.server.on("PUT /trades/5/orders", Reply(body={"lastTransactionID": "9"}))
    oanda.server.on("PUT /trades/7/orders", failure)
    with pytest.raises(OutcomeUnknown, match="have the new ones: 5; trade 7: "):
        oanda.broker.protect("EUR_USD", stop_price=1.09)
    assert len(oanda.server.paths("PUT")) == 2


def test_exits_that_the_first_trade_is_refused_are_changed_nowhere(oanda: Bench) -> None:
    standing(oanda, trade(5), trade(7))
    oanda.server.on("PUT /trades/5/orders", refusal("PRICE_PRECISION_EXCEEDED"))
    with pytest.raises(InvalidError, match="PRICE_PRECISION_EXCEEDED"):
        oanda.broker.protect("EUR_USD", stop_price=1.090001)
    assert oanda.server.paths("PUT") == ["PUT /trades/5/orders"]
    oanda.server.on("PUT /trades/5/orders", refusal("", 429))
    with pytest.raises(TransientError):
        oanda.broker.protect("EUR_USD", stop_price=1.09)


def test_an_exit_that_was_made_and_not_kept_is_not_told_to_protect(oanda: Bench) -> None:
    standing(oanda, trade(5))
    late = {"stopLossOrderCreatedCancelTransaction": {"id": "9", "reason": "LOSING_TAKE_PROFIT"}}
    oanda.server.on("PUT /trades/5/orders", Reply(body=late))
    with pytest.raises(OutcomeUnknown, match="stopLossOrder was not kept: LOSING_TAKE_PROFIT"):
        oanda.broker.protect("EUR_USD", stop_price=1.09)


def test_a_trade_that_was_closed_meanwhile_needs_no_exit(oanda: Bench) -> None:
    standing(oanda, trade(5), trade(7))
    oanda.server.on("PUT /trades/5/orders", refusal("NO_SUCH_TRADE", 404))
    oanda.server.on("PUT /trades/7/orders", Reply(body={"lastTransactionID": "9"}))
    oanda.broker.protect("EUR_USD", stop_price=1.09)
    oanda.server.on("PUT /trades/7/orders", refusal("NO_SUCH_TRADE", 404))
    with pytest.raises(InvalidError, match="no position"):
        oanda.broker.protect("EUR_USD", stop_price=1.09)


@pytest.mark.parametrize(
    ("units", "exits"),
    [
        (100.0, {"stop_price": 1.0999}),
        (-100.0, {"stop_price": 1.1001}),
        (100.0, {"take_profit_price": 1.0999}),
        (-100.0, {"take_profit_price": 1.1001}),
    ],
)
def test_an_exit_at_the_price_now_is_not_sent(
    oanda: Bench, units: float, exits: dict[str, float]
) -> None:
    standing(oanda, trade(5, units))
    with pytest.raises(InvalidError, match="would close the position now"):
        oanda.broker.protect("EUR_USD", **exits)
    assert oanda.server.paths("PUT") == []
