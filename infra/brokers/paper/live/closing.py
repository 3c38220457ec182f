"""`closing_order`: the market order that takes a position down."""

from __future__ import annotations

import math

from market.orders import Bracket, OrderRequest

UNPROTECTED = Bracket(stop=math.nan, take_profit=math.nan, trailing=None)


def closing_order(
    symbol: str, client_order_id: str, units: float, reference_price: float
) -> OrderRequest:
    """At whatever price the market has; it leaves the bracket of what is still held alone."""
    return OrderRequest(
        client_order_id=client_order_id,
        sequence=0,
        symbol=symbol,
        units=units,
        bracket=UNPROTECTED,
        lowest_price=0.0,
        highest_price=math.inf,
        reference_price=reference_price,
    )
