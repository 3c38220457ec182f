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
    """most: bars that are asked of the broker at once; 0 where its history is no quick answer, and
    the loop must not wait for it. alert: told by level what people must hear of.

    After a start, or after its stream was lost, the bars that close are the broker's own, up to the
    one in which it was heard again; those that closed meanwhile are among them. Where the broker is
    not asked, or lacks them, people are told what the bars lack.
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
        since: UTC nanoseconds, the end of the newest that is on record; one that is there already
        is left out, as where a stream begins with prices from before it. now: market time, ns.
        """
        bars = [bar for bar in bars if bar.time > since]
        until = now - now % self._length
        if until <= since:
            return bars
        if self._lost:  # the bar that is in the making now may have been heard in part
            self._lost, self._patchy_until, self._asked_until = False, until + self._length, 0
        if since >= self._patchy_until or until <= self._asked_until:
            return bars
        self._asked_until = until
        theirs = self._theirs(since, until)
        found = {bar.time: bar for bar in (*bars, *theirs) if since < bar.time <= until}
        if any(bar.time not in {own.time for own in theirs} for bar in bars):
            self._alert(
                "warning",
                f"the bars up to {utc(until):%Y-%m-%d %H:%M:%S} UTC may lack what was quoted while "
                "the broker was not heard",
            )
        return [found[time] for time in sorted(found)]

    def _theirs(self, since: int, until: int) -> list[BarSlice]:
        """The broker's own; none where it is not asked, or does not answer."""
        count = min((until - since) // self._length, self._most)
        if count < 1:
            return []
        try:
            return _slices(self._broker.history(self._interval_s, count))
        except (TransientError, OutcomeUnknown, InvalidError):
            return []


def _slices(bars: Bars) -> list[BarSlice]:
    values = np.stack(
        [bars.open, bars.high, bars.low, bars.close, bars.spread, bars.volume], axis=1
    )
    return [
        BarSlice(time=int(time), values=np.ascontiguousarray(row))
        for time, row in zip(bars.time, values, strict=True)
    ]
