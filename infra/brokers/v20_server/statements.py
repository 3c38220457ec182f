"""`Statements`: the account, its orders, trades and positions, as they stand."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import TypeVar

from infra.brokers.v20_server.closing import known_trade
from infra.brokers.v20_server.core import Core, one_listed
from infra.brokers.v20_server.money import NOTHING, money
from infra.brokers.v20_server.trades import PARTS, Trade
from infra.brokers.v20_server.valuation import (
    account_value,
    held_in,
    position_json,
    trade_json,
    trade_value,
)
from infra.brokers.v20_server.wire import Answer, Json, Malformed, NotFound

MOST, DEFAULT_COUNT = 500, 50
NEWEST = 10**18
Item = TypeVar("Item")


class Statements:
    def __init__(self, core: Core) -> None:
        self._core = core

    def account(self) -> Answer:
        """Everything that is open, whole."""
        core = self._core
        body = {
            **self._summary(),
            "trades": [self.trade_summary(one) for one in core.books.trades.values()],
            "positions": [one for one in self._positions() if self._traded(one)],
            "orders": [self.shown(one) for one in core.books.waiting.values()],
        }
        return 200, {"account": body, **core.last()}

    def summary(self) -> Answer:
        return 200, {"account": self._summary(), **self._core.last()}

    def instruments(self, symbols: Sequence[str]) -> Answer:
        """Raises NotFound."""
        core = self._core
        wanted = [one_listed(core, symbol) for symbol in symbols] or core.listed.values()
        return 200, {"instruments": [one.described() for one in wanted], **core.last()}

    def positions(self, *, open_only: bool) -> Answer:
        """Of every instrument that was ever traded, or those that are open."""
        core = self._core
        found = [
            one
            for one in self._positions()
            if (core.books.units(one["instrument"]) if open_only else self._traded(one))
        ]
        return 200, {"positions": found, **core.last()}

    def position(self, symbol: str) -> Answer:
        """Raises NotFound."""
        core = self._core
        return 200, {"position": position_json(core, one_listed(core, symbol)), **core.last()}

    def trades(self, query: Mapping[str, str]) -> Answer:
        """Newest first. Raises Malformed."""
        core = self._core
        state = query.get("state", "OPEN")
        known: Iterable[Trade] = core.log.trades(_before(query))
        found = _picked(
            known,
            query,
            lambda one: (one.id, one.instrument),
            lambda one: state == "ALL" or (state == "OPEN") == one.is_open,
            states=("OPEN", "CLOSED", "CLOSE_WHEN_TRADEABLE", "ALL"),
        )
        if state == "CLOSE_WHEN_TRADEABLE":
            found = []
        return 200, {"trades": [self.trade_whole(one) for one in found], **core.last()}

    def open_trades(self) -> Answer:
        core = self._core
        newest = reversed(core.books.trades.values())
        return 200, {"trades": [self.trade_whole(one) for one in newest], **core.last()}

    def trade(self, specifier: str) -> Answer:
        """Raises NotFound."""
        core = self._core
        return 200, {"trade": self.trade_whole(known_trade(core, specifier)), **core.last()}

    def orders(self, query: Mapping[str, str]) -> Answer:
        """Newest first. Raises Malformed."""
        core = self._core
        state = query.get("state", "PENDING")
        found = _picked(
            core.log.orders(_before(query)),
            query,
            lambda one: (one["id"], self._instrument_of(one)),
            lambda one: state == "ALL" or bool(state == one["state"]),
            states=("PENDING", "FILLED", "TRIGGERED", "CANCELLED", "ALL"),
        )
        return 200, {"orders": [self.shown(one) for one in found], **core.last()}

    def pending_orders(self) -> Answer:
        core = self._core
        newest = reversed(core.books.waiting.values())
        return 200, {"orders": [self.shown(one) for one in newest], **core.last()}

    def order(self, specifier: str) -> Answer:
        """Raises NotFound."""
        core = self._core
        found = core.find_order(specifier)
        if found is None:
            raise NotFound("NO_SUCH_ORDER", "The order ID specified does not exist")
        return 200, {"order": self.shown(found), **core.last()}

    def changed_state(self) -> Json:
        """`AccountChangesState`: what moves with the prices."""
        core = self._core
        trailing = [
            {"id": one["id"], "trailingStopValue": value}
            for one in core.books.waiting.values()
            if (value := self.shown(one).get("trailingStopValue")) is not None
        ]
        positions = []
        for listed in core.listed.values():
            held = held_in(core, listed)
            if held.units == 0.0:
                continue
            worth = money(held.unrealised)
            positions.append(
                {
                    "instrument": listed.symbol,
                    "netUnrealizedPL": worth,
                    "longUnrealizedPL": worth if held.units > 0.0 else NOTHING,
                    "shortUnrealizedPL": worth if held.units < 0.0 else NOTHING,
                    "marginUsed": money(held.margin),
                }
            )
        return {
            **account_value(core),
            "orders": trailing,
            "trades": [
                {"id": one.id, **trade_value(core, one)} for one in core.books.trades.values()
            ],
            "positions": positions,
        }

    def shown(self, order: Json) -> Json:
        """An order with what changes while it waits."""
        if order["type"] != "TRAILING_STOP_LOSS" or order["state"] != "PENDING":
            return order
        core = self._core
        symbol = self._instrument_of(order)
        stop = core.exchange.exits(symbol).stop_price
        if math.isnan(stop):
            return order
        return {**order, "trailingStopValue": core.listed[symbol].price(stop)}

    def trade_summary(self, trade: Trade) -> Json:
        """`TradeSummary`: its orders by their ids."""
        orders = {f"{PARTS[kind]}OrderID": id_ for kind, id_ in trade.orders.items()}
        return {**trade_json(self._core, trade), **orders}

    def trade_whole(self, trade: Trade) -> Json:
        """`Trade`: its orders whole."""
        orders = {
            f"{PARTS[kind]}Order": self.shown(order)
            for kind, id_ in trade.orders.items()
            if (order := self._core.books.order(id_)) is not None
        }
        return {**trade_json(self._core, trade), **orders}

    def _summary(self) -> Json:
        core = self._core
        totals = core.books.totals
        pending = len(core.books.waiting)
        instruments = {one.instrument for one in core.books.trades.values()}
        body: Json = {
            "id": core.terms.account,
            "currency": core.terms.exchange.account_currency,
            "balance": str(totals.balance),
            "createdByUserID": core.terms.account_parts[2],
            "createdTime": totals.created,
            "guaranteedStopLossOrderMode": "DISABLED",
            "pl": money(float(totals.pl)),
            "resettablePL": money(float(totals.pl)),
            "financing": money(float(totals.financing)),
            "commission": NOTHING,
            "guaranteedExecutionFees": NOTHING,
            "marginRate": self._margin_rate(),
            "openTradeCount": len(core.books.trades),
            "openPositionCount": len(instruments),
            "pendingOrderCount": pending,
            "hedgingEnabled": core.terms.hedging,
            **account_value(core),
            **core.last(),
        }
        if totals.alias:
            body["alias"] = totals.alias
        if totals.last_fill:
            body["lastOrderFillTimestamp"] = totals.last_fill
        if totals.margin_call:
            body["marginCallEnterTime"] = totals.margin_call
            body["marginCallExtensionCount"] = 0
        return body

    def _margin_rate(self) -> str:
        """The lowest of the instruments': what the account asks at the least."""
        return min(str(one.described()["marginRate"]) for one in self._core.listed.values())

    def _positions(self) -> list[Json]:
        return [position_json(self._core, one) for one in self._core.listed.values()]

    def _traded(self, position: Json) -> bool:
        symbol: str = position["instrument"]
        books = self._core.books
        return symbol in books.totals.sides or bool(books.units(symbol))

    def _instrument_of(self, order: Json) -> str:
        if "instrument" in order:
            return str(order["instrument"])
        return known_trade(self._core, order["tradeID"]).instrument


def _before(query: Mapping[str, str]) -> int:
    return _whole(query, "beforeID", NEWEST - 1) + 1


def _picked(
    known: Iterable[Item],
    query: Mapping[str, str],
    facts: Callable[[Item], tuple[str, str]],
    fits: Callable[[Item], bool],
    *,
    states: Sequence[str],
) -> list[Item]:
    state = query.get("state")
    if state is not None and state not in states:
        raise Malformed(f"Invalid value specified for 'state': one of {', '.join(states)}")
    count = _whole(query, "count", DEFAULT_COUNT)
    if not 0 < count <= MOST:
        raise Malformed(f"Invalid value specified for 'count': between 1 and {MOST}")
    ids = {part for part in query.get("ids", "").split(",") if part}
    symbol = query.get("instrument")

    def wanted(one: Item) -> bool:
        id_, instrument = facts(one)
        if ids:
            return id_ in ids
        return (symbol is None or symbol == instrument) and fits(one)

    return list(islice(filter(wanted, known), count))


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not text.isdecimal() or len(text) > 18:
        raise Malformed(f"Invalid value specified for '{name}': expected a whole number")
    return int(text)
