"""`Lookahead`: what was seen of an agent on altered panels, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agents.law import Part, Violation
from agents.scrutiny.voting import Failure

Verdict = Literal["exact", "tolerable", "peeks", "remembers", "diverges", "changes", "raises"]
KEPT: tuple[Verdict, ...] = ("exact", "tolerable")
AHEAD: tuple[Part, ...] = ("truncated", "emptied", "magnified", "diverted")
BEHIND: tuple[Part, ...] = ("window", "shifted")
ALONE: tuple[Part, ...] = ("newest",)
BEHIND_VERDICT: dict[Verdict, tuple[Part, ...]] = {
    "peeks": AHEAD,
    "remembers": BEHIND,
    "diverges": ALONE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One altered panel and what came of it.

    gaps: whether it was made from the panel with missing prices. compared: votes held beside each
    other. differing, beyond: by instrument the first that differs in a bit, and by more than the
    tolerance. largest: largest distance. failure: what the agent raised instead of voting.
    """

    part: Part
    gaps: bool
    compared: int = 0
    differing: tuple[Violation, ...] = ()
    beyond: tuple[Violation, ...] = ()
    largest: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookahead:
    """Everything that was seen of an agent.

    bars, instruments: size of the panel. trials: in the order they were made; an agent that
    changes its votes on the same panel is given no other.
    """

    agent: str
    lookback: int
    bars: int
    instruments: int
    tolerance: float
    trials: tuple[Trial, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst that was seen.

        changes: other votes on the same panel. peeks: later bars reach a vote. remembers: bars
        before the lookback do, or the place where the panel starts. diverges: its newest row asked
        for alone, as live, is another. raises: it fails on a panel
        that history may hold. tolerable: within the tolerance. exact: the same bits throughout.
        """
        broken = {trial.part for trial in self.trials if trial.beyond}
        if "repeated" in broken:
            return "changes"
        if broken & set(AHEAD):
            return "peeks"
        if broken & set(BEHIND):
            return "remembers"
        if broken:
            return "diverges"
        if self.failure is not None:
            return "raises"
        return "tolerable" if any(trial.differing for trial in self.trials) else "exact"

    @property
    def keeps_the_law(self) -> bool:
        """Whether nothing differed by more than the tolerance, and nothing was raised."""
        return self.verdict in KEPT

    @property
    def compared(self) -> int:
        """Votes that were held beside each other."""
        return sum(trial.compared for trial in self.trials)

    @property
    def largest(self) -> float:
        """The largest distance between two values that should be the same."""
        return max((trial.largest for trial in self.trials), default=0.0)

    @property
    def first(self) -> Violation | None:
        """The earliest bar behind the verdict; None where the votes are the same."""
        return self._first[1] if self._first is not None else None

    @property
    def first_needs_gaps(self) -> bool:
        """Whether the verdict was seen with prices missing only."""
        return self._first is not None and self._first[0]

    @property
    def _first(self) -> tuple[bool, Violation] | None:
        """Whether it takes gaps to see it, and the earliest bar; one without where there is one."""
        parts = BEHIND_VERDICT.get(self.verdict)
        found = [
            (trial.gaps, violation)
            for trial in self.trials
            if parts is None or trial.part in parts
            for violation in (trial.differing if self.verdict == "tolerable" else trial.beyond)
        ]
        return min(found, key=lambda seen: (seen[0], seen[1].row), default=None)

    @property
    def failure(self) -> Failure | None:
        """The first panel on which it raised."""
        return next((trial.failure for trial in self.trials if trial.failure), None)
