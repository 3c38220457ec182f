"""`Core`: the exchange, the log and the books of one account, and how they are kept as one."""

from __future__ import annotations

import math
from collections.abc import Iterable

from infra.brokers.paper.live.exchange import PaperExchange
from infra.brokers.v20_server.books import Books
from infra.brokers.v20_server.listing import Listed, listed
from infra.brokers.v20_server.log import V20Log
from infra.brokers.v20_server.protection import Protection
from infra.brokers.v20_server.reasons import message_of
from infra.brokers.v20_server.terms import V20Terms
from infra.brokers.v20_server.translation import NAMELESS, Translation
from infra.brokers.v20_server.wire import Answer, Json, NotFound
from market.accounts import OrderState

FIRST_REQUEST = 42_000_000_000_000_000
"""v20 numbers requests with seventeen digits."""


class Core:
    """What was asked is written down before the exchange is asked, and what it did after: between
    the two a crash loses nothing, since the books know how far they have come.
    """

    def __init__(self, terms: V20Terms, exchange: PaperExchange, log: V20Log) -> None:
        self.terms = terms
        self.exchange = exchange
        self.log = log
        self.listed = listed(terms.exchange.instruments, terms.minimum_units)
        self.books = Books(log)
        self.translation = Translation(terms, self.listed, self.books, log)
        self.protection = Protection(exchange, self.listed, self.books, self.translation)
        self.catch_up()

    def catch_up(self) -> None:
        """Tell what the exchange did when nobody could be told any more."""
        self.settle()
        self.protection_of(self.listed)
        if self.terms.fills == "at once":
            for symbol in {order.symbol for order in self.exchange.working()}:
                self.meet(symbol)
        self.settle()

    @property
    def at_once(self) -> bool:
        return self.terms.fills == "at once"

    def settle(self) -> list[Json]:
        """Tell everything that happened since the last time, durably."""
        told: list[Json] = []
        totals = self.books.totals
        before = totals.source, totals.last_id
        while self.exchange.last_transaction > totals.source:
            happened = self.exchange.transactions(totals.source)
            told += self.translation.tell(happened)
            self.translation.batch()
            told += self.protection.agree(
                dict.fromkeys(one.symbol for one in happened if one.symbol)
            )
        told += self._margin_call()
        if (totals.source, totals.last_id) != before or self.books.changes.transactions:
            changes, state = self.books.take_changes()
            self.log.append(changes, state)
        self.translation.batch()
        return told

    def protection_of(self, symbols: Iterable[str]) -> None:
        """Make the exchange and the orders that are shown agree."""
        self.translation.batch()
        self.protection.agree(symbols)

    def name_for(self, client_id: str) -> str:
        """Under which the exchange will know the next order."""
        if client_id and self.exchange.find(client_id) is None:
            return client_id
        return f"{NAMELESS}{self.books.next_id()}"

    def request_id(self) -> str:
        """Of the request that is being answered."""
        return str(FIRST_REQUEST + int(self.books.next_id()))

    def meet(self, symbol: str) -> None:
        """Fill what waits on the standing quote; what must fill at once and cannot has ended."""
        if self.exchange.meet(symbol):
            return
        for order in self.exchange.working():
            if order.symbol == symbol and self._must_fill(order.client_order_id):
                self.translation.overrides[order.client_order_id] = "MARKET_HALTED"
                self.exchange.cancel(order.client_order_id)

    def end(self, name: str, reason: str) -> None:
        """Cancel an order of the exchange for a reason of v20."""
        found = self.exchange.find(name)
        if found is not None and found.state in (
            OrderState.ACCEPTED,
            OrderState.PARTIALLY_FILLED,
        ):
            self.translation.overrides[name] = reason
            self.exchange.cancel(name)

    def mid(self, symbol: str) -> float:
        """Of the newest quote; NaN before the first."""
        quote = self.exchange.last_quote(symbol)
        return math.nan if quote is None else quote.mid

    def find_order(self, specifier: str) -> Json | None:
        """By its id, or by the client's name behind an @."""
        if specifier.startswith("@"):
            return self.books.order_of_client(specifier[1:])
        return self.books.order(specifier)

    def last(self) -> Json:
        """What every answer says."""
        return {"lastTransactionID": str(self.books.totals.last_id)}

    def told(self, told: Iterable[Json]) -> Json:
        """What an answer says of the transactions that it caused."""
        return {"relatedTransactionIDs": [one["id"] for one in told], **self.last()}

    def refused(self, status: int, field: str, rejected: Json, told: Iterable[Json]) -> Answer:
        """The answer to a request that was rejected. field: under which its transaction is."""
        reason = rejected["rejectReason"]
        return status, {
            field: rejected,
            **self.told(told),
            "errorCode": reason,
            "errorMessage": message_of(reason),
        }

    def _must_fill(self, name: str) -> bool:
        order = self.books.order_of_name(name)
        kind = order if order is not None else self.log.request(name) or {}
        return kind.get("type") in ("MARKET", "MARKET_ORDER") or kind.get("timeInForce") in (
            "FOK",
            "IOC",
        )

    def _margin_call(self) -> list[Json]:
        called = bool(self.books.totals.margin_call)
        if not self.books.trades and not called:
            return []
        used = self.exchange.margin_used()
        if used > 0.0 and not self.exchange.equity() > used:
            kind = "MARGIN_CALL_ENTER" if not called else ""
        else:
            kind = "MARGIN_CALL_EXIT" if called else ""
        return [self.translation.add(kind, self.exchange.clock)] if kind else []


def one_listed(core: Core, symbol: str) -> Listed:
    """An instrument by its name. Raises NotFound."""
    found = core.listed.get(symbol)
    if found is None:
        raise NotFound("INSTRUMENT_UNKNOWN", message_of("INSTRUMENT_UNKNOWN"))
    return found
