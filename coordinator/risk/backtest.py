"""Whether a run's VaR, announced bar by bar, held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from agents.guardian.measures.backtests import (
    TestResult,
    TrafficLight,
    christoffersen_independence,
    christoffersen_joint,
    kupiec,
    traffic_light,
)
from agents.guardian.measures.tail import ROUNDING
from agents.guardian.scenarios.returns import value_returns
from coordinator.results.curves import position_values
from coordinator.results.record import RunRecord
from market.bars import Floats

WINDOW = 250
CONFIDENCE = 0.99
BASEL_BARS = 250
LONGEST = 10_000
"""Bars back from the end that are looked at."""
CHUNK = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class VarBacktest:
    """One row a bar on which something was held and VaR could be announced: (B,).

    time: when the profit was known. profit: account currency, of the positions held at the bar
    before, left as they were (Basel's hypothetical profit: what was traded since is no fault of
    the forecast). value_at_risk: announced for it, positive.
    """

    time: pd.DatetimeIndex
    profit: Floats
    value_at_risk: Floats
    window: int = WINDOW
    confidence: float = CONFIDENCE

    def __len__(self) -> int:
        return len(self.time)

    @property
    def hits(self) -> np.ndarray:
        """(B,) whether the loss was larger than its VaR."""
        return np.asarray(-self.profit > self.value_at_risk)

    @property
    def exceptions(self) -> int:
        """How often it was."""
        return int(self.hits.sum())

    @property
    def coverage(self) -> TestResult:
        """Kupiec: as many as promised?"""
        return kupiec(self.exceptions, len(self), self.confidence)

    @property
    def independence(self) -> TestResult:
        """Christoffersen: apart from each other?"""
        return christoffersen_independence(self.hits)

    @property
    def joint(self) -> TestResult:
        """Christoffersen: both."""
        return christoffersen_joint(self.hits, self.confidence)

    @property
    def light(self) -> TrafficLight:
        """Basel's zone of the last 250 bars, or of all where they are fewer."""
        recent = self.hits[-BASEL_BARS:]
        return traffic_light(int(recent.sum()), len(recent), self.confidence)


def backtest(
    record: RunRecord, window: int = WINDOW, confidence: float = CONFIDENCE
) -> VarBacktest:
    """Announce the historical VaR of the next bar on every bar, and compare it.

    The VaR on a bar is the order statistic of `historical_tail` over the profits that its positions
    would have had on each of the last `window` bars. Bars without a position, and those before so
    many prices are known, are left out; a profit is left out where a price is missing.
    """
    settled = record.settled
    first = max(len(settled) - LONGEST - window - 1, 0)
    values = np.nan_to_num(position_values(settled)[first:])
    returns = value_returns(settled.mid[first:], settled.rate[first:])
    count = len(returns) - window
    if count < 1 or not values.any():
        return VarBacktest(
            time=settled.time[:0],
            profit=np.empty(0),
            value_at_risk=np.empty(0),
            window=window,
            confidence=confidence,
        )
    known = np.nan_to_num(returns)
    missing = np.isnan(returns)
    announced = np.empty(count)
    complete = np.empty(count, dtype=np.bool_)
    worst = int(np.ceil(window * (1.0 - confidence) - ROUNDING))
    windows = sliding_window_view(known, window, axis=0)
    gaps = np.asarray(sliding_window_view(missing, window + 1, axis=0).any(axis=2))
    for start in range(0, count, CHUNK):
        stop = min(start + CHUNK, count)
        held = values[start + window : stop + window]
        profits = np.einsum("tmw,tm->tw", windows[start:stop], held)
        announced[start:stop] = -np.partition(profits, worst - 1, axis=1)[:, worst - 1]
        complete[start:stop] = ~(gaps[start:stop] & (held != 0.0)).any(axis=1)
    on = values[window : window + count]
    profit = (known[window:] * on).sum(axis=1)
    chosen = complete & (on != 0.0).any(axis=1)
    return VarBacktest(
        time=settled.time[first + window + 1 :][chosen],
        profit=profit[chosen],
        value_at_risk=np.maximum(announced[chosen], 0.0),
        window=window,
        confidence=confidence,
    )
