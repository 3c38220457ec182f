"""`flat_state`: an account in one buffer, as it is kept."""

from __future__ import annotations

import numpy as np

from infra.brokers.paper.state import PaperState, empty_state
from market.bars import Floats


def flat_state(instruments: int) -> tuple[Floats, PaperState]:
    """An empty account whose arrays are views of one buffer, which is all there is to keep.

    The waiting orders stand outside it: between two quotes there are none in the arrays.
    """
    empty = empty_state(instruments, 0.0)
    parts = [*empty.ledger, *empty.exits, *empty.marks]
    buffer = np.concatenate(parts)
    views = np.split(buffer, np.cumsum([len(part) for part in parts])[:-1])
    ledger, exits = len(empty.ledger), len(empty.exits)
    return buffer, PaperState(
        ledger=type(empty.ledger)(*views[:ledger]),
        exits=type(empty.exits)(*views[ledger : ledger + exits]),
        orders=empty.orders,
        marks=type(empty.marks)(*views[ledger + exits :]),
    )
