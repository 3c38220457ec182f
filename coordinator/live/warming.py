"""Compiling what a first decision would compile, before the first bar is waited for."""

from __future__ import annotations

import numpy as np

from coordinator.deciding import Deciding
from coordinator.desk import Desk
from market.bar_window import BarSlice
from market.messages import Settlement


def warm_up(desk: Desk) -> None:
    """Decide once on nothing; leaves no trace."""
    deciding = Deciding(desk)
    count, traded = len(desk.symbols), desk.traded
    unknown, none = np.full(count, np.nan), np.zeros(count)
    deciding.measure(BarSlice(time=0, values=np.full((6, traded), np.nan)))
    deciding.count(np.full((len(desk.weights), traded), np.nan))
    settlement = Settlement(
        sequence=0,
        fills=(),
        cancellations=(),
        units=none,
        working=none.copy(),
        stop_price=unknown,
        mid=unknown.copy(),
        spread=unknown.copy(),
        rate=unknown.copy(),
        age=none.copy(),
        filled=none.copy(),
        financing=none.copy(),
        cash=desk.initial_balance,
        equity=desk.initial_balance,
        margin_used=0.0,
    )
    deciding.propose(settlement, np.ones(traded), False)
    deciding.context(0, 0, settlement)
