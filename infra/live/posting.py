"""`posted`: orders sent to any broker, by one that is waited for as by one that is not."""

from __future__ import annotations

from collections.abc import Sequence

from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.orders import OrderRequest
from market.orders_answered import OrdersAnswered
from market.ports import LiveBroker, OrdersUnderWay, PostsOrders


def posted(broker: LiveBroker, orders: Sequence[OrderRequest]) -> OrdersUnderWay:
    """Orders that have left; answered at once by a broker that takes none without being waited
    for.
    """
    return broker.post_all(orders) if isinstance(broker, PostsOrders) else placed(broker, orders)


def placed(broker: LiveBroker, orders: Sequence[OrderRequest]) -> OrdersAnswered:
    """Orders that were sent and waited for."""
    try:
        return OrdersAnswered(placed=broker.place_all(orders))
    except (TransientError, InvalidError, OutcomeUnknown) as error:
        return OrdersAnswered(error=error)
