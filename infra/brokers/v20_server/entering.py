"""`Entering`: orders that open or change a position, created, replaced and cancelled."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from decimal import Decimal

from infra.brokers.v20_server.core import Core
from infra.brokers.v20_server.fields import Fields
from infra.brokers.v20_server.on_fill import extensions
from infra.brokers.v20_server.requests import EntryRequest, entry_request, order_of
from infra.brokers.v20_server.trades import DEPENDENTS
from infra.brokers.v20_server.wire import Answer, Json
from market.errors import InvalidError

GONE = "ORDER_DOESNT_EXIST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Twist:
    """What befalls the next order that is created. refuse: a TransactionRejectReason; cancel: an
    OrderCancelReason, told within the 201; share: of the units of a market order that fills, the
    rest is cancelled.
    """

    refuse: str = ""
    cancel: str = ""
    share: float = 1.0


class Entering:
    """MARKET, LIMIT, STOP and MARKET_IF_TOUCHED orders."""

    def __init__(self, core: Core) -> None:
        self.twist: Twist | None = None
        self._core = core

    def create(self, fields: Fields, kind: str) -> Answer:
        """Take an order. Raises Malformed."""
        core = self._core
        asked = entry_request(fields, kind, core.listed, core.exchange.clock)
        twist, self.twist = self.twist or Twist(), None
        refusal = asked.refusal or self._obstacle(asked, "") or twist.refuse
        facts = {**asked.facts, "reason": "CLIENT_ORDER", "requestID": core.request_id()}
        if refusal:
            return self._reject(kind, facts, refusal)
        name = core.name_for(asked.client_id)
        core.log.keep_request(name, {"type": f"{kind}_ORDER", **facts})
        late = twist.cancel or self._loss_at_once(asked)
        try:
            met = self._place(name, asked, twist, meets=core.at_once and not late)
        except InvalidError:
            return self._answer_rejected()
        return self._work(name, asked, late=late, met=met)

    def replace(self, old: Json, fields: Fields, kind: str) -> Answer:
        """Put an order in the place of one that waits. Raises Malformed."""
        core = self._core
        asked = entry_request(fields, kind, core.listed, core.exchange.clock)
        refusal = asked.refusal or self._obstacle(asked, old["id"])
        if kind != old["type"] or asked.facts["instrument"] != old["instrument"]:
            refusal = refusal or "REPLACING_ORDER_INVALID"
        facts = {**asked.facts, "reason": "REPLACEMENT", "requestID": core.request_id()}
        if refusal:
            facts["intendedReplacesOrderID"] = old["id"]
            return self._reject(kind, facts, refusal)
        name = core.name_for(asked.client_id)
        facts["replacesOrderID"] = old["id"]
        core.log.keep_request(name, {"type": f"{kind}_ORDER", **facts})
        order = order_of(asked.facts, kind, name, core.mid(asked.facts["instrument"]))
        try:
            core.exchange.replace(core.log.name_of(old["id"]), order)
        except InvalidError:
            return self._answer_rejected()
        return self._work(name, asked, late=self._loss_at_once(asked))

    def cancel(self, order: Json) -> Answer:
        """Cancel one that waits."""
        core = self._core
        core.end(core.log.name_of(order["id"]), "CLIENT_REQUEST")
        told = core.settle()
        return 200, {"orderCancelTransaction": told[0], **core.told(told)}

    def gone(self, specifier: str) -> Answer:
        """The answer about an order that does not wait."""
        core = self._core
        client = specifier[1:] if specifier.startswith("@") else None
        order = core.find_order(specifier)
        rejected = core.translation.add(
            "ORDER_CANCEL_REJECT",
            core.exchange.clock,
            orderID=specifier if client is None else (order or {}).get("id"),
            clientOrderID=client,
            rejectReason=GONE,
            requestID=core.request_id(),
        )
        return core.refused(
            404, "orderCancelRejectTransaction", rejected, core_told(core, rejected)
        )

    def not_renamed(self, specifier: str) -> Answer:
        """The answer about names of an order that does not wait."""
        core = self._core
        client = specifier[1:] if specifier.startswith("@") else None
        rejected = core.translation.add(
            "ORDER_CLIENT_EXTENSIONS_MODIFY_REJECT",
            core.exchange.clock,
            orderID=specifier if client is None else None,
            clientOrderID=client,
            rejectReason=GONE,
            requestID=core.request_id(),
        )
        field = "orderClientExtensionsModifyRejectTransaction"
        return core.refused(404, field, rejected, core_told(core, rejected))

    def rename(self, order: Json, fields: Fields) -> Answer:
        """Change the client's names of an order that waits. Raises Malformed."""
        core = self._core
        named = extensions(fields, "clientExtensions", "CLIENT_ORDER")
        trade = extensions(fields, "tradeClientExtensions", "CLIENT_TRADE")
        refusal = fields.reason
        if not named and not trade:
            refusal = refusal or "CLIENT_EXTENSIONS_DATA_MISSING"
        owner = core.books.order_of_client(named["id"]) if "id" in named else None
        if owner is not None and owner["id"] != order["id"]:
            refusal = refusal or "CLIENT_ORDER_ID_ALREADY_EXISTS"
        kind = "ORDER_CLIENT_EXTENSIONS_MODIFY"
        told = core.translation.add(
            f"{kind}_REJECT" if refusal else kind,
            core.exchange.clock,
            orderID=order["id"],
            clientOrderID=order.get("clientExtensions", {}).get("id"),
            clientExtensionsModify=named or None,
            tradeClientExtensionsModify=trade or None,
            rejectReason=refusal or None,
            requestID=core.request_id(),
        )
        if refusal:
            field = "orderClientExtensionsModifyRejectTransaction"
            return core.refused(400, field, told, core_told(core, told))
        related = core_told(core, told)
        return 200, {"orderClientExtensionsModifyTransaction": told, **core.told(related)}

    def _obstacle(self, asked: EntryRequest, replaces: str) -> str:
        """What the account has against an order, as a TransactionRejectReason."""
        core, facts = self._core, asked.facts
        symbol, units = facts["instrument"], facts.get("units")
        if symbol not in core.listed or units is None:
            return ""  # refused already
        if asked.client_id:
            owner = core.books.order_of_client(asked.client_id)
            if owner is not None and owner["id"] != replaces:
                return "CLIENT_ORDER_ID_ALREADY_EXISTS"
        trade_name = facts.get("tradeClientExtensions", {}).get("id")
        if trade_name is not None:
            trade = core.books.trade_of_client(trade_name)
            if trade is not None and trade.is_open:
                return "CLIENT_TRADE_ID_ALREADY_EXISTS"
        if asked.kind == "MARKET_IF_TOUCHED" and core.exchange.last_quote(symbol) is None:
            return "INSTRUMENT_PRICE_UNKNOWN"
        return self._action_obstacle(asked, core.books.units(symbol), Decimal(units))

    def _action_obstacle(self, asked: EntryRequest, held: Decimal, units: Decimal) -> str:
        """Positions are netted: an order for the other side reduces, whatever it is told."""
        action = asked.facts["positionFill"]
        opposed = held * units < 0
        if (action == "OPEN_ONLY" and opposed) or (
            action == "REDUCE_ONLY" and (asked.kind != "MARKET" or not opposed)
        ):
            return "ORDER_FILL_POSITION_ACTION_INVALID"
        return ""

    def _place(self, name: str, asked: EntryRequest, twist: Twist, *, meets: bool) -> bool:
        """Give an order to the exchange; whether it met the standing quote. meets: it is to.

        What becomes of it at once, with the take profit that it was given, is one commit.
        """
        exchange, facts, share = self._core.exchange, asked.facts, twist.share
        symbol = facts["instrument"]
        if share < 1.0 and asked.kind == "MARKET":
            listed = self._core.listed[symbol]
            step = listed.instrument.unit_increment
            part = max(step, math.floor(abs(float(facts["units"])) * share / step) * step)
            facts = {**facts, "units": listed.units(math.copysign(part, float(facts["units"])))}
        with exchange.one_commit():
            if facts["positionFill"] == "REDUCE_ONLY":
                exchange.reduce(symbol, abs(float(facts["units"])), name)
            else:
                exchange.place(order_of(facts, asked.kind, name, self._core.mid(symbol)))
            met = meets and exchange.meet(symbol)
            target = facts.get("takeProfitOnFill", {}).get("price")
            if target is not None and self._opened(name, symbol):
                # The price is past it where this is refused; what that means is told later.
                with contextlib.suppress(InvalidError):
                    exchange.protect(symbol, take_profit_price=float(target))
        return met

    def _opened(self, name: str, symbol: str) -> bool:
        """Whether what an order filled is held."""
        found = self._core.exchange.find(name)
        return found is not None and found.filled * self._core.exchange.held(symbol) > 0.0

    def _work(self, name: str, asked: EntryRequest, *, late: str, met: bool = False) -> Answer:
        """What became of a new order. late: why it is cancelled before it meets the market. met: it
        has met it.
        """
        core = self._core
        if late:
            core.end(name, late)
        elif core.at_once and not met:
            core.meet(asked.facts["instrument"])
        return 201, entered(core, core.settle())

    def _loss_at_once(self, asked: EntryRequest) -> str:
        """Whether a market order would leave exits that the standing quote is past already."""
        core, facts = self._core, asked.facts
        quote = core.exchange.last_quote(facts["instrument"])
        if asked.kind != "MARKET" or not core.at_once or quote is None:
            return ""
        side = 1.0 if float(facts["units"]) > 0.0 else -1.0
        bought, closes = (quote.ask, quote.bid) if side > 0.0 else (quote.bid, quote.ask)
        target = facts.get("takeProfitOnFill", {}).get("price")
        if target is not None and side * float(target) <= side * bought:
            return "TAKE_PROFIT_ON_FILL_LOSS"
        stop = facts.get("stopLossOnFill", {}).get("price")
        if stop is not None and side * float(stop) >= side * closes:
            return "STOP_LOSS_ON_FILL_LOSS"
        return ""

    def _reject(self, kind: str, facts: Json, refusal: str) -> Answer:
        core = self._core
        kept = {name: part for name, part in facts.items() if name != "replacesOrderID"}
        rejected = core.translation.add(
            f"{kind}_ORDER_REJECT", core.exchange.clock, **kept, rejectReason=refusal
        )
        return core.refused(400, "orderRejectTransaction", rejected, core_told(core, rejected))

    def _answer_rejected(self) -> Answer:
        """The exchange itself refused."""
        told = self._core.settle()
        return self._core.refused(400, "orderRejectTransaction", told[0], told)


def core_told(core: Core, transaction: Json) -> list[Json]:
    """Make a transaction of the server's own durable, and whatever came with it."""
    return [transaction, *core.settle()]


def entered(core: Core, told: list[Json], prefix: str = "") -> Json:
    """What an answer says of an order that was taken. prefix: `long` or `short` of a position."""
    body: Json = {}
    creates = [one for one in told if _creates(one)]
    created = creates[0]
    replaced = created.get("replacesOrderID")
    put(body, prefix, "orderCreateTransaction", created)
    for one in told:
        if one["type"] == "ORDER_FILL" and one["orderID"] == created["id"]:
            put(body, prefix, "orderFillTransaction", one)
        elif one["type"] == "ORDER_CANCEL" and one["orderID"] == created["id"]:
            late = "replacingOrderCancelTransaction" if replaced else "orderCancelTransaction"
            put(body, prefix, late, one)
        elif one["type"] == "ORDER_CANCEL" and one["orderID"] == replaced:
            put(body, prefix, "orderCancelTransaction", one)
        elif one in creates[1:] and one.get("replacesOrderID") == created["id"]:
            put(body, prefix, "orderReissueTransaction", one)
    return {**body, **core.told(told)}


def put(body: Json, prefix: str, field: str, transaction: Json) -> None:
    """Under its name, with `long` or `short` before it."""
    body[f"{prefix}{field[0].upper()}{field[1:]}" if prefix else field] = transaction


def _creates(one: Json) -> bool:
    kind = one["type"]
    entry = kind.removesuffix("_ORDER")
    return bool(entry != kind and entry not in DEPENDENTS)
