"""Who sat on the committee at a decision, and what each weighed."""

from __future__ import annotations

from dataclasses import replace

from market.desk_state import DeskState
from market.errors import JournalError
from market.events import DecisionTaken, Event, ruled
from market.live_events import SeatsChange
from market.seats import AgentSeated


def seats_at(state: DeskState) -> tuple[AgentSeated, ...]:
    """The agents in the order of the rows of the scores, each with the weight of that moment.

    state: the desk, folded up to the bar that was decided on: who sits and what each weighs
    changes between bars. An agent that does not sit has weight 0.
    """
    return tuple(
        replace(place, weight=state.weights[place.name] if place.name in state.seated else 0.0)
        for place in ruled(state.started, state.rules).agents
    )


def is_reseated(event: Event, sequence: int) -> bool:
    """Whether an event changes who sits at a decision, though its bar may have closed before."""
    return (
        isinstance(event, SeatsChange) and event.sequence is not None and event.sequence <= sequence
    )


def require_rows(seats: tuple[AgentSeated, ...], taken: DecisionTaken) -> None:
    """Raise JournalError where the seats do not account for the rows of a decision."""
    expected = (len(seats), sum(len(seat.evidence) for seat in seats))
    if (len(taken.scores), len(taken.evidence)) != expected:
        raise JournalError(
            f"decision {taken.sequence} holds the scores of {len(taken.scores)} agents and "
            f"{len(taken.evidence)} rows of evidence; the journal seats {expected[0]} agents with "
            f"{expected[1]}. It was written by another version."
        )
