"""Events of one kind that are recorded together, as one entry of a journal and back.

A busy desk's journal is orders and their fills; each as an entry of its own takes several times as
long to write as to fold.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from market.events import Event, OrderFilled, OrderIntended, OrdersFilled, OrdersIntended
from market.live_events import OrderAccepted, OrdersAccepted

LOTS = (OrdersIntended, OrdersFilled, OrdersAccepted)
_MADE: dict[type[Event], Callable[[Any], Event]] = {
    OrderIntended: lambda run: OrdersIntended(each=tuple(run)),
    OrderFilled: lambda run: OrdersFilled(each=tuple(run)),
    OrderAccepted: OrdersAccepted.of,
}


def in_lots(events: Sequence[Event]) -> list[Event]:
    """The same events in the same order, those of a kind that follow each other as one."""
    if len(events) < 2:
        return list(events)
    entries: list[Event] = []
    for _, run in itertools.groupby(events, _likeness):
        entries += _as_one(list(run))
    return entries


def singly(entry: Event) -> Sequence[Event]:
    """The events of an entry."""
    return entry.each if isinstance(entry, LOTS) else (entry,)


def _likeness(event: Event) -> tuple[type, int]:
    """What is alike goes into one entry. Orders that a broker has were answered at one time."""
    return type(event), event.time if isinstance(event, OrderAccepted) else 0


def _as_one(run: list[Event]) -> list[Event]:
    made = _MADE.get(type(run[0])) if len(run) > 1 else None
    return run if made is None else [made(run)]
