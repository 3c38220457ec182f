"""What holding positions costs and requires: financing, margin, close-out."""

from __future__ import annotations

import numpy as np

from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.ledger import Ledger
from market.marks import Marks


@lean_kernel
def margin_used(units: Floats, marks: Marks, margin_rate: Floats) -> float:
    """Σ |units| × mid × quote rate × margin rate, account currency."""
    total = 0.0
    for column in range(units.shape[0]):
        if units[column] != 0.0:
            notional = abs(units[column]) * marks.mid[column] * marks.rate[column]
            total += notional * margin_rate[column]
    return total


@lean_kernel
def charge_financing(
    ledger: Ledger,
    marks: Marks,
    paths: Conversion,
    rates: Floats,
    nights: float,
    fee: float,
    charged: Floats,
) -> None:
    """Interest on both legs for the nights held, actual/365, into cash and into `charged` (M,).

    rates: (C,) annual decimal of each currency; where one is NaN nothing is charged but the fee.
    nights: rollovers (17:00 New York) since the last bar; a weekend counts three.
    """
    charged[:] = 0.0
    if nights <= 0.0:
        return
    years = nights / 365.0
    for column in range(ledger.units.shape[0]):
        units = ledger.units[column]
        if units == 0.0:
            continue
        value = units * marks.mid[column] * marks.rate[column]
        difference = rates[paths.base[column]] - rates[paths.quote[column]]
        if not abs(difference) < np.inf:
            difference = 0.0
        amount = value * difference * years - abs(value) * fee * years
        charged[column] = amount
        ledger.financing[column] += amount
        ledger.cash[0] += amount
