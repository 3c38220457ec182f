"""What a bar does to working orders and open positions: the paper broker's arithmetic.

Order of events inside one bar:

1. Financing of the nights that passed since the last bar.
2. At the first price: market orders fill at bid or ask, plus slippage.
3. Stops and take profits, at the first price when it is already beyond them (the gap price),
   else at their own level when the bar's range reaches it; the stop before the take profit.
4. Trailing stops move by the bar's best price.
5. At the close: marking, and the margin close-out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infra.brokers.paper.execution import (
    anything_waits,
    clear_exits,
    fill,
    fill_market_orders,
)
from infra.brokers.paper.exits import trail_stops, trigger_exits
from infra.brokers.paper.margin import charge_financing, margin_used
from infra.brokers.paper.state import FillLog, FillReason, FillRules, PaperState
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.ledger import equity
from market.marks import CLOSE, OPEN, mark_prices, mark_rates

MARGIN_CLOSEOUT = int(FillReason.MARGIN_CLOSEOUT)


@lean_kernel
def close_out_margin(
    state: PaperState, paths: Conversion, rules: FillRules, log: FillLog
) -> tuple[float, float]:
    """Close what can be traded when equity is down to `closeout_fraction` of the margin used.

    An instrument without a price on this bar stays open at its last mark. Nothing remembers that
    it should have been closed: the condition is tested anew on every bar, and it is closed at the
    first of its priced bars on which the condition holds. Returns equity and margin after it.
    """
    ledger, marks = state.ledger, state.marks
    used = margin_used(ledger.units, marks, rules.margin_rate)
    left = equity(ledger, marks.mid, marks.spread, marks.rate)
    if used == 0.0 or left > rules.closeout_fraction * used:
        return left, used
    for column in range(ledger.units.shape[0]):
        units, mid = ledger.units[column], marks.mid[column]
        if units != 0.0 and marks.age[column] == 0.0:
            fill(state, log, paths, column, -units, mid, rules.slippage * mid, MARGIN_CLOSEOUT)
            clear_exits(state.exits, column)
    left = equity(ledger, marks.mid, marks.spread, marks.rate)
    return left, margin_used(ledger.units, marks, rules.margin_rate)


@lean_kernel
def open_bar(
    state: PaperState,
    paths: Conversion,
    values: Floats,
    interest: Floats,
    nights: float,
    rules: FillRules,
    log: FillLog,
    cancelled: NDArray[np.int64],
    charged: Floats,
) -> None:
    """The first two events of a bar: financing, and the orders that wait. Arguments of
    `settle_bar`.
    """
    ledger, marks = state.ledger, state.marks
    log.size[0] = 0
    charge_financing(ledger, marks, paths, interest, nights, rules.financing_fee, charged)
    mark_prices(marks, values, OPEN, rules.typical_spread)
    cancelled[:] = 0
    if anything_waits(state.orders):
        mark_rates(marks, paths)
        fill_market_orders(state, paths, values, rules, log, cancelled)


@lean_kernel
def settle_bar(
    state: PaperState,
    paths: Conversion,
    values: Floats,
    interest: Floats,
    nights: float,
    rules: FillRules,
    log: FillLog,
    cancelled: NDArray[np.int64],
    charged: Floats,
) -> tuple[float, float]:
    """One bar, in the order that the module describes; returns equity and margin used after it.

    values: (6, M) open, high, low, close, spread, volume. interest: (C,) annual decimals.
    nights: rollovers since the last bar. `log`, `cancelled` and the financing `charged` (M,) are
    overwritten with what happened.
    """
    marks = state.marks
    open_bar(state, paths, values, interest, nights, rules, log, cancelled, charged)
    trigger_exits(state, paths, values, rules, log)
    trail_stops(state, values)
    mark_prices(marks, values, CLOSE, rules.typical_spread)
    mark_rates(marks, paths)
    return close_out_margin(state, paths, rules, log)
