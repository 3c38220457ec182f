"""Clocks: what time it is in the market, told by the wall, by a multiple of it, or by a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction

from market.errors import ConfigError


class WallClock:
    """The machine's clock; it steps where the machine's does."""

    def now(self) -> int:
        """UTC nanoseconds."""
        return time.time_ns()


class PacedClock:
    """A market's clock that showed `start` when the wall showed `since`, `speed` times as fast.

    start, since: UTC nanoseconds; since defaults to this moment. Whoever keeps the three and
    makes the clock anew after a restart finds the market where it would have been. wall is read
    once and `elapsed`, which never steps, from then on: within a process the clock never goes
    back. It shows `start` for as long as the wall is before `since`.
    Raises ConfigError for a speed that is not a positive number.
    """

    def __init__(
        self,
        start: int,
        speed: float = 1.0,
        since: int | None = None,
        *,
        wall: Callable[[], int] = time.time_ns,
        elapsed: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if not 0.0 < speed < float("inf"):
            raise ConfigError(
                f"speed: expected a multiple of real time above 0, such as 60, found {speed}"
            )
        here = wall()
        self.start = start
        self.speed = speed
        self.since = here if since is None else since
        # A product of floats would lose nanoseconds within a day.
        self._pace = Fraction(speed)
        self._elapsed = elapsed
        self._zero = elapsed() - (here - self.since)

    def now(self) -> int:
        """UTC nanoseconds of the market's clock."""
        real = max(self._elapsed() - self._zero, 0)
        return self.start + real * self._pace.numerator // self._pace.denominator


class ManualClock:
    """A clock that moves when it is told to. time: UTC nanoseconds."""

    def __init__(self, time: int) -> None:
        self.time = time

    def now(self) -> int:
        """UTC nanoseconds."""
        return self.time

    def advance(self, seconds: float) -> None:
        """Move on, or back where negative."""
        self.time += round(seconds * 1_000_000_000)
