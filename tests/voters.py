"""Agents for tests: some that vote, some that break the contract in one way each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.ballot import Ballot
from market.bars import Bars, Floats


def change_over(bars: Bars, rows: int) -> Floats:
    """(T, N) relative change of the close over `rows` bars; NaN before there are so many."""
    change = np.full(bars.shape, np.nan)
    if len(bars) > rows:
        change[rows:] = bars.close[rows:] / bars.close[:-rows] - 1.0
    return change


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Votes with the change of the last bars."""

    rows: int = 3
    scale: float = 60.0
    name: str = "follower"

    @property
    def lookback(self) -> int:
        return self.rows + 1

    def vote(self, bars: Bars) -> Ballot:
        change = change_over(bars, self.rows)
        return Ballot(score=np.clip(self.scale * change, -1.0, 1.0), evidence={"change": change})


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrarian:
    """Votes against the change of the last bars."""

    rows: int = 8
    name: str = "contrarian"

    @property
    def lookback(self) -> int:
        return self.rows + 1

    def vote(self, bars: Bars) -> Ballot:
        change = change_over(bars, self.rows)
        return Ballot(score=np.clip(-40.0 * change, -1.0, 1.0), evidence={"fall": -change})


@dataclass(slots=True, kw_only=True)
class Faulty:
    """Votes 0.5, and on every bar after `good` breaks the contract in the way named by `fault`."""

    fault: str
    good: int = 0
    name: str = "faulty"
    lookback: int = 2
    asked: int = 0

    def vote(self, bars: Bars) -> Ballot:
        self.asked += 1
        score = np.full(bars.shape, 0.5)
        if self.asked <= self.good:
            return Ballot(score=score)
        if self.fault == "raises":
            raise ZeroDivisionError("the model has no data")
        if self.fault == "returns no ballot":
            return score  # type: ignore[return-value]
        faults: dict[str, Any] = {
            "wrong shape": score[:, :-1],
            "above one": np.full(bars.shape, 1.0000001),
            "below minus one": np.full(bars.shape, -7.0),
            "infinite": np.full(bars.shape, np.inf),
            "all NaN": np.full(bars.shape, np.nan),
            "a list": score.tolist(),
            "wrong evidence": score,
        }
        evidence = {"e": score[:1]} if self.fault == "wrong evidence" else {}
        return Ballot(score=faults[self.fault], evidence=evidence)


class Unnamed:
    """Lacks the parts of an agent."""


class NoLookback:
    """Cannot say how many bars it needs."""

    name = "no_lookback"
    lookback = 0

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.zeros(bars.shape))


class Unbuildable:
    """Fails while it is built."""

    def __init__(self) -> None:
        raise OSError("no model file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragile:
    """Follows the last bar, and raises where it moved by more than one part in a hundred."""

    name: str = "fragile"
    lookback: int = 2

    def vote(self, bars: Bars) -> Ballot:
        change = change_over(bars, 1)
        if (np.abs(change) > 0.01).any():
            raise OverflowError(f"a move of {np.nanmax(np.abs(change)):.4f}")
        return Ballot(score=np.clip(60.0 * change, -1.0, 1.0), evidence={"change": change})


@dataclass(frozen=True, slots=True, kw_only=True)
class Believer:
    """Is sure that one instrument rises, whatever it does; of the others it says nothing."""

    symbol: str = "EUR_CHF"
    name: str = "believer"
    lookback: int = 1

    def vote(self, bars: Bars) -> Ballot:
        score = np.zeros(bars.shape)
        score[:, bars.symbols.index(self.symbol)] = 0.9
        return Ballot(score=score, evidence={})
