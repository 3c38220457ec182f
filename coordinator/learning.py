"""What a desk learns from its own decisions, when, and how long that takes effect."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from agents.guardian.calibration.calibrator import CalibrationRules, calibrate
from agents.guardian.calibration.foretold import foretold
from agents.guardian.calibration.leading import NOBODY
from agents.guardian.calibration.outcomes import Decided, PaperPrices, paper_outcomes
from agents.guardian.calibration.table import (
    CalibrationTable,
    holding_back,
    probabilities,
    uncalibrated,
)
from coordinator.tally import Decision
from market.bar_window import BarSlice
from market.bars import Floats
from market.conversion import Indices
from market.events import CalibrationFitted
from market.marks import CLOSE, OPEN, SPREAD

NEVER = 2**62


class LearningRules(NamedTuple):
    """every: bars between fits. calibration: how decisions are judged and turned into a table.

    needed: whether sizes rest on the table; where they do not nothing is learned, as it would cost
    a replay a twentieth of its time.
    """

    every: int
    calibration: CalibrationRules
    needed: bool

    def blank(self, agents: int) -> CalibrationTable:
        """The table before anything was learned."""
        return uncalibrated(agents, self.calibration.bins)


class Rows(NamedTuple):
    """Decisions of R bars and the prices of these bars, (R, N).

    side: +1, -1, or 0 without a decision. confidence: |score|. leader: who carried it. open,
    close, spread: of the bar; NaN where there is none.
    """

    side: Floats
    confidence: Floats
    leader: Indices
    open: Floats
    close: Floats
    spread: Floats


def rows_of(decision: Decision, leader: Indices, bar: BarSlice) -> Rows:
    """One decision (N,) and its bar as rows. leader: (N,) who carried it."""
    values = bar.values
    return Rows(
        side=sides(decision.outcome)[None],
        confidence=np.abs(decision.score)[None],
        leader=leader[None],
        open=values[OPEN][None],
        close=values[CLOSE][None],
        spread=values[SPREAD][None],
    )


def sides(outcome: Indices) -> Floats:
    """+1 to buy, -1 to sell, 0 for every other outcome of the tally."""
    return np.where(np.abs(outcome) == 1, outcome, 0).astype(np.float64)


class Learning:
    """The table in force, and the memory it is fitted from: decisions, traded or not, and prices.

    A fit is due once `every` more bars are decided; it looks at the last of them and takes effect
    on the next. Whoever replays the same decisions fits the same bits: the table depends on the
    newest `calibration.lookback` rows, and of an agent with too few outcomes among them on the
    table in force: one that was calibrated stakes nothing then, until it has enough again. Where
    sizes do not need it nothing is learned, and no memory kept. left_out: the bar of a due fit that
    was not made for want of its rows, -1: of none.
    """

    def __init__(self, rules: LearningRules, agents: int, typical_spread: Floats) -> None:
        self._rules = rules
        self._agents = agents
        self._typical_spread = typical_spread
        self.on = rules.needed
        self._keep = rules.calibration.lookback
        width = len(typical_spread)
        length = 2 * self._keep if self.on else 0
        self._values = np.full((6, length, width), np.nan)
        self._leader = np.full((length, width), NOBODY, dtype=np.int64)
        self._stop = 0
        self._seen = 0
        self._told = 0
        self._fitted = 0
        self._pending: CalibrationFitted | None = None
        self.left_out = -1
        self.table = rules.blank(agents)

    def observe(self, rows: Rows) -> Floats:
        """Take in bars, oldest first, that were decided on with the table in force.

        Gives the probability (R, N) of a gain that it foretold of each decision; NaN: none.
        """
        given = probabilities(self.table, rows.leader, rows.confidence)
        if self.on:
            self._take(rows, given)
        return given

    def pass_over(self, rows: Rows) -> None:
        """Take in bars that nobody decided on, which are kept from the first decision on."""
        if self._seen:
            self.observe(rows)

    def resume(
        self,
        rows: Rows,
        given: Floats,
        fitted: CalibrationFitted | None,
        untold: int,
        before: int,
    ) -> None:
        """Go on from the newest rows, oldest first, that another had observed, to the last bit.

        given: (R, N) the probabilities that were foretold. fitted: what took effect last. untold:
        of how many rows, the newest, no fit has told yet how their forecasts came true. before:
        the last decided bar but one; what was due up to it was made, or left out for good.
        """
        if fitted is not None:
            self.table = table_of(fitted)
        self._fitted = before
        self._take(rows, given)
        self._told = self._seen - untold

    def _take(self, rows: Rows, given: Floats) -> None:
        self._seen += len(rows.side)
        newest = slice(max(len(rows.side) - self._keep, 0), None)
        count = min(len(rows.side), self._keep)
        self._make_room(count)
        into = slice(self._stop, self._stop + count)
        for kept, values in zip(
            self._values,
            (rows.side, rows.confidence, rows.open, rows.close, rows.spread, given),
            strict=True,
        ):
            kept[into] = values[newest]
        self._leader[into] = rows.leader[newest]
        self._stop += count

    def quiet_until(self, sequence: int) -> int:
        """The last bar, from `sequence` on, up to which nothing is due but on that bar itself."""
        if not self.on:
            return NEVER
        if self._pending is not None:
            return sequence
        every = self._rules.every
        due = -(-sequence // every) * every
        return due if due > 0 else every

    def fit(self, sequence: int, time: int) -> None:
        """Learn from everything up to this decided bar, where that is due."""
        if not self._is_due(sequence):
            return
        rules, start = self._rules.calibration, max(self._stop - self._keep, 0)
        side, confidence, opened, closed, spread, given = self._values[:, start : self._stop]
        leader = self._leader[start : self._stop]
        prices = PaperPrices(opened, closed, spread, self._typical_spread)
        found = calibrate(Decided(side, confidence, leader), prices, self._agents, rules)
        table = holding_back(found, self.table)
        # Of the rows held: those whose outcome has become known since the last fit.
        end = max(len(side) - rules.horizon, 0)
        fresh = slice(max(len(side) - (self._seen - self._told), 0), end)
        outcome = paper_outcomes(side, prices, rules.horizon)[fresh]
        told = foretold(given[fresh], outcome, leader[fresh], self._agents)
        self._told = max(self._seen - rules.horizon, self._told)
        self._fitted = sequence
        self._pending = CalibrationFitted(
            sequence=sequence,
            time=time,
            fitted=sequence,
            learned_until=time,
            probability=table.probability,
            lower_bound=table.lower_bound,
            payoff_ratio=table.payoff_ratio,
            loss=table.loss,
            calibrated=table.calibrated.astype(np.int64),
            outcomes=table.outcomes,
            effective=table.effective,
            foretold=told,
        )

    def leave_out(self, sequence: int) -> None:
        """Make no fit on this decided bar, though one is due; the table in force stands."""
        if self._is_due(sequence):
            self._fitted = self.left_out = sequence

    def _is_due(self, sequence: int) -> bool:
        every = self._rules.every
        return self.on and self._pending is None and sequence // every > self._fitted // every

    def take_effect(self, sequence: int, time: int) -> CalibrationFitted | None:
        """Let what was fitted on the bar before take effect; None where nothing was."""
        if self._pending is None:
            return None
        fitted, self._pending = replace(self._pending, sequence=sequence, time=time), None
        self.table = table_of(fitted)
        return fitted

    def _make_room(self, count: int) -> None:
        if self._stop + count > len(self._leader):
            keep = min(self._stop, self._keep)
            old = slice(self._stop - keep, self._stop)
            self._values[:, :keep] = self._values[:, old].copy()
            self._leader[:keep] = self._leader[old].copy()
            self._stop = keep


def table_of(event: CalibrationFitted) -> CalibrationTable:
    """The table that an event put in force."""
    bins = event.probability.shape[1]
    return CalibrationTable(
        bins=np.arange(bins) / bins,
        probability=event.probability,
        lower_bound=event.lower_bound,
        payoff_ratio=event.payoff_ratio,
        loss=event.loss,
        calibrated=event.calibrated != 0,
        outcomes=event.outcomes,
        effective=event.effective,
    )
