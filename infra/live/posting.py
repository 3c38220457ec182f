"""`posted`: orders sent to any broker, by one that is waited for as by one that is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from market.accounts import BrokerOrder
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.orders import OrderRequest
from market.ports import LiveBroker, OrdersUnderWay, PostsOrders


def posted(broker: LiveBroker, orders: Sequence[OrderRequest]) -> OrdersUnderWay:
    """Orders that have left; answered at once by a broker that takes none without being waited
    for.
    """
    if isinstance(broker, PostsOrders):
        return broker.post_all(orders)
    return AnsweredAtOnce(lambda: broker.place_all(orders))


class AnsweredAtOnce:
    """`OrdersUnderWay` that are at their end. place: sends them, and is asked here and now."""

    ready = True

    def __init__(self, place: Callable[[], tuple[BrokerOrder, ...]]) -> None:
        self._error: TransientError | InvalidError | OutcomeUnknown | None = None
        self._answers: tuple[BrokerOrder, ...] = ()
        try:
            self._answers = place()
        except (TransientError, InvalidError, OutcomeUnknown) as error:
            self._error = error

    def fileno(self) -> int:
        """Nothing is waited for."""
        return -1

    def answers(self) -> tuple[BrokerOrder, ...]:
        """As of the port."""
        if self._error is not None:
            raise self._error
        return self._answers
