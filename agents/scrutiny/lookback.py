"""How far back an agent really looks: the shortest window that still gives the same last vote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agents.ballot import Agent, Ballot
from agents.law import Violation, compare
from agents.scrutiny.panels import Altered, window, with_bridges
from agents.scrutiny.voting import (
    Failure,
    drawn_rows,
    require_rows,
    require_votes,
    votes_on_whole,
    votes_or_failure,
)
from market.bars import Bars

ROWS = 32
Verdict = Literal["too_short", "exact", "longer"]
Watch = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """What an agent says it needs, and what it needed.

    declared: its lookback. needed: shortest window from which on every longer one that was tried
    gave the same votes; None where only the whole history does. rows: rows looked at, each as it
    is and with gaps. history: bars before the last of them, itself included. shortfall: the first
    difference with `declared` bars; binding: with one less than `needed`. Either may be an error
    that the agent raised. raised: its error where it cannot vote with missing prices; the rows
    were then looked at as they are only.
    """

    agent: str
    declared: int
    needed: int | None
    rows: int
    history: int
    instruments: int
    tolerance: float
    shortfall: Violation | Failure | None
    binding: Violation | Failure | None
    raised: Failure | None

    @property
    def verdict(self) -> Verdict:
        """Whether the declared lookback is too short, just what was needed, or longer."""
        if self.shortfall is not None:
            return "too_short"
        return "exact" if self.needed == self.declared else "longer"

    @property
    def enough(self) -> bool:
        """Whether the declared lookback is enough."""
        return self.shortfall is None


def measure_lookback(
    agent: Agent,
    bars: Bars,
    *,
    rows: int = ROWS,
    seed: int = 0,
    tolerance: float = 0.0,
    watch: Watch | None = None,
) -> Lookback:
    """Hold the agent's last vote on shorter and shorter panels beside that on all the history.

    rows: how many rows are looked at, at the most; seed: of which. tolerance: the largest
    `agents.law.distance` at which two values count as the same; 0 is bit for bit. watch: told
    in words what is being tried. Raises DataError where the panel is too short, AgentError
    where the agent raises on the panel itself or never votes.
    """
    require_rows(agent, bars)
    rng = np.random.default_rng(seed)
    drawn = drawn_rows(agent.lookback, len(bars), rows, rng)
    windows = _Windows(agent, bars, drawn, tolerance, watch or (lambda _: None))
    shortfall = windows.difference(agent.lookback)
    history = drawn[-1] + 1
    needed = _shortest(windows, agent.lookback, history)
    return Lookback(
        agent=agent.name,
        declared=agent.lookback,
        needed=needed if needed < history else None,
        rows=len(drawn),
        history=history,
        instruments=bars.shape[1],
        tolerance=tolerance,
        shortfall=shortfall,
        binding=windows.difference(needed - 1) if needed > 1 else None,
        raised=windows.raised,
    )


class _Windows:
    """The agent's last vote at some rows, as they are and with gaps, on windows of any length."""

    def __init__(
        self, agent: Agent, bars: Bars, rows: list[int], tolerance: float, watch: Watch
    ) -> None:
        self._agent = agent
        self._tolerance = tolerance
        self._watch = watch
        self._bars = bars
        self._cases: list[tuple[int, bool, Ballot]] = []
        self.raised: Failure | None = None
        for number, row in enumerate(rows, start=1):
            watch(f"voting on all the history: row {number} of {len(rows)}")
            votes = votes_on_whole(agent, bars.rows(0, row + 1))
            self._cases.append((row, False, _last(votes)))
            bridged = votes_or_failure(agent, bars, self._window(row, row + 1, True))
            if isinstance(bridged, Failure):
                self.raised = self.raised or bridged
            else:
                self._cases.append((row, True, _last(bridged)))
        require_votes(
            agent,
            np.concatenate([votes.score for _, _, votes in self._cases]),
            " Or it needs later bars to vote: `quorum lookahead` says.",
        )
        self._known: dict[int, Violation | Failure | None] = {}

    def _window(self, row: int, length: int, gaps: bool) -> Altered:
        """Made when it is needed: copies of long panels for every row would fill the memory."""
        panel = window(self._bars, row, length, "gapped" if gaps else "shorter")
        return with_bridges(panel, self._agent.lookback) if gaps else panel

    def difference(self, length: int) -> Violation | Failure | None:
        """The first vote that is another one on the last `length` bars; None where all are equal.

        A row with no more history than that is the same panel, and passes.
        """
        if length not in self._known:
            self._watch(f"voting on the last {length:,} bars")
            self._known[length] = self._sought(length)
        return self._known[length]

    def _sought(self, length: int) -> Violation | Failure | None:
        for row, gaps, whole in self._cases:
            if row < length:
                continue
            panel = self._window(row, length, gaps)
            votes = votes_or_failure(self._agent, self._bars, panel)
            if isinstance(votes, Failure):
                return votes
            seen = compare(
                self._agent.name, self._bars, row, panel.part, whole, _last(votes),
                tolerance=self._tolerance,
            )  # fmt: skip
            if seen.beyond:
                return seen.beyond[0]
        return None


def _last(votes: Ballot) -> Ballot:
    """The last row, copied: a view would keep the whole ballot in memory."""
    evidence = {label: array[-1:].copy() for label, array in votes.evidence.items()}
    return Ballot(score=votes.score[-1:].copy(), evidence=evidence)


def _shortest(windows: _Windows, declared: int, history: int) -> int:
    """The shortest length that passes, where all longer ones pass as well.

    Lengths are tried from the whole history down, each half of the last and the declared one, until
    one fails; between that and the last that passed, by bisection.
    """
    halves = [history >> times for times in range(1, history.bit_length())]
    passing, failing = history, 0
    for length in sorted({*halves, declared}, reverse=True):
        if windows.difference(length) is not None:
            failing = length
            break
        passing = length
    while passing - failing > 1:
        middle = (passing + failing) // 2
        if windows.difference(middle) is None:
            passing = middle
        else:
            failing = middle
    return passing
