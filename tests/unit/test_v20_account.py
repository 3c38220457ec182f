"""A v20 account: its trades, exits, positions and statements, and who may ask for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.brokers.v20_server.opening import open_account
from infra.brokers.v20_server.terms import V20Terms
from market.errors import InvalidError
from tests.exchanges import TERMS, HandPrices
from tests.paper import FlatRates
from tests.v20_accounts import ACCOUNT, TOKEN, V20_TERMS, V20Bench, opened

DAY_S = 86_400
Body = dict[str, Any]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[V20Bench]:
    with opened(tmp_path) as made:
        made.market("EUR_USD", 1.1, 0.0002)
        yield made


def trades(bench: V20Bench) -> list[Body]:
    return list(bench.ask("GET", "/openTrades")[1]["trades"])


def test_an_account_begins_with_its_creation_and_its_deposit(bench: V20Bench) -> None:
    assert [one["type"] for one in bench.log] == ["CREATE", "TRANSFER_FUNDS"]
    account = bench.ask("GET", "/summary")[1]["account"]
    assert (account["balance"], account["NAV"], account["currency"]) == (
        "100000.0000",
        "100000.0000",
        "USD",
    )


def test_a_fill_against_the_position_closes_the_oldest_trades_first(bench: V20Bench) -> None:
    for units in ("1000", "500", "700"):
        bench.order(units=units)
    oldest, middle, newest = [one["id"] for one in reversed(trades(bench))]
    bench.market("EUR_USD", 1.11, 0.0002)
    filled = bench.order(units="-1200")[1]["orderFillTransaction"]
    assert [part["tradeID"] for part in filled["tradesClosed"]] == [oldest]
    assert (filled["tradeReduced"]["tradeID"], filled["tradeReduced"]["units"]) == (middle, "-200")
    assert [one["currentUnits"] for one in trades(bench)] == ["700", "300"]
    assert float(filled["pl"]) == pytest.approx(1200 * (1.1099 - 1.1001))
    closed = bench.ask("GET", f"/trades/{oldest}")[1]["trade"]
    assert (closed["state"], closed["averageClosePrice"]) == ("CLOSED", "1.10990")
    assert closed["closingTransactionIDs"] == [filled["id"]]
    assert (
        bench.ask("GET", f"/trades?ids={newest},{oldest}&state=ALL")[1]["trades"][0]["id"] == newest
    )


def test_one_fill_closes_and_opens_where_the_position_reverses(bench: V20Bench) -> None:
    bench.order(units="1000", stopLossOnFill={"distance": "0.01"})
    stop = bench.log[-1]["id"]
    answer = bench.order(units="-1500", takeProfitOnFill={"price": "1.09000"})[1]
    filled = answer["orderFillTransaction"]
    assert filled["tradesClosed"][0]["units"] == "-1000"
    assert filled["tradeOpened"]["units"] == "-500"
    ended = bench.ask("GET", f"/orders/{stop}")[1]["order"]
    assert ended["state"] == "CANCELLED"
    (trade,) = trades(bench)
    assert trade["takeProfitOrder"]["price"] == "1.09000"
    assert "stopLossOrder" not in trade


def test_exits_at_prices_close_exactly_there(bench: V20Bench) -> None:
    bench.order(takeProfitOnFill={"price": "1.10337"}, stopLossOnFill={"price": "1.09713"})
    held = bench.account.exchange.exits("EUR_USD")
    assert (held.take_profit_price, held.stop_price) == (1.10337, 1.09713)
    bench.market("EUR_USD", 1.1034, 0.00002)
    filled, cancelled = bench.log[-2:]
    assert (filled["reason"], filled["price"]) == ("TAKE_PROFIT_ORDER", "1.10339")
    assert (cancelled["type"], cancelled["reason"]) == ("ORDER_CANCEL", "LINKED_TRADE_CLOSED")
    assert trades(bench) == []


def test_a_stop_at_a_distance_is_one_from_the_fill(bench: V20Bench) -> None:
    bench.order(units="-1000", stopLossOnFill={"distance": "0.005"})
    (trade,) = trades(bench)
    stop = trade["stopLossOrder"]
    assert (trade["price"], stop["price"], stop["distance"]) == ("1.09990", "1.10490", "0.00500")
    bench.market("EUR_USD", 1.1049, 0.0002)
    assert (bench.log[-1]["reason"], bench.log[-1]["orderID"]) == ("STOP_LOSS_ORDER", stop["id"])


def test_a_trailing_stop_tells_where_it_stands_and_fills_under_its_own_order(
    bench: V20Bench,
) -> None:
    bench.order(trailingStopLossOnFill={"distance": "0.00200"})
    bench.market("EUR_USD", 1.11, 0.0002)
    (trade,) = trades(bench)
    trailing = trade["trailingStopLossOrder"]
    assert trailing["trailingStopValue"] == "1.10790"
    bench.market("EUR_USD", 1.107, 0.0002)
    assert (bench.log[-1]["reason"], bench.log[-1]["orderID"]) == (
        "TRAILING_STOP_LOSS_ORDER",
        trailing["id"],
    )


def exits_of(bench: V20Bench) -> list[tuple[str | None, str | None, str | None]]:
    """Take profit, stop and trailing distance of every open trade, the newest first."""
    levels = (
        ("takeProfitOrder", "price"),
        ("stopLossOrder", "price"),
        ("trailingStopLossOrder", "distance"),
    )
    return [
        tuple(trade.get(part, {}).get(level) for part, level in levels)  # type: ignore[misc]
        for trade in trades(bench)
    ]


def test_every_trade_has_the_bracket_of_its_position(bench: V20Bench) -> None:
    exits: Body = {
        "takeProfitOnFill": {"price": "1.12000"},
        "stopLossOnFill": {"distance": "0.01"},
    }
    bench.order(**exits)
    bench.order()
    assert exits_of(bench) == [(None, "1.09010", None)] * 2
    bench.order(stopLossOnFill={"price": "1.09500"}, trailingStopLossOnFill={"distance": "0.02000"})
    assert exits_of(bench) == [(None, "1.09500", "0.02000")] * 3


def test_a_better_stop_of_before_is_that_of_the_new_trade_too(bench: V20Bench) -> None:
    bench.order(stopLossOnFill={"price": "1.09500"})
    kept = trades(bench)[0]["stopLossOrder"]
    bench.order(stopLossOnFill={"price": "1.09000"})
    assert exits_of(bench) == [(None, "1.09500", None)] * 2
    assert trades(bench)[1]["stopLossOrder"] == kept


def test_what_is_changed_on_one_trade_is_changed_on_all_and_its_answer_tells(
    bench: V20Bench,
) -> None:
    bench.order(takeProfitOnFill={"price": "1.12000"}, stopLossOnFill={"price": "1.09000"})
    bench.order(takeProfitOnFill={"price": "1.12000"})
    for place in (0, 1):
        trade = trades(bench)[place]["id"]
        before = bench.account.last_transaction_id
        stop = f"1.0{place + 7}000"
        body: Body = {"takeProfit": None, "stopLoss": {"price": stop}}
        _, answer = bench.ask("PUT", f"/trades/{trade}/orders", body)
        assert answer["stopLossOrderTransaction"]["tradeID"] == trade
        told = bench.account.transactions(before, 100)
        assert answer["relatedTransactionIDs"] == [one["id"] for one in told]
        assert exits_of(bench) == [(None, stop, None)] * 2
    other = trades(bench)[1]["stopLossOrder"]["id"]
    assert bench.ask("PUT", f"/orders/{other}/cancel")[0] == 200
    assert exits_of(bench) == [(None, None, None)] * 2


def test_an_exit_closes_every_trade_and_ends_the_orders_of_all(bench: V20Bench) -> None:
    bench.order(takeProfitOnFill={"price": "1.12000"}, stopLossOnFill={"price": "1.09000"})
    bench.order(takeProfitOnFill={"price": "1.12000"})
    held = trades(bench)
    orders = {one[part]["id"] for one in held for part in ("takeProfitOrder", "stopLossOrder")}
    assert len(orders) == 4
    before = bench.account.last_transaction_id
    bench.market("EUR_USD", 1.08, 0.0002)
    filled, *cancelled = bench.account.transactions(before, 100)
    assert (filled["type"], filled["reason"]) == ("ORDER_FILL", "STOP_LOSS_ORDER")
    assert [one["tradeID"] for one in filled["tradesClosed"]] == [
        one["id"] for one in reversed(held)
    ]
    assert {one["reason"] for one in cancelled} == {"LINKED_TRADE_CLOSED"}
    assert {filled["orderID"], *(one["orderID"] for one in cancelled)} == orders
    assert bench.ask("GET", "/pendingOrders")[1]["orders"] == []


def test_a_trade_that_is_closed_by_name_leaves_the_others_protected(bench: V20Bench) -> None:
    bench.order(stopLossOnFill={"price": "1.09000"})
    bench.order()
    kept = trades(bench)[1]
    bench.ask("PUT", f"/trades/{trades(bench)[0]['id']}/close", {"units": "ALL"})
    (left,) = trades(bench)
    assert (left["id"], left["stopLossOrder"]) == (kept["id"], kept["stopLossOrder"])


def test_exits_of_a_trade_are_made_changed_and_taken_away(bench: V20Bench) -> None:
    trade = bench.order()[1]["orderFillTransaction"]["id"]
    path = f"/trades/{trade}/orders"
    body: Body = {
        "takeProfit": {"price": "1.12000"},
        "stopLoss": {"price": "1.09000"},
        "trailingStopLoss": {"distance": "0.01000"},
    }
    status, answer = bench.ask("PUT", path, body)
    assert (status, answer["stopLossOrderTransaction"]["reason"]) == (200, "CLIENT_ORDER")
    status, answer = bench.ask("PUT", path, {"takeProfit": {"price": "1.13000"}})
    replaced = answer["takeProfitOrderTransaction"]
    assert replaced["reason"] == "REPLACEMENT"
    assert answer["takeProfitOrderCancelTransaction"]["replacedByOrderID"] == replaced["id"]
    held = bench.account.exchange.exits("EUR_USD")
    assert (held.take_profit_price, held.trailing) == (1.13, 0.01)
    status, answer = bench.ask("PUT", path, {"trailingStopLoss": None, "takeProfit": None})
    assert "trailingStopLossOrderCancelTransaction" in answer
    held = bench.account.exchange.exits("EUR_USD")
    assert (held.stop_price, held.take_profit_price != held.take_profit_price) == (1.09, True)
    (shown,) = trades(bench)
    assert "takeProfitOrder" not in shown
    status, answer = bench.ask("PUT", path, {"stopLoss": {"price": "1.2"}})
    assert answer["stopLossOrderCreatedCancelTransaction"]["reason"] == "STOP_LOSS_ON_FILL_LOSS"
    status, answer = bench.ask("PUT", path, {"stopLoss": {"price": "1.0000001"}})
    assert (status, answer["errorCode"]) == (400, "PRICE_PRECISION_EXCEEDED")
    assert bench.ask("PUT", "/trades/77/orders", body)[0] == 404


def test_an_exit_is_an_order_that_is_created_replaced_and_cancelled(bench: V20Bench) -> None:
    bench.order(tradeClientExtensions={"id": "t"})
    exit_: Body = {"type": "STOP_LOSS", "clientTradeID": "t", "price": "1.09000"}
    status, answer = bench.ask("POST", "/orders", {"order": exit_})
    created = answer["orderCreateTransaction"]
    assert (status, created["type"]) == (201, "STOP_LOSS_ORDER")
    status, answer = bench.ask("POST", "/orders", {"order": exit_})
    assert (status, answer["errorCode"]) == (400, "STOP_LOSS_ORDER_ALREADY_EXISTS")
    status, answer = bench.ask(
        "PUT", f"/orders/{created['id']}", {"order": exit_ | {"price": "1.09500"}}
    )
    assert status == 201
    assert bench.account.exchange.exits("EUR_USD").stop_price == 1.095
    replaced = answer["orderCreateTransaction"]["id"]
    assert bench.ask("PUT", f"/orders/{replaced}/cancel")[0] == 200
    assert bench.account.exchange.exits("EUR_USD").stop_price != 1.095
    missing = exit_ | {"clientTradeID": "nobody"}
    status, answer = bench.ask("POST", "/orders", {"order": missing})
    assert (status, answer["errorCode"]) == (404, "TRADE_DOESNT_EXIST")


def test_a_position_is_closed_whole_or_in_part(bench: V20Bench) -> None:
    bench.order(units="1000")
    path = "/positions/EUR_USD/close"
    status, answer = bench.ask("PUT", path, {"longUnits": "300"})
    assert (status, answer["longOrderFillTransaction"]["units"]) == (200, "-300")
    assert answer["longOrderFillTransaction"]["reason"] == "MARKET_ORDER_POSITION_CLOSEOUT"
    status, answer = bench.ask("PUT", path, {"longUnits": "701"})
    assert (status, answer["errorCode"]) == (400, "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE")
    status, answer = bench.ask("PUT", path, {"shortUnits": "ALL"})
    assert (status, answer["errorCode"]) == (404, "CLOSEOUT_POSITION_DOESNT_EXIST")
    assert "shortOrderRejectTransaction" in answer
    assert bench.ask("PUT", path, {"longUnits": "NONE"})[0] == 400
    named = {"longUnits": "ALL", "longClientExtensions": {"id": "bye"}}
    assert bench.ask("PUT", path, named)[0] == 200
    assert bench.ask("GET", "/orders/@bye")[1]["order"]["state"] == "FILLED"
    assert bench.ask("GET", "/openPositions")[1]["positions"] == []
    assert bench.ask("PUT", "/positions/EUR_QQQ/close", named, check=False)[0] == 404


def test_a_trade_is_closed_by_itself(bench: V20Bench) -> None:
    bench.order(units="1000")
    bench.order(units="500", tradeClientExtensions={"id": "t"})
    status, answer = bench.ask("PUT", "/trades/@t/close", {"units": "200"})
    filled = answer["orderFillTransaction"]
    assert (status, filled["reason"]) == (200, "MARKET_ORDER_TRADE_CLOSE")
    assert filled["tradeReduced"]["units"] == "-200"
    assert bench.ask("PUT", "/trades/@t/close", {"units": "301"})[0] == 400
    assert bench.ask("PUT", "/trades/@t/close", {"units": "ALL"})[0] == 200
    assert [one["currentUnits"] for one in trades(bench)] == ["1000"]
    status, answer = bench.ask("PUT", "/trades/@t/close", {"units": "ALL"})
    assert (status, answer["errorCode"]) == (404, "TRADE_DOESNT_EXIST")


def test_an_account_adds_up(bench: V20Bench) -> None:
    bench.order(units="50000")
    bench.market("EUR_USD", 1.12, 0.0002)
    account = bench.ask("GET", "")[1]["account"]
    state = bench.account.exchange.account()
    assert float(account["NAV"]) == pytest.approx(state.equity, abs=5e-5)
    assert float(account["unrealizedPL"]) == pytest.approx(50_000 * (1.1199 - 1.1001))
    assert float(account["marginUsed"]) == pytest.approx(50_000 * 1.12 * 0.0333)
    assert float(account["NAV"]) == pytest.approx(
        float(account["balance"]) + float(account["unrealizedPL"])
    )
    percent = 0.5 * state.margin_used / state.equity
    assert float(account["marginCloseoutPercent"]) == pytest.approx(percent, abs=1e-5)
    (position,) = account["positions"]
    assert position["long"]["averagePrice"] == "1.10010"
    assert position["unrealizedPL"] == account["unrealizedPL"]


def test_financing_is_told_by_instrument_and_trade_and_moves_the_balance(tmp_path: Path) -> None:
    rates = FlatRates(annual={"EUR": 0.05, "USD": 0.01, "GBP": 0.0, "JPY": 0.0})
    with opened(tmp_path, interest=rates) as bench:
        bench.market("EUR_USD", 1.1)
        bench.order(units="30000")
        bench.order(units="10000")
        bench.market("EUR_USD", 1.1, seconds=DAY_S)
        financing = bench.log[-1]
        assert financing["type"] == "DAILY_FINANCING"
        (position,) = financing["positionFinancings"]
        parts = [float(part["financing"]) for part in position["openTradeFinancings"]]
        assert parts == pytest.approx([0.75 * sum(parts), 0.25 * sum(parts)], abs=1e-4)
        assert float(financing["financing"]) == pytest.approx(40_000 * 1.1 * 0.04 / 365, abs=1e-4)
        account = bench.ask("GET", "/summary")[1]["account"]
        assert account["financing"] == financing["financing"]
        assert account["balance"] == financing["accountBalance"]


def test_a_margin_call_and_a_close_out_are_told(tmp_path: Path) -> None:
    small = replace(TERMS, cash=4_000.0)
    with opened(tmp_path, V20Terms(exchange=small, token=TOKEN)) as bench:
        bench.market("EUR_USD", 1.1)
        bench.order(units="100000", takeProfitOnFill={"price": "1.30000"})
        bench.market("EUR_USD", 1.09)
        assert bench.kinds()[-1] == "MARGIN_CALL_ENTER"
        assert "marginCallEnterTime" in bench.ask("GET", "/summary")[1]["account"]
        bench.market("EUR_USD", 1.07)
        assert bench.kinds()[-4:] == [
            "MARKET_ORDER",
            "ORDER_FILL",
            "ORDER_CANCEL",
            "MARGIN_CALL_EXIT",
        ]
        assert bench.log[-3]["reason"] == "MARKET_ORDER_MARGIN_CLOSEOUT"


def test_a_close_out_on_demand_closes_everything(bench: V20Bench) -> None:
    bench.order()
    bench.account.close_out()
    assert bench.log[-1]["reason"] == "MARKET_ORDER_MARGIN_CLOSEOUT"
    assert trades(bench) == []


def test_what_changed_is_told_since_a_transaction(bench: V20Bench) -> None:
    bench.order(stopLossOnFill={"distance": "0.01"})
    before = bench.account.last_transaction_id
    bench.order(units="-1000")
    changes = bench.ask("GET", f"/changes?sinceTransactionID={before}")[1]["changes"]
    assert [one["type"] for one in changes["transactions"]] == [
        "MARKET_ORDER",
        "ORDER_FILL",
        "ORDER_CANCEL",
    ]
    assert len(changes["tradesClosed"]) == len(changes["ordersFilled"]) == 1
    assert changes["ordersCancelled"][0]["type"] == "STOP_LOSS"
    assert bench.ask("GET", "/changes?sinceTransactionID=999", check=False)[0] == 416
    assert bench.ask("GET", "/changes", check=False)[0] == 400


def test_transactions_are_found_by_id_by_range_and_by_time(bench: V20Bench) -> None:
    bench.order()
    told = bench.ask("GET", "/transactions/sinceid?id=2")[1]["transactions"]
    assert [one["id"] for one in told] == ["3", "4"]
    told = bench.ask("GET", "/transactions/idrange?from=1&to=4&type=FUNDING")[1]["transactions"]
    assert [one["type"] for one in told] == ["TRANSFER_FUNDS"]
    pages = bench.ask("GET", "/transactions?pageSize=3")[1]
    assert (pages["count"], len(pages["pages"])) == (4, 2)
    assert pages["pages"][1].endswith("/transactions/idrange?from=4&to=4")
    assert bench.ask("GET", "/transactions/3")[1]["transaction"]["type"] == "MARKET_ORDER"
    assert bench.ask("GET", "/transactions/99")[0] == 404
    assert bench.ask("GET", "/transactions/idrange?from=1&to=99")[0] == 416
    assert bench.ask("GET", "/transactions/sinceid?id=x")[0] == 400


def test_times_are_written_as_they_were_asked_for(bench: V20Bench) -> None:
    bench.order()
    _, answer = bench.ask("GET", "/trades/4", accept_datetime_format="UNIX")
    assert answer["trade"]["openTime"] == "1735819201.000000000"


def test_an_alias_can_be_set_and_the_margin_rate_cannot(bench: V20Bench) -> None:
    assert bench.ask("PATCH", "/configuration", {"alias": "mine"})[0] == 200
    assert bench.ask("GET", "/summary")[1]["account"]["alias"] == "mine"
    status, answer = bench.ask("PATCH", "/configuration", {"marginRate": "0.02"})
    assert (status, answer["errorCode"]) == (400, "MARGIN_RATE_INVALID")
    assert bench.ask("PATCH", "/configuration", {})[0] == 400


def test_only_the_holder_of_the_token_is_heard(bench: V20Bench) -> None:
    for header in ("", "Bearer ", "Bearer nonsense", f"Basic {TOKEN}"):
        status, headers, body = bench.raw("GET", ACCOUNT, authorization=header)
        assert (status, headers["content-type"]) == (401, "application/json")
        assert TOKEN not in body.decode()
    assert bench.raw("GET", "/v3/accounts/001-001-0000001-002")[0] == 403
    assert bench.raw("DELETE", f"{ACCOUNT}/orders")[0] == 405
    assert bench.raw("GET", f"{ACCOUNT}/nothing")[0] == 404
    status, headers, body = bench.raw("GET", "/v3/accounts")
    assert json.loads(body)["accounts"] == [{"id": "001-001-0000001-001", "tags": []}]
    assert headers["requestid"]


def test_an_order_without_a_name_is_found_by_its_number_alone(bench: V20Bench) -> None:
    created = bench.order("LIMIT", price="1.05000")[1]["orderCreateTransaction"]
    assert "clientExtensions" not in created
    assert bench.ask("GET", f"/orders/{created['id']}")[1]["order"]["state"] == "PENDING"
    assert bench.ask("PUT", f"/orders/{created['id']}/cancel")[0] == 200


def test_a_trade_has_a_new_name(bench: V20Bench) -> None:
    bench.order()
    named = {"clientExtensions": {"id": "t"}}
    assert bench.ask("PUT", "/trades/4/clientExtensions", named)[0] == 200
    assert bench.ask("GET", "/trades/@t")[1]["trade"]["id"] == "4"
    assert bench.ask("PUT", "/trades/4/clientExtensions", {})[0] == 400
    assert bench.ask("PUT", "/trades/9/clientExtensions", named, check=False)[0] == 404


def test_an_account_goes_on_where_it_was(tmp_path: Path) -> None:
    with opened(tmp_path) as bench:
        bench.market("EUR_USD", 1.1, 0.0002)
        bench.order(takeProfitOnFill={"price": "1.20000"}, clientExtensions={"id": "a"})
        bench.order("LIMIT", price="1.05000")
        before = bench.ask("GET", "")[1]
    with opened(tmp_path) as bench:
        assert bench.ask("GET", "")[1] == before
        assert bench.order(clientExtensions={"id": "a"})[0] == 400
        bench.market("EUR_USD", 1.2002, 0.0002)
        assert bench.log[-1]["reason"] == "TAKE_PROFIT_ORDER"


def test_a_folder_is_for_one_server_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(InvalidError, match="store of a paper exchange"):
        open_account(V20_TERMS, folder=tmp_path, open_source=lambda _: HandPrices())


@pytest.mark.parametrize("wrong", [{"account": "mine"}, {"token": ""}], ids=str)
def test_terms_that_no_account_can_have_are_refused(wrong: Body) -> None:
    with pytest.raises(InvalidError):
        V20Terms(**({"exchange": TERMS, "token": TOKEN} | wrong))


def test_a_token_is_never_shown() -> None:
    assert TOKEN not in repr(V20_TERMS)
