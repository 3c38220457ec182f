"""An agent's newest vote, from windows that roll on bar by bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from agents.ballot import Ballot
from agents.indicators.rolling import Roll, RollingRow
from market.bars import Bars

Plan = TypeVar("Plan")


def rolling_vote(
    lookback: int,
    evidence: tuple[str, ...],
    plan: Plan,
    rows_for: Callable[[Plan], int],
    roll: Roll[Plan],
) -> Callable[[Bars], Ballot]:
    """What votes (1, N) on the newest row, by a kernel whose layers are the score and the evidence.

    lookback: of the agent. evidence: names of the layers after the first. rows_for: rows of memory
    that `roll` lays out.
    """
    rolling = RollingRow(lookback, 1 + len(evidence), lambda _: plan, rows_for, roll)

    def vote(bars: Bars) -> Ballot:
        layers = rolling.of(bars)
        return Ballot(
            score=layers[:1],
            evidence={name: layers[k : k + 1] for k, name in enumerate(evidence, start=1)},
        )

    return vote
