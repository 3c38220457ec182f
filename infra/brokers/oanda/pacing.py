"""How often OANDA may be asked."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

REQUESTS_A_SECOND = 100
"""OANDA allows 120; what is sent evenly may arrive in a bunch."""
CONNECTIONS_A_SECOND = 2


class Pace:
    """At most `count` turns in any `within_s` seconds; any thread may wait for one."""

    def __init__(
        self,
        count: int,
        within_s: float = 1.0,
        *,
        elapsed: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._within_s = within_s
        self._elapsed = elapsed
        self._sleep = sleep
        self._taken: deque[float] = deque(maxlen=count)
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Return once it is this caller's turn."""
        with self._lock:
            now = self._elapsed()
            turn = now
            if len(self._taken) == self._taken.maxlen:
                turn = max(now, self._taken[0] + self._within_s)
            self._taken.append(turn)
        if turn > now:
            self._sleep(turn - now)


class Paces:
    """The limits of one account's requests and of its new connections."""

    def __init__(self, requests: Pace | None = None, connections: Pace | None = None) -> None:
        self.requests = requests or Pace(REQUESTS_A_SECOND)
        self.connections = connections or Pace(CONNECTIONS_A_SECOND)
