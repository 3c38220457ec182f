"""`PriceBoard`: the newest quote of every instrument in one slot, and bars built from all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from infra.feeds.live.rejects import AHEAD_NS, BoardCounts, Reject, price_fault
from infra.feeds.ticks import DAY_S
from market.bar_window import BarSlice
from market.bars import VALUE_FIELDS, Floats
from market.errors import ConfigError
from market.marks import Marks
from market.quotes import Quote

SECOND_NS = 1_000_000_000
HIGHEST_PRICE = 8e307
"""The mid of two higher prices would not be finite."""


class _Slot:
    """An instrument's newest quote, and its bar in the making.

    time: of the newest quote; -1 before the first. end: of the bar, UTC nanoseconds; 0 where none
    is in the making. shut: the broker does not deal in it until it is quoted again.
    """

    __slots__ = (
        "ask", "bid", "close", "end", "fresh", "high", "low", "open", "shut", "ticks", "time",
    )  # fmt: skip

    def __init__(self) -> None:
        self.time = -1
        self.end = self.ticks = 0
        self.bid = self.ask = self.open = self.high = self.low = self.close = 0.0
        self.fresh = self.shut = False

    def column(self) -> tuple[float, ...]:
        """The bar's values in the order of a `BarSlice`."""
        spread = self.ask - self.bid
        return self.open, self.high, self.low, self.close, spread, float(self.ticks)


class PriceBoard:
    """Takes every quote in one thread; a slow reader finds the newest and never a queue.

    symbols: (M,) instruments in the desk's order. interval_s: the length of the bars, 1 s to a
    day, dividing it: intervals are counted from midnight UTC. stale_after_ns: (M,) how long a
    quote may be the newest before its price counts as old. closed_until: UTC nanoseconds, the end
    of the last bar that is known already, as after a restart.

    The bars equal `bars_of_ticks` of the quotes that were not dropped, to the last bit.
    Raises ConfigError for a length that does not divide a day.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        interval_s: int,
        stale_after_ns: NDArray[np.int64],
        *,
        closed_until: int = 0,
    ) -> None:
        if interval_s < 1 or DAY_S % interval_s:
            raise ConfigError(
                "the length of a bar must divide a day (1s, 15m, 1h, 1d), "
                f"found {interval_s} seconds"
            )
        self.symbols = tuple(symbols)
        self._length = interval_s * SECOND_NS
        self._stale_after = [int(limit) for limit in stale_after_ns]
        self._closed_until = closed_until
        self._slots = {symbol: _Slot() for symbol in self.symbols}
        self._in_order = [self._slots[symbol] for symbol in self.symbols]
        self._columns = {symbol: column for column, symbol in enumerate(self.symbols)}
        self._finished: dict[int, Floats] = {}
        self._clock = 0
        self._put = self._looked_at = self._skipped = self._told_skipped = self._steps_back = 0
        self._dropped = dict.fromkeys(Reject, 0)

    def put(self, quote: Quote, now: int | None = None) -> None:
        """Take a quote; one that is no price, or no news, is dropped and counted.

        now: the broker's clock, where it is known: a quote stamped well ahead of it is dropped,
        for every later one would be out of order.
        """
        self._put += 1
        slot = self._slots.get(quote.symbol)
        if slot is None:
            self._dropped[Reject.UNKNOWN_INSTRUMENT] += 1
            return
        time, bid, ask = quote.time, quote.bid, quote.ask
        if not 0.0 < bid <= ask <= HIGHEST_PRICE:
            self._dropped[price_fault(quote)] += 1
            return
        if time <= slot.time and (time < slot.time or (bid == slot.bid and ask == slot.ask)):
            self._dropped[Reject.OUT_OF_ORDER if time < slot.time else Reject.DUPLICATE] += 1
            return
        if time < self._closed_until:
            self._dropped[Reject.LATE] += 1
            return
        if now is not None and time > now + AHEAD_NS:
            self._dropped[Reject.AHEAD] += 1
            return
        mid = (bid + ask) / 2.0
        if time >= slot.end:
            self._finish(quote.symbol, slot)
            slot.end = time - time % self._length + self._length
            slot.open = slot.high = slot.low = mid
            slot.ticks = 1
        else:
            slot.high = max(slot.high, mid)
            slot.low = min(slot.low, mid)
            slot.ticks += 1
        slot.close, slot.time, slot.bid, slot.ask, slot.shut = mid, time, bid, ask, False
        if slot.fresh:
            self._skipped += 1
        slot.fresh = True

    def close(self, symbol: str) -> None:
        """The broker does not deal in an instrument: its price is no price until its next quote.

        The bar in the making keeps what it has. An unknown instrument is nothing to close.
        """
        slot = self._slots.get(symbol)
        if slot is not None:
            slot.shut = True

    @property
    def closed(self) -> frozenset[str]:
        """The instruments that the broker has closed."""
        return frozenset(symbol for symbol, slot in self._slots.items() if slot.shut)

    def close_due(self, now: int) -> tuple[BarSlice, ...]:
        """The bars that ended at or before `now` and have not been given, oldest first.

        An instrument without a tick in a bar is NaN in it; an interval without any tick is no
        bar, so that no silence, however long, is answered with a flood of them.
        """
        if now < self._clock:
            self._steps_back += 1
            return ()
        self._clock = now
        closed = now - now % self._length
        if closed <= self._closed_until:
            return ()
        self._closed_until = closed
        for symbol, slot in self._slots.items():
            if slot.end <= closed:
                self._finish(symbol, slot)
        ends = sorted(end for end in self._finished if end <= closed)
        return tuple(BarSlice(time=end, values=self._finished.pop(end)) for end in ends)

    def mark(self, marks: Marks, now: int) -> None:
        """Write the newest mids, spreads and ages (M,) into the marks, and count them looked at.

        The age is 0 up to the instrument's staleness limit, and then 1 and one more for every
        further length of a bar; infinite while the broker has closed the instrument. One that was
        never quoted is left as it stands.
        """
        now = max(now, self._clock)
        for column, slot in enumerate(self._in_order):
            if slot.time < 0:
                continue
            marks.mid[column], marks.spread[column] = slot.close, slot.ask - slot.bid
            over = now - slot.time - self._stale_after[column]
            aged = 0.0 if over <= 0 else 1.0 + (over - 1) // self._length
            marks.age[column] = np.inf if slot.shut else aged
            if slot.fresh:
                slot.fresh = False
                self._looked_at += 1

    def quoted_at(self) -> tuple[int, ...]:
        """(M,) UTC nanoseconds of the newest quotes; 0 where there was none."""
        return tuple(max(slot.time, 0) for slot in self._in_order)

    def take_skipped(self) -> int:
        """Quotes that newer ones replaced unseen since the last call."""
        fresh, self._told_skipped = self._skipped - self._told_skipped, self._skipped
        return fresh

    @property
    def dropped(self) -> dict[str, int]:
        """Quotes that were no price, or no news, by reason; only reasons that there were."""
        return {reject.value: count for reject, count in self.counts.dropped.items()}

    @property
    def counts(self) -> BoardCounts:
        """What became of every quote so far."""
        return BoardCounts(
            put=self._put,
            looked_at=self._looked_at,
            skipped=self._skipped,
            waiting=sum(slot.fresh for slot in self._in_order),
            dropped={reject: count for reject, count in self._dropped.items() if count},
            steps_back=self._steps_back,
        )

    def _finish(self, symbol: str, slot: _Slot) -> None:
        """Put an instrument's bar beside those of the others."""
        if not slot.end:
            return
        bar = self._finished.get(slot.end)
        if bar is None:
            bar = np.full((len(VALUE_FIELDS), len(self.symbols)), np.nan)
            self._finished[slot.end] = bar
        bar[:, self._columns[symbol]] = slot.column()
        slot.end = 0
