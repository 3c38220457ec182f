"""`Stopwatch`: how long an answer has taken, and whether it still may."""

from __future__ import annotations

import time
from collections.abc import Callable

from market.errors import TransientError


class DeadlinePassed(TransientError):
    """The optimizer ran out of time; the classical answer stands in."""


class Stopwatch:
    """Counts from its making. `limit_s` None never runs out, as replay needs it.

    timer: seconds from any origin, increasing.
    """

    def __init__(
        self, limit_s: float | None = None, timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._limit_s = limit_s
        self._timer = timer
        self._start = timer()

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return self._timer() - self._start

    @property
    def left_s(self) -> float | None:
        """Seconds left, not negative; None where there is no limit."""
        return None if self._limit_s is None else max(0.0, self._limit_s - self.elapsed_s)

    def check(self) -> None:
        """Raise DeadlinePassed once the limit is over."""
        if self._limit_s is not None and self.elapsed_s > self._limit_s:
            raise DeadlinePassed(f"no answer within {self._limit_s:g} s")
