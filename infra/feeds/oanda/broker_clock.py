"""`BrokerClock`: the broker's time between its messages."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

AHEAD_NS = 5_000_000_000
"""A price may be stamped so far ahead of what the broker said of its clock."""
WINDOW_NS = 60_000_000_000
"""Real time: what was stated longer ago than two of these says nothing of the clocks' drift."""


class BrokerClock:
    """The newest time that the broker stated, and what has passed on our clock since. It never
    goes back.

    Messages come late by what they took on their way, so the one that puts the clock furthest is
    the best of the last minutes. elapsed: real nanoseconds that never step back. speed: of the
    broker's time, in multiples of real time.
    """

    def __init__(self, elapsed: Callable[[], int], speed: float = 1.0) -> None:
        self._elapsed = elapsed
        self._pace = Fraction(speed)
        self._ahead: int | None = None
        self._ahead_before: int | None = None
        self._window_began = 0
        self._sure = False
        self._told = 0

    def stated(self, time: int, *, sure: bool) -> None:
        """The broker named a time, UTC nanoseconds. sure: it is its clock's, as of a heartbeat; a
        price's own time may be wrong, and is believed within some seconds of what is known.
        """
        real = self._elapsed()
        passed = self._passed(real)
        known = self._best()
        if not sure and self._sure and known is not None and time > passed + known + AHEAD_NS:
            return
        ahead = time - passed
        if sure and (not self._sure or real - self._window_began >= WINDOW_NS):
            # What prices alone said before the first heartbeat is forgotten with it.
            self._ahead_before = self._ahead if self._sure else None
            self._ahead, self._window_began, self._sure = ahead, real, True
        elif self._ahead is None or ahead > self._ahead:
            self._ahead = ahead

    def now(self) -> int:
        """UTC nanoseconds of the broker's clock; 0 before it stated any."""
        known = self._best()
        if known is not None:
            self._told = max(self._told, self._passed(self._elapsed()) + known)
        return self._told

    def _passed(self, real: int) -> int:
        return real * self._pace.numerator // self._pace.denominator

    def _best(self) -> int | None:
        if self._ahead is None or self._ahead_before is None:
            return self._ahead
        return max(self._ahead, self._ahead_before)
