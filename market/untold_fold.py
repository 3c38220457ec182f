"""`UntoldFold`: what was booked and no bar, or no guardian, has been told of yet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from market.bars import Floats
from market.conversion import Indices


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """Of M instruments. filled: (M,) fills that no guardian has taken in, counted. financing: (M,)
    account currency, since the newest bar. sequence: (S,) bars since the newest that was reviewed,
    at which more was untold than before; filled_then: (S, M) how much. awaiting: the decision whose
    review is not on record, -1 for none.
    """

    filled: Floats = field(default_factory=lambda: np.empty(0))
    financing: Floats = field(default_factory=lambda: np.empty(0))
    sequence: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    filled_then: Floats = field(default_factory=lambda: np.empty((0, 0)))
    awaiting: int = -1


class UntoldFold:
    """A fill is told with the first bar after it that is reviewed: not with one that nobody decided
    on, nor with one whose guardian was silent; a restart forgets none. kept: of M instruments, or
    of none where an older version kept nothing.
    """

    def __init__(self, width: int, kept: Untold | None = None) -> None:
        known = kept if kept is not None and len(kept.filled) else None
        self.filled: Floats = np.zeros(width) if known is None else known.filled.copy()
        self.financing: Floats = np.zeros(width) if known is None else known.financing.copy()
        self._then: dict[int, Floats] = {}
        self._awaiting = -1
        if known is not None:
            self._then = dict(zip(known.sequence.tolist(), known.filled_then.copy(), strict=True))
            self._awaiting = known.awaiting

    def fill(self, column: int) -> None:
        """One of an instrument."""
        self.filled[column] += 1.0

    def charge(self, column: int, amount: float) -> None:
        """Financing of an instrument."""
        self.financing[column] += amount

    def settle(self, sequence: int) -> None:
        """A bar was settled: its financing is told."""
        self.financing = np.zeros_like(self.financing)
        if not np.array_equal(self.until(sequence), self.filled):
            self._then[sequence] = self.filled.copy()

    def until(self, sequence: int) -> Floats:
        """(M,) what a review of the account after this bar, which was settled, is told of fills."""
        for bar in reversed(self._then):
            if bar <= sequence:
                return self._then[bar].copy()
        return np.zeros_like(self.filled)

    def decide(self, sequence: int) -> None:
        """This bar was decided on: its review follows, unless the guardian was silent."""
        self._awaiting = sequence

    def pass_over(self) -> None:
        """What the guardian says next is not of a bar."""
        self._awaiting = -1

    def review(self, sequence: int) -> None:
        """The account after the bar that was decided on last was taken in by a guardian."""
        if sequence != self._awaiting:
            return
        self._awaiting = -1
        told = self.until(sequence)
        self.filled = self.filled - told
        self._then = {bar: then - told for bar, then in self._then.items() if bar > sequence}

    def snapshot(self) -> Untold:
        """All of it as one value that shares nothing with the fold."""
        width = len(self.filled)
        return Untold(
            filled=self.filled.copy(),
            financing=self.financing.copy(),
            sequence=np.array([*self._then], dtype=np.int64),
            filled_then=np.array([*self._then.values()]).reshape(len(self._then), width),
            awaiting=self._awaiting,
        )
