"""When an order ends by itself."""

from __future__ import annotations

from infra.brokers.paper.rollovers import next_rollover
from market.orders import Entry, TimeInForce

TIME_IN_FORCE_EXPIRED = "TIME_IN_FORCE_EXPIRED"


def expiry_of(entry: Entry | None, time: int) -> int:
    """UTC ns, of an order accepted at `time`; 0 for never. GFD ends at 17:00 in New York."""
    if entry is None:
        return 0
    if entry.time_in_force is TimeInForce.GTD:
        return entry.good_until
    return next_rollover(time) if entry.time_in_force is TimeInForce.GFD else 0
