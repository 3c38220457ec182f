"""`ClockOffset`: how far the broker's clock is from ours, from the times of its answers."""

from __future__ import annotations

import threading
from email.utils import parsedate_to_datetime

from infra.brokers.v20.times import SECOND_NS


class ClockOffset:
    """Narrowed by each answer: its `Date` header tells the second in which it was made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bounds: tuple[int, int] | None = None

    @property
    def bounds_ns(self) -> tuple[int, int] | None:
        """Least and most that the broker's clock can be ahead of ours; None before any answer."""
        return self._bounds

    @property
    def offset_ns(self) -> int | None:
        """The middle of the bounds; None before any answer."""
        bounds = self._bounds
        return None if bounds is None else (bounds[0] + bounds[1]) // 2

    def note(self, date: str, sent: int, received: int) -> None:
        """An answer with this header, to a request sent and received at these times, ours, ns."""
        try:
            second = int(parsedate_to_datetime(date).timestamp()) * SECOND_NS
        except (TypeError, ValueError):
            return
        least, most = second - received, second + SECOND_NS - sent
        with self._lock:
            if self._bounds is not None:
                narrowed = max(least, self._bounds[0]), min(most, self._bounds[1])
                # Bounds that contradict each other: one of the clocks was set.
                if narrowed[0] <= narrowed[1]:
                    least, most = narrowed
            self._bounds = least, most
