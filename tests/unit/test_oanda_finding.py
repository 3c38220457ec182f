"""Orders at OANDA found and cancelled; the account's record read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from market.accounts import OrderState, TransactionKind
from market.errors import (
    DataError,
    InvalidError,
    OutcomeUnknown,
    TransientError,
)
from tests.exchanges import order
from tests.oanda import (
    ACCOUNT,
    GONE,
    Bench,
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
CANCELLED = OrderState.CANCELLED
REJECTED = OrderState.REJECTED
PARTIALLY = OrderState.PARTIALLY_FILLED


@pytest.fixture
def oanda() -> Iterator[Bench]:
    with bench() as made:
        yield made


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


def test_what_is_before_a_transaction_that_cannot_be_read_is_told(oanda: Bench) -> None:
    broken = filled(6, 5, "100", name="b", tradeOpened=opened(6, "100", "1.1")) | {"units": "x"}
    oanda.record(created(4, "a", "100"), created(5, "b", "100"), broken, created(7, "c", "100"))
    assert [one.id for one in oanda.broker.transactions(3)] == [4, 5]
    with pytest.raises(DataError, match="transaction 6"):
        oanda.broker.transactions(5)


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
