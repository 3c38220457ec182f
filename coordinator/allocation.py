"""When the optimizer is asked, and how long its answer holds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from market.bars import Floats
from market.errors import QuorumError, StreamLost
from market.events import AllocationApplied, AllocationMissed, Event
from market.lines import Line
from market.messages import Allocate, Allocated


class AllocationRules(NamedTuple):
    """every, lookback, max_age: bars. cap: largest multiplier."""

    every: int
    lookback: int
    max_age: int
    cap: float


class AllocationInForce:
    """The sizing multipliers (N,) that hold now.

    Asked for on one bar, an answer takes effect exactly one bar later. A missing answer leaves
    the last good one in force until it is `max_age` bars old, and neutral after that.
    """

    def __init__(self, line: Line, instruments: int, rules: AllocationRules) -> None:
        self._line = line
        self._rules = rules
        self._returns = np.full((2 * rules.lookback, instruments), np.nan)
        self._stop = 0
        self._filled = 0
        self._score: Floats | None = None
        self._pending: int | None = None
        self._lost = False
        self._applied_at = 0
        self.multiplier: Floats = np.ones(instruments)
        self.neutral = True

    def observe(self, scores: Floats, returns: Floats) -> None:
        """Take in bars: what each decision's score earned on the bar after it.

        scores: (R, N) of the decisions on these bars, NaN where nobody voted. returns: (R, N)
        simple returns of the same bars, NaN where a price is missing.
        """
        lookback = self._rules.lookback
        if len(scores) > lookback:  # what is older would be forgotten at once
            self._score, scores, returns = None, scores[-lookback - 1 :], returns[-lookback - 1 :]
        voted = np.where(np.isnan(scores), 0.0, scores)
        if self._score is None:
            newest = voted[:-1] * returns[1:]
        else:
            newest = np.vstack([self._score[None], voted[:-1]]) * returns
        self._score = voted[-1]
        if self._stop + len(newest) > len(self._returns):
            keep = min(self._stop, lookback)
            self._returns[:keep] = self._returns[self._stop - keep : self._stop].copy()
            self._stop = keep
        self._returns[self._stop : self._stop + len(newest)] = newest
        self._stop += len(newest)
        self._filled = min(self._filled + len(newest), lookback)

    def quiet_until(self, sequence: int) -> int:
        """The last bar, from `sequence` on, up to which nothing is due but on that bar itself.

        On it an answer may be asked for; on the one after it, one may arrive or expire.
        """
        every = self._rules.every
        due = -(-sequence // every) * every
        if self.neutral:
            return due
        last_in_force = self._applied_at + self._rules.max_age
        return due if last_in_force < sequence else min(due, last_in_force)

    def ask(self, sequence: int) -> None:
        """Ask for a new allocation where one is due and the lookback is filled."""
        due = sequence % self._rules.every == 0 and self._filled == self._rules.lookback
        if not due or self._lost or self._pending is not None:
            return
        window = self._returns[self._stop - self._rules.lookback : self._stop].copy()
        try:
            self._line.post(Allocate(sequence=sequence, strategy_returns=window))
        except StreamLost:
            self._lost = True
        self._pending = sequence

    def take_effect(self, sequence: int, time: int) -> Event | None:
        """Let the answer asked for on the bar before take effect; None when none was asked for."""
        if self._pending is None:
            return self._expire(sequence, time)
        requested, self._pending = self._pending, None
        try:
            if self._lost:
                raise StreamLost("the optimizer is gone")
            answered = self._line.reply()
            if not isinstance(answered, Allocated):
                raise StreamLost(f"the optimizer answered {type(answered).__name__}")
        except QuorumError as error:
            self._lost = self._lost or isinstance(error, StreamLost)
            self._expire(sequence, time)
            return self._missed(sequence, time, str(error))
        problem = self._problem(answered, requested)
        if problem is not None:
            self._expire(sequence, time)
            return self._missed(sequence, time, problem)
        self.multiplier = np.minimum(answered.multiplier, self._rules.cap)
        self.neutral = False
        self._applied_at = sequence
        return AllocationApplied(
            sequence=sequence,
            time=time,
            requested=requested,
            method=answered.method,
            proven_optimal=answered.proven_optimal,
            objective=answered.objective,
            expected_return=answered.expected_return,
            variance=answered.variance,
            approximation_ratio=answered.approximation_ratio,
            uniform_gain=answered.uniform_gain,
            gap=answered.gap,
            weights=answered.weights,
            multiplier=self.multiplier.copy(),
            fallback=answered.fallback,
            note=answered.note,
            repaired=answered.repaired,
            warm_starts=answered.warm_starts,
        )

    def _problem(self, answered: Allocated, requested: int) -> str | None:
        """Why an answer cannot take effect, or None."""
        if answered.sequence != requested:
            return f"the optimizer answered bar {answered.sequence} when asked for {requested}"
        for values in (answered.weights, answered.multiplier):
            if values.shape != self.multiplier.shape:
                return f"the optimizer answered for {values.shape}, not {self.multiplier.shape}"
            if not np.isfinite(values).all() or (values < 0.0).any():
                return "the optimizer answered weights that are not sizes"
        return None

    def _missed(self, sequence: int, time: int, reason: str) -> AllocationMissed:
        in_force = "neutral" if self.neutral else f"the allocation of bar {self._applied_at}"
        return AllocationMissed(sequence=sequence, time=time, reason=reason, in_force=in_force)

    def _expire(self, sequence: int, time: int) -> AllocationMissed | None:
        if self.neutral or sequence - self._applied_at <= self._rules.max_age:
            return None
        self.multiplier = np.ones_like(self.multiplier)
        self.neutral = True
        return self._missed(sequence, time, f"no answer for {self._rules.max_age} bars")
