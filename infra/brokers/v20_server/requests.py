"""Order requests: read, checked in v20's order, and made orders of the paper exchange."""

from __future__ import annotations

import math
from dataclasses import dataclass

from infra.brokers.v20.times import nanoseconds_of
from infra.brokers.v20_server.fields import Fields
from infra.brokers.v20_server.listing import MAXIMUM_ORDER_UNITS, Listed
from infra.brokers.v20_server.on_fill import extensions, stop_loss, take_profit, trailing_stop
from infra.brokers.v20_server.wire import Json, Malformed
from market.orders import Bracket, Entry, EntryKind, OrderRequest, TimeInForce

ENTRIES = {
    "LIMIT": EntryKind.LIMIT,
    "STOP": EntryKind.STOP,
    "MARKET_IF_TOUCHED": EntryKind.MARKET_IF_TOUCHED,
}
FORCES = {
    "MARKET": ("FOK", "IOC"),
    "LIMIT": ("GTC", "GTD", "GFD", "FOK", "IOC"),
    "STOP": ("GTC", "GTD", "GFD"),
    "MARKET_IF_TOUCHED": ("GTC", "GTD", "GFD"),
}
POSITION_FILLS = ("DEFAULT", "REDUCE_FIRST", "REDUCE_ONLY", "OPEN_ONLY")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRequest:
    """A request for a MARKET, LIMIT, STOP or MARKET_IF_TOUCHED order.

    facts: fields of the transaction that creates or rejects it. refusal: a
    TransactionRejectReason, empty where it can be taken.
    """

    kind: str
    facts: Json
    refusal: str

    @property
    def client_id(self) -> str:
        """Empty where the client gave none."""
        return str(self.facts.get("clientExtensions", {}).get("id", ""))


def entry_request(fields: Fields, kind: str, listed: dict[str, Listed], now: int) -> EntryRequest:
    """Read one. now: the market's time, UTC ns. Raises Malformed."""
    symbol = fields.text("instrument")
    one = None if symbol is None else listed.get(symbol)
    if symbol is None:
        fields.refuse("INSTRUMENT_MISSING")
    elif one is None:
        fields.refuse("INSTRUMENT_UNKNOWN")
    facts: Json = {"instrument": symbol, "units": fields.units("units", one, MAXIMUM_ORDER_UNITS)}
    if kind != "MARKET":
        facts["price"] = fields.price("price", one, prefix="PRICE")
        if facts["price"] is None:
            fields.refuse("PRICE_MISSING")
    if kind != "LIMIT":
        facts["priceBound"] = fields.price("priceBound", one, prefix="PRICE_BOUND")
    forces = FORCES[kind]
    facts["timeInForce"] = fields.choice("timeInForce", forces, forces[0], "TIME_IN_FORCE_INVALID")
    if kind != "MARKET":
        facts["gtdTime"] = _good_until(fields, facts["timeInForce"], now)
        facts["triggerCondition"] = fields.choice(
            "triggerCondition", ("DEFAULT",), "DEFAULT", "TRIGGER_CONDITION_INVALID"
        )
    facts["positionFill"] = fields.choice(
        "positionFill", POSITION_FILLS, "DEFAULT", "ORDER_FILL_POSITION_ACTION_INVALID"
    )
    facts["clientExtensions"] = extensions(fields, "clientExtensions", "CLIENT_ORDER") or None
    facts["takeProfitOnFill"] = take_profit(fields, one)
    facts["stopLossOnFill"] = stop_loss(fields, one)
    facts["trailingStopLossOnFill"] = trailing_stop(fields, one)
    facts["tradeClientExtensions"] = (
        extensions(fields, "tradeClientExtensions", "CLIENT_TRADE") or None
    )
    return EntryRequest(
        kind=kind,
        facts={name: value for name, value in facts.items() if value is not None},
        refusal=fields.reason,
    )


def order_of(facts: Json, kind: str, name: str, mid: float) -> OrderRequest:
    """The paper exchange's order. name: under which it is known there. mid: the last one.

    Exits that were given as prices are put in when it has filled.
    """
    units = float(facts["units"])
    bound = float(facts["priceBound"]) if "priceBound" in facts else None
    stop = facts.get("stopLossOnFill", {}).get("distance")
    trailing = facts.get("trailingStopLossOnFill", {}).get("distance")
    return OrderRequest(
        client_order_id=name,
        sequence=0,
        symbol=facts["instrument"],
        units=units,
        bracket=Bracket(
            stop=math.nan if stop is None else float(stop),
            take_profit=math.nan,
            trailing=None if trailing is None else float(trailing),
        ),
        lowest_price=bound if bound is not None and units < 0.0 else 0.0,
        highest_price=bound if bound is not None and units > 0.0 else math.inf,
        reference_price=mid,
        entry=_entry(facts, kind),
    )


def order_kind(fields: Fields) -> str:
    """The `type` of an order request. Raises Malformed where it is none."""
    kind = fields.text("type")
    if kind is None:
        raise Malformed(f"Invalid value specified for '{fields.path}.type': it is missing")
    return kind


def _good_until(fields: Fields, force: str, now: int) -> str | None:
    given = fields.time("gtdTime")
    if force != "GTD":
        return None
    if given is None:
        fields.refuse("TIME_IN_FORCE_GTD_TIMESTAMP_MISSING")
        return None
    time, text = given
    if time <= now:
        fields.refuse("TIME_IN_FORCE_GTD_TIMESTAMP_IN_PAST")
    return text


def _entry(facts: Json, kind: str) -> Entry | None:
    force = TimeInForce(facts["timeInForce"])
    if kind == "MARKET":
        if force is TimeInForce.FOK:
            return None
        return Entry(kind=EntryKind.MARKET, price=math.nan, time_in_force=force)
    return Entry(
        kind=ENTRIES[kind],
        price=float(facts["price"]),
        time_in_force=force,
        good_until=nanoseconds_of(facts["gtdTime"]) if "gtdTime" in facts else 0,
    )
