"""The life of an order as the desk follows it: one table of what each piece of news makes of it.

    INTENDED ──► ACCEPTED ──► PARTIALLY_FILLED ──► FILLED
       └──► UNKNOWN ──┘   (any of these may follow any before it)
    and from each of the first four to CANCELLED, REJECTED, EXPIRED or REPLACED;
    from INTENDED and UNKNOWN also to ABSENT: the broker never had it

There is no stage for an order that was sent: it is sent right after its intent is durable, and a
crash between the two leaves nothing to tell them apart by. An INTENDED order may be at the broker.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from market.events import Event, OrderCancelled
from market.live_events import OrderAccepted, OrderResolved, OrderUnknown
from market.orders import Fill, OrderRequest
from market.record import Record

ABSENT = "ABSENT"
"""What `OrderResolved.found` says of an order that the broker never had."""
ROUNDING = 1e-9
"""Of an order's units, in the sum of its fills."""


class OrderStage(StrEnum):
    """Where an order stands."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REPLACED = "replaced"
    ABSENT = "absent"


OPEN = frozenset(
    {OrderStage.INTENDED, OrderStage.UNKNOWN, OrderStage.ACCEPTED, OrderStage.PARTIALLY_FILLED}
)
UNSETTLED = frozenset({OrderStage.INTENDED, OrderStage.UNKNOWN})
"""Stages in which only the broker knows what became of the order."""


class OrderNews(StrEnum):
    """What is heard of an order. A fill is the last one where it leaves nothing to fill.

    FOUND, ABSENT: it was looked up at the broker, which has it, or never had it.
    """

    ACCEPTED = "accepted"
    UNANSWERED = "unanswered"
    FILL = "a fill"
    LAST_FILL = "the last fill"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REPLACED = "replaced"
    FOUND = "found"
    ABSENT = "absent"


_ENDS = {
    OrderNews.CANCELLED: OrderStage.CANCELLED,
    OrderNews.REJECTED: OrderStage.REJECTED,
    OrderNews.EXPIRED: OrderStage.EXPIRED,
    OrderNews.REPLACED: OrderStage.REPLACED,
}
_ENDINGS = frozenset({*_ENDS, OrderNews.ABSENT})
"""What `OrderCancelled.ending` may say."""
_FILLS = {
    OrderNews.FILL: OrderStage.PARTIALLY_FILLED,
    OrderNews.LAST_FILL: OrderStage.FILLED,
}
_HEARD = {
    OrderNews.ACCEPTED: OrderStage.ACCEPTED,
    OrderNews.FOUND: OrderStage.ACCEPTED,
    OrderNews.ABSENT: OrderStage.ABSENT,
}


def _row(stage: OrderStage) -> Mapping[OrderNews, OrderStage]:
    """What each piece of news makes of this stage; what is not named leaves it."""
    row = dict.fromkeys(OrderNews, stage)
    if stage in UNSETTLED:
        row |= {**_HEARD, OrderNews.UNANSWERED: OrderStage.UNKNOWN}
    if stage in OPEN:
        row |= {**_ENDS, **_FILLS}
    # The end that was heard first stands; a fill after it counts, and the last one completes it.
    return MappingProxyType({**row, OrderNews.LAST_FILL: OrderStage.FILLED})


TABLE: Mapping[OrderStage, Mapping[OrderNews, OrderStage]] = MappingProxyType(
    {stage: _row(stage) for stage in OrderStage}
)
"""Total: every piece of news at every stage. docs/ORDERS.md shows it."""


class Purpose(StrEnum):
    """What an order is for. CLOSE: the broker closes whatever is held when it fills. REDUCE: it
    closes so many units, and no more than are held then. SURPLUS: the same, to give back what a
    second order of a group filled.
    """

    TRADE = ""
    CLOSE = "close"
    REDUCE = "reduce"
    SURPLUS = "surplus"


NEVER_REVERSES = frozenset({Purpose.CLOSE, Purpose.REDUCE, Purpose.SURPLUS})


class OpenOrder(Record, frozen=True, kw_only=True):
    """An order whose end is not in the journal yet.

    filled: signed units that were. group: of which one order may fill, empty for none.
    """

    order: OrderRequest
    stage: OrderStage
    filled: float = 0.0
    group: str = ""
    purpose: str = Purpose.TRADE

    @property
    def units(self) -> float:
        """Signed units that may still fill."""
        return _left(self.order.units, self.filled)


def after_fill(entry: OpenOrder, fill: Fill, held: float) -> OpenOrder:
    """The order after a fill of its own. held: the position after it.

    One that only closes has nothing to do any more where nothing is held, whatever its units were.
    """
    filled = entry.filled + fill.units
    closes = entry.purpose in NEVER_REVERSES
    whole = _left(entry.order.units, filled) == 0.0 or (closes and held == 0.0)
    return _moved(entry, OrderNews.LAST_FILL if whole else OrderNews.FILL, filled)


def after_news(entry: OpenOrder, news: OrderNews) -> OpenOrder:
    """The order after any other news."""
    return _moved(entry, news, entry.filled)


def _moved(entry: OpenOrder, news: OrderNews, filled: float) -> OpenOrder:
    # Not `replace`, which looks the fields up anew for every order.
    return OpenOrder(
        order=entry.order,
        stage=TABLE[entry.stage][news],
        filled=filled,
        group=entry.group,
        purpose=entry.purpose,
    )


def news_of(event: Event) -> OrderNews | None:
    """What an event says of its order; of a fill, which takes its order to say, see `after_fill`.

    None where it says nothing of one.
    """
    if isinstance(event, OrderAccepted):
        return OrderNews.ACCEPTED
    if isinstance(event, OrderUnknown):
        return OrderNews.UNANSWERED
    if isinstance(event, OrderResolved):
        return OrderNews.ABSENT if event.found == ABSENT else OrderNews.FOUND
    if isinstance(event, OrderCancelled):
        return OrderNews(event.ending) if event.ending in _ENDINGS else OrderNews.CANCELLED
    return None


def _left(units: float, filled: float) -> float:
    left = units - filled
    return left if left * units > 0.0 and abs(left) > ROUNDING * abs(units) else 0.0
