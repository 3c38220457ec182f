"""An agent's votes on many rows at once, as its seat would have had them one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from agents.ballot import Agent, check_ballot, scores
from agents.seat import evidence_names, said_by
from market.bars import Bars, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RowBallots:
    """One agent's votes on R rows.

    score: (R, N). evidence: (K, R, N) in the order of the names asked for. failures: why it
    abstained, by row from 0, where it failed.
    """

    score: Floats
    evidence: Floats
    failures: dict[int, str]


class PanelSeat:
    """An agent with the whole panel before it, wherever it runs.

    build: makes the agent. bars: (T, N) of the traded instruments; read only. history: rows before
    the first vote, which the agent is primed with.
    """

    def __init__(self, build: Callable[[], Agent], bars: Bars, history: int) -> None:
        self._agent = build()
        self._bars = bars
        self.evidence = evidence_names(self._agent, bars.rows(0, history))

    def vote(self, start: int, stop: int, *, evidence: bool) -> RowBallots:
        """Its votes on rows `start` up to, not including, `stop`; evidence: whether it is kept."""
        names = self.evidence if evidence else ()
        return vote_on_rows(self._agent, self._bars, start, stop, names)


def vote_on_rows(
    agent: Agent, bars: Bars, start: int, stop: int, evidence: tuple[str, ...]
) -> RowBallots:
    """Votes on rows `start` up to, not including, `stop` of a panel.

    The agent is given the rows and the `lookback` before them in one panel. Where it raises on
    that, or breaks its contract, it is asked row by row, as it is live, so that it abstains on
    the same rows and for the same reasons.
    """
    first = max(start + 1 - agent.lookback, 0)
    panel, skip = bars.rows(first, stop), start - first
    try:
        if not evidence:
            alone = np.asarray(scores(agent, panel)[skip:], dtype=np.float64)
            return RowBallots(score=alone, evidence=np.empty((0, *alone.shape)), failures={})
        ballot = check_ballot(agent.vote(panel), panel, agent.name)
    except Exception:
        return _one_by_one(agent, bars, start, stop, evidence)
    shape = (stop - start, bars.shape[1])
    kept = np.full((len(evidence), *shape), np.nan)
    for row, name in enumerate(evidence):
        if name in ballot.evidence:
            kept[row] = ballot.evidence[name][skip:]
    score = np.asarray(ballot.score[skip:], dtype=np.float64)
    return RowBallots(score=score, evidence=kept, failures={})


def _one_by_one(
    agent: Agent, bars: Bars, start: int, stop: int, evidence: tuple[str, ...]
) -> RowBallots:
    shape = (stop - start, bars.shape[1])
    score, kept = np.full(shape, np.nan), np.full((len(evidence), *shape), np.nan)
    failures: dict[int, str] = {}
    for row in range(start, stop):
        window = bars.rows(max(row + 1 - agent.lookback, 0), row + 1)
        try:
            ballot = check_ballot(agent.vote(window), window, agent.name)
            for index, name in enumerate(evidence):
                if name in ballot.evidence:
                    kept[index, row - start] = ballot.evidence[name][-1]
            score[row - start] = ballot.score[-1]
        except Exception as error:
            kept[:, row - start] = np.nan
            failures[row - start] = said_by(error)
    return RowBallots(score=score, evidence=kept, failures=failures)
