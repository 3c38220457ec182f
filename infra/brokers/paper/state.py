"""The paper broker's state as arrays, and the words for what can happen to an order."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from market.bars import Floats
from market.instruments import Instrument
from market.ledger import Ledger, open_ledger
from market.marks import Marks, no_marks


class FillReason(IntEnum):
    """Why a fill happened."""

    DECISION = 1
    STOP_LOSS = 2
    TRAILING_STOP = 3
    TAKE_PROFIT = 4
    MARGIN_CLOSEOUT = 5


class CancelReason(IntEnum):
    """Why a working order, or the opening part of one that reverses, ended without a fill."""

    NO_PRICE = 1
    PRICE_BOUND = 2
    INSUFFICIENT_MARGIN = 3
    NO_RATE = 4
    REJECTED = 5


REJECTED_ORDER = int(CancelReason.REJECTED)


class WorkingOrders(NamedTuple):
    """At most one market order an instrument, waiting for the next bar; arrays (M,).

    units: signed, 0 where none waits. stop_distance, take_profit_distance, trailing_distance:
    price units from the fill, NaN for none. lowest_price, highest_price: the order is cancelled
    rather than filled outside them.
    """

    units: Floats
    stop_distance: Floats
    take_profit_distance: Floats
    trailing_distance: Floats
    lowest_price: Floats
    highest_price: Floats


class Exits(NamedTuple):
    """The bracket that protects each open position; arrays (M,), NaN for none.

    trailed: 1 where the stop has been moved by trailing, else 0.
    """

    stop_price: Floats
    take_profit_price: Floats
    trailing_distance: Floats
    trailed: Floats


class PaperState(NamedTuple):
    """Everything that the paper broker remembers between two bars."""

    ledger: Ledger
    exits: Exits
    orders: WorkingOrders
    marks: Marks


class FillRules(NamedTuple):
    """slippage: fraction of price against the trader on market and stop fills.

    margin_rate, typical_spread: (M,) fraction of notional; price units.
    closeout_fraction: positions are closed when equity falls to this fraction of margin used.
    financing_fee: annual decimal charged on notional beside the interest difference.
    """

    slippage: float
    margin_rate: Floats
    typical_spread: Floats
    closeout_fraction: float
    financing_fee: float


def fill_rules(
    instruments: Sequence[Instrument],
    *,
    slippage: float,
    closeout_fraction: float,
    financing_fee: float,
) -> FillRules:
    """The rules for a panel whose columns are `instruments`."""
    return FillRules(
        slippage=slippage,
        margin_rate=np.array([instrument.margin_rate for instrument in instruments]),
        typical_spread=np.array([instrument.typical_spread for instrument in instruments]),
        closeout_fraction=closeout_fraction,
        financing_fee=financing_fee,
    )


class FillLog(NamedTuple):
    """The fills of one bar, `size[0]` of them, in the order they happened; arrays (3 M,)."""

    size: NDArray[np.int64]
    column: NDArray[np.int64]
    reason: NDArray[np.int64]
    units: Floats
    price: Floats
    mid: Floats
    rate: Floats
    realised: Floats
    spread_cost: Floats
    slippage_cost: Floats


def empty_state(instruments: int, cash: float) -> PaperState:
    """No positions, no orders, no prices; `cash` in account currency."""
    return PaperState(
        ledger=open_ledger(instruments, cash),
        exits=no_exits(instruments),
        orders=no_working_orders(instruments),
        marks=no_marks(instruments),
    )


def no_working_orders(instruments: int) -> WorkingOrders:
    """No order waits."""
    nan = np.full((5, instruments), np.nan)
    return WorkingOrders(np.zeros(instruments), nan[0], nan[1], nan[2], nan[3], nan[4])


def no_exits(instruments: int) -> Exits:
    """No position is protected."""
    nan = np.full((3, instruments), np.nan)
    return Exits(nan[0], nan[1], nan[2], np.zeros(instruments))


def no_fills(instruments: int) -> FillLog:
    """An empty log with room for the most fills that one bar can bring."""
    whole = np.zeros((2, 3 * instruments), dtype=np.int64)
    real = np.zeros((7, 3 * instruments))
    return FillLog(
        size=np.zeros(1, dtype=np.int64),
        column=whole[0],
        reason=whole[1],
        units=real[0],
        price=real[1],
        mid=real[2],
        rate=real[3],
        realised=real[4],
        spread_cost=real[5],
        slippage_cost=real[6],
    )
