"""`WaitingOrder`: an accepted order, and how far it has come."""

from __future__ import annotations

from market.accounts import BrokerOrder, OrderState
from market.orders import EntryKind, Fill, OrderRequest, TimeInForce
from market.record import Record

AT_ONCE = (TimeInForce.FOK, TimeInForce.IOC)


class WaitingOrder(Record, frozen=True, kw_only=True):
    """An accepted order. transaction: of its acceptance. closes: whatever is held when it fills.
    reduces: what is held when it fills, by its units at most.

    latest: the transaction that made it what it is, its acceptance or its last fill. filled: signed
    units that were. filled_at: when its last part did, UTC ns, 0 before the first.
    stood: of MARKET_IF_TOUCHED, the side of its price on which the market stood when it was
    accepted: 1 above, −1 below, 0 there. expires: UTC ns, 0 for never.
    """

    transaction: int
    order: OrderRequest
    latest: int
    closes: bool = False
    reduces: bool = False
    filled: float = 0.0
    filled_at: int = 0
    stood: int = 0
    expires: int = 0

    @property
    def kind(self) -> EntryKind:
        """When it fills."""
        entry = self.order.entry
        return EntryKind.MARKET if entry is None else entry.kind

    @property
    def time_in_force(self) -> TimeInForce:
        """How long it works. What closes a position works until that is done."""
        if self.closes or self.reduces:
            return TimeInForce.GTC
        entry = self.order.entry
        return TimeInForce.FOK if entry is None else entry.time_in_force

    @property
    def is_at_once(self) -> bool:
        """Whether it must fill at the next quote, or end."""
        return self.kind is EntryKind.MARKET or self.time_in_force in AT_ONCE

    @property
    def left(self) -> float:
        """Signed units that were not filled yet."""
        return self.order.units - self.filled

    @property
    def standing(self) -> BrokerOrder:
        """How it stands, for whoever asks."""
        order = self.order
        return BrokerOrder(
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            units=order.units,
            state=OrderState.PARTIALLY_FILLED if self.filled else OrderState.ACCEPTED,
            transaction=self.latest,
            filled=self.filled,
        )

    def after(self, fill: Fill, transaction: int) -> WaitingOrder:
        """The order once a part of it has filled, by this transaction."""
        return WaitingOrder(
            transaction=self.transaction,
            order=self.order,
            latest=transaction,
            closes=self.closes,
            reduces=self.reduces,
            filled=self.filled + fill.units,
            filled_at=fill.time,
            stood=self.stood,
            expires=self.expires,
        )
