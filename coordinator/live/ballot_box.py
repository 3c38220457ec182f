"""`BallotBox`: the ballots of one decision, taken in as they come."""

from __future__ import annotations

import numpy as np

from coordinator.committee import unfit
from coordinator.live.places import Rows
from market.bars import Floats
from market.messages import BallotCast


class BallotBox:
    """rows: of each place. evidence: K, its rows of all places. width: N, instruments.

    Holds scores (A, N) and evidence (K, N), NaN where nothing was cast, and by name why an agent
    that answered abstains, None where it votes.
    """

    def __init__(self, rows: dict[str, Rows], evidence: int, width: int) -> None:
        self._rows = rows
        self.scores: Floats = np.full((len(rows), width), np.nan)
        self.evidence: Floats = np.full((evidence, width), np.nan)
        self.cast: dict[str, str | None] = {}

    def take(self, name: str, ballot: BallotCast) -> None:
        """Take one ballot in; one that has not the shape or the range of a ballot abstains."""
        rows = self._rows[name]
        score, evidence = self.scores[rows.score], self.evidence[rows.first : rows.stop]
        why = unfit(ballot, (1 + len(evidence), len(score)))
        if why is None:
            score[:] = ballot.score
            evidence[:] = ballot.evidence
            why = ballot.failure
        self.cast[name] = why
