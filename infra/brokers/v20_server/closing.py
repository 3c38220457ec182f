"""`Closing`: positions and trades that are closed by market orders."""

from __future__ import annotations

from decimal import Decimal

from infra.brokers.v20_server.core import Core, one_listed
from infra.brokers.v20_server.entering import core_told, entered, put
from infra.brokers.v20_server.fields import Fields
from infra.brokers.v20_server.listing import MAXIMUM_ORDER_UNITS, Listed
from infra.brokers.v20_server.on_fill import extensions
from infra.brokers.v20_server.trades import Trade
from infra.brokers.v20_server.wire import Answer, Json, NotFound

ALL, NONE = "ALL", "NONE"
MISSING = "CLOSEOUT_POSITION_DOESNT_EXIST"
CLOSING = {"timeInForce": "FOK", "positionFill": "REDUCE_ONLY"}


class Closing:
    def __init__(self, core: Core) -> None:
        self._core = core

    def position(self, symbol: str, body: Json) -> Answer:
        """Close a position whole or in part. Raises NotFound and Malformed."""
        core, fields = self._core, Fields(body, "body")
        listed = one_listed(core, symbol)
        asked = {side: fields.text(f"{side}Units") for side in ("long", "short")}
        wanted = {side: units for side, units in asked.items() if units not in (None, NONE)}
        held = core.books.units(symbol)
        if not wanted:
            return self._reject_position(
                "long", symbol, fields, "CLOSEOUT_POSITION_INCOMPLETE_SPECIFICATION"
            )
        here = "long" if held > 0 else "short" if held < 0 else ""
        if here not in wanted:
            return self._reject_position(next(iter(wanted)), symbol, fields, MISSING)
        if len(wanted) > 1 and any(units != ALL for units in wanted.values()):
            other = "short" if here == "long" else "long"
            return self._reject_position(other, symbol, fields, MISSING)
        named = extensions(fields, f"{here}ClientExtensions", "CLIENT_ORDER")
        units, refusal = self._units(fields, f"{here}Units", listed, abs(held))
        refusal = fields.reason or refusal or self._name_taken(named)
        if refusal:
            return self._reject_position(here, symbol, fields, refusal)
        facts: Json = {
            **CLOSING,
            "instrument": symbol,
            "units": str(-units if held > 0 else units),
            f"{here}PositionCloseout": {"instrument": symbol, "units": asked[here]},
            "reason": "POSITION_CLOSEOUT",
            "requestID": core.request_id(),
        }
        name = self._keep(named, facts)
        if asked[here] == ALL:
            core.exchange.close(symbol, name)
        else:
            core.exchange.reduce(symbol, float(units), name)
        return 200, entered(core, self._work(symbol), here)

    def trade(self, specifier: str, body: Json) -> Answer:
        """Close a trade whole or in part. Raises Malformed."""
        core, fields = self._core, Fields(body, "body")
        trade = find_trade(core, specifier)
        asked = fields.text("units") or ALL
        if trade is None or not trade.is_open:
            client = specifier[1:] if specifier.startswith("@") else None
            close = {"clientTradeID": client} if client is not None else {"tradeID": specifier}
            facts: Json = {"tradeClose": {**close, "units": asked}}
            return self._reject(404, facts, "orderRejectTransaction", "TRADE_DOESNT_EXIST")
        listed = core.listed[trade.instrument]
        units, refusal = self._units(fields, "units", listed, abs(trade.units))
        refusal = refusal.replace(
            "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION", "CLOSE_TRADE_UNITS_EXCEED_TRADE"
        )
        close = {"tradeID": trade.id, "units": asked}
        if trade.client_id:
            close["clientTradeID"] = trade.client_id
        signed = str(-units if trade.units > 0 else units)
        facts = {"instrument": trade.instrument, "units": signed, "tradeClose": close}
        if fields.reason or refusal:
            reason = fields.reason or refusal
            status, answer = self._reject(400, facts, "orderRejectTransaction", reason)
            for untold in ("relatedTransactionIDs", "lastTransactionID"):
                del answer[untold]
            return status, answer
        facts |= {**CLOSING, "reason": "TRADE_CLOSE", "requestID": core.request_id()}
        name = self._keep({}, facts)
        core.exchange.reduce(trade.instrument, float(units), name)
        return 200, entered(core, self._work(trade.instrument))

    def everything(self) -> None:
        """Close every position as a margin close-out does."""
        core = self._core
        for symbol in core.listed:
            held = core.books.units(symbol)
            if not held:
                continue
            facts = {
                **CLOSING,
                "instrument": symbol,
                "units": str(-held),
                "marginCloseout": {"reason": "MARGIN_CHECK_VIOLATION"},
                "reason": "MARGIN_CLOSEOUT",
            }
            core.exchange.close(symbol, self._keep({}, facts))
            self._work(symbol)

    def _keep(self, named: Json, facts: Json) -> str:
        core = self._core
        name = core.name_for(named.get("id", ""))
        request = {"type": "MARKET_ORDER", **facts}
        if named:
            request["clientExtensions"] = named
        core.log.keep_request(name, request)
        return name

    def _work(self, symbol: str) -> list[Json]:
        if self._core.at_once:
            self._core.meet(symbol)
        return self._core.settle()

    def _name_taken(self, named: Json) -> str:
        taken = named and self._core.books.order_of_client(named.get("id", "")) is not None
        return "CLIENT_ORDER_ID_ALREADY_EXISTS" if taken else ""

    def _units(
        self, fields: Fields, name: str, listed: Listed, held: Decimal
    ) -> tuple[Decimal, str]:
        """How many to close, and why they cannot be."""
        if (fields.text(name) or ALL) == ALL:
            return held, ""
        text = fields.units(name, listed, MAXIMUM_ORDER_UNITS)
        units = Decimal(text or 0)
        if units < 0:
            return units, "UNITS_INVALID"
        if units > held:
            return units, "CLOSEOUT_POSITION_UNITS_EXCEED_POSITION_SIZE"
        return units, ""

    def _reject_position(self, side: str, symbol: str, fields: Fields, reason: str) -> Answer:
        units = fields.text(f"{side}Units") or NONE
        facts = {
            "instrument": symbol,
            f"{side}PositionCloseout": {"instrument": symbol, "units": units},
        }
        field: Json = {}
        put(field, side, "orderRejectTransaction", {})
        (name,) = field
        return self._reject(404 if reason == MISSING else 400, facts, name, reason)

    def _reject(self, status: int, facts: Json, field: str, reason: str) -> Answer:
        core = self._core
        why = "TRADE_CLOSE" if "tradeClose" in facts else "POSITION_CLOSEOUT"
        rejected = core.translation.add(
            "MARKET_ORDER_REJECT",
            core.exchange.clock,
            **CLOSING,
            **facts,
            reason=why,
            rejectReason=reason,
            requestID=core.request_id(),
        )
        return core.refused(status, field, rejected, core_told(core, rejected))


def find_trade(core: Core, specifier: str) -> Trade | None:
    """By its id, or by the client's name behind an @."""
    if specifier.startswith("@"):
        return core.books.trade_of_client(specifier[1:])
    return core.books.trade(specifier)


def known_trade(core: Core, specifier: str) -> Trade:
    """The same. Raises NotFound."""
    found = find_trade(core, specifier)
    if found is None:
        raise NotFound("NO_SUCH_TRADE", "The trade ID specified does not exist")
    return found
