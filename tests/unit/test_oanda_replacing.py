"""Orders at OANDA replaced, and positions closed."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from market.accounts import OrderState
from market.errors import (
    InvalidError,
    OutcomeUnknown,
    UnknownInstrument,
)
from tests.exchanges import order
from tests.oanda import (
    GONE,
    Bench,
    Message,
    answer,
    bench,
    cancelled,
    closed,
    created,
    filled,
    listed,
    made,
    opened,
    refused,
)
from tests.scripted_http import Reply

ACCEPTED = OrderState.ACCEPTED
FILLED = OrderState.FILLED


@pytest.fixture
def oanda() -> Iterator[Bench]:
    with bench() as made:
        yield made


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
