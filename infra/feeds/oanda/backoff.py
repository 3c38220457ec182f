"""`Backoff`: how long to wait before something is tried again."""

from __future__ import annotations

import random

FIRST_S = 0.1
MOST_S = 2.0


class Backoff:
    """At once after the first failure, then twice as long each time, `most_s` at most; each with
    jitter down to a half, so that many who lost the same server do not return together.
    """

    def __init__(
        self, rng: random.Random, *, first_s: float = FIRST_S, most_s: float = MOST_S
    ) -> None:
        self._rng = rng
        self._first_s = first_s
        self._most_s = most_s
        self._failures = 0

    def failed(self) -> float:
        """Seconds to wait before the next try."""
        self._failures += 1
        if self._failures == 1:
            return 0.0
        longest = min(self._first_s * 2.0 ** min(self._failures - 2, 30), self._most_s)
        return longest * self._rng.uniform(0.5, 1.0)

    def worked(self) -> None:
        """The next failure is a first one."""
        self._failures = 0
