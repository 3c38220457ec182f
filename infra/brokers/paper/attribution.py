"""Which order a fill belongs to: from the broker's arrays to fills and cancellations as values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from infra.brokers.paper.state import CancelReason, FillLog, FillReason
from market.bars import Floats
from market.conversion import Indices
from market.ledger import ROUNDING
from market.orders import Cancellation, Fill, OrderRequest

REASONS = {int(reason): reason for reason in FillReason}


class Attribution:
    """Knows the order that waits in each instrument, and the one that opened each position.

    waiting: orders by column, in the order in which they were placed. opened_by: ids of orders, by
    column.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        self.waiting: dict[int, OrderRequest] = {}
        self._symbols = tuple(symbols)
        self.opened_by: dict[int, str] = {}

    def fills(
        self,
        sequence: int,
        times: Sequence[int],
        log: FillLog,
        held: Floats,
        orders: Sequence[OrderRequest | None] = (),
    ) -> tuple[Fill, ...]:
        """The fills of one bar, or of several. times: of each fill, UTC ns. held: (M,) positions
        before the first, moved on here. orders: that were met when each filled; by default, the one
        that waits in its instrument.
        """
        if not times:
            return ()
        size = int(log.size[0])
        told = [part[:size].tolist() for part in log[1:]]
        met = orders or [self.waiting.get(column) for column in told[0]]
        fills = []
        for (
            time,
            order,
            column,
            why,
            units,
            price,
            mid,
            rate,
            realised,
            spread_cost,
            slippage,
        ) in zip(times, met, *told, strict=True):
            reason, slippage_bps = REASONS[why], math.nan
            held_before = float(held[column])
            held_now = held_before + units
            if held_before * units < 0.0 and abs(held_now) <= ROUNDING * abs(units):
                held_now = 0.0  # as the ledger has it
            held[column] = held_now
            if reason is FillReason.DECISION:
                assert order is not None, "only an order fills by decision"
                name = order.client_order_id
                if held_before * held_now <= 0.0:
                    self.opened_by[column] = name
                reference = order.reference_price
                side = 1.0 if order.units > 0.0 else -1.0
                slippage_bps = 1e4 * side * (price - reference) / reference
            else:
                name = self.opened_by[column]
            fills.append(
                Fill(
                    client_order_id=name,
                    sequence=sequence,
                    time=time,
                    symbol=self._symbols[column],
                    units=units,
                    price=price,
                    mid=mid,
                    rate=rate,
                    reason=reason.name,
                    realised=realised,
                    spread_cost=spread_cost,
                    slippage_cost=slippage,
                    slippage_bps=slippage_bps,
                )
            )
        return tuple(fills)

    def cancellations(
        self, sequence: int, time: int, cancelled: Indices
    ) -> tuple[Cancellation, ...]:
        """The waiting orders that did not fill whole. cancelled: (M,) CancelReasons, 0 for none."""
        return tuple(
            Cancellation(
                client_order_id=order.client_order_id,
                sequence=sequence,
                time=time,
                symbol=order.symbol,
                reason=CancelReason(int(cancelled[column])).name,
            )
            for column, order in self.waiting.items()
            if cancelled[column]
        )
