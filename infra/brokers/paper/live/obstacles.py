"""Why an order can never be filled."""

from __future__ import annotations

import math

from infra.brokers.paper.acceptance import is_sized
from infra.brokers.paper.broker import size_refusal
from infra.brokers.paper.live.waiting import AT_ONCE
from market.instruments import Instrument
from market.orders import Entry, EntryKind, OrderRequest, TimeInForce
from market.quotes import Quote


def obstacle_to(
    order: OrderRequest, instrument: Instrument, held: float, last: Quote | None, time: int
) -> str:
    """Empty where it can be filled. held: signed units. last: the newest quote, if there was one.
    time: of the market, UTC ns.
    """
    increment = instrument.unit_increment
    if not is_sized(order.units, held, increment):
        return size_refusal(order.client_order_id, order.units, increment)
    bracket = order.bracket
    trailing = math.nan if bracket.trailing is None else bracket.trailing
    for distance in (bracket.stop, bracket.take_profit, trailing):
        if distance <= 0.0 or distance == math.inf:
            return (
                f"order {order.client_order_id}: the distances of a bracket must be positive "
                f"and finite, or NaN for none; found {distance}"
            )
    found = "" if order.entry is None else _obstacle_to_entry(order.entry, last, time)
    return f"order {order.client_order_id}: {found}" if found else ""


def _obstacle_to_entry(entry: Entry, last: Quote | None, time: int) -> str:
    return _of_price(entry, last) or _of_time(entry, time)


def _of_price(entry: Entry, last: Quote | None) -> str:
    kind = entry.kind
    if kind is EntryKind.MARKET:
        if math.isnan(entry.price):
            return ""
        return f"a market order has no price to wait for, found {entry.price:g}; use NaN"
    if not 0.0 < entry.price < math.inf:
        return f"a {kind} order needs a positive price, found {entry.price}"
    if kind is EntryKind.MARKET_IF_TOUCHED and last is None:
        return (
            "it fills once the price comes to its own from where it stands, and none has been "
            "quoted yet; place it after the first quote, or as a limit or stop order"
        )
    return ""


def _of_time(entry: Entry, time: int) -> str:
    force, until = entry.time_in_force, entry.good_until
    if entry.kind is EntryKind.MARKET and force not in AT_ONCE:
        return f"a market order is FOK or IOC, found {force}"
    if force is TimeInForce.GTD and until <= time:
        return (
            f"it would be good until {until}, and the market's time is {time} (UTC nanoseconds) "
            "already"
        )
    if force is not TimeInForce.GTD and until != 0:
        return f"only a GTD order is good until a time, found {force} until {until}"
    return ""
