"""`RecordedTicks`: ticks of files as quotes, played on a clock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infra.feeds.live.tape import TickTape
from infra.feeds.live.tick_bars import end_of_bar, last_bars
from infra.feeds.series import SECOND_NS, Ticks
from market.bars import VALUE_FIELDS, Bars, utc
from market.errors import DataError, nearest
from market.ports import Clock
from market.quotes import Quote


def start_after(ticks: Sequence[Ticks], interval_s: int, bars: int) -> int:
    """Where to start so that so many bars lie before it: the end of the last of them, UTC ns.

    Raises DataError where the ticks hold too few to leave any for trading.
    """
    end = end_of_bar(ticks, interval_s, max(bars, 1))
    last = max(int(one.time[len(one.time) - 1 :][0]) for one in ticks)
    if end is None or end >= last:
        first = min(int(one.time[:1][0]) for one in ticks)
        raise DataError(
            f"the ticks from {utc(first):%Y-%m-%d %H:%M} to {utc(last):%Y-%m-%d %H:%M} UTC hold "
            f"too few bars of {interval_s:,} s: the agents look back {bars:,}. Choose shorter "
            "bars, give earlier bars as history, or name a start and let agents abstain at first"
        )
    return end


class RecordedTicks:
    """A `PriceSource` of ticks that were recorded once.

    ticks: by instrument, as `FileFeed.ticks` gives them; with a room on disk only a block of each
    is in memory. clock: the market's; it says how fast they are played. begin: UTC nanoseconds;
    quotes are those at or after it. Begun again at the last time asked for plus one nanosecond,
    a new source goes on where an old one stopped, to the last bit.
    history: bars of the time before the ticks, of the length that the desk trades.
    """

    def __init__(
        self,
        ticks: Sequence[Ticks],
        clock: Clock,
        *,
        begin: int,
        name: str,
        history: Bars | None = None,
    ) -> None:
        self._ticks = {one.symbol: one for one in ticks}
        self._clock = clock
        self._reached = begin
        self._tape = TickTape(ticks, begin)
        self._earlier = history
        self._name = name

    @property
    def description(self) -> str:
        """What is played."""
        return (
            f"recorded ticks of {self._name}: {' '.join(self._ticks)}. Terms: those of the files' "
            "owner."
        )

    def now(self) -> int:
        """The market's clock."""
        return self._clock.now()

    def quotes(self, until: int) -> tuple[Quote, ...]:
        """The next quotes up to and including that time."""
        self._reached = max(self._reached, until)
        return self._tape.take(until)

    @property
    def ended(self) -> bool:
        """Whether every tick was given."""
        return self._tape.ended

    def history(self, symbols: Sequence[str], interval_s: int, bars: int) -> Bars:
        """The last bars that had closed by the time up to which quotes were asked for.

        Raises DataError for an instrument without ticks, or earlier bars of another length.
        """
        ticks = [self._of(symbol) for symbol in symbols]
        found = last_bars(ticks, interval_s, bars, self._reached)
        if self._earlier is None or len(found) >= bars:
            return found
        if self._earlier.interval_s != interval_s:
            raise DataError(
                f"history: expected bars of {interval_s:,} s, found bars of "
                f"{self._earlier.interval_s:,} s; give bars of the length that is traded"
            )
        return _followed(self._earlier.columns(symbols), found, ticks, self._reached, bars)

    def _of(self, symbol: str) -> Ticks:
        if symbol not in self._ticks:
            raise DataError(
                f"no ticks of {symbol}{nearest(symbol, self._ticks)} "
                f"{self._name} holds {', '.join(self._ticks)}"
            )
        return self._ticks[symbol]


def _followed(earlier: Bars, later: Bars, ticks: Sequence[Ticks], time: int, bars: int) -> Bars:
    """The last bars of two panels that follow each other.

    In the interval of the very first tick the earlier panel counts: the ticks may lack its
    beginning.
    """
    length = later.interval_s * SECOND_NS
    first = min(int(one.time[:1][0]) for one in ticks)
    cut = min(first - first % length + length, time)
    earlier = earlier.rows(0, int(np.searchsorted(earlier.time, cut, side="right")))
    known = int(earlier.time[-1]) if len(earlier) else 0
    later = later.rows(int(np.searchsorted(later.time, known, side="right")), len(later))
    both = Bars(
        symbols=later.symbols,
        time=np.concatenate([earlier.time, later.time]),
        interval_s=later.interval_s,
        has_extremes=earlier.has_extremes and later.has_extremes,
        **{
            name: np.concatenate([getattr(earlier, name), getattr(later, name)])
            for name in VALUE_FIELDS
        },
    )
    return both.rows(max(len(both) - bars, 0), len(both))
