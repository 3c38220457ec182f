"""Compiling what a first decision would compile, before the first bar is waited for."""

from __future__ import annotations

import numpy as np

from coordinator.deciding import Deciding
from coordinator.desk import Desk
from coordinator.learning import Learning, Rows
from market.bar_window import BarSlice
from market.messages import Settlement


def warm_up(desk: Desk) -> None:
    """Decide once on nothing; leaves no trace."""
    deciding = Deciding(desk)
    count, traded = len(desk.symbols), desk.traded
    unknown, none = np.full(count, np.nan), np.zeros(count)
    deciding.measure(BarSlice(time=0, values=np.full((6, traded), np.nan)))
    scores = np.full((len(desk.weights), traded), np.nan)
    deciding.count(scores)
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
    multiplier = np.ones(traded)
    deciding.propose(settlement, multiplier, False)
    deciding.context(0, 0, settlement)
    deciding.taken(0, 0, scores, np.empty((0, traded)), multiplier, None)
    if desk.learning.needed:
        deciding.carried()
        _learn_once(desk)


def _learn_once(desk: Desk) -> None:
    """Fit once on decisions that nobody took."""
    learning = Learning(desk.learning, len(desk.weights), desk.typical_spread)
    rows = _made_up(desk)
    learning.observe(rows)
    learning.fit(desk.learning.every, 0)
    learning.take_effect(desk.learning.every + 1, 0)
    learning.observe(rows)


def _made_up(desk: Desk) -> Rows:
    """Enough decisions of one agent to have every one of its numbers fitted."""
    rules = desk.learning.calibration
    shape = (rules.lookback, desk.traded)
    rng = np.random.default_rng(0)
    close = 1.0 + 0.01 * rng.random(shape)
    return Rows(
        side=np.ones(shape),
        confidence=rng.random(shape),
        leader=np.zeros(shape, dtype=np.int64),
        open=close.copy(),
        close=close,
        spread=np.zeros(shape),
    )
