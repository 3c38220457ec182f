"""Which quote lets an order fill.

A buy looks at the ask and a sell at the bid, as they were quoted.
"""

from __future__ import annotations

from infra.brokers.paper.live.waiting import WaitingOrder
from market.orders import EntryKind, OrderRequest
from market.quotes import Quote


def own_price(order: OrderRequest, quote: Quote) -> float:
    """What this order is filled at, before any slippage."""
    return quote.ask if order.units > 0.0 else quote.bid


def is_reached(item: WaitingOrder, quote: Quote) -> bool:
    """Whether the order may fill at this quote."""
    order, entry = item.order, item.order.entry
    if entry is None or entry.kind is EntryKind.MARKET:
        return True
    beyond = own_price(order, quote) - entry.price
    if entry.kind is EntryKind.LIMIT:
        return beyond <= 0.0 if order.units > 0.0 else beyond >= 0.0
    if item.filled != 0.0:  # it was triggered; the rest fills at the market
        return True
    if entry.kind is EntryKind.STOP:
        return beyond >= 0.0 if order.units > 0.0 else beyond <= 0.0
    return item.stood * beyond <= 0.0


def side_of(order: OrderRequest, quote: Quote) -> int:
    """On which side of a MARKET_IF_TOUCHED order's price the market stands: 1 above, −1 below, 0
    there, and 0 for the other kinds.
    """
    entry = order.entry
    if entry is None or entry.kind is not EntryKind.MARKET_IF_TOUCHED:
        return 0
    price = own_price(order, quote)
    return int(price > entry.price) - int(price < entry.price)


def spread_within(limit: float, quote: Quote) -> float:
    """The quote's spread, such that half of it beside the mid is not past `limit` by rounding.

    `limit` lies at or beyond the quoted price. Its distance from the mid is exact where it
    matters, and so is their sum.
    """
    mid, half = quote.mid, 0.5 * quote.spread
    if limit >= mid:
        return quote.spread if mid + half <= limit else 2.0 * (limit - mid)
    return quote.spread if mid - half >= limit else 2.0 * (mid - limit)
