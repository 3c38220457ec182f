"""Two journals side by side until their first difference."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from coordinator.parity.values import Measured, Unequal, Watch
from infra.journal.reader import read_events
from market.events import BarSettled, DecisionTaken, Event, OrderFilled, SessionStarted

WATCHED_EVERY = 500


def unwatched(done: int, total: int) -> None:
    """Nobody looks."""


@dataclass(slots=True, kw_only=True)
class Side:
    """What one journal has said up to now; `event` is the newest, None after its end."""

    event: Event | None = None
    settled: BarSettled | None = None
    decided: DecisionTaken | None = None

    def take(self, event: Event | None) -> None:
        """Move on to the next event."""
        self.event = event
        if isinstance(event, BarSettled):
            self.settled = event
        if isinstance(event, DecisionTaken):
            self.decided = event


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first difference of two journals.

    number: of the event, from 0. unequal: the value; None where one journal has ended. session:
    what both recorded first, for names. one, other: either side as it stands there. before: the
    last event that was the same.
    """

    number: int
    unequal: Unequal | None
    session: SessionStarted
    one: Side
    other: Side
    before: Event | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """events, bars, fills: that were the same, or as near as the tolerance allows.

    tolerated: numbers that were not the same to the last bit; largest: their largest distance.
    """

    events: int
    bars: int
    fills: int
    tolerance: float
    tolerated: int
    largest: float
    difference: Difference | None

    @property
    def equal(self) -> bool:
        """Whether nothing differed by more than the tolerance."""
        return self.difference is None


def compare_journals(
    one: Path, other: Path, *, tolerance: float = 0.0, watch: Watch = unwatched
) -> Comparison:
    """Compare event by event up to the first difference.

    Raises JournalError where either cannot be read or does not begin a session.
    """
    measured = Measured(tolerance)
    left, right, before = Side(), Side(), None
    session: SessionStarted | None = None
    events = bars = fills = about = 0
    difference = None
    for number, (mine, theirs) in enumerate(zip_longest(read_events(one), read_events(other))):
        left.take(mine)
        right.take(theirs)
        if isinstance(mine, SessionStarted):
            session, about = mine, 2 * mine.bars
        unequal = measured.first(mine, theirs) if mine is not None and theirs is not None else None
        if (mine is None or theirs is None or unequal is not None) and session is not None:
            difference = Difference(
                number=number,
                unequal=unequal,
                session=session,
                one=left,
                other=right,
                before=before,
            )
            break
        before = mine
        events += 1
        bars += isinstance(mine, BarSettled)
        fills += isinstance(mine, OrderFilled)
        if events % WATCHED_EVERY == 0:
            watch(events, max(about, events))
    return Comparison(
        events=events,
        bars=bars,
        fills=fills,
        tolerance=tolerance,
        tolerated=measured.tolerated,
        largest=measured.largest,
        difference=difference,
    )
