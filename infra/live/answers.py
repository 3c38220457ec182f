"""What a broker's answer to an order means to the books, before any transaction tells of it."""

from __future__ import annotations

from market.accounts import BrokerOrder, OrderState
from market.events import Event, OrderCancelled
from market.live_events import OrderAccepted, OrderUnknown
from market.order_life import OrderStage
from market.orders import OrderRequest, cancellation_of

NOT_SENT = "NOT_SENT"
UNTOLD = {
    OrderState.REJECTED: OrderStage.REJECTED,
    OrderState.CANCELLED: OrderStage.CANCELLED,
    OrderState.EXPIRED: OrderStage.EXPIRED,
}
"""Ends that an answer may tell of when no transaction will."""


def not_sent(order: OrderRequest, why: str, now: int) -> OrderCancelled:
    """The end of an order that the broker never had."""
    return ended(order, f"{NOT_SENT}: {why}", OrderStage.ABSENT, now)


def unanswered(order: OrderRequest, why: str, now: int) -> OrderUnknown:
    """An order of which nobody knows whether the broker has it."""
    return OrderUnknown(client_order_id=order.client_order_id, time=now, reason=why)


def ended(order: OrderRequest, reason: str, stage: OrderStage, now: int) -> OrderCancelled:
    """The end of an order of which no transaction tells."""
    return OrderCancelled(cancellation=cancellation_of(order, reason, now), ending=stage.value)


def untold_end(order: OrderRequest, answer: BrokerOrder, now: int) -> OrderCancelled | None:
    """The end that an answer alone tells of; None where the order goes on, or a transaction of the
    broker will tell how it ended.
    """
    stage = UNTOLD.get(answer.state)
    if stage is None or answer.transaction != 0:
        return None
    said = answer.reason or "the broker gave no reason"
    reason = said if stage is OrderStage.CANCELLED else f"{stage.name}: {said}"
    return ended(order, reason, stage, now)


def event_of(order: OrderRequest, answer: BrokerOrder | None, now: int) -> Event | None:
    """What is on record once an order was answered; None where its transaction says it all.

    A fill, and an end that has a number, are told by the transactions; that the broker has the
    order, at once. An order that a broker's answer leaves out may have come or not.
    """
    if answer is None:
        return unanswered(order, "the broker's answer does not name it", now)
    if answer.state is OrderState.UNKNOWN:
        return unanswered(order, answer.reason or "no answer came", now)
    if answer.state is OrderState.NOT_SENT:
        return not_sent(order, answer.reason or "one before it was not answered", now)
    if answer.state in UNTOLD:
        return untold_end(order, answer, now)
    return OrderAccepted(
        client_order_id=order.client_order_id, time=now, transaction=answer.transaction
    )
