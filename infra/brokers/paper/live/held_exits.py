"""Changing what protects a position that is held."""

from __future__ import annotations

import math

from infra.brokers.paper.state import Exits
from market.accounts import HeldExits
from market.errors import InvalidError
from market.quotes import Quote


def held_exits(exits: Exits, column: int) -> HeldExits:
    """What protects the position in this column."""
    return HeldExits(
        stop_price=float(exits.stop_price[column]),
        take_profit_price=float(exits.take_profit_price[column]),
        trailing=float(exits.trailing_distance[column]),
    )


def change_exits(
    exits: Exits,
    column: int,
    quote: Quote,
    held: float,
    *,
    stop_price: float | None,
    take_profit_price: float | None,
    trailing: float | None,
) -> HeldExits:
    """Change some of the exits of a position, and tell what protects it then.

    quote: the last one. held: signed units. None leaves an exit as it is, NaN takes it away. A
    trailing distance pulls the stop at once, as a quote would. A stop that one had pulled goes
    where the new one pulls it, or away with it, unless a stop is given. Raises InvalidError, and
    changes nothing, for what protects nothing, or would close the position at the last quote.
    """
    price, side = (quote.bid, 1.0) if held > 0.0 else (quote.ask, -1.0)
    asked = (stop_price, take_profit_price, trailing)
    if asked == (None, None, None):
        raise InvalidError(f"{quote.symbol}: no exit to change; give a stop, take profit or trail")
    for value in asked:
        if value is not None and not (math.isnan(value) or 0.0 < value < math.inf):
            raise InvalidError(
                f"{quote.symbol}: an exit needs a positive price or distance, or NaN for none; "
                f"found {value}"
            )
    if stop_price is not None and side * stop_price >= side * price:
        raise InvalidError(
            f"{quote.symbol}: a stop at {stop_price:g} would close the position now, at "
            f"{price:g}; close it, or put the stop on the losing side of that price"
        )
    if take_profit_price is not None and side * take_profit_price <= side * price:
        raise InvalidError(
            f"{quote.symbol}: a take profit at {take_profit_price:g} would close the position "
            f"now, at {price:g}; close it, or put it on the winning side of that price"
        )
    if take_profit_price is not None:
        exits.take_profit_price[column] = take_profit_price
    if stop_price is not None:
        exits.stop_price[column], exits.trailed[column] = stop_price, 0.0
    if trailing is not None:
        exits.trailing_distance[column] = trailing
        _trail(exits, column, side, price)
    return held_exits(exits, column)


def _trail(exits: Exits, column: int, side: float, price: float) -> None:
    distance = exits.trailing_distance[column]
    if math.isnan(distance):
        if exits.trailed[column]:
            exits.stop_price[column], exits.trailed[column] = math.nan, 0.0
        return
    pulled = price - side * distance
    if exits.trailed[column] or not side * exits.stop_price[column] >= side * pulled:
        exits.stop_price[column], exits.trailed[column] = pulled, 1.0
