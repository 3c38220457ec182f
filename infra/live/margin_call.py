"""A margin call: told by the broker, in force until the broker says that it is over.

On record it is a breaker's trip and reset: new risk is blocked, a restart folds it, and no person
arms it while it lasts.
"""

from __future__ import annotations

from market.accounts import MARGIN_CALL, Transaction, TransactionKind
from market.breakers import BreakerAction
from market.desk_state import DeskState
from market.events import AlertRaised, Event
from market.live_events import BreakerReset, BreakerTripped

BROKER = "the broker"
OVER = f"{MARGIN_CALL}_EXIT"


class MarginCalls:
    """Reads transactions one after the other, and knows whether a call is in force between them."""

    def __init__(self, state: DeskState) -> None:
        trip = state.tripped.get(MARGIN_CALL)
        self._repeats = -1 if trip is None else trip.repeats
        self._sequence = state.sequence

    def events_of(self, told: Transaction) -> tuple[Event, ...]:
        """What a transaction means for a margin call; nothing where it tells of none."""
        if told.kind is not TransactionKind.NOTED or not told.reason.startswith(MARGIN_CALL):
            return ()
        if told.reason.startswith(OVER):
            self._repeats = -1
            reset = BreakerReset(time=told.time, breaker=MARGIN_CALL, by=BROKER, reason=told.reason)
            return (reset, self._alert(told, "warning", told.reason))
        self._repeats += 1
        tripped = BreakerTripped(
            time=told.time,
            breaker=MARGIN_CALL,
            measured=1.0,
            limit=1.0,
            action=BreakerAction.BLOCK.value,
            repeats=self._repeats,
        )
        return (tripped, self._alert(told, "critical", f"{told.reason}. No new risk"))

    def _alert(self, told: Transaction, level: str, message: str) -> AlertRaised:
        return AlertRaised(
            sequence=self._sequence, time=told.time, source="broker", level=level, message=message
        )
