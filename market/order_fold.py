"""`OrderFold`: the orders whose end is not on record, and their groups, folded from a journal."""

from __future__ import annotations

from collections.abc import Iterable

from market.events import OrderCancelled, OrderIntended
from market.live_events import OrderAccepted, OrderResolved, OrderUnknown
from market.order_groups import OrderGroup, filled, joined, kept_within, returning
from market.order_life import (
    OPEN,
    UNSETTLED,
    OpenOrder,
    OrderNews,
    OrderStage,
    Purpose,
    after_fill,
    after_news,
    news_of,
)
from market.orders import BY_DECISION, Fill, OrderRequest

KEPT_GROUPS = 100
"""Groups of orders that are remembered: a fill may come after all of its orders have ended."""


class OrderFold:
    """orders: by client order id; groups: by name, oldest first. Both change by what is folded."""

    def __init__(self, orders: Iterable[OpenOrder] = (), groups: Iterable[OrderGroup] = ()) -> None:
        self.orders: dict[str, OpenOrder] = {}
        self.groups = {group.name: group for group in groups}
        self._unsettled: dict[str, OrderRequest] = {}
        for entry in orders:
            self._keep(entry)

    @property
    def unsettled(self) -> tuple[OrderRequest, ...]:
        """Orders of which only the broker knows what became of them."""
        return tuple(self._unsettled.values())

    def is_unsettled(self, client_order_id: str) -> bool:
        """Whether only the broker knows what became of this order."""
        return client_order_id in self._unsettled

    def intend(self, event: OrderIntended) -> None:
        """An order is about to be sent; one that is known already stays as it stands."""
        order = event.order
        if order.client_order_id not in self.orders:
            self._keep(
                OpenOrder(
                    order=order, stage=OrderStage.INTENDED, group=event.group, purpose=event.purpose
                )
            )
        if event.group:
            group = self.groups.get(event.group) or self._new_group(event.group, order.symbol)
            grown = returning if event.purpose == Purpose.SURPLUS else joined
            self.groups[group.name] = grown(group, order.client_order_id)

    def accept(self, event: OrderAccepted) -> None:
        """The broker has an order."""
        self._hear(event.client_order_id, OrderNews.ACCEPTED)

    def end(self, event: OrderCancelled) -> None:
        """An order has ended without a fill, or what was left of one."""
        news = news_of(event)
        if news is not None:
            self._hear(event.cancellation.client_order_id, news)

    def look_up(self, event: OrderUnknown | OrderResolved) -> None:
        """Nobody knows what became of an order, or it was found out."""
        news = news_of(event)
        if news is not None:
            self._hear(event.client_order_id, news)

    def fill(self, fill: Fill, before: float, held: float) -> None:
        """A fill was booked. before, held: signed units of its instrument before and after it."""
        if fill.reason == BY_DECISION:
            entry = self.orders.get(fill.client_order_id)
            if entry is not None:
                self._keep(after_fill(entry, fill, held))
        if self.groups:
            self._fill_group(fill, before, held)

    def _fill_group(self, fill: Fill, before: float, held: float) -> None:
        """What a fill means for the groups of its instrument."""
        name = fill.client_order_id
        for group in [group for group in self.groups.values() if group.symbol == fill.symbol]:
            if fill.reason == BY_DECISION and name in (*group.members, *group.returns):
                self.groups[group.name] = filled(group, name, fill.units, before)
            self.groups[group.name] = kept_within(self.groups[group.name], held)

    def _new_group(self, name: str, symbol: str) -> OrderGroup:
        """Another group; the oldest of which nothing is open is forgotten where there are many."""
        if len(self.groups) >= KEPT_GROUPS:
            working = {entry.group for entry in self.orders.values()}
            for old in self.groups.values():
                if old.name not in working and old.surplus == 0.0:
                    del self.groups[old.name]
                    break
        return OrderGroup(name=name, symbol=symbol)

    def _hear(self, name: str, news: OrderNews) -> None:
        entry = self.orders.get(name)
        if entry is not None:
            self._keep(after_news(entry, news))

    def _keep(self, entry: OpenOrder) -> None:
        """Follow an order while it is open; what fills after its end is booked all the same."""
        name = entry.order.client_order_id
        if entry.stage in OPEN:
            self.orders[name] = entry
        else:
            del self.orders[name]
        if entry.stage in UNSETTLED:
            self._unsettled[name] = entry.order
        else:
            self._unsettled.pop(name, None)
