"""What a v20 ORDER_FILL says of a fill."""

from __future__ import annotations

from decimal import Decimal

from infra.brokers.v20_server.books import Books
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.money import NOTHING, money, rounded, shares
from infra.brokers.v20_server.prices import price_alone
from infra.brokers.v20_server.trades import Trade
from infra.brokers.v20_server.wire import Json
from market.orders import Fill


def opened_units(filled: Json) -> Decimal:
    """Signed units of the trade that a fill opened; 0 where it opened none."""
    return Decimal(filled["tradeOpened"]["units"]) if "tradeOpened" in filled else Decimal(0)


def fill_facts(fill: Fill, order: Json, listed: Listed, books: Books) -> Json:
    """Its own fields. Trades are reduced oldest first, but for one that the order names.

    Profit is that of the exchange's average price, split by units; the balance is the exchange's,
    rounded, and `pl` the difference that it made.
    """
    totals = books.totals
    units = Decimal(listed.units(fill.units))
    totals.cash += fill.realised
    balance = rounded(totals.cash)
    profit = balance - totals.balance
    reduced, opened = _parts(units, _victims(order, listed.symbol, books))
    weights = [abs(part) for _, part in reduced]
    profits = shares(profit, weights)
    half_spread = rounded(fill.spread_cost)
    *costs, cost_of_opening = shares(half_spread, [*weights, abs(opened)])
    price = listed.price(fill.price)
    closes = [
        {
            "tradeID": trade.id,
            "units": str(part),
            "price": price,
            "realizedPL": str(gain),
            "financing": NOTHING,
            "guaranteedExecutionFee": NOTHING,
            "halfSpreadCost": str(cost),
        }
        for (trade, part), gain, cost in zip(reduced, profits, costs, strict=True)
    ]
    rest = None
    if reduced and reduced[-1][0].units + reduced[-1][1] != 0:
        rest = closes.pop()
    half = 0.5 * _spread(fill)
    rate = format(Decimal(repr(fill.rate)), "f")
    facts: Json = {
        "orderID": order["id"],
        "clientOrderID": order.get("clientExtensions", {}).get("id"),
        "instrument": listed.symbol,
        "units": str(units),
        "gainQuoteHomeConversionFactor": rate,
        "lossQuoteHomeConversionFactor": rate,
        "price": price,
        "fullVWAP": price,
        "fullPrice": price_alone(listed, time=fill.time, bid=fill.mid - half, ask=fill.mid + half),
        "pl": str(profit),
        "financing": NOTHING,
        "commission": NOTHING,
        "guaranteedExecutionFee": NOTHING,
        "accountBalance": str(balance),
        "tradesClosed": closes or None,
        "tradeReduced": rest,
        "halfSpreadCost": str(half_spread),
    }
    if opened:
        margin = float(abs(opened)) * fill.mid * fill.rate * listed.instrument.margin_rate
        facts["tradeOpened"] = {
            "tradeID": books.next_id(),
            "units": str(opened),
            "price": price,
            "guaranteedExecutionFee": NOTHING,
            "clientExtensions": order.get("tradeClientExtensions"),
            "halfSpreadCost": str(cost_of_opening),
            "initialMarginRequired": money(margin),
        }
        if facts["tradeOpened"]["clientExtensions"] is None:
            del facts["tradeOpened"]["clientExtensions"]
    return facts


def _victims(order: Json, symbol: str, books: Books) -> list[Trade]:
    trades = list(books.trades_of(symbol))
    named = order.get("tradeClose", {}).get("tradeID")
    return sorted(trades, key=lambda trade: trade.id != named)


def _parts(units: Decimal, trades: list[Trade]) -> tuple[list[tuple[Trade, Decimal]], Decimal]:
    """What a fill takes of each trade, signed as the fill, and what is left to open one."""
    reduced = []
    for trade in trades:
        if not units or (trade.units > 0) == (units > 0):
            break
        part = max(units, -trade.units) if units < 0 else min(units, -trade.units)
        reduced.append((trade, part))
        units -= part
    return reduced, units


def _spread(fill: Fill) -> float:
    """Ask minus bid at the fill, from what crossing it cost."""
    cost = abs(fill.units) * fill.rate
    return 2.0 * fill.spread_cost / cost if cost > 0.0 else 0.0
