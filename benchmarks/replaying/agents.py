"""A single idea, as event engines are compared on: averages that cross, filtered by RSI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.ballot import Ballot
from agents.indicators.averages import moving_average
from agents.indicators.oscillators import relative_strength_index, wilder_taps
from market.bars import Bars, Floats


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
        gap = moving_average(bars.close, self.fast) - moving_average(bars.close, self.slow)
        rsi = relative_strength_index(bars.close, self.length)
        long, short = (gap > 0.0) & (rsi < self.bound), (gap < 0.0) & (rsi > 100.0 - self.bound)
        side = np.where(long, 1.0, np.where(short, -1.0, 0.0))
        return np.where(np.isnan(gap + rsi), np.nan, side)

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=self.score(bars))
