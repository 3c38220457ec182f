"""A live desk's learning taken up again from its journal, where stakes are Kelly's."""

from __future__ import annotations

import numpy as np

from agents.guardian.calibration.leading import NOBODY
from coordinator.desk import Desk
from coordinator.learning import Learning, Rows
from market.bar_window import BarSlice
from market.bars import Bars, Floats
from market.desk_snapshot import DeskSnapshot, bars_of
from market.live_events import ForecastMade
from market.marks import CLOSE, OPEN, SPREAD


def resumed_learning(desk: Desk, kept: DeskSnapshot) -> Learning:
    """Learning as it was after the last bar of the snapshot, to the last bit.

    Its rows are the bars from the first that was ever decided on, as a replay has them; one that
    nobody decided on stands among them without a decision, so that outcomes are those of the
    market. A fit that was due on the last decision, and had not taken effect, is made again, from
    all the rows that it had or not at all: on fewer it would be another. Then the table in force
    stands until the next fit is due.
    """
    learning = Learning(desk.learning, len(desk.weights), desk.typical_spread)
    forecasts = kept.learned
    if not learning.on or not len(forecasts.time):
        return learning
    bars = bars_of(kept, desk.traded)
    whole = len(bars) > 0 and int(bars.time[0]) <= int(forecasts.time[0])
    bars = bars.rows(int(np.searchsorted(bars.time, forecasts.time[0])), len(bars))
    rows, given = _rows(bars), np.full(bars.close.shape, np.nan)
    at = np.searchsorted(bars.time, forecasts.time)
    known = (at < len(bars)) & (bars.time[np.minimum(at, len(bars) - 1)] == forecasts.time)
    rows.side[at[known]] = forecasts.side[known]
    rows.confidence[at[known]] = forecasts.confidence[known]
    rows.leader[at[known]] = forecasts.leader[known]
    given[at[known]] = forecasts.probability[known]
    newest = int(forecasts.time[-1])
    decided = int(np.searchsorted(bars.time, newest, side="right"))
    fitted = forecasts.fitted
    untold = decided
    if fitted is not None:
        since = decided - int(np.searchsorted(bars.time, fitted.learned_until, side="right"))
        untold = min(since + desk.learning.calibration.horizon, decided)
    before, last = [0, *forecasts.sequence.tolist()][-2:]
    learning.resume(_part(rows, 0, decided), given[:decided], fitted, untold, before)
    if whole or decided >= desk.learning.calibration.lookback:
        learning.fit(last, newest)
    else:
        learning.leave_out(last)
    learning.observe(_part(rows, decided, len(bars)))
    return learning


def undecided_row(bar: BarSlice) -> Rows:
    """A bar (traded instruments) that nobody decided on, as one row."""
    values = bar.values
    return Rows(
        side=np.zeros_like(values[OPEN])[None],
        confidence=np.full_like(values[OPEN], np.nan)[None],
        leader=np.full(values.shape[1], NOBODY, dtype=np.int64)[None],
        open=values[OPEN][None],
        close=values[CLOSE][None],
        spread=values[SPREAD][None],
    )


def forecast_made(sequence: int, time: int, rows: Rows, probability: Floats) -> ForecastMade:
    """The one row of a decision for the record."""
    return ForecastMade(
        sequence=sequence,
        time=time,
        side=rows.side[0].copy(),
        confidence=rows.confidence[0].copy(),
        leader=rows.leader[0].copy(),
        probability=probability[0].copy(),
    )


def _rows(bars: Bars) -> Rows:
    """Bars that nobody has decided on yet."""
    shape = bars.close.shape
    return Rows(
        side=np.zeros(shape),
        confidence=np.full(shape, np.nan),
        leader=np.full(shape, NOBODY, dtype=np.int64),
        open=bars.open,
        close=bars.close,
        spread=bars.spread,
    )


def _part(rows: Rows, start: int, stop: int) -> Rows:
    return Rows._make(values[start:stop] for values in rows)
