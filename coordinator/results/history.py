"""Bars and decisions of a run as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from market.bars import Floats
from market.conversion import Indices
from market.events import BarSettled, DecisionTaken, SessionStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The account after each of T bars. units, mid, spread, rate, financing: (T, M); the others
    (T,).

    mid and spread are the last known ones, NaN before the first. Money is in account currency.
    """

    sequence: Indices
    time: pd.DatetimeIndex
    units: Floats
    mid: Floats
    spread: Floats
    rate: Floats
    equity: Floats
    cash: Floats
    financing: Floats
    margin_used: Floats

    def __len__(self) -> int:
        return len(self.sequence)

    def row_of(self, sequence: Indices) -> Indices:
        """The rows of these bars; the last row for a bar whose settlement was not recorded."""
        rows = np.searchsorted(self.sequence, sequence)
        return np.minimum(rows, max(len(self) - 1, 0)).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """D decisions. scores: (D, A, N), NaN is an abstention; sequence: (D,); the others (D, N)."""

    sequence: Indices
    time: pd.DatetimeIndex
    scores: Floats
    score: Floats
    buy: Floats
    sell: Floats
    turnout: Floats
    outcome: Indices
    multiplier: Floats

    def __len__(self) -> int:
        return len(self.sequence)


def settled_bars(bars: Sequence[BarSettled], session: SessionStarted) -> Settled:
    """The bars of a journal, in its order."""
    wide = (len(session.symbols),)
    return Settled(
        sequence=np.array([bar.sequence for bar in bars], dtype=np.int64),
        time=utc_times([bar.time for bar in bars]),
        units=stack([bar.units for bar in bars], wide),
        mid=stack([bar.mid for bar in bars], wide),
        spread=stack([bar.spread for bar in bars], wide),
        rate=stack([bar.rate for bar in bars], wide),
        equity=np.array([bar.equity for bar in bars], dtype=np.float64),
        cash=np.array([bar.cash for bar in bars], dtype=np.float64),
        financing=stack([bar.financing for bar in bars], wide),
        margin_used=np.array([bar.margin_used for bar in bars], dtype=np.float64),
    )


def decisions_taken(decisions: Sequence[DecisionTaken], session: SessionStarted) -> Decided:
    """The decisions of a journal, in its order."""
    wide = (session.traded,)
    return Decided(
        sequence=np.array([taken.sequence for taken in decisions], dtype=np.int64),
        time=utc_times([taken.time for taken in decisions]),
        scores=stack([taken.scores for taken in decisions], (len(session.agents), *wide)),
        score=stack([taken.score for taken in decisions], wide),
        buy=stack([taken.buy for taken in decisions], wide),
        sell=stack([taken.sell for taken in decisions], wide),
        turnout=stack([taken.turnout for taken in decisions], wide),
        outcome=stack([taken.outcome for taken in decisions], wide).astype(np.int64),
        multiplier=stack([taken.multiplier for taken in decisions], wide),
    )


def utc_times(nanoseconds: Sequence[int]) -> pd.DatetimeIndex:
    """UTC time stamps, nanoseconds since 1970 going in."""
    return pd.DatetimeIndex(np.array(nanoseconds, dtype="datetime64[ns]"), tz="UTC")


def stack(arrays: Sequence[Any], shape: tuple[int, ...]) -> Floats:
    """Arrays of one shape as one array with a leading axis, of length 0 when there are none."""
    if not arrays:
        return np.empty((0, *shape))
    stacked: Floats = np.concatenate(arrays).reshape(len(arrays), *shape)
    return stacked
