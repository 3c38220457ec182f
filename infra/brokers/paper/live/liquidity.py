"""How much of an order one quote fills."""

from __future__ import annotations

import math

WHOLE = 1e-9


def part_of(left: float, liquidity: float, increment: float) -> float:
    """Signed units: all that is left, or as many whole increments as `liquidity` units hold."""
    if abs(left) <= liquidity:
        return left
    increments = math.floor(liquidity / increment * (1.0 + WHOLE))
    return math.copysign(increments * increment, left)
