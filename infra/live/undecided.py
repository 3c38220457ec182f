"""`UndecidedBars`: bars that have closed and that no coordinator has been given yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from market.bar_window import BarSlice
from market.desk_state import DeskState
from market.live_messages import BarReady

MOST_MISSED = 5_000
"""Bars kept for a coordinator that does not answer; older ones it learns when it attaches anew."""


class UndecidedBars:
    """The newest waits to be decided on. Those before it are missed, and go with the next.

    missed: told of each bar that nobody will decide on.
    """

    def __init__(self, missed: Callable[[], None]) -> None:
        self._tell_missed = missed
        self._waiting: BarReady | None = None
        self._missed: list[BarSlice] = []

    def put(self, ready: BarReady) -> None:
        """Another one has closed."""
        before, self._waiting = self._waiting, ready
        if before is not None:
            self._miss(before.bar)

    def take(self, state: DeskState) -> BarReady | None:
        """The one that waits, with those that were missed; each is given once.

        One whose account is not the account any more, because orders or fills of the decision
        before came after it closed, is not decided on: its size would be one too many.
        """
        ready, self._waiting = self._waiting, None
        if ready is None:
            return None
        seen = ready.settlement
        if not (
            np.array_equal(seen.units, state.ledger.units)
            and np.array_equal(seen.working, state.working)
        ):
            self._miss(ready.bar)
            return None
        missed, self._missed = tuple(self._missed), []
        return replace(ready, missed=missed)

    def clear(self) -> None:
        """A coordinator attaches anew, and learns them from the desk's state."""
        if self._waiting is not None:
            self._tell_missed()
        self._waiting = None
        self._missed.clear()

    def _miss(self, bar: BarSlice) -> None:
        self._tell_missed()
        self._missed = [*self._missed, bar][-MOST_MISSED:]
