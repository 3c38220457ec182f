"""`Translation`: what the exchange did, told in v20 transactions and folded into the books."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from infra.brokers.v20.times import rfc3339
from infra.brokers.v20_server.books import CREATED, NOT_OF_AN_ORDER, Books
from infra.brokers.v20_server.fills import fill_facts, opened_units
from infra.brokers.v20_server.funding import financing_facts, transfer_facts
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.log import V20Log
from infra.brokers.v20_server.reasons import CANCELLED_BECAUSE, EXIT_BY, UNEXPLAINED
from infra.brokers.v20_server.terms import V20Terms
from infra.brokers.v20_server.trades import PARTS, Trade
from infra.brokers.v20_server.wire import Json
from market.accounts import Transaction, TransactionKind
from market.orders import Fill

NAMELESS = "#"
"""Begins the names under which the exchange knows orders to which the client gave none."""
REASONS_OF_MARKET_ORDERS = {
    "CLIENT_ORDER": "MARKET_ORDER",
    "TRADE_CLOSE": "MARKET_ORDER_TRADE_CLOSE",
    "POSITION_CLOSEOUT": "MARKET_ORDER_POSITION_CLOSEOUT",
    "MARGIN_CLOSEOUT": "MARKET_ORDER_MARGIN_CLOSEOUT",
    "DELAYED_TRADE_CLOSE": "MARKET_ORDER_DELAYED_TRADE_CLOSE",
}
DECISION = "DECISION"
MARGIN_CLOSEOUT = "MARGIN_CLOSEOUT"


class Translation:
    """Depends on the books and on what was asked alone, so that it can be made up for after a
    crash. overrides: reasons to tell instead of the exchange's, by the exchange's name of an order.
    """

    def __init__(
        self, terms: V20Terms, listed: dict[str, Listed], books: Books, log: V20Log
    ) -> None:
        self.overrides: dict[str, str] = {}
        self._listed = listed
        self._books = books
        self._log = log
        self._currency = terms.exchange.account_currency
        self._site, self._division, self._user, self._number = terms.account_parts
        self._account = terms.account
        self._batch = ""
        self._market_reasons: dict[str, str] = {}

    def add(self, kind: str, time: int, *, name: str = "", **facts: Any) -> Json:
        """One transaction more. time: UTC ns. facts: its own fields; None for none."""
        id_ = self._books.next_id()
        transaction = {
            "id": id_,
            "time": rfc3339(time),
            "userID": self._user,
            "accountID": self._account,
            "batchID": self._batch or id_,
            "type": kind,
            **{fact: value for fact, value in facts.items() if value is not None},
        }
        self._batch = self._batch or id_
        self._books.apply(transaction, name=name)
        return transaction

    def batch(self) -> None:
        """What is added from here on happens at one time."""
        self._batch = ""

    def tell(self, happened: Sequence[Transaction]) -> list[Json]:
        """Translate what the exchange did, in order."""
        told: list[Json] = []
        before: Transaction | None = None
        for (kind, time), group in groupby(happened, lambda one: (one.kind, one.time)):
            several = list(group)
            if kind is TransactionKind.FINANCING:
                self.batch()
                facts = financing_facts(several, self._books)
                told.append(self.add("DAILY_FINANCING", time, **facts))
                continue
            for one in several:
                if before is None or not _of_one_order(before, one):
                    self.batch()
                told += self._one(one, happened)
                before = one
        if happened:
            self._books.totals.source = happened[-1].id
        return told

    def _one(self, one: Transaction, happened: Sequence[Transaction]) -> list[Json]:
        if one.fill is not None:
            return self._fill(one, one.fill, happened)
        told = {
            TransactionKind.ACCEPTED: self._create,
            TransactionKind.REJECTED: self._reject,
            TransactionKind.CANCELLED: self._cancel,
            TransactionKind.EXPIRED: self._cancel,
            TransactionKind.REPLACED: self._replace,
            TransactionKind.TRANSFER: self._transfer,
        }.get(one.kind)
        return [] if told is None else told(one)

    def _request(self, name: str) -> Json:
        """What was asked under this name; the least that can be said where that is not known."""
        found = self._log.request(name)
        self._books.changes.done.append(name)
        if found is not None:
            return found
        return {"type": "MARKET_ORDER", "timeInForce": "FOK", "positionFill": "DEFAULT"}

    def _create(self, one: Transaction) -> list[Json]:
        asked = self._request(one.client_order_id)
        kind = asked.pop("type")
        asked.setdefault("instrument", one.symbol)
        return [self.add(kind, one.time, name=one.client_order_id, **asked)]

    def _reject(self, one: Transaction) -> list[Json]:
        asked = self._request(one.client_order_id)
        kind = asked.pop("type")
        return [self.add(f"{kind}_REJECT", one.time, **asked, rejectReason=UNEXPLAINED)]

    def _cancel(self, one: Transaction) -> list[Json]:
        order = self._books.order_of_name(one.client_order_id)
        if order is None:
            return []
        reason = self.overrides.pop(
            one.client_order_id, CANCELLED_BECAUSE.get(one.reason, UNEXPLAINED)
        )
        return [self.cancel(order, one.time, reason)]

    def cancel(self, order: Json, time: int, reason: str, **facts: Any) -> Json:
        """The end of an order."""
        return self.add(
            "ORDER_CANCEL",
            time,
            orderID=order["id"],
            clientOrderID=order.get("clientExtensions", {}).get("id"),
            reason=reason,
            **facts,
        )

    def _replace(self, one: Transaction) -> list[Json]:
        order = self._books.order_of_name(one.client_order_id)
        if order is None:
            return []
        successor = str(int(self._books.next_id()) + 1)
        return [
            self.cancel(order, one.time, "CLIENT_REQUEST_REPLACED", replacedByOrderID=successor)
        ]

    def _transfer(self, one: Transaction) -> list[Json]:
        told = []
        if not self._books.totals.created:
            told.append(
                self.add(
                    "CREATE",
                    one.time,
                    divisionID=self._division,
                    siteID=self._site,
                    accountUserID=self._user,
                    accountNumber=self._number,
                    homeCurrency=self._currency,
                )
            )
        facts = transfer_facts(one, self._books)
        told.append(self.add("TRANSFER_FUNDS", one.time, **facts))
        return told

    def _fill(self, one: Transaction, fill: Fill, happened: Sequence[Transaction]) -> list[Json]:
        listed = self._listed[one.symbol]
        told: list[Json] = []
        depending = self._books.every_dependent(one.symbol)
        if fill.reason == DECISION:
            order = self._books.order_of_name(one.client_order_id)
            if order is None:
                order = self._stranger(one, fill, listed, told)
            reason = self._reason_of(order)
        elif fill.reason == MARGIN_CLOSEOUT:
            order = self._closing_order(one, fill, listed, told)
            reason = REASONS_OF_MARKET_ORDERS[MARGIN_CLOSEOUT]
        else:
            order = self._exit_order(one, fill, listed, told)
            reason = f"{order['type']}_ORDER"
        facts = fill_facts(fill, order, listed, self._books)
        told.append(self.add("ORDER_FILL", one.time, reason=reason, **facts))
        told += self._after(told[-1], order, depending, one.time)
        if fill.reason == DECISION and self._is_part(fill, order):
            told += self._rest(one, fill, order, happened)
        return told

    def _reason_of(self, order: Json) -> str:
        kind = str(order["type"])
        if kind != "MARKET":
            return f"{kind}_ORDER"
        if "tradeClose" in order:
            return REASONS_OF_MARKET_ORDERS["TRADE_CLOSE"]
        if "marginCloseout" in order:
            return REASONS_OF_MARKET_ORDERS[MARGIN_CLOSEOUT]
        if "longPositionCloseout" in order or "shortPositionCloseout" in order:
            return REASONS_OF_MARKET_ORDERS["POSITION_CLOSEOUT"]
        return REASONS_OF_MARKET_ORDERS["CLIENT_ORDER"]

    def _stranger(self, one: Transaction, fill: Fill, listed: Listed, told: list[Json]) -> Json:
        told.append(
            self.add(
                "MARKET_ORDER",
                one.time,
                name=one.client_order_id,
                instrument=one.symbol,
                units=listed.units(fill.units),
                timeInForce="FOK",
                positionFill="DEFAULT",
                reason="CLIENT_ORDER",
            )
        )
        return self._books.waiting[told[-1]["id"]]

    def _closing_order(
        self, one: Transaction, fill: Fill, listed: Listed, told: list[Json]
    ) -> Json:
        told.append(
            self.add(
                "MARKET_ORDER",
                one.time,
                instrument=one.symbol,
                units=listed.units(fill.units),
                timeInForce="FOK",
                positionFill="REDUCE_ONLY",
                marginCloseout={"reason": "MARGIN_CHECK_VIOLATION"},
                reason=MARGIN_CLOSEOUT,
            )
        )
        return self._books.waiting[told[-1]["id"]]

    def _exit_order(self, one: Transaction, fill: Fill, listed: Listed, told: list[Json]) -> Json:
        """The dependent order that fills; where none was told of, it is told of now."""
        depending = self._books.dependents(one.symbol)
        for kind in EXIT_BY[fill.reason]:
            if kind in depending:
                return depending[kind]
        kind = "TAKE_PROFIT" if fill.reason == "TAKE_PROFIT" else "STOP_LOSS"
        newest, price = self._books.newest_trade(one.symbol), listed.price(fill.price)
        told.append(self.depend(newest, kind, one.time, price=price))
        return self._books.waiting[told[-1]["id"]]

    def depend(self, trade: Trade, kind: str, time: int, **facts: Any) -> Json:
        """A dependent order of a trade. facts: price or distance."""
        facts = {"timeInForce": "GTC", "triggerCondition": "DEFAULT", "reason": "ON_FILL"} | facts
        return self.add(
            f"{kind}_ORDER",
            time,
            tradeID=trade.id,
            clientTradeID=trade.client_id or None,
            **facts,
        )

    def _after(self, filled: Json, order: Json, depending: list[Json], time: int) -> list[Json]:
        """Dependent orders end with their trades, and a new trade has those that it was given."""
        told, books, symbol = [], self._books, filled["instrument"]
        asked = {kind: order.get(f"{part}OnFill") for kind, part in PARTS.items()}
        opened = "tradeOpened" in filled
        for dependent in depending:
            kind = dependent["type"]
            if dependent["id"] not in books.waiting:
                continue
            if dependent["tradeID"] not in books.trades:
                told.append(self.cancel(dependent, time, "LINKED_TRADE_CLOSED"))
            elif opened and asked[kind] is None and kind != "STOP_LOSS":
                # The exchange keeps one bracket: that of the newest order, and the better stop.
                told.append(self.cancel(dependent, time, "CLIENT_REQUEST"))
        if not opened:
            return told
        side, trade = 1 if opened_units(filled) > 0 else -1, books.trades[filled["id"]]
        for kind, details in asked.items():
            if details is None:
                continue
            facts = {name: part for name, part in details.items() if name != "timeInForce"}
            if kind == "STOP_LOSS" and "price" not in facts:
                listed = self._listed[symbol]
                distance = float(details["distance"])
                facts["price"] = listed.price(float(filled["price"]) - side * distance)
            told.append(
                self.depend(trade, kind, time, **facts, orderFillTransactionID=filled["id"])
            )
        return told

    def _is_part(self, fill: Fill, order: Json) -> bool:
        """Whether an order was not filled whole; one that reduces is, once nothing is held."""
        if order.get("positionFill") == "REDUCE_ONLY" and not self._books.units(fill.symbol):
            return False
        return abs(fill.units) < abs(float(order.get("units", fill.units)))

    def _rest(
        self, one: Transaction, fill: Fill, order: Json, happened: Sequence[Transaction]
    ) -> list[Json]:
        """What becomes of the rest: it waits as an order of its own, or it is cancelled."""
        for later in happened:
            if later.kind is TransactionKind.NOTED:
                continue
            if later.id > one.id and later.client_order_id == one.client_order_id:
                if later.kind is TransactionKind.CANCELLED:
                    return []
                return [self._reissue(order, fill, one)]
        if order["timeInForce"] in ("FOK", "IOC") and order["positionFill"] != "REDUCE_ONLY":
            return [self.cancel(order, one.time, "INSUFFICIENT_LIQUIDITY")]
        return [self._reissue(order, fill, one)]

    def _reissue(self, order: Json, fill: Fill, one: Transaction) -> Json:
        facts = {
            name: part
            for name, part in order.items()
            if name not in NOT_OF_AN_ORDER and name not in ("createTime", "state")
        }
        left = float(order["units"]) - fill.units
        kind = next(name for name, type_ in CREATED.items() if type_ == order["type"])
        facts |= {"units": self._listed[one.symbol].units(left)}
        if order["type"] == "MARKET":
            reason = "CLIENT_ORDER"
        else:
            facts["replacesOrderID"] = order["id"]
            reason = "REPLACEMENT"
        return self.add(kind, one.time, name=one.client_order_id, reason=reason, **facts)


def _of_one_order(before: Transaction, one: Transaction) -> bool:
    """Whether two happened together: an order and its fill, or one and the one in its place."""
    name = one.client_order_id
    return before.time == one.time and name in (before.client_order_id, before.reason)
