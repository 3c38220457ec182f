"""Agents that misbehave on purpose."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agents.ballot import Ballot
from market.bars import Bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """Raises on every real bar."""

    name: str = "faulty"
    lookback: int = 3

    def vote(self, bars: Bars) -> Ballot:
        if float(bars.close[-1, 0]) != 1.0:
            raise RuntimeError("no more ideas")
        return Ballot(score=np.zeros(bars.shape))


@dataclass(slots=True, kw_only=True)
class Suicidal:
    """Kills its own process at its hundredth vote."""

    name: str = "suicidal"
    lookback: int = 3
    votes: int = 0

    def vote(self, bars: Bars) -> Ballot:
        self.votes += 1
        if self.votes == 100:
            os.kill(os.getpid(), signal.SIGKILL)
        return Ballot(score=np.zeros(bars.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mortal:
    """Kills its own process when it is asked about days after the first of February 2000."""

    name: str = "mortal"
    lookback: int = 3

    def vote(self, bars: Bars) -> Ballot:
        if bars.time[-1] > 949_363_200_000_000_000:
            os.kill(os.getpid(), signal.SIGKILL)
        return Ballot(score=np.zeros(bars.shape))


@dataclass(slots=True, kw_only=True)
class Interrupting:
    """Interrupts its own process when it is asked about the first bars, as a person would."""

    name: str = "interrupting"
    lookback: int = 3
    asked: int = 0

    def vote(self, bars: Bars) -> Ballot:
        self.asked += 1
        if self.asked == 2:  # the first vote only names its evidence
            signal.raise_signal(signal.SIGINT)
        return Ballot(score=np.zeros(bars.shape))


@dataclass(slots=True, kw_only=True)
class Waiting:
    """At its hundredth vote waits until somebody has opened the pipe `gate` and closed it again."""

    name: str = "waiting"
    lookback: int = 3
    gate: str = ""
    votes: int = 0

    def vote(self, bars: Bars) -> Ballot:
        self.votes += 1
        if self.votes == 100:
            Path(self.gate).read_bytes()
        return Ballot(score=np.zeros(bars.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """Shows the process that it lives in, and whether the prices are a copy of its own."""

    name: str = "resident"
    lookback: int = 3

    def vote(self, bars: Bars) -> Ballot:
        whole = bars.close
        while isinstance(whole.base, np.ndarray):
            whole = whole.base
        process = np.full(bars.shape, float(os.getpid()))
        copied = np.full(bars.shape, float(whole.flags.owndata))
        return Ballot(score=np.zeros(bars.shape), evidence={"process": process, "copied": copied})


@dataclass(frozen=True, slots=True, kw_only=True)
class Homebody:
    """Cannot be built in a worker of Ray."""

    name: str = "homebody"
    lookback: int = 3

    def __post_init__(self) -> None:
        if Path(sys.argv[0]).name == "default_worker.py":
            raise OSError("no model file on this machine")

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.zeros(bars.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Impostor:
    """Calls itself by the name of the only door."""

    name: str = "gateway"
    lookback: int = 3

    def vote(self, bars: Bars) -> Ballot:
        return Ballot(score=np.zeros(bars.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scribbler:
    """Writes on the prices that it is shown."""

    name: str = "scribbler"
    lookback: int = 3

    def vote(self, bars: Bars) -> Ballot:
        bars.close[:] = 1.0
        return Ballot(score=np.zeros(bars.shape))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """Votes with the last bars; where `rows` is `fatal` it first sends its own process a signal.

    grave: a folder that remembers this, so that it happens once; unset, it happens every time.
    """

    rows: int = 3
    fatal: int = 5
    grave: str = ""
    signal: int = int(signal.SIGKILL)
    name: str = "doomed"

    @property
    def lookback(self) -> int:
        return self.rows + 1

    def vote(self, bars: Bars) -> Ballot:
        mark = Path(self.grave) / "died"
        if self.rows == self.fatal and not (self.grave and mark.exists()):
            if self.grave:
                mark.touch()
            os.kill(os.getpid(), self.signal)
        score = np.full(bars.shape, np.nan)
        change = bars.close[self.rows :] / bars.close[: -self.rows] - 1.0
        score[self.rows :] = np.clip(60.0 * change, -1.0, 1.0)
        return Ballot(score=score)
