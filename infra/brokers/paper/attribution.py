"""Which order a fill belongs to: from the broker's arrays to fills and cancellations as values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from infra.brokers.paper.state import CancelReason, FillLog, FillReason
from market.bars import Floats
from market.conversion import Indices
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

    def fills(self, sequence: int, time: int, log: FillLog, held: Floats) -> tuple[Fill, ...]:
        """The fills of one bar. held: (M,) positions before the bar, moved on here."""
        fills = []
        for n in range(int(log.size[0])):
            column, reason = int(log.column[n]), REASONS[int(log.reason[n])]
            price, units, slippage_bps = float(log.price[n]), float(log.units[n]), math.nan
            held_before = float(held[column])
            held_now = held_before + units
            held[column] = held_now
            if reason is FillReason.DECISION:
                order = self.waiting[column]
                if held_before * held_now <= 0.0:
                    self.opened_by[column] = order.client_order_id
                reference = order.reference_price
                side = 1.0 if order.units > 0.0 else -1.0
                slippage_bps = 1e4 * side * (price - reference) / reference
            fills.append(
                Fill(
                    client_order_id=(
                        self.waiting[column].client_order_id
                        if reason is FillReason.DECISION
                        else self.opened_by[column]
                    ),
                    sequence=sequence,
                    time=time,
                    symbol=self._symbols[column],
                    units=units,
                    price=price,
                    mid=float(log.mid[n]),
                    rate=float(log.rate[n]),
                    reason=reason.name,
                    realised=float(log.realised[n]),
                    spread_cost=float(log.spread_cost[n]),
                    slippage_cost=float(log.slippage_cost[n]),
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
