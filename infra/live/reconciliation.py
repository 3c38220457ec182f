"""Reconciliation: the desk's books against the broker's account."""

from __future__ import annotations

import numpy as np

from market.accounts import AccountState
from market.desk_state import DeskState
from market.live_events import MismatchFound

CASH_TOLERANCE = 1e-6
"""Account currency, for every million of it: both sides add the same amounts in the same order."""


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
        for column in np.flatnonzero(state.ledger.units != account.units)
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
            for column in np.flatnonzero(working != account.working)
        ]
    cash = float(state.ledger.cash[0])
    if not abs(cash - account.cash) <= CASH_TOLERANCE * max(1.0, abs(cash) / 1e6):
        found.append(MismatchFound(time=time, what="cash", desk=cash, broker=account.cash))
    return tuple(found)
