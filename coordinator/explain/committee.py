"""Who sat on the committee at a decision, and what each weighed."""

from __future__ import annotations

from dataclasses import replace

from market.errors import JournalError
from market.events import (
    AgentJoined,
    AgentLeft,
    AgentReweighted,
    AgentSeated,
    DecisionTaken,
    Event,
    SessionStarted,
)


class Seats:
    """Follows the committee through a journal: joins, leaves and weights change a live desk's.

    An agent that left keeps its place, at weight 0: whoever was there before is found in the same
    row of the scores.
    """

    def __init__(self, started: SessionStarted) -> None:
        self._seats = {agent.name: agent for agent in started.agents}
        self._gone: set[str] = set()

    def take(self, event: Event) -> None:
        """Follow one event; most change nothing."""
        if isinstance(event, AgentReweighted) and event.agent in self._seats:
            self._seats[event.agent] = replace(self._seats[event.agent], weight=event.weight)
        elif isinstance(event, AgentJoined):
            self._seats[event.seated.name] = event.seated
            self._gone.discard(event.seated.name)
        elif isinstance(event, AgentLeft) and event.agent in self._seats:
            self._seats[event.agent] = replace(self._seats[event.agent], weight=0.0)
            self._gone.add(event.agent)

    def at(self, taken: DecisionTaken) -> tuple[AgentSeated, ...]:
        """The agents in the order of the rows of `taken.scores`.

        Raises JournalError where the journal's seats do not account for the rows.
        """
        rows, evidence = len(taken.scores), len(taken.evidence)
        everyone = tuple(self._seats.values())
        present = tuple(seat for seat in everyone if seat.name not in self._gone)
        for seats in (everyone, present):
            if (len(seats), sum(len(seat.evidence) for seat in seats)) == (rows, evidence):
                return seats
        raise JournalError(
            f"decision {taken.sequence} holds the scores of {rows} agents and {evidence} rows of "
            f"evidence; the journal seats {len(present)} agents "
            f"({', '.join(seat.name for seat in present)}). It was written by another version."
        )
