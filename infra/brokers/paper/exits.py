"""Stops, take profits and trailing stops."""

from __future__ import annotations

import numpy as np

from infra.brokers.paper.execution import clear_exits, fill
from infra.brokers.paper.state import FillLog, FillReason, FillRules, PaperState
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion
from market.marks import CLOSE, HIGH, LOW, OPEN

STOP_LOSS = int(FillReason.STOP_LOSS)
TRAILING_STOP = int(FillReason.TRAILING_STOP)
TAKE_PROFIT = int(FillReason.TAKE_PROFIT)


@lean_kernel
def trigger_exits(
    state: PaperState, paths: Conversion, values: Floats, rules: FillRules, log: FillLog
) -> None:
    """Close the positions whose stop or take profit this bar reached.

    Prices are compared on the side that closes: bid for a long position, ask for a short one.
    The conversion uses the bar's first prices, with the exit's own price for the instrument.
    """
    exits = state.exits
    for column in range(state.ledger.units.shape[0]):
        units = state.ledger.units[column]
        first = values[OPEN, column]
        if units == 0.0 or not first > 0.0:
            continue
        side = 1.0 if units > 0.0 else -1.0
        high, low = values[HIGH, column], values[LOW, column]
        to_closing_side = -side * 0.5 * state.marks.spread[column]
        opened = first + to_closing_side
        worst = (low if side > 0.0 else high) + to_closing_side
        best = (high if side > 0.0 else low) + to_closing_side
        stop, target = exits.stop_price[column], exits.take_profit_price[column]
        level, reason = np.nan, 0
        if side * opened <= side * stop:
            level, reason = opened, STOP_LOSS
        elif side * opened >= side * target:
            level, reason = opened, TAKE_PROFIT
        elif side * worst <= side * stop:
            level, reason = stop, STOP_LOSS
        elif side * best >= side * target:
            level, reason = target, TAKE_PROFIT
        if reason == 0:
            continue
        # A take profit is a limit order: it is filled at its price or better, never slipped.
        slippage = 0.0 if reason == TAKE_PROFIT else rules.slippage * first
        if reason == STOP_LOSS and exits.trailed[column] > 0.0:
            reason = TRAILING_STOP
        fill(state, log, paths, column, -units, level - to_closing_side, slippage, reason)
        clear_exits(exits, column)


@lean_kernel
def trail_stops(state: PaperState, values: Floats) -> None:
    """After the bar, pull trailing stops to their distance from the bar's best price."""
    exits = state.exits
    for column in range(state.ledger.units.shape[0]):
        units = state.ledger.units[column]
        distance = exits.trailing_distance[column]
        if units == 0.0 or not distance > 0.0 or not values[CLOSE, column] > 0.0:
            continue
        side = 1.0 if units > 0.0 else -1.0
        extreme = values[HIGH, column] if side > 0.0 else values[LOW, column]
        candidate = extreme - side * (0.5 * state.marks.spread[column] + distance)
        if not side * exits.stop_price[column] >= side * candidate:
            exits.stop_price[column] = candidate
            exits.trailed[column] = 1.0
