"""Orders placed at OANDA: each is sent once, and what came of it is known or looked up."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from market.accounts import BrokerOrder, OrderState
from market.errors import (
    DataError,
    InvalidError,
    OutcomeUnknown,
    TransientError,
)
from tests.exchanges import order
from tests.oanda import (
    GONE,
    Bench,
    Message,
    answer,
    bench,
    cancelled,
    created,
    filled,
    made,
    opened,
    refused,
    taken,
)
from tests.scripted_http import Reply

ACCEPTED = OrderState.ACCEPTED
FILLED = OrderState.FILLED
CANCELLED = OrderState.CANCELLED
REJECTED = OrderState.REJECTED
PARTIALLY = OrderState.PARTIALLY_FILLED


@pytest.fixture
def oanda() -> Iterator[Bench]:
    with bench() as made:
        yield made


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


@pytest.mark.parametrize("status", [401, 503])
@pytest.mark.parametrize("closes", [True, False])
def test_an_id_that_was_used_and_cannot_be_looked_up_is_unknown_and_not_absent(
    oanda: Bench, status: int, closes: bool
) -> None:
    oanda.record(created(7, "a", "100"))
    oanda.broker.find("a")
    oanda.server.on("GET /summary", Reply(status=status, body={"errorMessage": "not now"}))
    oanda.server.on("GET /transactions/sinceid", Reply(status=status, body={}))
    ask = oanda.broker.close if closes else lambda _, name: oanda.broker.place(order(name, 100.0))
    with pytest.raises(OutcomeUnknown, match="could not be looked up"):
        ask("EUR_USD", "a")
    assert oanda.server.paths("POST") == oanda.server.paths("PUT") == []


def test_an_id_that_oanda_says_is_taken_and_that_cannot_be_looked_up_is_unknown(
    oanda: Bench,
) -> None:
    no = answer(orderRejectTransaction=refused(9, "a", "CLIENT_ORDER_ID_ALREADY_EXISTS"))
    oanda.server.on(
        "POST /orders", Reply(status=201, body=taken(7, "x")), Reply(status=400, body=no)
    )
    oanda.server.on("GET /transactions/sinceid", Reply(status=503))
    answers = oanda.broker.place_all([order("x", 100.0), order("a", 100.0)])
    assert states(answers) == ["filled", "unknown"]


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
