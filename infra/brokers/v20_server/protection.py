"""`Protection`: the one bracket of a position in the exchange, on every trade that v20 shows."""

from __future__ import annotations

import math
from collections.abc import Iterable

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.v20_server.books import Books
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.trades import Trade
from infra.brokers.v20_server.translation import Translation
from infra.brokers.v20_server.wire import Json
from market.errors import InvalidError

LEVELS = {"TAKE_PROFIT": "price", "STOP_LOSS": "price", "TRAILING_STOP_LOSS": "distance"}
"""What tells where an exit stands, by its type."""
TOO_LATE = {
    "TAKE_PROFIT": "LOSING_TAKE_PROFIT",
    "STOP_LOSS": "STOP_LOSS_ON_FILL_LOSS",
    "TRAILING_STOP_LOSS": "STOP_LOSS_ON_FILL_LOSS",
}


class Protection:
    """What a client gave as a price is put into the exchange; what the exchange keeps by its own
    rules, such as the better stop of two, is shown. Every open trade has the whole bracket.
    """

    def __init__(
        self,
        exchange: PaperExchange,
        listed: dict[str, Listed],
        books: Books,
        translation: Translation,
    ) -> None:
        self._exchange = exchange
        self._listed = listed
        self._books = books
        self._translation = translation

    def agree(self, symbols: Iterable[str]) -> list[Json]:
        """Make both sides say the same of these instruments; what there was to tell."""
        told = []
        for symbol in symbols:
            if self._books.units(symbol):
                told += self._put(self._listed[symbol])
                told += self._show(self._listed[symbol])
                for kind, order in self._books.dependents(symbol).items():
                    told += self._hang(symbol, kind, order)
        return told

    def follow(self, trade: Trade, kind: str) -> list[Json]:
        """Give the other trades of the position the exit that a client gave this one, or took
        away; what there was to tell.
        """
        return self._hang(trade.instrument, kind, self._books.dependent(trade, kind))

    def _hang(self, symbol: str, kind: str, like: Json | None) -> list[Json]:
        """Every trade has an exit where this one stands; none, where it is none."""
        told, time, level = [], self._exchange.clock, LEVELS[kind]
        cancel, depend = self._translation.cancel, self._translation.depend
        for trade in list(self._books.trades_of(symbol)):
            there = self._books.dependent(trade, kind)
            if like is None:
                if there is not None:
                    told.append(cancel(there, time, "CLIENT_REQUEST"))
            elif there is None:
                told.append(depend(trade, kind, time, **{level: like[level]}))
            elif there[level] != like[level]:
                told += self._move(trade, there, like[level])
        return told

    def _move(self, trade: Trade, order: Json, level: str) -> list[Json]:
        time, kind = self._exchange.clock, order["type"]
        successor = str(int(self._books.next_id()) + 1)
        cancelled = self._translation.cancel(
            order, time, "CLIENT_REQUEST_REPLACED", replacedByOrderID=successor
        )
        facts = {LEVELS[kind]: level, "reason": "REPLACEMENT", "replacesOrderID": order["id"]}
        return [cancelled, self._translation.depend(trade, kind, time, **facts)]

    def _put(self, listed: Listed) -> list[Json]:
        """What was given as a price or distance and is not in the exchange."""
        symbol, told = listed.symbol, []
        shown, held = self._books.dependents(symbol), self._exchange.exits(symbol)
        half = 0.5 * listed.instrument.price_increment
        if "TAKE_PROFIT" in shown:
            price = float(shown["TAKE_PROFIT"]["price"])
            if not abs(held.take_profit_price - price) < half:
                told += self._change(shown["TAKE_PROFIT"], take_profit_price=price)
        if "STOP_LOSS" in shown and "distance" not in shown["STOP_LOSS"]:
            price = float(shown["STOP_LOSS"]["price"])
            side = 1.0 if self._books.units(symbol) > 0 else -1.0
            if not side * (price - held.stop_price) <= half:
                told += self._change(shown["STOP_LOSS"], stop_price=price)
        if "TRAILING_STOP_LOSS" in shown:
            distance = float(shown["TRAILING_STOP_LOSS"]["distance"])
            if not abs(held.trailing - distance) < half:
                told += self._change(shown["TRAILING_STOP_LOSS"], trailing=distance)
        return told

    def _change(self, order: Json, **exits: float) -> list[Json]:
        symbol = self._books.trades[order["tradeID"]].instrument
        try:
            self._exchange.protect(symbol, **exits)
        except InvalidError:  # the price is past it already
            time, kind = self._exchange.clock, order["type"]
            return [
                self._translation.cancel(one, time, TOO_LATE[kind])
                for one in self._books.every_dependent(symbol)
                if one["type"] == kind
            ]
        return []

    def _show(self, listed: Listed) -> list[Json]:
        """What the exchange has and no order tells of."""
        symbol, told, time = listed.symbol, [], self._exchange.clock
        shown, held = self._books.dependents(symbol), self._exchange.exits(symbol)
        half, depend = 0.5 * listed.instrument.price_increment, self._translation.depend
        newest = self._books.newest_trade(symbol)
        if not math.isnan(held.take_profit_price) and "TAKE_PROFIT" not in shown:
            price = listed.price(held.take_profit_price)
            told.append(depend(newest, "TAKE_PROFIT", time, price=price))
        if not math.isnan(held.trailing) and "TRAILING_STOP_LOSS" not in shown:
            distance = listed.price(held.trailing)
            told.append(depend(newest, "TRAILING_STOP_LOSS", time, distance=distance))
        elif not math.isnan(held.stop_price) and "TRAILING_STOP_LOSS" not in shown:
            stop = shown.get("STOP_LOSS")
            price = listed.price(held.stop_price)
            if stop is None:
                told.append(depend(newest, "STOP_LOSS", time, price=price))
            elif not abs(float(stop["price"]) - held.stop_price) <= half:
                told += self._move(self._books.trades[stop["tradeID"]], stop, price)
        return told
