"""An agent's newest vote, from windows that roll on bar by bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from agents.ballot import Ballot, ballot_of
from agents.indicators.rolling import Roll, RollingRow
from market.bar_window import CLOSE, BarSlice
from market.bars import Bars, Floats

Plan = TypeVar("Plan")


class RollingVote(Generic[Plan]):
    """What votes (1, N) on the newest row, by a kernel whose layers are the score and the evidence.

    lookback: of the agent. evidence: names of the layers after the first. rows_for: rows of memory
    that `roll` lays out.
    """

    def __init__(
        self,
        lookback: int,
        evidence: tuple[str, ...],
        plan: Plan,
        rows_for: Callable[[Plan], int],
        roll: Roll[Plan],
    ) -> None:
        self.evidence = evidence
        self._rolling = RollingRow(lookback, 1 + len(evidence), lambda _: plan, rows_for, roll)

    def __call__(self, bars: Bars) -> Ballot:
        """The ballot on the last row."""
        return ballot_of(self._rolling.of(bars), self.evidence)

    def following(self, bar: BarSlice) -> Floats | None:
        """As of `FollowsBars`."""
        return self._rolling.following(bar.time, bar.values[CLOSE : CLOSE + 1])
