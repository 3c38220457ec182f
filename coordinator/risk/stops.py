"""Where the stops of a recorded desk stood."""

from __future__ import annotations

import numpy as np

from coordinator.results.record import RunRecord
from market.bars import Floats
from market.orders import Fill


def stops_at(record: RunRecord, row: int) -> Floats:
    """(M,) stop prices after the bar of `row`; NaN where nothing protects a position.

    Of a live desk, as its broker last had them. Of a replay, from its orders: a new or reversed
    position has its order's stop, an enlarged one the tighter of both. What a trailing stop has
    won is left out, so that no loss is told too small.
    """
    sequence = int(record.settled.sequence[row])
    seen = [stops for at, stops in record.stops_seen if at <= sequence]
    if seen:
        return np.asarray(seen[-1], dtype=np.float64)
    symbols = record.session.symbols
    distances = dict(zip(record.orders["client_order_id"], record.orders["stop"], strict=True))
    until = record.settled.time[row].value
    units, stops = np.zeros(len(symbols)), np.full(len(symbols), np.nan)
    for fill in record.executions:
        if fill.time <= until and fill.symbol in symbols:
            column = symbols.index(fill.symbol)
            units[column], stops[column] = _moved(
                fill, units[column], stops[column], distances.get(fill.client_order_id, np.nan)
            )
    return np.where(record.settled.units[row] != 0.0, stops, np.nan)


def _moved(fill: Fill, units: float, stop: float, distance: float) -> tuple[float, float]:
    """Units and stop after a fill."""
    left = units + fill.units
    side = float(np.sign(left))
    if side == 0.0:
        return 0.0, np.nan
    reduced = side == np.sign(units) and abs(left) <= abs(units)
    if reduced:
        return left, stop
    placed = fill.price - side * distance
    if side == np.sign(units) and not side * placed >= side * stop and not np.isnan(stop):
        placed = stop
    return left, placed
