"""`ExitOrders`: take profit, stop loss and trailing stop of a trade that is open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from infra.brokers.v20_server.books import CREATED
from infra.brokers.v20_server.closing import find_trade
from infra.brokers.v20_server.core import Core
from infra.brokers.v20_server.entering import core_told
from infra.brokers.v20_server.fields import Fields
from infra.brokers.v20_server.on_fill import extensions, trailing_distance
from infra.brokers.v20_server.protection import TOO_LATE
from infra.brokers.v20_server.trades import DEPENDENTS, PARTS, Trade
from infra.brokers.v20_server.wire import Answer, Json
from market.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """facts: price or distance and names, of the order's transaction."""

    kind: str
    facts: Json
    refusal: str


class ExitOrders:
    """The exchange keeps one bracket a position: an exit of any of its trades is one of them all,
    and what a client changes on one trade is changed on the others.

    The exchange is changed first; a crash before the log knows leaves an order that shows it.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def create(self, fields: Fields, kind: str) -> Answer:
        """A new exit of a trade. Raises Malformed."""
        core = self._core
        trade, named = self._trade(fields)
        wanted = self._read(fields, kind, trade)
        if not named:
            return self._reject(wanted, 400, "TRADE_ID_UNSPECIFIED", named)
        if trade is None or not trade.is_open:
            return self._reject(wanted, 404, "TRADE_DOESNT_EXIST", named)
        there = core.books.dependents(trade.instrument)
        refusal = wanted.refusal or (f"{kind}_ORDER_ALREADY_EXISTS" if kind in there else "")
        if refusal:
            return self._reject(wanted, 400, refusal, named)
        created, late = self._make(trade, wanted, reason="CLIENT_ORDER")
        return 201, self._answered(created, late)

    def replace(self, old: Json, fields: Fields, kind: str) -> Answer:
        """Another exit in the place of one. Raises Malformed."""
        core = self._core
        trade = core.books.trades[old["tradeID"]]
        wanted = self._read(fields, kind, trade)
        other, named = self._trade(fields)
        refusal = wanted.refusal
        if kind != old["type"]:
            refusal = refusal or "REPLACING_ORDER_INVALID"
        elif named and (other is None or other.id != trade.id):
            refusal = refusal or "REPLACING_TRADE_ID_INVALID"
        if refusal:
            more = {"intendedReplacesOrderID": old["id"], "tradeID": trade.id}
            return self._reject(wanted, 400, refusal, more)
        cancelled, created, late = self._exchange_one(trade, old, wanted)
        body = self._answered(created, late, "replacingOrderCancelTransaction")
        body["relatedTransactionIDs"].insert(0, cancelled["id"])
        return 201, {"orderCancelTransaction": cancelled, **body}

    def cancel(self, order: Json) -> Answer:
        """Take one away."""
        core = self._core
        trade = core.books.trades[order["tradeID"]]
        cancelled = self._remove(trade, order)
        told = [cancelled, *core.protection.follow(trade, order["type"]), *core.settle()]
        return 200, {"orderCancelTransaction": cancelled, **core.told(told)}

    def of_trade(self, specifier: str, body: Json) -> Answer:
        """Create, replace or, where null is given, cancel exits of a trade. Raises Malformed."""
        core, trade = self._core, find_trade(self._core, specifier)
        asked = {
            kind: None if body[part] is None else Fields(body[part], part)
            for kind, part in PARTS.items()
            if part in body
        }
        wanted = {
            kind: self._read(given, kind, trade)
            for kind, given in asked.items()
            if given is not None
        }
        if trade is None or not trade.is_open:
            return 404, {
                "errorCode": "NO_SUCH_TRADE",
                "errorMessage": "The trade ID specified does not exist",
            }
        refused = [one for one in wanted.values() if one.refusal]
        if refused:
            return self._reject_parts(trade, refused)
        answer: Json = {}
        related: list[Json] = []
        for kind in DEPENDENTS:
            if kind in asked:
                told = self._change(trade, kind, wanted.get(kind))
                for field, transaction in told.items():
                    answer[f"{PARTS[kind]}Order{field}"] = transaction
                    related.append(transaction)
                related += core.protection.follow(trade, kind)
        related += core.settle()
        return 200, {**answer, **core.told(related)}

    def _change(self, trade: Trade, kind: str, wanted: Wanted | None) -> dict[str, Json]:
        core = self._core
        there = core.books.dependent(trade, kind)
        if wanted is None:
            return {} if there is None else {"CancelTransaction": self._remove(trade, there)}
        told = {}
        if there is not None:
            cancelled, created, late = self._exchange_one(trade, there, wanted)
            told["CancelTransaction"] = cancelled
        else:
            created, late = self._make(trade, wanted, reason="CLIENT_ORDER")
        told["Transaction"] = created
        if late is not None:
            told["CreatedCancelTransaction"] = late
        return told

    def _exchange_one(
        self, trade: Trade, old: Json, wanted: Wanted
    ) -> tuple[Json, Json, Json | None]:
        """One for another: the end of the old one, the new one, and its end if it came too late."""
        core = self._core
        successor = str(int(core.books.next_id()) + 1)
        cancelled = core.translation.cancel(
            old,
            core.exchange.clock,
            "CLIENT_REQUEST_REPLACED",
            replacedByOrderID=successor,
            requestID=core.request_id(),
        )
        replaces = {"replacesOrderID": old["id"]}
        created, late = self._make(trade, wanted, reason="REPLACEMENT", **replaces)
        if late is not None:
            self._take_away(trade, old["type"])
        return cancelled, created, late

    def _make(self, trade: Trade, wanted: Wanted, **facts: Any) -> tuple[Json, Json | None]:
        """The order, and its end where the market is past it already."""
        core, time = self._core, self._core.exchange.clock
        symbol, kind = trade.instrument, wanted.kind
        trailing = self._trailing(symbol)
        stop = core.books.dependents(symbol).get("STOP_LOSS")
        late = False
        try:
            if kind == "TAKE_PROFIT":
                core.exchange.protect(symbol, take_profit_price=float(wanted.facts["price"]))
            elif kind == "STOP_LOSS":
                price = float(wanted.facts["price"])
                core.exchange.protect(symbol, stop_price=price, trailing=trailing)
            else:
                distance = float(wanted.facts["distance"])
                back = math.nan if stop is None else float(stop["price"])
                core.exchange.protect(symbol, stop_price=back, trailing=distance)
        except InvalidError:
            late = True
        order = core.translation.add(
            f"{kind}_ORDER",
            time,
            tradeID=trade.id,
            clientTradeID=trade.client_id or None,
            triggerCondition="DEFAULT",
            **wanted.facts,
            **facts,
            requestID=core.request_id(),
        )
        if not late:
            return order, None
        shown = core.books.waiting[order["id"]]
        return order, core.translation.cancel(shown, time, TOO_LATE[kind])

    def _remove(self, trade: Trade, order: Json) -> Json:
        core = self._core
        self._take_away(trade, order["type"])
        return core.translation.cancel(
            order, core.exchange.clock, "CLIENT_REQUEST", requestID=core.request_id()
        )

    def _take_away(self, trade: Trade, kind: str) -> None:
        exchange, symbol = self._core.exchange, trade.instrument
        if kind == "TAKE_PROFIT":
            exchange.protect(symbol, take_profit_price=math.nan)
        elif kind == "STOP_LOSS":
            exchange.protect(symbol, stop_price=math.nan, trailing=self._trailing(symbol))
        else:
            stop = self._core.books.dependents(symbol).get("STOP_LOSS")
            back = None if stop is None else float(stop["price"])
            exchange.protect(symbol, stop_price=back, trailing=math.nan)

    def _trailing(self, symbol: str) -> float | None:
        """The trailing distance that is kept: given again, it pulls a new stop at once."""
        held = self._core.exchange.exits(symbol).trailing
        return None if math.isnan(held) else held

    def _read(self, fields: Fields, kind: str, trade: Trade | None) -> Wanted:
        core = self._core
        listed = None if trade is None else core.listed[trade.instrument]
        facts: Json = {}
        if kind == "TRAILING_STOP_LOSS":
            facts["distance"] = trailing_distance(fields, listed, "PRICE_DISTANCE")
        else:
            facts["price"] = fields.price("price", listed, prefix="PRICE")
        if kind == "TAKE_PROFIT" and facts["price"] is None:
            fields.refuse("PRICE_MISSING")
        if kind == "STOP_LOSS":
            self._read_stop(fields, facts, trade)
        facts["timeInForce"] = fields.choice(
            "timeInForce", ("GTC",), "GTC", "TIME_IN_FORCE_INVALID"
        )
        fields.choice("triggerCondition", ("DEFAULT",), "DEFAULT", "TRIGGER_CONDITION_INVALID")
        named = extensions(fields, "clientExtensions", "CLIENT_ORDER")
        if "id" in named and core.books.order_of_client(named["id"]) is not None:
            fields.refuse("CLIENT_ORDER_ID_ALREADY_EXISTS")
        facts["clientExtensions"] = named or None
        known = {name: part for name, part in facts.items() if part is not None}
        return Wanted(kind=kind, facts=known, refusal=fields.reason)

    def _read_stop(self, fields: Fields, facts: Json, trade: Trade | None) -> None:
        """A distance is one from the price at which the trade's side is bought or sold now."""
        listed = None if trade is None else self._core.listed[trade.instrument]
        distance = fields.price("distance", listed, prefix="PRICE_DISTANCE")
        if fields.flag("guaranteed"):
            fields.refuse("STOP_LOSS_ORDER_GUARANTEED_NOT_ALLOWED")
        if distance is not None and facts["price"] is not None:
            fields.refuse("STOP_LOSS_ORDER_PRICE_AND_DISTANCE_BOTH_SPECIFIED")
        elif distance is None and facts["price"] is None:
            fields.refuse("STOP_LOSS_ORDER_PRICE_AND_DISTANCE_BOTH_MISSING")
        elif distance is not None and trade is not None and listed is not None:
            quote = self._core.exchange.last_quote(trade.instrument)
            if quote is not None:
                side, price = (1.0, quote.ask) if trade.units > 0 else (-1.0, quote.bid)
                facts["price"] = listed.price(price - side * float(distance))
                facts["distance"] = distance

    def _trade(self, fields: Fields) -> tuple[Trade | None, Json]:
        """The trade that a request names, and how it does."""
        id_, client = fields.text("tradeID"), fields.text("clientTradeID")
        named: Json = {}
        if id_ is not None:
            named["tradeID"] = id_
        if client is not None:
            named["clientTradeID"] = client
        if id_ is not None:
            return find_trade(self._core, id_ if not id_.startswith("@") else ""), named
        return (None if client is None else find_trade(self._core, f"@{client}")), named

    def _answered(
        self, created: Json, late: Json | None, field: str = "orderCancelTransaction"
    ) -> Json:
        core = self._core
        told = [created, *([] if late is None else [late])]
        told += core.protection.follow(
            core.books.trades[created["tradeID"]], CREATED[created["type"]]
        )
        told += core.settle()
        body: Json = {"orderCreateTransaction": created}
        if late is not None:
            body[field] = late
        return {**body, **core.told(told)}

    def _reject(self, wanted: Wanted, status: int, refusal: str, more: Json) -> Answer:
        core = self._core
        rejected = self._rejected(wanted, refusal, more)
        return core.refused(status, "orderRejectTransaction", rejected, core_told(core, rejected))

    def _rejected(self, wanted: Wanted, refusal: str, more: Json) -> Json:
        core = self._core
        reason = "REPLACEMENT" if "intendedReplacesOrderID" in more else "CLIENT_ORDER"
        return core.translation.add(
            f"{wanted.kind}_ORDER_REJECT",
            core.exchange.clock,
            **more,
            **wanted.facts,
            reason=reason,
            rejectReason=refusal,
            requestID=core.request_id(),
        )

    def _reject_parts(self, trade: Trade, refused: list[Wanted]) -> Answer:
        core, fields = self._core, {}
        for one in refused:
            named = {"tradeID": trade.id}
            fields[f"{PARTS[one.kind]}OrderRejectTransaction"] = self._rejected(
                one, one.refusal, named
            )
        told = [*fields.values(), *core.settle()]
        first, *_ = fields
        status, body = core.refused(400, first, fields[first], told)
        return status, {**body, **fields}
