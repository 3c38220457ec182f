"""An account in one buffer, as it is kept, and a bar of it that is handed little else."""

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
from market.conversion import Conversion
from market.ledger import Ledger
from market.marks import Marks


class FlatLog(NamedTuple):
    """A `FillLog` in three arrays: size (1,), places (2, 3 M) columns and reasons, amounts (7, 3 M)
    in the order of its fields.
    """

    size: NDArray[np.int64]
    places: NDArray[np.int64]
    amounts: Floats


def flat_log(instruments: int) -> FlatLog:
    """An empty one with room for the most fills that one bar can bring."""
    return FlatLog(
        size=np.zeros(1, dtype=np.int64),
        places=np.zeros((2, 3 * instruments), dtype=np.int64),
        amounts=np.zeros((7, 3 * instruments)),
    )


def unfold(buffer: Floats, orders: Floats) -> PaperState:
    """The account whose arrays are views of these. orders: (6, M), as `WorkingOrders`."""
    count = orders.shape[1]
    ledger = Ledger(
        buffer[:count],
        buffer[count : 2 * count],
        buffer[2 * count : 2 * count + 1],
        buffer[2 * count + 1 : 3 * count + 1],
        buffer[3 * count + 1 : 4 * count + 1],
        buffer[4 * count + 1 : 5 * count + 1],
        buffer[5 * count + 1 : 6 * count + 1],
    )
    exits = Exits(
        buffer[6 * count + 1 : 7 * count + 1],
        buffer[7 * count + 1 : 8 * count + 1],
        buffer[8 * count + 1 : 9 * count + 1],
        buffer[9 * count + 1 : 10 * count + 1],
    )
    marks = Marks(
        buffer[10 * count + 1 : 11 * count + 1],
        buffer[11 * count + 1 : 12 * count + 1],
        buffer[12 * count + 1 : 13 * count + 1],
        buffer[13 * count + 1 : 14 * count + 1],
    )
    waiting = WorkingOrders(orders[0], orders[1], orders[2], orders[3], orders[4], orders[5])
    return PaperState(ledger, exits, waiting, marks)


def unfold_log(log: FlatLog) -> FillLog:
    """The log whose arrays are views of these."""
    places, amounts = log.places, log.amounts
    return FillLog(
        log.size,
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


_unfold = lean_kernel(unfold)
_unfold_log = lean_kernel(unfold_log)


@lean_kernel
def settle_flat(
    buffer: Floats,
    orders: Floats,
    paths: Conversion,
    values: Floats,
    interest: Floats,
    nights: float,
    rules: FillRules,
    log: FlatLog,
    cancelled: NDArray[np.int64],
    charged: Floats,
) -> None:
    """`settle_bar` of the account in a buffer, to the last bit.

    A kernel that is handed forty arrays one by one takes longer to look at them than to settle.
    """
    settle_bar(
        _unfold(buffer, orders),
        paths,
        values,
        interest,
        nights,
        rules,
        _unfold_log(log),
        cancelled,
        charged,
    )


def flat_state(instruments: int) -> tuple[Floats, Floats, PaperState]:
    """An empty account whose arrays are views: of the buffer, which is all there is to keep, and of
    its waiting orders (6, M), of which there are none between two quotes.
    """
    empty = empty_state(instruments, 0.0)
    buffer = np.concatenate([*empty.ledger, *empty.exits, *empty.marks])
    orders = np.stack(empty.orders)
    return buffer, orders, unfold(buffer, orders)
