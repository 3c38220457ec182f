"""The law of finite windows, checked: an agent's vote neither peeks ahead nor remembers too far.

    vote(bars)[t] == vote(bars[:t+1])[-1] == vote(bars[t+1-lookback:t+1])[-1], to the last bit

The first equation fails for an agent that uses later rows; the second for one whose vote depends
on rows before its lookback or on where the panel starts, as running sums and recursive filters do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agents.ballot import Agent, Ballot, check_ballot
from market.bars import Bars, Floats, utc

Part = Literal["truncated", "window"]

PARTS: dict[Part, str] = {
    "truncated": "differs when later bars are cut off: it looks ahead",
    "window": "differs on the last `lookback` bars alone: it remembers further back",
}
DEFAULT_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A vote that changes with the panel around it.

    agent: its name. row, time: the bar, and its end in UTC nanoseconds. symbol: the instrument.
    part: which panel the vote was compared on: `truncated` (later rows cut off) or `window` (the
    last `lookback` rows). array: the first evidence array that differs, where the fault arose;
    `score` when only the score does. whole, partial: its values from the whole panel and the part.
    """

    agent: str
    row: int
    time: int
    symbol: str
    part: Part
    array: str
    whole: float
    partial: float

    @property
    def difference(self) -> float:
        """Absolute difference; infinite where only one of the two is a number."""
        gap = abs(self.whole - self.partial)
        return float("inf") if np.isnan(gap) else gap

    def __str__(self) -> str:
        return (
            f"{self.agent}: {self.array} of {self.symbol} at {utc(self.time):%Y-%m-%d %H:%M} UTC "
            f"(row {self.row}) {PARTS[self.part]}; {self.whole!r} on the whole panel, "
            f"{self.partial!r} on the part"
        )


def check_finite_window_law(
    agent: Agent, bars: Bars, rows: Iterable[int] | None = None
) -> list[Violation]:
    """Every vote at `rows` that breaks the law, bit for bit; empty when the agent keeps it.

    rows: row numbers of `bars`; by default 64 spread evenly over those from the agent's first
    vote on. Every NaN equals every other. Raises AgentError when a ballot breaks its contract.
    """
    whole = check_ballot(agent.vote(bars), bars, agent.name)
    violations = []
    for row in spread_rows(agent.lookback, len(bars)) if rows is None else rows:
        starts: dict[Part, int] = {"truncated": 0, "window": max(row + 1 - agent.lookback, 0)}
        for part, start in starts.items():
            panel = bars.rows(start, row + 1)
            ballot = check_ballot(agent.vote(panel), panel, agent.name)
            violations += differences(agent.name, bars, row, part, whole, ballot)
    return violations


def spread_rows(lookback: int, length: int) -> list[int]:
    """Up to 64 rows, spread evenly from the first that may vote to the last."""
    first = max(min(lookback, length) - 1, 0)
    count = min(DEFAULT_ROWS, length - first)
    return sorted({round(row) for row in np.linspace(first, length - 1, count)})


def differences(
    name: str, bars: Bars, row: int, part: Part, whole: Ballot, partial: Ballot
) -> list[Violation]:
    """One violation for each instrument whose last partial vote is not the whole panel's."""
    arrays = {**whole.evidence, "score": whole.score}
    others = {**partial.evidence, "score": partial.score}
    labels = [*arrays, *(label for label in others if label not in arrays)]
    found: dict[int, Violation] = {}
    for label in labels:
        missing = np.full(bars.shape[1], np.nan)
        ours = arrays[label][row] if label in arrays else missing
        theirs = others[label][-1] if label in others else missing
        for column in np.flatnonzero(~same_bits(ours, theirs)):
            found.setdefault(
                int(column),
                Violation(
                    agent=name,
                    row=row,
                    time=int(bars.time[row]),
                    symbol=bars.symbols[column],
                    part=part,
                    array=label,
                    whole=float(ours[column]),
                    partial=float(theirs[column]),
                ),
            )
    return [found[column] for column in sorted(found)]


def same_bits(first: Floats, second: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether two arrays hold the same doubles, element by element; every NaN is the same."""
    a = np.array(first, dtype=np.float64)
    b = np.array(second, dtype=np.float64)
    same: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = a.view(np.int64) == b.view(np.int64)
    return same | (np.isnan(a) & np.isnan(b))
