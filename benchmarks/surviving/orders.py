"""What a journal says that it ordered, against what the broker has under these ids."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from infra.brokers.paper.state import FillReason
from infra.live.answers import NOT_SENT
from market.accounts import Transaction, TransactionKind
from market.events import Event, OrderCancelled, OrderIntended
from market.live_events import OrderResolved
from market.order_life import ABSENT
from market.orders import Fill, OrderRequest

ROUNDING = 1e-9
"""Of an order's units, in the sum of its fills."""


def intents_of(events: Sequence[Event]) -> tuple[OrderRequest, ...]:
    """Every order before it was sent: the gateway sends nothing without, so one that is sent again
    stands here again. An id comes of its decision, and a decision executed twice repeats it.
    """
    return tuple(event.order for event in events if isinstance(event, OrderIntended))


def never_sent(events: Sequence[Event]) -> frozenset[str]:
    """Ids of orders that the journal closed as ones that the broker never had."""
    return frozenset(
        {
            event.cancellation.client_order_id
            for event in events
            if isinstance(event, OrderCancelled) and event.cancellation.reason.startswith(NOT_SENT)
        }
        | {
            event.client_order_id
            for event in events
            if isinstance(event, OrderResolved) and event.found == ABSENT
        }
    )


def ids_at(transactions: Iterable[Transaction]) -> frozenset[str]:
    """Ids of the orders that the broker took."""
    return frozenset(
        each.client_order_id for each in transactions if each.kind is TransactionKind.ACCEPTED
    )


def taken_again(transactions: Iterable[Transaction]) -> int:
    """How often the broker took an order under the id of another one."""
    taken = Counter(
        each.client_order_id for each in transactions if each.kind is TransactionKind.ACCEPTED
    )
    return taken.total() - len(taken)


def oversized(intents: Sequence[OrderRequest], fills: Iterable[Fill]) -> frozenset[str]:
    """Ids of orders of which more was filled than was intended, exits apart."""
    filled: defaultdict[str, float] = defaultdict(float)
    for fill in fills:
        if fill.reason == FillReason.DECISION.name:
            filled[fill.client_order_id] += abs(fill.units)
    return frozenset(
        order.client_order_id
        for order in intents
        if filled[order.client_order_id] > abs(order.units) * (1.0 + ROUNDING)
    )
