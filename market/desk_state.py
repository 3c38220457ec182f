"""`DeskState`: everything a desk needs to go on, folded from its journal event by event."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

import numpy as np

from market import stage_evidence
from market.accounts import TransactionKind
from market.bar_window import BarSlice, BarWindow
from market.bars import Floats
from market.breaker_rules import DRAWDOWN_FLATTEN
from market.breakers import Trip
from market.desk_snapshot import DeskSnapshot
from market.events import (
    AllocationApplied,
    BarSettled,
    CalibrationFitted,
    DecisionTaken,
    Event,
    OrderCancelled,
    OrderFilled,
    OrderIntended,
    SessionStarted,
    TradingHalted,
    TradingRearmed,
)
from market.learned import LearnedFold
from market.ledger import book_told, open_ledger
from market.live_events import (
    AgentJoined,
    AgentLeft,
    AgentReweighted,
    BarClosed,
    BreakerReset,
    BreakersMoved,
    BreakerTripped,
    CashMoved,
    CoordinatorAttached,
    ForecastMade,
    LimitOverridden,
    MismatchFound,
    ModeChanged,
    OrderAccepted,
    OrderResolved,
    OrderUnknown,
    OverrideEnded,
    RulesTakenUp,
    StageChanged,
    TradingOpened,
    TransactionsBooked,
)
from market.lots import LOTS
from market.modes import Mode
from market.order_fold import OrderFold
from market.order_life import Purpose
from market.orders import OrderRequest
from market.overrides import follow
from market.stage_evidence import EvidenceFold, StageEvidence
from market.stages import CapitalStage, stage_named
from market.trip_fold import TripFold
from market.untold_fold import UntoldFold

NO_HALT = "NONE"


class DeskState:
    """The fold. `rows`: bars and decisions that it keeps, newest last."""

    def __init__(self, started: SessionStarted, rows: int) -> None:
        self.started = started
        self.symbols = started.symbols
        self._column = {symbol: column for column, symbol in enumerate(started.symbols)}
        self._rows = rows
        self.epoch = 0
        self.sequence = -1
        self.decided = -1
        self.time = started.first_time
        self.used = -1
        self.last_transaction = 0
        self.openings = 0
        self.flattens = 0
        self.mode = Mode.TRADING
        self.mode_by = ""
        self.mode_reason = ""
        self.halt = NO_HALT
        self.ledger = open_ledger(len(started.symbols), started.initial_balance)
        self.weights = {agent.name: agent.weight for agent in started.agents}
        self.seated = tuple(agent.name for agent in started.agents)
        self.breakers: Floats = np.empty(0)
        self.peak = started.initial_balance
        self.allocation: AllocationApplied | None = None
        self.staged: StageChanged | None = None
        self._evidence = EvidenceFold()
        self.overrides: dict[str, LimitOverridden] = {}
        self.rules: RulesTakenUp | None = None
        self.window = BarWindow(started.symbols, rows, started.interval_s, started.has_extremes)
        self._scores: deque[tuple[int, Floats]] = deque(maxlen=rows)
        untold = UntoldFold(len(started.symbols))
        self._follow(OrderFold(), TripFold(), LearnedFold(rows), untold)

    def _follow(
        self, orders: OrderFold, trips: TripFold, learned: LearnedFold, untold: UntoldFold
    ) -> None:
        """Fold orders, trips, what is learned and what is untold into these, and everything else as
        it says.
        """
        self._orders, self._trips, self.learned, self.untold = orders, trips, learned, untold
        self.orders, self.groups = orders.orders, orders.groups
        self._folds: dict[type[Any], Callable[[Any], object]] = {
            BarClosed: self._close_bar,
            BarSettled: self._settle,
            DecisionTaken: self._decide,
            OrderIntended: self._intend,
            OrderAccepted: orders.accept,
            OrderUnknown: orders.look_up,
            OrderResolved: orders.look_up,
            OrderCancelled: orders.end,
            OrderFilled: self._fill,
            TransactionsBooked: self._book,
            CashMoved: self._pay,
            BreakersMoved: self._move_breakers,
            AllocationApplied: self._allocate,
            ForecastMade: learned.apply,
            CalibrationFitted: learned.apply,
            TradingOpened: self._open,
            RulesTakenUp: self._take_up,
            CoordinatorAttached: self._attach,
            ModeChanged: self._change_mode,
            StageChanged: self._change_stage,
            LimitOverridden: self._override,
            OverrideEnded: self._override,
            BreakerTripped: trips.trip,
            BreakerReset: self._reset,
            TradingHalted: self._note_halt,
            TradingRearmed: self._rearm,
            MismatchFound: self._note_mismatch,
            AgentReweighted: self._reweigh,
            AgentJoined: self._seat,
            AgentLeft: self._unseat,
            **dict.fromkeys(LOTS, _refuse_entry),
        }

    @property
    def stage(self) -> CapitalStage | None:
        """Its capital stage; None where none is on record, the tightest for an unknown one."""
        return None if self.staged is None else stage_named(self.staged.stage)

    @property
    def evidence(self) -> StageEvidence:
        """What it has shown at its capital stage."""
        return self._evidence.value

    @evidence.setter
    def evidence(self, evidence: StageEvidence) -> None:
        self._evidence.put(evidence)

    @property
    def unsettled(self) -> tuple[OrderRequest, ...]:
        """Orders of which only the broker knows what became of them."""
        return self._orders.unsettled

    def is_unsettled(self, client_order_id: str) -> bool:
        """Whether only the broker knows what became of this order."""
        return self._orders.is_unsettled(client_order_id)

    @property
    def working(self) -> Floats:
        """(M,) signed units that orders may still fill."""
        units = np.zeros(len(self.symbols))
        for entry in self.orders.values():
            units[self._column[entry.order.symbol]] += entry.units
        return units

    @property
    def tripped(self) -> Mapping[str, Trip]:
        """The trips in force, by breaker."""
        return self._trips.in_force

    @property
    def trips(self) -> tuple[Trip, ...]:
        """Of the gateway's breakers: those that are over, oldest first, then those in force."""
        return self._trips.trips

    def column(self, symbol: str) -> int:
        """The column of an instrument."""
        return self._column[symbol]

    def apply(self, event: Event) -> None:
        """Take in the next event of the journal; of an entry each (`market.lots.singly`).

        What is told to people alone, as an alert, changes nothing.
        """
        fold = self._folds.get(type(event))
        if fold is not None:
            fold(event)

    def _close_bar(self, event: BarClosed) -> None:
        self.sequence, self.time = event.sequence, event.time
        self.window.push(BarSlice(time=event.time, values=event.values))

    def _settle(self, event: BarSettled) -> None:
        self.time = event.time
        self.untold.settle(event.sequence)
        self.evidence = stage_evidence.settled(self.evidence, event.equity)
        self.peak = max(self.peak, event.equity)  # a NaN is never the larger

    def _decide(self, event: DecisionTaken) -> None:
        self.decided = event.sequence
        self.evidence = stage_evidence.decided(self.evidence, event.time)
        self._scores.append((event.time, event.score))
        self.untold.decide(event.sequence)

    def _intend(self, event: OrderIntended) -> None:
        if event.purpose != Purpose.SURPLUS:  # of the desk's own: it takes no decision's approvals
            self.used = max(self.used, event.order.sequence)
        self._orders.intend(event)

    def _fill(self, event: OrderFilled) -> None:
        fill, ledger = event.fill, self.ledger
        column = self._column[fill.symbol]
        before = float(ledger.units[column])
        book_told(ledger, column, fill.units, fill.price, fill.rate, fill.realised)
        self._evidence.fill(fill.symbol, fill.units, fill.realised)
        self.untold.fill(column)
        self._orders.fill(fill, before, float(ledger.units[column]))

    def _book(self, event: TransactionsBooked) -> None:
        self.last_transaction = event.last

    def _pay(self, event: CashMoved) -> None:
        self.ledger.cash[0] += event.amount
        transfer = event.reason == TransactionKind.TRANSFER
        if transfer and self.peak > 0.0:
            self.peak = max(self.peak + event.amount, 0.0)
        self._evidence.pay(event.symbol, event.amount, transfer=transfer)
        column = self._column.get(event.symbol)
        if column is not None:
            self.untold.charge(column, event.amount)

    def _move_breakers(self, event: BreakersMoved) -> None:
        self.breakers, self.halt = event.memory, event.halt
        if self._scores and self._scores[-1][0] == event.time:  # of a review, not between two bars
            self.untold.review(event.sequence)

    def _allocate(self, event: AllocationApplied) -> None:
        self.allocation = event

    def _open(self, event: TradingOpened) -> None:
        self.openings += 1
        self.evidence = stage_evidence.opened(self.evidence, event.prices, event.speed)
        self.last_transaction = max(self.last_transaction, event.last_transaction)
        for row in range(len(event.history_time)):
            self.window.push(
                BarSlice(time=int(event.history_time[row]), values=event.history_values[row])
            )

    def _take_up(self, event: RulesTakenUp) -> None:
        self.rules = event

    def _attach(self, event: CoordinatorAttached) -> None:
        self.epoch = event.epoch

    def _change_mode(self, event: ModeChanged) -> None:
        self.mode = Mode(event.mode)
        self.mode_by, self.mode_reason = event.by, event.reason
        self.flattens += self.mode is Mode.FLATTENING

    def _change_stage(self, event: StageChanged) -> None:
        self.staged = event
        self.evidence = stage_evidence.begun(self.evidence, event.time)

    def _override(self, event: LimitOverridden | OverrideEnded) -> None:
        follow(self.overrides, event)

    def _reset(self, event: BreakerReset) -> None:
        was_in_force = self._trips.reset(event)
        if was_in_force and event.breaker == DRAWDOWN_FLATTEN:
            self.peak = event.equity if isfinite(event.equity) else 0.0

    def _note_halt(self, _event: TradingHalted) -> None:
        self.evidence = replace(self.evidence, halts=self.evidence.halts + 1)

    def _rearm(self, _event: TradingRearmed) -> None:
        self.untold.pass_over()

    def _note_mismatch(self, _event: MismatchFound) -> None:
        self.evidence = replace(self.evidence, mismatches=self.evidence.mismatches + 1)

    def _reweigh(self, event: AgentReweighted) -> None:
        self.weights[event.agent] = event.weight

    def _seat(self, event: AgentJoined) -> None:
        self.seated = tuple(dict.fromkeys((*self.seated, event.agent)))

    def _unseat(self, event: AgentLeft) -> None:
        self.weights[event.agent] = 0.0
        self.seated = tuple(name for name in self.seated if name != event.agent)

    def snapshot(self) -> DeskSnapshot:
        """All of it as one value that shares nothing with the fold."""
        bars = self.window.bars()
        values = np.stack(
            [bars.open, bars.high, bars.low, bars.close, bars.spread, bars.volume], axis=1
        )
        return DeskSnapshot(
            started=self.started,
            epoch=self.epoch,
            sequence=self.sequence,
            decided=self.decided,
            time=self.time,
            used=self.used,
            last_transaction=self.last_transaction,
            openings=self.openings,
            flattens=self.flattens,
            mode=self.mode.value,
            mode_by=self.mode_by,
            mode_reason=self.mode_reason,
            halt=self.halt,
            orders=tuple(self.orders.values()),
            units=self.ledger.units.copy(),
            average_price=self.ledger.average_price.copy(),
            cash=float(self.ledger.cash[0]),
            realised=self.ledger.realised.copy(),
            weights=dict(self.weights),
            seated=self.seated,
            breakers=np.array(self.breakers, dtype=np.float64),
            allocation=self.allocation,
            trips=self.trips,
            peak=self.peak,
            bar_time=np.array(bars.time, dtype=np.int64),
            bar_values=values,
            score_time=np.array([at for at, _ in self._scores], dtype=np.int64),
            scores=(
                np.stack([score for _, score in self._scores])
                if self._scores
                else np.empty((0, self.started.traded))
            ),
            staged=self.staged,
            evidence=self.evidence,
            overrides=tuple(self.overrides.values()),
            groups=tuple(self.groups.values()),
            learned=self.learned.snapshot(),
            rules=self.rules,
            untold=self.untold.snapshot(),
        )

    @classmethod
    def resume(cls, kept: DeskSnapshot, rows: int) -> DeskState:
        """The fold as it was when the snapshot was taken."""
        state = cls(kept.started, rows)
        state.epoch, state.sequence, state.decided = kept.epoch, kept.sequence, kept.decided
        state.time, state.used = kept.time, kept.used
        state.last_transaction = kept.last_transaction
        state.openings, state.flattens = kept.openings, kept.flattens
        state.mode = Mode(kept.mode)
        state.mode_by, state.mode_reason, state.halt = kept.mode_by, kept.mode_reason, kept.halt
        state._follow(
            OrderFold(kept.orders, kept.groups),
            TripFold(kept.trips),
            LearnedFold(rows, kept.learned),
            UntoldFold(len(kept.started.symbols), kept.untold),
        )
        state.ledger.units[:] = kept.units
        state.ledger.average_price[:] = kept.average_price
        state.ledger.realised[:] = kept.realised
        state.ledger.cash[0] = kept.cash
        state.weights, state.seated = dict(kept.weights), kept.seated
        state.breakers, state.allocation = kept.breakers, kept.allocation
        state.staged, state.evidence = kept.staged, kept.evidence
        state.peak = kept.peak
        state.overrides = {event.limit: event for event in kept.overrides}
        state.rules = kept.rules
        for row in range(len(kept.bar_time)):
            state.window.push(BarSlice(time=int(kept.bar_time[row]), values=kept.bar_values[row]))
        for at, score in zip(kept.score_time, kept.scores, strict=True):
            state._scores.append((int(at), score))
        return state


def _refuse_entry(event: Event) -> None:
    raise TypeError(f"{type(event).__name__} is an entry: its events are folded singly")
