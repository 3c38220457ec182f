"""A single idea, as event engines are compared on: averages that cross, filtered by RSI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.ballot import Ballot
from agents.indicators.averages import moving_average
from agents.indicators.oscillators import relative_strength_index, wilder_taps
from market.bars import Bars, Floats
from market.compiled import kernel


@kernel
def fill_side(fast: Floats, slow: Floats, strength: Floats, bound: float, side: Floats) -> None:
    """1 long, -1 short, 0 neither; NaN where anything is unknown. Flat arrays."""
    for i in range(side.size):
        gap = fast[i] - slow[i]
        long = gap > 0.0 and strength[i] < bound
        short = gap < 0.0 and strength[i] > 100.0 - bound
        vote = 1.0 if long else -1.0 if short else 0.0
        side[i] = np.nan if np.isnan(gap + strength[i]) else vote


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossWithFilter:
    """Long while the fast average is above the slow one and the RSI is not overbought, short the
    other way round, else neutral; abstains until its windows are full."""

    fast: int = 20
    slow: int = 50
    length: int = 14
    bound: float = 70.0
    name: str = "cross_with_filter"

    @property
    def lookback(self) -> int:
        return max(self.slow, wilder_taps(self.length).taps + 1)

    def score(self, bars: Bars) -> Floats:
        """Full confidence or none."""
        fast, slow = (moving_average(bars.close, window) for window in (self.fast, self.slow))
        strength = relative_strength_index(bars.close, self.length)
        side = np.empty(bars.shape)
        fill_side(fast.ravel(), slow.ravel(), strength.ravel(), self.bound, side.ravel())
        return side

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=self.score(bars))
