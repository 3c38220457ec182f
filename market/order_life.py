"""The life of an order as the desk follows it: stages, and which event leads where.

    INTENDED ──► ACCEPTED ──► FILLED
       │  │          └──────► CANCELLED ──► FILLED      (a fill that came after is never forgotten)
       │  └────► UNKNOWN ───► ACCEPTED, FILLED, CANCELLED, or ABSENT: it never reached the broker
       └───────────────────► CANCELLED, FILLED

An order that is INTENDED or UNKNOWN may or may not be at the broker; nothing new is risked in its
instrument until that is known.
"""

from __future__ import annotations

from enum import StrEnum

from market.events import Event, OrderCancelled, OrderFilled
from market.live_events import OrderAccepted, OrderResolved, OrderUnknown

ABSENT = "ABSENT"
"""What `OrderResolved.found` says of an order that the broker never had."""


class OrderStage(StrEnum):
    """Where an order stands."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    FILLED = "filled"
    CANCELLED = "cancelled"
    ABSENT = "absent"


OPEN = frozenset({OrderStage.INTENDED, OrderStage.UNKNOWN, OrderStage.ACCEPTED})
UNSETTLED = frozenset({OrderStage.INTENDED, OrderStage.UNKNOWN})
"""Stages in which only the broker knows what became of the order."""


_EVERY = tuple(OrderStage)
_NEXT: dict[type[Event], dict[OrderStage, OrderStage]] = {
    OrderAccepted: dict.fromkeys(UNSETTLED, OrderStage.ACCEPTED),
    OrderUnknown: {OrderStage.INTENDED: OrderStage.UNKNOWN},
    OrderFilled: dict.fromkeys(_EVERY, OrderStage.FILLED),
    OrderCancelled: {
        stage: OrderStage.CANCELLED for stage in _EVERY if stage is not OrderStage.FILLED
    },
    OrderResolved: dict.fromkeys(UNSETTLED, OrderStage.ACCEPTED),
}


def next_stage(stage: OrderStage, event: Event) -> OrderStage:
    """The stage of an order after an event about it.

    Total: every event is allowed at every stage, what changes nothing leaves it, and none takes
    back what has been filled.
    """
    if isinstance(event, OrderResolved) and event.found == ABSENT and stage in UNSETTLED:
        return OrderStage.ABSENT
    return _NEXT.get(type(event), {}).get(stage, stage)
