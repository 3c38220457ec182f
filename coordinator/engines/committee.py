"""The committee on rows of a panel: every member's votes, in the order of the tally."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agents.ballot import Agent
from agents.panel_seat import RowBallots, vote_on_rows
from agents.seat import evidence_names
from market.bars import Bars, Floats

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeRows:
    """Votes of A agents on R rows.

    evidence: (K, R, N), the agents' rows one after the other; without rows where none was asked
    for. failures: why an agent abstained, by (row, agent), where it failed.
    """

    evidence: Floats
    failures: dict[tuple[int, int], str]


class PanelCommittee(Protocol):
    """Whoever votes on rows: agents in this process, actors elsewhere, or a memory of votes."""

    @property
    def evidence(self) -> dict[str, Names]:
        """By agent, the names of its evidence rows."""
        ...

    def vote(self, start: int, stop: int, *, evidence: bool, scores: Floats) -> CommitteeRows:
        """Fill `scores` (R, A, N) for rows `start` up to, not including, `stop`."""
        ...


class LocalCommittee:
    """Agents in this process.

    bars: (T, M), the N traded instruments first. history: rows of it before the first vote.
    """

    def __init__(self, agents: Sequence[Agent], bars: Bars, traded: int, history: int) -> None:
        self._agents = tuple(agents)
        self._bars = bars
        self._symbols = bars.symbols[:traded]
        self._longest = max(agent.lookback for agent in self._agents)
        primed = self._traded(max(history - 1, 0), history)
        self._evidence = {agent.name: evidence_names(agent, primed) for agent in self._agents}

    @property
    def evidence(self) -> dict[str, Names]:
        """By agent, the names of its evidence rows."""
        return self._evidence

    def vote(self, start: int, stop: int, *, evidence: bool, scores: Floats) -> CommitteeRows:
        """Fill `scores` (R, A, N) for rows `start` up to, not including, `stop`."""
        first = max(start + 1 - self._longest, 0)
        bars = self._traded(first, stop)
        ballots = [
            vote_on_rows(
                agent,
                bars,
                start - first,
                stop - first,
                self._evidence[agent.name] if evidence else (),
            )
            for agent in self._agents
        ]
        return gather(ballots, scores)

    def _traded(self, start: int, stop: int) -> Bars:
        rows = self._bars.rows(start, stop)
        return rows if self._symbols == rows.symbols else rows.columns(self._symbols)


def gather(ballots: Sequence[RowBallots], scores: Floats) -> CommitteeRows:
    """The committee's rows from those of its members; their scores go into `scores`."""
    failures: dict[tuple[int, int], str] = {}
    for member, ballot in enumerate(ballots):
        scores[:, member] = ballot.score
        failures |= {(row, member): why for row, why in ballot.failures.items()}
    return CommitteeRows(
        evidence=np.concatenate([ballot.evidence for ballot in ballots]), failures=failures
    )
