"""What the paper broker takes, and how an order comes to wait."""

from __future__ import annotations

import numpy as np

from infra.brokers.paper.state import WorkingOrders
from market.compiled import lean_kernel

WHOLE = 1e-12


@lean_kernel
def is_sized(units: float, held: float, increment: float) -> bool:
    """Whether an order's size is a multiple of the unit increment and not zero.

    A multiple of 0.01 is one only to the last bits, and the last bits are those of the positions
    whose difference the order is: 98,995.92 − 98,989.51 is not quite 6.41.
    """
    increments = units / increment
    if units == 0.0 or not abs(increments) < np.inf:
        return False
    size = abs(increments) + abs(held) / increment
    whole: bool = abs(increments - np.rint(increments)) <= WHOLE * max(1.0, size)
    return whole


@lean_kernel
def enter_order(
    orders: WorkingOrders,
    column: int,
    units: float,
    stop_distance: float,
    take_profit_distance: float,
    trailing_distance: float,
    lowest_price: float,
    highest_price: float,
) -> None:
    """Let an order wait for the next bar's first price; `trailing_distance` is NaN for none."""
    orders.units[column] = units
    orders.stop_distance[column] = stop_distance
    orders.take_profit_distance[column] = take_profit_distance
    orders.trailing_distance[column] = trailing_distance
    orders.lowest_price[column] = lowest_price
    orders.highest_price[column] = highest_price
