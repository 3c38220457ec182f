"""`Books`: the journal and the state folded from it, which never differ."""

from __future__ import annotations

import time
from collections.abc import Callable

from infra.metrics import JOURNAL_LAG_SECONDS, NO_METERS, Meters
from market.desk_state import DeskState
from market.events import Event
from market.lots import in_lots
from market.ports import Journal

SNAPSHOT_EVERY = 20_000
"""Events between two snapshots: a start reads no more than these."""


class Books:
    """Everything that is recorded is folded at once. keep: stores a snapshot of the state.

    owing: whether something is recorded that must be durable before the next step, and may not be.
    """

    meters: Meters = NO_METERS

    def __init__(
        self, journal: Journal, state: DeskState, keep: Callable[[DeskState], None]
    ) -> None:
        self._journal = journal
        self.state = state
        self._keep = keep
        self._since = 0
        self._torn = False
        self.owing = False

    def record(self, *events: Event) -> None:
        """Append events; they are durable soon. Raises JournalUnwritable."""
        self._journal.append_all(in_lots(events))
        try:
            for event in events:
                self.state.apply(event)
        except BaseException:
            self._torn = True
            raise
        self._since += len(events)

    def owe(self) -> None:
        """What was recorded must be durable before an order is sent or cancelled, or a bar decided
        on.
        """
        self.owing = True

    def pay(self) -> None:
        """That step comes now."""
        if self.owing:
            self.durable()

    def durable(self) -> None:
        """Return once everything recorded is on disk. Raises JournalUnwritable."""
        began = time.perf_counter()
        self._journal.commit()
        self.owing = False
        self.meters.observe(JOURNAL_LAG_SECONDS, time.perf_counter() - began)
        if self._since >= SNAPSHOT_EVERY:
            self.keep()

    def soon(self) -> None:
        """Commit what has waited long enough."""
        self._journal.commit(now=False)

    def keep(self) -> None:
        """Take a snapshot now, but of a state in which a fold broke off: whoever starts from that
        would lack the rest of what is on record.
        """
        if self._torn:
            return
        self._keep(self.state)
        self._since = 0

    def close(self) -> None:
        """Commit, take a snapshot and let go of the journal."""
        self._journal.commit()
        self.keep()
        self._journal.close()

    def __len__(self) -> int:
        return len(self._journal)
