"""`Committee`: the agents at the table, asked together and counted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from market.bar_window import BarSlice
from market.bars import Bars, Floats
from market.errors import QuorumError, StreamLost
from market.events import AgentAbstained
from market.lines import Line
from market.messages import BallotCast, PrimeWith, VoteOn


def unfit(ballot: BallotCast, shape: tuple[int, int]) -> str | None:
    """Why a ballot cannot be counted; None where it can. shape: of the layers expected."""
    if ballot.layers.shape != shape:
        return f"answered scores and evidence of shape {ballot.layers.shape}, expected {shape}"
    if np.count_nonzero(np.abs(ballot.score) > 1.0):
        return "answered scores outside [-1, 1]"
    return None


class Committee:
    """Asks every agent for its vote on a bar. One that fails, or is gone, abstains.

    lines: by agent name, in the fixed order of the tally.
    """

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._lines = dict(lines)
        self._gone: set[str] = set()
        self.evidence: dict[str, tuple[str, ...]] = {}
        self._rows = 0
        self._width = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The agents, in the order of the tally."""
        return tuple(self._lines)

    def prime(self, sequence: int, history: Bars) -> None:
        """Give every agent the bars before the first one to vote on."""
        for name in self._lines:
            self._post(name, PrimeWith(sequence=sequence, history=history))
        for name, line in self._lines.items():
            self.evidence[name] = () if name in self._gone else self._evidence_of(name, line)
        self._rows = sum(len(names) for names in self.evidence.values())
        self._width = len(history.symbols)

    def _evidence_of(self, name: str, line: Line) -> tuple[str, ...]:
        """The names an agent answers to its history; none where it fails."""
        try:
            names = line.reply()
        except StreamLost:
            self._gone.add(name)
            return ()
        except QuorumError:
            return ()  # it says why at its first vote
        return tuple(names) if isinstance(names, Sequence) else ()

    def ask(self, sequence: int, bar: BarSlice) -> None:
        """Give every agent the next bar."""
        message = VoteOn(sequence=sequence, bar=bar)
        for name in self._lines:
            self._post(name, message)

    def gather(self, sequence: int, time: int) -> tuple[Floats, Floats, list[AgentAbstained]]:
        """Scores (A, N), evidence (K, N) and who abstained because it failed."""
        scores = np.full((len(self._lines), self._width), np.nan)
        evidence = np.full((self._rows, self._width), np.nan)
        failures: list[AgentAbstained] = []
        first = 0
        for row, (name, line) in enumerate(self._lines.items()):
            stop = first + len(self.evidence[name])
            failure = (
                "gone"
                if name in self._gone
                else self._take(name, line, sequence, scores[row], evidence[first:stop])
            )
            if failure is not None:
                failures.append(
                    AgentAbstained(sequence=sequence, time=time, agent=name, reason=failure)
                )
            first = stop
        return scores, evidence, failures

    def _take(
        self, name: str, line: Line, sequence: int, score: Floats, evidence: Floats
    ) -> str | None:
        """Copy one agent's ballot into the arrays; why it abstains, or None."""
        try:
            ballot = line.reply()
        except StreamLost as error:
            self._gone.add(name)
            return str(error)
        except QuorumError as error:
            return str(error)
        if not isinstance(ballot, BallotCast) or ballot.sequence != sequence:
            return f"answered bar {getattr(ballot, 'sequence', '?')} when asked for {sequence}"
        why = unfit(ballot, (1 + len(evidence), len(score)))
        if why is not None:
            return why
        score[:] = ballot.score
        evidence[:] = ballot.evidence
        return ballot.failure

    def _post(self, name: str, message: object) -> None:
        if name in self._gone:
            return
        try:
            self._lines[name].post(message)
        except StreamLost:
            self._gone.add(name)
