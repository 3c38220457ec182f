"""The ballots of a recorded decision, cast again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from agents.panel_seat import vote_on_rows
from coordinator.explain.seating import SeatAgain
from market.bars import Bars, Floats
from market.events import AgentAbstained, DecisionTaken
from market.seats import AgentSeated

ITS_OWN = re.compile(r"[A-Z]\w*: ")
"""How a reason begins that an agent gave itself: the type of what it raised. Others, such as
`late` or `away`, are about the way to it, and nothing that could be worked out again."""
Seating = Callable[[AgentSeated], SeatAgain]


@dataclass(frozen=True, slots=True, kw_only=True)
class VotesAgain:
    """scores: (A, N). evidence: (K, N). as_recorded: abstentions that were taken over, in words."""

    scores: Floats
    evidence: Floats
    abstained: tuple[AgentAbstained, ...]
    as_recorded: tuple[str, ...]


def vote_again(
    taken: DecisionTaken,
    bars: Bars,
    *,
    seats: tuple[AgentSeated, ...],
    seated: tuple[str, ...],
    recorded: Mapping[str, AgentAbstained],
    seating: Seating,
) -> VotesAgain:
    """Ask every agent that sat, and had answered then, for its vote on the last of the bars.

    recorded: who abstained then, by name. seating: builds an agent. Raises what `seating` raises.
    """
    scores = np.full(taken.scores.shape, np.nan)
    evidence = np.full(taken.evidence.shape, np.nan)
    abstained: list[AgentAbstained] = []
    as_recorded: list[str] = []
    first = 0
    for row, seat in enumerate(seats):
        rows = slice(first, first + len(seat.evidence))
        first = rows.stop
        if seat.name not in seated:
            continue
        said = recorded.get(seat.name)
        if said is not None and ITS_OWN.match(said.reason) is None:
            abstained.append(said)
            as_recorded.append(f"{seat.name} did not answer ({said.reason}) and abstained")
            continue
        agent = seating(seat).agent
        ballots = vote_on_rows(agent, bars, len(bars) - 1, len(bars), seat.evidence)
        scores[row] = ballots.score[0]
        evidence[rows] = ballots.evidence[:, 0]
        abstained += [
            AgentAbstained(sequence=taken.sequence, time=taken.time, agent=seat.name, reason=reason)
            for reason in ballots.failures.values()
        ]
    return VotesAgain(
        scores=scores,
        evidence=evidence,
        abstained=tuple(abstained),
        as_recorded=tuple(as_recorded),
    )
