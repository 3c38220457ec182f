"""When an order of the `FakeBroker` fills, and when its time is over."""

from __future__ import annotations

from infra.brokers.paper.rollovers import next_rollover
from market.orders import EntryKind, OrderRequest, TimeInForce
from market.quotes import Quote


def price_for(order: OrderRequest, quote: Quote) -> float:
    """What an order pays or gets."""
    return quote.ask if order.units > 0.0 else quote.bid


def is_reached(order: OrderRequest, price: float, stood: float, filled: float) -> bool:
    """stood: the price when the order was taken. filled: units that were."""
    entry = order.entry
    kind = EntryKind.MARKET if entry is None else entry.kind
    if entry is None or kind is EntryKind.MARKET:
        return True
    is_low, is_high = price <= entry.price, price >= entry.price
    if kind is EntryKind.LIMIT:
        return is_low if order.units > 0.0 else is_high
    if filled:
        return True
    if kind is EntryKind.STOP:
        return is_high if order.units > 0.0 else is_low
    return is_low if stood >= entry.price else is_high


def force_of(order: OrderRequest) -> TimeInForce:
    return TimeInForce.FOK if order.entry is None else order.entry.time_in_force


def ends_at(order: OrderRequest, time: int) -> float:
    """When the time of an order is over that is taken at `time`."""
    entry = order.entry
    if entry is None:
        return float("inf")
    if entry.time_in_force is TimeInForce.GTD:
        return entry.good_until
    return next_rollover(time) if entry.time_in_force is TimeInForce.GFD else float("inf")


def refused_entry(order: OrderRequest, time: int) -> str:
    entry = order.entry
    if entry is None:
        return ""
    at_once = entry.time_in_force in (TimeInForce.FOK, TimeInForce.IOC)
    if entry.kind is EntryKind.MARKET:
        return "" if at_once else "a market order is FOK or IOC"
    if not entry.price > 0.0:
        return f"expected a price, found {entry.price}"
    is_late = entry.time_in_force is TimeInForce.GTD and entry.good_until <= time
    return "its time is over" if is_late else ""
