"""`NewestAlone`: the votes that a live desk would be given, held to the law as an agent's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.ballot import Agent, Ballot, NewestVoter, check_shape
from market.bars import Bars, Floats

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
        ballot = Ballot(score=np.full(shape, np.nan))
        for stop in range(min(self.lookback, len(bars)), len(bars) + 1):
            asked = bars.rows(max(stop - self.lookback, 0), stop)
            ballot = check_shape(newest(asked), shape, self.name)
        return Ballot(
            score=_padded(ballot.score, len(bars)),
            evidence={name: _padded(row, len(bars)) for name, row in ballot.evidence.items()},
        )


def _padded(row: Floats, length: int) -> Floats:
    """A row (1, N) as the last of so many, NaN before it."""
    return np.pad(row, ((length - 1, 0), (0, 0)), constant_values=np.nan)
