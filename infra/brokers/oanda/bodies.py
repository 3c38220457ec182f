"""Orders of the desk as bodies of OANDA's requests.

Sizes and prices that somebody chose are written as they are, to the last digit: what OANDA cannot
take it refuses, and nothing is rounded to something else. Only the noise that sums of tenths have
in their last bits is left out. What the desk worked out (distances of exits, the worst acceptable
price) is rounded to the instrument's precision, a bound to its inside.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from infra.brokers.v20.decimals import decimals_of, written
from infra.brokers.v20.times import rfc3339
from market.errors import InvalidError
from market.instruments import Instrument
from market.orders import EntryKind, OrderRequest, TimeInForce

_TYPES = {
    EntryKind.MARKET: "MARKET",
    EntryKind.LIMIT: "LIMIT",
    EntryKind.STOP: "STOP",
    EntryKind.MARKET_IF_TOUCHED: "MARKET_IF_TOUCHED",
}
_LONGEST_ID = 128
ROUNDING = 1e-9
"""Of a size: less than that it is off a multiple of the increment by rounding alone."""
LEAST_PART = 1e-3
"""Of an increment; of a large size too, more than that was asked for and is not rounded away."""


def needs_reference(order: OrderRequest) -> bool:
    """Whether a price must be asked for before the order can be written."""
    return order.bracket.take_profit > 0.0 and math.isnan(_anchor(order, math.nan))


def order_body(
    order: OrderRequest, instrument: Instrument | None, reference: float = math.nan
) -> dict[str, Any]:
    """The body of a create or replace.

    instrument: None where the desk does not know it; OANDA then refuses it. reference: the mid now,
    for a take profit of an order that carries no price of its own.
    Raises InvalidError for what cannot be written at all.
    """
    entry = order.entry
    kind = EntryKind.MARKET if entry is None else entry.kind
    force = TimeInForce.FOK if entry is None else entry.time_in_force
    name = _checked_id(order.client_order_id)
    decimals = 5 if instrument is None else decimals_of(instrument.price_increment)
    body: dict[str, Any] = {
        "type": _TYPES[kind],
        "instrument": order.symbol,
        "units": plain(sized(order.units, instrument), f"units of order {name}"),
        "timeInForce": force.value,
        "positionFill": "DEFAULT",
        "clientExtensions": {"id": name},
        "tradeClientExtensions": {"id": name},
    }
    if entry is not None and kind is not EntryKind.MARKET:
        body["price"] = plain(entry.price, f"price of order {name}")
    if entry is not None and force is TimeInForce.GTD:
        body["gtdTime"] = rfc3339(entry.good_until)
    bound = _bound(order, decimals)
    if bound is not None and kind is not EntryKind.LIMIT:
        body["priceBound"] = bound
    return {"order": body | _exits(order, decimals, reference)}


def plain(value: float, what: str) -> str:
    """All digits of a number and none that it has not. Raises InvalidError where it is none."""
    if not math.isfinite(value):
        raise InvalidError(f"{what}: expected a finite number, found {value}")
    number = Decimal(repr(value))
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def sized(units: float, instrument: Instrument | None) -> float:
    """The multiple of the instrument's increment that only rounding keeps a size from."""
    if instrument is None or not math.isfinite(units):
        return units
    increment = instrument.unit_increment
    nearest = float(written(units, decimals_of(increment)))
    noise = min(ROUNDING * abs(units), LEAST_PART * increment)
    return nearest if abs(nearest - units) <= noise else units


def _checked_id(name: str) -> str:
    if not name or len(name) > _LONGEST_ID or not name.isprintable():
        raise InvalidError(
            f"expected a client order id of 1 to {_LONGEST_ID} printable characters, found {name!r}"
        )
    return name


def _bound(order: OrderRequest, decimals: int) -> str | None:
    """The worst acceptable price, rounded to the acceptable side; None without one."""
    worst = order.highest_price if order.units > 0.0 else order.lowest_price
    if math.isnan(worst):
        raise InvalidError(
            f"order {order.client_order_id}: expected prices between which it may fill, found NaN"
        )
    if not 0.0 < worst < math.inf:
        return None
    step = Decimal(1).scaleb(-decimals)
    rounding = ROUND_FLOOR if order.units > 0.0 else ROUND_CEILING
    bound = Decimal(repr(worst)).quantize(step, rounding=rounding)
    if bound.is_zero():
        raise InvalidError(
            f"order {order.client_order_id}: a bound of {worst} is below every price"
        )
    return format(bound, "f")


def _exits(order: OrderRequest, decimals: int, reference: float) -> dict[str, Any]:
    bracket, name = order.bracket, order.client_order_id
    exits: dict[str, Any] = {}
    if not math.isnan(bracket.stop):
        distance = _distance(bracket.stop, decimals, f"stop of order {name}")
        exits["stopLossOnFill"] = {"distance": distance, "timeInForce": "GTC"}
    if bracket.trailing is not None:
        distance = _distance(bracket.trailing, decimals, f"trailing stop of order {name}")
        exits["trailingStopLossOnFill"] = {"distance": distance, "timeInForce": "GTC"}
    if not math.isnan(bracket.take_profit):
        _distance(bracket.take_profit, decimals, f"take profit of order {name}")
        price = _anchor(order, reference) + math.copysign(bracket.take_profit, order.units)
        if not price > 0.0:
            raise InvalidError(
                f"take profit of order {name}: expected a price above 0, found {price}"
            )
        exits["takeProfitOnFill"] = {"price": written(price, decimals), "timeInForce": "GTC"}
    return exits


def _distance(distance: float, decimals: int, what: str) -> str:
    if not 0.0 < distance < math.inf:
        raise InvalidError(f"{what}: expected a positive distance, found {distance}")
    text = written(distance, decimals)
    if not float(text) > 0.0:
        raise InvalidError(f"{what}: {distance} is less than the instrument's price increment")
    return text


def _anchor(order: OrderRequest, reference: float) -> float:
    """Where the order is expected to fill: the take profit has a price and no distance."""
    entry = order.entry
    if entry is not None and entry.kind is not EntryKind.MARKET:
        return entry.price
    return order.reference_price if order.reference_price > 0.0 else reference
