"""`Ledger`: positions, cash and costs as arrays, booked fill by fill."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from market.bars import Floats
from market.compiled import lean_kernel

ROUNDING = 1e-12
"""Of a fill: less than this share of it is left of a position by rounding alone."""


class Ledger(NamedTuple):
    """Netted positions of M instruments and one cash balance.

    units: (M,) signed. average_price: (M,) of the open position; NaN when flat.
    cash: (1,) balance in account currency: realised profit and loss is in it, unrealised is not.
    realised, financing: (M,) account currency, signed, since the start.
    spread_cost, slippage_cost: (M,) account currency, positive, since the start; they are
        already contained in the fill prices and listed for the record.
    """

    units: Floats
    average_price: Floats
    cash: Floats
    realised: Floats
    financing: Floats
    spread_cost: Floats
    slippage_cost: Floats


def open_ledger(instruments: int, cash: float) -> Ledger:
    """A ledger without positions."""
    return Ledger(
        units=np.zeros(instruments),
        average_price=np.full(instruments, np.nan),
        cash=np.array([cash]),
        realised=np.zeros(instruments),
        financing=np.zeros(instruments),
        spread_cost=np.zeros(instruments),
        slippage_cost=np.zeros(instruments),
    )


@lean_kernel
def book_fill(ledger: Ledger, column: int, units: float, price: float, rate: float) -> float:
    """Book an executed part and return the profit and loss it realised, in account currency.

    units: signed. price: quote currency. rate: account currency for one unit of quote currency
    at the fill; what is realised at it is never translated again. Average-cost accounting: a
    fill in the direction of the position moves the average, one against it realises. What rounding
    alone leaves, as 0.1 + 0.2 − 0.3 does, is flat.
    """
    held = ledger.units[column]
    after = held + units
    realised = 0.0
    if held == 0.0:
        ledger.average_price[column] = price
    elif held * units > 0.0:
        ledger.average_price[column] = (held * ledger.average_price[column] + units * price) / after
    else:
        if abs(after) <= ROUNDING * abs(units):
            after = 0.0
        closed = -units if abs(units) <= abs(held) else held
        realised = closed * (price - ledger.average_price[column]) * rate
        if after == 0.0:
            ledger.average_price[column] = np.nan
        elif held * after < 0.0:
            ledger.average_price[column] = price
    ledger.units[column] = after
    ledger.realised[column] += realised
    ledger.cash[0] += realised
    return realised


@lean_kernel
def closing_price(units: float, mid: float, spread: float) -> float:
    """The price at which a position could be closed: the bid when long, the ask when short."""
    return mid - 0.5 * spread if units > 0.0 else mid + 0.5 * spread


@lean_kernel
def equity(ledger: Ledger, mid: Floats, spread: Floats, rate: Floats) -> float:
    """Cash plus unrealised profit and loss at closing prices, in account currency.

    mid, spread, rate: (M,) last known mid, spread and quote rate. NaN when an open position
    has no price or no rate.
    """
    total: float = ledger.cash[0]
    for column in range(ledger.units.shape[0]):
        units = ledger.units[column]
        if units != 0.0:
            price = closing_price(units, mid[column], spread[column])
            total += units * (price - ledger.average_price[column]) * rate[column]
    return total


@lean_kernel
def book_told(
    ledger: Ledger, column: int, units: float, price: float, rate: float, realised: float
) -> None:
    """Book an executed part of which the broker says itself what it realised.

    A broker that closes its trades one by one, or rounds, realises something else than the average
    cost does. Its word goes into cash, and the average price of what is left moves so that cash and
    unrealised value together are what they were: b′a′ = b·a + u·p + r/rate for a position b at the
    average a, a fill of u at p that realises r. Where nothing is left nothing moves. realised:
    account currency; what is not finite says nothing, and the computed one stands. Where both are
    equal every bit is that of `book_fill`.
    """
    cash, before = ledger.cash[0], ledger.realised[column]
    computed = book_fill(ledger, column, units, price, rate)
    if realised == computed or not math.isfinite(realised):
        return
    ledger.cash[0] = cash + realised
    ledger.realised[column] = before + realised
    left = ledger.units[column]
    if left != 0.0 and math.isfinite(rate) and rate > 0.0:
        ledger.average_price[column] += (realised - computed) / (left * rate)
