"""`NewestAlone`: the votes that a live desk would be given, held to the law as an agent's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.ballot import (
    Agent,
    Ballot,
    FollowsBars,
    NewestVoter,
    check_shape,
    told_alone,
)
from market.bar_window import slice_of
from market.bars import Bars, Floats

WITH_PANEL = 7
"""Of so many bars one is asked with its panel, though it could be told alone."""
ROLLED = 3
"""Lookbacks of a panel on which a window rolls: two of them past its first vote."""


@dataclass(frozen=True, slots=True)
class NewestAlone:
    """An agent whose newest row is asked for alone, bar after bar, as it would be live.

    A window that goes wrong only once it has rolled on for long shows in the last row; all earlier
    rows abstain.

    agent: answers `newest_vote`.
    """

    agent: Agent

    @property
    def name(self) -> str:
        """The agent's."""
        return self.agent.name

    @property
    def lookback(self) -> int:
        """The agent's."""
        return self.agent.lookback

    def vote(self, bars: Bars) -> Ballot:
        """Its vote on the last row, after those with a whole lookback. Raises what it raises."""
        assert isinstance(self.agent, NewestVoter)
        newest, shape = self.agent.newest_vote(), (1, bars.shape[1])
        follows = newest if isinstance(newest, FollowsBars) else None
        ballot, first = Ballot(score=np.full(shape, np.nan)), min(self.lookback, len(bars))
        for stop in range(first, len(bars) + 1):
            told = None
            if follows is not None and stop > first and stop % WITH_PANEL:
                told = told_alone(follows, slice_of(bars, stop - 1), self.name)
            asked = bars.rows(max(stop - self.lookback, 0), stop)
            ballot = check_shape(newest(asked), shape, self.name) if told is None else told
        return Ballot(
            score=_padded(ballot.score, len(bars)),
            evidence={name: _padded(row, len(bars)) for name, row in ballot.evidence.items()},
        )


def _padded(row: Floats, length: int) -> Floats:
    """A row (1, N) as the last of so many, NaN before it."""
    return np.pad(row, ((length - 1, 0), (0, 0)), constant_values=np.nan)
