"""A broker's stream, and when it brought what."""

from __future__ import annotations

import bisect
import time
from collections.abc import Iterable, Sequence

from market.accounts import StreamUpdate
from market.ports import BrokerStream


class Heard:
    """Another stream; notes of every update when it was taken, and the newest that it holds.

    prices, transactions: pairs of the newest one's time and of when it was taken, UTC ns.
    """

    def __init__(self, stream: BrokerStream) -> None:
        self.stream = stream
        self.prices: list[tuple[int, int]] = []
        self.transactions: list[tuple[int, int]] = []

    def fileno(self) -> int:
        """As of the port."""
        return self.stream.fileno()

    def take(self) -> StreamUpdate:
        """As of the port."""
        update = self.stream.take()
        now = time.time_ns()
        if update.quotes:
            self.prices.append((max(one.time for one in update.quotes), now))
        if update.transactions:
            self.transactions.append((max(one.time for one in update.transactions), now))
        return update

    def close(self) -> None:
        """As of the port."""
        self.stream.close()


def back_after(
    cuts: Sequence[tuple[int, int]], heard: Iterable[tuple[int, int]]
) -> tuple[float, ...]:
    """Seconds from the beginning of each cut until something came that is younger than its end.

    cuts: when each began and ended; heard: as of `Heard`; UTC ns. NaN where nothing came.
    """
    newest: list[int] = []
    taken: list[int] = []
    for time_ns, at in sorted(heard, key=lambda one: one[1]):
        if not newest or time_ns > newest[-1]:
            newest.append(time_ns)
            taken.append(at)
    found = []
    for began, ended in cuts:
        place = bisect.bisect_right(newest, ended)
        found.append((taken[place] - began) / 1e9 if place < len(taken) else float("nan"))
    return tuple(found)
