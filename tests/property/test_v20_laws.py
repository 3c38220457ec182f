"""Laws of a v20 account that fills at once, whatever it is asked."""

from __future__ import annotations

import math
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.brokers.v20_server.trades import DEPENDENTS, PARTS
from tests.v20_accounts import V20Bench, opened

SYMBOLS = ("EUR_USD", "USD_JPY")
MIDS = {"EUR_USD": 1.1, "USD_JPY": 150.0}
PIPS = {"EUR_USD": 0.0001, "USD_JPY": 0.01}
symbols = st.sampled_from(SYMBOLS)
pips = st.integers(-30, 30)


def price(symbol: str, away: int) -> str:
    return f"{MIDS[symbol] + away * PIPS[symbol]:.{3 if symbol == 'USD_JPY' else 5}f}"


@st.composite
def exits(draw: st.DrawFn, symbol: str, names: tuple[str, str, str]) -> dict[str, Any]:
    """Some of a take profit, a stop and a trailing stop, near the market on either side."""
    target, stop, trail = names
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found[target] = {"price": price(symbol, draw(pips))}
    if draw(st.booleans()):
        found[stop] = {"price": price(symbol, draw(pips))}
    if draw(st.booleans()):
        distance = f"{draw(st.integers(5, 20)) * PIPS[symbol]:.3f}"
        found[trail] = {"distance": distance if symbol == "USD_JPY" else "0.00100"}
    return found


@st.composite
def request(draw: st.DrawFn) -> tuple[str, str, dict[str, Any] | None]:
    """A request of a client that means well or not; ids are small numbers, as the account's."""
    symbol, some = draw(symbols), str(draw(st.integers(1, 40)))
    what = draw(st.sampled_from(("order", "order", "order", "cancel", "close", "trade", "exits")))
    if what == "order":
        kind = draw(st.sampled_from(("MARKET", "LIMIT", "STOP", "MARKET_IF_TOUCHED")))
        names = ("takeProfitOnFill", "stopLossOnFill", "trailingStopLossOnFill")
        order = {
            "type": kind,
            "instrument": symbol,
            "units": str(draw(st.sampled_from((-2000, -500, -1, 0, 1, 300, 1000)))),
        } | draw(exits(symbol, names))
        if kind != "MARKET":
            order["price"] = price(symbol, draw(pips))
        return "POST", "/orders", {"order": order}
    if what == "cancel":
        return "PUT", f"/orders/{some}/cancel", None
    if what == "close":
        side = draw(st.sampled_from(("longUnits", "shortUnits")))
        return "PUT", f"/positions/{symbol}/close", {side: draw(st.sampled_from(("ALL", "100")))}
    if what == "trade":
        return "PUT", f"/trades/{some}/close", {"units": draw(st.sampled_from(("ALL", "100")))}
    changed: dict[str, Any] = draw(exits(symbol, ("takeProfit", "stopLoss", "trailingStopLoss")))
    if draw(st.booleans()):
        changed["stopLoss"] = None
    return "PUT", f"/trades/{some}/orders", changed


steps = st.lists(st.one_of(request(), st.tuples(symbols, pips)), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_orders_that_are_shown_protect_what_is_held_and_everything_adds_up(
    steps: list[Any],
) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as bench:
        for symbol in SYMBOLS:
            bench.market(symbol, MIDS[symbol], 2.0 * PIPS[symbol])
        for step in steps:
            if len(step) == 2:
                symbol, away = step
                bench.market(symbol, float(price(symbol, away)), 2.0 * PIPS[symbol])
            else:
                before = bench.account.last_transaction_id
                status, answer = bench.ask(*step)
                assert status in (200, 201, 400, 404)
                told = bench.account.transactions(before, 100)
                assert answer.get("relatedTransactionIDs", []) == [one["id"] for one in told]
            adds_up(bench)


def adds_up(bench: V20Bench) -> None:
    """Trades and positions, orders and exits, balance and cash say the same."""
    _, body = bench.ask("GET", "")
    account, exchange = body["account"], bench.account.exchange
    state = exchange.account()
    assert float(account["balance"]) == round(float(state.cash), 4)
    trades = {one["id"]: one for one in account["trades"]}
    for column, symbol in enumerate(bench.account.symbols):
        mine = [one for one in trades.values() if one["instrument"] == symbol]
        assert sum(Decimal(one["currentUnits"]) for one in mine) == Decimal(
            int(state.units[column])
        )
        dependents = [
            one
            for one in account["orders"]
            if one["type"] in DEPENDENTS and trades[one["tradeID"]]["instrument"] == symbol
        ]
        shown = {one["type"]: one for one in dependents}
        assert len(dependents) == len(shown) * len(mine)
        for one in dependents:
            level = "distance" if one["type"] == "TRAILING_STOP_LOSS" else "price"
            assert one[level] == shown[one["type"]][level]
            trade = trades[one["tradeID"]]
            assert one["id"] in [trade.get(f"{PARTS[kind]}OrderID") for kind in shown]
        held, half = exchange.exits(symbol), 0.05 * PIPS.get(symbol, 0.0001)
        target = shown.get("TAKE_PROFIT")
        assert math.isnan(held.take_profit_price) == (target is None)
        if target is not None:
            assert float(target["price"]) == held.take_profit_price
        trail = shown.get("TRAILING_STOP_LOSS")
        assert math.isnan(held.trailing) == (trail is None)
        stop = shown.get("STOP_LOSS")
        if trail is None:
            assert math.isnan(held.stop_price) == (stop is None)
            if stop is not None:
                assert abs(float(stop["price"]) - held.stop_price) <= half
    for one in trades.values():
        for name, id_ in one.items():
            if name.endswith("OrderID"):
                assert bench.ask("GET", f"/orders/{id_}")[1]["order"]["state"] == "PENDING"
