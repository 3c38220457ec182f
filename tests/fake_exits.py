"""What protects a position of the `FakeBroker`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from market.errors import InvalidError


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """What protects a position. opened_by: the order under whose id an exit fills."""

    opened_by: str
    stop: float
    take_profit: float
    trailing: float | None

    def pulled(self, side: float, price: float) -> Exits:
        """With the stop where a trailing distance pulls it."""
        if self.trailing is None:
            return self
        moved = price - side * self.trailing
        kept = self.stop if np.isfinite(self.stop) else moved
        return replace(self, stop=side * max(side * kept, side * moved))

    def changed(
        self,
        side: float,
        price: float,
        *,
        stop_price: float | None,
        take_profit_price: float | None,
        trailing: float | None,
    ) -> Exits:
        """Others. price: at which the position would be closed now."""
        told = (stop_price, take_profit_price, trailing)
        asked = [one for one in told if one is not None]
        if not asked or any(one <= 0.0 or one == math.inf for one in asked):
            raise InvalidError(f"expected exits above 0, found {told}")
        found = self
        if stop_price is not None:
            if side * (price - stop_price) <= 0.0:
                raise InvalidError(f"a stop at {stop_price} would close the position now")
            found = replace(found, stop=stop_price)
        if take_profit_price is not None:
            if side * (take_profit_price - price) <= 0.0:
                raise InvalidError(f"a take profit at {take_profit_price} would close it now")
            found = replace(found, take_profit=take_profit_price)
        if trailing is not None:
            found = replace(found, trailing=None if math.isnan(trailing) else trailing)
        return found.pulled(side, price)
