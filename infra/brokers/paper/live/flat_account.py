"""An account, and all that a quote needs to work on it, in two arrays.

A kernel looks at every array that it is handed; forty of them take longer than to settle a bar.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.brokers.paper.settlement import settle_bar
from infra.brokers.paper.state import (
    Exits,
    FillLog,
    FillRules,
    PaperState,
    WorkingOrders,
    empty_state,
)
from market.bars import Floats
from market.compiled import lean_kernel
from market.conversion import Conversion, Indices
from market.ledger import Ledger
from market.marks import CLOSE, OPEN, SPREAD, Marks

ROWS_KEPT = 14
"""Arrays (M,) of an account that must survive, and its cash."""
ROWS_PASSING = 37
"""Arrays (M,) beside them: orders 6, values 6, fills 21, rules 2, charged, held before."""
RULES = 3
"""Rules that are one number for all instruments."""


class Flat(NamedTuple):
    """The two arrays, and what tells their parts apart: M instruments, chains of K conversions,
    C currencies.
    """

    floats: Floats
    ints: Indices
    instruments: int
    hops: int
    currencies: int


class FlatAccount(NamedTuple):
    """The parts, as views. values: (6, M) a bar. interest: (C,). before: (M,) what was held before
    the last bar. prices: (2, M) bids and asks of the last quotes; quoted: (M,) their times, UTC ns,
    0 for none. The rest as of `settle_bar`.
    """

    state: PaperState
    values: Floats
    rules: FillRules
    interest: Floats
    paths: Conversion
    log: FillLog
    cancelled: Indices
    charged: Floats
    before: Floats
    prices: Floats
    quoted: Indices


def unfold(
    floats: Floats, ints: Indices, instruments: int, hops: int, currencies: int
) -> FlatAccount:
    """The parts of the two arrays. The first `kept_size` floats are what an account must keep."""
    count, most = instruments, 3 * instruments
    held = floats[: 2 * count].reshape(2, count)
    cash, at = floats[2 * count : 2 * count + 1], 2 * count + 1
    kept = floats[at : at + 12 * count].reshape(12, count)
    ledger = Ledger(held[0], held[1], cash, kept[0], kept[1], kept[2], kept[3])
    exits = Exits(kept[4], kept[5], kept[6], kept[7])
    marks = Marks(kept[8], kept[9], kept[10], kept[11])
    at += 12 * count
    waiting = floats[at : at + 6 * count].reshape(6, count)
    orders = WorkingOrders(waiting[0], waiting[1], waiting[2], waiting[3], waiting[4], waiting[5])
    at += 6 * count
    values = floats[at : at + 6 * count].reshape(6, count)
    at += 6 * count
    amounts = floats[at : at + 7 * most].reshape(7, most)
    at += 7 * most
    beside = floats[at : at + 4 * count].reshape(4, count)  # rules 2, charged, held before
    at += 4 * count
    prices = floats[at : at + 2 * count].reshape(2, count)
    at += 2 * count
    interest = floats[at : at + currencies]
    at += currencies
    rules = FillRules(floats[at], beside[0], beside[1], floats[at + 1], floats[at + 2])

    chains = ints[: 2 * count * hops].reshape(2, count, hops)
    at = 2 * count * hops
    legs = ints[at : at + 2 * count].reshape(2, count)
    at += 2 * count
    paths = Conversion(chains[0], chains[1], legs[0], legs[1], ints[at], currencies)
    size = ints[at + 1 : at + 2]
    at += 2
    places = ints[at : at + 2 * most].reshape(2, most)
    at += 2 * most
    log = FillLog(
        size,
        places[0],
        places[1],
        amounts[0],
        amounts[1],
        amounts[2],
        amounts[3],
        amounts[4],
        amounts[5],
        amounts[6],
    )
    seen = ints[at : at + 2 * count].reshape(2, count)
    return FlatAccount(
        PaperState(ledger, exits, orders, marks),
        values,
        rules,
        interest,
        paths,
        log,
        seen[0],
        beside[2],
        beside[3],
        prices,
        seen[1],
    )


_unfold = lean_kernel(unfold)


def kept_size(instruments: int) -> int:
    """How many of the floats, the first ones, are the account that must survive."""
    return ROWS_KEPT * instruments + 1


def flat_account(paths: Conversion, rules: FillRules) -> Flat:
    """An empty account, never quoted, on these terms."""
    instruments, hops = paths.path_column.shape
    empty = empty_state(instruments, 0.0)
    passing = np.zeros(ROWS_PASSING * instruments)
    interest = np.zeros(paths.currencies)
    floats = np.concatenate(
        [
            *empty.ledger, *empty.exits, *empty.marks, passing,
            np.full(2 * instruments, np.nan), interest, np.zeros(RULES),
        ]
    )  # fmt: skip
    floats[-RULES:] = rules.slippage, rules.closeout_fraction, rules.financing_fee
    chains = [paths.path_column.ravel(), paths.path_power.ravel(), paths.base, paths.quote]
    seen: NDArray[np.int64] = np.zeros(1 + 8 * instruments, dtype=np.int64)
    flat = Flat(
        floats=floats,
        ints=np.concatenate([*chains, [paths.account], seen]).astype(np.int64),
        instruments=instruments,
        hops=hops,
        currencies=paths.currencies,
    )
    account = unfold(*flat)
    for mine, theirs in zip(account.state.orders, empty.orders, strict=True):
        mine[:] = theirs
    account.values[:] = np.nan
    account.rules.margin_rate[:] = rules.margin_rate
    account.rules.typical_spread[:] = rules.typical_spread
    return flat


@lean_kernel
def settle_flat(
    floats: Floats, ints: Indices, instruments: int, hops: int, currencies: int, nights: float
) -> None:
    """`settle_bar` of the account's own values, to the last bit."""
    account = _unfold(floats, ints, instruments, hops, currencies)
    for column in range(instruments):
        account.before[column] = account.state.ledger.units[column]
    settle_bar(
        account.state,
        account.paths,
        account.values,
        account.interest,
        nights,
        account.rules,
        account.log,
        account.cancelled,
        account.charged,
    )


@lean_kernel
def show_flat(
    floats: Floats,
    ints: Indices,
    instruments: int,
    hops: int,
    currencies: int,
    column: int,
    mid: float,
    spread: float,
) -> None:
    """The next bar has this price of an instrument."""
    values = _unfold(floats, ints, instruments, hops, currencies).values
    values[OPEN : CLOSE + 1, column] = mid
    values[SPREAD, column] = spread


@lean_kernel
def quoted_flat(
    floats: Floats,
    ints: Indices,
    instruments: int,
    hops: int,
    currencies: int,
    column: int,
    bid: float,
    ask: float,
    time: int,
) -> None:
    """The quote is over: the next bar has no price yet, and this is the last quote."""
    account = _unfold(floats, ints, instruments, hops, currencies)
    account.values[:] = np.nan
    account.prices[0, column] = bid
    account.prices[1, column] = ask
    account.quoted[column] = time
