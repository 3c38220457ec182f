"""`TickTape`: the ticks of several instruments in the order of their times, a block in memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from infra.feeds.columns import Array, Column
from infra.feeds.series import Ticks
from market.bars import Times
from market.quotes import Quote

BLOCK_TICKS = 8_192
"""Ticks of one instrument that are in memory at a time."""
NEVER = 2**63 - 1


def first_row_from(column: Column, time: int) -> int:
    """The first row of times that do not decrease which is at or after `time`."""
    return bisect_left(range(len(column)), time, key=lambda row: int(column[row : row + 1][0]))


class TickTape:
    """Runs once from its beginning to its end; what lies ahead stays where its columns keep it.

    ticks: by instrument; of equal times the instrument that stands first comes first. begin: UTC
    nanoseconds; what is earlier is not given.
    """

    def __init__(self, ticks: Sequence[Ticks], begin: int) -> None:
        self._symbols = [one.symbol for one in ticks]
        self._heads = [_Head(one, first_row_from(one.time, begin)) for one in ticks]
        self._next = min(head.next for head in self._heads)

    @property
    def ended(self) -> bool:
        """Whether every tick was given."""
        return self._next == NEVER

    def take(self, until: int) -> tuple[Quote, ...]:
        """The ticks that were not given yet, up to and including that time."""
        if until < self._next:
            return ()
        times: list[Array] = []
        bids: list[Array] = []
        asks: list[Array] = []
        codes: list[Array] = []
        for code, head in enumerate(self._heads):
            while head.next <= until:
                time, bid, ask = head.take(until)
                times.append(time)
                bids.append(bid)
                asks.append(ask)
                codes.append(np.full(len(time), code))
        self._next = min(head.next for head in self._heads)
        time = np.concatenate(times)
        order = np.argsort(time, kind="stable")
        symbols, columns = self._symbols, (codes, times, bids, asks)
        rows = zip(*(np.concatenate(parts)[order].tolist() for parts in columns), strict=True)
        return tuple(
            Quote(symbol=symbols[code], time=time, bid=bid, ask=ask)
            for code, time, bid, ask in rows
        )


class _Head:
    """Where the tape of one instrument stands. next: the time of its next tick, or NEVER."""

    def __init__(self, ticks: Ticks, row: int) -> None:
        self._ticks = ticks
        self._row = row
        self._place = 0
        self._read()

    def _read(self) -> None:
        rows = slice(self._row, self._row + BLOCK_TICKS)
        self._time: Times = self._ticks.time[rows]
        self._bid, self._ask = self._ticks.bid[rows], self._ticks.ask[rows]
        self._row += len(self._time)
        self._place = 0
        self.next = int(self._time[0]) if len(self._time) else NEVER

    def take(self, until: int) -> tuple[Array, Array, Array]:
        """Times, bids and asks of the block in memory up to and including a time."""
        start = self._place
        stop = int(np.searchsorted(self._time, until, side="right"))
        found = self._time[start:stop], self._bid[start:stop], self._ask[start:stop]
        if stop == len(self._time):
            self._read()
        else:
            self._place, self.next = stop, int(self._time[stop])
        return found
