"""Reconciliation: the desk's books against the broker's account."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from market.accounts import AccountState
from market.bars import Floats
from market.desk_state import DeskState
from market.live_events import MismatchFound

CASH_TOLERANCE = 1e-6
"""Account currency, for every million of it: both sides add the same amounts in the same order."""
MONEY_DECIMALS = 4
"""Of amounts at brokers that round them."""
LEAST_DIFFERENCE = 0.005
"""Account currency; half of the smallest sum that anybody charges or pays. Never let through."""


UNITS_TOLERANCE = 1e-9
"""Of the larger: both sides add the same decimals, and only one of them may add in binary."""
LEAST_UNITS = 1e-6
"""Never let through: below every increment that a real difference is a multiple of."""


def cash_tolerance(cash: float, transactions: int) -> float:
    """How far the books' cash may be from the broker's, account currency.

    cash: the broker's. transactions: so many it has numbered. A broker whose cash has few decimals
    has rounded every amount that it told of, each by half a unit of the last of them at most.
    """
    exact = CASH_TOLERANCE * max(1.0, abs(cash) / 1e6)
    if cash != round(cash, MONEY_DECIMALS):
        return exact
    rounded = 0.5 * 10.0**-MONEY_DECIMALS * transactions
    return max(exact, min(rounded, 0.99 * LEAST_DIFFERENCE))


def mismatches(state: DeskState, account: AccountState, time: int) -> tuple[MismatchFound, ...]:
    """Every difference between books and account after the same transaction.

    time: UTC nanoseconds of market time.
    """
    found = [
        MismatchFound(
            time=time,
            what=f"units of {state.symbols[column]}",
            desk=float(state.ledger.units[column]),
            broker=float(account.units[column]),
        )
        for column in np.flatnonzero(_differ(state.ledger.units, account.units))
    ]
    if not state.unsettled:  # of these nobody knows yet whether the broker has them
        working = state.working
        found += [
            MismatchFound(
                time=time,
                what=f"working orders in {state.symbols[column]}",
                desk=float(working[column]),
                broker=float(account.working[column]),
            )
            for column in np.flatnonzero(_differ(working, account.working))
        ]
    cash = float(state.ledger.cash[0])
    if not abs(cash - account.cash) <= cash_tolerance(account.cash, account.last_transaction):
        found.append(MismatchFound(time=time, what="cash", desk=cash, broker=account.cash))
    return tuple(found)


def _differ(here: Floats, there: Floats) -> NDArray[np.bool_]:
    """Where units (M,) differ by more than rounding; NaN differs from everything."""
    size = np.maximum(np.abs(here), np.abs(there))
    tolerance = np.minimum(UNITS_TOLERANCE * np.maximum(size, 1.0), LEAST_UNITS)
    return ~(np.abs(here - there) < tolerance)
