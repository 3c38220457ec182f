"""`LookingUp`: orders that were not answered, asked for at the broker until it is known of each."""

from __future__ import annotations

from collections.abc import Callable

from infra.live.answers import ended, not_sent, untold_end
from infra.live.books import Books
from market.accounts import OrderState
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.events import Event
from market.live_events import OrderResolved
from market.order_life import ABSENT, OrderStage
from market.ports import LiveBroker

ENDS = frozenset(
    {
        OrderState.FILLED,
        OrderState.CANCELLED,
        OrderState.REJECTED,
        OrderState.EXPIRED,
        OrderState.REPLACED,
    }
)


class LookingUp:
    """absent_after_s: how long an order must be looked for in vain to be believed absent; 0 where a
    broker does nothing any more that it had not begun when it was asked. clock: seconds that never
    step back.
    """

    def __init__(
        self,
        broker: LiveBroker,
        books: Books,
        absent_after_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._books = books
        self._absent_after_s = absent_after_s
        self._clock = clock
        self._looked_for: dict[str, float] = {}

    def look(self, now: int) -> int:
        """Look up every order of which nobody knows what became of it; how many remain so."""
        for order in self._books.state.unsettled:
            try:
                found = self._broker.find(order.client_order_id)
            except (TransientError, OutcomeUnknown, InvalidError):
                break  # the broker cannot be asked now
            if found is None and not self._is_absent(order.client_order_id):
                continue
            state = ABSENT if found is None else found.state.value
            self._looked_for.pop(order.client_order_id, None)
            events: list[Event] = [
                OrderResolved(client_order_id=order.client_order_id, time=now, found=state)
            ]
            if found is None:
                events.append(not_sent(order, "the broker never had it", now))
            elif (end := untold_end(order, found, now)) is not None:
                events.append(end)
            self._books.record(*events)
        self._books.durable()
        return len(self._books.state.unsettled)

    def look_at_open(self, now: int) -> None:
        """End on record what has ended at the broker, whose transactions cannot be booked: it would
        be waited for in vain. What such an order filled is the broker's to say, and once its
        transactions can be booked they are.
        """
        state = self._books.state
        for entry in tuple(state.orders.values()):
            order = entry.order
            if state.is_unsettled(order.client_order_id):
                continue
            try:
                found = self._broker.find(order.client_order_id)
            except (TransientError, OutcomeUnknown, InvalidError):
                return  # the broker cannot be asked now
            if found is None and not self._is_absent(order.client_order_id):
                continue  # one of the broker's machines may lag
            if found is None or found.state in ENDS:
                was = "not there" if found is None else found.state.value
                why = f"{was} at the broker, whose transactions cannot be booked"
                self._books.record(ended(order, why, OrderStage.CANCELLED, now))
            self._looked_for.pop(order.client_order_id, None)

    def _is_absent(self, name: str) -> bool:
        """Whether an order has been looked for in vain for long enough to be believed absent."""
        first = self._looked_for.setdefault(name, self._clock())
        return self._clock() - first >= self._absent_after_s
