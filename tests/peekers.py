"""Agents that break the law of finite windows, one in each way that is met in the wild."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from agents.ballot import Ballot
from market.bars import Bars, Floats


def ballot(change: Floats, /, **evidence: Floats) -> Ballot:
    """Votes with a relative change."""
    return Ballot(score=np.clip(20.0 * change, -1.0, 1.0), evidence=evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextClose:
    """Looks `ahead` bars ahead."""

    ahead: int = 1
    name: str = "next_close"
    lookback: int = 12

    def vote(self, bars: Bars) -> Ballot:
        close = pd.DataFrame(bars.close)
        last = close / close.shift(3) - 1.0
        coming = (close.shift(-self.ahead) / close - 1.0).to_numpy()
        change = np.where(np.isnan(coming), last, coming)
        return ballot(change, last=last.to_numpy(), coming=coming)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """Measures by mean and deviation of the whole panel."""

    name: str = "normalised"
    lookback: int = 12

    def vote(self, bars: Bars) -> Ballot:
        z = (bars.close - np.nanmean(bars.close, axis=0)) / np.nanstd(bars.close, axis=0)
        return Ballot(score=np.clip(-z / 3.0, -1.0, 1.0), evidence={"close": bars.close, "z": z})


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledBackward:
    """Fills missing prices from later ones."""

    name: str = "filled_backward"
    lookback: int = 12

    def vote(self, bars: Bars) -> Ballot:
        filled = pd.DataFrame(bars.close).bfill()
        change = (filled / filled.shift(8) - 1.0).to_numpy()
        return ballot(change, filled=filled.to_numpy(), change=change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursive:
    """Price against an exponential average that began with the panel."""

    span: int = 20
    lookback: int = 100
    name: str = "recursive"

    def vote(self, bars: Bars) -> Ballot:
        close = pd.DataFrame(bars.close)
        average = close.ewm(span=self.span, adjust=False).mean()
        change = (close / average - 1.0).to_numpy()
        return ballot(change, average=average.to_numpy())


@dataclass(slots=True, kw_only=True)
class Moody:
    """Votes by how often it was asked."""

    name: str = "moody"
    lookback: int = 12
    asked: int = field(default=0)

    def vote(self, bars: Bars) -> Ballot:
        self.asked += 1
        return Ballot(score=np.full(bars.shape, 1.0 / self.asked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Squeamish:
    """Raises where a price is missing."""

    name: str = "squeamish"
    lookback: int = 12

    def vote(self, bars: Bars) -> Ballot:
        if np.isnan(bars.close).any():
            raise ValueError("no price,\n no vote")
        return Ballot(score=np.full(bars.shape, 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpless:
    """Raises always."""

    name: str = "helpless"
    lookback: int = 2

    def vote(self, bars: Bars) -> Ballot:
        raise KeyError(f"no column for {len(bars)} rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Abstains always."""

    name: str = "silent"
    lookback: int = 2

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.full(bars.shape, np.nan))


@dataclass(frozen=True, slots=True, kw_only=True)
class Misnaming:
    """Says that it has evidence which it never gives."""

    name: str = "misnaming"
    lookback: int = 2
    evidence_names: tuple[str, ...] = ("carry",)

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.zeros(bars.shape), evidence={"change": np.zeros(bars.shape)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Votes with the change over `rows` bars, and declares whatever it is told."""

    rows: int = 5
    lookback: int = 6
    name: str = "claims"

    def vote(self, bars: Bars) -> Ballot:
        close = pd.DataFrame(bars.close)
        change = (close / close.shift(self.rows) - 1.0).to_numpy()
        return ballot(change, change=change)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoMinded:
    """Votes otherwise where its newest row is asked for alone: it counts what it was shown."""

    name: str = "two_minded"
    lookback: int = 6

    def vote(self, bars: Bars) -> Ballot:
        close = pd.DataFrame(bars.close)
        change = (close / close.shift(5) - 1.0).to_numpy()
        return ballot(change, change=change)

    def newest_vote(self) -> Callable[[Bars], Ballot]:
        shown: list[Bars] = []

        def vote(bars: Bars) -> Ballot:
            shown.append(bars)
            whole = self.vote(bars)
            fewer = whole.score[-1:] / len(shown)
            return Ballot(score=fewer, evidence={"change": whole.evidence["change"][-1:]})

        return vote


@dataclass(frozen=True, slots=True, kw_only=True)
class Drifting(Claims):
    """Votes otherwise live once it has been asked for more bars than its lookback."""

    name: str = "drifting"

    def newest_vote(self) -> Callable[[Bars], Ballot]:
        shown: list[Bars] = []

        def vote(bars: Bars) -> Ballot:
            shown.append(bars)
            whole = self.vote(bars)
            sign = -1.0 if len(shown) > self.lookback + 1 else 1.0
            return Ballot(
                score=sign * whole.score[-1:], evidence={"change": whole.evidence["change"][-1:]}
            )

        return vote
