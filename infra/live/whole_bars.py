"""`WholeBars`: bars as the market made them, also where the desk did not hear all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from market.bar_window import BarSlice
from market.bars import Bars, utc
from market.errors import InvalidError, OutcomeUnknown, TransientError
from market.ports import LiveBroker

SECOND_NS = 1_000_000_000
Alert = Callable[[str, str], None]


class WholeBars:
    """most: bars that are asked of the broker at once. alert: told by level what people must hear
    of. After a start, or after its stream was lost, the bars that close are the broker's own, up to
    the one in which it was heard again; those that closed meanwhile are among them.
    """

    def __init__(self, broker: LiveBroker, interval_s: int, most: int, alert: Alert) -> None:
        self._broker = broker
        self._interval_s = interval_s
        self._length = interval_s * SECOND_NS
        self._most = most
        self._alert = alert
        self._lost = True
        self._patchy_until = self._asked_until = 0

    def missed(self) -> None:
        """Something may have been quoted that was not heard."""
        self._lost = True

    def whole(self, bars: Sequence[BarSlice], since: int, now: int) -> Sequence[BarSlice]:
        """The bars that have closed, oldest first. bars: as they were built from what was heard.
        since: UTC nanoseconds, the end of the newest that is on record. now: market time, ns.
        """
        until = now - now % self._length
        if self._lost:
            self._lost, self._patchy_until, self._asked_until = False, until + self._length, 0
        if since >= self._patchy_until or until <= max(since, self._asked_until):
            return bars
        self._asked_until = until
        count = min((until - since) // self._length, self._most)
        try:
            theirs = _slices(self._broker.history(self._interval_s, count))
        except (TransientError, OutcomeUnknown, InvalidError) as error:
            self._alert(
                "warning",
                f"the bars up to {utc(until):%Y-%m-%d %H:%M:%S} UTC lack what was quoted while "
                f"the broker was not heard: {error}",
            )
            return bars
        found = {bar.time: bar for bar in (*bars, *theirs) if since < bar.time <= until}
        return [found[time] for time in sorted(found)]


def _slices(bars: Bars) -> list[BarSlice]:
    values = np.stack(
        [bars.open, bars.high, bars.low, bars.close, bars.spread, bars.volume], axis=1
    )
    return [
        BarSlice(time=int(time), values=np.ascontiguousarray(row))
        for time, row in zip(bars.time, values, strict=True)
    ]
