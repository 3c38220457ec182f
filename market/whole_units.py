"""Sizes as a broker takes them: whole multiples of an instrument's unit increment."""

from __future__ import annotations

import numpy as np

from market.compiled import lean_kernel

WHOLE = 1e-9
"""How near the inverse of an increment below 1 is to a whole number."""


@lean_kernel
def whole_units(units: float, increment: float) -> float:
    """The largest multiple of the unit increment that is not above a size; never negative.

    Of a decimal increment such as 0.1 it is the number nearest to the multiple, which a product
    of tenths is not: a broker takes 0.3, and refuses 0.30000000000000004.
    """
    size, parts = max(units, 0.0), np.rint(1.0 / increment)
    if increment >= 1.0 or not abs(parts * increment - 1.0) <= WHOLE:
        whole: float = np.floor(size / increment) * increment
        return whole
    count: float = np.floor(size * parts)
    if (count + 1.0) / parts <= size:  # 0.29 × 100 is not quite 29
        count += 1.0
    if count / parts > size:
        count -= 1.0
    decimal: float = count / parts
    return decimal
