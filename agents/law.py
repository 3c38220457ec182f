"""The law of finite windows, checked: an agent's vote neither peeks ahead nor remembers too far.

    vote(bars)[t] == vote(bars[:t+1])[-1] == vote(bars[t+1-lookback:t+1])[-1], to the last bit

and the same from `newest_vote`, where the agent has one. The first equation fails for an agent that
uses later rows; the second for one whose vote depends on rows before its lookback or on where the
panel starts, as running sums and recursive filters do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.ballot import (
    Agent,
    Ballot,
    FollowsBars,
    check_ballot,
    check_names,
    check_shape,
    told_alone,
    votes_alone,
)
from market.bar_window import slice_of
from market.bars import Bars, Floats, utc

Part = Literal[
    "truncated",
    "emptied",
    "magnified",
    "diverted",
    "window",
    "shifted",
    "repeated",
    "gapped",
    "shorter",
    "newest",
]

PARTS: dict[Part, str] = {
    "truncated": "differs when later bars are cut off: it looks ahead",
    "emptied": "differs when later bars have no price: it looks ahead",
    "magnified": "differs when later prices are a million times as high: it looks ahead",
    "diverted": "differs when later prices take another path: it looks ahead",
    "window": "differs on the last `lookback` bars alone: it remembers further back",
    "shifted": "differs when the panel starts later: it depends on where its panel starts",
    "repeated": "differs on the same panel, asked again: it depends on more than its bars",
    "gapped": "differs when prices are missing here and there",
    "shorter": "differs on fewer bars than these: it needs more",
    "newest": "differs when its newest row is asked for alone: live it would vote otherwise",
}
Flags = NDArray[np.bool_]
DEFAULT_ROWS = 64
FOLLOWED = 4
"""Bars told alone, one after the other, behind each row that is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A vote that changes with the panel around it.

    agent: its name. row, time: the bar, and its end in UTC nanoseconds. symbol: the instrument.
    part: which panel the vote was compared on, a key of PARTS. array: the first evidence array
    that differs, where the fault arose; `score` when only the score does. whole, partial: its
    values from the whole panel and the part.
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


class Comparison(NamedTuple):
    """Votes of a panel beside the same rows' votes on another.

    differing: by instrument, the first vote that is not the same to the last bit. beyond: the
    first that differs by more than the tolerance; with a tolerance of 0 both are the same, a
    changed sign of zero included. largest: largest `distance` of all.
    """

    differing: list[Violation]
    beyond: list[Violation]
    largest: float


def check_finite_window_law(
    agent: Agent, bars: Bars, rows: Iterable[int] | None = None
) -> list[Violation]:
    """Every vote at `rows` that breaks the law, bit for bit; empty when the agent keeps it.

    rows: row numbers of `bars`; by default 64 spread evenly over those from the agent's first
    vote on. Every NaN equals every other. Raises AgentError when a ballot breaks its contract.
    """
    whole = check_ballot(agent.vote(bars), bars, agent.name)
    check_names(whole, agent)
    voter = votes_alone(agent)
    newest = None if voter is None else voter.newest_vote()
    violations = []
    for row in spread_rows(agent.lookback, len(bars)) if rows is None else rows:
        here = rows_of(whole, row, row + 1)
        starts: dict[Part, int] = {"truncated": 0, "window": max(row + 1 - agent.lookback, 0)}
        for part, start in starts.items():
            panel = bars.rows(start, row + 1)
            ballot = check_ballot(agent.vote(panel), panel, agent.name)
            there = rows_of(ballot, row - start, len(panel))
            violations += compare(agent.name, bars, row, part, here, there).differing
        if newest is not None:
            for stop in range(max(row, 1), row + 2):  # on the bar before first, as it would be live
                panel = bars.rows(max(stop - agent.lookback, 0), stop)
                alone = check_shape(newest(panel), (1, bars.shape[1]), agent.name)
            violations += compare(agent.name, bars, row, "newest", here, alone).differing
            if isinstance(newest, FollowsBars):
                violations += _followed(agent, newest, bars, row, whole)
    return violations


def _followed(
    agent: Agent, newest: FollowsBars, bars: Bars, row: int, whole: Ballot
) -> list[Violation]:
    """Every vote that differs on the bars that are told alone behind this row."""
    violations = []
    for after in range(row + 1, min(row + 1 + FOLLOWED, len(bars))):
        there = told_alone(newest, slice_of(bars, after), agent.name)
        if there is None:
            break
        here = rows_of(whole, after, after + 1)
        violations += compare(agent.name, bars, after, "newest", here, there).differing
    return violations


def altered_how(part: Part) -> str:
    """How a panel was altered, in words that follow "differs"."""
    return PARTS[part].partition(":")[0].removeprefix("differs ")


def spread_rows(lookback: int, length: int) -> list[int]:
    """Up to 64 rows, spread evenly from the first that may vote to the last."""
    first = max(min(lookback, length) - 1, 0)
    count = min(DEFAULT_ROWS, length - first)
    return sorted({round(row) for row in np.linspace(first, length - 1, count)})


def rows_of(ballot: Ballot, start: int, stop: int) -> Ballot:
    """Rows `start` up to, not including, `stop`."""
    evidence = {label: array[start:stop] for label, array in ballot.evidence.items()}
    return Ballot(score=ballot.score[start:stop], evidence=evidence)


def compare(
    name: str,
    bars: Bars,
    row: int,
    part: Part,
    whole: Ballot,
    partial: Ballot,
    *,
    tolerance: float = 0.0,
) -> Comparison:
    """Two ballots of the same rows of `bars`, the first of which is `row`.

    At the first row where an instrument's votes differ, the first array that differs in a bit is
    named, in the order of the evidence, then the score: there the fault arose.
    """
    arrays = {**whole.evidence, "score": whole.score}
    others = {**partial.evidence, "score": partial.score}
    missing = np.full(whole.score.shape, np.nan)
    differing: dict[str, Flags] = {}
    beyond: dict[str, Flags] = {}
    largest = 0.0
    for label in [*arrays, *(label for label in others if label not in arrays)]:
        ours, theirs = arrays.get(label, missing), others.get(label, missing)
        unlike = ~same_bits(ours, theirs)
        if unlike.any():
            apart = np.where(unlike, distance(ours, theirs), 0.0)
            largest = max(largest, float(apart.max()))
            differing[label] = unlike
            beyond[label] = unlike & ~((apart <= tolerance) & (tolerance > 0.0))

    def first(flags: dict[str, Flags]) -> list[Violation]:
        return [
            Violation(
                agent=name,
                row=row + at,
                time=int(bars.time[row + at]),
                symbol=bars.symbols[column],
                part=part,
                array=label,
                whole=float(arrays.get(label, missing)[at, column]),
                partial=float(others.get(label, missing)[at, column]),
            )
            for at, column, label in _firsts(flags, differing)
        ]

    return Comparison(first(differing), first(beyond), largest)


def _firsts(flags: dict[str, Flags], differing: dict[str, Flags]) -> list[tuple[int, int, str]]:
    """By column with a flag: the first flagged row, and there the first label that differs."""
    if not flags:
        return []
    flagged = np.logical_or.reduce(list(flags.values()))
    found = []
    for column in np.flatnonzero(flagged.any(axis=0)):
        at = int(flagged[:, column].argmax())
        label = next(label for label, unlike in differing.items() if unlike[at, column])
        found.append((at, int(column), label))
    return found


def distance(first: Floats, second: Floats) -> Floats:
    """|a − b| / max(1, |a|, |b|): absolute for scores, relative for what is larger than one.

    Infinite where only one of the two is a number; 0 where neither is.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(a - b) / np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
    neither: Floats = np.where(np.isnan(a) & np.isnan(b), 0.0, np.inf)
    return np.where(np.isnan(apart), np.where(a == b, 0.0, neither), apart)


def same_bits(first: Floats, second: Floats) -> Flags:
    """Whether two arrays hold the same doubles, element by element; every NaN is the same."""
    a = np.array(first, dtype=np.float64)
    b = np.array(second, dtype=np.float64)
    same: Flags = a.view(np.int64) == b.view(np.int64)
    return same | (np.isnan(a) & np.isnan(b))
