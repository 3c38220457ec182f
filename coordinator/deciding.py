"""`Deciding`: what a desk works out on a bar between the ballots and the orders."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.guardian.calibration.leading import leading_agents
from agents.guardian.calibration.table import CalibrationTable
from agents.guardian.exposure import Book, empty_book
from agents.guardian.proposals import Exposed, Proposals, no_proposals
from agents.guardian.returns_window import ReturnsWindow
from agents.guardian.volatility import newest_volatility
from coordinator.desk import Desk
from coordinator.learning import sides
from coordinator.sizing import propose
from coordinator.staged import tightened
from coordinator.tally import Decision, tally, tally_halves, undecided
from market.account_shown import AccountShown, Proposed
from market.bar_window import CLOSE, BarSlice, BarWindow
from market.bars import Bars, Floats
from market.compiled import constant
from market.conversion import Indices
from market.events import DecisionTaken
from market.marks import Marks
from market.messages import Reviewed, RiskContext, Settlement
from market.overrides import Override, in_force


class Deciding:
    """One decision at a time, the same live and in replay: no line, no clock, no record.

    weights: (A,) of the tally, not to be written to. rows: bars that the window keeps, at least
    what volatilities and correlations look back on.
    """

    def __init__(self, desk: Desk, rows: int = 0) -> None:
        self._desk = desk
        self.weights: Floats = desk.weights
        needed = max(desk.volatility.lookback, desk.limits.returns_window) + 1
        self.window = BarWindow(
            desk.symbols[: desk.traded], max(needed, rows), desk.interval_s, desk.has_extremes
        )
        self.stage = ""
        self.overrides: tuple[Override, ...] = ()
        self._limits, self._sizing = desk.limits, desk.sizing
        self.decision: Decision = undecided(desk.traded)
        self.table: CalibrationTable = desk.learning.blank(len(desk.weights))
        self._proposals: Proposals = no_proposals(len(desk.symbols))
        self._book: Book = empty_book(len(desk.symbols), desk.paths.currencies)
        self._sigma_before: Floats = np.full(desk.traded, np.nan)
        self._sigma = self._sigma_before
        self._volatility = newest_volatility(desk.volatility)
        self._kept = ReturnsWindow()
        self._measured: int | None = None
        self._close: Floats = np.empty((1, desk.traded))
        self._whole = False
        self._scores: Floats = np.full((len(desk.weights), desk.traded), np.nan)
        self.returns: Floats = np.empty((0, desk.traded))

    def weigh(self, weights: Sequence[float]) -> None:
        """Tally by these weights (A,) from here; they may change between two bars."""
        self.weights = constant(np.array(weights, dtype=np.float64))

    def stand_at(self, stage: str, overrides: tuple[Override, ...] = (), time: int = 0) -> None:
        """Size within what this capital stage allows from here, under the overrides that hold.

        Empty: as configured. time: of the bar, UTC nanoseconds; what has expired then is dropped.
        """
        standing = stage, in_force(overrides, time)
        if standing != (self.stage, self.overrides):
            self.stage, self.overrides = standing
            desk = self._desk
            self._limits, self._sizing = tightened(desk.limits, desk.sizing, *standing)

    def extend(self, history: Bars) -> None:
        """Take in bars (traded instruments) that are not decided on."""
        self.window.extend(history)

    def measure(self, bar: BarSlice) -> None:
        """Take the bar (traded instruments) in: `returns` (T, N), newest last, and volatilities.

        After the bar that was measured before, what it did not change is not worked out anew.
        """
        follows = self.window.last_time == self._measured
        if not follows:
            self._sigma = self._volatility.of(self.window.bars())[0]
        self.window.push(bar)
        self._measured = bar.time
        close, newest = bar.values[CLOSE : CLOSE + 1], None
        if follows:
            newest = self._volatility.following(bar.time, close)
        if newest is None:
            newest = self._volatility.of(self.window.bars())
        self._sigma_before, self._sigma = self._sigma, newest[0]
        if follows and self._whole:
            self.returns = self._kept.take(close / self._close - 1.0)
        else:
            self._measure_returns(self.window.bars().close)
        self._close = close

    def _measure_returns(self, close: Floats) -> None:
        rows = self._desk.limits.returns_window
        self._whole = len(close) > rows
        if not self._whole:  # the first row of the data has no return, but counts as one
            close = np.vstack([np.full((1, close.shape[1]), np.nan), close])
        looked_back = close[-rows - 1 :]
        self.returns = self._kept.take(looked_back[1:] / looked_back[:-1] - 1.0)

    def count(self, scores: Floats) -> None:
        """Tally the ballots (A, N) into a new `decision`, but for the halves of its scores, which
        only the record asks for.
        """
        desk, self._scores = self._desk, scores
        self.decision = undecided(desk.traded)  # the last one's arrays are on their way to a record
        tally(scores, self.weights, desk.decision_threshold, desk.quorum, self.decision)

    def carried(self) -> Indices:
        """(N,) the agent that carried each instrument's decision, -1 where there is none."""
        side = sides(self.decision.outcome)
        leader: Indices = leading_agents(self._scores[None], self.weights, side[None])[0]
        return leader

    def propose(self, settlement: Settlement, multiplier: Floats, rebalancing: bool) -> None:
        """Size the decision against the account."""
        propose(
            self.decision,
            self._scores,
            self.weights,
            multiplier,
            rebalancing,
            self._exposed(settlement),
            Marks(settlement.mid, settlement.spread, settlement.rate, settlement.age),
            self._desk.paths,
            self._limits,
            self._sizing,
            self.table,
            self._book,
            self._proposals,
        )

    def context(
        self, sequence: int, time: int, settlement: Settlement, epoch: int | None = None
    ) -> RiskContext:
        """What the guardian is shown of the account and the proposals, at once."""
        epoch = self._desk.epoch if epoch is None else epoch
        account = self.account(sequence, time, settlement, epoch, newest_alone=False)
        return RiskContext.of(account, self.proposed(sequence))

    def account(
        self, sequence: int, time: int, settlement: Settlement, epoch: int, *, newest_alone: bool
    ) -> AccountShown:
        """What the guardian is shown of the account, while the ballots are still out.

        newest_alone: of the returns, where it holds those before.
        """
        desk = self._desk
        return AccountShown(
            session=desk.session,
            epoch=epoch,
            sequence=sequence,
            time=time,
            expires=time + desk.interval_s * 1_000_000_000,
            equity=settlement.equity,
            units=settlement.units,
            working=settlement.working,
            stop_price=settlement.stop_price,
            mid=settlement.mid,
            spread=settlement.spread,
            rate=settlement.rate,
            age=settlement.age,
            filled=settlement.filled,
            returns=self.returns[-1:] if newest_alone else self.returns,
            sigma=self._sigma,
            sigma_before=self._sigma_before,
            stage=self.stage,
            overrides=self.overrides,
        )

    def proposed(self, sequence: int) -> Proposed:
        """The proposals that belong to it."""
        units, score, stop, take_profit, trailing, bound, group = self._proposals
        return Proposed(
            sequence=sequence,
            order_units=units,
            score=score,
            stop_distance=stop,
            take_profit_distance=take_profit,
            trailing_distance=trailing,
            bound=bound,
            group=group,
        )

    def taken(
        self,
        sequence: int,
        time: int,
        scores: Floats,
        evidence: Floats,
        multiplier: Floats,
        reviewed: Reviewed | None,
    ) -> DecisionTaken:
        """The decision for the record; without a review nothing was approved."""
        decision = self.decision
        tally_halves(self._scores, self.weights, decision)
        return DecisionTaken(
            sequence=sequence,
            time=time,
            scores=scores,
            evidence=evidence,
            score=decision.score,
            buy=decision.buy,
            sell=decision.sell,
            turnout=decision.turnout,
            outcome=decision.outcome,
            multiplier=multiplier,
            bound=self._proposals.bound[: self._desk.traded].copy(),
            approved=() if reviewed is None else reviewed.approved,
            refused=() if reviewed is None else reviewed.refused,
        )

    def _exposed(self, settlement: Settlement) -> Exposed:
        return Exposed(
            units=settlement.units,
            working=settlement.working,
            stop_price=settlement.stop_price,
            traits=self._desk.traits,
            equity=settlement.equity,
            halt=0,
            returns=self.returns,
            row=len(self.returns) - 1,
            sigma=self._sigma,
            sigma_before=self._sigma_before,
            time=np.nan,
        )
