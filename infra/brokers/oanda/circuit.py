"""`Circuit`: what does not answer is left alone for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

FAILURES = 5
FIRST_S = 1.0
MOST_S = 30.0


class Circuit:
    """Opens after so many failures in a row: for `first_s`, and twice as long after each probe
    that fails, `most_s` at most. While it is open nothing is sent; then one request probes. A
    stream that begins to be answered closes it at once, and the next failure opens it again.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        *,
        first_s: float = FIRST_S,
        most_s: float = MOST_S,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._first_s = first_s
        self._most_s = most_s
        self._elapsed = elapsed
        self._lock = threading.Lock()
        self._failed = 0
        self._pause_s = first_s
        self._until = 0.0

    def left_s(self) -> float:
        """Seconds for which nothing may be sent; 0 where this caller may send now."""
        with self._lock:
            if self._failed < self._failures:
                return 0.0
            left = self._until - self._elapsed()
            if left > 0.0:
                return left
            # This caller probes; the others wait for what comes of it.
            self._until = self._elapsed() + self._pause_s
            return 0.0

    def worked(self) -> None:
        """The broker answered."""
        with self._lock:
            self._failed = 0
            self._pause_s = self._first_s

    def revived(self) -> None:
        """A stream is answered again: whoever asks now may find that requests are too."""
        with self._lock:
            self._failed = min(self._failed, self._failures - 1)
            self._pause_s = self._first_s

    def failed(self) -> None:
        """It did not, or said that it could not."""
        with self._lock:
            self._failed += 1
            if self._failed > self._failures:
                self._pause_s = min(2.0 * self._pause_s, self._most_s)
            if self._failed >= self._failures:
                self._until = self._elapsed() + self._pause_s
