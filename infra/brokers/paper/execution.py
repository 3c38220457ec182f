"""Executing an order: price, costs, booking, and the bracket it leaves behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from infra.brokers.paper.margin import margin_used
from infra.brokers.paper.state import (
    CancelReason,
    Exits,
    FillLog,
    FillReason,
    FillRules,
    PaperState,
    WorkingOrders,
)
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion, quote_rate
from market.ledger import book_fill, equity
from market.marks import OPEN

DECISION = int(FillReason.DECISION)
NO_PRICE = int(CancelReason.NO_PRICE)
PRICE_BOUND = int(CancelReason.PRICE_BOUND)
INSUFFICIENT_MARGIN = int(CancelReason.INSUFFICIENT_MARGIN)
NO_RATE = int(CancelReason.NO_RATE)


@lean_kernel
def fill(
    state: PaperState,
    log: FillLog,
    paths: Conversion,
    column: int,
    units: float,
    mid: float,
    slippage: float,
    reason: int,
) -> float:
    """Execute `units` at `mid` plus what crossing the market costs; book and log it.

    slippage: price units against the trader, not negative. The conversion rate is that of the
    moment, with `mid` as the instrument's own price. Returns the fill price.
    """
    ledger, marks = state.ledger, state.marks
    side = 1.0 if units > 0.0 else -1.0
    half_spread = 0.5 * marks.spread[column]
    price: float = mid + side * (half_spread + slippage)
    rate = quote_rate(paths, marks.mid, column, mid)
    realised = book_fill(ledger, column, units, price, rate)
    spread_cost = abs(units) * half_spread * rate
    slippage_cost = abs(units) * slippage * rate
    ledger.spread_cost[column] += spread_cost
    ledger.slippage_cost[column] += slippage_cost
    n = log.size[0]
    log.column[n] = column
    log.reason[n] = reason
    log.units[n] = units
    log.price[n] = price
    log.mid[n] = mid
    log.rate[n] = rate
    log.realised[n] = realised
    log.spread_cost[n] = spread_cost
    log.slippage_cost[n] = slippage_cost
    log.size[0] = n + 1
    return price


@lean_kernel
def clear_exits(exits: Exits, column: int) -> None:
    """Nothing protects this instrument any more."""
    exits.stop_price[column] = np.nan
    exits.take_profit_price[column] = np.nan
    exits.trailing_distance[column] = np.nan
    exits.trailed[column] = 0.0


@lean_kernel
def attach_bracket(state: PaperState, column: int, held: float, price: float) -> None:
    """Attach the waiting order's bracket to the position that its fill at `price` left.

    held: units before the fill. A reduced position keeps its bracket; an added one moves the
    stop only towards the price; a new or reversed one takes the order's.
    """
    exits, orders = state.exits, state.orders
    after = state.ledger.units[column]
    if after == 0.0:
        clear_exits(exits, column)
        return
    same_side = held * after > 0.0
    if same_side and abs(after) < abs(held):
        return
    side = 1.0 if after > 0.0 else -1.0
    stop = price - side * orders.stop_distance[column]
    held_stop = exits.stop_price[column]
    if same_side and not np.isnan(held_stop) and not side * stop >= side * held_stop:
        stop = held_stop
    else:
        exits.trailed[column] = 0.0
    exits.stop_price[column] = stop
    exits.take_profit_price[column] = price + side * orders.take_profit_distance[column]
    exits.trailing_distance[column] = orders.trailing_distance[column]


@lean_kernel
def rate_is_of_this_bar(paths: Conversion, values: Floats, column: int) -> bool:
    """Whether every instrument that converts `column` has a price at this bar's open."""
    for hop in range(paths.path_column.shape[1]):
        through = paths.path_column[column, hop]
        if through >= 0 and not values[OPEN, through] > 0.0:
            return False
    return True


@lean_kernel
def refusal_at_fill(
    state: PaperState,
    paths: Conversion,
    values: Floats,
    rules: FillRules,
    column: int,
    price: float,
) -> int:
    """Why the broker does not fill the waiting order at `price`: a CancelReason, or 0.

    What only reduces a position needs neither margin nor a conversion rate of this bar.
    """
    ledger, orders, marks = state.ledger, state.orders, state.marks
    if not orders.lowest_price[column] <= price <= orders.highest_price[column]:
        return PRICE_BOUND
    held = ledger.units[column]
    after = held + orders.units[column]
    if abs(after) > abs(held) or held * after < 0.0:
        if not rate_is_of_this_bar(paths, values, column):
            return NO_RATE
        used = margin_used(ledger.units, marks, rules.margin_rate)
        per_unit = marks.mid[column] * marks.rate[column] * rules.margin_rate[column]
        needed = used + (abs(after) - abs(held)) * per_unit
        if not needed <= equity(ledger, marks.mid, marks.spread, marks.rate):
            return INSUFFICIENT_MARGIN
    return 0


@lean_kernel
def anything_waits(orders: WorkingOrders) -> bool:
    """Whether any order waits for this bar."""
    waiting = 0
    for column in range(orders.units.shape[0]):
        waiting += orders.units[column] != 0.0
    return waiting > 0


@lean_kernel
def fill_market_orders(
    state: PaperState,
    paths: Conversion,
    values: Floats,
    rules: FillRules,
    log: FillLog,
    cancelled: NDArray[np.int64],
) -> None:
    """Every waiting order fills at the bar's first price or is cancelled; none waits on.

    Of an order that reverses, and for whose new position margin or rate is missing, the closing
    part fills and the rest is cancelled.
    cancelled: (M,) of zeros, receives the CancelReason of an order that did not fill whole.
    """
    orders, marks = state.orders, state.marks
    for column in range(orders.units.shape[0]):
        units = orders.units[column]
        if units == 0.0:
            continue
        mid = values[OPEN, column]
        if not mid > 0.0:
            cancelled[column] = NO_PRICE
        else:
            side = 1.0 if units > 0.0 else -1.0
            slippage = rules.slippage * mid
            price = mid + side * (0.5 * marks.spread[column] + slippage)
            refusal = refusal_at_fill(state, paths, values, rules, column, price)
            cancelled[column] = refusal
            held = state.ledger.units[column]
            if refusal in (NO_RATE, INSUFFICIENT_MARGIN) and held * units < 0.0:
                units = -held
                refusal = 0
            if refusal == 0:
                price = fill(state, log, paths, column, units, mid, slippage, DECISION)
                attach_bracket(state, column, held, price)
        orders.units[column] = 0.0
