"""The data that the agents saw at a decision, and its hash."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from coordinator.explain.inputs import Places, recorded_panel, recorded_settings
from coordinator.explain.record import DecisionRecord
from infra.journal.reader import read_events
from market.bars import Bars
from market.desk_snapshot import bars_of
from market.desk_state import DeskState
from market.errors import DataError, JournalError, QuorumError
from market.events import BarSettled, DecisionTaken, SessionStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSeen:
    """digest: `window_digest`, None where the data could not be had, and `missing` says why.

    bars: of the window; first, last: ends of its first and last bar, UTC nanoseconds. source: in
    words.
    """

    digest: str | None
    missing: str = ""
    bars: int = 0
    first: int = 0
    last: int = 0
    source: str = ""


def window_digest(window: Bars) -> str:
    """SHA-256 of the bars that the agents saw at a decision, hexadecimal.

    window: the traded instruments in the order of the journal, the decision's own bar last, as
    many bars as the agent with the longest lookback needs, or all there were. Every agent saw the
    end of it, as long as its own lookback. Hashed are, in this order and with nothing between:

    1. the ASCII bytes of Python's `repr((symbols, interval_s, has_extremes))`, such as
       `(('EUR_USD', 'USD_JPY'), 86400, False)`;
    2. `time`: T int64, UTC nanoseconds of each bar's end;
    3. `open`, `high`, `low`, `close`, `spread`, `volume`: each T × N float64, bar after bar.

    Numbers are little-endian, as IEEE 754 has them, NaN where there is no price. It is
    `Bars.digest` of the window; the digest of all prices of a run is made the same way.
    """
    return window.digest()


def data_seen(record: DecisionRecord, journal: Path, places: Places) -> DataSeen:
    """Find the data that the agents saw; what cannot be had is said, never an error."""
    longest = max((seat.lookback for seat in record.seats), default=1)
    try:
        if record.live:
            window, source = live_window(journal, record.taken.sequence, longest), "in the journal"
        else:
            panel = recorded_panel(record.session, recorded_settings(record.session, places))
            window = panel_window(panel, record.taken.time, longest, record.session.traded)
            source = f"of {record.session.data.partition(':')[0]}"
    except QuorumError as error:
        return DataSeen(digest=None, missing=str(error))
    return DataSeen(
        digest=window_digest(window),
        bars=len(window),
        first=int(window.time[0]),
        last=int(window.time[-1]),
        source=source,
    )


def panel_window(panel: Bars, time: int, longest: int, traded: int) -> Bars:
    """The newest bars of a panel at `time`. Raises DataError where no bar ends then."""
    row = row_at(panel, time)
    rows = panel.rows(max(row + 1 - longest, 0), row + 1)
    return rows.columns(panel.symbols[:traded])


def row_at(panel: Bars, time: int) -> int:
    """The row of the bar that ends at `time`. Raises DataError where none does."""
    row = int(np.searchsorted(panel.time, time))
    if row == len(panel) or panel.time[row] != time:
        raise DataError(f"the prices hold no bar that ends at {time} ns; the journal decided on it")
    return row


def live_window(journal: Path, sequence: int, longest: int) -> Bars:
    """The newest bars that a live desk had closed or been primed with when it decided on one; the
    next may have closed before the decision was on record.
    """
    state: DeskState | None = None
    window: Bars | None = None
    for event in read_events(journal):
        if isinstance(event, SessionStarted):
            state = DeskState(event, rows=longest)
        if state is None:
            break
        state.apply(event)
        if isinstance(event, BarSettled) and event.sequence == sequence:
            window = bars_of(state.snapshot(), state.started.traded)
        elif isinstance(event, DecisionTaken) and event.sequence == sequence and window is not None:
            return window
    raise JournalError(f"{journal} no longer holds decision {sequence}")
