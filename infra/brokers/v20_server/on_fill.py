"""Reading what an order request attaches: names, and the exits of the trade that it opens."""

from __future__ import annotations

from decimal import Decimal

from infra.brokers.v20_server.fields import Fields
from infra.brokers.v20_server.listing import Listed
from infra.brokers.v20_server.wire import Json

LONGEST_TEXT = 128


def extensions(fields: Fields, name: str, whose: str) -> Json:
    """`ClientExtensions`. whose: begins the reject reasons, such as CLIENT_ORDER."""
    given = fields.part(name)
    if given is None:
        return {}
    read = {}
    for part in ("id", "tag", "comment"):
        text = given.text(part)
        if text is None:
            continue
        if not 0 < len(text) <= LONGEST_TEXT:
            fields.refuse(f"{whose}_{part.upper()}_INVALID")
        read[part] = text
    return read


def take_profit(fields: Fields, listed: Listed | None) -> Json | None:
    """`takeProfitOnFill`."""
    given = fields.part("takeProfitOnFill")
    if given is None:
        return None
    prefix = "TAKE_PROFIT_ON_FILL"
    price = given.price("price", listed, prefix=f"{prefix}_PRICE")
    if price is None:
        fields.refuse(f"{prefix}_PRICE_MISSING")
    read = {"price": price, "timeInForce": _good_till_cancelled(given, prefix)}
    return _finished(read, given, fields, prefix)


def stop_loss(fields: Fields, listed: Listed | None) -> Json | None:
    """`stopLossOnFill`: a price or a distance, not both."""
    given = fields.part("stopLossOnFill")
    if given is None:
        return None
    prefix = "STOP_LOSS_ON_FILL"
    price = given.price("price", listed, prefix=f"{prefix}_PRICE")
    distance = given.price("distance", listed, prefix=f"{prefix}_DISTANCE")
    if given.flag("guaranteed"):
        fields.refuse(f"{prefix}_GUARANTEED_NOT_ALLOWED")
    _one_of(fields, price, distance, f"{prefix}_PRICE_AND_DISTANCE")
    read = {
        "price": price,
        "distance": distance,
        "timeInForce": _good_till_cancelled(given, prefix),
    }
    return _finished(read, given, fields, prefix)


def trailing_stop(fields: Fields, listed: Listed | None) -> Json | None:
    """`trailingStopLossOnFill`."""
    given = fields.part("trailingStopLossOnFill")
    if given is None:
        return None
    prefix = "TRAILING_STOP_LOSS_ON_FILL"
    distance = trailing_distance(given, listed, f"{prefix}_PRICE_DISTANCE")
    read = {"distance": distance, "timeInForce": _good_till_cancelled(given, prefix)}
    return _finished(read, given, fields, prefix)


def trailing_distance(fields: Fields, listed: Listed | None, prefix: str) -> str | None:
    """Within the instrument's limits."""
    distance = fields.price("distance", listed, prefix=prefix)
    if distance is None:
        fields.refuse(f"{prefix}_MISSING")
    elif listed is not None and not fields.reason:
        smallest, largest = listed.trailing_limits
        if Decimal(distance) < smallest:
            fields.refuse(f"{prefix}_MINIMUM_NOT_MET")
        elif Decimal(distance) > largest:
            fields.refuse(f"{prefix}_MAXIMUM_EXCEEDED")
    return distance


def _one_of(fields: Fields, price: str | None, distance: str | None, prefix: str) -> None:
    if price is not None and distance is not None:
        fields.refuse(f"{prefix}_BOTH_SPECIFIED")
    elif price is None and distance is None:
        fields.refuse(f"{prefix}_BOTH_MISSING")


def _good_till_cancelled(given: Fields, prefix: str) -> str:
    """Exits of this exchange have no time at which they end."""
    return given.choice("timeInForce", ("GTC",), "GTC", f"{prefix}_TIME_IN_FORCE_INVALID")


def _finished(read: Json, given: Fields, fields: Fields, prefix: str) -> Json:
    named = extensions(given, "clientExtensions", f"{prefix}_CLIENT_ORDER")
    if named:
        read["clientExtensions"] = named
    if given.reason:
        fields.refuse(given.reason)
    return {name: part for name, part in read.items() if part is not None}
