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
"""Arrays (M,) beside them: orders 6, values 6, rules 2, fills 21, charged, held before."""
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
    count = instruments
    cash = 2 * count
    ledger = Ledger(
        floats[:count],
        floats[count : 2 * count],
        floats[cash : cash + 1],
        floats[cash + 1 : cash + 1 + count],
        floats[cash + 1 + count : cash + 1 + 2 * count],
        floats[cash + 1 + 2 * count : cash + 1 + 3 * count],
        floats[cash + 1 + 3 * count : cash + 1 + 4 * count],
    )
    at = 6 * count + 1
    exits = Exits(
        floats[at : at + count],
        floats[at + count : at + 2 * count],
        floats[at + 2 * count : at + 3 * count],
        floats[at + 3 * count : at + 4 * count],
    )
    at += 4 * count
    marks = Marks(
        floats[at : at + count],
        floats[at + count : at + 2 * count],
        floats[at + 2 * count : at + 3 * count],
        floats[at + 3 * count : at + 4 * count],
    )
    at += 4 * count
    orders = WorkingOrders(
        floats[at : at + count],
        floats[at + count : at + 2 * count],
        floats[at + 2 * count : at + 3 * count],
        floats[at + 3 * count : at + 4 * count],
        floats[at + 4 * count : at + 5 * count],
        floats[at + 5 * count : at + 6 * count],
    )
    at += 6 * count
    values = floats[at : at + 6 * count].reshape(6, count)
    at += 6 * count
    margin_rate, typical_spread = floats[at : at + count], floats[at + count : at + 2 * count]
    at += 2 * count
    fills, most = at, 3 * count
    at += 7 * most
    charged, before = floats[at : at + count], floats[at + count : at + 2 * count]
    at += 2 * count
    prices = floats[at : at + 2 * count].reshape(2, count)
    at += 2 * count
    interest = floats[at : at + currencies]
    at += currencies
    rules = FillRules(floats[at], margin_rate, typical_spread, floats[at + 1], floats[at + 2])

    legs = 2 * count * hops
    paths = Conversion(
        ints[: count * hops].reshape(count, hops),
        ints[count * hops : legs].reshape(count, hops),
        ints[legs : legs + count],
        ints[legs + count : legs + 2 * count],
        ints[legs + 2 * count],
        currencies,
    )
    size = legs + 2 * count + 1
    log = FillLog(
        ints[size : size + 1],
        ints[size + 1 : size + 1 + most],
        ints[size + 1 + most : size + 1 + 2 * most],
        floats[fills : fills + most],
        floats[fills + most : fills + 2 * most],
        floats[fills + 2 * most : fills + 3 * most],
        floats[fills + 3 * most : fills + 4 * most],
        floats[fills + 4 * most : fills + 5 * most],
        floats[fills + 5 * most : fills + 6 * most],
        floats[fills + 6 * most : fills + 7 * most],
    )
    size += 1 + 2 * most
    cancelled, quoted = ints[size : size + count], ints[size + count : size + 2 * count]
    return FlatAccount(
        PaperState(ledger, exits, orders, marks),
        values,
        rules,
        interest,
        paths,
        log,
        cancelled,
        charged,
        before,
        prices,
        quoted,
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
